/** Unwraps key material that a caller wrapped for import. **Source**: AWS KMS Developer Guide, "Importing key material". */
import { constants, createDecipheriv, privateDecrypt } from 'node:crypto';
import { keyFailure } from '../contract.ts';
import { privateKeyOf } from './asymmetric.ts';

/** RFC 5649, 3: the alternative initial value's constant. */
const WRAP_PAD_IV = Buffer.from('A65959A6', 'hex');

/** Wrapping algorithms, with the hash of their OAEP. */
export const WRAPPING_ALGORITHMS: Readonly<Record<string, string>> = {
  RSAES_OAEP_SHA_1: 'sha1',
  RSAES_OAEP_SHA_256: 'sha256',
  RSA_AES_KEY_WRAP_SHA_1: 'sha1',
  RSA_AES_KEY_WRAP_SHA_256: 'sha256',
};

/** Specs of the key that wraps, and their modulus bits. */
export const WRAPPING_SPECS: Readonly<Record<string, number>> = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 };

/** The material in `wrapped`. **Errors**: `InvalidCiphertextException`. */
export function unwrapMaterial(privateKey: Uint8Array, wrapped: Uint8Array, algorithm: string): Uint8Array {
  const key = privateKeyOf(privateKey);
  const oaep = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: WRAPPING_ALGORITHMS[algorithm]! };
  try {
    if (algorithm.startsWith('RSAES_OAEP')) return privateDecrypt(oaep, wrapped);
    const modulusBytes = key.asymmetricKeyDetails!.modulusLength! / 8;
    const ephemeral = privateDecrypt(oaep, wrapped.subarray(0, modulusBytes));
    const decipher = createDecipheriv('id-aes256-wrap-pad', ephemeral, WRAP_PAD_IV);
    return Buffer.concat([decipher.update(wrapped.subarray(modulusBytes)), decipher.final()]);
  } catch (error) {
    throw keyFailure(
      'InvalidCiphertextException',
      `The key material does not unwrap by ${algorithm} with the public key of this import token.`,
      { cause: error },
    );
  }
}
