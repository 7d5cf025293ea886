/** Keys: the use-cases of the key service, and data keys for the stores of Loch. */
import type { Keys, DataKeys } from './contract.ts';
import { createDataKeys } from './data-keys.ts';
import { type KeyDeps, procedures } from './key-deps.ts';
import { openKeyRing } from './key-ring.ts';
import { createAlias, deleteAlias, listAliases, updateAlias } from './manage/aliases.ts';
import { createKey } from './manage/create-key.ts';
import { createGrant, listGrants, listRetirableGrants, retireGrant, revokeGrant } from './manage/grants.ts';
import { deleteImportedMaterial, importMaterial, importParameters } from './manage/import-material.ts';
import {
  cancelDeletion,
  describeKey,
  listKeys,
  scheduleDeletion,
  setEnabled,
  updateDescription,
} from './manage/lifecycle.ts';
import { getPolicy, listPolicies, putPolicy } from './manage/policies.ts';
import { listRotations, rotate, rotateOnDemand, rotationStatus, setRotation } from './manage/rotation.ts';
import { listTags, tagKey, untagKey } from './manage/tags.ts';
import { decrypt, encrypt, generateDataKey, generateDataKeyPair, generateRandom, reEncrypt } from './use/encrypt.ts';
import { deriveSharedSecret, generateMac, publicKeyOf, signBy, verifyBy, verifyMac } from './use/sign.ts';

/** Where the store module of keys is. */
export const keyStoreModules: URL[] = [new URL('./store.ts', import.meta.url)];

/** The key service of a lake. */
export interface KeyService {
  readonly keys: Keys;
  readonly dataKeys: DataKeys;
  /** Does what time has made due: destroys keys past their waiting time, expires imported material, rotates. */
  tick(): Promise<void>;
  close(): Promise<void>;
}

const TICK_MS = 60_000;

/** Opens the key service. `onFailure` is told of a `tick` in the background that failed; the next one tries again. */
export function openKeys(
  parts: Omit<KeyDeps, 'ring'> & { readonly onFailure?: ((error: unknown) => void) | undefined },
): KeyService {
  const ring = openKeyRing(parts);
  const deps: KeyDeps = { ...parts, ring };
  const tick = async (): Promise<void> => {
    const now = deps.clock.now();
    if (!(await deps.store.read(procedures.anythingDue, { now }))) return;
    const { rotating } = await deps.store.write(procedures.due, { now });
    for (const keyId of rotating) {
      const key = await ring.byId(keyId);
      if (key !== undefined) await rotate(deps, key, 'AUTOMATIC');
    }
  };
  let ticking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    ticking = tick().catch((error: unknown) => parts.onFailure?.(error));
  }, TICK_MS).unref();
  return {
    keys: keyUseCases(deps),
    dataKeys: createDataKeys(deps),
    tick,
    async close() {
      clearInterval(timer);
      await ticking;
      ring.close();
    },
  };
}

function keyUseCases(deps: KeyDeps): Keys {
  return {
    createKey: (context, input) => createKey(deps, context, input),
    describeKey: (context, key) => describeKey(deps, context, key),
    listKeys: (context, page) => listKeys(deps, context, page),
    updateDescription: (context, key, text) => updateDescription(deps, context, key, text),
    setEnabled: (context, key, enabled) => setEnabled(deps, context, key, enabled),
    scheduleDeletion: (context, key, days) => scheduleDeletion(deps, context, key, days),
    cancelDeletion: (context, key) => cancelDeletion(deps, context, key),
    lastUsage: (context, key) => describeKey(deps, context, key, 'GetKeyLastUsage'),
    createAlias: (context, name, key) => createAlias(deps, context, name, key),
    updateAlias: (context, name, key) => updateAlias(deps, context, name, key),
    deleteAlias: (context, name) => deleteAlias(deps, context, name),
    listAliases: (context, key, page) => listAliases(deps, context, key, page),
    tagKey: (context, key, tags) => tagKey(deps, context, key, tags),
    untagKey: (context, key, names) => untagKey(deps, context, key, names),
    listTags: (context, key, page) => listTags(deps, context, key, page),
    getPolicy: (context, key) => getPolicy(deps, context, key),
    putPolicy: (context, key, policy, bypass) => putPolicy(deps, context, key, policy, bypass),
    listPolicies: (context, key) => listPolicies(deps, context, key),
    createGrant: (context, input) => createGrant(deps, context, input),
    listGrants: (context, key, filter, page) => listGrants(deps, context, key, filter, page),
    listRetirableGrants: (context, retiring, page) => listRetirableGrants(deps, context, retiring, page),
    retireGrant: (context, grant) => retireGrant(deps, context, grant),
    revokeGrant: (context, key, grantId) => revokeGrant(deps, context, key, grantId),
    setRotation: (context, key, enabled, days) => setRotation(deps, context, key, enabled, days),
    rotationStatus: (context, key) => rotationStatus(deps, context, key),
    rotateOnDemand: (context, key) => rotateOnDemand(deps, context, key),
    listRotations: (context, key, include, page) => listRotations(deps, context, key, include, page),
    importParameters: (context, key, algorithm, spec) => importParameters(deps, context, key, algorithm, spec),
    importMaterial: (context, input) => importMaterial(deps, context, input),
    deleteImportedMaterial: (context, key, materialId) => deleteImportedMaterial(deps, context, key, materialId),
    encrypt: (context, key, plaintext, options) => encrypt(deps, context, key, plaintext, options),
    decrypt: (context, ciphertext, options) => decrypt(deps, context, ciphertext, options),
    reEncrypt: (context, ciphertext, from, to) => reEncrypt(deps, context, ciphertext, from, to),
    generateDataKey: (context, key, bytes, options) => generateDataKey(deps, context, key, bytes, options),
    generateDataKeyPair: (context, key, spec, options) => generateDataKeyPair(deps, context, key, spec, options),
    generateRandom: (context, bytes) => generateRandom(deps, context, bytes),
    generateMac: (context, key, message, options) => generateMac(deps, context, key, message, options),
    verifyMac: (context, key, message, mac, options) => verifyMac(deps, context, key, message, mac, options),
    sign: (context, key, message, options) => signBy(deps, context, key, message, options),
    verify: (context, key, message, signature, options) => verifyBy(deps, context, key, message, signature, options),
    publicKey: (context, key) => publicKeyOf(deps, context, key),
    deriveSharedSecret: (context, key, publicKey, options) =>
      deriveSharedSecret(deps, context, key, publicKey, options),
  };
}
