/** RSA, elliptic-curve and HMAC keys, by node:crypto. Private keys are PKCS #8, public ones SubjectPublicKeyInfo, DER. */
import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  privateDecrypt,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { keyFailure, type KeySpec } from '../contract.ts';
import { KEY_SPECS, type SpecTraits } from './specs.ts';
import { invalidCiphertext } from './symmetric.ts';

/** New material of a spec; the public half where there is one. */
export interface NewMaterial {
  readonly material: Uint8Array;
  readonly publicKey?: Uint8Array;
}

/** Makes material. **Cost**: RSA takes up to a second of a thread of the pool. */
export async function newMaterial(spec: KeySpec): Promise<NewMaterial> {
  const traits = KEY_SPECS[spec];
  if (traits.kind === 'symmetric' || traits.kind === 'hmac') return { material: randomBytes(traits.size!) };
  const encodings = {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  } as const;
  const made = await generatePair(traits, encodings);
  return { material: made.privateKey, publicKey: made.publicKey };
}

type DerEncodings = {
  readonly publicKeyEncoding: { readonly type: 'spki'; readonly format: 'der' };
  readonly privateKeyEncoding: { readonly type: 'pkcs8'; readonly format: 'der' };
};

interface DerPair {
  readonly publicKey: Buffer;
  readonly privateKey: Buffer;
}

function generatePair(traits: SpecTraits, encodings: DerEncodings): Promise<DerPair> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: Buffer, privateKey: Buffer) =>
      error === null ? resolve({ publicKey, privateKey }) : reject(error);
    if (traits.kind === 'rsa') generateKeyPair('rsa', { modulusLength: traits.size!, ...encodings }, done);
    else if (traits.kind === 'ec') generateKeyPair('ec', { namedCurve: traits.curve!, ...encodings }, done);
    else generateKeyPair('ed25519', encodings, done);
  });
}

/** The public half of private material. **Errors**: what node:crypto says of bytes that are no key. */
export const publicHalf = (material: Uint8Array): Uint8Array =>
  createPublicKey(privateKeyOf(material)).export({ type: 'spki', format: 'der' });

/** The private key of material. */
export const privateKeyOf = (material: Uint8Array) =>
  createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' });

const publicKeyOf = (bytes: Uint8Array) => createPublicKey({ key: Buffer.from(bytes), format: 'der', type: 'spki' });

const hashOf = (algorithm: string): string => `sha${/SHA_(\d+)$/.exec(algorithm)![1]}`;

/** RSA-OAEP. **Errors**: `ValidationException` when the plaintext is longer than the modulus takes. */
export function encryptRsa(publicKey: Uint8Array, plaintext: Uint8Array, algorithm: string): Uint8Array {
  const key = publicKeyOf(publicKey);
  const hash = hashOf(algorithm);
  const room = key.asymmetricKeyDetails!.modulusLength! / 8 - 2 * (hash === 'sha1' ? 20 : 32) - 2;
  if (plaintext.length > room) {
    throw keyFailure(
      'ValidationException',
      `The plaintext has ${plaintext.length} bytes; ${algorithm} with this key takes ${room}.`,
    );
  }
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, plaintext);
}

/** **Errors**: `InvalidCiphertextException`. */
export function decryptRsa(material: Uint8Array, ciphertext: Uint8Array, algorithm: string): Uint8Array {
  const key = privateKeyOf(material);
  try {
    return privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hashOf(algorithm) }, ciphertext);
  } catch (error) {
    throw invalidCiphertext(error);
  }
}

/** DER of the DigestInfo before the digest. **Source**: RFC 8017, 9.2, note 1. */
const DIGEST_INFO: Readonly<Record<string, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

function digestInfo(hash: string, digest: Uint8Array): Buffer {
  const prefix = Buffer.from(DIGEST_INFO[hash]!, 'hex');
  const length = Number(hash.slice(3)) / 8;
  if (digest.length !== length) {
    throw keyFailure(
      'ValidationException',
      `A digest of ${hash} has ${length} bytes; the message has ${digest.length}.`,
    );
  }
  return Buffer.concat([prefix, digest]);
}

/** node:crypto hashes what it signs; only PKCS #1 v1.5 can be put together from a digest. */
function refuseDigest(algorithm: string): never {
  throw keyFailure(
    'UnsupportedOperationException',
    `MessageType DIGEST is supported with RSASSA_PKCS1_V1_5 only, not ${algorithm}. Send the message with MessageType RAW.`,
  );
}

function signingInput(key: ReturnType<typeof privateKeyOf>, algorithm: string) {
  if (algorithm.startsWith('RSASSA_PSS')) {
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  }
  return { key, dsaEncoding: 'der' as const };
}

/** Signs a message, or the digest of one. */
export function signMessage(material: Uint8Array, message: Uint8Array, algorithm: string, digest: boolean): Uint8Array {
  const key = privateKeyOf(material);
  if (algorithm === 'ED25519_SHA_512') return digest ? refuseDigest(algorithm) : sign(null, message, key);
  const hash = hashOf(algorithm);
  if (!digest) return sign(hash, message, signingInput(key, algorithm));
  if (!algorithm.startsWith('RSASSA_PKCS1')) refuseDigest(algorithm);
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(hash, message));
}

/** Whether a signature is the key's over the message, or over its digest. */
export function verifyMessage(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  algorithm: string,
  digest: boolean,
): boolean {
  const key = publicKeyOf(publicKey);
  if (algorithm === 'ED25519_SHA_512') return digest ? refuseDigest(algorithm) : verify(null, message, key, signature);
  const hash = hashOf(algorithm);
  if (!digest) return verify(hash, message, signingInput(key, algorithm), signature);
  if (!algorithm.startsWith('RSASSA_PKCS1')) refuseDigest(algorithm);
  const expected = digestInfo(hash, message);
  try {
    const found = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return found.length === expected.length && timingSafeEqual(found, expected);
  } catch {
    return false; // a signature of another form or length
  }
}

/** The shared secret with somebody's public key. **Errors**: `ValidationException` for a key of another curve. */
export function sharedSecret(material: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return diffieHellman({ privateKey: privateKeyOf(material), publicKey: publicKeyOf(publicKey) });
  } catch (error) {
    throw keyFailure('ValidationException', 'PublicKey must be a DER key on the same curve as the key pair.', {
      cause: error,
    });
  }
}

/** The MAC of a message. */
export const macOf = (material: Uint8Array, message: Uint8Array, algorithm: string): Buffer =>
  createHmac(hashOf(algorithm), material).update(message).digest();

/** Compares two MACs in the same time whatever they are. */
export const sameMac = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
