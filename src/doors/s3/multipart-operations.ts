import { LochError } from '../../core/errors.ts';
import type { ByteRange, CompletedPart, UploadRef } from '../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from './answer.ts';
import { ownersFor } from './owners.ts';
import { checksumElements, checksumHeaders, statedChecksums } from './checksum-headers.ts';
import { s3Failure } from './errors.ts';
import { copyConditions, parseRange, putOptions, refuseUnsupported, writeConditions } from './headers.ts';
import { keyEncoder } from './list-operations.ts';
import { copySource } from './object-operations.ts';
import { header, nameOf, numberParameter, type S3Operation, type S3Request } from './request.ts';
import { openBody, readDocument } from './request-body.ts';
import { aclOption } from './settings/acl-request.ts';
import { childText, renderXml, type XmlElement } from './xml.ts';

const DOCUMENT_LIMIT = 4 * 1024 * 1024;
const MAX_PARTS = 10_000;
const CHECKSUM_ELEMENT = /^Checksum(CRC32|CRC32C|CRC64NVME|SHA1|SHA256)$/;

const uploadOf = (request: S3Request): UploadRef => ({
  ...nameOf(request),
  uploadId: request.query.get('uploadId') ?? '',
});

export const createMultipartUpload: S3Operation = async (request) => {
  const { checksums: _, ...options } = putOptions(request);
  const upload = await request.access.createUpload(request.context, nameOf(request), {
    ...options,
    ...(await aclOption(request)),
  });
  const algorithm = options.checksumAlgorithms?.[0];
  const headers: Record<string, string> = {};
  if (algorithm !== undefined) {
    headers['x-amz-checksum-algorithm'] = algorithm.toUpperCase();
    headers['x-amz-checksum-type'] = options.checksumType ?? (algorithm === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE');
  }
  return xmlAnswer(
    renderXml('InitiateMultipartUploadResult', {
      Bucket: request.bucket,
      Key: request.key,
      UploadId: upload.uploadId,
    }),
    headers,
  );
};

function partNumberOf(request: S3Request): number {
  const text = request.query.get('partNumber') ?? '';
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= MAX_PARTS) return number;
  throw new LochError('invalid_argument', `Part number must be an integer between 1 and ${MAX_PARTS}, inclusive.`, {
    context: { argument_name: 'partNumber', argument_value: text },
  });
}

export const uploadPart: S3Operation = async (request) => {
  const number = partNumberOf(request);
  const body = openBody(request);
  if (body.length === undefined && request.headers['transfer-encoding'] === undefined) {
    throw s3Failure('MissingContentLength', 'missing_argument', 'You must provide the Content-Length HTTP header.');
  }
  const options = putOptions(request, body);
  const part = await request.access.putPart(request.context, uploadOf(request), number, body.bytes, options);
  const { 'x-amz-checksum-type': _, ...headers } = checksumHeaders(part.checksums);
  return emptyAnswer(200, { etag: part.etag, ...headers });
};

