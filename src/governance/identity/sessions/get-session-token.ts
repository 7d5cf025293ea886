import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { TemporaryCredentials } from '../contract.ts';
import type { IdentityDeps } from '../identity-deps.ts';
import { newTemporaryCredentials } from './session-token.ts';

const MIN_SECONDS = 900;
const DEFAULT_SECONDS = 43_200;
const MAX_SECONDS = 129_600;
const MAX_ROOT_SECONDS = 3_600;

/** Gives the caller credentials of his own that end. They may neither change identities nor make further sessions. */
export async function getSessionToken(
  deps: IdentityDeps,
  context: RequestContext,
  durationSeconds: number | undefined,
): Promise<TemporaryCredentials> {
  const { principal } = context;
  const longest = principal.kind === 'root' ? MAX_ROOT_SECONDS : MAX_SECONDS;
  const seconds = durationSeconds ?? Math.min(DEFAULT_SECONDS, longest);
  if (!Number.isInteger(seconds) || seconds < MIN_SECONDS || seconds > MAX_SECONDS) {
    throw new LochError('invalid_argument', `DurationSeconds is ${seconds}; give ${MIN_SECONDS} to ${MAX_SECONDS}.`);
  }
  if (principal.session !== undefined || (principal.kind !== 'user' && principal.kind !== 'root')) {
    throw new LochError('access_denied', 'GetSessionToken needs the long-term credentials of a user.');
  }
  const issuedAt = deps.clock.now();
  // Root gets an hour whatever he asks for, as AWS does.
  const session = { issuedAt, expiresAt: issuedAt + Math.min(seconds, longest) * 1000 };
  const owner = { accountId: principal.accountId, ownerId: principal.id, session };
  return newTemporaryCredentials(deps.sealer, owner, principal);
}
