import { isLochError, LochError } from '../../../core/errors.ts';

/** What the service said, as the SDK tells it. */
interface ServiceFailure {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

/** The HTTP status of a failure; undefined when no answer came. */
export const statusOf = (error: unknown): number | undefined => (error as ServiceFailure).$metadata?.httpStatusCode;

/** Whether the service has no object of the name. */
export const isMissing = (error: unknown): boolean => statusOf(error) === 404;

/** Whether a conditional write lost: somebody else was first. */
export const isConditionLost = (error: unknown): boolean => statusOf(error) === 412 || statusOf(error) === 409;

/** Whether the service does not know conditional writes. */
export const isUnknownCondition = (error: unknown): boolean => statusOf(error) === 501 || statusOf(error) === 400;

/**
 * A failure of the remote service in our words. It never holds what was sent, so no key of the service can be in it.
 * `configuration` when the service refuses us, which no retry mends; else `unavailable`.
 */
export function remoteFailure(
  what: string,
  { endpoint, settings }: { readonly endpoint: string; readonly settings: string },
  error: unknown,
): Error {
  if (isLochError(error) || (error as Error).name === 'AbortError') return error as Error;
  const { name, message } = error as ServiceFailure;
  const status = statusOf(error);
  const context = { endpoint, operation: what, ...(status === undefined ? {} : { status }) };
  if (status === 401 || status === 403) {
    return new LochError(
      'unavailable',
      `The remote store ${endpoint} refuses ${what} (${name ?? status}). Check \`${settings}.access_key_id\` with its secret, and what that key may do.`,
      { context, cause: error },
    );
  }
  return new LochError(
    'unavailable',
    `The remote store ${endpoint} failed at ${what}: ${name ?? 'Error'}${message ? `, ${message}` : ''}. Send the request again; \`loch status\` tells whether the store answers.`,
    { context, cause: error },
  );
}
