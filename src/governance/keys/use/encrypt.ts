/** Encrypt, decrypt, re-encrypt and data keys. */
import { randomBytes } from 'node:crypto';
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeIam } from '../authorize-iam.ts';
import { authorizeKey } from '../authorize-key.ts';
import {
  type DataKey,
  type DataKeyPair,
  type EncryptionContext,
  keyFailure,
  type KeyCiphertext,
  type KeyPlaintext,
  type KeySpec,
  type KeyUsage,
  type KeyUseOptions,
} from '../contract.ts';
import { decryptRsa, encryptRsa, newMaterial } from '../crypto/asymmetric.ts';
import { chooseAlgorithm, KEY_SPECS } from '../crypto/specs.ts';
import {
  decryptSymmetric,
  encryptSymmetric,
  invalidCiphertext,
  MAX_PLAINTEXT_BYTES,
  readHeader,
} from '../crypto/symmetric.ts';
import type { KeyDeps } from '../key-deps.ts';
import type { KnownKey } from '../key-ring.ts';
import { aliasIn } from '../manage/lifecycle.ts';
import { noteUse } from './note-use.ts';

/** **Errors**: `InvalidKeyUsageException`. */
export function assertUsage(key: KnownKey, usage: KeyUsage, operation: string): void {
  if (key.info.usage === usage) return;
  throw keyFailure(
    'InvalidKeyUsageException',
    `${key.info.arn} key usage is ${key.info.usage} which is not valid for ${operation}.`,
  );
}

function assertSymmetric(key: KnownKey, operation: string): void {
  if (key.info.spec === 'SYMMETRIC_DEFAULT') return;
  throw keyFailure(
    'InvalidKeyUsageException',
    `${operation} needs a symmetric encryption key; ${key.info.arn} is ${key.info.spec}.`,
  );
}

/** Encrypts up to 4,096 bytes. */
export async function encrypt(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  plaintext: Uint8Array,
  options: KeyUseOptions = {},
): Promise<KeyCiphertext> {
  if (plaintext.length < 1 || plaintext.length > MAX_PLAINTEXT_BYTES) {
    throw keyFailure(
      'ValidationException',
      `Plaintext has ${plaintext.length} bytes; give 1 to ${MAX_PLAINTEXT_BYTES}.`,
    );
  }
  const key = await deps.ring.find(context, name);
  const algorithm = options.algorithm ?? 'SYMMETRIC_DEFAULT';
  await authorizeKey(deps, context, key, question('Encrypt', name, options, algorithm), options);
  assertUsage(key, 'ENCRYPT_DECRYPT', 'Encrypt');
  return encryptBy(deps, key, plaintext, options.encryptionContext, options.algorithm, 'Encrypt');
}

const question = (operation: string, name: string, options: KeyUseOptions, algorithm?: string) => ({
  operation,
  encryptionContext: options.encryptionContext,
  alias: aliasIn(name),
  ...(algorithm === undefined ? {} : { algorithm }),
});

/** Encrypts by the current material of a key whose use is authorized. */
export function encryptBy(
  deps: KeyDeps,
  key: KnownKey,
  plaintext: Uint8Array,
  encryptionContext: EncryptionContext | undefined,
  asked: string | undefined,
  operation: string,
): KeyCiphertext {
  const { materialId, material, row } = deps.ring.current(key);
  const algorithm = chooseAlgorithm(key.info, asked ?? 'SYMMETRIC_DEFAULT');
  noteUse(deps, key, operation);
  if (key.info.spec !== 'SYMMETRIC_DEFAULT') {
    refuseContext(encryptionContext);
    return { keyArn: key.info.arn, algorithm, ciphertext: encryptRsa(row.public_key!, plaintext, algorithm) };
  }
  const ciphertext = encryptSymmetric({ keyId: key.info.keyId, materialId, material }, plaintext, encryptionContext);
  return { keyArn: key.info.arn, algorithm, ciphertext, materialId };
}

function refuseContext(encryptionContext: EncryptionContext | undefined): void {
  if (encryptionContext === undefined || Object.keys(encryptionContext).length === 0) return;
  throw keyFailure('ValidationException', 'An encryption context is for symmetric encryption keys only.');
}

/** Decrypts what `encrypt` and the data-key operations made. */
export function decrypt(
  deps: KeyDeps,
  context: RequestContext,
  ciphertext: Uint8Array,
  options: KeyUseOptions & { readonly key?: string } = {},
): Promise<KeyPlaintext> {
  return decryptAs(deps, context, 'Decrypt', ciphertext, options);
}

