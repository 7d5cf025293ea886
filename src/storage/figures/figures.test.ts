/** Figures of what is stored, compared with full listings, over a store with faults. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { contextOf } from '../../testing/builders/test-lake.ts';
import { openS3Lake } from '../../testing/builders/s3-lake.ts';
import { faulty } from '../../testing/faults/faulty.ts';
import { seededRandom } from '../../testing/faults/prng.ts';
import type { ObjectStore, StorageCounts } from '../contract.ts';
import { openMemoryStore } from '../stores/memory/index.ts';
import { figureModule, openFigureRunner } from './index.ts';
import figureStore from './store.ts';

const DAY = 86_400_000;
let directory: string;
let store: MetadataStore;
let objects: ObjectStore;
let clock: ReturnType<typeof fixedClock>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'loch-figures-'));
  clock = fixedClock(Date.parse('2024-01-01T10:00:00Z'));
  store = await openSqliteStore({ file: join(directory, 'loch.db'), modules: [figureModule] });
  objects = openMemoryStore({ clock, minPartBytes: 1 });
  await objects.createBucket('pail', { region: 'us-east-1', ownerAccountId: '123456789012' });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const failures: unknown[] = [];
const runner = (over: ObjectStore = objects) =>
  openFigureRunner({ store, objects: over, clock, lookEveryMs: 0, onFailure: (error) => failures.push(error) });
const figures = () => store.read(figureStore.procedures.figures, { bucket: 'pail' });

/** Made of a full listing, by prefix, without the code under test. */
async function bruteForce() {
  const { versions } = await objects.listVersions('pail', { max: 100_000 });
  const uploads = await objects.uploads('pail', { max: 100_000 });
  const byPrefix = new Map<string, StorageCounts>();
  const prefixOf = (key: string) => (key.includes('/') ? `${key.split('/')[0]}/` : '');
  for (const prefix of new Set([...versions, ...uploads].map(({ key }) => prefixOf(key)))) {
    const mine = versions.filter(({ key }) => prefixOf(key) === prefix);
    const stored = mine.filter(({ deleteMarker }) => deleteMarker !== true);
    const sum = (of: typeof stored) => of.reduce((total, { size }) => total + size, 0);
    const classes: Record<string, { versions: number; bytes: number }> = {};
    for (const name of new Set(stored.map(({ attributes }) => attributes.storageClass ?? 'STANDARD'))) {
      const ofClass = stored.filter(({ attributes }) => (attributes.storageClass ?? 'STANDARD') === name);
      classes[name] = { versions: ofClass.length, bytes: sum(ofClass) };
    }
    let uploadBytes = 0;
    const open = uploads.filter(({ key }) => prefixOf(key) === prefix);
    for (const upload of open) for (const { size } of await objects.parts(upload)) uploadBytes += size;
    byPrefix.set(prefix, {
      versions: stored.length,
      currentObjects: stored.filter(({ isLatest }) => isLatest).length,
      deleteMarkers: mine.length - stored.length,
      bytes: sum(stored),
      noncurrentBytes: sum(stored.filter(({ isLatest }) => !isLatest)),
      encryptedVersions: stored.filter(({ attributes }) => attributes.encryption !== undefined).length,
      encryptedBytes: sum(stored.filter(({ attributes }) => attributes.encryption !== undefined)),
      largest: Math.max(0, ...stored.map(({ size }) => size)),
      uploads: open.length,
      uploadBytes,
      classes,
    });
  }
  return byPrefix;
}

const added = (all: readonly StorageCounts[], name: Exclude<keyof StorageCounts, 'classes'>) =>
  all.reduce((sum, counts) => sum + counts[name], 0);

