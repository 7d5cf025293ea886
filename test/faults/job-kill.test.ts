/** `kill -9` at random moments of landing, cleaning and committing: the rows are those of an undisturbed process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobRun } from '../../src/processing/contract.ts';

const BATCHES = 3;
const KILLS = 8;

interface Result {
  readonly hash: readonly unknown[];
  readonly runs: readonly JobRun[];
  readonly committed: readonly string[];
}

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'loch-job-kill-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function start(folder: string): { process: ChildProcess; output: () => string } {
  const script = new URL('./job-process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, folder, String(BATCHES)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout!.on('data', (chunk) => {
    output += String(chunk);
  });
  return { process: child, output: () => output };
}

async function toTheEnd(folder: string): Promise<Result> {
  const { process: child, output } = start(folder);
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  return JSON.parse(output().trim().split('\n').at(-1)!) as Result;
}

it('ends in the rows of an undisturbed process, each run committed once and each row accounted for', async () => {
  const undisturbed = await toTheEnd(join(root, 'calm'));
  const folder = join(root, 'killed');
  let kills = 0;
  for (let attempt = 0; kills < KILLS && attempt < KILLS * 3; attempt++) {
    const { process: child, output } = start(folder);
    const closed = once(child, 'close');
    while (!output().includes('open') && child.exitCode === null) await sleep(5);
    await sleep(20 + ((attempt * 197) % 900));
    if (child.exitCode === null) kills++;
    child.kill('SIGKILL');
    await closed;
  }
  expect(kills).toBeGreaterThan(3);
  const result = await toTheEnd(folder);
  expect(result.hash).toEqual(undisturbed.hash);
  expect(new Set(result.committed).size).toBe(result.committed.length);
  for (const run of result.runs) {
    expect(run.state).toBe('SUCCEEDED');
    const { rowsIn, rowsCommitted, rowsRejected, rowsDuplicate } = run.counts!;
    expect(rowsIn).toBe(rowsCommitted + rowsRejected + rowsDuplicate);
  }
  const read = (r: Result, job: string) =>
    r.runs.filter((run) => run.job === job).reduce((sum, run) => sum + run.counts!.rowsIn, 0);
  expect(read(result, 'owners')).toBe(read(undisturbed, 'owners'));
  expect(read(result, 'things')).toBe(read(undisturbed, 'things'));
}, 300_000);
