import { spawn } from 'node:child_process';
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
const ROUNDS = Number(process.env.LOCH_TEST_KILLS ?? 20);

/** What a key may hold: the last acknowledged state, or anything once a later write was begun and not acknowledged. */
type Expected = Map<string, { readonly state: string; readonly open: boolean }>;

/** A version that was acknowledged: its bytes, or a marker; `open` once its removal was begun. */
interface KeptVersion {
  readonly state: string;
  readonly removal: 'none' | 'open' | 'done';
}

/** Everything that was acknowledged, over all rounds. */
interface Told {
  readonly keys: Expected;
  readonly versions: Map<string, KeptVersion>;
}

async function runUntilKilled(directory: string, seed: number, lifeMs: number, told: Told): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, directory, String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') setTimeout(() => child.kill('SIGKILL'), lifeMs);
    else hear(line, told);
  }
}

function hear(line: string, { keys, versions }: Told): void {
  const [first, ...rest] = line.split(' ');
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

it(`holds exactly what was acknowledged after each of ${ROUNDS} kills, versions included, and sweeps the rest away`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'loch-local-crash-'));
  const told: Told = { keys: new Map(), versions: new Map() };
  let acknowledged = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await runUntilKilled(directory, round + 1, 80 + ((round * 67) % 400), told);
    acknowledged += told.keys.size + told.versions.size;
    const metadata = await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] });
    const settings = { store: metadata, directory: join(directory, 'objects'), clock: systemClock, sweepEveryMs: 0 };
    const store = await openLocalStore({ ...settings, graceMs: -1 });
    await store.sweepUnreferenced();
    await store.sweep();
    await checkKeys(store, told.keys, round);
    await checkVersions(store, told.versions, round);
    await checkFiles(store, directory);
    await store.close();
    await metadata.close();
  }
  expect(acknowledged).toBeGreaterThan(ROUNDS);
  await rm(directory, { recursive: true, force: true });
}, 300_000);
