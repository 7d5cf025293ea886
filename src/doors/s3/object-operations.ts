import { LochError } from '../../core/errors.ts';
import type { ByteRange, GetOptions, ObjectHead } from '../../storage/contract.ts';
import { emptyAnswer, type S3Answer, xmlAnswer } from './answer.ts';
import { checksumElements, checksumHeaders } from './checksum-headers.ts';
import { s3Failure } from './errors.ts';
import {
  copyConditions,
  expiryHeader,
  getOptions,
  objectHeaders,
  putOptions,
  refuseUnsupported,
  refuseVersion,
  writeConditions,
} from './headers.ts';
import { header, nameOf, type S3Operation, type S3Request } from './request.ts';
import { openBody } from './request-body.ts';
import { aclOption } from './settings/acl-request.ts';
import { renderXml } from './xml.ts';

export const putObject: S3Operation = async (request) => {
  const body = openBody(request);
  if (body.length === undefined && request.headers['transfer-encoding'] === undefined) {
    throw s3Failure('MissingContentLength', 'missing_argument', 'You must provide the Content-Length HTTP header.');
  }
  const options = { ...putOptions(request, body), ...(await aclOption(request)) };
  const head = await request.access.putObject(request.context, nameOf(request), body.bytes, options);
  return emptyAnswer(200, { etag: head.etag, ...checksumHeaders(head.checksums), ...expiryHeader(head) });
};

export const getObject: S3Operation = async (request) => {
  refuseVersion(request);
  const options = await partOptions(request, getOptions(request));
  const { head, body, range } = await request.access.getObject(request.context, nameOf(request), options.read);
  try {
    return { ...rangeAnswer(request, head, range, options.parts), body };
  } catch (error) {
    body.destroy();
    throw error;
  }
};

export const headObject: S3Operation = async (request) => {
  refuseVersion(request);
  const { read, parts, first } = await partOptions(request, getOptions(request));
  const head = first ?? (await request.access.headObject(request.context, nameOf(request), read));
  return rangeAnswer(request, head, read.range === undefined ? undefined : servedRange(read.range, head.size), parts);
};

function rangeAnswer(
  request: S3Request,
  head: ObjectHead,
  range: { readonly first: number; readonly last: number } | undefined,
  parts: number | undefined,
): S3Answer {
  const headers = {
    ...objectHeaders(head, request, range === undefined),
    ...(parts === undefined ? {} : { 'x-amz-mp-parts-count': parts }),
  };
  if (range === undefined) return { status: 200, headers: { ...headers, 'content-length': head.size } };
  return {
    status: 206,
    headers: {
      ...headers,
      'content-length': range.last - range.first + 1,
      'content-range': `bytes ${range.first}-${range.last}/${head.size}`,
    },
  };
}

function servedRange(range: ByteRange, size: number): { readonly first: number; readonly last: number } {
  const first = 'suffix' in range ? Math.max(0, size - range.suffix) : range.first;
  const last = 'suffix' in range ? size - 1 : Math.min(range.last ?? size - 1, size - 1);
  if (first <= last) return { first, last };
  throw new LochError('range_not_satisfiable', `The range begins at byte ${first}; the object has ${size} bytes.`, {
    context: { actualObjectSize: size },
  });
}

/** `partNumber` as a range: the part's place follows from the sizes of the parts before it. */
async function partOptions(
  request: S3Request,
  read: GetOptions,
): Promise<{ readonly read: GetOptions; readonly parts?: number; readonly first?: ObjectHead }> {
  const text = request.query.get('partNumber');
  if (text === null) return { read };
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 10_000 || read.range !== undefined) {
    throw new LochError('invalid_argument', '`partNumber` is 1 to 10000, and stands without a Range header.', {
      context: { argument_name: 'partNumber', argument_value: text },
    });
  }
  const first = await request.access.headObject(request.context, nameOf(request), read);
  const runs = first.partSizes ?? [[first.size, 1]];
  let at = 0;
  let left = number - 1;
  for (const [size, count] of runs) {
    if (left < count) {
      const begin = at + left * size;
      // The version whose parts were counted, and no other.
      const range = size === 0 ? {} : { range: { first: begin, last: begin + size - 1 } };
      const parts = first.partSizes === undefined ? {} : { parts: runs.reduce((sum, run) => sum + run[1], 0) };
      return { read: { ...read, ifMatch: first.etag, ...range }, ...parts, first };
    }
    at += size * count;
    left -= count;
  }
  throw s3Failure('InvalidPartNumber', 'range_not_satisfiable', `The object has fewer than ${number} parts.`, {
    actualPartCount: number - 1 - left,
  });
}

