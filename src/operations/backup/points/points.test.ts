import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock, systemClock } from '../../../core/clock.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { type LocalObjectStore, localStoreModule, openLocalStore } from '../../../storage/stores/local/index.ts';
import { bytesOf, codeOf, patterned } from '../../../testing/suites/object-store.ts';
import { restoreBackup } from '../restore-backup.ts';
import { openBackupSchedule } from '../schedule.ts';
import { listPoints, readPoint } from './point-file.ts';
import { takePoint } from './take-point.ts';

const OWNER = { region: 'us-east-1', ownerAccountId: '000000000000' };
const DAY = 24 * 3_600_000;
const never = new AbortController().signal;

let root: string;
let repository: string;
let metadata: MetadataStore;
let objects: LocalObjectStore;
const data = () => join(root, 'data');
const clock = fixedClock(Date.UTC(2026, 0, 1));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'loch-points-'));
  repository = join(root, 'repository');
  for (const folder of ['keys', 'metadata', 'streams']) await mkdir(join(data(), folder), { recursive: true });
  await writeFile(join(data(), 'VERSION'), '1\n');
  await writeFile(join(data(), 'keys', 'master.key'), 'a key');
  await open();
  await objects.createBucket('lake', OWNER);
});
afterEach(async () => {
  await objects.close();
  await metadata.close();
  await rm(root, { recursive: true, force: true });
});

async function open(directory = data()): Promise<void> {
  metadata = await openSqliteStore({ file: join(directory, 'metadata', 'loch.db'), modules: [localStoreModule] });
  objects = await openLocalStore({
    store: metadata,
    directory: join(directory, 'objects'),
    clock: systemClock,
    graceMs: 0,
    sweepEveryMs: 0,
  });
}

const sources = (signalled?: () => void) => ({
  store: metadata,
  dataDirectory: data(),
  before: ['keys', 'streams'],
  after: ['objects'],
  undisturbed: <T>(work: () => Promise<T>) => {
    signalled?.();
    return objects.undisturbed(work);
  },
});
const take = (more: Partial<Parameters<typeof takePoint>[2]> = {}) => {
  clock.advance(1000);
  return takePoint(sources(), repository, { now: clock.now(), signal: never, ...more });
};

