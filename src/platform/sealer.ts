import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { LochError } from '../core/errors.ts';
import { Secret, type SecretSealer } from '../core/secret.ts';

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals secrets with AES-256-GCM under `key` (32 bytes). Form: one format byte, the nonce, the tag, the ciphertext; the
 * purpose is additional authenticated data.
 */
export function createSealer(key: Uint8Array): SecretSealer {
  return {
    seal(secret, purpose) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([FORMAT]), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, purpose) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      try {
        if (bytes[0] !== FORMAT) throw new Error(`unknown format ${bytes[0]}`);
        const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
        const tag = bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
        const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose)).setAuthTag(tag);
        const body = bytes.subarray(1 + NONCE_BYTES + TAG_BYTES);
        return new Secret(Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8'));
      } catch (error) {
        throw new LochError(
          'data_corrupt',
          `A sealed secret (${purpose}) does not open. Its bytes were changed, or keys/master.key is not the key of this data directory.`,
          { cause: error },
        );
      }
    },
  };
}
