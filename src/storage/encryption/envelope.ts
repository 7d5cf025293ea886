/**
 * What a version keeps so that its data key can be had again. Never a key in the clear: a data key is wrapped by the
 * lake's own key, by a KMS key, by a bucket key that a KMS key wraps, or by the key a customer keeps.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { LochError } from '../../core/errors.ts';

/** The text in `ObjectEncryption.envelope`. */
export interface Envelope {
  /** The wrapped data key. */
  readonly wrapped: Buffer;
  /** The bucket key that wraps it, itself wrapped by the KMS key. */
  readonly bucketKey?: Buffer;
  /** What the writer added to the encryption context. */
  readonly context?: Readonly<Record<string, string>>;
}

/** Writes an envelope as text. */
export function formatEnvelope({ wrapped, bucketKey, context }: Envelope): string {
  return JSON.stringify({
    k: wrapped.toString('base64'),
    ...(bucketKey === undefined ? {} : { b: bucketKey.toString('base64') }),
    ...(context === undefined || Object.keys(context).length === 0 ? {} : { c: context }),
  });
}

/** Reads it again. **Errors**: `data_corrupt`. */
export function parseEnvelope(text: string | undefined): Envelope {
  try {
    const { k, b, c } = JSON.parse(text ?? '') as { k: string; b?: string; c?: Record<string, string> };
    return {
      wrapped: Buffer.from(k, 'base64'),
      ...(b === undefined ? {} : { bucketKey: Buffer.from(b, 'base64') }),
      ...(c === undefined ? {} : { context: c }),
    };
  } catch (error) {
    throw new LochError('data_corrupt', 'What a version keeps of its data key cannot be read.', { cause: error });
  }
}

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const subkey = (key: Uint8Array, salt: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, salt, 'loch-wrap', 32));

/** Wraps a data key under a key of 32 bytes; each call under a subkey of its own, so no nonce can repeat. */
export function wrapKey(key: Uint8Array, dataKey: Uint8Array, purpose: string): Buffer {
  const random = randomBytes(SALT_BYTES + NONCE_BYTES);
  const cipher = createCipheriv(
    'aes-256-gcm',
    subkey(key, random.subarray(0, SALT_BYTES)),
    random.subarray(SALT_BYTES),
  );
  cipher.setAAD(Buffer.from(purpose));
  return Buffer.concat([random, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
}

/** The data key again, or undefined when the key, the purpose or the bytes are others. */
export function unwrapKey(key: Uint8Array, wrapped: Buffer, purpose: string): Buffer | undefined {
  if (wrapped.length < SALT_BYTES + NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = wrapped.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', subkey(key, wrapped.subarray(0, SALT_BYTES)), nonce);
  decipher.setAAD(Buffer.from(purpose)).setAuthTag(wrapped.subarray(wrapped.length - TAG_BYTES));
  try {
    const body = wrapped.subarray(SALT_BYTES + NONCE_BYTES, wrapped.length - TAG_BYTES);
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch {
    return undefined; // what that means depends on whose key it is
  }
}