it('counts exactly what a full listing holds, however often it is interrupted', async () => {
  const random = seededRandom(9);
  await objects.setVersioning('pail', 'Enabled');
  for (let i = 0; i < 3000; i++) {
    const key = `${['', 'a/', 'b/', `p${Math.floor(random() * 70)}/`][Math.floor(random() * 4)]}k${Math.floor(random() * 900)}`;
    if (random() < 0.15) await objects.delete('pail', key);
    else {
      const storageClass = random() < 0.3 ? { storageClass: 'STANDARD_IA' } : {};
      const encryption = random() < 0.3 ? { encryption: { algorithm: 'AES256' } as const } : {};
      const attributes = { ...storageClass, ...encryption };
      await objects.put('pail', key, Buffer.alloc(Math.floor(random() * 50)), { attributes });
    }
  }
  for (let i = 0; i < 250; i++) {
    const upload = await objects.createUpload('pail', `${i % 2 === 0 ? 'a/' : 'only uploads/'}u${i}`);
    if (i % 3 === 0) await objects.putPart(upload, 1, Buffer.alloc(i));
  }
  // Counting versions reads a page at a time, counting uploads reads each of them.
  const shaky = [faulty(objects, { seed: 4, readFails: 0.4 }), faulty(objects, { seed: 4, readFails: 0.01 })] as const;
  for (let tries = 0; tries < 100 && (await figures()).state !== 'done'; tries++) {
    const counter = runner(shaky[tries < 8 ? 0 : 1]);
    await counter.runDue().catch((error: unknown) => failures.push(error));
    await counter.close();
  }
  const found = await figures();
  expect(found.state).toBe('done');
  for (const { injected } of shaky) expect(injected.readFails).toBeGreaterThan(0);
  const expected = await bruteForce();
  expect(found.prefixes).toHaveLength(50);
  for (const { prefix, counts } of found.prefixes) expect([prefix, counts]).toEqual([prefix, expected.get(prefix)]);
  expect(found.others!.prefixes).toBe(expected.size - 50);
  const all = [...expected.values()];
  for (const name of ['versions', 'currentObjects', 'deleteMarkers', 'bytes', 'noncurrentBytes', 'uploads'] as const) {
    expect([name, found.total![name]]).toEqual([name, added(all, name)]);
  }
  for (const name of ['encryptedVersions', 'encryptedBytes', 'uploadBytes'] as const) {
    expect([name, found.total![name]]).toEqual([name, added(all, name)]);
  }
  expect(found.total!.largest).toBe(Math.max(...all.map(({ largest }) => largest)));
}, 30_000);

it('shows the last whole count while the next is under way, and counts once a day', async () => {
  const counter = runner();
  await objects.put('pail', 'x/1', Buffer.from('one'));
  await counter.runDue();
  await objects.put('pail', 'x/2', Buffer.from('two'));
  await counter.runDue();
  expect((await figures()).total).toMatchObject({ currentObjects: 1, bytes: 3 });
  clock.advance(DAY);
  const blind = faulty(objects, { seed: 1, readFails: 1 });
  await expect(runner(blind).run('pail')).rejects.toThrow(/Injected/);
  await objects.put('pail', 'x/3', Buffer.from('three'));
  await counter.runDue();
  expect((await figures()).total).toMatchObject({ currentObjects: 3, bytes: 11 });
  await counter.close();
});

it('shows a caller the buckets whose versions he may list, and no others', async () => {
  const lake = await openS3Lake();
  try {
    const root = contextOf((await lake.governance.identities.principal('arn:aws:iam::123456789012:root'))!);
    for (const name of ['seen-bucket', 'other-bucket']) await lake.access.createBucket(root, name);
    await lake.access.putObject(root, { bucket: 'seen-bucket', key: 'a/b' }, Buffer.from('four'));
    const allowed = { Effect: 'Allow', Action: 's3:ListBucketVersions', Resource: 'arn:aws:s3:::seen-bucket' };
    await lake.user('rita', allowed);
    const rita = contextOf((await lake.governance.identities.principal('arn:aws:iam::123456789012:user/rita'))!);
    const [counted, ...more] = await lake.upkeep.figures.count(rita);
    expect(more).toEqual([]);
    expect(counted).toMatchObject({ bucket: 'seen-bucket', state: 'done', total: { currentObjects: 1, bytes: 4 } });
    await expect(lake.upkeep.figures.count(rita, 'other-bucket')).rejects.toMatchObject({ code: 'access_denied' });
    expect((await lake.upkeep.figures.list(root)).map(({ state }) => state).toSorted()).toEqual(['done', 'never']);
    await lake.access.deleteObject(root, { bucket: 'seen-bucket', key: 'a/b' });
    await lake.access.deleteBucket(root, 'seen-bucket');
    await lake.access.createBucket(root, 'seen-bucket');
    expect((await lake.upkeep.figures.list(root)).map(({ state }) => state)).toEqual(['never', 'never']);
  } finally {
    await lake.close();
  }
});
