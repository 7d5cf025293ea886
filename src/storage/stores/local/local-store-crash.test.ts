import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { isLochError } from '../../../core/errors.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { patterned } from '../../../testing/faults/patterned.ts';
import { bytesOf } from '../../../testing/suites/object-store.ts';
import type { ObjectStore, ObjectVersion } from '../../contract.ts';
import { localStoreModule, openLocalStore } from './index.ts';

const PROGRAM = fileURLToPath(new URL('../../../testing/faults/put-until-killed.ts', import.meta.url));
/** Set for a longer run than the usual one; then the figures are told. */
const WANTED = process.env.LOCH_TEST_KILLS;
const KILLS = Number(WANTED ?? 20);
/** So many kills of one store, then a new one: checks read every version that there is. */
const KILLS_PER_STORE = 20;

/** What a key may hold: the last acknowledged state, or anything once a later write was begun and not acknowledged. */
type Expected = Map<string, { readonly state: string; readonly open: boolean }>;

/** A version that was acknowledged: its bytes, or a marker; `open` once its removal was begun. */
interface KeptVersion {
  readonly state: string;
  readonly removal: 'none' | 'open' | 'done';
}

/** Everything that was acknowledged, over all rounds of one store. */
interface Told {
  readonly keys: Expected;
  readonly versions: Map<string, KeptVersion>;
  /** How many operations that was. */
  operations: number;
}

const nothingTold = (): Told => ({ keys: new Map(), versions: new Map(), operations: 0 });

async function runUntilKilled(directory: string, seed: number, lifeMs: number, told: Told): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, directory, String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') setTimeout(() => child.kill('SIGKILL'), lifeMs);
    else hear(line, told);
  }
  expect(await ended, 'exit code and signal of the program').toEqual([null, 'SIGKILL']);
}

function hear(line: string, told: Told): void {
  const { keys, versions } = told;
  const [first, ...rest] = line.split(' ');
  if (!first!.startsWith('?')) told.operations++;
  const [second = '', third = ''] = rest;
  switch (first) {
    case '?':
      keys.set(second, { state: keys.get(second)?.state ?? 'absent', open: true });
      return;
    case '-':
      keys.set(second, { state: 'absent', open: false });
      return;
    case '?x':
      versions.set(second, { state: versions.get(second)?.state ?? 'unknown', removal: 'open' });
      return;
    case 'x':
      versions.set(second, { state: 'unknown', removal: 'done' });
      return;
    case 'm':
      versions.set(third, { state: 'marker', removal: 'none' });
      return;
    case 'v':
      versions.set(third, { state: rest.slice(2).join(' '), removal: 'none' });
      return;
    default:
      keys.set(first!, { state: rest.join(' '), open: false });
  }
}

/** Fails unless the bytes are those that a size and a seed stand for. */
function expectBytes(bytes: Buffer, state: string, what: string): void {
  const [size, seed] = state.split(' ').map(Number);
  expect(bytes.equals(patterned(size!, seed!)), what).toBe(true);
}

async function checkKeys(store: ObjectStore, keys: Expected, round: number): Promise<void> {
  const { objects } = await store.list('lake');
  const found = new Map(objects.map((head) => [head.key, head]));
  for (const head of objects) expect((await bytesOf(await store.get('lake', head.key))).length).toBe(head.size);
  for (const [key, { state, open }] of keys) {
    if (!open) expect(found.has(key), key).toBe(state !== 'absent');
    if (!open && state !== 'absent') {
      expectBytes(await bytesOf(await store.get('lake', key)), state, `${key} after round ${round}`);
    }
    // What was cut short is there wholly or not at all; from here on it is what it is.
    keys.delete(key);
  }
}

