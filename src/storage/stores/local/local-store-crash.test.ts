import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { patterned } from '../../../testing/faults/patterned.ts';
import { bytesOf } from '../../../testing/suites/object-store.ts';
import { localStoreModule, openLocalStore } from './index.ts';

const PROGRAM = fileURLToPath(new URL('../../../testing/faults/put-until-killed.ts', import.meta.url));
const ROUNDS = 3;

/** What a key may hold: the last acknowledged state, or anything once a later write was begun and not acknowledged. */
type Expected = Map<string, { readonly state: string; readonly open: boolean }>;

async function runUntilKilled(directory: string, seed: number, lifeMs: number, expected: Expected): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, directory, String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let acknowledged = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [first, ...rest] = line.split(' ');
    if (line === 'ready') setTimeout(() => child.kill('SIGKILL'), lifeMs);
    else if (first === '?') {
      expected.set(rest[0]!, { state: expected.get(rest[0]!)?.state ?? 'absent', open: true });
    } else {
      acknowledged++;
      const [key, state] = first === '-' ? [rest[0]!, 'absent'] : [first!, rest.join(' ')];
      expected.set(key, { state, open: false });
    }
  }
  return acknowledged;
}

it('holds exactly what was acknowledged after each of several kills, and sweeps the rest away', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'loch-local-crash-'));
  const expected: Expected = new Map();
  let acknowledged = 0;
  for (let round = 0; round < ROUNDS; round++) {
    acknowledged += await runUntilKilled(directory, round + 1, 150 + round * 130, expected);
    const metadata = await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] });
    const settings = { store: metadata, directory: join(directory, 'objects'), clock: systemClock, sweepEveryMs: 0 };
    const store = await openLocalStore({ ...settings, graceMs: -1 });
    await store.sweepUnreferenced();
    await store.sweep();
    const { objects } = await store.list('lake');
    const found = new Map(objects.map((head) => [head.key, head]));
    for (const head of objects) {
      const bytes = await bytesOf(await store.get('lake', head.key));
      expect(bytes.length).toBe(head.size);
    }
    for (const [key, { state, open }] of expected) {
      if (!open) {
        expect(found.has(key), key).toBe(state !== 'absent');
        if (state === 'absent') continue;
        const [size, seed] = state.split(' ').map(Number);
        const bytes = await bytesOf(await store.get('lake', key));
        expect(bytes.equals(patterned(size!, seed!)), `${key} after round ${round}`).toBe(true);
      }
      // What was cut short is there wholly or not at all; from here on it is what it is.
      expected.delete(key);
    }
    const large = objects.filter((head) => head.size > 65_536 || head.partSizes !== undefined).length;
    const files = await readdir(join(directory, 'objects', 'lake'), { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile())).toHaveLength(large);
    await store.close();
    await metadata.close();
  }
  expect(acknowledged).toBeGreaterThan(20);
  await rm(directory, { recursive: true, force: true });
});
