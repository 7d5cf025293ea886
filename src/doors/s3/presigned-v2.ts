/**
 * Links presigned by Signature Version 2: what boto3 and `aws s3 presign` make unless told otherwise. Only links; a
 * request signed in its header by Version 2 is refused.
 *
 * Invariants
 * - Every `x-amz-…` header is covered, whether it came as a header or in the link.
 * - A link is valid until `Expires`, and for no more than seven days from now, as with Version 4.
 * **Source**: Amazon S3 User Guide, "Signing and authenticating REST requests (Signature Version 2)".
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { LochError } from '../../core/errors.ts';
import type { Identities } from '../../governance/contract.ts';
import type { Authenticated } from '../kit/sigv4/index.ts';
import { s3Failure } from './errors.ts';

/** Query parameters that are part of the signed resource. */
const SIGNED_PARAMETERS = new Set([
  'acl',
  'delete',
  'lifecycle',
  'location',
  'logging',
  'notification',
  'partNumber',
  'policy',
  'requestPayment',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
]);
const MAX_AHEAD_S = 7 * 24 * 3600;

export interface LinkRequest {
  readonly method: string;
  readonly rawPath: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** Whether the query is a link of Version 2. */
export const isPresignedV2 = (query: URLSearchParams): boolean =>
  query.has('AWSAccessKeyId') && query.has('Signature') && query.has('Expires');

/**
 * Who made the link.
 * **Errors**: `request_expired`, `malformed_request`, `unknown_access_key`, `signature_mismatch`.
 */
export async function authenticateLink(
  request: LinkRequest,
  deps: { readonly identities: Identities; readonly region: string; readonly now: number },
): Promise<Pick<Authenticated, 'principal' | 'accessKeyId' | 'payloadHash'>> {
  const { query } = request;
  const expires = query.get('Expires')!;
  const seconds = /^\d{1,12}$/.test(expires) ? Number(expires) : Number.NaN;
  if (!(seconds <= deps.now / 1000 + MAX_AHEAD_S)) {
    throw s3Failure(
      'AuthorizationQueryParametersError',
      'malformed_request',
      `Expires is \`${expires}\`; give seconds since 1970, at most 7 days ahead.`,
    );
  }
  if (seconds * 1000 < deps.now) {
    throw new LochError('request_expired', 'The presigned request has expired. Presign it anew.', {
      context: { expires: new Date(seconds * 1000).toISOString(), serverTime: new Date(deps.now).toISOString() },
    });
  }
  const accessKeyId = query.get('AWSAccessKeyId')!;
  const known = await deps.identities.accessKey(accessKeyId);
  if (known === undefined) {
    throw new LochError('unknown_access_key', `The access key \`${accessKeyId}\` does not exist or is not active.`, {
      context: { accessKeyId },
    });
  }
  const stringToSign = linkStringToSign(request);
  const expected = createHmac('sha1', known.secret.reveal()).update(stringToSign, 'utf8').digest();
  const stated = Buffer.from(query.get('Signature')!, 'base64');
  if (stated.length !== expected.length || !timingSafeEqual(stated, expected)) {
    throw new LochError(
      'signature_mismatch',
      'The signature does not match the request. Check the secret access key.',
      {
        context: { accessKeyId, stringToSign },
      },
    );
  }
  return { principal: known.principal, accessKeyId, payloadHash: 'UNSIGNED-PAYLOAD' };
}

function linkStringToSign({ method, rawPath, query, headers }: LinkRequest): string {
  const amz = new Map<string, string>();
  const plain = (name: string) => String(headers[name] ?? query.get(name) ?? '');
  for (const [name, value] of query) if (name.toLowerCase().startsWith('x-amz-')) amz.set(name.toLowerCase(), value);
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('x-amz-'))
      amz.set(
        name,
        String(value ?? '')
          .replace(/\s+/g, ' ')
          .trim(),
      );
  }
  const amzLines = [...amz].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}:${value}\n`);
  const parameters = [...query].filter(([name]) => SIGNED_PARAMETERS.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  const suffix = parameters.map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('&');
  return [
    method,
    plain('content-md5'),
    plain('content-type'),
    query.get('Expires'),
    `${amzLines.join('')}${rawPath}${suffix === '' ? '' : `?${suffix}`}`,
  ].join('\n');
}
