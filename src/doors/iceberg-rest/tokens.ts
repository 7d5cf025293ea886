/**
 * Bearer tokens of the OAuth2 client-credentials flow, where the client is an access key.
 *
 * Invariants
 * - A token names a key and an expiry under an HMAC of a key that never leaves the server; it gives what the key gives,
 *   so a deleted key's tokens end at once.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import type { Identities } from '../../governance/contract.ts';

const LIFETIME_MS = 3600_000;
const PREFIX = 'loch1';

/** Issues and checks tokens. */
export interface IcebergTokens {
  /** **Errors**: `signature_mismatch` for a wrong pair and for an unknown key alike. */
  issue(accessKeyId: string, secret: string): Promise<{ readonly token: string; readonly expiresSeconds: number }>;
  /** A token for who holds one that is still good. **Errors**: as of `principalOf`. */
  renew(token: string): Promise<{ readonly token: string; readonly expiresSeconds: number }>;
  /** **Errors**: `request_expired`; `signature_mismatch`, `unknown_access_key` for a token that proves nothing. */
  principalOf(token: string): Promise<Principal>;
}

/** `key`: 32 bytes known to this server alone. */
export function createIcebergTokens(deps: {
  readonly identities: Identities;
  readonly clock: Clock;
  readonly key: Uint8Array;
}): IcebergTokens {
  const { identities, clock } = deps;
  const digest = (text: string) => createHmac('sha256', deps.key).update(text).digest();
  return {
    async issue(accessKeyId, secret) {
      const known = await identities.accessKey(accessKeyId);
      // An unknown key costs the same comparison as a wrong secret.
      const expected = known?.secret.reveal() ?? randomBytes(30).toString('base64');
      const matches = timingSafeEqual(digest(`secret:${secret}`), digest(`secret:${expected}`));
      if (known === undefined || !matches) {
        throw new LochError('signature_mismatch', 'The client id (access key) and secret do not belong together.');
      }
      return made(accessKeyId);
    },
    async renew(token) {
      return made((await principalOf(token)).accessKeyId!);
    },
    principalOf,
  };

  function made(accessKeyId: string) {
    const text = `${PREFIX}.${accessKeyId}.${clock.now() + LIFETIME_MS}`;
    return {
      token: `${text}.${digest(`iceberg-token:${text}`).toString('base64url')}`,
      expiresSeconds: LIFETIME_MS / 1000,
    };
  }

  async function principalOf(token: string): Promise<Principal> {
    const parts = token.split('.');
    const [prefix, accessKeyId, expires, signature] = parts;
    const text = parts.slice(0, 3).join('.');
    const stated = Buffer.from(signature ?? '', 'base64url');
    const expected = digest(`iceberg-token:${text}`);
    const genuine = parts.length === 4 && stated.length === expected.length && timingSafeEqual(stated, expected);
    if (!genuine || prefix !== PREFIX) {
      throw new LochError('signature_mismatch', 'The bearer token is not one of this server. Ask for a new one.');
    }
    if (Number(expires) < clock.now()) {
      throw new LochError('request_expired', 'The bearer token has expired. Ask for a new one.');
    }
    const known = await identities.accessKey(accessKeyId!);
    if (known === undefined) {
      throw new LochError('unknown_access_key', 'The access key of the bearer token does not exist or is not active.');
    }
    return known.principal;
  }
}
