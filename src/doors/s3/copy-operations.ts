/** CopyObject and UploadPartCopy. **Source**: Amazon S3 API Reference, "CopyObject", "UploadPartCopy". */
import { isLochError, LochError } from '../../core/errors.ts';
import type { ByteRange, CopyOptions, ObjectHead, VersionName } from '../../storage/contract.ts';
import { type S3Answer, xmlAnswer } from './answer.ts';
import { taggingHeader } from './attribute-headers.ts';
import { checksumElements } from './checksum-headers.ts';
import { encryptionHeaders, writeEncryption } from './encryption-headers.ts';
import { s3Failure } from './errors.ts';
import { copyConditions, parseRange, putOptions, refuseUnsupported } from './headers.ts';
import { partNumberOf, uploadOf } from './multipart-operations.ts';
import { aclOption } from './settings/acl-request.ts';
import { header, nameOf, type S3Operation, type S3Request } from './request.ts';
import { versionHeaders } from './version-headers.ts';
import { renderXml } from './xml.ts';

const MAX_COPY_BYTES = 5 * 1024 ** 3;

/** Bucket, key and perhaps version of `x-amz-copy-source`. **Errors**: `invalid_argument`. */
function copySource(request: S3Request): VersionName {
  const text = header(request, 'x-amz-copy-source') ?? '';
  const [path = '', versionId] = text.split('?versionId=', 2);
  let plain = '';
  try {
    plain = decodeURIComponent(path).replace(/^\//, '');
  } catch {
    plain = ''; // told below, with the header as it came
  }
  const slash = plain.indexOf('/');
  if (slash >= 1 && slash < plain.length - 1) {
    const name = { bucket: plain.slice(0, slash), key: plain.slice(slash + 1) };
    return { ...name, ...(versionId === undefined ? {} : { versionId }) };
  }
  throw new LochError(
    'invalid_argument',
    `Copy Source must mention the source bucket and key: sourcebucket/sourcekey, percent-encoded, not \`${text}\`.`,
    { context: { argument_name: 'x-amz-copy-source', argument_value: text } },
  );
}

/** `COPY` (the default) or `REPLACE`. **Errors**: `invalid_argument`. */
function directive(request: S3Request, name: string): 'COPY' | 'REPLACE' {
  const text = header(request, name) ?? 'COPY';
  if (text === 'COPY' || text === 'REPLACE') return text;
  throw new LochError('invalid_argument', `Unknown directive \`${text}\`. Known: COPY, REPLACE.`, {
    context: { argument_name: name, argument_value: text },
  });
}

/** What a copy onto itself may change without replacing metadata. */
const CHANGES = [
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-customer-algorithm',
];

function refuseUnchanged(request: S3Request, from: VersionName): void {
  if (from.bucket !== request.bucket || from.key !== request.key || from.versionId !== undefined) return;
  if (CHANGES.some((name) => header(request, name) !== undefined)) return;
  throw new LochError(
    'missing_argument',
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  );
}

export const copyObject: S3Operation = async (request) => {
  const from = copySource(request);
  const metadata = directive(request, 'x-amz-metadata-directive');
  if (metadata === 'COPY') refuseUnchanged(request, from);
  const source = copyConditions(request);
  try {
    const head = await request.access.copyObject(request.context, from, nameOf(request), {
      ...copyOptions(request, metadata),
      ...(await aclOption(request)),
      source: { ...source, maxSize: MAX_COPY_BYTES },
    });
    return copyAnswer(request, from, head);
  } catch (error) {
    throw sourceFailure(error, from);
  }
};

function copyOptions(request: S3Request, metadata: 'COPY' | 'REPLACE'): CopyOptions {
  const { metadata: given, headers, contentType, attributes, checksums: _, ...options } = putOptions(request);
  const replaced = { contentType: contentType ?? 'binary/octet-stream', metadata: given ?? {}, headers: headers ?? {} };
  const { tags: __, ...others } = attributes ?? {};
  const tags = directive(request, 'x-amz-tagging-directive') === 'REPLACE' ? (taggingHeader(request) ?? {}) : undefined;
  return {
    ...options,
    ...(metadata === 'REPLACE' ? replaced : {}),
    attributes: { ...others, ...(tags === undefined ? {} : { tags }) },
  };
}

function copyAnswer(request: S3Request, from: VersionName, head: ObjectHead): S3Answer {
  return xmlAnswer(
    renderXml('CopyObjectResult', {
      LastModified: new Date(head.lastModified).toISOString(),
      ETag: head.etag,
      ...checksumElements(head.checksums),
    }),
    { ...versionHeaders(head), ...sourceVersion(from), ...encryptionHeaders(head.attributes, request) },
  );
}

const sourceVersion = ({ versionId }: VersionName): Record<string, string> =>
  versionId === undefined ? {} : { 'x-amz-copy-source-version-id': versionId };

/** A delete marker that is named as the source is a mistake of the request, not an absence. */
function sourceFailure(error: unknown, from: VersionName): unknown {
  if (!isLochError(error, 'version_is_marker') || from.versionId === undefined) return error;
  return s3Failure(
    'InvalidRequest',
    'invalid_argument',
    'The source of a copy request may not specifically refer to a delete marker by version id.',
  );
}

export const uploadPartCopy: S3Operation = async (request) => {
  refuseUnsupported(request);
  const from = copySource(request);
  const range = copyRange(header(request, 'x-amz-copy-source-range'));
  try {
    const part = await request.access.copyPart(request.context, uploadOf(request), partNumberOf(request), from, range, {
      ...writeEncryption(request),
      source: { ...copyConditions(request), maxSize: MAX_COPY_BYTES },
      signal: request.context.signal,
    });
    const { ChecksumType: _, ...checksums } = checksumElements(part.checksums);
    return xmlAnswer(
      renderXml('CopyPartResult', {
        LastModified: new Date(part.lastModified).toISOString(),
        ETag: part.etag,
        ...checksums,
      }),
      { ...sourceVersion(from), ...encryptionHeaders(part, request) },
    );
  } catch (error) {
    throw sourceFailure(error, from);
  }
};

/** **Errors**: `invalid_argument`: a range that is not understood must not become the whole object. */
function copyRange(text: string | undefined): ByteRange | undefined {
  if (text === undefined) return undefined;
  const range = parseRange(text);
  if (range !== undefined && 'first' in range && range.last !== undefined) return range;
  throw new LochError(
    'invalid_argument',
    'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy.',
    { context: { argument_name: 'x-amz-copy-source-range', argument_value: text } },
  );
}
