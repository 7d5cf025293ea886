/**
 * Does to a batch of versions what the rules ask for.
 *
 * Invariants
 * - A current version goes only if it is still the one that was looked at.
 * - A locked version is never removed: it is left out here, and the store would refuse.
 * - What was done is in the audit trail, in the name of lifecycle, before the position moves past it.
 */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError } from '../../core/errors.ts';
import type { Audit, DataEvent } from '../../governance/contract.ts';
import type { DeleteName, ObjectStore, ObjectVersion } from '../contract.ts';
import type { LifecycleCounts } from './contract-types.ts';
import type { LifecycleAction } from './evaluate.ts';

/** Attribute changes made at a time; they share commits. */
const CHANGES_AT_ONCE = 50;

export interface PlannedAction {
  readonly version: ObjectVersion;
  readonly action: LifecycleAction;
}

export interface ApplyDeps {
  readonly objects: ObjectStore;
  readonly audit: Audit;
  readonly context: RequestContext;
}

type Counters = { -readonly [Name in keyof LifecycleCounts]: number };

/** Applies planned actions to `bucket` and adds to `counts`. */
export async function applyActions(
  deps: ApplyDeps,
  bucket: string,
  planned: readonly PlannedAction[],
  counts: Counters,
): Promise<void> {
  const now = deps.context.startedAt;
  const removals = planned.filter(({ action }) => action.kind !== 'transition');
  const free = removals.filter(({ version }) => !isLocked(version, now));
  counts.kept += removals.length - free.length;
  await remove(deps, bucket, free, counts);
  const moves = planned.filter(({ action }) => action.kind === 'transition');
  for (let i = 0; i < moves.length; i += CHANGES_AT_ONCE) {
    const batch = moves.slice(i, i + CHANGES_AT_ONCE);
    const moved = await Promise.all(batch.map(({ version, action }) => transition(deps, version, action)));
    counts.moved += moved.filter(Boolean).length;
    counts.kept += moved.filter((did) => !did).length;
    await record(
      deps,
      batch.filter((_, j) => moved[j]),
    );
  }
}

function isLocked({ attributes }: ObjectVersion, now: number): boolean {
  return attributes.legalHold === true || (attributes.retention !== undefined && attributes.retention.until > now);
}

async function remove(
  deps: ApplyDeps,
  bucket: string,
  removals: readonly PlannedAction[],
  counts: Counters,
): Promise<void> {
  if (removals.length === 0) return;
  const outcomes = await deps.objects.deleteMany(bucket, removals.map(nameOf), { operation: 'LifecycleExpiration' });
  const done = removals.filter((_, i) => outcomes[i]?.error === undefined);
  for (const { action } of done) {
    if (action.kind === 'expire') counts.expired++;
    else counts.removed++;
  }
  counts.kept += removals.length - done.length;
  await record(deps, done);
}

function nameOf({ version, action }: PlannedAction): DeleteName {
  const { key, versionId, isNull, etag, lastModified, size } = version;
  if (action.kind !== 'expire') return { key, versionId: isNull === true ? 'null' : versionId };
  return { key, ifMatch: etag, ifModifiedAt: lastModified, ifSize: size };
}

async function transition(deps: ApplyDeps, version: ObjectVersion, action: LifecycleAction): Promise<boolean> {
  if (action.kind !== 'transition') return false;
  const { bucket, key, versionId } = version;
  try {
    const change = { storageClass: action.storageClass };
    await deps.objects.updateAttributes({ bucket, key, versionId }, change, { operation: 'LifecycleTransition' });
    return true;
  } catch (error) {
    // It went while it was looked at.
    if (isLochError(error, 'object_not_found', 'version_not_found', 'version_is_marker')) return false;
    throw error;
  }
}

const NAMES: Readonly<Record<LifecycleAction['kind'], string>> = {
  expire: 'LifecycleExpiration',
  'remove-version': 'LifecycleExpiration',
  'remove-marker': 'LifecycleExpiration',
  transition: 'LifecycleTransition',
};

async function record(deps: ApplyDeps, done: readonly PlannedAction[]): Promise<void> {
  if (done.length === 0) return;
  const events = done.map(
    ({ version, action }): DataEvent => ({
      eventSource: 's3.amazonaws.com',
      eventName: NAMES[action.kind],
      resource: s3Arn(version.bucket, version.key),
      appliedGrants: [`lifecycle-rule/${action.rule}`],
    }),
  );
  await deps.audit.recordData(deps.context, events);
}
