/**
 * Writes the inventories of every bucket, daily or on Sundays (UTC), and whenever somebody asks.
 *
 * Invariants
 * - A list is written in the store before it begins and after each of its files: a crash goes on from the position.
 * - The manifest is written when every file is there, and its checksum last: whoever sees it can read the list.
 * - One list at a time; a list that fails holds up no other, and is tried again.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { LochError, toLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Engine } from '../../engines/contract.ts';
import type { Audit } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { BucketSettings, ObjectBody, ObjectStore, PutOptions } from '../contract.ts';
import { dataEvent } from '../objects/record.ts';
import { columnsOf, type ListedVersion } from './columns.ts';
import type { InventoryConfiguration } from './configuration.ts';
import type { InventoryFile, InventoryRun } from './contract-types.ts';
import { assertDestination } from './destination.ts';
import { folderOf, manifestKeys, manifestOf, partKey } from './delivery.ts';
import inventoryStore, { type HeldInventory } from './store.ts';
import { type ListPosition, listedPage } from './walk.ts';
import { writePart } from './write-part.ts';

const { procedures } = inventoryStore;
const DAY_MS = 86_400_000;
/** The first Sunday, in days since 1970. */
const FIRST_SUNDAY = 3;
/** Longer than any file takes. **Units**: milliseconds. */
const LEASE_MS = 30 * 60_000;
const LOOK_EVERY_MS = 60_000;
const VERSIONS_PER_FILE = 1_000_000;

export interface InventoryDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly settings: BucketSettings;
  readonly audit: Audit;
  readonly clock: Clock;
  /** Makes the lists in Parquet. */
  readonly engine: Engine;
  /** For files on their way; emptied at start. */
  readonly workDirectory: string;
  /** In whose name it acts. */
  readonly context: (signal: AbortSignal) => RequestContext;
  readonly versionsPerFile?: number;
  /** 0: only when asked. **Units**: milliseconds. */
  readonly lookEveryMs?: number;
  readonly onFailure: (error: unknown) => void;
}

export interface InventoryRunner extends Lifecycle {
  /** Writes the lists that are due. Resolves when all are done or have failed. */
  runDue(): Promise<void>;
  /** Writes a list now. **Errors**: `not_found` without the configuration; `concurrent_run`. */
  run(bucket: string, id: string): Promise<InventoryRun>;
}

/** The day whose list is the last that should be there. */
function dueDay(frequency: InventoryConfiguration['frequency'], now: number): number {
  const today = Math.floor(now / DAY_MS);
  return frequency === 'Daily' ? today : today - ((today - FIRST_SUNDAY) % 7);
}

