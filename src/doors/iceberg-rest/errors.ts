import { type ErrorCode, LochError } from '../../core/errors.ts';

/** The REST catalog's exception of each code, with its status where that is not the code's own. */
const EXCEPTIONS: Partial<Record<ErrorCode, readonly [type: string, status?: number]>> = {
  table_not_found: ['NoSuchTableException'],
  database_not_found: ['NoSuchNamespaceException'],
  not_found: ['NotFoundException'],
  already_exists: ['AlreadyExistsException'],
  conflict: ['ConflictException'],
  commit_conflict: ['CommitFailedException'],
  commit_state_unknown: ['CommitStateUnknownException'],
  access_denied: ['ForbiddenException'],
  missing_credentials: ['NotAuthorizedException', 401],
  signature_mismatch: ['NotAuthorizedException', 401],
  unknown_access_key: ['NotAuthorizedException', 401],
  clock_skew: ['NotAuthorizedException', 401],
  // The protocol has a status of its own for credentials that were good: clients take new ones and go on.
  request_expired: ['AuthenticationTimeoutException', 419],
  expired_token: ['AuthenticationTimeoutException', 419],
  type_mismatch: ['ValidationException'],
  unsupported: ['UnsupportedOperationException', 406],
  unknown_operation: ['NoSuchEndpointException', 404],
  unavailable: ['ServiceUnavailableException'],
  timeout: ['ServiceUnavailableException'],
  throttled: ['SlowDownException', 503],
  resource_exhausted: ['ServiceUnavailableException'],
  disk_full: ['ServiceUnavailableException'],
};

/** What a code means to an operation on views or namespaces. */
const OF_NOUN: Readonly<Record<string, Partial<Record<ErrorCode, string>>>> = {
  // Spark looks for `t.snapshots` in a namespace `t`: it must hear that the table is not there, whatever else is not.
  table: { database_not_found: 'NoSuchTableException' },
  view: { table_not_found: 'NoSuchViewException', database_not_found: 'NoSuchViewException' },
  views: { table_not_found: 'NoSuchViewException' },
  namespace: { conflict: 'NamespaceNotEmptyException' },
};

const NAMED = new WeakMap<LochError, { readonly type: string; readonly status: number }>();

/** A failure that the protocol has a name of its own for. */
export function restFailure(type: string, status: number, code: ErrorCode, message: string): LochError {
  const failure = new LochError(code, message);
  NAMED.set(failure, { type, status });
  return failure;
}

/** Whether a failure is one of `restFailure`, whose words are the protocol's own. */
export const isNamed = (error: LochError): boolean => NAMED.has(error);

/** **Source**: Iceberg REST catalog specification, `IcebergErrorResponse`. */
export function icebergError(
  error: LochError,
  requestId: string,
  noun = 'table',
): { readonly status: number; readonly type: string; readonly body: string } {
  const named = NAMED.get(error);
  const [type, status] = EXCEPTIONS[error.code] ?? [
    error.kind === 'user' ? 'BadRequestException' : 'InternalServerError',
  ];
  const told = named?.type ?? OF_NOUN[noun]?.[error.code] ?? type;
  const code = named?.status ?? status ?? error.status;
  const inside = error.kind === 'internal' && error.code !== 'commit_state_unknown';
  const message = inside ? `Loch failed inside. \`loch logs ${requestId}\` tells more.` : error.message;
  return { status: code, type: told, body: JSON.stringify({ error: { message, type: told, code } }) };
}
