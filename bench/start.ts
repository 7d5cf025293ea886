/**
 * From the start of the process to ready, on a new data directory and on one that is there, and what an idle Loch takes.
 * `ratio` is the p50 of seconds to ready on a data directory that is there.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoch } from '../src/testing/builders/running-loch.ts';

const STARTS = 7;
/** An idle process has settled by then: work after the start is done, garbage is collected. */
const SETTLE_MS = 5_000;
const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;

/** Runs the bench. **Units**: seconds, MiB. */
export async function run(): Promise<Record<string, unknown>> {
  const data = mkdtempSync(join(process.env.LOCH_BENCH_DIR ?? tmpdir(), 'loch-bench-start-'));
  try {
    const first = await startOnce(data);
    const times: number[] = [];
    for (let i = 0; i < STARTS; i++) times.push(await startOnce(data));
    const sorted = times.sort((a, b) => a - b);
    const p50 = sorted[Math.floor(sorted.length / 2)]!;
    return {
      ratio: p50,
      p50,
      max: sorted.at(-1)!,
      first_start: first,
      ...(await idle(data)),
      bar: 'start < 2 s, idle RSS < 200 MB',
      node: process.version,
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function startOnce(data: string): Promise<number> {
  const started = performance.now();
  const loch = await startLoch({ data });
  const seconds = (performance.now() - started) / 1000;
  await loch.stop({ remove: false });
  return seconds;
}

async function idle(data: string): Promise<Record<string, unknown>> {
  const loch = await startLoch({ data });
  try {
    await sleep(SETTLE_MS);
    const processes = family(loch.server.pid).map(residentBytes);
    return {
      idle_rss_mib: Math.round(processes.reduce((sum, bytes) => sum + bytes, 0) / MIB),
      processes: processes.map((bytes) => Math.round(bytes / MIB)),
    };
  } finally {
    await loch.stop({ remove: false });
  }
}

/** A process and all below it. */
function family(pid: number): number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(Number(name))]),
  );
  const found = [pid];
  for (const each of found) for (const [child, parent] of parents) if (parent === each) found.push(child);
  return found;
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return undefined; // ended meanwhile
  }
}

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
}
