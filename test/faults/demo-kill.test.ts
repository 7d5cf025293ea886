/**
 * The demo under kills: whatever its server is doing when it is killed, the curated tables end up row for row as in a
 * run that nobody disturbed, and sending everything again changes nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Summary } from '../../demo/summary.ts';
import { isAlive } from '../../src/cli/server-file.ts';
import { lochEnvironment } from '../../src/testing/builders/running-loch.ts';
import { type PostgresServer, startPostgres } from '../../src/testing/clients/postgres-server.ts';
import { seededRandom } from '../../src/testing/faults/prng.ts';

const DEMO = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));
const KILLS = 20;
const SEED = Number(process.env.LOCH_TEST_SEED ?? 7);
/** Of the time that an undisturbed run takes, so much passes until the last kill: the run is never over before. */
const SPREAD = 0.7;
const RUN_MS = 240_000;

let database: PostgresServer | string;
const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'loch-demo-'));
  folders.push(made);
  return made;
};

beforeAll(async () => {
  database = await startPostgres(['-c', 'wal_level=logical']);
});
afterAll(async () => {
  if (typeof database !== 'string') await database.stop();
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

interface DemoRun {
  readonly child: ChildProcess;
  /** **Errors**: with what it said, when it failed. */
  readonly summary: Promise<Summary>;
}

function startDemo(data: string, url: string): DemoRun {
  const args = ['--once', '--scale', '0.02', '--data', data, '--pg', url, '--aws-port', '0', '--console-port', '0'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', DEMO, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: lochEnvironment(),
  });
  let out = '';
  let said = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const summary = new Promise<Summary>((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(out.trimEnd().split('\n').at(-1)!) as Summary);
      else reject(new Error(`The demo ended with ${code}:\n${said}\n${out}`));
    });
  });
  return { child, summary };
}

/** Kills the demo's server at seeded moments, sometimes while it starts, until it was killed so often. */
async function killServer(data: string, demo: ChildProcess, spreadMs: number): Promise<number> {
  const random = seededRandom(SEED);
  const pidFile = join(data, 'lake', 'loch.pid');
  const readyFile = join(data, 'lake', 'server.json');
  let last: number | undefined;
  for (let kills = 0; kills < KILLS; kills++) {
    const whileStarting = random() < 0.2;
    const wait = random() * 2 * (spreadMs / KILLS);
    const pid = await livingServer(demo, last, () => {
      if (whileStarting) return existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : undefined;
      if (!existsSync(readyFile)) return undefined;
      return (JSON.parse(readFileSync(readyFile, 'utf8') || '{}') as { pid?: number }).pid;
    });
    if (pid === undefined) return kills;
    await sleep(whileStarting ? Math.min(wait, 500) : wait);
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    last = pid;
  }
  return KILLS;
}

async function livingServer(
  demo: ChildProcess,
  last: number | undefined,
  look: () => number | undefined,
): Promise<number | undefined> {
  while (demo.exitCode === null) {
    const pid = look();
    if (pid !== undefined && pid > 0 && pid !== last && isAlive(pid)) return pid;
    await sleep(10);
  }
  return undefined;
}

it(
  'ends in the same rows however often its server is killed, and takes what is sent again as duplicates',
  async ({ skip }) => {
    if (typeof database === 'string') return skip(database);
    const started = Date.now();
    const reference = await startDemo(folder(), database.url).summary;
    const undisturbedMs = Date.now() - started;
    expect(reference.problems).toEqual([]);
    expect(reference.curated.customer_360!.rows).toBeGreaterThan(100);

    const data = folder();
    const demo = startDemo(data, database.url);
    const kills = killServer(data, demo.child, undisturbedMs * SPREAD);
    const killed = await demo.summary;
    expect(await kills).toBe(KILLS);
    expect(killed.restarts).toBeGreaterThan(KILLS / 2);
    expect(killed.problems).toEqual([]);
    expect(killed.curated).toEqual(reference.curated);
    expect(killed.analyst).toEqual(reference.analyst);

    const again = await startDemo(data, database.url).summary;
    expect(again.problems).toEqual([]);
    expect(again.curated).toEqual(reference.curated);
    for (const [source, counts] of Object.entries(again.sources)) {
      expect(counts.rowsIn, source).toBe(counts.sent);
      expect(counts.committed, source).toBe(0);
      expect(counts.rejected + counts.duplicates, source).toBe(counts.rowsIn);
    }
  },
  RUN_MS,
);
