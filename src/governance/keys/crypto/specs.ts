/** What each key spec can do. **Source**: AWS KMS Developer Guide, "Key spec reference". */
import { keyFailure, type KeySpec, type KeyUsage } from '../contract.ts';

export interface SpecTraits {
  readonly kind: 'symmetric' | 'rsa' | 'ec' | 'ed25519' | 'hmac';
  readonly usages: readonly KeyUsage[];
  /** Algorithms by usage. */
  readonly algorithms: Partial<Record<KeyUsage, readonly string[]>>;
  /** Modulus bits, or bytes of an HMAC key. */
  readonly size?: number;
  readonly curve?: string;
}

const RSA_SIGNING = ['PSS', 'PKCS1_V1_5'].flatMap((padding) =>
  [256, 384, 512].map((bits) => `RSASSA_${padding}_SHA_${bits}`),
);

const rsa = (bits: number): SpecTraits => ({
  kind: 'rsa',
  usages: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'],
  algorithms: { ENCRYPT_DECRYPT: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'], SIGN_VERIFY: RSA_SIGNING },
  size: bits,
});

const ec = (curve: string, bits: number, agreement = true): SpecTraits => ({
  kind: 'ec',
  usages: agreement ? ['SIGN_VERIFY', 'KEY_AGREEMENT'] : ['SIGN_VERIFY'],
  algorithms: { SIGN_VERIFY: [`ECDSA_SHA_${bits}`], ...(agreement ? { KEY_AGREEMENT: ['ECDH'] } : {}) },
  curve,
});

const hmac = (bits: number): SpecTraits => ({
  kind: 'hmac',
  usages: ['GENERATE_VERIFY_MAC'],
  algorithms: { GENERATE_VERIFY_MAC: [`HMAC_SHA_${bits}`] },
  size: bits / 8,
});

/** The specs Loch has. */
export const KEY_SPECS: Readonly<Record<KeySpec, SpecTraits>> = {
  SYMMETRIC_DEFAULT: {
    kind: 'symmetric',
    usages: ['ENCRYPT_DECRYPT'],
    algorithms: { ENCRYPT_DECRYPT: ['SYMMETRIC_DEFAULT'] },
    size: 32,
  },
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: ec('P-256', 256),
  ECC_NIST_P384: ec('P-384', 384),
  ECC_NIST_P521: ec('P-521', 512),
  ECC_SECG_P256K1: ec('secp256k1', 256, false),
  ECC_NIST_EDWARDS25519: {
    kind: 'ed25519',
    usages: ['SIGN_VERIFY'],
    algorithms: { SIGN_VERIFY: ['ED25519_SHA_512'] },
  },
  HMAC_224: hmac(224),
  HMAC_256: hmac(256),
  HMAC_384: hmac(384),
  HMAC_512: hmac(512),
};

/** The algorithms of a key. */
export const algorithmsOf = (spec: KeySpec, usage: KeyUsage): readonly string[] =>
  KEY_SPECS[spec].algorithms[usage] ?? [];

/** Spec and usage of a new key. **Errors**: `UnsupportedOperationException`, `ValidationException`. */
export function checkSpec(
  spec: string,
  usage: string | undefined,
): { readonly spec: KeySpec; readonly usage: KeyUsage } {
  const traits = Object.hasOwn(KEY_SPECS, spec) ? KEY_SPECS[spec as KeySpec] : undefined;
  if (traits === undefined) {
    throw keyFailure(
      'UnsupportedOperationException',
      `Key spec \`${spec}\` is not supported. Known: ${Object.keys(KEY_SPECS).join(', ')}.`,
    );
  }
  const wanted = usage ?? (traits.kind === 'symmetric' ? 'ENCRYPT_DECRYPT' : undefined);
  if (wanted === undefined) {
    throw keyFailure(
      'ValidationException',
      `You must specify a KeyUsage value for ${spec}: ${traits.usages.join(', ')}.`,
    );
  }
  if (!traits.usages.includes(wanted as KeyUsage)) {
    throw keyFailure(
      'ValidationException',
      `KeyUsage ${wanted} is not compatible with KeySpec ${spec}. Known: ${traits.usages.join(', ')}.`,
    );
  }
  return { spec: spec as KeySpec, usage: wanted as KeyUsage };
}

/** The algorithm to use: the one asked for, or the only one there is. **Errors**: `InvalidKeyUsageException`. */
export function chooseAlgorithm(
  key: { readonly keyId: string; readonly spec: KeySpec; readonly usage: KeyUsage },
  asked: string | undefined,
): string {
  const known = algorithmsOf(key.spec, key.usage);
  const algorithm = asked ?? (known.length === 1 || key.spec === 'SYMMETRIC_DEFAULT' ? known[0] : undefined);
  if (algorithm !== undefined && known.includes(algorithm)) return algorithm;
  throw keyFailure(
    'InvalidKeyUsageException',
    `Algorithm ${asked ?? '(none given)'} is incompatible with key spec ${key.spec} of ${key.keyId}. Known: ${known.join(', ')}.`,
  );
}
