import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import { LochError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { StoreCall } from '../core/store-call.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import type { ObjectStore } from '../storage/contract.ts';
import { localStoreModule, openLocalStore, openSpace } from '../storage/stores/local/index.ts';
import { assertOnDisk, remoteStoreModule } from '../storage/stores/s3/identity.ts';
import type { Config } from './config.ts';
import type { DataDirectory } from './data-directory.ts';
import { isLoopback } from './listen.ts';
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
    tiers: tierOptions(data, config),
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
  const { s3, sweep_grace_ms: graceMs, cache_mib } = config.storage;
  for (const name of ['endpoint', 'bucket'] as const) {
    if (s3[name] === '') throw missing(`storage.s3.${name}`);
  }
  const url = parseEndpoint(s3.endpoint);
  const { openRemoteStore } = await import('../storage/stores/s3/index.ts');
  const warn = (text: string) => report(new LochError('configuration', text));
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    warn(
      `\`storage.s3.endpoint\` is ${s3.endpoint}: everything the lake writes crosses the network in the clear. Use https.`,
    );
  }
  const objects = await openRemoteStore({
    store,
    clock,
    endpoint: s3.endpoint,
    region: s3.region,
    bucket: s3.bucket,
    prefix: s3.prefix === '' || s3.prefix.endsWith('/') ? s3.prefix : `${s3.prefix}/`,
    pathStyle: s3.path_style,
    ...credentialsOf(s3),
    ...(s3.ca_file === '' ? {} : { ca: readSetting(s3.ca_file, 'storage.s3.ca_file') }),
    workDirectory: join(data.workDirectory, 'remote'),
    cacheBytes: cache_mib * MIB,
    graceMs,
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
      return `${(await objects.buckets()).length} buckets in ${s3.endpoint} (${s3.bucket}/${s3.prefix})`;
    },
  };
}

function parseEndpoint(endpoint: string): URL {
  if (URL.canParse(endpoint)) {
    const url = new URL(endpoint);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  }
  throw new LochError(
    'configuration',
    `\`storage.s3.endpoint\` is ${endpoint}: it must begin with https:// or http://.`,
    {
      context: { setting: 'storage.s3.endpoint' },
    },
  );
}

const keyFile = z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) });

/** The key of the service: from the file, or from the two settings. */
function credentialsOf(s3: Config['storage']['s3']): { accessKeyId: string; secretAccessKey: Secret } {
  if (s3.credentials_file === '') {
    if (s3.access_key_id === '') throw missing('storage.s3.access_key_id');
    if (s3.secret_access_key.reveal() === '') throw missing('storage.s3.secret_access_key');
    return { accessKeyId: s3.access_key_id, secretAccessKey: s3.secret_access_key };
  }
  const parsed = keyFile.safeParse(jsonOf(readSetting(s3.credentials_file, 'storage.s3.credentials_file')));
  if (!parsed.success) {
    throw new LochError(
      'configuration',
      `\`storage.s3.credentials_file\` (${s3.credentials_file}) is not JSON with accessKeyId and secretAccessKey.`,
      { context: { setting: 'storage.s3.credentials_file' } },
    );
  }
  return { accessKeyId: parsed.data.accessKeyId, secretAccessKey: new Secret(parsed.data.secretAccessKey) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told with the shape that is wanted; the text may hold a secret
  }
}

function readSetting(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LochError('configuration', `\`${setting}\`: ${file} cannot be read (${(cause as Error).message}).`, {
      context: { setting },
      cause,
    });
  }
}

const missing = (setting: string) =>
  new LochError('configuration', `\`storage.store\` is s3 and \`${setting}\` is not set.`, { context: { setting } });
