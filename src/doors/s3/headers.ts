import { LochError } from '../../core/errors.ts';
import type { ByteRange, CopyOptions, GetOptions, ObjectHead, PutOptions } from '../../storage/contract.ts';
import { attributeHeaders, writtenAttributes } from './attribute-headers.ts';
import { checksumHeaders, checksumOptions, contentMd5 } from './checksum-headers.ts';
import { encryptionHeaders, readEncryption, sourceEncryption, writeEncryption } from './encryption-headers.ts';
import { s3Failure } from './errors.ts';
import { headerText } from './header-text.ts';
import { header, type S3Request } from './request.ts';
import type { RequestBody } from './request-body.ts';
import { versionHeaders, versionIdOf } from './version-headers.ts';

const KEPT = ['content-encoding', 'cache-control', 'content-disposition', 'content-language', 'expires'];
const METADATA = 'x-amz-meta-';
const METADATA_LIMIT = 2048;
const MAX_BYTES = 5 * 1024 ** 3;

/** What of S3 the door does not do; asking for it is refused rather than left out. */
const REFUSED_HEADERS: Readonly<Record<string, string>> = {
  'x-amz-website-redirect-location': 'website redirects',
  'x-amz-write-offset-bytes': 'appending to objects',
  'x-amz-rename-source': 'renaming objects',
};

/** **Errors**: `unsupported` naming the feature a header asks for. */
export function refuseUnsupported(request: S3Request): void {
  for (const [name, feature] of Object.entries(REFUSED_HEADERS)) {
    if (header(request, name) === undefined) continue;
    throw new LochError('unsupported', `Loch does not have ${feature} (header ${name}). Send the request without it.`, {
      context: { header: name },
    });
  }
}

/** What a write is told by its headers. **Errors**: `unsupported`, `entity_too_large`, `limit_exceeded`, `invalid_argument`. */
export function putOptions(request: S3Request, body?: RequestBody): PutOptions {
  refuseUnsupported(request);
  if (body?.length !== undefined && body.length > MAX_BYTES) {
    throw new LochError(
      'entity_too_large',
      `The body has ${body.length} bytes; one request takes at most ${MAX_BYTES}. Upload it in parts.`,
      { context: { proposedSize: body.length, maxSizeAllowed: MAX_BYTES } },
    );
  }
  const contentType = header(request, 'content-type');
  const md5 = body === undefined ? undefined : contentMd5(request);
  const attributes = writtenAttributes(request);
  return {
    ...(attributes === undefined ? {} : { attributes }),
    metadata: userMetadata(request),
    headers: keptHeaders(request),
    signal: request.context.signal,
    ...(contentType === undefined ? {} : { contentType }),
    ...(md5 === undefined ? {} : { contentMd5: md5 }),
    ...writeConditions(request),
    ...(body?.length === undefined ? {} : { contentLength: body.length }),
    ...checksumOptions(request, body),
    ...writeEncryption(request),
  };
}

/** Conditions on the current version of the key that is written. */
export function writeConditions(request: S3Request): Pick<PutOptions, 'ifMatch' | 'ifNoneMatch'> {
  const ifMatch = header(request, 'if-match');
  const ifNoneMatch = header(request, 'if-none-match');
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
}

function userMetadata(request: S3Request): Record<string, string> {
  const metadata: Record<string, string> = {};
  const add = (name: string, value: string) => {
    if (name.startsWith(METADATA)) metadata[name.slice(METADATA.length)] = value;
  };
  for (const [name, value] of request.hoisted ?? []) add(name, value);
  for (const name of Object.keys(request.headers)) if (name.startsWith(METADATA)) add(name, header(request, name)!);
  let size = 0;
  for (const [name, value] of Object.entries(metadata)) size += Buffer.byteLength(name) + Buffer.byteLength(value);
  if (size <= METADATA_LIMIT) return metadata;
  throw s3Failure(
    'MetadataTooLarge',
    'limit_exceeded',
    `Your metadata headers have ${size} bytes; the limit is ${METADATA_LIMIT}.`,
    { size, maxSizeAllowed: METADATA_LIMIT },
  );
}

function keptHeaders(request: S3Request): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of KEPT) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = headerText(value);
  }
  // The framing of the transfer is no property of the object.
  const encodings = (headers['content-encoding'] ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && part !== 'aws-chunked');
  if (encodings.length > 0) headers['content-encoding'] = encodings.join(',');
  else delete headers['content-encoding'];
  return headers;
}

function dateHeader(request: S3Request, name: string): number | undefined {
  const at = Date.parse(header(request, name) ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** The four conditions of a read; `prefix` for those on the source of a copy. */
function readConditions(request: S3Request, prefix: string): NonNullable<CopyOptions['source']> {
  const ifMatch = header(request, `${prefix}if-match`);
  const ifNoneMatch = header(request, `${prefix}if-none-match`);
  const ifModifiedSince = dateHeader(request, `${prefix}if-modified-since`);
  const ifUnmodifiedSince = dateHeader(request, `${prefix}if-unmodified-since`);
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    ...(ifModifiedSince === undefined ? {} : { ifModifiedSince }),
    ...(ifUnmodifiedSince === undefined ? {} : { ifUnmodifiedSince }),
  };
}

/** Conditions on the source of a copy, and the key it was encrypted with. */
export const copyConditions = (request: S3Request): NonNullable<CopyOptions['source']> => ({
  ...readConditions(request, 'x-amz-copy-source-'),
  ...sourceEncryption(request),
});

/** Range and conditions of a read. */
export function getOptions(request: S3Request): GetOptions {
  const range = parseRange(header(request, 'range'));
  const versionId = versionIdOf(request);
  return {
    signal: request.context.signal,
    ...(versionId === undefined ? {} : { versionId }),
    ...(range === undefined ? {} : { range }),
    ...readConditions(request, ''),
    ...readEncryption(request),
  };
}

/** A range header; several ranges, or one that is not understood, are no range, as RFC 9110 has it. */
export function parseRange(text: string | undefined): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  if (match[1] === '') return { suffix: Number(match[2]) };
  const first = Number(match[1]);
  if (match[2] === '') return { first };
  return Number(match[2]) < first ? undefined : { first, last: Number(match[2]) };
}

/** When a lifecycle rule will remove the object, and which. */
export function expiryHeader({ expiry }: ObjectHead): Record<string, string> {
  if (expiry === undefined) return {};
  const date = new Date(expiry.at).toUTCString();
  return { 'x-amz-expiration': `expiry-date="${date}", rule-id="${encodeURIComponent(expiry.rule)}"` };
}

/** The headers of an object; `response-*` parameters of the query override some of them. */
export function objectHeaders(head: ObjectHead, request: S3Request, whole: boolean): Record<string, string | number> {
  const headers: Record<string, string | number> = {
    etag: head.etag,
    'last-modified': new Date(head.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
    'content-type': head.contentType,
    ...head.headers,
    ...expiryHeader(head),
    ...versionHeaders(head),
    ...attributeHeaders(head),
    ...encryptionHeaders(head.attributes, request),
  };
  for (const [name, value] of Object.entries(head.metadata)) headers[METADATA + name] = value;
  // A checksum is of the whole object: with a part of it, clients would compare and fail.
  if (whole && header(request, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') {
    Object.assign(headers, checksumHeaders(head.checksums));
  }
  for (const name of ['content-type', ...KEPT]) {
    const override = request.query.get(`response-${name}`);
    if (override === null) continue;
    if (request.signature === undefined) {
      throw new LochError('missing_argument', 'Request specific response headers need a signed request.');
    }
    headers[name] = override;
  }
  return headers;
}
