import { join } from 'node:path';
import type { Clock } from '../../../core/clock.ts';
import { toLochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import type { StoreCall } from '../../../core/store-call.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import type { ObjectStore } from '../../contract.ts';
import { openTiers, type TierOptions } from '../../tiers/open-tiers.ts';
import { noTier } from '../local/index.ts';
import { LocalStore } from '../local/local-store.ts';
import { takeClaim } from './claim.ts';
import { remoteIdentity } from './identity.ts';
import { Intents } from './intents.ts';
import { RangeCache } from './range-cache/range-cache.ts';
import { RemoteObjects, type RemoteOptions } from './remote-objects.ts';
import { remotePlaces } from './remote-places.ts';
import { type RemoteSweepReport, sweepRemote } from './remote-sweeper.ts';
import { RemoteUploads } from './remote-uploads.ts';

export type { RemoteOptions } from './remote-objects.ts';

const MIB = 1024 * 1024;

export interface RemoteStoreOptions extends RemoteOptions {
  /** With the modules of the local store and `remoteStoreModule` loaded. Closed by whoever opened it. */
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** For files on their way and the range cache; emptied by whoever owns it. */
  readonly workDirectory: string;
  /** Bytes of remote objects kept for engines. **Units**: bytes; default 4 GiB. */
  readonly cacheBytes?: number;
  /** Bodies of more bytes are sent in parts of so many. **Units**: bytes; default 8 MiB, which services take. */
  readonly partBytes?: number;
  /** Parts but the last have at least this size. **Units**: bytes; default 5 MiB. */
  readonly minPartBytes?: number;
  /** How long replaced bytes stay, longer than the longest statement. **Units**: milliseconds; default 6 hours. */
  readonly graceMs?: number;
  /** How often the sweeper runs; 0: only when asked. **Units**: milliseconds; default 5 minutes. */
  readonly sweepEveryMs?: number;
  /** Told of a sweep that failed; the next one tries again. */
  readonly onSweepFailure?: (error: Error) => void;
  /** Told of what the service cannot do, and what is done instead. */
  readonly onWarning?: (text: string) => void;
  /** Colder places of bytes; without them every object is hot. */
  readonly tiers?: TierOptions;
  /** Calls that share the transactions that make and remove a bucket. */
  readonly withBucket?: (bucket: string) => readonly StoreCall[];
}

/** An object store with its bytes in a remote service, and its sweeper. */
export interface RemoteObjectStore extends ObjectStore {
  /** Removes what is past its grace, now. */
  sweep(): Promise<RemoteSweepReport>;
  /** Removes what lies in tiers under ids that nothing names, past the grace. Runs by itself once after the start. */
  sweepUnreferenced(): Promise<number>;
  /** Bytes read from the service since the start. */
  readonly bytesFetched: () => number;
  /** The service answers. **Errors**: `unavailable`. */
  check(): Promise<void>;
}

/**
 * Opens (or begins) the object store at a prefix of a remote bucket. **Errors**: `configuration` when the lake has its
 * objects elsewhere, `conflict` when the place is another lake's, `unavailable`.
 */
export async function openRemoteStore(options: RemoteStoreOptions): Promise<RemoteObjectStore> {
  const { store, clock } = options;
  const remote = new RemoteObjects(options);
  try {
    return await openOn(remote, options, store, clock);
  } catch (error) {
    remote.close();
    throw error;
  }
}

async function openOn(
  remote: RemoteObjects,
  options: RemoteStoreOptions,
  store: MetadataStore,
  clock: Clock,
): Promise<RemoteObjectStore> {
  const { id, hasObjects } = await remoteIdentity(store);
  const claim = await takeClaim(remote, { store: id, start: newId(), begins: !hasObjects });
  if (!claim.conditional) {
    options.onWarning?.(
      `The remote store ${options.endpoint} keeps no conditional writes: nothing but \`claim.json\` tells two lakes apart. Give this prefix to one lake alone.`,
    );
  }
  const intents = new Intents(store, clock);
  const partBytes = options.partBytes ?? 8 * MIB;
  const minPartBytes = options.minPartBytes ?? 5 * MIB;
  const workDirectory = join(options.workDirectory, 'parts');
  const cache = new RangeCache({
    directory: join(options.workDirectory, 'ranges'),
    limitBytes: options.cacheBytes ?? 4096 * MIB,
  });
  const uploads = new RemoteUploads({ store, remote, intents, clock, minPartBytes, partBytes, workDirectory });
  const graceMs = options.graceMs ?? 6 * 3_600_000;

  // One sweep at a time, whoever asks.
  let sweeping: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = sweeping.then(work, work);
    sweeping = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };
  const report = (error: unknown) => options.onSweepFailure?.(toLochError(error));
  const hot = remotePlaces({ store, remote, intents, cache, partBytes });
  const hotStatus = async () => {
    const held = await claim.assertHeld().then(
      () => ({ ok: true, detail: remote.location }),
      (error: Error) => ({ ok: false, detail: error.message }),
    );
    return { location: remote.location, medium: 'service' as const, ...held };
  };
  const opened =
    options.tiers === undefined
      ? undefined
      : await openTiers({ store, clock, hot, options: options.tiers, graceMs, alone, onFailure: report, hotStatus });
  const removeFromTier = opened?.removeFromTier ?? noTier;
  const sweep = () => alone(() => sweepRemote({ store, remote, intents, claim, clock, graceMs, removeFromTier }));
  const everyMs = options.sweepEveryMs ?? 300_000;
  const inBackground = () => void sweep().catch(report);
  const timer = everyMs === 0 ? undefined : setInterval(inBackground, everyMs).unref();
  const sweepUnreferenced = async () => (await opened?.sweep()) ?? 0;
  if (everyMs !== 0) void sweepUnreferenced().catch(report);

  const objects = new LocalStore({
    store,
    clock,
    places: opened?.places ?? hot,
    uploads,
    withBucket: options.withBucket ?? (() => []),
    close: async () => {
      clearInterval(timer);
      await opened?.close();
      await sweeping;
      await cache.close();
      remote.close();
    },
  });
  return Object.assign(objects, {
    sweep,
    sweepUnreferenced,
    ...(opened === undefined ? {} : { tiers: opened.tiers }),
    bytesFetched: () => remote.bytesFetched,
    check: () => claim.assertHeld(),
  });
}
