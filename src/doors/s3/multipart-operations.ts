import { LochError } from '../../core/errors.ts';
import { readBody } from '../kit/read-body.ts';
import { parseRange, putOptions } from './headers.ts';
import { checksumHeaders, copySource } from './object-operations.ts';
import { header, numberParameter, type S3Operation, type S3Request } from './request.ts';
import { openBody } from './request-body.ts';
import { childText, parseXml, renderXml, sendXml } from './xml.ts';

const BODY_LIMIT = 2 * 1024 * 1024;
const MAX_PARTS = 10_000;
const KEEP_ALIVE_MS = 10_000;

const uploadOf = (request: S3Request) => ({
  bucket: request.bucket,
  key: request.key,
  uploadId: request.query.get('uploadId') ?? '',
});

export const createMultipartUpload: S3Operation = async (request) => {
  const upload = await request.access.createUpload(request.context, request, putOptions(request));
  sendXml(
    request,
    200,
    renderXml('InitiateMultipartUploadResult', { Bucket: request.bucket, Key: request.key, UploadId: upload.uploadId }),
  );
};

function partNumberOf(request: S3Request): number {
  const number = Number(request.query.get('partNumber'));
  if (Number.isInteger(number) && number >= 1 && number <= MAX_PARTS) return number;
  throw new LochError('invalid_argument', `Part number must be an integer between 1 and ${MAX_PARTS}, inclusive.`, {
    context: { argument_name: 'partNumber' },
  });
}

export const uploadPart: S3Operation = async (request) => {
  const number = partNumberOf(request);
  const body = openBody(request.incoming, request.signature);
  const part = await request.access.putPart(
    request.context,
    uploadOf(request),
    number,
    body.bytes,
    putOptions(request, body),
  );
  request.response.writeHead(200, { etag: part.etag, 'content-length': 0, ...checksumHeaders(part.checksums) }).end();
};

export const uploadPartCopy: S3Operation = async (request) => {
  const range = parseRange(header(request, 'x-amz-copy-source-range'));
  const part = await request.access.copyPart(
    request.context,
    uploadOf(request),
    partNumberOf(request),
    copySource(request),
    range,
  );
  sendXml(
    request,
    200,
    renderXml('CopyPartResult', { LastModified: new Date(part.lastModified).toISOString(), ETag: part.etag }),
  );
};

export const listParts: S3Operation = async (request) => {
  const max = numberParameter(request, 'max-parts', { min: 1, max: 1000 }, 1000);
  const after = numberParameter(request, 'part-number-marker', { min: 0, max: MAX_PARTS }, 0);
  const parts = await request.access.listParts(request.context, uploadOf(request), { after, max: max + 1 });
  const shown = parts.slice(0, max);
  const xml = renderXml('ListPartsResult', {
    Bucket: request.bucket,
    Key: request.key,
    UploadId: uploadOf(request).uploadId,
    PartNumberMarker: after,
    NextPartNumberMarker: parts.length > max ? shown.at(-1)!.partNumber : undefined,
    MaxParts: max,
    IsTruncated: parts.length > max,
    Part: shown.map((part) => ({
      PartNumber: part.partNumber,
      LastModified: new Date(part.lastModified).toISOString(),
      ETag: part.etag,
      Size: part.size,
    })),
    StorageClass: 'STANDARD',
  });
  sendXml(request, 200, xml);
};

export const completeMultipartUpload: S3Operation = async (request) => {
  const document = parseXml((await readBody(request.incoming, BODY_LIMIT)).toString('utf8'));
  const parts = document.children
    .filter((child) => child.name === 'Part')
    .map((part) => ({ partNumber: Number(childText(part, 'PartNumber')), etag: childText(part, 'ETag') ?? '' }));
  if (parts.length === 0 || parts.some((part) => !Number.isInteger(part.partNumber))) {
    throw new LochError('malformed_request', 'The list of parts is empty or holds a part without PartNumber.');
  }
  const { metadata: _, headers: __, contentType: ___, ...options } = putOptions(request);
  // A long completion keeps the connection alive by white space before the document, as S3 does: then the status is
  // sent already, and a failure is told in the body.
  const alive = setInterval(() => {
    if (!request.response.headersSent) request.response.writeHead(200, { 'content-type': 'application/xml' });
    request.response.write(' ');
  }, KEEP_ALIVE_MS);
  try {
    const head = await request.access.completeUpload(request.context, uploadOf(request), parts, options);
    const xml = renderXml('CompleteMultipartUploadResult', {
      Location: `/${request.bucket}/${request.key}`,
      Bucket: request.bucket,
      Key: request.key,
      ETag: head.etag,
    });
    if (request.response.headersSent) request.response.end(xml.replace(/^<\?xml[^>]*\?>\n/, ''));
    else sendXml(request, 200, xml);
  } finally {
    clearInterval(alive);
  }
};

export const abortMultipartUpload: S3Operation = async (request) => {
  await request.access.abortUpload(request.context, uploadOf(request));
  request.response.writeHead(204).end();
};

export const listMultipartUploads: S3Operation = async (request) => {
  const prefix = request.query.get('prefix') ?? '';
  const uploads = await request.access.listUploads(request.context, request.bucket, prefix === '' ? {} : { prefix });
  const xml = renderXml('ListMultipartUploadsResult', {
    Bucket: request.bucket,
    Prefix: prefix,
    MaxUploads: 1000,
    IsTruncated: false,
    Upload: uploads.map((upload) => ({
      Key: upload.key,
      UploadId: upload.uploadId,
      Initiated: new Date(upload.startedAt).toISOString(),
      StorageClass: 'STANDARD',
    })),
  });
  sendXml(request, 200, xml);
};
