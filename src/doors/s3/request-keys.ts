import type { IncomingMessage } from 'node:http';
import { header, hoistedHeaders, type S3Request } from './request.ts';

/** Headers that are condition keys by their own name. **Source**: Service Authorization Reference, "Condition keys for Amazon S3". */
const HEADER_KEYS = [
  'x-amz-acl',
  'x-amz-content-sha256',
  'x-amz-copy-source',
  'x-amz-grant-full-control',
  'x-amz-grant-read',
  'x-amz-grant-read-acp',
  'x-amz-grant-write',
  'x-amz-grant-write-acp',
  'x-amz-metadata-directive',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
];
const RENAMED: Readonly<Record<string, string>> = {
  'x-amz-object-lock-mode': 's3:object-lock-mode',
  'x-amz-object-lock-retain-until-date': 's3:object-lock-retain-until-date',
  'x-amz-object-lock-legal-hold': 's3:object-lock-legal-hold',
  'x-amz-object-ownership': 's3:x-amz-object-ownership',
  'if-match': 's3:if-match',
  'if-none-match': 's3:if-none-match',
  referer: 'aws:Referer',
};

/** What a request says of itself, as condition keys. Only headers that are signed, or that anybody may claim. */
export function requestKeys(incoming: IncomingMessage, query: URLSearchParams): Record<string, string | string[]> {
  const keys = headerKeys({ headers: incoming.headers, hoisted: hoistedHeaders(query) });
  const version = query.get('versionId');
  if (version !== null) keys['s3:VersionId'] = version;
  return Object.assign(keys, signatureKeys(incoming, query));
}

/** What headers say, as condition keys. */
export function headerKeys(request: Pick<S3Request, 'headers' | 'hoisted'>): Record<string, string | string[]> {
  const keys: Record<string, string | string[]> = {};
  for (const name of HEADER_KEYS) {
    const value = header(request, name);
    if (value !== undefined) keys[`s3:${name}`] = value;
  }
  for (const [name, key] of Object.entries(RENAMED)) {
    const value = header(request, name);
    if (value !== undefined) keys[key] = value;
  }
  const tagging = header(request, 'x-amz-tagging');
  if (tagging !== undefined) Object.assign(keys, tagKeys([...new URLSearchParams(tagging)]));
  // The source of a copy is compared without the slash it may begin with, and decoded.
  const source = keys['s3:x-amz-copy-source'];
  if (typeof source === 'string') keys['s3:x-amz-copy-source'] = plain(source);
  return keys;
}

/** The keys of tags that a request brings. */
function tagKeys(tags: readonly (readonly [string, string])[]): Record<string, string | string[]> {
  const keys: Record<string, string | string[]> = { 's3:RequestObjectTagKeys': tags.map(([key]) => key) };
  for (const [key, value] of tags) keys[`s3:RequestObjectTag/${key}`] = value;
  return keys;
}

function signatureKeys(incoming: IncomingMessage, query: URLSearchParams): Record<string, string> {
  if (query.has('X-Amz-Signature'))
    return { 's3:authType': 'REST-QUERY-STRING', 's3:signatureversion': 'AWS4-HMAC-SHA256' };
  if (query.has('AWSAccessKeyId')) return { 's3:authType': 'REST-QUERY-STRING', 's3:signatureversion': 'AWS' };
  if (incoming.headers.authorization === undefined) return {};
  return { 's3:authType': 'REST-HEADER', 's3:signatureversion': 'AWS4-HMAC-SHA256' };
}

function plain(source: string): string {
  try {
    return decodeURIComponent(source).replace(/^\//, '');
  } catch {
    return source; // refused with the copy itself
  }
}
