/** `kill -9` at random moments of appends and compactions: the table is whole, and nothing that nobody needs is left. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseS3Uri } from '../../src/storage/contract.ts';
import { openTestProcessing } from '../../src/testing/builders/test-processing.ts';

const KILLS = 5;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'loch-maintenance-kill-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the process, kills it `ms` after its first acknowledgement, and answers the rows it had acknowledged. */
async function untilKilled(ms: number): Promise<number> {
  const script = new URL('./maintenance-process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  const closed = once(child, 'close');
  while (!output.includes('rows') && child.exitCode === null) await sleep(5);
  await sleep(ms);
  expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
  await closed;
  const said = output.split('\n').slice(0, -1); // what follows the last line end was cut
  return Number(said.at(-1)!.slice('rows '.length));
}

it('keeps every acknowledged row once, every file the table leads to, and no leftover of a run', async () => {
  let acknowledged = 0;
  for (let kill = 0; kill < KILLS; kill++) acknowledged = await untilKilled(150 + ((kill * 173) % 700));
  expect(acknowledged).toBeGreaterThan(20);
  const lake = await openTestProcessing({ folder });
  try {
    const table = { database: 'd', table: 'events' };
    // The start has taken on the run that the last kill cut off; one more is the proof that the table still takes them.
    for (const run of await lake.maintenance.runs(lake.root, table, 'compaction', { limit: 100 })) {
      const ended = await lake.maintenance.wait(run.id, lake.root.signal);
      expect([ended.state, ended.error]).toEqual(['COMPLETED', undefined]);
    }
    const last = await lake.maintenance.runNow(lake.root, table, 'compaction', { compaction: { minFiles: 2 } });
    expect(await lake.maintenance.wait(last.id, lake.root.signal)).toMatchObject({ state: 'COMPLETED' });

    const [[count, distinct, most]] = (await lake.rows(
      'SELECT count(*), count(DISTINCT id), max(id) FROM d.events',
    )) as [[string, string, string]];
    expect(Number(count)).toBeGreaterThanOrEqual(acknowledged);
    expect([distinct, Number(most) + 1]).toEqual([count, Number(count)]);

    const { metadata, record } = await lake.catalog.resolveTable(lake.root, table);
    const reachable = await lake.tables.reachableFiles(metadata!, record.metadataLocation);
    const { objects } = await lake.objects.list('lake', { prefix: 'd/events/', maxKeys: 100_000 });
    const stored = new Set(objects.map((object) => `s3://lake/${object.key}`));
    const missing = [...reachable.data, ...reachable.metadata].filter((file) => !stored.has(file));
    expect(missing).toEqual([]);
    const needed = new Set(reachable.data);
    const runs = await lake.maintenance.runs(lake.root, table, 'compaction', { limit: 100 });
    const leftovers = [...stored].filter(
      (file) => !needed.has(file) && runs.some((run) => parseS3Uri(file).key.includes(`/data/${run.id}-`)),
    );
    expect(leftovers).toEqual([]);
  } finally {
    await lake.close();
  }
}, 300_000);
