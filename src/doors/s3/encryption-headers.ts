/**
 * Encryption in headers: what a write asks for, the key a read brings, and what answers tell.
 * **Source**: Amazon S3 API Reference, "PutObject"; S3 User Guide, "Using server-side encryption with customer-provided keys".
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import type { EncryptionRequest, ObjectAttributes } from '../../storage/contract.ts';
import { s3Failure } from './errors.ts';
import { header, type S3Request } from './request.ts';

const SSE = 'x-amz-server-side-encryption';
const CUSTOMER = `${SSE}-customer-`;
const COPY_CUSTOMER = 'x-amz-copy-source-server-side-encryption-customer-';
const LOOPBACK = /^(::1|(::ffff:)?127\.)/;

/** The customer's key in a request, checked. **Errors**: `invalid_argument`, `missing_argument` under S3's own names. */
function customerKey(request: S3Request, prefix: string): Uint8Array | undefined {
  const algorithm = header(request, `${prefix}algorithm`);
  const key = header(request, `${prefix}key`);
  const md5 = header(request, `${prefix}key-md5`);
  if (algorithm === undefined && key === undefined && md5 === undefined) return undefined;
  assertSecure(request);
  if (algorithm === undefined) {
    throw invalid(
      `${prefix}algorithm`,
      '',
      'Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.',
    );
  }
  if (algorithm !== 'AES256') {
    throw s3Failure(
      'InvalidEncryptionAlgorithmError',
      'invalid_argument',
      `The encryption request that you specified is not valid. The valid value is AES256, not \`${algorithm}\`.`,
    );
  }
  if (key === undefined) {
    throw invalid(
      `${prefix}key`,
      '',
      'Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.',
    );
  }
  const bytes = Buffer.from(key, 'base64');
  if (bytes.length !== 32)
    throw invalid(
      `${prefix}key`,
      '***',
      'The secret key was invalid for the specified algorithm: it must be the base64 of 32 bytes.',
    );
  if (md5 === undefined) {
    throw invalid(
      `${prefix}key-md5`,
      '',
      'Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.',
    );
  }
  const stated = Buffer.from(md5, 'base64');
  const own = hash('md5', bytes, 'buffer');
  if (stated.length === own.length && timingSafeEqual(stated, own)) return bytes;
  throw invalid(
    `${prefix}key-md5`,
    md5,
    'The calculated MD5 hash of the key did not match the hash that was provided.',
  );
}

/** A key in a header is anybody's who listens. **Errors**: `missing_argument` (InvalidRequest). */
function assertSecure({ context, customerKeysOverHttp }: S3Request): void {
  if (context.secure || (customerKeysOverHttp && LOOPBACK.test(context.sourceIp))) return;
  throw new LochError(
    'missing_argument',
    'Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection: use HTTPS, or on this machine set `s3.customer_keys_over_http`.',
  );
}

function invalid(name: string, value: string, message: string): LochError {
  return new LochError('invalid_argument', message, { context: { argument_name: name, argument_value: value } });
}

/** How a write asks for encryption, as options of it. **Errors**: `invalid_argument`, `unsupported` for DSSE. */
export function writeEncryption(request: S3Request): { readonly encryption?: EncryptionRequest } {
  const key = customerKey(request, CUSTOMER);
  const algorithm = header(request, SSE);
  const kmsKey = header(request, `${SSE}-aws-kms-key-id`);
  const context = header(request, `${SSE}-context`);
  const bucketKey = header(request, `${SSE}-bucket-key-enabled`);
  if (key !== undefined) {
    if (algorithm === undefined) return { encryption: { algorithm: 'customer', key } };
    throw invalid(
      SSE,
      algorithm,
      'Server Side Encryption with Customer provided key is incompatible with the encryption method specified.',
    );
  }
  if (algorithm !== 'aws:kms' && (kmsKey !== undefined || context !== undefined)) {
    throw invalid(
      SSE,
      algorithm ?? '',
      'A KMS key or an encryption context goes with x-amz-server-side-encryption: aws:kms only.',
    );
  }
  switch (algorithm) {
    case undefined:
      return {};
    case 'AES256':
      return { encryption: { algorithm: 'AES256' } };
    case 'aws:kms':
      return {
        encryption: {
          algorithm: 'aws:kms',
          ...(kmsKey === undefined ? {} : { key: kmsKey }),
          ...(context === undefined ? {} : { context: readContext(context) }),
          ...(bucketKey === undefined ? {} : { bucketKey: bucketKey.toLowerCase() === 'true' }),
        },
      };
    case 'aws:kms:dsse':
      throw new LochError('unsupported', 'Loch does not have dual-layer encryption (aws:kms:dsse). Use aws:kms.');
    default:
      throw invalid(SSE, algorithm, 'The encryption method specified is not supported. Known: AES256, aws:kms.');
  }
}

function readContext(text: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    const entries = Object.entries(parsed as Record<string, unknown>);
    if (!Array.isArray(parsed) && entries.every(([, value]) => typeof value === 'string'))
      return parsed as Record<string, string>;
  } catch {
    // told below
  }
  throw invalid(`${SSE}-context`, text, 'The encryption context must be the base64 of a JSON object of texts.');
}

/** The key a read brings, as options of it. **Errors**: as `writeEncryption`; `invalid_argument` for headers of writes. */
export function readEncryption(request: S3Request): { readonly customerKey?: Uint8Array } {
  const asked = header(request, SSE);
  if (asked !== undefined)
    throw invalid(SSE, asked, `x-amz-server-side-encryption is for writes; a ${request.method} does not take it.`);
  const key = customerKey(request, CUSTOMER);
  return key === undefined ? {} : { customerKey: key };
}

/** The key of a copy's source. */
export function sourceEncryption(request: S3Request): { readonly customerKey?: Uint8Array } {
  const key = customerKey(request, COPY_CUSTOMER);
  return key === undefined ? {} : { customerKey: key };
}

/** What an answer tells of the encryption of a version or an upload. */
export function encryptionHeaders(
  { encryption }: Pick<ObjectAttributes, 'encryption'>,
  request: S3Request,
): Record<string, string> {
  if (encryption === undefined) return {};
  if (encryption.algorithm === 'customer') {
    const md5 = header(request, `${CUSTOMER}key-md5`);
    return { [`${CUSTOMER}algorithm`]: 'AES256', ...(md5 === undefined ? {} : { [`${CUSTOMER}key-md5`]: md5 }) };
  }
  return {
    [SSE]: encryption.algorithm,
    ...(encryption.keyId === undefined ? {} : { [`${SSE}-aws-kms-key-id`]: encryption.keyId }),
    ...(encryption.bucketKey === true ? { [`${SSE}-bucket-key-enabled`]: 'true' } : {}),
  };
}
