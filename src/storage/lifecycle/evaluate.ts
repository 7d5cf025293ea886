/**
 * What lifecycle rules ask of one version at one moment. Pure: facts and the clock come in, an action goes out.
 *
 * Invariants
 * - A time counts from its event plus whole days, rounded up to the next midnight UTC.
 * - Of several actions that are due, a removal wins over a move, and the move to the coldest class over other moves.
 * - An object is never moved to a warmer class, and never moved when it is too small for the class.
 * **Source**: Amazon S3 User Guide, "How S3 Lifecycle interacts with …" and "Lifecycle rules: based on an object's age".
 */
import type { LifecycleConfiguration, LifecycleFilter, LifecycleRule } from './configuration.ts';
import { TRANSITION_CLASSES } from './configuration.ts';

const DAY_MS = 86_400_000;
const SMALL_BYTES = 128 * 1024;

/** One version, as far as rules ask. **Units**: milliseconds since 1970 UTC. */
export interface VersionFacts {
  readonly key: string;
  readonly size: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly lastModified: number;
  readonly deleteMarker: boolean;
  /** Undefined for the current version. */
  readonly noncurrent?: {
    /** When its successor came. */
    readonly since: number;
    /** How many noncurrent versions of the key are newer. */
    readonly newer: number;
  };
  /** The only version of its key that is left. */
  readonly alone: boolean;
  /** When it was last read, where the bucket keeps that; else undefined. */
  readonly lastAccess?: number;
}

export type LifecycleAction =
  /** The current version goes: by a marker where versions are kept. */
  | { readonly kind: 'expire'; readonly rule: string }
  /** A noncurrent version is removed for good. */
  | { readonly kind: 'remove-version'; readonly rule: string }
  /** A delete marker with nothing behind it goes. */
  | { readonly kind: 'remove-marker'; readonly rule: string }
  | { readonly kind: 'transition'; readonly rule: string; readonly storageClass: string };

/** Rules ready to be asked about any number of versions. */
export interface LifecycleEvaluator {
  /** The action that is due at `now`, or undefined. */
  decide(facts: VersionFacts, now: number): LifecycleAction | undefined;
  /** When the current version will expire and by which rule: what `x-amz-expiration` tells. */
  expiryOf(
    facts: Pick<VersionFacts, 'key' | 'size' | 'tags' | 'lastModified'>,
  ): { readonly at: number; readonly rule: string } | undefined;
  /** Whether an unfinished upload of `key` begun at `startedAt` is to be aborted, and by which rule. */
  abortOf(key: string, startedAt: number): { readonly at: number; readonly rule: string } | undefined;
}

/** `dayMs` is how long a day of the rules lasts: 86,400,000, shorter for suites that do not wait. */
export function compileLifecycle(configuration: LifecycleConfiguration, dayMs: number = DAY_MS): LifecycleEvaluator {
  const rulesOf = byPrefix(configuration.rules.filter((rule) => rule.enabled));
  const varies = configuration.minimumSize === 'varies_by_storage_class';
  const due = (event: number, days: number): number => Math.ceil((event + days * dayMs) / dayMs) * dayMs;

  const removal = (facts: VersionFacts, rule: LifecycleRule, now: number): LifecycleAction | undefined => {
    const { noncurrent } = facts;
    if (noncurrent !== undefined) {
      const { days, newerVersions = 0 } = rule.noncurrentExpiration ?? {};
      const over = days !== undefined && due(noncurrent.since, days) <= now && noncurrent.newer >= newerVersions;
      return over ? { kind: 'remove-version', rule: rule.id } : undefined;
    }
    const { expiration } = rule;
    if (expiration === undefined) return undefined;
    if (facts.deleteMarker) {
      if (!facts.alone) return undefined;
      const aged = expiration.days !== undefined && due(facts.lastModified, expiration.days) <= now;
      return expiration.expiredDeleteMarker === true || aged ? { kind: 'remove-marker', rule: rule.id } : undefined;
    }
    const at = expirationTime(expiration, facts, due);
    return at !== undefined && at <= now ? { kind: 'expire', rule: rule.id } : undefined;
  };

  const move = (facts: VersionFacts, rule: LifecycleRule, now: number): string | undefined => {
    const { noncurrent } = facts;
    const found: string[] = [];
    if (noncurrent === undefined) {
      for (const transition of rule.transitions ?? []) {
        const at = expirationTime(transition, facts, due);
        if (at !== undefined && at <= now) found.push(transition.storageClass);
      }
    } else {
      for (const { days, newerVersions = 0, storageClass } of rule.noncurrentTransitions ?? []) {
        if (due(noncurrent.since, days) <= now && noncurrent.newer >= newerVersions) found.push(storageClass);
      }
    }
    return coldest(found.filter((storageClass) => mayMove(facts, rule.filter, storageClass, varies)));
  };

  return {
    decide(facts, now) {
      const rules = rulesOf(facts.key).filter((rule) => matches(rule.filter, facts));
      for (const rule of rules) {
        const action = removal(facts, rule, now);
        if (action !== undefined) return action;
      }
      if (facts.deleteMarker) return undefined;
      let found: { readonly rule: string; readonly storageClass: string } | undefined;
      for (const rule of rules) {
        const storageClass = move(facts, rule, now);
        if (storageClass !== undefined && depthOf(storageClass) > depthOf(found?.storageClass ?? 'STANDARD')) {
          found = { rule: rule.id, storageClass };
        }
      }
      return found === undefined ? undefined : { kind: 'transition', ...found };
    },

    expiryOf(facts) {
      let first: { readonly at: number; readonly rule: string } | undefined;
      for (const rule of rulesOf(facts.key)) {
        if (rule.expiration === undefined || !matches(rule.filter, facts)) continue;
        const { days, date } = rule.expiration;
        const at = date ?? (days === undefined ? undefined : due(facts.lastModified, days));
        if (at !== undefined && (first === undefined || at < first.at)) first = { at, rule: rule.id };
      }
      return first;
    },

    abortOf(key, startedAt) {
      let first: { readonly at: number; readonly rule: string } | undefined;
      for (const rule of rulesOf(key)) {
        if (rule.abortUploadsAfterDays === undefined) continue;
        const at = due(startedAt, rule.abortUploadsAfterDays);
        if (first === undefined || at < first.at) first = { at, rule: rule.id };
      }
      return first;
    },
  };
}

