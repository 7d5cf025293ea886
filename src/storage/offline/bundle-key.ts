/**
 * The key of a bundle, and how it opens: by a passphrase, an unlock code, or the bytes of a key file, through scrypt.
 *
 * Invariant: nothing in the bundle's folder tells the secret; the unlock code is shown once, to whoever exports.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, scrypt } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import type { BundleSecret } from './contract-types.ts';

/** A wrapped key, as it stands in the manifest. */
export interface WrappedKey {
  readonly opensBy: BundleSecret['kind'];
  readonly kdf: {
    readonly name: 'scrypt';
    readonly n: number;
    readonly r: number;
    readonly p: number;
    readonly salt: string;
  };
  /** Nonce, tag and ciphertext, in base64. */
  readonly wrapped: string;
}

/** A guess costs 128 MiB of memory and some tenths of a second. */
const COST_N = 2 ** 17;
/** More than this a manifest may not ask for: it comes from outside. */
const MAX_N = 2 ** 20;
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** A new unlock code: 25 characters in groups of five, without those that look alike. 125 bits. */
export function newUnlockCode(): Secret {
  const characters = Array.from(randomBytes(25), (byte) => ALPHABET[byte % ALPHABET.length]);
  return new Secret(characters.join('').replace(/(.{5})(?=.)/g, '$1-'));
}

function derive(secret: Secret, kdf: WrappedKey['kdf']): Promise<Buffer> {
  const { n: N, r, p, salt } = kdf;
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(secret.reveal().normalize('NFC'), Buffer.from(salt, 'base64'), 32, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

/** A new key for `bundle`, and the form in which it travels. */
export async function newBundleKey(
  bundle: string,
  { kind, secret }: BundleSecret,
  n = COST_N,
): Promise<{ readonly key: Buffer; readonly wrapped: WrappedKey }> {
  const key = randomBytes(32);
  const kdf = { name: 'scrypt' as const, n, r: 8, p: 1, salt: randomBytes(16).toString('base64') };
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await derive(secret, kdf), nonce).setAAD(Buffer.from(bundle));
  const sealed = Buffer.concat([cipher.update(key), cipher.final()]);
  const wrapped = Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
  return { key, wrapped: { opensBy: kind, kdf, wrapped } };
}

/** The key of a bundle. **Errors**: `access_denied` when the secret is not the one; `data_corrupt` for strange parameters. */
export async function openBundleKey(bundle: string, wrapped: WrappedKey, secret: Secret): Promise<Buffer> {
  const { n, r, p } = wrapped.kdf;
  const sane = wrapped.kdf.name === 'scrypt' && [n, r, p].every((value) => Number.isSafeInteger(value) && value > 0);
  if (!sane || n > MAX_N || r > 32 || p > 16) {
    throw new LochError('data_corrupt', 'The manifest asks for a key derivation that no export of Loch writes.');
  }
  const bytes = Buffer.from(wrapped.wrapped, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', await derive(secret, wrapped.kdf), bytes.subarray(0, 12));
    decipher.setAAD(Buffer.from(bundle)).setAuthTag(bytes.subarray(12, 28));
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
  } catch (cause) {
    throw new LochError(
      'access_denied',
      `This ${wrapped.opensBy} does not open the bundle. It was made with another, or the manifest was changed.`,
      { cause },
    );
  }
}

/** Proof that a manifest was written by who had the key. */
export const proofOf = (key: Uint8Array, text: string): string =>
  createHmac('sha256', Buffer.from(hkdfSync('sha256', key, '', 'loch manifest', 32)))
    .update(text)
    .digest('base64');

/** Seals a small text under the bundle's key: what a resumed export needs, which holds names. */
export function sealText(key: Uint8Array, text: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(hkdfSync('sha256', key, '', 'loch state', 32)), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** The text again. **Errors**: `data_corrupt`. */
export function openText(key: Uint8Array, sealed: Buffer): string {
  try {
    const own = Buffer.from(hkdfSync('sha256', key, '', 'loch state', 32));
    const decipher = createDecipheriv('aes-256-gcm', own, sealed.subarray(0, 12)).setAuthTag(sealed.subarray(12, 28));
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new LochError('data_corrupt', 'The state of this export was changed. Begin it again in another folder.', {
      cause,
    });
  }
}
