import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import { LochError } from '../core/errors.ts';
import { Secret, type SecretSealer } from '../core/secret.ts';

/** Sealed by the only key there was. */
const FIRST_FORMAT = 1;
/** Names the key that sealed it. */
const FORMAT = 2;
const ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed value says of the key that sealed it; it tells nothing of the key. */
const idOf = (key: Uint8Array): Buffer =>
  hash('sha256', Buffer.concat([Buffer.from('loch-key-id'), key]), 'buffer').subarray(0, ID_BYTES);

/**
 * Seals secrets with AES-256-GCM under the first of `keys` (32 bytes each) and opens what any of them sealed. Form: one
 * format byte, the key's id, the nonce, the tag, the ciphertext; the purpose is additional authenticated data.
 */
export function createSealer(keys: Uint8Array | readonly Uint8Array[]): SecretSealer {
  const ring = (keys instanceof Uint8Array ? [keys] : keys).map((key) => ({ key, id: idOf(key) }));
  const newest = ring[0]!;
  return {
    seal(secret, purpose) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', newest.key, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([FORMAT]), newest.id, nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, purpose) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const named = bytes[0] === FORMAT;
      const sealedBy = named ? ring.filter(({ id }) => id.equals(bytes.subarray(1, 1 + ID_BYTES))) : ring;
      const rest = bytes.subarray(named ? 1 + ID_BYTES : 1);
      let cause: unknown = new Error(`unknown format ${bytes[0]}, or sealed by another key`);
      if (named || bytes[0] === FIRST_FORMAT) {
        for (const { key } of sealedBy) {
          try {
            return openWith(key, rest, purpose);
          } catch (error) {
            cause = error;
          }
        }
      }
      throw new LochError(
        'data_corrupt',
        `A sealed secret (${purpose}) does not open. Its bytes were changed, or keys/master.key is not the key of this data directory.`,
        { cause },
      );
    },
  };
}

function openWith(key: Uint8Array, bytes: Buffer, purpose: string): Secret {
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose)).setAuthTag(tag);
  const body = bytes.subarray(NONCE_BYTES + TAG_BYTES);
  return new Secret(Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8'));
}
