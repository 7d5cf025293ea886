import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { LochError } from '../core/errors.ts';
import type { StoreCall } from '../core/store-call.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import type { ObjectStore } from '../storage/contract.ts';
import { localStoreModule, openLocalStore, openSpace } from '../storage/stores/local/index.ts';
import { assertOnDisk, remoteStoreModule } from '../storage/stores/s3/identity.ts';
import type { Config } from './config.ts';
import type { DataDirectory } from './data-directory.ts';
import { s3PlaceOf } from './s3-place.ts';
import { tierOptions } from './tiers.ts';

const MIB = 1024 * 1024;

/** The modules of every store of objects, whichever is chosen: a lake tells by its rows which one it has. */
export const objectStoreModules = [localStoreModule, remoteStoreModule];

/** Where the objects are, and what the rest needs to know of it. */
export interface OpenedObjects {
  readonly objects: ObjectStore;
  /** For other writers of the data directory's disk. **Errors**: `disk_full`. */
  assertRoom(bytes: number): Promise<void>;
  /** Runs work while nothing is swept from the data directory. */
  readonly undisturbed?: <T>(work: () => Promise<T>) => Promise<T>;
  /** What `loch status` tells. **Errors**: `unavailable`. */
  check(): Promise<string>;
}

/** Opens the store that `storage.store` names. **Errors**: `configuration` naming the setting; what the store throws. */
export async function openObjects(deps: {
  readonly store: MetadataStore;
  readonly data: DataDirectory;
  readonly config: Config;
  readonly clock: Clock;
  readonly withBucket: (bucket: string) => readonly StoreCall[];
  readonly report: (error: unknown) => void;
}): Promise<OpenedObjects> {
  return deps.config.storage.store === 's3' ? openRemote(deps) : openLocal(deps);
}

type Deps = Parameters<typeof openObjects>[0];

async function openLocal({ store, data, config, clock, withBucket, report }: Deps): Promise<OpenedObjects> {
  await assertOnDisk(store);
  const objects = await openLocalStore({
    store,
    directory: data.objectsDirectory,
    clock,
    segmentLimit: config.storage.segment_object_limit_bytes,
    graceMs: config.storage.sweep_grace_ms,
    lowDiskBytes: config.storage.low_disk_mib * MIB,
    tiers: await tierOptions({ store, data, config, warn: (text) => report(new LochError('configuration', text)) }),
    scrub: true,
    onSweepFailure: report,
    withBucket,
  });
  return {
    objects,
    assertRoom: (bytes) => objects.assertRoom(bytes),
    undisturbed: (work) => objects.undisturbed(work),
    check: async () => `${(await objects.buckets()).length} buckets`,
  };
}

async function openRemote({ store, data, config, clock, withBucket, report }: Deps): Promise<OpenedObjects> {
  const { sweep_grace_ms: graceMs, cache_mib } = config.storage;
  const { openRemoteStore } = await import('../storage/stores/s3/index.ts');
  const warn = (text: string) => report(new LochError('configuration', text));
  const place = s3PlaceOf(config.storage.s3, 'storage.s3', 'storage.store', warn);
  const objects = await openRemoteStore({
    store,
    clock,
    ...place,
    workDirectory: join(data.workDirectory, 'remote'),
    cacheBytes: cache_mib * MIB,
    graceMs,
    tiers: await tierOptions({ store, data, config, warn }),
    onSweepFailure: report,
    onWarning: warn,
    withBucket,
  });
  const space = openSpace({ directory: data.path, lowBytes: config.storage.low_disk_mib * MIB });
  return {
    objects,
    assertRoom: (bytes) => space.assertRoom(bytes),
    check: async () => {
      await objects.check();
      return `${(await objects.buckets()).length} buckets in ${place.endpoint} (${place.bucket}/${config.storage.s3.prefix})`;
    },
  };
}
