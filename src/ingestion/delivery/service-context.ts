import { parseArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { newId } from '../../core/ids.ts';

/** The context of work that a stream does by itself, under its role. */
export function serviceContext(streamArn: string, roleArn: string, now: number): RequestContext {
  const { accountId, region } = parseArn(streamArn);
  return {
    requestId: newId(),
    principal: { kind: 'service', arn: roleArn, id: streamArn, name: 'firehose.amazonaws.com', accountId },
    accountId,
    region,
    door: 'internal',
    sourceIp: 'firehose.amazonaws.com',
    userAgent: 'firehose.amazonaws.com',
    secure: true,
    signal: new AbortController().signal,
    startedAt: now,
  };
}