/** What a lake that was made from a point has. */
async function restored(point?: string): Promise<Record<string, string>> {
  const target = join(root, `restored-${point ?? 'newest'}-${Math.random()}`);
  await restoreBackup(repository, target, point === undefined ? {} : { point });
  expect(await readFile(join(target, 'keys', 'master.key'), 'utf8')).toBe('a key');
  await objects.close();
  await metadata.close();
  await open(target);
  const found: Record<string, string> = {};
  for (const { key } of (await objects.list('lake')).objects) {
    found[key] = (await bytesOf(await objects.get('lake', key))).toString('base64');
  }
  await objects.close();
  await metadata.close();
  await open();
  return found;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

describe('points', () => {
  it('are each a whole lake, though each writes only what is new', async () => {
    await objects.put('lake', 'large', patterned(3_000_000, 1));
    await objects.put('lake', 'small', Buffer.from('one'));
    const first = await take();
    await objects.put('lake', 'small', Buffer.from('two'));
    await objects.put('lake', 'later', patterned(100_000, 2));
    const second = await take();
    await objects.delete('lake', 'large');
    const third = await take();
    expect(first.added).toBeGreaterThan(3_000_000);
    expect(second.bytes).toBeGreaterThan(3_100_000);
    expect(second.added).toBeLessThan(700_000);
    expect(third.added).toBeLessThan(500_000);
    expect(await restored(first.id)).toEqual({ large: text(patterned(3_000_000, 1)), small: text(Buffer.from('one')) });
    expect(await restored(second.id)).toEqual({
      large: text(patterned(3_000_000, 1)),
      small: text(Buffer.from('two')),
      later: text(patterned(100_000, 2)),
    });
    expect(await restored()).toEqual({ small: text(Buffer.from('two')), later: text(patterned(100_000, 2)) });
    expect((await listPoints(repository)).map(({ id }) => id)).toEqual([first.id, second.id, third.id]);
  });

  it('hold what their metadata names though it is replaced and swept while they are taken', async () => {
    await objects.put('lake', 'large', patterned(1_000_000, 1));
    const writing = (async () => {
      for (let i = 2; i < 12; i++) {
        await objects.put('lake', 'large', patterned(1_000_000, i));
        await objects.sweep();
      }
    })();
    for (let i = 0; i < 3; i++) await take();
    await writing;
    const seen = new Set(Array.from({ length: 12 }, (_, i) => text(patterned(1_000_000, i))));
    for (const { id } of await listPoints(repository)) expect(seen.has((await restored(id)).large!)).toBe(true);
  });

  it('stay whole when one is cut short, which leaves nothing but blocks for the next', async () => {
    await objects.put('lake', 'a', patterned(1_000_000, 1));
    const first = await take();
    await objects.put('lake', 'b', patterned(1_000_000, 2));
    const cut = new AbortController();
    let asked = 0;
    const signal = new Proxy(cut.signal, {
      get: (target, member) => {
        if (member === 'throwIfAborted' && ++asked > 4) cut.abort();
        const value = Reflect.get(target, member);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await expect(take({ signal })).rejects.toThrow();
    expect((await listPoints(repository)).map(({ id }) => id)).toEqual([first.id]);
    expect(await readdir(join(repository, 'points'))).toEqual([`${first.id}.jsonl`]);
    // As a process that died leaves it.
    await writeFile(join(repository, 'lock'), '999999999');
    await writeFile(join(repository, 'points', 'x.jsonl.tmp'), '{');
    await take();
    expect(Object.keys(await restored())).toEqual(['a', 'b']);
    await writeFile(join(repository, 'lock'), String(process.pid));
    expect(await codeOf(take())).toBe('conflict');
    await rm(join(repository, 'lock'));
  });

  it('refuse to become a lake with a changed or missing block, before anything there is touched', async () => {
    await objects.put('lake', 'a', patterned(1_000_000, 1));
    const point = await take();
    const target = join(root, 'target');
    await mkdir(target);
    await writeFile(join(target, 'mine'), 'mine');
    expect(await codeOf(restoreBackup(repository, target))).toBe('already_exists');
    const blocks: string[] = [];
    for await (const { path, blocks: own } of readPoint(repository, point.id))
      if (path.startsWith('objects/')) blocks.push(...own);
    const file = join(repository, 'blocks', blocks[0]!.slice(0, 2), blocks[0]!);
    const bytes = await readFile(file);
    await writeFile(file, Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]));
    expect(await codeOf(restoreBackup(repository, target, { replace: true }))).toBe('data_corrupt');
    await rm(file);
    expect(await codeOf(restoreBackup(repository, target, { replace: true }))).toBe('data_corrupt');
    expect(await readdir(target)).toEqual(['mine']);
    await writeFile(file, bytes);
    const { replaced } = await restoreBackup(repository, target, { replace: true });
    expect(await readdir(replaced!)).toEqual(['mine']);
    expect(await codeOf(restoreBackup(repository, join(root, 'none'), { point: 'x' }))).toBe('not_found');
  });

  it('are refused when a line of their list was changed or cut off', async () => {
    await objects.put('lake', 'a', Buffer.from('a'));
    const { id } = await take();
    const path = join(repository, 'points', `${id}.jsonl`);
    const list = await readFile(path, 'utf8');
    const lines = list.trimEnd().split('\n');
    for (const changed of [
      list.replace('keys/master.key', 'keys/master.kez'),
      list.replace('keys/master.key', '../../escape'),
      `${[...lines.slice(0, 2), lines.at(-1)].join('\n')}\n`,
    ]) {
      await writeFile(path, changed);
      expect(await codeOf(restoreBackup(repository, join(root, 'none')))).toBe('data_corrupt');
    }
  });

  it('go by number and age, the newest never, and take the blocks that only they named with them', async () => {
    const retention = { points: 2, days: 10 };
    const bytes = async () => {
      let sum = 0;
      for (const name of await readdir(join(repository, 'blocks'), { recursive: true })) {
        if (name.includes('/')) sum += (await readFile(join(repository, 'blocks', name))).length;
      }
      return sum;
    };
    for (let i = 1; i <= 4; i++) {
      await objects.put('lake', 'a', patterned(1_000_000, i));
      await objects.sweep();
      await take({ retention });
    }
    expect(await listPoints(repository)).toHaveLength(2);
    expect(await bytes()).toBeLessThan(3_500_000);
    clock.advance(11 * DAY);
    await take({ retention });
    expect(await listPoints(repository)).toHaveLength(1);
    expect(await restored()).toEqual({ a: text(patterned(1_000_000, 4)) });
  });

  it('are refused inside the data directory and in a folder of something else', async () => {
    const inside = takePoint(sources(), join(data(), 'backup'), { now: 0, signal: never });
    expect(await codeOf(inside)).toBe('invalid_argument');
    await mkdir(repository);
    await writeFile(join(repository, 'other'), '');
    expect(await codeOf(take())).toBe('already_exists');
  });
});

describe('a schedule', () => {
  it('takes a point when it is due, once, and makes up for one that was missed', async () => {
    const time = fixedClock(Date.UTC(2026, 2, 28, 12));
    const taken: string[] = [];
    const told: string[] = [];
    const start = (lastAt?: number) =>
      openBackupSchedule({
        schedule: '30 2 * * *',
        timeZone: 'Europe/Berlin',
        clock: time,
        last: async () =>
          lastAt === undefined
            ? undefined
            : { id: 'x', takenAt: new Date(lastAt).toISOString(), files: 0, bytes: 0, added: 0 },
        take: async () => {
          taken.push(new Date(time.now()).toISOString());
          if (taken.length === 2) throw new Error('the disk is away');
          return { id: 'y', takenAt: '', files: 0, bytes: 0, added: 0 };
        },
        onFailure: (error) => told.push(error.message),
      });
    const schedule = await start();
    await schedule.look();
    expect(taken).toEqual([]);
    time.advance(schedule.due() - time.now());
    await Promise.all([schedule.look(), schedule.look()]);
    await schedule.look();
    expect(taken).toHaveLength(1);
    time.advance(schedule.due() - time.now());
    await schedule.look();
    expect(told).toEqual([expect.stringContaining('the disk is away')]);
    expect(schedule.due()).toBeGreaterThan(time.now());
    await schedule.close();

    const late = await start(time.now() - 3 * DAY);
    expect(told.at(-1)).toMatch(/was missed/);
    await late.look();
    expect(taken).toHaveLength(3);
    await late.close();
  });

  it('is refused by its setting when it is none', async () => {
    const options = {
      timeZone: 'UTC',
      clock,
      last: async () => undefined,
      take: () => take(),
      onFailure: () => undefined,
    };
    for (const schedule of ['every day', '61 * * * *', '0 0 31 2 *']) {
      await expect(openBackupSchedule({ ...options, schedule })).rejects.toThrow(/`backup\.schedule`/);
    }
  });
});
