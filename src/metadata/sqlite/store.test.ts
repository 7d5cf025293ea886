import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import counterStore, { counterStoreModule } from '../../testing/suites/counter-store.ts';
import { describeMetadataStore } from '../../testing/suites/metadata-store.ts';
import { openSqliteStore } from './store.ts';

const freshFile = () => join(mkdtempSync(join(tmpdir(), 'loch-store-')), 'loch.db');
const open = (file: string) => openSqliteStore({ file, modules: [counterStoreModule] });

describeMetadataStore('the metadata store on SQLite', async (again) => {
  const file = again ?? freshFile();
  return { store: await open(file), place: file };
});

it('backs up a consistent copy while it is written to', async () => {
  const file = freshFile();
  const store = await open(file);
  const { add, value } = counterStore.procedures;
  await store.write(add, { name: 'before', by: 1 });
  const copy = `${file}.copy`;
  const writes = Promise.all(Array.from({ length: 200 }, () => store.write(add, { name: 'during', by: 1 })));
  expect(await store.backup(copy)).toBeGreaterThan(0);
  await writes;
  await store.close();
  const restored = await open(copy);
  expect(await restored.read(value, { name: 'before' })).toBe(1);
  await restored.close();
});

it('refuses a database that a newer program wrote', async () => {
  const file = freshFile();
  await (await open(file)).close();
  const db = new DatabaseSync(file);
  db.exec("INSERT INTO loch_migrations VALUES ('counter', 99, 'from the future', 0)");
  db.close();
  await expect(open(file)).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringContaining('newer Loch'),
  });
});
