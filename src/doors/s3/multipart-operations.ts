import { isLochError, LochError } from '../../core/errors.ts';
import type { CompletedPart, ObjectHead, PutOptions, UploadRef } from '../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from './answer.ts';
import { checksumElements, checksumHeaders, checksumOptions, statedChecksums } from './checksum-headers.ts';
import { encryptionHeaders } from './encryption-headers.ts';
import { renamed, s3Failure } from './errors.ts';
import { putOptions, writeConditions } from './headers.ts';
import { ownersFor } from './owners.ts';
import { keyEncoder } from './list-operations.ts';
import { header, locationOf, nameOf, numberParameter, type S3Operation, type S3Request } from './request.ts';
import { openBody, readDocument } from './request-body.ts';
import { replicaOf } from './replica-header.ts';
import { aclOption } from './settings/acl-request.ts';
import { writtenVersion } from './version-headers.ts';
import { childText, renderXml, type XmlElement } from './xml.ts';

const DOCUMENT_LIMIT = 4 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** **Units**: milliseconds. */
const QUICK_MS = 3_000;
const CHECKSUM_ELEMENT = /^Checksum(CRC32|CRC32C|CRC64NVME|SHA1|SHA256)$/;

/** The upload a request is about. */
export const uploadOf = (request: S3Request): UploadRef => ({
  ...nameOf(request),
  uploadId: request.query.get('uploadId') ?? '',
});

export const createMultipartUpload: S3Operation = async (request) => {
  const { checksums: _, ...options } = putOptions(request);
  const upload = await request.access.createUpload(request.context, nameOf(request), {
    ...options,
    ...replicaOf(request),
    ...(await aclOption(request)),
  });
  const algorithm = options.checksumAlgorithms?.[0];
  const headers: Record<string, string> = encryptionHeaders(upload.attributes ?? {}, request);
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

/** **Errors**: `invalid_argument`. */
export function partNumberOf(request: S3Request): number {
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
  return emptyAnswer(200, { etag: part.etag, ...headers, ...encryptionHeaders(part, request) });
};

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
  // Checksums in the headers are of the object that is made.
  const document = await readDocument(request, DOCUMENT_LIMIT, 'of another');
  const listed = document?.children.filter((child) => child.name === 'Part') ?? [];
  if (document?.name !== 'CompleteMultipartUpload' || listed.length === 0 || listed.length > MAX_PARTS) {
    throw new LochError('malformed_request', `A completion lists 1 to ${MAX_PARTS} parts; this one ${listed.length}.`);
  }
  const parts = listed.map(completedPart);
  const completing = request.access.completeUpload(
    request.context,
    uploadOf(request),
    parts,
    completionOptions(request),
  );
  const head = await Promise.race([completing, settledLater()]).catch(refusedCompletion);
  if (head === undefined)
    return { status: 200, body: { slow: completing.then((made) => completionOf(request, made)) } };
  return xmlAnswer(completionOf(request, head), writtenVersion(head));
};

/** S3 has one name for whatever a completion says wrong of its upload. */
function refusedCompletion(error: unknown): never {
  const told = isLochError(error, 'invalid_argument') && error.context.argument !== undefined;
  throw told ? renamed(error, 'InvalidRequest') : error;
}

/** A completion that is quick is answered with all of its headers; a slow one keeps its client informed instead. */
const settledLater = (): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), QUICK_MS).unref());

function completionOptions(request: S3Request): PutOptions {
  const size = header(request, 'x-amz-mp-object-size');
  if (size !== undefined && !/^\d{1,15}$/.test(size)) {
    throw s3Failure('InvalidRequest', 'invalid_argument', `Value for x-amz-mp-object-size header is invalid: ${size}.`);
  }
  const { checksumType } = checksumOptions(request);
  return {
    ...writeConditions(request),
    checksums: statedChecksums(request),
    ...(checksumType === undefined ? {} : { checksumType }),
    ...(size === undefined ? {} : { contentLength: Number(size) }),
    signal: request.context.signal,
  };
}

function completionOf(request: S3Request, head: ObjectHead): string {
  return renderXml('CompleteMultipartUploadResult', {
    Location: locationOf(request),
    Bucket: request.bucket,
    Key: request.key,
    ETag: head.etag,
    ...checksumElements(head.checksums),
  });
}

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
  const encode = keyEncoder(request);
  const max = numberParameter(request, 'max-uploads', { min: 1, max: 1000 }, 1000);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const key = query.get('key-marker') ?? '';
  // Without a key, the id of an upload is no place.
  const uploadId = key === '' ? '' : (query.get('upload-id-marker') ?? '');
  const page = await request.access.listUploads(request.context, request.bucket, {
    max,
    ...(prefix === '' ? {} : { prefix }),
    ...(delimiter === '' ? {} : { delimiter }),
    ...(key === '' ? {} : { after: { key, ...(uploadId === '' ? {} : { uploadId }) } }),
  });
  const owners = await ownersFor(request);
  return xmlAnswer(
    renderXml('ListMultipartUploadsResult', {
      Bucket: request.bucket,
      KeyMarker: encode(key),
      UploadIdMarker: uploadId,
      NextKeyMarker: page.next === undefined ? undefined : encode(page.next.key),
      NextUploadIdMarker: page.next?.uploadId,
      Prefix: encode(prefix),
      Delimiter: delimiter === '' ? undefined : encode(delimiter),
      EncodingType: query.get('encoding-type') || undefined,
      MaxUploads: max,
      IsTruncated: page.next !== undefined,
      Upload: page.uploads.map((upload) => ({
        Key: encode(upload.key),
        UploadId: upload.uploadId,
        Initiator: owners.object({ attributes: upload.attributes ?? {} }),
        Owner: owners.object({ attributes: upload.attributes ?? {} }),
        StorageClass: upload.attributes?.storageClass ?? 'STANDARD',
        Initiated: new Date(upload.startedAt).toISOString(),
        ChecksumAlgorithm: upload.checksumAlgorithm?.toUpperCase(),
        ChecksumType: upload.checksumType,
      })),
      CommonPrefixes: page.commonPrefixes.map((one) => ({ Prefix: encode(one) })),
    }),
  );
};
