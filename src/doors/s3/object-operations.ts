import { LochError } from '../../core/errors.ts';
import type { ByteRange, GetOptions, ObjectHead } from '../../storage/contract.ts';
import { emptyAnswer, type S3Answer } from './answer.ts';
import { checksumHeaders, withDefaultChecksum } from './checksum-headers.ts';
import { encryptionHeaders } from './encryption-headers.ts';
import { s3Failure } from './errors.ts';
import { expiryHeader, getOptions, objectHeaders, putOptions } from './headers.ts';
import { replicaOf } from './replica-header.ts';
import { nameOf, type S3Operation, type S3Request } from './request.ts';
import { openBody } from './request-body.ts';
import { aclOption } from './settings/acl-request.ts';
import { writtenVersion } from './version-headers.ts';

export const putObject: S3Operation = async (request) => {
  const body = openBody(request);
  if (body.length === undefined && request.headers['transfer-encoding'] === undefined) {
    throw s3Failure('MissingContentLength', 'missing_argument', 'You must provide the Content-Length HTTP header.');
  }
  const stated = withDefaultChecksum(putOptions(request, body));
  const options = { ...stated, ...replicaOf(request), ...(await aclOption(request)) };
  const head = await request.access.putObject(request.context, nameOf(request), body.bytes, options);
  return emptyAnswer(200, {
    etag: head.etag,
    ...writtenVersion(head),
    ...checksumHeaders(head.checksums),
    ...expiryHeader(head),
    ...encryptionHeaders(head.attributes, request),
  });
};

export const getObject: S3Operation = async (request) => {
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
