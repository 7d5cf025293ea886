/**
 * Import of key material. The token is the wrapping key pair itself, sealed: it holds its key, its algorithm and its end,
 * so nothing is kept for tokens that are never used. **Source**: AWS KMS Developer Guide, "Importing key material".
 */
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError } from '../../../core/errors.ts';
import { Secret } from '../../../core/secret.ts';
import { authorizeKey } from '../authorize-key.ts';
import { type ImportedMaterial, type ImportParameters, keyFailure, type KeyInfo } from '../contract.ts';
import { publicHalf } from '../crypto/asymmetric.ts';
import { unwrapMaterial, WRAPPING_ALGORITHMS, WRAPPING_SPECS } from '../crypto/import-wrap.ts';
import { KEY_SPECS } from '../crypto/specs.ts';
import { KEY_QUOTAS, type KeyDeps, procedures } from '../key-deps.ts';
import { type KnownKey, materialIdOf } from '../key-ring.ts';
import { assertNotDeleting } from './check-key.ts';
import { infoById } from './lifecycle.ts';

const generate = promisify(generateKeyPair);
const PURPOSE = 'kms-import-token';
const MAX_EXPIRY_MS = 365 * 86_400_000;

interface ImportToken {
  readonly keyId: string;
  readonly algorithm: string;
  readonly privateKey: string;
  readonly validTo: number;
}

function assertExternal(key: KnownKey): void {
  if (key.info.origin === 'EXTERNAL') return;
  throw keyFailure(
    'UnsupportedOperationException',
    `${key.info.arn} has origin ${key.info.origin}; material is imported into keys of origin EXTERNAL.`,
  );
}

