import {
  appendFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock, systemClock } from '../../../core/clock.ts';
import type { StoredEvent } from '../../../core/events.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import {
  bytesOf,
  codeOf,
  objectStoreSuite,
  patterned,
  SUITE_MIN_PART_BYTES,
} from '../../../testing/suites/object-store.ts';
import { type LocalObjectStore, type LocalStoreOptions, localStoreModule, openLocalStore } from './index.ts';

const OWNER = { region: 'us-east-1', ownerAccountId: '000000000000' };
const HOUR = 3_600_000;

interface Opened {
  readonly store: LocalObjectStore;
  readonly metadata: MetadataStore;
  readonly close: () => Promise<void>;
}

async function openIn(
  directory: string,
  options: Partial<LocalStoreOptions> = {},
  running?: MetadataStore,
): Promise<Opened> {
  const metadata =
    running ?? (await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] }));
  const store = await openLocalStore({
    store: metadata,
    directory: join(directory, 'objects'),
    clock: systemClock,
    minPartBytes: SUITE_MIN_PART_BYTES,
    sweepEveryMs: 0,
    ...options,
  });
  const close = async () => {
    await store.close();
    await metadata.close();
  };
  return { store, metadata, close };
}

const newDirectory = () => mkdtemp(join(tmpdir(), 'loch-local-store-'));

for (const [name, options] of [
  ['local store', {}],
  ['local store with tiny segments', { segmentRollBytes: 2000 }],
] as const) {
  objectStoreSuite(name, async () => {
    const directory = await newDirectory();
    const { store, close } = await openIn(directory, options);
    return {
      store,
      close: async () => {
        await close();
        await rm(directory, { recursive: true, force: true });
      },
    };
  });
}

