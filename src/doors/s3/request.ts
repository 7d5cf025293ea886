import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { Accounts, Identities } from '../../governance/contract.ts';
import type { BucketSettingAccess, ObjectAccess, ObjectName } from '../../storage/contract.ts';
import type { S3Answer } from './answer.ts';
import { s3Failure } from './errors.ts';
import { headerText } from './header-text.ts';
import type { BodySignature } from './request-body.ts';

/** One S3 request, taken apart. */
export interface S3Request {
  readonly context: RequestContext;
  readonly access: ObjectAccess;
  readonly settings: BucketSettingAccess;
  readonly accounts: Accounts;
  readonly identities: Identities;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  /** The host names the bucket, and the path does not. */
  readonly bucketByHost: boolean;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Headers that a presigned request carries in its query. */
  readonly hoisted: ReadonlyMap<string, string> | undefined;
  readonly incoming: IncomingMessage;
  readonly signature: BodySignature | undefined;
  readonly region: string;
  readonly accountId: string;
  /** Customer keys are taken over plain HTTP too, from this machine. */
  readonly customerKeysOverHttp: boolean;
}

/** An operation: answers, or throws. */
export type S3Operation = (request: S3Request) => Promise<S3Answer>;

/** The object a request is about. */
export const nameOf = ({ bucket, key }: S3Request): ObjectName => ({ bucket, key });

/** The address of the object a request is about, in the style of the request. */
export function locationOf({ incoming, context, bucket, key, bucketByHost }: S3Request): string {
  const path = `${bucketByHost ? '' : `${encodeURIComponent(bucket)}/`}${encodeURIComponent(key)}`;
  return `${context.secure ? 'https' : 'http'}://${incoming.headers.host ?? 'localhost'}/${path}`;
}

/**
 * The value of a header, as the client meant it. A presigned request may carry `x-amz-…` headers in its query, where
 * the signature covers them.
 */
export function header(request: Pick<S3Request, 'headers' | 'hoisted'>, name: string): string | undefined {
  const value = request.headers[name];
  if (value !== undefined) return headerText(Array.isArray(value) ? value.join(',') : value);
  return request.hoisted?.get(name);
}

/** Whether the signature stands in the query, by either version. */
const isPresigned = (query: URLSearchParams): boolean =>
  query.has('X-Amz-Signature') || (query.has('AWSAccessKeyId') && query.has('Signature'));

const NOT_HOISTED = /^x-amz-(checksum-.*|algorithm|credential|date|expires|signedheaders|signature|security-token)$/;

/**
 * The `x-amz-…` parameters of a presigned request, which stand for headers. Those of the signature are left out, and so
 * are checksums: they are of the empty body the link was made with.
 * **Source**: the AWS SDKs hoist `x-amz-…` headers into the query when they presign.
 */
export function hoistedHeaders(query: URLSearchParams): ReadonlyMap<string, string> | undefined {
  if (!isPresigned(query)) return undefined;
  const hoisted = new Map<string, string>();
  for (const [key, value] of query) {
    const name = key.toLowerCase();
    if (name.startsWith('x-amz-') && !NOT_HOISTED.test(name)) hoisted.set(name, value);
  }
  return hoisted;
}

/** A whole number of the query within bounds; larger ones are brought down to `max`. **Errors**: `invalid_argument`. */
export function numberParameter(
  request: Pick<S3Request, 'query'>,
  name: string,
  bounds: { readonly min: number; readonly max: number },
  fallback: number,
): number {
  const text = request.query.get(name);
  if (text === null || text === '') return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < bounds.min) {
    throw new LochError(
      'invalid_argument',
      `\`${name}\` must be a whole number from ${bounds.min} to ${bounds.max}, not \`${text}\`.`,
      { context: { argument_name: name, argument_value: text } },
    );
  }
  return Math.min(value, bounds.max);
}

/** Bucket and key of a path-style path, percent-decoded. **Errors**: `invalid_argument` for bad escapes. */
export function parsePath(rawPath: string): ObjectName {
  const slash = rawPath.indexOf('/', 1);
  const bucket = slash === -1 ? rawPath.slice(1) : rawPath.slice(1, slash);
  const key = slash === -1 ? '' : rawPath.slice(slash + 1);
  try {
    return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
  } catch {
    throw s3Failure(
      'InvalidURI',
      'invalid_argument',
      'The path holds an escape that is not UTF-8. Encode the key by percent escapes of its UTF-8 bytes.',
    );
  }
}