/** The runner. It looks for what is due from a minute after it was opened, unless `lookEveryMs` is 0. */
export function openInventoryRunner(deps: InventoryDeps): InventoryRunner {
  const { store, objects, settings, clock } = deps;
  const holder = randomUUID();
  const stop = new AbortController();
  let working: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = working.then(work, work);
    working = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };

  const deliver = async (
    configuration: InventoryConfiguration,
    key: string,
    body: ObjectBody,
    options: PutOptions,
  ): Promise<void> => {
    const { bucket, encryption } = configuration.destination;
    const asked: PutOptions['encryption'] =
      encryption?.algorithm === 'aws:kms' ? { algorithm: 'aws:kms', key: encryption.keyId } : encryption;
    await objects.put(bucket, key, body, {
      ...options,
      operation: 'InventoryDelivery',
      ...(asked === undefined ? {} : { encryption: asked }),
    });
    await deps.audit.recordData(deps.context(stop.signal), [dataEvent('InventoryDelivery', { bucket, key })]);
  };

  const list = async (bucket: string, configuration: InventoryConfiguration, held: HeldInventory): Promise<void> => {
    const { id, destination } = configuration;
    const account = await assertDestination(objects, bucket, configuration);
    const columns = columnsOf(configuration, bucket, account);
    const folder = folderOf(bucket, configuration);
    const files: InventoryFile[] = [...held.files];
    let listed = held.listed;
    let at = (held.position === null ? 'begin' : JSON.parse(held.position)) as ListPosition;
    const advance = (manifest?: string) =>
      store.write(procedures.advance, {
        ...{ bucket, id, holder, leaseMs: LEASE_MS, now: clock.now() },
        ...{ position: JSON.stringify(at), files, listed },
        ...(manifest === undefined ? {} : { manifest }),
      });
    /** The versions of one file, from `page` on to the page that fills it. */
    const versions = async function* (page: readonly ListedVersion[]): AsyncGenerator<ListedVersion> {
      let inFile = 0;
      for (;;) {
        stop.signal.throwIfAborted();
        yield* page;
        inFile += page.length;
        listed += page.length;
        if (at === 'end' || inFile >= (deps.versionsPerFile ?? VERSIONS_PER_FILE)) return;
        const more = await listedPage(objects, bucket, configuration, at);
        page = more.versions;
        at = more.next;
      }
    };
    while (at !== 'end') {
      stop.signal.throwIfAborted();
      const first = await listedPage(objects, bucket, configuration, at);
      at = first.next;
      if (first.versions.length === 0) continue;
      const directory = join(deps.workDirectory, randomUUID());
      try {
        const writing = { engine: deps.engine, signal: stop.signal };
        const part = await writePart(writing, destination.format, columns, versions(first.versions), directory);
        const key = partKey(folder, held.runId, files.length, destination.format);
        await deliver(configuration, key, createReadStream(part.path), {
          contentLength: part.size,
          contentMd5: Buffer.from(part.md5, 'hex').toString('base64'),
          contentType: 'application/octet-stream',
        });
        files.push({ key, size: part.size, MD5checksum: part.md5 });
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
      await advance();
    }
    const { symlink, manifest } = manifestOf(bucket, configuration, columns, { startedAt: held.startedAt, files });
    for (const { key, body, contentType } of [symlink, manifest]) {
      await deliver(configuration, key, Buffer.from(body), { contentType });
    }
    const checksum = createHash('md5').update(manifest.body).digest('hex');
    const { checksum: checksumKey } = manifestKeys(folder, held.startedAt);
    await deliver(configuration, checksumKey, Buffer.from(checksum), { contentType: 'text/plain' });
    await advance(manifest.key);
  };

  /** One list, if it is due. */
  const pass = async (bucket: string, configuration: InventoryConfiguration, again: boolean): Promise<boolean> => {
    const { id } = configuration;
    const now = clock.now();
    const held = await store.write(procedures.begin, {
      ...{ bucket, id, holder, leaseMs: LEASE_MS, now, again, runId: randomUUID() },
      day: dueDay(configuration.frequency, now),
      configuration: JSON.stringify(configuration),
    });
    if (held === undefined) return false;
    try {
      await list(bucket, configuration, held);
    } catch (error) {
      const failure = stop.signal.aborted ? 'Loch was stopped.' : toLochError(error).message;
      await store.write(procedures.fail, { bucket, id, holder, failure });
      throw error;
    }
    return true;
  };

  const runDue = async (): Promise<void> => {
    for (const { name } of await objects.buckets()) {
      for (const { value } of await settings.list(name, 'inventory')) {
        if (stop.signal.aborted) return;
        if (!value.enabled) continue;
        try {
          await pass(name, value, false);
        } catch (error) {
          if (!stop.signal.aborted) deps.onFailure(error);
        }
      }
    }
  };

  const everyMs = deps.lookEveryMs ?? LOOK_EVERY_MS;
  const look = () => void alone(runDue).catch(deps.onFailure);
  const timer = everyMs === 0 ? undefined : setInterval(look, everyMs).unref();

  return {
    runDue: () => alone(runDue),
    run: (bucket, id) =>
      alone(async () => {
        await objects.bucket(bucket);
        const configuration = await settings.get(bucket, 'inventory', id);
        if (configuration === undefined) {
          throw new LochError('not_found', `The bucket \`${bucket}\` has no inventory \`${id}\`.`, {
            context: { bucket, inventory: id },
          });
        }
        if (!(await pass(bucket, configuration, true))) {
          throw new LochError('concurrent_run', `Another process lists \`${bucket}\`. Try again later.`);
        }
        return (await store.read(procedures.run, { bucket, id }))!;
      }),
    async close() {
      clearInterval(timer);
      stop.abort();
      await working;
    },
  };
}
