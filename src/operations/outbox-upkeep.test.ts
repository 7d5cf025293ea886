import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqliteStore } from '../metadata/sqlite/store.ts';
import counterStore, { counterStoreModule } from '../testing/suites/counter-store.ts';
import { openOutboxUpkeep } from './outbox-upkeep.ts';

const DAY_MS = 24 * 3_600_000;

it('keeps events of the outbox for a week', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'loch-outbox-')), 'loch.db');
  const store = await openSqliteStore({ file, modules: [counterStoreModule] });
  await store.write(counterStore.procedures.add, { name: 'one', by: 1 });
  const failures: Error[] = [];
  const after = async (days: number) => {
    const upkeep = openOutboxUpkeep({
      store,
      clock: { now: () => Date.now() + days * DAY_MS },
      onFailure: (error) => failures.push(error),
    });
    const removed = await upkeep.trimNow();
    await upkeep.close();
    return removed;
  };
  expect(await after(6.9)).toBe(0);
  expect(await after(7.1)).toBe(1);
  expect(await store.readOutbox(0, 10)).toEqual([]);
  expect(failures).toEqual([]);
  await store.close();
});
