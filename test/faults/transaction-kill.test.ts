import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { contextOf, TEST_ACCOUNT } from '../../src/testing/builders/request-context.ts';
import { openCommitLake } from './commit-lake.ts';

const ROUNDS = 5;
const TABLES = ['a', 'b', 'c'];
const root = contextOf('root');

it('has all tables of a transaction at one number after kill -9, with the key of exactly what happened', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loch-transaction-kill-'));
  const first = await openCommitLake(folder);
  await first.objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: TEST_ACCOUNT });
  await first.catalog.createDatabase(root, { name: 'lake', locationUri: 's3://lake/' });
  for (const name of TABLES) {
    await first.catalog.createIcebergTable(root, { database: 'lake', name, columns: [{ name: 'id', type: 'bigint' }] });
  }
  await first.close();

  let next = 1;
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'transaction-process.ts'), folder, String(next)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    while (output === '' && child.exitCode === null) await sleep(5);
    await sleep(11 + round * 23);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    const acknowledged = Number(output.split('\n').at(-2));

    const lake = await openCommitLake(folder);
    const numbers = await Promise.all(
      TABLES.map(async (table) => {
        const { metadata, record } = await lake.catalog.resolveTable(root, { database: 'lake', table });
        const { metadata: files } = await lake.tables.reachableFiles(metadata!, record.metadataLocation);
        for (const file of files) await lake.objects.head('lake', file.replace('s3://lake/', ''));
        return Number(metadata!.properties.n);
      }),
    );
    expect(new Set(numbers).size).toBe(1);
    const [at] = numbers as [number];
    // One may have been on its way; its key is there exactly when its effect is.
    expect([acknowledged, acknowledged + 1]).toContain(at);
    expect(await lake.catalog.keptAnswer(root, `key-${at}`)).toEqual({ fingerprint: `fingerprint-${at}` });
    expect(await lake.catalog.keptAnswer(root, `key-${at + 1}`)).toBeUndefined();
    next = at + 1;
    await lake.close();
  }
  expect(next).toBeGreaterThan(ROUNDS);
  rmSync(folder, { recursive: true, force: true });
});