export const uploadPartCopy: S3Operation = async (request) => {
  refuseUnsupported(request);
  const part = await request.access.copyPart(
    request.context,
    uploadOf(request),
    partNumberOf(request),
    copySource(request),
    copyRange(header(request, 'x-amz-copy-source-range')),
    { source: copyConditions(request), signal: request.context.signal },
  );
  const { ChecksumType: _, ...checksums } = checksumElements(part.checksums);
  return xmlAnswer(
    renderXml('CopyPartResult', {
      LastModified: new Date(part.lastModified).toISOString(),
      ETag: part.etag,
      ...checksums,
    }),
  );
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

export const listParts: S3Operation = async (request) => {
  const max = numberParameter(request, 'max-parts', { min: 1, max: 1000 }, 1000);
  const after = numberParameter(request, 'part-number-marker', { min: 0, max: MAX_PARTS }, 0);
  const encode = keyEncoder(request);
  const parts = await request.access.listParts(request.context, uploadOf(request), { after, max: max + 1 });
  const owners = await ownersFor(request);
  const shown = parts.slice(0, max);
  return xmlAnswer(
    renderXml('ListPartsResult', {
      Bucket: request.bucket,
      Key: encode(request.key),
      UploadId: uploadOf(request).uploadId,
      Initiator: owners.account(request.context.principal.accountId),
      Owner: owners.object({ attributes: {} }),
      PartNumberMarker: after,
      NextPartNumberMarker: parts.length > max ? shown.at(-1)!.partNumber : undefined,
      MaxParts: max,
      IsTruncated: parts.length > max,
      Part: shown.map((part) => {
        const { ChecksumType: _, ...checksums } = checksumElements(part.checksums);
        return {
          PartNumber: part.partNumber,
          LastModified: new Date(part.lastModified).toISOString(),
          ETag: part.etag,
          Size: part.size,
          ...checksums,
        };
      }),
      StorageClass: 'STANDARD',
    }),
  );
};

export const completeMultipartUpload: S3Operation = async (request) => {
  const document = await readDocument(request, DOCUMENT_LIMIT);
  const listed = document?.children.filter((child) => child.name === 'Part') ?? [];
  if (document?.name !== 'CompleteMultipartUpload' || listed.length === 0 || listed.length > MAX_PARTS) {
    throw new LochError('malformed_request', `A completion lists 1 to ${MAX_PARTS} parts; this one ${listed.length}.`);
  }
  const parts = listed.map(completedPart);
  const completing = request.access.completeUpload(request.context, uploadOf(request), parts, {
    ...writeConditions(request),
    checksums: statedChecksums(request),
    signal: request.context.signal,
  });
  const slow = completing.then((head) =>
    renderXml('CompleteMultipartUploadResult', {
      Location: `http://${request.headers.host ?? 'localhost'}/${request.bucket}/${encodeURI(request.key)}`,
      Bucket: request.bucket,
      Key: request.key,
      ETag: head.etag,
      ...checksumElements(head.checksums),
    }),
  );
  return { status: 200, body: { slow } };
};

function completedPart(part: XmlElement): CompletedPart {
  const partNumber = Number(childText(part, 'PartNumber'));
  const etag = childText(part, 'ETag');
  if (!Number.isInteger(partNumber) || partNumber < 1 || etag === undefined) {
    throw new LochError('malformed_request', 'A part of the completion has no PartNumber or no ETag.');
  }
  const checksums: Record<string, string> = {};
  for (const { name, text } of part.children) {
    const algorithm = CHECKSUM_ELEMENT.exec(name)?.[1];
    if (algorithm !== undefined) checksums[algorithm.toLowerCase()] = text;
  }
  return { partNumber, etag, checksums };
}

export const abortMultipartUpload: S3Operation = async (request) => {
  await request.access.abortUpload(request.context, uploadOf(request));
  return emptyAnswer(204);
};

export const listMultipartUploads: S3Operation = async (request) => {
  const { query } = request;
  if (query.get('delimiter')) {
    throw new LochError('unsupported', 'ListMultipartUploads with a delimiter is not supported. List with a prefix.', {
      context: { parameter: 'delimiter' },
    });
  }
  const encode = keyEncoder(request);
  const max = numberParameter(request, 'max-uploads', { min: 1, max: 1000 }, 1000);
  const prefix = query.get('prefix') ?? '';
  const key = query.get('key-marker') ?? '';
  const uploadId = query.get('upload-id-marker') ?? '';
  const uploads = await request.access.listUploads(request.context, request.bucket, {
    max: max + 1,
    ...(prefix === '' ? {} : { prefix }),
    ...(key === '' ? {} : { after: { key, ...(uploadId === '' ? {} : { uploadId }) } }),
  });
  const owners = await ownersFor(request);
  const shown = uploads.slice(0, max);
  const last = uploads.length > max ? shown.at(-1)! : undefined;
  return xmlAnswer(
    renderXml('ListMultipartUploadsResult', {
      Bucket: request.bucket,
      KeyMarker: encode(key),
      UploadIdMarker: uploadId,
      NextKeyMarker: last === undefined ? undefined : encode(last.key),
      NextUploadIdMarker: last?.uploadId,
      Prefix: encode(prefix),
      EncodingType: query.get('encoding-type') || undefined,
      MaxUploads: max,
      IsTruncated: last !== undefined,
      Upload: shown.map((upload) => ({
        Key: encode(upload.key),
        UploadId: upload.uploadId,
        Initiator: owners.object({ attributes: upload.attributes ?? {} }),
        Owner: owners.object({ attributes: upload.attributes ?? {} }),
        StorageClass: 'STANDARD',
        Initiated: new Date(upload.startedAt).toISOString(),
      })),
    }),
  );
};
