/**
 * Session tokens: all that is known of a session, sealed, so that nothing of it is stored.
 *
 * Invariants
 * - A token opens only under the key of this data directory, and only for the access key id inside it.
 * - It names the role or user by id: when he is deleted, the token is worth nothing.
 */
import type { PrincipalSession } from '../../../core/caller.ts';
import { newSecretKey, newUniqueId } from '../../../core/ids.ts';
import { Secret, type SecretSealer } from '../../../core/secret.ts';
import type { TemporaryCredentials } from '../contract.ts';

export interface SessionPayload {
  readonly version: 1;
  readonly accessKeyId: string;
  readonly secret: string;
  readonly accountId: string;
  /** Id of the role or user; the account id for root. */
  readonly ownerId: string;
  /** Name of the role session; undefined for a session of the user himself. */
  readonly sessionName?: string;
  readonly session: PrincipalSession;
}

const PURPOSE = 'sts-session';

/** Fresh credentials of a session. */
export function newTemporaryCredentials(
  sealer: SecretSealer,
  owner: Pick<SessionPayload, 'accountId' | 'ownerId' | 'sessionName' | 'session'>,
  principal: { readonly arn: string; readonly id: string },
): TemporaryCredentials {
  const accessKeyId = newUniqueId('ASIA');
  const secret = new Secret(newSecretKey());
  const payload: SessionPayload = { version: 1, accessKeyId, secret: secret.reveal(), ...owner };
  const sealed = sealer.seal(new Secret(JSON.stringify(payload)), PURPOSE);
  return {
    accessKeyId,
    secret,
    sessionToken: new Secret(Buffer.from(sealed).toString('base64')),
    expiresAt: owner.session.expiresAt,
    principalArn: principal.arn,
    principalId: principal.id,
  };
}

/** What a token holds, or undefined when it is none of ours or of another key. */
export function openSessionToken(sealer: SecretSealer, token: string, accessKeyId: string): SessionPayload | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(token)) return undefined;
  let payload: SessionPayload;
  try {
    payload = JSON.parse(sealer.open(Buffer.from(token, 'base64'), PURPOSE).reveal());
  } catch {
    return undefined;
  }
  return payload.version === 1 && payload.accessKeyId === accessKeyId ? payload : undefined;
}
