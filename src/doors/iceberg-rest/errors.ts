import type { ErrorCode, LochError } from '../../core/errors.ts';

/** The REST catalog's exception of each code, with its status where that is not the code's own. */
const EXCEPTIONS: Partial<Record<ErrorCode, readonly [type: string, status?: number]>> = {
  table_not_found: ['NoSuchTableException'],
  database_not_found: ['NoSuchNamespaceException'],
  not_found: ['NotFoundException'],
  already_exists: ['AlreadyExistsException'],
  conflict: ['NamespaceNotEmptyException'],
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
  unsupported: ['UnsupportedOperationException', 406],
  unknown_operation: ['NoSuchEndpointException', 404],
  unavailable: ['ServiceUnavailableException'],
  throttled: ['ServiceUnavailableException', 503],
  resource_exhausted: ['ServiceUnavailableException'],
  disk_full: ['ServiceUnavailableException'],
};

/** **Source**: Iceberg REST catalog specification, `IcebergErrorResponse`. */
export function icebergError(
  error: LochError,
  requestId: string,
): { readonly status: number; readonly type: string; readonly body: string } {
  const [type, status] = EXCEPTIONS[error.code] ?? [
    error.kind === 'user' ? 'BadRequestException' : 'InternalServerError',
  ];
  const code = status ?? error.status;
  const inside = error.kind === 'internal' && error.code !== 'commit_state_unknown';
  const message = inside ? `Loch failed inside. \`loch logs ${requestId}\` tells more.` : error.message;
  return { status: code, type, body: JSON.stringify({ error: { message, type, code } }) };
}
