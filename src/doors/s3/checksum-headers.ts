import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, type PutOptions } from '../../storage/contract.ts';
import { LochError } from '../../core/errors.ts';
import { s3Failure } from './errors.ts';
import { header, type S3Request } from './request.ts';
import type { RequestBody } from './request-body.ts';

const LENGTHS: Record<ChecksumAlgorithm, number> = {
  crc32: 4,
  crc32c: 4,
  crc64nvme: 8,
  sha1: 20,
  sha256: 32,
  sha512: 64,
  md5: 16,
};
/** What S3 knows besides. */
const NOT_HERE = ['xxhash64', 'xxhash3', 'xxhash128'];

const isBase64Of = (text: string, bytes: number): boolean =>
  /^[A-Za-z0-9+/]+={0,2}$/.test(text) && Buffer.from(text, 'base64').length === bytes;

/** **Errors**: `invalid_argument` (InvalidDigest) for an MD5 that cannot be one. */
export function contentMd5(request: S3Request): string | undefined {
  const value = request.headers['content-md5'];
  if (value === undefined) return undefined;
  const text = String(value).trim();
  if (isBase64Of(text, 16)) return text;
  throw s3Failure('InvalidDigest', 'invalid_argument', 'Content-MD5 is not the base64 of 16 bytes.');
}

/** **Errors**: `unsupported` for a checksum that would go unverified. */
function assertVerified(request: S3Request, announced: readonly string[]): void {
  for (const name of NOT_HERE) {
    const sent = `x-amz-checksum-${name}`;
    const wanted = header(request, 'x-amz-checksum-algorithm')?.toLowerCase() === name;
    if (!wanted && header(request, sent) === undefined && !announced.includes(sent)) continue;
    throw new LochError(
      'unsupported',
      `The checksum algorithm ${name.toUpperCase()} is not supported. Known: ${CHECKSUM_ALGORITHMS.join(', ').toUpperCase()}.`,
      { context: { operation: name.toUpperCase() } },
    );
  }
}

/** Checksums that headers state. **Errors**: `checksum_mismatch` for one that cannot be one. */
export function statedChecksums(request: S3Request): Record<string, string> {
  const stated: Record<string, string> = {};
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = header(request, `x-amz-checksum-${algorithm}`);
    if (value === undefined) continue;
    // A completion may state a composite one, with the number of its parts.
    if (!isBase64Of(value.replace(/-\d+$/, ''), LENGTHS[algorithm])) {
      throw new LochError(
        'checksum_mismatch',
        `Value for x-amz-checksum-${algorithm} header is invalid: it is not the base64 of ${LENGTHS[algorithm]} bytes.`,
        { context: { checksum: algorithm, expected: value } },
      );
    }
    stated[algorithm] = value;
  }
  return stated;
}

/** What a write is told of checksums: stated in headers, announced for the trailers, or wanted for all parts. */
export function checksumOptions(
  request: S3Request,
  body?: RequestBody,
): Pick<PutOptions, 'checksums' | 'checksumAlgorithms' | 'checksumType'> {
  assertVerified(request, body?.announced ?? []);
  const stated = statedChecksums(request);
  const type = header(request, 'x-amz-checksum-type');
  if (type !== undefined && type !== 'COMPOSITE' && type !== 'FULL_OBJECT') {
    throw new LochError('invalid_argument', `Unknown checksum type \`${type}\`. Known: COMPOSITE, FULL_OBJECT.`, {
      context: { argument_name: 'x-amz-checksum-type', argument_value: type },
    });
  }
  const wanted = wantedAlgorithm(request);
  assertChecksumType(type, wanted);
  const algorithms = CHECKSUM_ALGORITHMS.filter(
    (name) => name in stated || name === wanted || body?.announced.includes(`x-amz-checksum-${name}`),
  );
  return {
    ...(algorithms.length === 0 ? {} : { checksumAlgorithms: algorithms }),
    ...(type === undefined ? {} : { checksumType: type }),
    checksums: () => {
      for (const algorithm of algorithms) {
        const trailer = body?.trailers.get(`x-amz-checksum-${algorithm}`);
        if (trailer !== undefined) stated[algorithm] = trailer;
      }
      return stated;
    },
  };
}

/** **Errors**: `invalid_argument` (InvalidRequest) for a type that the algorithm cannot have. */
function assertChecksumType(type: string | undefined, algorithm: ChecksumAlgorithm | undefined): void {
  if (type === undefined || algorithm === undefined) return;
  const impossible = type === 'FULL_OBJECT' ? !algorithm.startsWith('crc') : algorithm === 'crc64nvme';
  if (!impossible) return;
  throw s3Failure(
    'InvalidRequest',
    'invalid_argument',
    `The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`,
  );
}

function wantedAlgorithm(request: S3Request): ChecksumAlgorithm | undefined {
  const name = header(request, 'x-amz-checksum-algorithm')?.toLowerCase();
  if (name === undefined) return undefined;
  const found = CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === name);
  if (found !== undefined) return found;
  throw new LochError(
    'invalid_argument',
    `Unknown checksum algorithm \`${name}\`. Known: ${CHECKSUM_ALGORITHMS.join(', ')}.`,
    { context: { argument_name: 'x-amz-checksum-algorithm', argument_value: name } },
  );
}

/** A whole object whose client sends no checksum has one all the same. **Source**: S3 User Guide, "Checking object integrity". */
export function withDefaultChecksum<O extends Pick<PutOptions, 'checksumAlgorithms'>>(options: O): O {
  return options.checksumAlgorithms === undefined ? { ...options, checksumAlgorithms: ['crc64nvme'] } : options;
}

/** The checksums of an object as response headers. */
export function checksumHeaders(checksums: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [algorithm, value] of Object.entries(checksums)) {
    headers[`x-amz-checksum-${algorithm}`] = value;
    headers['x-amz-checksum-type'] = /-\d+$/.test(value) ? 'COMPOSITE' : 'FULL_OBJECT';
  }
  return headers;
}

/** The checksums of an object as elements of a document. */
export function checksumElements(checksums: Readonly<Record<string, string>>): Record<string, string> {
  const elements: Record<string, string> = {};
  for (const [algorithm, value] of Object.entries(checksums)) {
    elements[`Checksum${algorithm.toUpperCase()}`] = value;
    elements.ChecksumType = /-\d+$/.test(value) ? 'COMPOSITE' : 'FULL_OBJECT';
  }
  return elements;
}