/** A public key to wrap material with, and the token that goes with it, for 24 hours. */
export async function importParameters(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  algorithm: string,
  spec: string,
): Promise<ImportParameters> {
  if (!Object.hasOwn(WRAPPING_ALGORITHMS, algorithm)) {
    throw keyFailure(
      'UnsupportedOperationException',
      `Wrapping algorithm ${algorithm} is not supported. Known: ${Object.keys(WRAPPING_ALGORITHMS).join(', ')}.`,
    );
  }
  const modulusLength = WRAPPING_SPECS[spec];
  if (modulusLength === undefined) {
    throw keyFailure(
      'UnsupportedOperationException',
      `Wrapping key spec ${spec} is not supported. Known: ${Object.keys(WRAPPING_SPECS).join(', ')}.`,
    );
  }
  const key = await deps.ring.find(context, name);
  const conditions = { 'kms:WrappingAlgorithm': algorithm, 'kms:WrappingKeySpec': spec };
  await authorizeKey(deps, context, key, { operation: 'GetParametersForImport', conditions });
  assertExternal(key);
  assertNotDeleting(deps, key);
  const pair = await generate('rsa', {
    modulusLength,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  const validTo = deps.clock.now() + KEY_QUOTAS.importTokenMs;
  const token: ImportToken = {
    keyId: key.info.keyId,
    algorithm,
    privateKey: pair.privateKey.toString('base64'),
    validTo,
  };
  return {
    keyArn: key.info.arn,
    publicKey: pair.publicKey,
    token: deps.sealer.seal(new Secret(JSON.stringify(token)), PURPOSE),
    validTo,
  };
}

/** **Errors**: `InvalidImportTokenException`, `ExpiredImportTokenException`. */
function readToken(deps: KeyDeps, key: KnownKey, bytes: Uint8Array): ImportToken {
  let token: ImportToken;
  try {
    token = JSON.parse(deps.sealer.open(bytes, PURPOSE).reveal()) as ImportToken;
  } catch (error) {
    if (!isLochError(error, 'data_corrupt')) throw error;
    throw keyFailure('InvalidImportTokenException', 'The import token is none of this lake.', { cause: error });
  }
  if (token.keyId !== key.info.keyId) {
    throw keyFailure('InvalidImportTokenException', `The import token is for another key than ${key.info.arn}.`);
  }
  if (token.validTo > deps.clock.now()) return token;
  throw keyFailure('ExpiredImportTokenException', 'The import token has expired. Get new parameters.');
}

/** Takes wrapped material in. The same bytes revive a key whose material was deleted or has expired. */
export async function importMaterial(
  deps: KeyDeps,
  context: RequestContext,
  input: ImportedMaterial,
): Promise<{ readonly keyArn: string; readonly materialId: string }> {
  const now = deps.clock.now();
  const key = await deps.ring.find(context, input.key);
  await authorizeKey(deps, context, key, {
    operation: 'ImportKeyMaterial',
    conditions: {
      'kms:ExpirationModel': input.expiresAt === undefined ? 'KEY_MATERIAL_DOES_NOT_EXPIRE' : 'KEY_MATERIAL_EXPIRES',
      ...(input.expiresAt === undefined ? {} : { 'kms:ValidTo': new Date(input.expiresAt).toISOString() }),
    },
  });
  assertExternal(key);
  assertNotDeleting(deps, key);
  if (input.expiresAt !== undefined && (input.expiresAt <= now || input.expiresAt > now + MAX_EXPIRY_MS)) {
    throw keyFailure('ValidationException', 'ValidTo must lie in the future, at most 365 days from now.');
  }
  const token = readToken(deps, key, input.token);
  const material = unwrapMaterial(Buffer.from(token.privateKey, 'base64'), input.wrapped, token.algorithm);
  const publicKey = checkMaterial(key, material);
  const { keyId } = key.info;
  const materialId = materialIdOf(keyId, material);
  if (input.materialId !== undefined && input.materialId !== materialId) {
    throw keyFailure('IncorrectKeyMaterialException', `The material is not ${input.materialId}.`);
  }
  if (input.isNew === true && key.info.spec !== 'SYMMETRIC_DEFAULT') {
    throw keyFailure('UnsupportedOperationException', 'Only symmetric keys take new material.');
  }
  await deps.store.write(procedures.importMaterial, {
    material: {
      key_id: keyId,
      material_id: materialId,
      number: 0, // numbered by the transaction
      sealed: deps.ring.seal(keyId, materialId, material),
      public_key: publicKey ?? null,
      created_at: now,
      expires_at: input.expiresAt ?? null,
      cause: key.stored.materials.length === 0 ? 'FIRST' : 'NEW',
      current: 0,
    },
    asNew: input.isNew === true,
  });
  return { keyArn: key.info.arn, materialId };
}

/** **Errors**: `IncorrectKeyMaterialException` for bytes that are no material of the key's spec. */
function checkMaterial(key: KnownKey, material: Uint8Array): Uint8Array | undefined {
  const { kind, size } = KEY_SPECS[key.info.spec];
  if (kind === 'symmetric' || kind === 'hmac') {
    if (material.length === size) return undefined;
    throw keyFailure(
      'IncorrectKeyMaterialException',
      `Material of ${key.info.spec} has ${size} bytes; this has ${material.length}.`,
    );
  }
  try {
    return publicHalf(material);
  } catch (error) {
    throw keyFailure('IncorrectKeyMaterialException', `The material is no PKCS #8 key of ${key.info.spec}.`, {
      cause: error,
    });
  }
}

/** Destroys imported material; the key waits for the same bytes again. */
export async function deleteImportedMaterial(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  materialId?: string,
): Promise<KeyInfo> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'DeleteImportedKeyMaterial' });
  assertExternal(key);
  assertNotDeleting(deps, key);
  const wanted = materialId ?? key.stored.materials.find(({ current }) => current === 1)?.material_id;
  const row = key.stored.materials.find(({ material_id }) => material_id === wanted);
  if (row !== undefined) {
    await deps.store.write(procedures.deleteMaterial, { keyId: key.info.keyId, materialId: row.material_id });
  } else if (materialId !== undefined) {
    throw keyFailure('NotFoundException', `Key material ${materialId} of ${key.info.arn} does not exist.`);
  }
  const info = await infoById(deps, key.info.keyId);
  return { ...info, ...(row === undefined ? {} : { materialId: row.material_id }) };
}
