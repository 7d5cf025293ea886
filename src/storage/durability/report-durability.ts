import type { Clock } from '../../core/clock.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Policy } from '../../governance/contract.ts';
import type { ObjectStore, ScrubStatus, StorageFigures, TierStatus } from '../contract.ts';
import type { DurabilityReport, PlaceDurability } from './contract-types.ts';
import { modelSingleCopy } from './model.ts';

export interface DurabilityDeps {
  readonly objects: ObjectStore;
  readonly figures: StorageFigures;
  readonly policy: Policy;
  readonly clock: Clock;
  /** Share of disks that fail in a year, between 0 and 1. */
  readonly diskFailuresPerYear: number;
}

/** Every byte is to be read within so many days. */
const SCRUB_DAYS = 30;
const DAY_MS = 86_400_000;

/** How durable the lake's bytes are now, for who may see all buckets. **Errors**: `access_denied`. */
export async function reportDurability(deps: DurabilityDeps, context: RequestContext): Promise<DurabilityReport> {
  await deps.policy.authorize(context, { action: 's3:ListAllMyBuckets', resource: 'arn:aws:s3:::*' });
  const { objects, clock } = deps;
  const status = await objects.tiers?.status();
  const scrub = await objects.scrubber?.status();
  const counted = (await deps.figures.list(context)).flatMap(({ total }) => total ?? []);
  const colder = (status?.tiers ?? []).flatMap((tier) => (tier.name === 'hot' ? [] : [tier]));
  const lying = (of: 'bytes' | 'versions') => colder.reduce((sum, tier) => sum + (tier[of] ?? 0), 0);
  const hotOf = (of: 'bytes' | 'versions') =>
    Math.max(0, counted.reduce((sum, total) => sum + total[of], 0) - lying(of));
  const places = (status?.tiers ?? []).map((tier) => {
    const known =
      tier.name === 'hot' && counted.length > 0 ? { versions: hotOf('versions'), bytes: hotOf('bytes') } : {};
    return placeOf({ ...tier, ...known }, scrub, clock.now(), deps.diskFailuresPerYear);
  });
  return {
    at: clock.now(),
    places,
    damagedVersions: scrub?.damages.length ?? 0,
    ...(scrub?.lastEndedAt === undefined ? {} : { lastScrubAt: scrub.lastEndedAt }),
  };
}

function placeOf(
  tier: TierStatus,
  scrub: ScrubStatus | undefined,
  now: number,
  diskFailuresPerYear: number,
): PlaceDurability {
  const why: string[] = [];
  const { name, location, medium, storageClasses, versions, bytes, copies } = tier;
  if (!tier.ok) why.push(`it cannot be reached: ${tier.detail}`);
  const damaged = name === 'hot' ? (scrub?.damages.length ?? 0) : 0;
  if (damaged > 0) why.push(`the scrub found ${damaged} damaged versions (\`loch status scrub\`)`);
  if (medium === 'disk' && scrub !== undefined) {
    if (scrub.lastEndedAt === undefined)
      why.push('nothing was verified yet: the first round of the scrub has not ended');
    else if (now - scrub.lastEndedAt > SCRUB_DAYS * DAY_MS)
      why.push(`the last full scrub is over ${SCRUB_DAYS} days old`);
  }
  return {
    name,
    location,
    medium,
    storageClasses,
    ...(versions === undefined ? {} : { versions }),
    ...(bytes === undefined ? {} : { bytes }),
    copies,
    tolerates: Math.max(0, copies - 1),
    state: !tier.ok || damaged > 0 ? 'red' : why.length > 0 ? 'yellow' : 'green',
    why,
    ...(medium === 'disk' && bytes !== undefined ? { model: modelSingleCopy(bytes, diskFailuresPerYear) } : {}),
  };
}
