import { type ErrorCode, type ErrorContext, LochError } from '../../core/errors.ts';
import { keyFailureName } from '../../governance/contract.ts';
import { escapeXml } from '../kit/escape-xml.ts';
import { SELECT_ERRORS } from './select-errors.ts';

/** S3's name of each code, with its status where that is not the code's own. **Source**: S3 API Reference, "Error responses". */
const NAMES: Partial<Record<ErrorCode, readonly [name: string, status?: number]>> = {
  bucket_not_found: ['NoSuchBucket'],
  object_not_found: ['NoSuchKey'],
  version_not_found: ['NoSuchVersion'],
  version_is_marker: ['MethodNotAllowed'],
  invalid_bucket_state: ['InvalidBucketState'],
  object_lock_missing: ['InvalidRequest'],
  invalid_tag: ['InvalidTag'],
  bucket_exists: ['BucketAlreadyOwnedByYou'],
  bucket_not_empty: ['BucketNotEmpty'],
  invalid_bucket_name: ['InvalidBucketName'],
  not_found: ['NoSuchConfiguration'],
  upload_not_found: ['NoSuchUpload'],
  invalid_part: ['InvalidPart'],
  invalid_part_order: ['InvalidPartOrder'],
  part_too_small: ['EntityTooSmall'],
  precondition_failed: ['PreconditionFailed'],
  not_modified: ['NotModified'],
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
  malformed_policy: ['MalformedPolicy'],
  acl_not_supported: ['AccessControlListNotSupported'],
  missing_argument: ['InvalidRequest'],
  limit_exceeded: ['InvalidRequest'],
  unsupported: ['NotImplemented'],
  unknown_operation: ['MethodNotAllowed', 405],
  throttled: ['SlowDown', 503],
  disk_full: ['SlowDown', 503],
  resource_exhausted: ['SlowDown', 503],
  unavailable: ['ServiceUnavailable', 503],
  timeout: ['RequestTimeout', 400],
  conflict: ['OperationAborted', 409],
  invalid_object_state: ['InvalidObjectState'],
  restore_in_progress: ['RestoreAlreadyInProgress'],
};

/** Finer names that the door gives itself, with their status. */
const FINER = {
  ...SELECT_ERRORS,
  UnresolvableGrantByEmailAddress: 400,
  AccessForbidden: 403,
  BadRequest: 400,
  InvalidPolicyDocument: 400,
  MalformedPOSTRequest: 400,
  MaxPostPreDataLengthExceededError: 400,
  InvalidArgument: 400,
  InvalidBucketAclWithObjectOwnership: 400,
  InvalidTag: 400,
  InvalidRetentionPeriod: 400,
  NoSuchObjectLockConfiguration: 404,
  MissingRequestBodyError: 400,
  NoSuchBucketPolicy: 404,
  NoSuchConfiguration: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchWebsiteConfiguration: 404,
  ObjectLockConfigurationNotFoundError: 404,
  OwnershipControlsNotFoundError: 404,
  ReplicationConfigurationNotFoundError: 404,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BucketAlreadyExists: 409,
  IllegalLocationConstraintException: 400,
  InvalidChunkSizeError: 403,
  InvalidDigest: 400,
  InvalidEncryptionAlgorithmError: 400,
  InvalidPartNumber: 416,
  InvalidRequest: 400,
  InvalidStorageClass: 400,
  InvalidTargetBucketForLogging: 400,
  InvalidS3DestinationBucket: 400,
  IdMismatch: 400,
  TooManyConfigurations: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedTrailerError: 400,
  MetadataTooLarge: 400,
  MissingContentLength: 411,
  XAmzContentSHA256Mismatch: 400,
} as const satisfies Record<string, number>;

/** A name of S3's that is finer than any code. */
export type S3FailureName = keyof typeof FINER;

/** A failure that S3 has a finer name for than its code. */
export function s3Failure(
  name: S3FailureName,
  code: ErrorCode,
  message: string,
  context: ErrorContext = {},
): LochError {
  return new LochError(code, message, { context: { ...context, s3_code: name } });
}

/** The same failure under a finer name of S3's. */
export function renamed(error: LochError, name: S3FailureName): LochError {
  return new LochError(error.code, error.message, { context: { ...error.context, s3_code: name }, cause: error });
}

/** Name and status of an error on the S3 wire. A failure may carry a finer S3 name as `context.s3_code`. */
export function s3ErrorOf(error: LochError): { readonly name: string; readonly status: number } {
  const kms = keyFailureName(error);
  if (kms !== undefined) return { name: `KMS.${kms}`, status: 400 };
  const finer = error.context.s3_code;
  if (typeof finer === 'string' && finer in FINER) return { name: finer, status: FINER[finer as S3FailureName] };
  const known = NAMES[error.code];
  return known === undefined
    ? { name: 'InternalError', status: Math.max(500, error.status) }
    : { name: known[0], status: known[1] ?? error.status };
}

/** Facts that S3 names otherwise than we do, and facts that are not for the client. */
const ELEMENTS: Readonly<Record<string, string | undefined>> = {
  bucket: 'BucketName',
  accessKeyId: 'AWSAccessKeyId',
  etag: 'ETag',
  injected: undefined,
  kms: undefined,
  s3_code: undefined,
};

/** The XML body of an error. Context facts become elements beside the standard ones, as S3 does for some errors. */
export function renderS3Error(
  error: LochError,
  facts: { readonly name: string; readonly resource: string; readonly requestId: string },
): string {
  const hidden = error.kind === 'internal';
  const message = hidden ? `Loch failed inside. \`loch logs ${facts.requestId}\` tells more.` : error.message;
  let extras = '';
  for (const [key, value] of hidden ? [] : Object.entries(error.context)) {
    const name = key in ELEMENTS ? ELEMENTS[key] : pascal(key);
    if (name === undefined || value === null || typeof value === 'object') continue;
    extras += `<${name}>${escapeXml(String(value))}</${name}>`;
  }
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${facts.name}</Code><Message>${escapeXml(message)}</Message>${extras}<Resource>${escapeXml(facts.resource)}</Resource><RequestId>${facts.requestId}</RequestId></Error>`;
}

function pascal(key: string): string {
  return key
    .replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase())
    .replaceAll(/[^A-Za-z0-9]/g, '');
}
