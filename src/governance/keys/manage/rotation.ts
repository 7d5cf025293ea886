/** Rotation: new material for new uses, the old kept for what it encrypted. Nothing is rewritten. */
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeKey } from '../authorize-key.ts';
import { keyFailure, type KeyInfo, type KeyPage, type KeyPageRequest, type KeyRotation } from '../contract.ts';
import { newMaterial } from '../crypto/asymmetric.ts';
import { KEY_QUOTAS, type KeyDeps, procedures } from '../key-deps.ts';
import { type KnownKey, materialIdOf } from '../key-ring.ts';
import { pageOfList } from '../pages.ts';
import { assertCustomerKey } from './check-key.ts';
import { infoById } from './lifecycle.ts';

const DAY_MS = 86_400_000;

/** **Errors**: `UnsupportedOperationException`, `DisabledException`, `KMSInvalidStateException`. */
function assertRotates(deps: KeyDeps, key: KnownKey, imported: boolean): void {
  assertCustomerKey(key);
  if (key.info.spec !== 'SYMMETRIC_DEFAULT' || (key.info.origin === 'EXTERNAL' && !imported)) {
    throw keyFailure(
      'UnsupportedOperationException',
      `${key.info.arn} (${key.info.spec}, origin ${key.info.origin}) does not rotate by itself.`,
    );
  }
  deps.ring.current(key); // tells why it cannot be used, if so
}

/** Turns yearly (or other) rotation on or off. **Units**: days, 90 to 2,560. */
export async function setRotation(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  enabled: boolean,
  periodDays?: number,
): Promise<void> {
  if (periodDays !== undefined && (!Number.isInteger(periodDays) || periodDays < 90 || periodDays > 2560)) {
    throw keyFailure('ValidationException', `RotationPeriodInDays is ${periodDays}; give 90 to 2560.`);
  }
  const key = await deps.ring.find(context, name);
  const conditions = periodDays === undefined ? {} : { 'kms:RotationPeriodInDays': String(periodDays) };
  await authorizeKey(deps, context, key, {
    operation: enabled ? 'EnableKeyRotation' : 'DisableKeyRotation',
    conditions,
  });
  assertRotates(deps, key, false);
  const days = periodDays ?? key.info.rotation.periodDays;
  const set = enabled
    ? { rotation_days: days, rotation_next: deps.clock.now() + days * DAY_MS }
    : { rotation_next: null };
  await deps.store.write(procedures.updateKey, { keyId: key.info.keyId, set, when: 'usable' });
}

/** Whether and when the key rotates. */
export async function rotationStatus(deps: KeyDeps, context: RequestContext, name: string): Promise<KeyInfo> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'GetKeyRotationStatus' });
  if (key.info.spec !== 'SYMMETRIC_DEFAULT') {
    throw keyFailure('UnsupportedOperationException', `${key.info.arn} (${key.info.spec}) does not rotate.`);
  }
  return deps.ring.infoOf(key);
}

/** Rotates now; a key with imported material takes the material that was imported as new. */
export async function rotateOnDemand(deps: KeyDeps, context: RequestContext, name: string): Promise<KeyInfo> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'RotateKeyOnDemand' });
  assertRotates(deps, key, true);
  const { keyId } = key.info;
  const onDemandQuota = KEY_QUOTAS.rotationsOnDemand;
  if (key.info.origin === 'EXTERNAL') {
    const waiting = key.stored.materials.find(({ cause, sealed }) => cause === 'NEW' && sealed !== null);
    if (waiting === undefined) {
      throw keyFailure(
        'KMSInvalidStateException',
        'Import new key material (ImportType NEW_KEY_MATERIAL) before rotating.',
      );
    }
    await deps.store.write(procedures.activateMaterial, { keyId, materialId: waiting.material_id, onDemandQuota });
  } else {
    await rotate(deps, key, 'ON_DEMAND');
  }
  return infoById(deps, keyId);
}

/** Gives a key new material. */
export async function rotate(
  deps: Pick<KeyDeps, 'ring' | 'clock' | 'store'>,
  key: KnownKey,
  cause: 'AUTOMATIC' | 'ON_DEMAND',
): Promise<void> {
  const { keyId, rotation } = key.info;
  const { material } = await newMaterial('SYMMETRIC_DEFAULT');
  const materialId = materialIdOf(keyId, material);
  const now = deps.clock.now();
  await deps.store.write(procedures.rotate, {
    material: {
      key_id: keyId,
      material_id: materialId,
      number: 0, // numbered by the transaction
      sealed: deps.ring.seal(keyId, materialId, material),
      public_key: null,
      created_at: now,
      expires_at: null,
      cause,
      current: 1,
    },
    next: cause === 'AUTOMATIC' ? now + rotation.periodDays * DAY_MS : null,
    ...(cause === 'ON_DEMAND' ? { onDemandQuota: KEY_QUOTAS.rotationsOnDemand } : {}),
  });
}

/** The material a key has had, oldest first; `ROTATIONS_ONLY` leaves the first out. */
export async function listRotations(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  include: 'ALL_KEY_MATERIAL' | 'ROTATIONS_ONLY',
  page: KeyPageRequest,
): Promise<KeyPage<KeyRotation> & { readonly keyArn: string }> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'ListKeyRotations' });
  const shown = key.stored.materials
    .filter(({ cause }) => include === 'ALL_KEY_MATERIAL' || cause === 'AUTOMATIC' || cause === 'ON_DEMAND')
    .map((row) => ({ row, order: String(row.number).padStart(8, '0') }));
  const found = pageOfList(shown, page, ({ order }) => order);
  return {
    keyArn: key.info.arn,
    ...(found.marker === undefined ? {} : { marker: found.marker }),
    items: found.items.map(({ row }) => ({
      materialId: row.material_id,
      at: row.created_at,
      ...(row.cause === 'AUTOMATIC' || row.cause === 'ON_DEMAND' ? { type: row.cause } : {}),
      current: row.current === 1,
      imported: row.sealed !== null,
      ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    })),
  };
}