describe('local store on its disk', () => {
  let directory: string;
  let opened: Opened;
  const directories: string[] = [];
  let clock: ReturnType<typeof fixedClock>;
  let settings: Partial<LocalStoreOptions>;

  beforeEach(async () => {
    directory = await newDirectory();
    directories.push(directory);
    clock = fixedClock(Date.now());
    settings = { clock, graceMs: HOUR };
    opened = await openIn(directory, settings);
    await opened.store.createBucket('lake', OWNER);
  });
  afterEach(() => opened.close());
  afterAll(() => Promise.all(directories.map((one) => rm(one, { recursive: true, force: true }))));

  /** The store anew over the metadata store that runs; a new process would open both. */
  const reopen = async (options = settings) => {
    await opened.store.close();
    opened = await openIn(directory, options, opened.metadata);
  };
  const filesBelow = async (folder: string): Promise<string[]> => {
    const entries = await readdir(join(directory, 'objects', folder), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };
  const content = async (key: string) => bytesOf(await opened.store.get('lake', key));

  it('lays large objects out as people would look for them, with their extensions', async () => {
    await opened.store.put('lake', 'raw/dt=2026-01-31/part-0.csv.gz', patterned(100_000));
    const [path] = await filesBelow('lake');
    expect(path).toMatch(/\/lake\/raw\/dt=2026-01-31\/part-0~[0-9a-f]{32}\.csv\.gz$/);
    expect((await readFile(path!)).equals(patterned(100_000))).toBe(true);
  });

  it('has everything again after it was closed and opened, unfinished uploads included', async () => {
    await opened.store.put('lake', 'small', patterned(10));
    await opened.store.put('lake', 'large', patterned(100_000));
    const upload = await opened.store.createUpload('lake', 'parts', { checksumAlgorithms: ['crc32'] });
    await opened.store.putPart(upload, 1, patterned(70_000, 1));
    await opened.store.putPart(upload, 3, patterned(70_000, 3));
    await opened.close();
    opened = await openIn(directory, settings);
    await opened.store.put('lake', 'small too', patterned(20));
    expect((await content('small')).equals(patterned(10))).toBe(true);
    expect((await content('large')).equals(patterned(100_000))).toBe(true);
    await opened.store.putPart(upload, 2, patterned(70_000, 2));
    await opened.store.putPart(upload, 1, patterned(70_000, 4));
    const head = await opened.store.completeUpload(upload, await opened.store.parts(upload));
    expect(head.checksums.crc32).toMatch(/-3$/);
    const whole = Buffer.concat([4, 2, 3].map((seed) => patterned(70_000, seed)));
    expect((await content('parts')).equals(whole)).toBe(true);
    expect(await filesBelow('.uploads')).toEqual([]);
  });

  it('writes parts of one size straight into the file of the object', async () => {
    const upload = await opened.store.createUpload('lake', 'k');
    for (const number of [1, 4, 2, 3]) await opened.store.putPart(upload, number, patterned(70_000, number));
    const [main, ...beside] = await filesBelow('.uploads');
    expect(beside).toEqual([]);
    const { ino } = await stat(main!);
    await opened.store.completeUpload(upload, await opened.store.parts(upload));
    const [file] = await filesBelow('lake');
    expect((await stat(file!)).ino).toBe(ino);
  });

  it('copies by another name for the same bytes', async () => {
    await opened.store.put('lake', 'a', patterned(100_000));
    await opened.store.copy({ bucket: 'lake', key: 'a' }, { bucket: 'lake', key: 'b' });
    const inodes = await Promise.all((await filesBelow('lake')).map(async (path) => (await stat(path)).ino));
    expect(inodes).toHaveLength(2);
    expect(new Set(inodes).size).toBe(1);
  });

  it('takes an adopted file over without copying it', async () => {
    const file = join(directory, 'finished.parquet');
    await writeFile(file, patterned(100_000));
    const { ino } = await stat(file);
    await opened.store.put('lake', 'a.parquet', { adoptFile: file });
    expect((await stat((await filesBelow('lake'))[0]!)).ino).toBe(ino);
  });

  it('tells events of the same transaction, in order', async () => {
    const events: StoredEvent[] = [];
    opened.metadata.onCommitted((committed) => events.push(...committed));
    const head = await opened.store.put('lake', 'k', patterned(10), { operation: 'Delivery' });
    await opened.store.copy({ bucket: 'lake', key: 'k' }, { bucket: 'lake', key: 'l' });
    await opened.store.deleteMany('lake', ['k', 'nothing']);
    expect(events.map(({ name, payload }) => ({ name, ...payload }))).toMatchObject([
      { name: 'storageObjectCreated', key: 'k', size: 10, etag: head.etag, operation: 'Delivery' },
      { name: 'storageObjectCreated', key: 'l', operation: 'CopyObject' },
      { name: 'storageObjectDeleted', key: 'k', versionId: head.versionId },
    ]);
  });

  describe('sweeping', () => {
    it('keeps replaced bytes for the grace, counted from the dereference, then removes file and folders', async () => {
      await opened.store.put('lake', 'a/b/c', patterned(100_000, 1));
      clock.advance(10 * HOUR);
      await opened.store.put('lake', 'a/b/c', patterned(100_000, 2));
      await opened.store.put('lake', 'x/y', patterned(100_000, 3));
      await opened.store.delete('lake', 'x/y');
      clock.advance(HOUR - 1);
      expect(await opened.store.sweep()).toMatchObject({ versions: 0 });
      expect(await filesBelow('lake')).toHaveLength(3);
      clock.advance(2);
      expect(await opened.store.sweep()).toMatchObject({ versions: 2 });
      expect(await filesBelow('lake')).toHaveLength(1);
      expect(await readdir(join(directory, 'objects', 'lake'))).toEqual(['a']);
      expect((await content('a/b/c')).equals(patterned(100_000, 2))).toBe(true);
      await opened.store.put('lake', 'x/y', patterned(100_000, 4));
      expect((await content('x/y')).equals(patterned(100_000, 4))).toBe(true);
    });

    it('removes a segment once none of its records is current and their grace is over', async () => {
      for (let i = 0; i < 20; i++) await opened.store.put('lake', `k${i}`, patterned(50, i));
      await reopen();
      for (let i = 0; i < 20; i++) await opened.store.put('lake', `k${i}`, patterned(60, i));
      expect(await filesBelow('.segments')).toHaveLength(2);
      clock.advance(2 * HOUR);
      await opened.store.sweep();
      expect(await filesBelow('.segments')).toHaveLength(1);
      for (let i = 0; i < 20; i++) expect((await content(`k${i}`)).equals(patterned(60, i))).toBe(true);
    });

    it('moves the few live records of a segment, then removes it', async () => {
      for (let i = 0; i < 20; i++) await opened.store.put('lake', `k${i}`, patterned(500, i));
      await reopen();
      for (let i = 1; i < 20; i++) await opened.store.delete('lake', `k${i}`);
      clock.advance(2 * HOUR);
      expect(await opened.store.sweep()).toMatchObject({ movedRecords: 1, segments: 0 });
      expect((await content('k0')).equals(patterned(500, 0))).toBe(true);
      clock.advance(2 * HOUR);
      expect(await opened.store.sweep()).toMatchObject({ segments: 1 });
      expect((await content('k0')).equals(patterned(500, 0))).toBe(true);
    });

    it('removes what a crash left behind, after the grace, and nothing that is referenced', async () => {
      await opened.store.put('lake', 'a/kept', patterned(100_000, 1));
      await opened.store.put('lake', 'a/replaced', patterned(100_000, 1));
      await opened.store.put('lake', 'a/replaced', patterned(100_000, 2));
      const upload = await opened.store.createUpload('lake', 'u');
      await opened.store.putPart(upload, 1, patterned(70_000));
      const objects = join(directory, 'objects');
      const orphan = join(objects, 'lake/a', `orphan~${'0'.repeat(32)}.csv`);
      const lostUpload = join(objects, '.uploads', 'f'.repeat(32));
      await mkdir(lostUpload);
      for (const path of [orphan, join(objects, '.temporary/half-written'), join(lostUpload, 'main')]) {
        await writeFile(path, 'left over');
      }
      await reopen();
      expect(await opened.store.sweepUnreferenced()).toBe(0);
      clock.advance(10 * HOUR);
      expect(await opened.store.sweepUnreferenced()).toBe(1);
      expect(await opened.store.sweep()).toMatchObject({ leftovers: 2, versions: 1 });
      expect(await filesBelow('.temporary')).toEqual([]);
      expect(await readdir(join(objects, '.uploads'))).toEqual([upload.uploadId]);
      expect(await filesBelow('lake')).toHaveLength(2);
      expect((await content('a/kept')).equals(patterned(100_000, 1))).toBe(true);
      await opened.store.completeUpload(upload, await opened.store.parts(upload));
    });

    it('leaves files alone whose transaction is still to come, however old they look', async () => {
      const file = join(directory, 'old.parquet');
      await writeFile(file, patterned(100_000));
      await utimes(file, 1, 1);
      clock.advance(10 * HOUR);
      const sweeps: Promise<number>[] = [];
      const put = opened.store.put('lake', 'adopted.parquet', { adoptFile: file });
      const timer = setInterval(() => sweeps.push(opened.store.sweepUnreferenced()), 1);
      await put;
      clearInterval(timer);
      await Promise.all(sweeps);
      expect((await content('adopted.parquet')).equals(patterned(100_000))).toBe(true);
    });
  });

  describe('damage', () => {
    const segmentFile = async () => (await filesBelow('.segments'))[0]!;

    it('ignores a torn tail of a segment', async () => {
      await opened.store.put('lake', 'k', patterned(100));
      await appendFile(await segmentFile(), patterned(37));
      await reopen();
      await opened.store.put('lake', 'l', patterned(200));
      expect((await content('k')).equals(patterned(100))).toBe(true);
      expect((await content('l')).equals(patterned(200))).toBe(true);
    });

    it('never gives wrong bytes: a flipped bit and a lost end of a record are named', async () => {
      await opened.store.put('lake', 'first', patterned(100));
      await opened.store.put('lake', 'second', patterned(100));
      const handle = await open(await segmentFile(), 'r+');
      await handle.write(Buffer.from([patterned(100)[50]! ^ 1]), 0, 1, 32 + 50);
      await handle.close();
      expect(await codeOf(opened.store.get('lake', 'first'))).toBe('data_corrupt');
      expect((await content('second')).equals(patterned(100))).toBe(true);
      await truncate(await segmentFile(), 200);
      expect(await codeOf(opened.store.get('lake', 'second'))).toBe('data_corrupt');
    });

    it('names an object whose file is gone', async () => {
      await opened.store.put('lake', 'k', patterned(100_000));
      await rm((await filesBelow('lake'))[0]!);
      expect(await codeOf(opened.store.get('lake', 'k'))).toBe('data_corrupt');
      const files = opened.store.openFiles([{ bucket: 'lake', key: 'k' }], join(directory, 'work'));
      expect(await codeOf(files)).toBe('data_corrupt');
    });
  });

  it('refuses writes below the watermark, and still reads, deletes and sweeps', async () => {
    let free = 1e12;
    await reopen({ ...settings, lowDiskBytes: 1e9, freeBytes: async () => free });
    await opened.store.put('lake', 'k', patterned(100_000));
    const upload = await opened.store.createUpload('lake', 'u');
    free = 1e8;
    await reopen({ ...settings, lowDiskBytes: 1e9, freeBytes: async () => free });
    expect(await codeOf(opened.store.put('lake', 'l', patterned(10)))).toBe('disk_full');
    expect(await codeOf(opened.store.put('lake', 'l', patterned(100_000)))).toBe('disk_full');
    expect(await codeOf(opened.store.putPart(upload, 1, patterned(10)))).toBe('disk_full');
    expect((await content('k')).equals(patterned(100_000))).toBe(true);
    await opened.store.delete('lake', 'k');
    clock.advance(2 * HOUR);
    expect(await opened.store.sweep()).toMatchObject({ versions: 1 });
    expect((await opened.store.list('lake')).objects).toEqual([]);
  });

  it('leaves no file behind when a conditional write is refused', async () => {
    await opened.store.put('lake', 'k', patterned(100_000, 1));
    const racers = [2, 3].map((seed) =>
      codeOf(opened.store.put('lake', 'l', patterned(100_000, seed), { ifNoneMatch: '*' })),
    );
    expect((await Promise.all(racers)).sort()).toEqual(['none', 'precondition_failed']);
    expect(await filesBelow('lake')).toHaveLength(2);
    expect(await filesBelow('.temporary')).toEqual([]);
  });
});
