/**
 * The daily pass over INTELLIGENT_TIERING: every version of the class goes to the tier its use says.
 *
 * Invariants
 * - Nothing but the tier of a version changes: bytes, ETag and length are what they were.
 * - What nobody watched counts as used when it was first seen, so nothing is moved for want of a note.
 * - It may be run twice and cut short anywhere: what was not looked at is looked at by the next pass.
 */
import { s3Arn } from '../../core/arn.ts';
import type { Clock } from '../../core/clock.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError } from '../../core/errors.ts';
import type { Audit } from '../../governance/contract.ts';
import type { BucketSettings, ObjectStore } from '../contract.ts';
import type { AccessTimes } from '../lifecycle/access-times.ts';
import type { UsedVersion } from '../tiers/contract-types.ts';
import type { AccessTier } from '../tiers/storage-classes.ts';
import { chooseTier } from './choose-tier.ts';

const PAGE = 500;
/** Changes made at a time; they share commits. */
const CHANGES_AT_ONCE = 50;

export interface TieringDeps {
  readonly objects: Pick<ObjectStore, 'tiers' | 'updateAttributes'>;
  readonly settings: Pick<BucketSettings, 'list'>;
  readonly accesses: Pick<AccessTimes, 'usesOf' | 'forgetUnseen'>;
  readonly audit: Audit;
  readonly clock: Clock;
  /** How long a day lasts. **Units**: milliseconds. */
  readonly dayMs: number;
  readonly context: RequestContext;
}

/** Runs one pass; a store without colder places has nothing to do. Resolves to how many versions changed their tier. */
export async function tierByUse(deps: TieringDeps): Promise<number> {
  const { clock, context } = deps;
  const { tiers } = deps.objects;
  if (tiers === undefined || tiers.places.size < 2) return 0;
  const begun = clock.now();
  let changed = 0;
  for (let after: UsedVersion | undefined; ; ) {
    context.signal.throwIfAborted();
    const versions = await tiers.versionsByUse(PAGE, after);
    const uses = await deps.accesses.usesOf(versions, begun);
    const due: { readonly version: UsedVersion; readonly tier: AccessTier }[] = [];
    for (const [i, version] of versions.entries()) {
      const { key, size, attributes } = version;
      const configurations = (await deps.settings.list(version.bucket, 'intelligentTiering')).map(({ value }) => value);
      const now = attributes.accessTier ?? 'FREQUENT';
      const idleDays = Math.floor((clock.now() - uses[i]!) / deps.dayMs);
      const tier = chooseTier(
        { key, size, tags: attributes.tags ?? {}, accessTier: now, idleDays },
        configurations,
        tiers.places,
      );
      if (tier !== now) due.push({ version, tier });
    }
    for (let at = 0; at < due.length; at += CHANGES_AT_ONCE) {
      changed += await change(deps, due.slice(at, at + CHANGES_AT_ONCE));
    }
    after = versions.at(-1);
    if (versions.length < PAGE) break;
  }
  await deps.accesses.forgetUnseen(begun);
  return changed;
}

async function change(
  deps: TieringDeps,
  due: readonly { readonly version: UsedVersion; readonly tier: AccessTier }[],
): Promise<number> {
  const made = await Promise.all(due.map(({ version, tier }) => setTier(deps.objects, version, tier)));
  const done = due.filter((_, i) => made[i]);
  const events = done.map(({ version, tier }) => ({
    eventSource: 's3.amazonaws.com',
    eventName: 'IntelligentTiering',
    resource: s3Arn(version.bucket, version.key),
    appliedGrants: [`intelligent-tiering/${tier}`],
  }));
  if (events.length > 0) await deps.audit.recordData(deps.context, events);
  return done.length;
}

/** Changes the tier of a version; false when the version is gone. */
export async function setTier(
  objects: Pick<ObjectStore, 'updateAttributes'>,
  { bucket, key, versionId }: Pick<UsedVersion, 'bucket' | 'key' | 'versionId'>,
  tier: AccessTier,
): Promise<boolean> {
  const accessTier = tier === 'FREQUENT' ? null : tier;
  try {
    await objects.updateAttributes({ bucket, key, versionId }, { accessTier }, { operation: 'IntelligentTiering' });
    return true;
  } catch (error) {
    if (isLochError(error, 'object_not_found', 'version_not_found', 'version_is_marker', 'bucket_not_found'))
      return false;
    throw error;
  }
}
