/**
 * Where disuse brings an INTELLIGENT_TIERING object. Pure: facts come in, a tier goes out.
 *
 * Invariants
 * - Archives are reached only where a configuration asks for them; what lies in one comes up by RestoreObject alone.
 * - Small objects are not moved: looking after them costs more than they do.
 * **Source**: Amazon S3 User Guide, "How S3 Intelligent-Tiering works".
 */
import { type AccessTier, INTELLIGENT_PLACES, type PlaceName } from '../tiers/storage-classes.ts';
import type { TieringConfiguration } from './configuration.ts';

const SMALL_BYTES = 128 * 1024;
const INFREQUENT_DAYS = 30;
const INSTANT_DAYS = 90;

/** Warmest first. */
const TIERS = Object.keys(INTELLIGENT_PLACES) as AccessTier[];

export interface TieringFacts {
  readonly key: string;
  readonly size: number;
  readonly tags: Readonly<Record<string, string>>;
  /** Where it is now; absent: FREQUENT. */
  readonly accessTier?: string;
  /** Whole days since it was last used. */
  readonly idleDays: number;
}

/** The tier in which the object belongs, of those that have a place. */
export function chooseTier(
  facts: TieringFacts,
  configurations: readonly TieringConfiguration[],
  places: ReadonlySet<PlaceName>,
): AccessTier {
  const reached = TIERS.filter(
    (tier) => places.has(INTELLIGENT_PLACES[tier].place) && facts.idleDays >= daysTo(tier, facts, configurations),
  );
  const chosen = (facts.size < SMALL_BYTES ? undefined : reached.at(-1)) ?? 'FREQUENT';
  const now = TIERS.find((tier) => tier === facts.accessTier) ?? 'FREQUENT';
  const stays = !INTELLIGENT_PLACES[now].online && TIERS.indexOf(chosen) < TIERS.indexOf(now);
  return stays ? now : chosen;
}

function daysTo(tier: AccessTier, facts: TieringFacts, configurations: readonly TieringConfiguration[]): number {
  if (tier === 'FREQUENT') return 0;
  if (tier === 'INFREQUENT') return INFREQUENT_DAYS;
  if (tier === 'ARCHIVE_INSTANT') return INSTANT_DAYS;
  let fewest = Number.POSITIVE_INFINITY;
  for (const { enabled, filter, tierings } of configurations) {
    if (!enabled || !matches(filter, facts)) continue;
    for (const { accessTier, days } of tierings) if (accessTier === tier) fewest = Math.min(fewest, days);
  }
  return fewest;
}

function matches({ prefix = '', tags = [] }: TieringConfiguration['filter'], facts: TieringFacts): boolean {
  if (!facts.key.startsWith(prefix)) return false;
  return tags.every(({ key, value }) => Object.hasOwn(facts.tags, key) && facts.tags[key] === value);
}
