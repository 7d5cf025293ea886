import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { codeOf, patterned } from '../../testing/suites/object-store.ts';
import { type LocalObjectStore, localStoreModule, openLocalStore } from '../stores/local/index.ts';
import { exportTree, isPlainPath } from './export-tree.ts';

const OWNER = { region: 'us-east-1', ownerAccountId: '000000000001' };
const never = new AbortController().signal;
const PLAIN = { 'plain.txt': 'plain', 'dt=2026-01-01/part 0.csv': 'a\n', 'ü/😀*?[x].json': '{}', '~^%2F': 'odd' };
const STRANGE = [
  '../escape',
  '/etc/passwd',
  'a//b',
  'folder/',
  './x',
  'x/..',
  'line\nbreak',
  'back\\slash',
  `${'x'.repeat(256)}`,
];

let root: string;
let metadata: MetadataStore;
let objects: LocalObjectStore;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'loch-tree-'));
  metadata = await openSqliteStore({ file: join(root, 'db'), modules: [localStoreModule] });
  objects = await openLocalStore({
    store: metadata,
    directory: join(root, 'objects'),
    clock: systemClock,
    sweepEveryMs: 0,
  });
  await objects.createBucket('lake', OWNER);
  await objects.createBucket('other', OWNER);
  for (const [key, text] of Object.entries(PLAIN)) await objects.put('lake', key, Buffer.from(text));
  for (const key of STRANGE) await objects.put('lake', key, Buffer.from(key));
  await objects.put('lake', 'both', Buffer.from('a file'));
  await objects.put('lake', 'both/below', Buffer.from('and a folder'));
  await objects.put('other', 'large.parquet', patterned(300_000));
});
afterAll(async () => {
  await objects.close();
  await metadata.close();
  await rm(root, { recursive: true, force: true });
});

it('writes every key that can be a path as a file of that name, and names the others', async () => {
  const folder = join(root, 'tree');
  const report = await exportTree(objects, { folder }, never);
  expect(report).toMatchObject({ files: 6, leftOut: STRANGE.length + 1 });
  for (const [key, text] of Object.entries(PLAIN)) {
    expect(await readFile(join(folder, 'lake', key), 'utf8')).toBe(text);
  }
  expect((await readFile(join(folder, 'other/large.parquet'))).equals(patterned(300_000))).toBe(true);
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(names).toHaveLength(7);
  expect((await readdir(root)).sort()).toEqual(['db', 'db-shm', 'db-wal', 'objects', 'tree'].sort());
  const told = await readFile(join(folder, 'left-out.csv'), 'utf8');
  expect(told.trimEnd().split('\r\n')).toHaveLength(STRANGE.length + 2);
  expect(told).toContain('lake,both/below');
  expect(await codeOf(exportTree(objects, { folder }, never))).toBe('already_exists');
});

it('links the files of the lake, or copies them so that they may be changed', async () => {
  const linked = join(root, 'linked');
  const copied = join(root, 'copied');
  const report = await exportTree(objects, { folder: linked, bucket: 'other' }, never);
  expect(report).toEqual({ folder: linked, files: 1, bytes: 300_000, leftOut: 0 });
  expect(await readdir(linked)).toEqual(['other']);
  expect((await stat(join(linked, 'other/large.parquet'))).nlink).toBeGreaterThan(1);
  await exportTree(objects, { folder: copied, bucket: 'other', copy: true }, never);
  expect((await stat(join(copied, 'other/large.parquet'))).nlink).toBe(1);
  await writeFile(join(copied, 'other/large.parquet'), 'changed');
  expect((await readFile(join(linked, 'other/large.parquet'))).equals(patterned(300_000))).toBe(true);
  await exportTree(objects, { folder: join(root, 'part'), bucket: 'lake', prefix: 'dt=' }, never);
  expect(await readdir(join(root, 'part'), { recursive: true })).toHaveLength(3);
});

it('takes no key for a path that leads elsewhere', () => {
  for (const key of STRANGE) expect(isPlainPath(key), key).toBe(false);
  for (const key of Object.keys(PLAIN)) expect(isPlainPath(key), key).toBe(true);
});
