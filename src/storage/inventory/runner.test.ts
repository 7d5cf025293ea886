/** Runs of inventories over a store with faults: what is left goes on, and nothing is listed twice or not at all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import { createEventBus } from '../../core/events.ts';
import type { Engine } from '../../engines/contract.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import { type Governance, governanceStoreModules, openGovernance } from '../../governance/index.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { createSealer } from '../../platform/sealer.ts';
import { contextOf } from '../../testing/builders/test-lake.ts';
import { faulty } from '../../testing/faults/faulty.ts';
import type { BucketSettings, InventoryConfiguration, InventoryRun, ObjectStore } from '../contract.ts';
import { bucketSettingModule, openBucketSettings } from '../index.ts';
import { openMemoryStore } from '../stores/memory/index.ts';
import { inventoryModule, openInventoryRunner } from './index.ts';
import inventoryStore from './store.ts';

const DAY = 86_400_000;
/** A Monday. */
const BEGIN = Date.parse('2024-01-01T10:00:00Z');
const REGION = { region: 'us-east-1', ownerAccountId: '123456789012' };

let directory: string;
let store: MetadataStore;
let governance: Governance;
let settings: BucketSettings;
let objects: ObjectStore;
let engine: Engine;
let clock: ReturnType<typeof fixedClock>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'loch-inventory-'));
  clock = fixedClock(BEGIN);
  store = await openSqliteStore({
    file: join(directory, 'loch.db'),
    modules: [...governanceStoreModules, bucketSettingModule, inventoryModule],
  });
  governance = await openGovernance({
    store,
    clock,
    sealer: createSealer(Buffer.alloc(32, 5)),
    events: createEventBus((error) => {
      throw error;
    }),
    accountId: REGION.ownerAccountId,
    region: REGION.region,
    directory: () => {
      throw new Error('No table is asked about here.');
    },
  });
  objects = openMemoryStore({ clock, minPartBytes: 1 });
  for (const name of ['source', 'lists']) await objects.createBucket(name, REGION);
  settings = openBucketSettings({
    store,
    objects,
    defaults: { objectOwnership: 'BucketOwnerEnforced', publicAccessBlock: true },
  });
  // Its process starts with the first statement.
  engine = await openDuckdbEngine({ workDirectory: join(directory, 'engine'), workers: 1 });
});

afterEach(async () => {
  await engine.close();
  await settings.close();
  await governance.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const configuration = (change: Partial<InventoryConfiguration> = {}): InventoryConfiguration => ({
  id: 'i',
  enabled: true,
  versions: 'Current',
  fields: ['Size'],
  frequency: 'Daily',
  destination: { bucket: 'lists', format: 'CSV' },
  ...change,
});

const failures: unknown[] = [];

async function runner(over: ObjectStore = objects) {
  const root = (await governance.identities.principal(`arn:aws:iam::${REGION.ownerAccountId}:root`))!;
  return openInventoryRunner({
    ...{ store, settings, engine, clock, objects: over, audit: governance.audit },
    workDirectory: join(directory, 'work'),
    context: (signal) => ({ ...contextOf(root), signal, startedAt: clock.now() }),
    versionsPerFile: 1000,
    lookEveryMs: 0,
    onFailure: (error) => failures.push(error),
  });
}

const lastRun = (): Promise<InventoryRun | undefined> =>
  store.read(inventoryStore.procedures.run, { bucket: 'source', id: 'i' });

async function bytesOf(key: string): Promise<Buffer> {
  const { body } = await objects.get('lists', key);
  return Buffer.concat((await body.toArray()) as Buffer[]);
}

it('goes on after every failure from its last file, and lists each key once', async () => {
  const keys = Array.from({ length: 3500 }, (_, i) => `k${String(i).padStart(5, '0')}`);
  for (const key of keys) await objects.put('source', key, Buffer.from('x'));
  await settings.put('source', 'inventory', configuration(), 'i');
  const shaky = faulty(objects, { seed: 5, readFails: 0.05, putFails: 0.15, replyLost: 0.15 });
  for (let tries = 0; tries < 60 && (await lastRun())?.state !== 'done'; tries++) {
    const lister = await runner(shaky);
    await lister.runDue().catch((error: unknown) => failures.push(error));
    await lister.close();
  }
  const run = (await lastRun())!;
  expect(run).toMatchObject({ state: 'done', listed: 3500, files: 4 });
  expect(shaky.injected.replyLost + shaky.injected.putFails).toBeGreaterThan(0);
  const manifest = JSON.parse((await bytesOf(run.manifest!)).toString()) as { files: { key: string }[] };
  const lines: string[] = [];
  for (const { key } of manifest.files)
    lines.push(
      ...gunzipSync(await bytesOf(key))
        .toString()
        .trimEnd()
        .split('\n'),
    );
  expect(lines).toEqual(keys.map((key) => `"source","${key}","1"`));
  // What was written again has replaced itself.
  expect((await objects.list('lists', { prefix: 'source/i/data/' })).objects).toHaveLength(4);
}, 20_000);

it('lists daily or on Sundays, at once when it has changed, and an empty bucket too', async () => {
  const lister = await runner();
  const startedAt = async () => new Date((await lastRun())!.startedAt).toISOString().slice(0, 10);
  await settings.put('source', 'inventory', configuration({ frequency: 'Weekly' }), 'i');
  await lister.runDue();
  expect(await startedAt()).toBe('2024-01-01');
  expect(JSON.parse((await bytesOf((await lastRun())!.manifest!)).toString())).toMatchObject({ files: [] });
  for (let day = 2; day <= 6; day++) {
    clock.advance(DAY);
    await lister.runDue();
  }
  expect(await startedAt()).toBe('2024-01-01');
  clock.advance(DAY);
  await lister.runDue();
  expect(await startedAt()).toBe('2024-01-07');
  clock.advance(DAY);
  await settings.put('source', 'inventory', configuration({ frequency: 'Daily' }), 'i');
  await lister.runDue();
  expect(await startedAt()).toBe('2024-01-08');
  await settings.put('source', 'inventory', configuration({ enabled: false }), 'i');
  clock.advance(DAY);
  await lister.runDue();
  expect(await startedAt()).toBe('2024-01-08');
  await lister.close();
});

it('stands still with the reason when the destination is gone', async () => {
  const lister = await runner();
  await settings.put('source', 'inventory', configuration(), 'i');
  await objects.deleteBucket('lists');
  await expect(lister.run('source', 'i')).rejects.toThrow(/`lists`/);
  expect(await lastRun()).toMatchObject({ state: 'listing', failure: expect.stringContaining('`lists`') as string });
  await expect(lister.run('source', 'other')).rejects.toMatchObject({ code: 'not_found' });
  await lister.close();
});

it('takes a thousand configurations of a bucket, and changes of them, but no more', async () => {
  const ids = Array.from({ length: 1000 }, (_, i) => `id-${i}`);
  const calls = ids.map((id) => settings.putCall('source', 'inventory', configuration({ id }), id));
  await store.transact(calls);
  await settings.put('source', 'inventory', configuration({ id: 'id-7', enabled: false }), 'id-7');
  await expect(settings.put('source', 'inventory', configuration({ id: 'new' }), 'new')).rejects.toMatchObject({
    code: 'limit_exceeded',
    context: { s3_code: 'TooManyConfigurations' },
  });
});
