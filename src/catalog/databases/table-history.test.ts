import { afterAll, beforeAll, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = { ...contextOf('root'), door: 'aws' as const };
const ana = contextOf('ana');
const policy = statedPolicy({
  ana: { iam: true, tables: { 'shop.orders': { permissions: ['SELECT', 'ALTER'], columns: ['id'] } } },
});
const name = { database: 'shop', table: 'orders' };
const input = (columns: Record<string, string>, more: object = {}) => ({
  name: 'orders',
  columns: Object.entries(columns).map(([column, type]) => ({ name: column, type })),
  storage: { location: 's3://lake/orders/', serdeParameters: {} },
  parameters: { classification: 'csv' },
  ...more,
});
let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeAll(async () => {
  lake = await testCatalog(policy);
  await lake.catalog.createDatabase(root, { name: 'shop' });
  await lake.catalog.createTable(root, 'shop', input({ id: 'int', pay: 'int' }, { description: 'First' }));
  await lake.catalog.updateTable(
    { ...root, door: 'console' },
    'shop',
    input({ id: 'bigint', pay: 'int', day: 'date' }),
  );
  await lake.discovery.annotate(root, name, { owner: 'Sales' });
});
afterAll(() => lake.close());

it('keeps of each version who made it, when and by which door', async () => {
  const versions = await lake.catalog.tableVersions(root, name);
  expect(versions.map(({ version, updatedThrough }) => [version, updatedThrough])).toEqual([
    [2, 'aws'],
    [1, 'console'],
    [0, 'aws'],
  ]);
  expect(versions.every(({ updatedBy }) => updatedBy === root.principal.arn)).toBe(true);
});

it('tells what changed between two versions, of what the caller sees', async () => {
  expect(await lake.catalog.diffTableVersions(root, name, { from: 0, to: 2 })).toEqual({
    from: 0,
    to: 2,
    changed: [
      { field: 'description', from: 'First' },
      { field: 'parameters.loch.owner', to: 'Sales' },
    ],
    columnsAdded: [{ name: 'day', type: 'date' }],
    columnsRemoved: [],
    columnsChanged: [{ from: { name: 'id', type: 'int' }, to: { name: 'id', type: 'bigint' } }],
  });
  const mine = await lake.catalog.diffTableVersions(ana, name, { from: 2, to: 0 });
  expect(mine).toMatchObject({ columnsAdded: [], columnsRemoved: [], columnsChanged: [{ to: { type: 'int' } }] });
  await expect(lake.catalog.diffTableVersions(root, name, { from: 0, to: 9 })).rejects.toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('Kept are: 2, 1, 0'),
  });
});

it('brings an earlier version back as a version of its own, business words and all', async () => {
  const restored = await lake.catalog.restoreTableVersion(root, name, 0);
  expect(restored).toMatchObject({ version: 3, description: 'First' });
  const { changed, columnsChanged } = await lake.catalog.diffTableVersions(root, name, { from: 0, to: 3 });
  // The word that was not there then is kept as taken away, so that no door brings it back.
  expect([changed, columnsChanged]).toEqual([[{ field: 'parameters.loch.owner', to: '' }], []]);
  expect((await lake.discovery.browse(root, {})).facets.owner).toEqual([]);
  expect((await lake.catalog.tableVersions(root, name)).map(({ version }) => version)).toEqual([3, 2, 1, 0]);
  await lake.catalog.restoreTableVersion(root, name, 2);
  expect((await lake.discovery.browse(root, {})).facets.owner).toEqual([{ value: 'Sales', count: 1 }]);
});

it('refuses it for an Iceberg table, and says what to do', async () => {
  await lake.catalog.createIcebergTable(root, {
    database: 'shop',
    name: 'ice',
    location: 's3://lake/ice/',
    columns: [{ name: 'id', type: 'bigint' }],
  });
  await expect(lake.catalog.restoreTableVersion(root, { database: 'shop', table: 'ice' }, 0)).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('Roll it back to a snapshot'),
  });
});

it('keeps the versions of a business word, and brings one back after it was deleted', async () => {
  const put = (definition: string) => lake.discovery.putTerm(root, { name: 'Churn', definition, synonyms: [] });
  await put('Who left');
  await put('Who has gone');
  await lake.discovery.deleteTerm({ ...root, door: 'console' }, 'Churn');
  expect(
    (await lake.discovery.termVersions(root, 'Churn')).map((one) => [
      one.version,
      one.definition,
      one.deleted,
      one.updatedThrough,
    ]),
  ).toEqual([
    [3, 'Who has gone', true, 'console'],
    [2, 'Who has gone', false, 'aws'],
    [1, 'Who left', false, 'aws'],
  ]);
  expect(await lake.discovery.restoreTerm(root, 'Churn', 1)).toMatchObject({ definition: 'Who left' });
  expect((await lake.discovery.terms(root)).map(({ definition }) => definition)).toEqual(['Who left']);
  expect((await lake.discovery.termVersions(root, 'Churn'))[0]).toMatchObject({ version: 4, deleted: false });
  await expect(lake.discovery.restoreTerm(root, 'Churn', 3)).rejects.toMatchObject({ code: 'not_found' });
  await expect(lake.discovery.termVersions(root, 'Never')).rejects.toMatchObject({ code: 'not_found' });
});