interface When {
  readonly days?: number | undefined;
  readonly date?: number | undefined;
  readonly daysSinceAccess?: number | undefined;
}

/** Undefined where access is asked for and not known: no access history, no action. */
function expirationTime(
  { days, date, daysSinceAccess }: When,
  facts: Pick<VersionFacts, 'lastModified' | 'lastAccess'>,
  due: (event: number, days: number) => number,
): number | undefined {
  if (date !== undefined) return date;
  if (days !== undefined) return due(facts.lastModified, days);
  if (daysSinceAccess === undefined || facts.lastAccess === undefined) return undefined;
  return due(Math.max(facts.lastAccess, facts.lastModified), daysSinceAccess);
}

const depthOf = (storageClass: string): number => (TRANSITION_CLASSES as readonly string[]).indexOf(storageClass);

function coldest(classes: readonly string[]): string | undefined {
  return [...classes].sort((a, b) => depthOf(b) - depthOf(a))[0];
}

function mayMove(facts: VersionFacts, filter: LifecycleFilter, storageClass: string, varies: boolean): boolean {
  if (depthOf(storageClass) <= depthOf(facts.storageClass)) return false;
  const archive = storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE';
  // A filter of sizes says what the owner wants of small objects.
  const sized = filter.sizeGreaterThan !== undefined || filter.sizeLessThan !== undefined;
  return sized || (archive && varies) || facts.size >= SMALL_BYTES;
}

function matches(
  filter: LifecycleFilter,
  facts: Pick<VersionFacts, 'size' | 'tags'> & { deleteMarker?: boolean },
): boolean {
  const { tags = [], sizeGreaterThan, sizeLessThan } = filter;
  if (tags.some(({ key, value }) => !Object.hasOwn(facts.tags, key) || facts.tags[key] !== value)) return false;
  if (facts.deleteMarker === true) return true;
  if (sizeGreaterThan !== undefined && facts.size <= sizeGreaterThan) return false;
  return sizeLessThan === undefined || facts.size < sizeLessThan;
}

/** A look-up of the rules whose prefix a key has. **Cost**: one look-up per length of prefix, not per rule. */
function byPrefix(rules: readonly LifecycleRule[]): (key: string) => readonly LifecycleRule[] {
  const known = new Map<string, LifecycleRule[]>();
  for (const rule of rules) {
    const prefix = rule.filter.prefix ?? '';
    const list = known.get(prefix);
    if (list === undefined) known.set(prefix, [rule]);
    else list.push(rule);
  }
  const lengths = [...new Set([...known.keys()].map((prefix) => prefix.length))].sort((a, b) => a - b);
  return (key) => {
    const found: LifecycleRule[] = [];
    for (const length of lengths) {
      if (length > key.length) break;
      const list = known.get(key.slice(0, length));
      if (list !== undefined) found.push(...list);
    }
    return found;
  };
}
