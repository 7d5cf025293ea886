/** The life of a key: told, described, enabled, disabled, scheduled for deletion. */
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeIam } from '../authorize-iam.ts';
import { authorizeKey } from '../authorize-key.ts';
import { keyFailure, type KeyInfo, type KeyPage, type KeyPageRequest } from '../contract.ts';
import { type KeyDeps, procedures } from '../key-deps.ts';
import { kmsArn } from '../key-ring.ts';
import { pageOf, readPage } from '../pages.ts';
import { assertCustomerKey, checkDescription } from './check-key.ts';

const DAY_MS = 86_400_000;
const DEFAULT_WINDOW_DAYS = 30;

/** A key with its state. */
export async function describeKey(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  operation = 'DescribeKey',
): Promise<KeyInfo> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation, alias: aliasIn(name) });
  // What is kept in memory of a key is not told of its uses.
  const stored = await deps.store.read(procedures.key, { keyId: key.info.keyId });
  return deps.ring.infoOf({ ...key, stored: stored ?? key.stored });
}

/** The alias in a key's name, for conditions on it. */
export function aliasIn(name: string): string | undefined {
  if (name.startsWith('alias/')) return name;
  const at = name.indexOf(':alias/');
  return at < 0 ? undefined : name.slice(at + 1);
}

/** The keys of the account, by id. */
export async function listKeys(
  deps: KeyDeps,
  context: RequestContext,
  page: KeyPageRequest,
): Promise<KeyPage<{ readonly keyId: string; readonly arn: string }>> {
  const { after, limit } = readPage(page);
  await authorizeIam(deps, context, { action: 'kms:ListKeys', resource: '*' });
  const found = await deps.store.read(procedures.keys, { account: context.accountId, after, limit });
  const items = found.rows.map(({ key_id: keyId }) => ({
    keyId,
    arn: kmsArn(deps.region, context.accountId, `key/${keyId}`),
  }));
  return pageOf(items, found.more, ({ keyId }) => keyId);
}

/** Replaces the description. */
export async function updateDescription(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  description: string,
): Promise<void> {
  checkDescription(description);
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'UpdateKeyDescription' });
  assertCustomerKey(key);
  await deps.store.write(procedures.updateKey, { keyId: key.info.keyId, set: { description }, when: 'usable' });
}

/** Enables or disables a key; a disabled one stops at once, for whatever it encrypted too. */
export async function setEnabled(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  enabled: boolean,
): Promise<void> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: enabled ? 'EnableKey' : 'DisableKey' });
  assertCustomerKey(key);
  if (deps.ring.stateOf(key) === 'PendingImport') {
    throw keyFailure('KMSInvalidStateException', `${key.info.arn} is pending import.`);
  }
  await deps.store.write(procedures.updateKey, {
    keyId: key.info.keyId,
    set: { enabled: enabled ? 1 : 0 },
    when: 'usable',
  });
}

/** Begins the waiting time after which the key is destroyed; until then it is unusable and can be called back. */
export async function scheduleDeletion(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  days = DEFAULT_WINDOW_DAYS,
): Promise<KeyInfo> {
  if (!Number.isInteger(days) || days < 7 || days > 30) {
    throw keyFailure('ValidationException', `PendingWindowInDays is ${days}; give 7 to 30.`);
  }
  const key = await deps.ring.find(context, name);
  const conditions = { 'kms:ScheduleKeyDeletionPendingWindowInDays': String(days) };
  await authorizeKey(deps, context, key, { operation: 'ScheduleKeyDeletion', conditions });
  assertCustomerKey(key);
  const { keyId } = key.info;
  await deps.store.write(procedures.updateKey, {
    keyId,
    set: { deletion_at: deps.clock.now() + days * DAY_MS },
    when: 'usable',
  });
  return infoById(deps, keyId);
}

/** Calls a key back from its deletion; it is disabled until somebody enables it. */
export async function cancelDeletion(deps: KeyDeps, context: RequestContext, name: string): Promise<KeyInfo> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'CancelKeyDeletion' });
  const { keyId } = key.info;
  await deps.store.write(procedures.updateKey, { keyId, set: { deletion_at: null, enabled: 0 }, when: 'pending' });
  return infoById(deps, keyId);
}

/** A key just changed, as it is now. */
export async function infoById(deps: KeyDeps, keyId: string): Promise<KeyInfo> {
  const key = await deps.ring.byId(keyId);
  if (key === undefined) throw keyFailure('NotFoundException', `Key '${keyId}' does not exist.`);
  return deps.ring.infoOf(key);
}
