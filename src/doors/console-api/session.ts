/**
 * Console sessions: a cookie that proves a sign-in by access key or one-time link.
 *
 * Invariants
 * - The cookie holds the access-key id and an expiry under an HMAC of a key that never leaves the server; it names a
 *   key, not a right, so deleting the key ends its sessions at the next request.
 * - A one-time link works once, within 30 minutes, and only until the server stops.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import type { Identities } from '../../governance/contract.ts';

/** Name of the cookie. */
export const SESSION_COOKIE = 'loch_session';
const SESSION_MS = 12 * 3600_000;
const LINK_MS = 30 * 60_000;

/** Issues and checks sessions. */
export interface Sessions {
  /** **Errors**: `signature_mismatch` for a wrong pair; the same for an unknown key, so that neither is told apart. */
  signIn(accessKeyId: string, secret: string): Promise<{ readonly cookie: string; readonly principal: Principal }>;
  /** A token for a one-time link that signs in with `accessKeyId`. */
  createLink(accessKeyId: string): string;
  /** **Errors**: `request_expired` when the link was used, is too old, or is of another run of the server. */
  useLink(token: string): Promise<{ readonly cookie: string; readonly principal: Principal }>;
  /** The principal of a cookie, or undefined when it proves nothing. */
  principalOf(cookie: string | undefined): Promise<Principal | undefined>;
}

/** `key`: 32 bytes known to this server alone. */
export function createSessions(deps: {
  readonly identities: Identities;
  readonly clock: Clock;
  readonly key: Uint8Array;
}): Sessions {
  const { identities, clock } = deps;
  const links = new Map<string, { readonly accessKeyId: string; readonly expires: number }>();
  const sign = (text: string) => createHmac('sha256', deps.key).update(`console-session:${text}`).digest();
  const issue = (accessKeyId: string) => {
    const text = `${accessKeyId}.${clock.now() + SESSION_MS}`;
    return `${text}.${sign(text).toString('base64url')}`;
  };
  return {
    async signIn(accessKeyId, secret) {
      const known = await identities.accessKey(accessKeyId);
      const digest = (value: string) => createHmac('sha256', deps.key).update(value).digest();
      // An unknown key costs the same comparison as a wrong secret.
      const matches = timingSafeEqual(
        digest(secret),
        digest(known?.secret.reveal() ?? randomBytes(30).toString('base64')),
      );
      if (known === undefined || !matches) {
        throw new LochError(
          'signature_mismatch',
          'This access key and secret do not belong together. Check both, or ask your administrator for a new key.',
        );
      }
      return { cookie: issue(accessKeyId), principal: known.principal };
    },
    createLink(accessKeyId) {
      const token = randomBytes(24).toString('base64url');
      for (const [old, { expires }] of links) if (expires < clock.now()) links.delete(old);
      links.set(token, { accessKeyId, expires: clock.now() + LINK_MS });
      return token;
    },
    async useLink(token) {
      const link = links.get(token);
      links.delete(token);
      const known =
        link === undefined || link.expires < clock.now() ? undefined : await identities.accessKey(link.accessKeyId);
      if (link === undefined || known === undefined) {
        throw new LochError(
          'request_expired',
          'This link was used already, or is older than 30 minutes. Make another with `loch console`.',
        );
      }
      return { cookie: issue(link.accessKeyId), principal: known.principal };
    },
    async principalOf(cookie) {
      const parts = cookie?.split('.') ?? [];
      if (parts.length !== 3) return undefined;
      const [accessKeyId, expires, mac] = parts as [string, string, string];
      const expected = sign(`${accessKeyId}.${expires}`);
      const stated = Buffer.from(mac, 'base64url');
      if (stated.length !== expected.length || !timingSafeEqual(stated, expected)) return undefined;
      if (Number(expires) < clock.now()) return undefined;
      return (await identities.accessKey(accessKeyId))?.principal;
    },
  };
}
