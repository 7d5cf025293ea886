/** `kill -9` at each named state of a statement: the table is as before or as after, and the next start says which. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'loch-statement-kill-'));
  const calm = join(root, 'before');
  for (const sql of [
    "CREATE TABLE t (id int, n int) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write.update.mode' = 'copy-on-write')",
    'INSERT INTO t VALUES (1, 1), (2, 2)',
  ]) {
    expect((await run(calm, '', sql)).state).toBe('SUCCEEDED');
  }
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

const script = new URL('./statement-process.ts', import.meta.url).pathname;
const start = (...args: readonly string[]) =>
  spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

interface Told {
  readonly state: string;
  readonly rowCount?: number;
  readonly retryable?: boolean;
  readonly rows: unknown;
  readonly files: number;
}

async function run(folder: string, ...args: readonly string[]): Promise<Told> {
  const child = start(folder, ...args);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  const [code] = await once(child, 'close');
  expect(code, output).toBe(0);
  return JSON.parse(output.trim().split('\n').at(-1)!) as Told;
}

async function killedAt(folder: string, state: string, sql: string): Promise<void> {
  const child = start(folder, state, sql);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  const closed = once(child, 'close');
  while (!output.includes(`at ${state}`) && child.exitCode === null) await sleep(10);
  expect(output).toContain(`at ${state}`);
  child.kill('SIGKILL');
  await closed;
}

const BEFORE = [
  ['1', '1'],
  ['2', '2'],
];
const INSERT = 'INSERT INTO t VALUES (3, 3)';
const UPDATE = 'UPDATE t SET n = n + 10 WHERE id = 2';
const MADE = "CREATE TABLE u WITH (table_type = 'ICEBERG') AS SELECT 1 AS a";
const CASES = [
  ['a file is written', INSERT, BEFORE],
  ['before the commit', UPDATE, BEFORE],
  ['after the commit', INSERT, [...BEFORE, ['3', '3']]],
  ['before the commit', MADE, BEFORE],
  ['after the commit', 'CREATE TABLE u AS SELECT 1 AS a', BEFORE],
] as const;

describe('A statement that is killed', () => {
  it.each(CASES)(
    'when %s is found out at the next start: %s',
    async (state, sql, rows) => {
      const folder = join(root, 'killed');
      await cp(join(root, 'before'), folder, { recursive: true });
      await killedAt(folder, state, sql);
      const told = await run(folder);
      if (state === 'after the commit') {
        expect(told).toMatchObject({ state: 'SUCCEEDED', rowCount: 1, rows });
        expect(told.files).toBeGreaterThan(0);
      } else {
        expect(told).toMatchObject({ state: 'FAILED', retryable: true, rows, files: 0 });
      }
      await rm(folder, { recursive: true, force: true });
    },
    60_000,
  );
});