export const getObjectAttributes: S3Operation = async (request) => {
  refuseVersion(request);
  const wanted = (header(request, 'x-amz-object-attributes') ?? '').split(',').map((name) => name.trim());
  const head = await request.access.headObject(request.context, nameOf(request));
  const parts = head.partSizes?.reduce((sum, [, count]) => sum + count, 0);
  const has = (name: string) => wanted.includes(name);
  return xmlAnswer(
    renderXml('GetObjectAttributesResponse', {
      ETag: has('ETag') ? head.etag.replaceAll('"', '') : undefined,
      Checksum:
        has('Checksum') && Object.keys(head.checksums).length > 0 ? checksumElements(head.checksums) : undefined,
      ObjectParts: has('ObjectParts') && parts !== undefined ? { PartsCount: parts } : undefined,
      StorageClass: has('StorageClass') ? 'STANDARD' : undefined,
      ObjectSize: has('ObjectSize') ? head.size : undefined,
    }),
    { 'last-modified': new Date(head.lastModified).toUTCString() },
  );
};

export const deleteObject: S3Operation = async (request) => {
  refuseVersion(request);
  const { ifMatch } = writeConditions(request);
  await request.access.deleteObject(request.context, nameOf(request), ifMatch === undefined ? {} : { ifMatch });
  return emptyAnswer(204);
};

/** Bucket and key of `x-amz-copy-source`. **Errors**: `invalid_argument`, `unsupported` for a version. */
export function copySource(request: S3Request): { readonly bucket: string; readonly key: string } {
  const text = header(request, 'x-amz-copy-source') ?? '';
  const [path = '', version] = text.split('?versionId=', 2);
  if (version !== undefined && version !== 'null') {
    throw new LochError('unsupported', 'Versions of objects are not kept: copy without versionId.', {
      context: { header: 'x-amz-copy-source' },
    });
  }
  let plain = '';
  try {
    plain = decodeURIComponent(path).replace(/^\//, '');
  } catch {
    plain = ''; // told below, with the header as it came
  }
  const slash = plain.indexOf('/');
  if (slash >= 1 && slash < plain.length - 1) return { bucket: plain.slice(0, slash), key: plain.slice(slash + 1) };
  throw new LochError(
    'invalid_argument',
    `Copy Source must mention the source bucket and key: sourcebucket/sourcekey, percent-encoded, not \`${text}\`.`,
    { context: { argument_name: 'x-amz-copy-source', argument_value: text } },
  );
}

export const copyObject: S3Operation = async (request) => {
  refuseUnsupported(request);
  const from = copySource(request);
  const directive = header(request, 'x-amz-metadata-directive') ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE') {
    throw new LochError('invalid_argument', `Unknown metadata directive \`${directive}\`. Known: COPY, REPLACE.`, {
      context: { argument_name: 'x-amz-metadata-directive', argument_value: directive },
    });
  }
  const same = from.bucket === request.bucket && from.key === request.key;
  if (same && directive === 'COPY') {
    throw new LochError(
      'missing_argument',
      'This copy request is illegal because it is trying to copy an object to itself without changing its metadata (x-amz-metadata-directive: REPLACE).',
    );
  }
  const { metadata, headers, contentType = 'binary/octet-stream' } = putOptions(request);
  const replaced =
    directive === 'COPY' ? {} : { contentType, ...(metadata && { metadata }), ...(headers && { headers }) };
  const head = await request.access.copyObject(request.context, from, nameOf(request), {
    ...replaced,
    ...writeConditions(request),
    ...(await aclOption(request)),
    source: copyConditions(request),
    signal: request.context.signal,
  });
  return xmlAnswer(
    renderXml('CopyObjectResult', {
      LastModified: new Date(head.lastModified).toISOString(),
      ETag: head.etag,
      ...checksumElements(head.checksums),
    }),
  );
};
