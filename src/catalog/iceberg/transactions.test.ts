import { afterEach, beforeEach, expect, it } from 'vitest';
import { LochError } from '../../core/errors.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = contextOf('root');
const TABLES = ['debits', 'credits'];
let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeEach(async () => {
  lake = await testCatalog();
  await lake.catalog.createDatabase(root, { name: 'ledger', locationUri: 's3://lake/ledger' });
  for (const name of TABLES) {
    await lake.catalog.createIcebergTable(root, {
      database: 'ledger',
      name,
      columns: [{ name: 'id', type: 'bigint' }],
    });
  }
});
afterEach(() => lake.close());

const transaction = (value: string) => {
  const updates = [{ action: 'set-properties', updates: { value } }];
  return lake.catalog.commitTransaction(
    root,
    TABLES.map((table) => ({ name: { database: 'ledger', table }, requirements: [], updates })),
  );
};
const values = async () =>
  Promise.all(
    TABLES.map(async (table) => {
      const { metadata } = await lake.catalog.resolveTable(root, { database: 'ledger', table });
      return metadata!.properties.value;
    }),
  );
const metadataFiles = async () =>
  (await lake.files.keys('lake')).filter((key) => key.endsWith('.metadata.json')).length;
const codeOf = (done: Promise<unknown>) =>
  done.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );
const silent = () => Promise.reject(new LochError('unavailable', 'The store does not answer.'));

it('finds out by the tables what became of it when the answer was lost', async () => {
  const { store } = lake;
  const transact = store.transact.bind(store);
  Object.assign(store, {
    transact: async (calls: Parameters<typeof transact>[0]) => {
      await transact(calls);
      return silent();
    },
  });
  expect(await codeOf(transaction('1'))).toBe('done');
  Object.assign(store, { transact: silent });
  expect(await codeOf(transaction('2'))).toBe('unavailable');
  Object.assign(store, { transact });
  expect(await values()).toEqual(['1', '1']);
});

it('says that its state is unknown, and removes nothing, when the store is silent afterwards', async () => {
  const { store } = lake;
  const { transact, read } = store;
  const files = await metadataFiles();
  Object.assign(store, {
    transact: async (calls: Parameters<typeof transact>[0]) => {
      await transact.call(store, calls);
      Object.assign(store, { read: silent });
      return silent();
    },
  });
  expect(await codeOf(transaction('1'))).toBe('commit_state_unknown');
  Object.assign(store, { transact, read });
  expect(await values()).toEqual(['1', '1']);
  expect(await metadataFiles()).toBe(files + 2);
});

it('leaves no file behind when it was refused', async () => {
  const files = await metadataFiles();
  const { store } = lake;
  const { transact } = store;
  const full = () => Promise.reject(new LochError('disk_full', 'The disk is full.'));
  Object.assign(store, { transact: full });
  expect(await codeOf(transaction('1'))).toBe('disk_full');
  Object.assign(store, { transact });
  const wrong = [{ type: 'assert-default-spec-id', 'default-spec-id': 7 }];
  const changes = TABLES.map((table, i) => ({
    name: { database: 'ledger', table },
    requirements: i === 1 ? wrong : [],
    updates: [{ action: 'set-properties', updates: { value: '2' } }],
  }));
  expect(await codeOf(lake.catalog.commitTransaction(root, changes))).toBe('commit_conflict');
  expect(await metadataFiles()).toBe(files);
});