async function decryptAs(
  deps: KeyDeps,
  context: RequestContext,
  operation: 'Decrypt' | 'ReEncryptFrom',
  ciphertext: Uint8Array,
  options: KeyUseOptions & { readonly key?: string; readonly via?: string },
): Promise<KeyPlaintext> {
  const algorithm = options.algorithm ?? 'SYMMETRIC_DEFAULT';
  const named = options.key === undefined ? undefined : await deps.ring.find(context, options.key);
  if (algorithm !== 'SYMMETRIC_DEFAULT' || (named !== undefined && named.info.spec !== 'SYMMETRIC_DEFAULT')) {
    if (named === undefined) {
      throw keyFailure('ValidationException', `KeyId is required to decrypt by ${algorithm}.`);
    }
    await authorizeKey(deps, context, named, question(operation, options.key!, options, algorithm), options);
    assertUsage(named, 'ENCRYPT_DECRYPT', operation);
    chooseAlgorithm(named.info, algorithm);
    refuseContext(options.encryptionContext);
    const { material } = deps.ring.current(named);
    noteUse(deps, named, operation);
    return { keyArn: named.info.arn, algorithm, plaintext: decryptRsa(material, ciphertext, algorithm) };
  }
  const header = readHeader(ciphertext);
  if (named !== undefined && named.info.keyId !== header.keyId) {
    throw keyFailure(
      'IncorrectKeyException',
      `The key ${named.info.arn} is not the one that encrypted the ciphertext.`,
    );
  }
  const key = named ?? (await deps.ring.byId(header.keyId));
  // Of a key that is gone nobody learns more than that the ciphertext does not open.
  if (key === undefined) throw invalidCiphertext();
  await authorizeKey(deps, context, key, question(operation, options.key ?? '', options, algorithm), options);
  const material = deps.ring.material(key, header.materialId);
  if (material === undefined) throw invalidCiphertext();
  const plaintext = decryptSymmetric(material, ciphertext, options.encryptionContext);
  noteUse(deps, key, operation);
  return { keyArn: key.info.arn, algorithm, plaintext, materialId: header.materialId };
}

/** Decrypts and encrypts again under another key or context; the plaintext stays inside. */
export async function reEncrypt(
  deps: KeyDeps,
  context: RequestContext,
  ciphertext: Uint8Array,
  from: KeyUseOptions & { readonly key?: string },
  to: KeyUseOptions & { readonly key: string },
): Promise<KeyCiphertext & { readonly source: Omit<KeyPlaintext, 'plaintext'> }> {
  const target = await deps.ring.find(context, to.key);
  const { plaintext, ...source } = await decryptAs(deps, context, 'ReEncryptFrom', ciphertext, {
    ...from,
    dryRun: false,
  });
  const algorithm = to.algorithm ?? 'SYMMETRIC_DEFAULT';
  await authorizeKey(deps, context, target, question('ReEncryptTo', to.key, to, algorithm), to);
  assertUsage(target, 'ENCRYPT_DECRYPT', 'ReEncrypt');
  return { ...encryptBy(deps, target, plaintext, to.encryptionContext, to.algorithm, 'ReEncrypt'), source };
}

/** A data key of so many bytes, plain and encrypted. */
export async function generateDataKey(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  bytes: number,
  options: KeyUseOptions & { readonly withoutPlaintext?: boolean } = {},
): Promise<DataKey> {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > 1024) {
    throw keyFailure('ValidationException', `NumberOfBytes is ${bytes}; give 1 to 1024.`);
  }
  const operation = options.withoutPlaintext === true ? 'GenerateDataKeyWithoutPlaintext' : 'GenerateDataKey';
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, question(operation, name, options), options);
  assertSymmetric(key, operation);
  const plaintext = randomBytes(bytes);
  return { plaintext, ...encryptBy(deps, key, plaintext, options.encryptionContext, undefined, 'GenerateDataKey') };
}

/** A data key pair, the private half plain and encrypted. */
export async function generateDataKeyPair(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  spec: string,
  options: KeyUseOptions & { readonly withoutPlaintext?: boolean } = {},
): Promise<DataKeyPair> {
  const traits = Object.hasOwn(KEY_SPECS, spec) ? KEY_SPECS[spec as KeySpec] : undefined;
  if (traits === undefined || traits.kind === 'symmetric' || traits.kind === 'hmac') {
    throw keyFailure('UnsupportedOperationException', `Key pair spec \`${spec}\` is not supported.`);
  }
  const operation = options.withoutPlaintext === true ? 'GenerateDataKeyPairWithoutPlaintext' : 'GenerateDataKeyPair';
  const key = await deps.ring.find(context, name);
  const asked = { ...question(operation, name, options), conditions: { 'kms:DataKeyPairSpec': spec } };
  await authorizeKey(deps, context, key, asked, options);
  assertSymmetric(key, operation);
  const made = await newMaterial(spec as KeySpec);
  const encrypted = encryptBy(deps, key, made.material, options.encryptionContext, undefined, 'GenerateDataKeyPair');
  return { plaintext: made.material, publicKey: made.publicKey!, ...encrypted };
}

/** Random bytes of the machine's generator. */
export async function generateRandom(deps: KeyDeps, context: RequestContext, bytes: number): Promise<Uint8Array> {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > 1024) {
    throw keyFailure('ValidationException', `NumberOfBytes is ${bytes}; give 1 to 1024.`);
  }
  await authorizeIam(deps, context, { action: 'kms:GenerateRandom', resource: '*' });
  return randomBytes(bytes);
}
