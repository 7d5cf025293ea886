/** A request as its line in an access log. **Source**: Amazon S3 User Guide, "Amazon S3 server access log format". */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../../core/caller.ts';
import type { LochError } from '../../core/errors.ts';
import type { AccessLog } from '../../storage/contract.ts';
import { splitTarget } from '../kit/request-facts.ts';
import type { S3Answer } from './answer.ts';
import type { Addressing } from './bucket-host.ts';
import { s3ErrorOf } from './errors.ts';
import { parsePath } from './request.ts';

/** Resources of sub-resources that are not called by their own name. */
const RESOURCES: Readonly<Record<string, string>> = {
  delete: 'MULTI_OBJECT_DELETE',
  uploads: 'UPLOADS',
  uploadId: 'UPLOAD',
  partNumber: 'PART',
  versions: 'BUCKETVERSIONS',
  tagging: 'OBJECT_TAGGING',
};
const SUB_RESOURCES = new Set([
  ...Object.keys(RESOURCES),
  ...['acl', 'cors', 'encryption', 'inventory', 'lifecycle', 'location', 'logging', 'notification', 'policy'],
  ...['replication', 'restore', 'retention', 'select', 'versioning', 'website'],
]);

/** `REST.GET.OBJECT` and its kin. */
export function logOperation(method: string, key: string, query: URLSearchParams, copies: boolean): string {
  const [sub] = [...query.keys()].filter((name) => SUB_RESOURCES.has(name)).sort();
  if (copies) return `REST.COPY.${query.has('partNumber') ? 'PART' : 'OBJECT'}`;
  if (sub === undefined) return `REST.${method}.${key === '' ? 'BUCKET' : 'OBJECT'}`;
  if (sub === 'tagging' && key === '') return `REST.${method}.TAGGING`;
  return `REST.${method}.${RESOURCES[sub] ?? sub.toUpperCase()}`;
}

/** The entry of a request that is over; undefined for one about no bucket. */
export function accessEntry(
  incoming: IncomingMessage,
  response: ServerResponse,
  context: RequestContext,
  outcome: {
    readonly failure: LochError | undefined;
    readonly now: number;
    readonly headers: S3Answer['headers'];
    readonly addressing: Addressing;
  },
): Parameters<AccessLog['note']>[0] | undefined {
  const { rawQuery } = splitTarget(incoming);
  let name: { readonly bucket: string; readonly key: string };
  try {
    name = parsePath(outcome.addressing(incoming).path);
  } catch {
    return undefined; // a path that names no bucket
  }
  if (name.bucket === '') return undefined;
  const { method = 'GET', headers } = incoming;
  const query = new URLSearchParams(rawQuery);
  const sent = Number(outcome.headers?.['content-length'] ?? Number.NaN);
  const whole = /\/(\d+)$/.exec(String(outcome.headers?.['content-range'] ?? ''))?.[1];
  const inQuery = query.has('X-Amz-Signature') || query.has('AWSAccessKeyId');
  const signed = inQuery || headers.authorization !== undefined;
  const version = query.get('versionId');
  const gets = method === 'GET' && name.key !== '' && response.statusCode < 300;
  const objectSize = whole !== undefined ? Number(whole) : gets ? sent : Number.NaN;
  return {
    ...name,
    at: context.startedAt,
    sourceIp: context.sourceIp,
    ...(context.principal.kind === 'anonymous' ? {} : { requester: context.principal.arn }),
    requestId: context.requestId,
    operation: logOperation(method, name.key, query, headers['x-amz-copy-source'] !== undefined),
    requestUri: `${method} ${incoming.url ?? '/'} HTTP/${incoming.httpVersion}`,
    status: response.statusCode,
    ...(outcome.failure === undefined ? {} : { errorCode: s3ErrorOf(outcome.failure).name }),
    ...(Number.isNaN(sent) || method === 'HEAD' ? {} : { bytesSent: sent }),
    ...(Number.isNaN(objectSize) ? {} : { objectSize }),
    totalMs: outcome.now - context.startedAt,
    ...(headers.referer === undefined ? {} : { referrer: headers.referer }),
    ...(headers['user-agent'] === undefined ? {} : { userAgent: headers['user-agent'] }),
    ...(version === null ? {} : { versionId: version }),
    ...(signed ? { signatureVersion: query.has('AWSAccessKeyId') ? ('SigV2' as const) : ('SigV4' as const) } : {}),
    ...(signed ? { authType: inQuery ? ('QueryString' as const) : ('AuthHeader' as const) } : {}),
    ...(headers.host === undefined ? {} : { hostHeader: headers.host }),
    secure: context.secure,
  };
}
