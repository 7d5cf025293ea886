/** Signatures, MACs, public keys and key agreement. */
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeKey } from '../authorize-key.ts';
import { keyFailure, type KeySignature, type KeyUseOptions, type PublicKeyInfo } from '../contract.ts';
import { macOf, sameMac, sharedSecret, signMessage, verifyMessage } from '../crypto/asymmetric.ts';
import { chooseAlgorithm } from '../crypto/specs.ts';
import type { KeyDeps } from '../key-deps.ts';
import { aliasIn } from '../manage/lifecycle.ts';
import { assertUsage } from './encrypt.ts';
import { noteUse } from './note-use.ts';

const MAX_MESSAGE_BYTES = 4096;

function checkMessage(message: Uint8Array): void {
  if (message.length >= 1 && message.length <= MAX_MESSAGE_BYTES) return;
  throw keyFailure(
    'ValidationException',
    `Message has ${message.length} bytes; give 1 to ${MAX_MESSAGE_BYTES}, or its digest.`,
  );
}

type SignOptions = KeyUseOptions & { readonly digest?: boolean };

/** Signs a message, or the digest of one. */
export async function signBy(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  message: Uint8Array,
  options: SignOptions,
): Promise<KeySignature> {
  checkMessage(message);
  const key = await deps.ring.find(context, name);
  const asked = { operation: 'Sign', algorithm: options.algorithm, alias: aliasIn(name), conditions: typeOf(options) };
  await authorizeKey(deps, context, key, asked, options);
  assertUsage(key, 'SIGN_VERIFY', 'Sign');
  const algorithm = chooseAlgorithm(key.info, options.algorithm);
  const { material } = deps.ring.current(key);
  noteUse(deps, key, 'Sign');
  return {
    keyArn: key.info.arn,
    algorithm,
    signature: signMessage(material, message, algorithm, options.digest ?? false),
  };
}

const typeOf = ({ digest }: SignOptions) => ({ 'kms:MessageType': digest === true ? 'DIGEST' : 'RAW' });

/** Verifies a signature. **Errors**: `KMSInvalidSignatureException`. */
export async function verifyBy(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  message: Uint8Array,
  signature: Uint8Array,
  options: SignOptions,
): Promise<KeySignature> {
  checkMessage(message);
  const key = await deps.ring.find(context, name);
  const asked = {
    operation: 'Verify',
    algorithm: options.algorithm,
    alias: aliasIn(name),
    conditions: typeOf(options),
  };
  await authorizeKey(deps, context, key, asked, options);
  assertUsage(key, 'SIGN_VERIFY', 'Verify');
  const algorithm = chooseAlgorithm(key.info, options.algorithm);
  const { row } = deps.ring.current(key);
  noteUse(deps, key, 'Verify');
  if (!verifyMessage(row.public_key!, message, signature, algorithm, options.digest ?? false)) {
    throw keyFailure('KMSInvalidSignatureException', `The signature is not one of ${key.info.arn} over this message.`);
  }
  return { keyArn: key.info.arn, algorithm, signature };
}

/** The MAC of a message. */
export async function generateMac(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  message: Uint8Array,
  options: KeyUseOptions,
  operation: 'GenerateMac' | 'VerifyMac' = 'GenerateMac',
): Promise<KeySignature> {
  checkMessage(message);
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation, algorithm: options.algorithm, alias: aliasIn(name) }, options);
  assertUsage(key, 'GENERATE_VERIFY_MAC', operation);
  const algorithm = chooseAlgorithm(key.info, options.algorithm);
  const { material } = deps.ring.current(key);
  noteUse(deps, key, operation);
  return { keyArn: key.info.arn, algorithm, signature: macOf(material, message, algorithm) };
}

/** Verifies a MAC. **Errors**: `KMSInvalidMacException`. */
export async function verifyMac(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  message: Uint8Array,
  mac: Uint8Array,
  options: KeyUseOptions,
): Promise<KeySignature> {
  const made = await generateMac(deps, context, name, message, options, 'VerifyMac');
  if (sameMac(made.signature, mac)) return made;
  throw keyFailure('KMSInvalidMacException', `The MAC is not one of ${made.keyArn} over this message.`);
}

/** The public half of a key pair. */
export async function publicKeyOf(deps: KeyDeps, context: RequestContext, name: string): Promise<PublicKeyInfo> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'GetPublicKey', alias: aliasIn(name) });
  const { row } = deps.ring.current(key);
  if (row.public_key === null) {
    throw keyFailure('UnsupportedOperationException', `${key.info.arn} is ${key.info.spec}: it has no public key.`);
  }
  return { key: deps.ring.infoOf(key), publicKey: row.public_key };
}

/** The shared secret with somebody's public key. */
export async function deriveSharedSecret(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  publicKey: Uint8Array,
  options: KeyUseOptions = {},
): Promise<{ readonly keyArn: string; readonly secret: Uint8Array }> {
  const key = await deps.ring.find(context, name);
  const conditions = { 'kms:KeyAgreementAlgorithm': 'ECDH' };
  await authorizeKey(
    deps,
    context,
    key,
    { operation: 'DeriveSharedSecret', alias: aliasIn(name), conditions },
    options,
  );
  assertUsage(key, 'KEY_AGREEMENT', 'DeriveSharedSecret');
  const { material } = deps.ring.current(key);
  noteUse(deps, key, 'DeriveSharedSecret');
  return { keyArn: key.info.arn, secret: sharedSecret(material, publicKey) };
}
