import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { contextOf, TEST_ACCOUNT } from '../../src/testing/builders/request-context.ts';
import { fileOfRun, openCommitLake, TABLE } from './commit-lake.ts';

const ROUNDS = 6;
const root = contextOf('root');

it('has every acknowledged commit once after kill -9, none by half, and takes repeats for what they are', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loch-commit-kill-'));
  const first = await openCommitLake(folder);
  await first.objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: TEST_ACCOUNT });
  await first.catalog.createDatabase(root, { name: 'lake', locationUri: 's3://lake/' });
  await first.catalog.createIcebergTable(root, {
    database: 'lake',
    name: 'events',
    columns: [{ name: 'id', type: 'bigint' }],
    properties: { 'commit.manifest.min-count-to-merge': '10' },
  });
  await first.close();

  const acknowledged = new Set<number>();
  let highest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'commit-process.ts'), folder, String(highest + 1)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    while (output === '' && child.exitCode === null) await sleep(5);
    await sleep(30 + round * 37);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    for (const line of output.split('\n').slice(0, -1)) acknowledged.add(Number(line));
    // Three commits may have been on their way when the process died.
    highest = Math.max(...acknowledged) + 3;
  }

  const lake = await openCommitLake(folder);
  const live = async () => {
    const table = await lake.catalog.resolveTable(root, TABLE);
    const scan = await lake.catalog.planTableScan(table, {});
    return scan.files.map((file) => Number(/(\d+)\.parquet$/.exec(file.key)![1])).sort((a, b) => a - b);
  };
  const before = await live();
  expect(acknowledged.size).toBeGreaterThan(ROUNDS);
  expect(new Set(before).size).toBe(before.length);
  expect([...acknowledged].filter((run) => !before.includes(run))).toEqual([]);
  expect(before.filter((run) => !acknowledged.has(run)).length).toBeLessThanOrEqual(3 * ROUNDS);

  // Every file of the metadata is there: the table can be read from each of its snapshots.
  const { metadata } = await lake.catalog.resolveTable(root, TABLE);
  expect(metadata!.snapshots).toHaveLength(before.length);
  const { data } = await lake.tables.reachableFiles(metadata!);
  expect(data).toHaveLength(before.length);

  // Who does not know what became of his commit sends it again.
  for (let run = 1; run <= highest; run++) {
    const change = { kind: 'append', files: [fileOfRun(run)] } as const;
    const outcome = await lake.catalog.commitTable(root, TABLE, change, { runId: `run-${run}` });
    expect(outcome.repeated).toBe(before.includes(run));
  }
  expect(await live()).toEqual(Array.from({ length: highest }, (_, i) => i + 1));
  await lake.close();
  rmSync(folder, { recursive: true, force: true });
});