async function checkVersions(store: ObjectStore, versions: Map<string, KeptVersion>, round: number): Promise<void> {
  const found = new Map((await everyVersion(store, 'kept')).map((version) => [version.versionId, version]));
  for (const [id, { state, removal }] of versions) {
    const version = found.get(id);
    const what = `version ${id} after round ${round}`;
    if (removal !== 'open') expect(version !== undefined, what).toBe(removal === 'none');
    if (version === undefined) versions.delete(id);
    else if (state === 'marker') expect(version.deleteMarker, what).toBe(true);
    else if (state !== 'unknown') {
      expectBytes(await bytesOf(await store.get('kept', version.key, { versionId: id })), state, what);
    }
  }
  await checkOrder(store, [...found.values()]);
}

/** Every version is whole, each key has one newest, and shows it unless that is a marker. */
async function checkOrder(store: ObjectStore, versions: readonly ObjectVersion[]): Promise<void> {
  for (const { key, versionId, deleteMarker, size, isLatest } of versions) {
    if (deleteMarker !== true) {
      expect((await bytesOf(await store.get('kept', key, { versionId }))).length).toBe(size);
    }
    if (!isLatest) continue;
    expect(versions.filter((one) => one.key === key && one.isLatest)).toHaveLength(1);
    const shown = await store.head('kept', key).catch((error: unknown) => {
      if (!isLochError(error, 'object_not_found')) throw error;
      return undefined;
    });
    expect(shown?.versionId).toBe(deleteMarker === true ? undefined : versionId);
  }
}

async function everyVersion(store: ObjectStore, bucket: string): Promise<ObjectVersion[]> {
  const versions: ObjectVersion[] = [];
  let after: { key: string; versionId?: string } | undefined;
  do {
    const page = await store.listVersions(bucket, after === undefined ? {} : { after });
    versions.push(...page.versions);
    after = page.next;
  } while (after !== undefined);
  return versions;
}

async function checkFiles(store: ObjectStore, directory: string): Promise<void> {
  for (const bucket of ['lake', 'kept']) {
    const large = (await everyVersion(store, bucket)).filter(
      (version) => version.deleteMarker !== true && (version.size > 65_536 || version.partSizes !== undefined),
    );
    const folder = join(directory, 'objects', bucket);
    const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    expect(files.filter((entry) => entry.isFile())).toHaveLength(large.length);
  }
}

/** Kills one store over and over. Tells how many operations were acknowledged, and how many files left over were removed. */
async function killRepeatedly(kills: number, firstSeed: number): Promise<{ operations: number; orphans: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'loch-local-crash-'));
  const told = nothingTold();
  let orphans = 0;
  for (let round = 0; round < kills; round++) {
    await runUntilKilled(directory, firstSeed + round, 80 + ((round * 67) % 400), told);
    const metadata = await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] });
    const settings = { store: metadata, directory: join(directory, 'objects'), clock: systemClock, sweepEveryMs: 0 };
    const store = await openLocalStore({ ...settings, graceMs: -1 });
    orphans += await store.sweepUnreferenced();
    await store.sweep();
    await checkKeys(store, told.keys, round);
    await checkVersions(store, told.versions, round);
    await checkFiles(store, directory);
    await store.close();
    await metadata.close();
  }
  await rm(directory, { recursive: true, force: true });
  return { operations: told.operations, orphans };
}

it(
  `holds exactly what was acknowledged after each of ${KILLS} kills, versions included, and sweeps the rest away`,
  async () => {
    let operations = 0;
    let orphans = 0;
    const begun = performance.now();
    for (let done = 0; done < KILLS; done += KILLS_PER_STORE) {
      const found = await killRepeatedly(Math.min(KILLS_PER_STORE, KILLS - done), done + 1);
      operations += found.operations;
      orphans += found.orphans;
    }
    expect(operations).toBeGreaterThan(KILLS);
    if (WANTED === undefined) return;
    const seconds = Math.round((performance.now() - begun) / 1000);
    const figures = `${KILLS} kills, ${operations} acknowledged operations, 0 lost, 0 torn, ${orphans} files left over and removed, ${seconds} s`;
    process.stdout.write(`${figures}\n`);
  },
  20_000 * Math.max(15, KILLS),
);
