import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { keyText, type ObjectDetail } from '../stores/local/rows.ts';
import objectStore from '../stores/local/store.ts';
import { assertVersionId, keyBytes } from '../stores/names.ts';
import type { BytePlaces } from '../stores/places.ts';
import type { ObjectTiers, TierPlace, TierStatus } from './contract-types.ts';
import { openMover, restoreEnd } from './mover.ts';
import { type PlaceName, STORAGE_CLASSES } from './storage-classes.ts';
import { tieredPlaces } from './tiered-places.ts';

const { procedures } = objectStore;
const DAY_MS = 86_400_000;
const MOVE_EVERY_MS = 5_000;

/** The colder places of a store, as the composition root chose them. */
export interface TierOptions {
  readonly cold?: TierPlace;
  readonly archive?: TierPlace;
  /** Where restored copies lie. */
  readonly restored: TierPlace;
  /** How long a day of restored copies lasts; 24 hours when absent. **Units**: milliseconds. */
  readonly dayMs?: number;
  /** How often it is looked for what waits to be moved; 0: only when asked. **Units**: milliseconds. */
  readonly moveEveryMs?: number;
}

export interface TierDeps {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly hot: BytePlaces;
  readonly options: TierOptions;
  /** Where the hot place is, and how it is. */
  readonly hotStatus: () => Promise<Pick<TierStatus, 'location' | 'medium' | 'ok' | 'detail'>>;
  readonly graceMs: number;
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onFailure: (error: unknown) => void;
}

/** A store's places with the colder ones, and who moves between them. */
export interface OpenTiers extends Lifecycle {
  readonly places: BytePlaces;
  readonly tiers: ObjectTiers;
  /** **Errors**: `unavailable` for a number that no configured tier has. */
  byNumber(number: number): TierPlace;
  /** Every place beside the hot one, with that of restored copies. */
  readonly others: readonly TierPlace[];
  removeFromTier(number: number, versionId: string): Promise<void>;
  /** Removes bytes in tiers that nothing names, past the grace. */
  sweep(): Promise<number>;
}

/** Opens the tiers below `hot`. **Errors**: `configuration` when versions lie in one that is not configured. */
export async function openTiers(deps: TierDeps): Promise<OpenTiers> {
  const { store, clock, options } = deps;
  const configured = (['cold', 'archive'] as const).flatMap((name) => {
    const place = options[name];
    return place === undefined ? [] : [[name, place] as const];
  });
  const numbers = await store.write(procedures.tierNumbers, { names: configured.map(([name]) => name) });
  const tiers = new Map<PlaceName, { readonly number: number; readonly place: TierPlace }>(
    configured.map(([name, place]) => [name, { number: numbers[name]!, place }]),
  );
  const used = await assertConfigured(store, numbers, tiers);
  for (const { number, place } of tiers.values()) if (!used.has(number)) await place.begin();
  await options.restored.begin();
  const byNumber = (number: number): TierPlace => {
    for (const tier of tiers.values()) if (tier.number === number) return tier.place;
    throw new LochError('unavailable', `The tier with number ${number} is not configured.`, {
      context: { tier: number },
    });
  };
  const places = tieredPlaces(deps.hot, { byNumber, restored: options.restored }, () => clock.now());
  const dayMs = options.dayMs ?? DAY_MS;
  const mover = openMover({
    ...deps,
    tiers,
    restored: options.restored,
    dayMs,
    everyMs: options.moveEveryMs ?? MOVE_EVERY_MS,
  });

  return {
    places,
    byNumber,
    others: [...[...tiers.values()].map(({ place }) => place), options.restored],
    removeFromTier: (number, versionId) => byNumber(number).remove(versionId),
    sweep: () => mover.sweep(),
    close: () => mover.close(),
    tiers: {
      places: new Set<PlaceName>(['hot', ...tiers.keys()]),
      settle: () => mover.settle(),
      async versionsByUse(max, after) {
        const rows = await store.read(procedures.versionsByUse, {
          max,
          ...(after === undefined
            ? {}
            : { after: { bucket: after.bucket, key: keyBytes(after.key), versionId: after.versionId } }),
        });
        return rows.map(({ bucket, key, version_id, size, detail }) => ({
          bucket,
          key: keyText(key),
          versionId: version_id,
          size,
          attributes: (JSON.parse(detail) as ObjectDetail).attributes ?? {},
        }));
      },
      async restore({ bucket, key, versionId }, days) {
        if (versionId !== undefined) assertVersionId(versionId);
        const now = clock.now();
        const outcome = await store.write(procedures.requestRestore, {
          bucket,
          key: keyBytes(key),
          ...(versionId === undefined ? {} : { versionId }),
          ...(days === undefined ? {} : { days, until: restoreEnd(now, days, dayMs) }),
          at: now,
        });
        mover.wake();
        return outcome;
      },
      async status() {
        const figures = await store.read(procedures.tierFigures, {});
        const shown = await Promise.all(
          [...tiers].map(async ([name, { number, place }]): Promise<TierStatus> => {
            const found = figures.tiers.find((tier) => tier.place === number);
            const { ok, detail } = await place.check();
            const { versions = 0, bytes = 0 } = found ?? {};
            const medium = place.holds === undefined ? 'disk' : 'service';
            return { ...describe(name), location: place.location, medium, ok, detail, versions, bytes };
          }),
        );
        const { waiting, failure, restoring, restored } = figures;
        const hot = { ...describe('hot'), ...(await deps.hotStatus()) };
        return { tiers: [hot, ...shown], waiting, ...(failure === undefined ? {} : { failure }), restoring, restored };
      },
    },
  };
}

/** The id by which tiers in other services know the lake; made with the first question. */
export const lakeIdOf = (store: MetadataStore): Promise<string> => store.write(procedures.lakeId, { made: newId() });

/** The configured places by the numbers that rows have. */
export async function numberedTiers(
  store: MetadataStore,
  options: Pick<TierOptions, 'cold' | 'archive'> | undefined,
): Promise<ReadonlyMap<number, TierPlace>> {
  const configured = (['cold', 'archive'] as const).flatMap((name) => {
    const place = options?.[name];
    return place === undefined ? [] : [[name, place] as const];
  });
  const numbers = await store.write(procedures.tierNumbers, { names: configured.map(([name]) => name) });
  return new Map(configured.map(([name, place]) => [numbers[name]!, place]));
}

function describe(name: PlaceName): Pick<TierStatus, 'name' | 'storageClasses' | 'latency' | 'copies'> {
  const classes = Object.entries(STORAGE_CLASSES).filter(([, traits]) => traits.place === name);
  return {
    name,
    storageClasses: classes.map(([storageClass]) => storageClass),
    latency: classes[0]?.[1].latency ?? '',
    copies: 1,
  };
}

/** The numbers of tiers in which versions lie. **Errors**: `configuration`. */
async function assertConfigured(
  store: MetadataStore,
  numbers: Readonly<Record<string, number>>,
  tiers: ReadonlyMap<PlaceName, { readonly number: number }>,
): Promise<ReadonlySet<number>> {
  const known = new Set([...tiers.values()].map(({ number }) => number));
  const figures = await store.read(procedures.tierFigures, {});
  for (const { place, versions } of figures.tiers) {
    if (known.has(place)) continue;
    const name = Object.entries(numbers).find(([, number]) => number === place)?.[0] ?? String(place);
    throw new LochError(
      'configuration',
      `${versions} versions lie in the tier \`${name}\`, which is not configured. Set \`storage.tiers.${name}\` to where it is.`,
      { context: { tier: name, versions } },
    );
  }
  return new Set(figures.tiers.map(({ place }) => place));
}
