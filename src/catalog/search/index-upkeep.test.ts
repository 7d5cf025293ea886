import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = contextOf('root');
let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeAll(async () => {
  lake = await testCatalog(statedPolicy({ ana: { iam: (action) => action !== 'glue:UpdateCatalog' } }));
  await lake.catalog.createDatabase(root, { name: 'shop' });
  for (let n = 0; n < 3; n++) {
    await lake.catalog.createTable(root, 'shop', {
      name: `orders_${n}`,
      columns: [{ name: 'amount', type: 'int' }],
      storage: { location: `s3://lake/${n}/`, serdeParameters: {} },
    });
  }
});
afterAll(() => lake.close());

const found = async () => (await lake.catalog.search(root, { text: 'amount' })).length;
const harm = (sql: string) =>
  lake.reopen(() => {
    // The parts of the index are guarded from statements unless one asks to harm them.
    const db = new DatabaseSync(lake.file, { defensive: false });
    db.exec(sql);
    db.close();
  });

it('finds a change at once: it is indexed in the transaction of the change', async () => {
  expect(await found()).toBe(3);
  expect(await lake.discovery.checkIndex(root)).toEqual({ state: 'whole' });
});

it.each([
  ['lost its segments', 'DELETE FROM loch_text_idx; DELETE FROM loch_text_data WHERE id > 10'],
  ['lost documents', 'DELETE FROM loch_text_content WHERE id = 1'],
  ['is behind the tables', 'DELETE FROM loch_text; DELETE FROM loch_text_key'],
])('is built anew when it %s, with an alarm', async (_, sql) => {
  await harm(sql);
  const before = lake.failures.length;
  expect(await lake.discovery.checkIndex(root)).toEqual({ state: 'rebuilt' });
  expect(lake.failures.slice(before)).toMatchObject([{ code: 'data_corrupt' }]);
  expect(await found()).toBe(3);
  expect(await lake.discovery.checkIndex(root)).toEqual({ state: 'whole' });
});

it('is written anew while it serves, for who may change the catalog', async () => {
  const rebuilt = lake.discovery.checkIndex(root, { rebuild: true });
  expect(await found()).toBe(3);
  expect(await rebuilt).toEqual({ state: 'rebuilt', tables: 3 });
  expect(await found()).toBe(3);
  await expect(lake.discovery.checkIndex(contextOf('ana'))).rejects.toMatchObject({ code: 'access_denied' });
});
