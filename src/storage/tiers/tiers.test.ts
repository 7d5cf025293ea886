import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import type { LochEvent } from '../../core/events.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { type LocalObjectStore, localStoreModule, openLocalStore } from '../stores/local/index.ts';
import { DirectoryPlace } from './directory-place.ts';

const DAY = 86_400_000;
/** After every file that a test makes, so that the grace is over when the test says so. */
const BEGIN = Date.parse('2060-01-01T00:00:00Z');
const GRACE = 1000;

let directory: string;
let store: MetadataStore;
let objects: LocalObjectStore;
let clock: ReturnType<typeof fixedClock>;
let events: LochEvent[];
const failures: unknown[] = [];
const at = (...path: string[]) => join(directory, ...path);

async function open(): Promise<void> {
  store = await openSqliteStore({ file: at('loch.db'), modules: [localStoreModule] });
  events = [];
  store.onCommitted((committed) => events.push(...committed));
  objects = await openLocalStore({
    store,
    directory: at('objects'),
    clock,
    segmentLimit: 1000,
    graceMs: GRACE,
    sweepEveryMs: 0,
    onSweepFailure: (error) => failures.push(error),
    tiers: {
      cold: new DirectoryPlace('cold', at('cold')),
      archive: new DirectoryPlace('archive', at('archive')),
      restored: new DirectoryPlace('restored', at('restored')),
      moveEveryMs: 0,
    },
  });
}

async function close(): Promise<void> {
  await objects.close();
  await store.close();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'loch-tiers-'));
  clock = fixedClock(BEGIN);
  failures.length = 0;
  await open();
  await objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: '1' });
});
afterEach(async () => {
  await close();
  rmSync(directory, { recursive: true, force: true });
});

const TEXT = Buffer.from('2024-01-01,card,approved,EUR\n'.repeat(5000));
const SMALL = Buffer.from('small');

const put = (key: string, body: Buffer, storageClass?: string) =>
  objects.put('lake', key, body, storageClass === undefined ? {} : { attributes: { storageClass } });
const read = async (key: string, options: Parameters<LocalObjectStore['get']>[2] = {}) =>
  buffer((await objects.get('lake', key, options)).body);
