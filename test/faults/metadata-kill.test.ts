import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openSqliteStore } from '../../src/metadata/sqlite/store.ts';
import counterStore, { counterStoreModule } from '../../src/testing/suites/counter-store.ts';

const ROUNDS = 10;

it('has every acknowledged row after kill -9 of the writing process, ten times over', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'loch-kill-')), 'loch.db');
  const acknowledged = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const writer = spawn(
      process.execPath,
      [join(import.meta.dirname, 'metadata-writer.ts'), file, String(round * 1_000_000 + 1)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    writer.stdout.on('data', (chunk) => {
      output += chunk;
    });
    while (output === '') await sleep(5);
    await sleep(20 + round * 15);
    writer.kill('SIGKILL');
    await new Promise((resolve) => writer.once('close', resolve));
    for (const line of output.split('\n').slice(0, -1)) acknowledged.add(Number(line));
  }
  const store = await openSqliteStore({ file, modules: [counterStoreModule] });
  const values = await Promise.all(
    [...acknowledged].map((n) => store.read(counterStore.procedures.value, { name: `n${n}` })),
  );
  await store.close();
  expect(acknowledged.size).toBeGreaterThan(ROUNDS);
  expect(values).toEqual([...acknowledged]);
});
