import { type ErrorCode, ERROR_CODES, type LochError } from '../../core/errors.ts';
import type { AwsServiceDoor } from './service.ts';
import type { ServiceModel } from './service-model.ts';

/** A failure as a protocol writes it. */
export interface WireError {
  /** The name in JSON protocols: `AccessDeniedException`. */
  readonly name: string;
  /** The code in the query protocol: `AccessDenied`. */
  readonly queryCode: string;
  readonly status: number;
  readonly message: string;
  readonly fault: 'Sender' | 'Receiver';
  /** Further members of the error's shape. */
  readonly members: Readonly<Record<string, unknown>>;
  /** How the shape spells its message member. */
  readonly messageMember: string;
}

/** Names by protocol family where a service has none of its own: JSON and REST, query. */
const DEFAULT_NAMES: Partial<Record<ErrorCode, readonly [json: string, query: string]>> = {
  access_denied: ['AccessDeniedException', 'AccessDenied'],
  signature_mismatch: ['InvalidSignatureException', 'SignatureDoesNotMatch'],
  request_expired: ['InvalidSignatureException', 'SignatureDoesNotMatch'],
  expired_token: ['ExpiredTokenException', 'ExpiredToken'],
  clock_skew: ['InvalidSignatureException', 'SignatureDoesNotMatch'],
  unknown_access_key: ['UnrecognizedClientException', 'InvalidClientTokenId'],
  missing_credentials: ['MissingAuthenticationTokenException', 'MissingAuthenticationToken'],
  unknown_operation: ['UnknownOperationException', 'InvalidAction'],
  malformed_request: ['SerializationException', 'MalformedInput'],
  missing_argument: ['ValidationException', 'ValidationError'],
  unsupported: ['UnsupportedOperationException', 'UnsupportedOperation'],
  entity_too_large: ['RequestEntityTooLargeException', 'RequestEntityTooLarge'],
  limit_exceeded: ['LimitExceededException', 'LimitExceeded'],
  malformed_policy: ['MalformedPolicyDocumentException', 'MalformedPolicyDocument'],
  not_found: ['ResourceNotFoundException', 'NoSuchEntity'],
  database_not_found: ['EntityNotFoundException', 'NoSuchEntity'],
  table_not_found: ['EntityNotFoundException', 'NoSuchEntity'],
  partition_not_found: ['EntityNotFoundException', 'NoSuchEntity'],
  already_exists: ['AlreadyExistsException', 'EntityAlreadyExists'],
  conflict: ['ConflictException', 'ConcurrentModification'],
  commit_conflict: ['ConcurrentModificationException', 'ConcurrentModification'],
  concurrent_run: ['ConcurrentRunsExceededException', 'ConcurrentModification'],
  throttled: ['ThrottlingException', 'Throttling'],
  timeout: ['ServiceUnavailableException', 'ServiceUnavailable'],
  resource_exhausted: ['ServiceUnavailableException', 'ServiceUnavailable'],
  disk_full: ['ServiceUnavailableException', 'ServiceUnavailable'],
  unavailable: ['ServiceUnavailableException', 'ServiceUnavailable'],
  source_failed: ['ServiceUnavailableException', 'ServiceUnavailable'],
};
const USER_NAMES = ['ValidationException', 'ValidationError'] as const;
const INTERNAL_NAMES = ['InternalServiceException', 'InternalFailure'] as const;

/** Statuses of user errors that are not 400 in AWS's JSON and query protocols. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  access_denied: 403,
  signature_mismatch: 403,
  unknown_access_key: 403,
  missing_credentials: 403,
  request_expired: 403,
  clock_skew: 403,
  expired_token: 403,
  unsupported: 501,
  entity_too_large: 413,
  throttled: 400,
};

/**
 * The service's name, status and message of a failure. An internal failure tells its request id only: what went wrong
 * stands in the log under that id.
 */
export function wireError(
  error: LochError,
  requestId: string,
  service: Pick<AwsServiceDoor, 'errors'> | undefined,
  model: ServiceModel | undefined,
): WireError {
  const stated = service?.errors[error.code];
  const own = typeof stated === 'function' ? stated(error) : stated;
  const internal = error.kind === 'internal';
  const [json, query] = DEFAULT_NAMES[error.code] ?? (internal ? INTERNAL_NAMES : USER_NAMES);
  const shape = model?.error(own ?? json) ?? (own === undefined ? model?.error(query) : undefined);
  const userStatus = ERROR_CODES[error.code].kind === 'user' ? 400 : error.status;
  const status = shape?.status ?? STATUSES[error.code] ?? userStatus;
  const hidden = internal && error.code !== 'commit_state_unknown';
  return {
    name: own ?? json,
    queryCode: own === undefined ? query : (shape?.queryCode ?? own),
    status,
    message: hidden ? `The request failed inside Loch. See \`loch logs ${requestId}\`.` : error.message,
    fault: status >= 500 ? 'Receiver' : 'Sender',
    ...shapeMembers(shape?.schema, error),
  };
}

/** The shape's other members that the error's context names alike. */
function shapeMembers(schema: NonNullable<ReturnType<ServiceModel['error']>>['schema'] | undefined, error: LochError) {
  const members: Record<string, unknown> = {};
  let messageMember = 'message';
  for (const [name] of schema?.structIterator() ?? []) {
    if (name.toLowerCase() === 'message') messageMember = name;
    else if (Object.hasOwn(error.context, name)) members[name] = error.context[name];
  }
  return { members, messageMember };
}
