import type { Clock } from '../../../core/clock.ts';
import { LochError, toLochError } from '../../../core/errors.ts';
import type { StoreCall } from '../../../core/store-call.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import type { ObjectStore } from '../../contract.ts';
import { numberedTiers, openTiers, type TierOptions } from '../../tiers/open-tiers.ts';
import { fsck, type FsckOptions, type FsckReport } from './fsck.ts';
import { localPlaces } from './local-places.ts';
import { LocalStore } from './local-store.ts';
import { ObjectFiles } from './object-files.ts';
import { openScrubber, type OpenScrubber, type Scrubber } from './scrubber.ts';
import { Segments } from './segments.ts';
import { Space } from './space.ts';
import { type SweepReport, sweep, sweepUnreferenced } from './sweeper.ts';
import { LocalUploads } from './uploads.ts';

/** The watch over free bytes of a disk, for those who write to it without a store. */
export const openSpace = (options: ConstructorParameters<typeof Space>[0]): Pick<Space, 'assertRoom'> =>
  new Space(options);

export type { FsckFinding, FsckReport } from './fsck.ts';
export type { ScrubStatus } from './scrubber.ts';
export type { SweepReport } from './sweeper.ts';

export interface LocalStoreOptions {
  /** With the module `localStoreModule` loaded. Closed by whoever opened it, after this store. */
  readonly store: MetadataStore;
  /**
   * The folder of all buckets; made when missing. One store at a time owns it. The guard of that is the lock of the
   * data directory it lies in, which whoever opens a store holds: a lock of its own would leave the metadata beside it open.
   */
  readonly directory: string;
  readonly clock: Clock;
  /** Objects up to this size share segments. **Units**: bytes; default 64 KiB. */
  readonly segmentLimit?: number;
  /** A segment that has grown to this size is followed by a new one. **Units**: bytes; default 256 MiB. */
  readonly segmentRollBytes?: number;
  /** Parts but the last have at least this size. **Units**: bytes; default 5 MiB. */
  readonly minPartBytes?: number;
  /** How long replaced bytes stay, longer than the longest statement. **Units**: milliseconds; default 6 hours. */
  readonly graceMs?: number;
  /** How often the sweeper runs; 0: only when asked. **Units**: milliseconds; default 5 minutes. */
  readonly sweepEveryMs?: number;
  /** Writes stop when less would be left on the disk. **Units**: bytes; default 64 MiB. */
  readonly lowDiskBytes?: number;
  /** Free bytes of the disk; asks the file system when not given. */
  readonly freeBytes?: () => Promise<number>;
  /** Calls for the transactions that make and delete a bucket, for what others keep under its name. */
  readonly withBucket?: (bucket: string) => readonly StoreCall[];
  /** Colder places of bytes; without them every object is hot. */
  readonly tiers?: TierOptions;
  /** Whether versions are read over and over in the background; only when asked when absent. */
  readonly scrub?: boolean;
  /** Told of a sweep that failed; the next one tries again. */
  readonly onSweepFailure?: (error: Error) => void;
}

