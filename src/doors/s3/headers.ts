import { LochError } from '../../core/errors.ts';
import type { ByteRange, ChecksumAlgorithm, GetOptions, ObjectHead, PutOptions } from '../../storage/contract.ts';
import { header, type S3Request } from './request.ts';
import type { RequestBody } from './request-body.ts';

const KEPT = ['content-encoding', 'cache-control', 'content-disposition', 'content-language', 'expires'];
const ALGORITHMS = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const satisfies readonly ChecksumAlgorithm[];
const METADATA_LIMIT = 2048;

/** What of S3 the door does not do; asking for it is refused rather than left out. */
const REFUSED_HEADERS: Record<string, string> = {
  'x-amz-server-side-encryption': 'server-side encryption',
  'x-amz-server-side-encryption-customer-algorithm': 'encryption with customer keys',
  'x-amz-tagging': 'object tags',
  'x-amz-object-lock-mode': 'object lock',
  'x-amz-object-lock-legal-hold': 'object lock',
  'x-amz-website-redirect-location': 'website redirects',
};

/** **Errors**: `unsupported` naming the feature a header asks for. */
export function refuseUnsupported(request: S3Request): void {
  for (const [name, feature] of Object.entries(REFUSED_HEADERS)) {
    if (request.headers[name] !== undefined) {
      throw new LochError(
        'unsupported',
        `Loch does not have ${feature} yet (header ${name}). Send the request without it.`,
        {
          context: { header: name },
        },
      );
    }
  }
  const acl = header(request, 'x-amz-acl');
  if (acl !== undefined && acl !== 'private' && acl !== 'bucket-owner-full-control') {
    throw new LochError(
      'unsupported',
      `ACL \`${acl}\` is not supported: access is given by IAM policies and Lake Formation grants.`,
      {
        context: { header: 'x-amz-acl' },
      },
    );
  }
  const storageClass = header(request, 'x-amz-storage-class');
  if (storageClass !== undefined && storageClass !== 'STANDARD') {
    throw new LochError('unsupported', `Storage class \`${storageClass}\` is not supported. Known: STANDARD.`, {
      context: { s3_code: 'InvalidStorageClass' },
    });
  }
}

/** What a write is told by its headers. */
export function putOptions(request: S3Request, body?: RequestBody): PutOptions {
  refuseUnsupported(request);
  const metadata: Record<string, string> = {};
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    const text = Array.isArray(value) ? value.join(',') : (value ?? '');
    if (name.startsWith('x-amz-meta-')) metadata[name.slice('x-amz-meta-'.length)] = text;
    else if (KEPT.includes(name)) headers[name] = text;
  }
  // The framing of the transfer is no property of the object.
  const encoding = headers['content-encoding']
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== 'aws-chunked');
  if (encoding !== undefined) {
    if (encoding.length > 0) headers['content-encoding'] = encoding.join(',');
    else delete headers['content-encoding'];
  }
  const size = Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (size > METADATA_LIMIT) {
    throw new LochError('limit_exceeded', `User metadata has ${size} bytes; the limit is ${METADATA_LIMIT}.`, {
      context: { s3_code: 'MetadataTooLarge', size, max_size_allowed: METADATA_LIMIT },
    });
  }
  const contentType = header(request, 'content-type');
  const contentMd5 = header(request, 'content-md5');
  const ifMatch = header(request, 'if-match');
  const ifNoneMatch = header(request, 'if-none-match');
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new LochError('unsupported', 'A write takes `If-None-Match: *` only.', {
      context: { header: 'if-none-match' },
    });
  }
  return {
    metadata,
    headers,
    signal: request.context.signal,
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentMd5 === undefined ? {} : { contentMd5 }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: '*' as const }),
    ...(body?.length === undefined ? {} : { contentLength: body.length }),
    ...(body === undefined ? {} : { checksums: checksumsOf(request, body) }),
    ...announcedChecksums(request),
  };
}

/** The algorithms a request announces: by a checksum header, by its trailers, or for the parts of an upload. */
function announcedChecksums(request: S3Request): Pick<PutOptions, 'checksumAlgorithms' | 'checksumType'> {
  const trailers = (header(request, 'x-amz-trailer') ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const wanted = header(request, 'x-amz-checksum-algorithm')?.toLowerCase();
  const found = ALGORITHMS.filter(
    (name) =>
      request.headers[`x-amz-checksum-${name}`] !== undefined ||
      trailers.includes(`x-amz-checksum-${name}`) ||
      wanted === name,
  );
  const type = header(request, 'x-amz-checksum-type');
  return {
    ...(found.length === 0 ? {} : { checksumAlgorithms: found }),
    ...(type === 'COMPOSITE' || type === 'FULL_OBJECT' ? { checksumType: type } : {}),
  };
}

function checksumsOf(request: S3Request, body: RequestBody): () => Readonly<Record<string, string>> {
  const stated: Record<string, string> = {};
  for (const algorithm of ALGORITHMS) {
    const value = header(request, `x-amz-checksum-${algorithm}`);
    if (value !== undefined) stated[algorithm] = value;
  }
  return () => {
    for (const [name, value] of Object.entries(body.trailers())) {
      const algorithm = name.replace(/^x-amz-checksum-/, '');
      if (ALGORITHMS.some((known) => known === algorithm)) stated[algorithm] = value;
    }
    return stated;
  };
}

/** Range and conditions of a read. */
export function getOptions(request: S3Request): GetOptions {
  const range = parseRange(header(request, 'range'));
  const time = (name: string) => {
    const at = Date.parse(header(request, name) ?? '');
    return Number.isNaN(at) ? undefined : at;
  };
  const ifMatch = header(request, 'if-match');
  const ifNoneMatch = header(request, 'if-none-match');
  const modifiedSince = time('if-modified-since');
  const unmodifiedSince = time('if-unmodified-since');
  return {
    signal: request.context.signal,
    ...(range === undefined ? {} : { range }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    ...(modifiedSince === undefined ? {} : { ifModifiedSince: modifiedSince }),
    ...(unmodifiedSince === undefined ? {} : { ifUnmodifiedSince: unmodifiedSince }),
  };
}

/** A range header; one that is not understood is no range, as RFC 9110 has it. */
export function parseRange(text: string | undefined): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  if (match[1] === '') return { suffix: Number(match[2]) };
  const first = Number(match[1]);
  if (match[2] === '') return { first };
  return Number(match[2]) < first ? undefined : { first, last: Number(match[2]) };
}

/** The headers of an object; `response-*` parameters of the query override some of them. */
export function headHeaders(head: ObjectHead, request: S3Request): Record<string, string> {
  const headers: Record<string, string> = {
    etag: head.etag,
    'last-modified': new Date(head.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
    'content-type': head.contentType,
    ...head.headers,
  };
  for (const [name, value] of Object.entries(head.metadata)) headers[`x-amz-meta-${name}`] = value;
  if (header(request, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') {
    for (const [algorithm, value] of Object.entries(head.checksums)) headers[`x-amz-checksum-${algorithm}`] = value;
  }
  for (const name of ['content-type', ...KEPT]) {
    const override = request.query.get(`response-${name}`);
    if (override !== null) headers[name] = override;
  }
  return headers;
}
