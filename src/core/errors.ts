/**
 * The one error class of Loch and its closed list of codes. Callers switch on `code`; doors render it to their
 * protocol in one place each. A message names the offender, the known values or the limit, and the next step.
 */

export type ErrorKind = 'user' | 'resource' | 'external' | 'internal';

interface CodeTraits {
  readonly kind: ErrorKind;
  readonly status: number;
  readonly retryable: boolean;
}

const user = (status: number): CodeTraits => ({ kind: 'user', status, retryable: false });
const retry = (kind: ErrorKind, status: number): CodeTraits => ({ kind, status, retryable: true });

/** Every code with its kind, HTTP status and whether the same request may succeed when sent again. */
export const ERROR_CODES = {
  // requests
  invalid_argument: user(400),
  missing_argument: user(400),
  malformed_request: user(400),
  limit_exceeded: user(400),
  unknown_operation: user(400),
  unsupported: user(501),
  precondition_failed: user(412),
  not_modified: user(304),
  range_not_satisfiable: user(416),
  entity_too_large: user(413),
  checksum_mismatch: user(400),
  incomplete_body: user(400),
  // identity
  access_denied: user(403),
  signature_mismatch: user(403),
  unknown_access_key: user(403),
  missing_credentials: user(403),
  request_expired: user(403),
  expired_token: user(403),
  clock_skew: user(403),
  malformed_policy: user(400),
  acl_not_supported: user(400),
  // keys: disabled, waiting for deletion or for its material
  key_unusable: user(409),
  // things that are not there, or are there already
  not_found: user(404),
  already_exists: user(409),
  bucket_not_found: user(404),
  bucket_exists: user(409),
  bucket_not_empty: user(409),
  invalid_bucket_name: user(400),
  object_not_found: user(404),
  version_not_found: user(404),
  version_is_marker: user(405),
  invalid_bucket_state: user(409),
  object_lock_missing: user(400),
  invalid_object_state: user(403),
  restore_in_progress: user(409),
  invalid_tag: user(400),
  upload_not_found: user(404),
  invalid_part: user(400),
  invalid_part_order: user(400),
  part_too_small: user(400),
  database_not_found: user(404),
  table_not_found: user(404),
  column_not_found: user(400),
  partition_not_found: user(404),
  // statements
  syntax_error: user(400),
  statement_refused: user(400),
  type_mismatch: user(400),
  statement_failed: user(400),
  statement_cancelled: user(400),
  // conflict and load
  conflict: retry('user', 409),
  commit_conflict: retry('user', 409),
  commit_state_unknown: { kind: 'internal', status: 500, retryable: false },
  concurrent_run: retry('user', 409),
  throttled: retry('resource', 429),
  timeout: retry('resource', 503),
  resource_exhausted: retry('resource', 503),
  disk_full: retry('resource', 503),
  unavailable: retry('external', 503),
  source_failed: retry('external', 502),
  data_corrupt: { kind: 'internal', status: 500, retryable: false },
  configuration: user(400),
  internal: { kind: 'internal', status: 500, retryable: false },
} as const satisfies Record<string, CodeTraits>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Facts about a failure: names, limits, positions. Never a secret, never a value of a row. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface LochErrorOptions {
  readonly context?: ErrorContext;
  readonly cause?: unknown;
}

/** The error everything in Loch throws. **Errors**: it is the error. */
export class LochError extends Error {
  override readonly name = 'LochError';
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, options: LochErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.context = options.context ?? {};
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** Whether `error` is a LochError, and of `code` when one is given. */
export function isLochError(error: unknown, ...codes: ErrorCode[]): error is LochError {
  return error instanceof LochError && (codes.length === 0 || codes.includes(error.code));
}

/** The same failure as a LochError: itself, or `internal` with the original as cause. */
export function toLochError(error: unknown): LochError {
  if (error instanceof LochError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new LochError('disk_full', 'The disk is full. Free space on the volume of the data directory, then retry.', {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new LochError('internal', `Internal failure: ${message}`, { cause: error });
}

/** A LochError as plain data, to cross a thread or process boundary. */
export interface SerializedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly context: ErrorContext;
  readonly stack?: string;
}

/** `error` as plain data; anything that is no LochError becomes one first. */
export function serializeError(error: unknown): SerializedError {
  const known = toLochError(error);
  const origin = known.cause instanceof Error ? known.cause : known;
  return {
    code: known.code,
    message: known.message,
    context: known.context,
    ...(origin.stack === undefined ? {} : { stack: origin.stack }),
  };
}

/** The LochError that `serializeError` was given, with the stack of where it was thrown. */
export function deserializeError(data: SerializedError): LochError {
  const error = new LochError(data.code, data.message, { context: data.context });
  if (data.stack !== undefined) error.stack = data.stack;
  return error;
}
