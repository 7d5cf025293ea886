import type { RequestContext, StorageScope } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { TemporaryCredentials } from '../contract.ts';
import type { IdentityDeps } from '../identity-deps.ts';
import { newTemporaryCredentials } from './session-token.ts';

const MIN_SECONDS = 900;
const MAX_SECONDS = 43_200;

/** Gives credentials in the caller's name for the files of one table. A lent session lends nothing on. */
export async function lendStorage(
  deps: IdentityDeps,
  context: RequestContext,
  scope: StorageScope,
  durationSeconds: number,
): Promise<TemporaryCredentials> {
  const { principal } = context;
  if (!Number.isInteger(durationSeconds) || durationSeconds < MIN_SECONDS || durationSeconds > MAX_SECONDS) {
    throw new LochError('invalid_argument', `A loan lasts ${MIN_SECONDS} to ${MAX_SECONDS} s, not ${durationSeconds}.`);
  }
  if (scope.bucket === '' || scope.prefix === '' || !scope.prefix.endsWith('/')) {
    throw new LochError(
      'invalid_argument',
      `The folder \`${scope.bucket}/${scope.prefix}\` cannot be lent: it names no folder.`,
    );
  }
  if (principal.session?.scope !== undefined || !['user', 'role', 'root'].includes(principal.kind)) {
    throw new LochError('access_denied', `${principal.arn} cannot be lent storage credentials with this session.`);
  }
  const issuedAt = deps.clock.now();
  // A session gives nothing beyond itself: neither longer than it lasts, nor past its own policy.
  const expiresAt = Math.min(
    issuedAt + durationSeconds * 1000,
    principal.session?.expiresAt ?? Number.POSITIVE_INFINITY,
  );
  const [ownerId, sessionName] = principal.id.split(':') as [string, string?];
  const session = { ...principal.session, issuedAt, expiresAt, scope };
  const owner = {
    accountId: principal.accountId,
    ownerId,
    ...(sessionName === undefined ? {} : { sessionName }),
    session,
  };
  return newTemporaryCredentials(deps.sealer, owner, principal);
}
