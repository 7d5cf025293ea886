import type { ErrorCode, LochError } from '../../core/errors.ts';
import { escapeXml } from '../kit/escape-xml.ts';

/** S3's name of each code, with its status where that is not the code's own. **Source**: S3 API Reference, "Error responses". */
const NAMES: Partial<Record<ErrorCode, readonly [name: string, status?: number]>> = {
  bucket_not_found: ['NoSuchBucket'],
  object_not_found: ['NoSuchKey'],
  bucket_exists: ['BucketAlreadyOwnedByYou'],
  bucket_not_empty: ['BucketNotEmpty'],
  invalid_bucket_name: ['InvalidBucketName'],
  upload_not_found: ['NoSuchUpload'],
  invalid_part: ['InvalidPart'],
  invalid_part_order: ['InvalidPartOrder'],
  part_too_small: ['EntityTooSmall'],
  precondition_failed: ['PreconditionFailed'],
  range_not_satisfiable: ['InvalidRange'],
  entity_too_large: ['EntityTooLarge', 400],
  checksum_mismatch: ['BadDigest'],
  incomplete_body: ['IncompleteBody'],
  access_denied: ['AccessDenied'],
  missing_credentials: ['AccessDenied'],
  signature_mismatch: ['SignatureDoesNotMatch'],
  unknown_access_key: ['InvalidAccessKeyId'],
  request_expired: ['AccessDenied'],
  clock_skew: ['RequestTimeTooSkewed'],
  malformed_request: ['MalformedXML'],
  invalid_argument: ['InvalidArgument'],
  missing_argument: ['InvalidRequest'],
  limit_exceeded: ['InvalidRequest'],
  unsupported: ['NotImplemented'],
  throttled: ['SlowDown', 503],
  disk_full: ['SlowDown', 503],
  resource_exhausted: ['SlowDown', 503],
  unavailable: ['ServiceUnavailable', 503],
  timeout: ['RequestTimeout', 400],
  conflict: ['OperationAborted', 409],
};

/** Name and status of an error on the S3 wire. A failure may carry a finer S3 name as `context.s3_code`. */
export function s3ErrorOf(error: LochError): { readonly name: string; readonly status: number } {
  const known = NAMES[error.code];
  const finer = error.context.s3_code;
  if (typeof finer === 'string') return { name: finer, status: known?.[1] ?? error.status };
  return known === undefined
    ? { name: 'InternalError', status: error.status }
    : { name: known[0], status: known[1] ?? error.status };
}

/** The XML body of an error. Context facts become elements beside the standard ones, as S3 does for some errors. */
export function renderS3Error(
  error: LochError,
  facts: { readonly name: string; readonly resource: string; readonly requestId: string },
): string {
  const message =
    error.code === 'internal' || error.code === 'data_corrupt'
      ? `Loch failed inside. \`loch logs ${facts.requestId}\` tells more.`
      : error.message;
  const extras = Object.entries(error.context)
    .filter(([key, value]) => key !== 's3_code' && value !== null && !Array.isArray(value))
    .map(([key, value]) => `<${pascal(key)}>${escapeXml(String(value))}</${pascal(key)}>`)
    .join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${facts.name}</Code><Message>${escapeXml(message)}</Message><Resource>${escapeXml(facts.resource)}</Resource><RequestId>${facts.requestId}</RequestId>${extras}</Error>`;
}

function pascal(key: string): string {
  return key
    .replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase())
    .replaceAll(/[^A-Za-z0-9]/g, '');
}