const settle = () => objects.tiers!.settle();
const files = (folder: string): string[] =>
  existsSync(at(folder))
    ? readdirSync(at(folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name !== 'loch-place')
        .map((entry) => entry.name)
    : [];
const sweepAll = async () => {
  clock.advance(GRACE + 100);
  await objects.sweep();
  await objects.sweepUnreferenced();
};
const toClass = (key: string, storageClass: string | null) =>
  objects.updateAttributes({ bucket: 'lake', key }, { storageClass }, { operation: 'LifecycleTransition' });

describe('storage classes as places', () => {
  it.each([
    ['a file', TEXT],
    ['a record of a segment', SMALL],
    ['an empty object', Buffer.alloc(0)],
  ])('moves %s to the cold place and back, with the same bytes, ETag and ranges for readers', async (_, body) => {
    const before = await put('a.csv', body, 'STANDARD_IA');
    expect((await read('a.csv')).equals(body)).toBe(true);
    expect(await settle()).toMatchObject({ moved: 1, postponed: 0 });
    expect(files('cold')).toEqual([before.versionId]);
    expect(await settle()).toMatchObject({ moved: 0 });
    await sweepAll();
    const head = await objects.head('lake', 'a.csv');
    expect(head).toEqual(before);
    expect((await read('a.csv')).equals(body)).toBe(true);
    if (body.length > 4) {
      expect((await read('a.csv', { range: { first: 2, last: 4 } })).equals(body.subarray(2, 5))).toBe(true);
      expect((await read('a.csv', { range: { suffix: 3 } })).equals(body.subarray(-3))).toBe(true);
    }
    const [opened] = await objects.openFiles([{ bucket: 'lake', key: 'a.csv' }], at('work'));
    expect(readFileSync(opened!).equals(body)).toBe(true);
    expect(opened).toMatch(/\.csv$/);
    const copied = await objects.copy({ bucket: 'lake', key: 'a.csv' }, { bucket: 'lake', key: 'b.csv' });
    expect(copied.etag).toBe(before.etag);
    expect((await read('b.csv')).equals(body)).toBe(true);

    await toClass('a.csv', null);
    expect(await settle()).toMatchObject({ moved: 1 });
    await sweepAll();
    expect(files('cold')).toEqual([]);
    expect((await read('a.csv')).equals(body)).toBe(true);
    expect(failures).toEqual([]);
  });

  it('keeps text compressed in the cold place, and nothing of it in the hot one after the grace', async () => {
    const { versionId } = await put('logs/a', TEXT);
    await toClass('logs/a', 'GLACIER_IR');
    await settle();
    expect(statSync(at('cold', versionId.slice(-2), versionId)).size).toBeLessThan(TEXT.length / 10);
    const hot = () => files('objects').filter((name) => name.includes(versionId));
    expect(hot()).toHaveLength(1);
    await sweepAll();
    expect(hot()).toEqual([]);
  });

  it('moves noncurrent versions, and removes what was deleted from its tier', async () => {
    await objects.setVersioning('lake', 'Enabled');
    const first = await put('k', TEXT);
    await put('k', SMALL);
    await objects.updateAttributes(first, { storageClass: 'GLACIER' });
    await settle();
    expect(files('archive')).toEqual([first.versionId]);
    expect((await read('k')).equals(SMALL)).toBe(true);
    await objects.delete('lake', 'k', { versionId: first.versionId });
    await sweepAll();
    expect(files('archive')).toEqual([]);
    await put('k', TEXT, 'STANDARD_IA');
    await objects.delete('lake', 'k');
    expect(await settle()).toMatchObject({ moved: 1 });
  });

  it('brings an object back whose old bytes still wait to be swept', async () => {
    await put('k', TEXT, 'STANDARD_IA');
    await settle();
    await toClass('k', null);
    await settle();
    await toClass('k', 'STANDARD_IA');
    await settle();
    await toClass('k', 'DEEP_ARCHIVE');
    await settle();
    await toClass('k', null);
    await settle();
    await sweepAll();
    expect((await read('k')).equals(TEXT)).toBe(true);
    expect([files('cold'), files('archive')]).toEqual([[], []]);
    expect(failures).toEqual([]);
  });

  it('goes on after a restart with what waited, and removes what a crash left in a tier', async () => {
    const { versionId } = await put('k', TEXT, 'STANDARD_IA');
    const orphan = versionId.replace(/^.{4}/, 'ffff');
    const place = new DirectoryPlace('cold', at('cold'));
    await place.write(orphan, Readable.from([TEXT]), {});
    await close();
    await open();
    expect(await settle()).toMatchObject({ moved: 1 });
    expect(files('cold').sort()).toEqual([versionId, orphan].sort());
    await sweepAll();
    expect(files('cold')).toEqual([versionId]);
  });

  it('waits for a disk that is not attached, and says so', async () => {
    await put('k', TEXT, 'GLACIER');
    renameSync(at('archive'), at('away'));
    mkdirSync(at('archive'));
    expect(await settle()).toMatchObject({ moved: 0, postponed: 1 });
    expect((await objects.tiers!.status()).failure).toContain('attach its disk');
    expect(readdirSync(at('archive'))).toEqual([]);
    rmSync(at('archive'), { recursive: true });
    renameSync(at('away'), at('archive'));
    clock.advance(60_000);
    expect(await settle()).toMatchObject({ moved: 1, postponed: 0 });
    expect(await objects.tiers!.status()).toMatchObject({
      waiting: 0,
      tiers: [
        { name: 'hot', ok: true },
        { name: 'cold', versions: 0 },
        { name: 'archive', versions: 1, bytes: TEXT.length, ok: true },
      ],
    });
  });

  it('does not start without a tier in which versions lie', async () => {
    await put('k', TEXT, 'GLACIER');
    await settle();
    await objects.close();
    const without = openLocalStore({
      store,
      directory: at('objects'),
      clock,
      sweepEveryMs: 0,
      tiers: { restored: new DirectoryPlace('restored', at('restored')), moveEveryMs: 0 },
    });
    await expect(without).rejects.toMatchObject({ code: 'configuration', context: { tier: 'archive', versions: 1 } });
  });

  it('never gives wrong bytes of a cold object', async () => {
    const { versionId } = await put('k', TEXT, 'STANDARD_IA');
    await settle();
    const path = at('cold', versionId.slice(-2), versionId);
    const bytes = readFileSync(path);
    bytes[40] = bytes[40]! ^ 1;
    rmSync(path);
    writeFileSync(path, bytes);
    await expect(objects.get('lake', 'k')).rejects.toMatchObject({ code: 'data_corrupt' });
  });
});

describe('archived objects', () => {
  const restore = (days: number, key = 'k') => objects.tiers!.restore({ bucket: 'lake', key }, days);
  const told = () =>
    events
      .filter(({ name }) => name === 'storageObjectChanged')
      .map(({ payload }) => (payload as { operation: string }).operation);

  it('are read only while they are restored, from the first moment on', async () => {
    await put('k', TEXT, 'GLACIER');
    await expect(objects.get('lake', 'k')).rejects.toMatchObject({ code: 'invalid_object_state' });
    await settle();
    await expect(objects.get('lake', 'k')).rejects.toMatchObject({
      code: 'invalid_object_state',
      context: { storageClass: 'GLACIER' },
    });
    await expect(objects.copy({ bucket: 'lake', key: 'k' }, { bucket: 'lake', key: 'c' })).rejects.toMatchObject({
      code: 'invalid_object_state',
    });
    await expect(objects.openFiles([{ bucket: 'lake', key: 'k' }], at('work'))).rejects.toMatchObject({
      code: 'invalid_object_state',
    });
    expect((await objects.head('lake', 'k')).size).toBe(TEXT.length);

    expect(await restore(2)).toBe('started');
    expect((await objects.head('lake', 'k')).attributes.restore).toEqual({ ongoing: true });
    await expect(restore(2)).rejects.toMatchObject({ code: 'restore_in_progress' });
    clock.advance(5000);
    expect(await settle()).toMatchObject({ restored: 1 });
    const until = BEGIN + 3 * DAY;
    expect((await objects.head('lake', 'k')).attributes.restore).toEqual({ ongoing: false, until });
    expect((await read('k')).equals(TEXT)).toBe(true);
    expect((await read('k', { range: { first: 10, last: 19 } })).equals(TEXT.subarray(10, 20))).toBe(true);
    expect(await restore(5)).toBe('extended');
    expect((await objects.head('lake', 'k')).attributes.restore?.until).toBe(BEGIN + 6 * DAY);

    clock.advance(6 * DAY);
    await expect(objects.get('lake', 'k')).rejects.toMatchObject({ code: 'invalid_object_state' });
    expect(await settle()).toMatchObject({ expired: 1 });
    expect(files('restored')).toEqual([]);
    expect((await objects.head('lake', 'k')).attributes.restore).toBeUndefined();
    expect(files('archive')).toHaveLength(1);
    expect(told()).toEqual(['RestoreObject', 'RestoreCompleted', 'ExtendRestore', 'RestoreExpired']);
  });

  it('are restored after their disk is attached again', async () => {
    await put('k', TEXT, 'DEEP_ARCHIVE');
    await settle();
    renameSync(at('archive'), at('away'));
    await restore(1);
    expect(await settle()).toMatchObject({ restored: 0, postponed: 1 });
    renameSync(at('away'), at('archive'));
    clock.advance(60_000);
    expect(await settle()).toMatchObject({ restored: 1 });
    expect((await read('k')).equals(TEXT)).toBe(true);
  });

  it('leave no restored copy behind when they are deleted', async () => {
    await put('k', TEXT, 'GLACIER');
    await settle();
    await restore(1);
    await settle();
    await objects.delete('lake', 'k');
    clock.advance(3 * DAY);
    await settle();
    await sweepAll();
    expect([files('restored'), files('archive')]).toEqual([[], []]);
  });

  it('are the only ones that can be restored', async () => {
    await put('k', TEXT);
    await expect(restore(1)).rejects.toMatchObject({ code: 'invalid_object_state' });
    await expect(restore(1, 'absent')).rejects.toMatchObject({ code: 'object_not_found' });
  });
});
