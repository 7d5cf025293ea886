/**
 * Ciphertexts of symmetric keys: AES-256-GCM.
 *
 * Invariants
 * - Form: version (1), key id (16 bytes), material id (32), salt (16), nonce (12), ciphertext, tag (16).
 * - No nonce is used twice with a key: every call encrypts under a subkey of its own, HKDF-SHA-256 of the material with
 *   128 random bits as salt, and a random 96-bit nonce. Two calls meet only when 224 random bits do. A counter would need
 *   a durable write per call and be wrong after a fork, a restore of a backup or a copied disk; plain random nonces under
 *   one key are bounded to 2^32 calls (NIST SP 800-38D, 8.3).
 * - Everything before the ciphertext and the encryption context are authenticated.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { type EncryptionContext, keyFailure } from '../contract.ts';

const VERSION = 1;
const ID_END = 17;
const MATERIAL_END = ID_END + 32;
const SALT_END = MATERIAL_END + 16;
const NONCE_END = SALT_END + 12;
const TAG_BYTES = 16;

/** The longest plaintext of one call. **Units**: bytes. */
export const MAX_PLAINTEXT_BYTES = 4096;
const MAX_CONTEXT_BYTES = 8192;

/** Which key and material a ciphertext names. */
export interface CiphertextHeader {
  readonly keyId: string;
  readonly materialId: string;
}

const idBytes = (keyId: string): Buffer => Buffer.from(keyId.replaceAll('-', ''), 'hex');

function idText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const length = (bytes: number): Buffer => {
  const text = Buffer.alloc(4);
  text.writeUInt32BE(bytes);
  return text;
};

/** The context in one form whatever the order of its names: sorted, every text with its length. */
export function contextBytes(context: EncryptionContext = {}): Buffer {
  const pairs = Object.entries(context)
    .map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const)
    .sort(([a], [b]) => Buffer.compare(a, b));
  const bytes = Buffer.concat(
    pairs.flatMap(([name, value]) => [length(name.length), name, length(value.length), value]),
  );
  if (bytes.length <= MAX_CONTEXT_BYTES) return bytes;
  throw keyFailure(
    'ValidationException',
    `The encryption context has ${bytes.length} bytes; the limit is ${MAX_CONTEXT_BYTES}.`,
  );
}

const subkey = (material: Uint8Array, salt: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', material, salt, 'loch-kms-symmetric', 32));

/** Encrypts under a material. */
export function encryptSymmetric(
  key: CiphertextHeader & { readonly material: Uint8Array },
  plaintext: Uint8Array,
  context: EncryptionContext | undefined,
): Uint8Array {
  const random = randomBytes(28);
  const header = Buffer.concat([
    Buffer.from([VERSION]),
    idBytes(key.keyId),
    Buffer.from(key.materialId, 'hex'),
    random,
  ]);
  const cipher = createCipheriv('aes-256-gcm', subkey(key.material, random.subarray(0, 16)), random.subarray(16));
  cipher.setAAD(Buffer.concat([header, contextBytes(context)]));
  return Buffer.concat([header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** What a ciphertext says of itself. **Errors**: `InvalidCiphertextException` when it is none of ours. */
export function readHeader(ciphertext: Uint8Array): CiphertextHeader {
  const bytes = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.byteLength);
  if (bytes.length < NONCE_END + TAG_BYTES || bytes[0] !== VERSION) throw invalidCiphertext();
  return { keyId: idText(bytes.subarray(1, ID_END)), materialId: bytes.toString('hex', ID_END, MATERIAL_END) };
}

/** Decrypts. **Errors**: `InvalidCiphertextException` when bytes or context are not those of the encryption. */
export function decryptSymmetric(
  material: Uint8Array,
  ciphertext: Uint8Array,
  context: EncryptionContext | undefined,
): Uint8Array {
  const bytes = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.byteLength);
  const key = subkey(material, bytes.subarray(MATERIAL_END, SALT_END));
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(SALT_END, NONCE_END));
  decipher.setAAD(Buffer.concat([bytes.subarray(0, NONCE_END), contextBytes(context)]));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_END, bytes.length - TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw invalidCiphertext(error);
  }
}

/** The failure of a ciphertext that does not open; it does not tell why, as KMS does not. */
export function invalidCiphertext(cause?: unknown): Error {
  return keyFailure(
    'InvalidCiphertextException',
    'The ciphertext does not open: it was changed, is of no key of this lake, or the encryption context is another one.',
    { cause },
  );
}
