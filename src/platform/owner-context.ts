import type { Principal, RequestContext } from '../core/caller.ts';
import type { Clock } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import type { Config } from './config.ts';

/** A context for what Loch does in the name of the lake's owner, outside of any request. */
export function ownerContext(parts: { readonly clock: Clock }, config: Config, signal: AbortSignal): RequestContext {
  const principal: Principal = {
    kind: 'root',
    arn: `arn:aws:iam::${config.account_id}:root`,
    id: config.account_id,
    name: 'root',
    accountId: config.account_id,
  };
  return {
    requestId: newId(),
    principal,
    accountId: config.account_id,
    region: config.region,
    door: 'internal',
    sourceIp: '127.0.0.1',
    userAgent: 'loch',
    secure: true,
    signal,
    startedAt: parts.clock.now(),
  };
}