/** An object store on a local disk, and its sweeper. */
export interface LocalObjectStore extends ObjectStore {
  /** Reads every byte and says what is damaged. */
  readonly scrubber: Scrubber;
  /** Removes what is past its grace, now. */
  sweep(): Promise<SweepReport>;
  /** Removes files that no transaction named, past the grace. Runs by itself once after the start. */
  sweepUnreferenced(): Promise<number>;
  /** For other writers of the same disk. **Errors**: `disk_full` when so many bytes more would pass the watermark. */
  assertRoom(bytes: number): Promise<void>;
  /** Runs work while nothing is swept, as copying the files that rows name. */
  undisturbed<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Compares the rows of a store that nobody else has open with what is on its disks. **Errors**: `configuration` when
 * versions lie in a tier that is not configured.
 */
export async function fsckLocalStore(
  options: Pick<LocalStoreOptions, 'store' | 'directory' | 'clock' | 'tiers'> & { readonly lostAndFound: string },
  how: FsckOptions,
): Promise<FsckReport> {
  const { store, clock, tiers } = options;
  const files = await ObjectFiles.open(options.directory);
  const segments = await Segments.open(files.segments, Number.POSITIVE_INFINITY);
  try {
    const numbered = await numberedTiers(store, tiers);
    return await fsck(
      {
        store,
        clock,
        files,
        segments,
        tier: (number) => numbered.get(number) ?? unknownTier(number),
        others: [...numbered.values(), ...(tiers === undefined ? [] : [tiers.restored])],
        tiers: numbered,
        restored: tiers?.restored,
        lostAndFound: options.lostAndFound,
      },
      how,
    );
  } finally {
    await segments.close();
  }
}

/** The store module to load into the metadata store. */
export const localStoreModule = new URL('./store.ts', import.meta.url);

/** Opens (or begins) the object store in `options.directory`. **Errors**: `disk_full`. */
export async function openLocalStore(options: LocalStoreOptions): Promise<LocalObjectStore> {
  const { store, clock } = options;
  const files = await ObjectFiles.open(options.directory);
  const segments = await Segments.open(files.segments, options.segmentRollBytes ?? 256 * 1024 * 1024);
  const space = new Space({
    directory: options.directory,
    lowBytes: options.lowDiskBytes ?? 64 * 1024 * 1024,
    freeBytes: options.freeBytes,
  });
  const uploads = new LocalUploads({
    store,
    files,
    space,
    clock,
    minPartBytes: options.minPartBytes ?? 5 * 1024 * 1024,
  });
  const graceMs = options.graceMs ?? 6 * 3600 * 1000;
  const stop = new AbortController();

  // One sweep at a time, whoever asks.
  let sweeping: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = sweeping.then(work, work);
    sweeping = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };
  const report = (error: unknown) => options.onSweepFailure?.(toLochError(error));
  const hot = localPlaces({
    files,
    segments,
    space,
    segmentLimit: options.segmentLimit ?? 64 * 1024,
    suspect: (row) => scrubber.suspect(row),
  });
  const opened =
    options.tiers === undefined
      ? undefined
      : await openTiers({
          store,
          clock,
          hot,
          options: options.tiers,
          graceMs,
          alone,
          onFailure: report,
          hotStatus: async () => ({ medium: 'disk', ...(await space.status()) }),
        });
  const scrubber: OpenScrubber = openScrubber({
    store,
    clock,
    files,
    segments,
    tier: opened?.byNumber ?? unknownTier,
    others: opened?.others ?? [],
    background: options.scrub === true,
    onFailure: report,
  });
  const sweepDeps = { store, files, segments, clock, graceMs, removeFromTier: opened?.removeFromTier ?? noTier };
  const everyMs = options.sweepEveryMs ?? 300_000;
  const inBackground = () => void alone(() => sweep(sweepDeps)).catch(report);
  const timer = everyMs === 0 ? undefined : setInterval(inBackground, everyMs).unref();
  // The sweep of tiers waits for moves, and these for sweeps of the hot place: it must not wait inside of one.
  const unreferenced = async () =>
    (await alone(() => sweepUnreferenced(sweepDeps, stop.signal))) + ((await opened?.sweep()) ?? 0);
  if (everyMs !== 0) void unreferenced().catch(report);

  const local = new LocalStore({
    store,
    clock,
    places: opened?.places ?? hot,
    uploads,
    withBucket: options.withBucket ?? (() => []),
    close: async () => {
      clearInterval(timer);
      stop.abort();
      await scrubber.close();
      await opened?.close();
      await sweeping;
      await segments.close();
    },
  });
  return Object.assign(local, {
    scrubber,
    sweep: () => alone(() => sweep(sweepDeps)),
    sweepUnreferenced: unreferenced,
    ...(opened === undefined ? {} : { tiers: opened.tiers }),
    assertRoom: (bytes: number) => space.assertRoom(bytes),
    undisturbed: alone,
  });
}

/** Garbage names a tier, and the store was opened without any: its bytes are left for when it is opened with them. */
export async function noTier(tier: number): Promise<void> {
  throw new LochError(
    'configuration',
    `Garbage lies in the tier with number ${tier}. Set \`storage.tiers\` as it was.`,
  );
}

function unknownTier(tier: number): never {
  throw new LochError('unavailable', `The tier with number ${tier} is not configured.`, { context: { tier } });
}
