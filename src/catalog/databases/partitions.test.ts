import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ScanPredicate } from '../../storage/contract.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = contextOf('root');
const keeper = contextOf('keeper');
const reader = contextOf('reader');
const filtered = contextOf('filtered');
const policy = statedPolicy({
  keeper: { iam: true, tables: { 'db.t': { permissions: ['ALTER'] } } },
  reader: { iam: true, tables: { 'db.t': { permissions: ['SELECT'] } } },
  filtered: { iam: true, tables: { 'db.t': { permissions: ['SELECT'], rows: 'some' } } },
});
const name = { database: 'db', table: 't' };
const at = (year: string, month: string, location = `s3://lake/t/year=${year}/month=${month}/`) => ({
  values: [year, month],
  location,
  parameters: {},
});
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeAll(async () => {
  lake = await testCatalog(policy);
  await lake.catalog.createDatabase(root, { name: 'db' });
});
afterAll(() => lake.close());
beforeEach(async () => {
  await lake.catalog.deleteTable(root, name).catch(() => {});
  await lake.files.clear('lake');
  await lake.files.clear('other');
  await lake.catalog.createTable(root, 'db', {
    name: 't',
    columns: [{ name: 'a', type: 'bigint' }],
    partitionKeys: [
      { name: 'year', type: 'int' },
      { name: 'month', type: 'string' },
    ],
    storage: { location: 's3://lake/t/', serdeParameters: {} },
    parameters: { classification: 'csv' },
  });
});

it('adds, changes and removes partitions, each batch wholly or not at all', async () => {
  await lake.catalog.createPartitions(root, name, [at('2025', '12'), at('2026', '01')]);
  expect(await codeOf(lake.catalog.createPartitions(root, name, [at('2026', '02'), at('2026', '01')]))).toBe(
    'already_exists',
  );
  await lake.catalog.createPartitions(root, name, [at('2026', '01'), at('2026', '03')], { ifNotExists: true });
  const values = async () => (await lake.catalog.listPartitions(root, name)).map((one) => one.values.join('/'));
  expect(await values()).toEqual(['2025/12', '2026/01', '2026/03']);
  await lake.catalog.updatePartition(root, name, ['2025', '12'], at('2026', '12'));
  await lake.catalog.deletePartition(root, name, ['2026', '01']);
  expect(await values()).toEqual(['2026/03', '2026/12']);
  expect(await codeOf(lake.catalog.deletePartition(root, name, ['2026', '01']))).toBe('partition_not_found');
  expect(await codeOf(lake.catalog.getPartition(root, name, ['2026', '01']))).toBe('partition_not_found');
  expect(await codeOf(lake.catalog.getPartition(root, name, ['2026']))).toBe('invalid_argument');
});

it('pages and filters partitions, values ordered as tuples', async () => {
  const all = ['1', '10', '2'].flatMap((year) => ['a', 'b', 'a b'].map((month) => at(year, month, 's3://lake/t/x')));
  await lake.catalog.createPartitions(root, name, all);
  const first = await lake.catalog.listPartitions(root, name, { limit: 4 });
  const rest = await lake.catalog.listPartitions(root, name, { after: first.at(-1)!.values });
  expect([...first, ...rest].map((one) => one.values.join('-'))).toEqual(
    ['1', '10', '2'].flatMap((year) => [`${year}-a`, `${year}-a b`, `${year}-b`]),
  );
  const filteredBy = await lake.catalog.listPartitions(root, name, { expression: "year > 2 AND month = 'a b'" });
  expect(filteredBy.map((one) => one.values)).toEqual([['10', 'a b']]);
  expect(await codeOf(lake.catalog.listPartitions(root, name, { expression: 'a = 1' }))).toBe('invalid_argument');
});

it('shows partition values only to who may see all rows, or keeps the table', async () => {
  await lake.catalog.createPartitions(keeper, name, [at('2026', '01')]);
  expect(await lake.catalog.listPartitions(reader, name)).toHaveLength(1);
  expect(await lake.catalog.listPartitions(keeper, name)).toHaveLength(1);
  expect(await codeOf(lake.catalog.listPartitions(filtered, name))).toBe('access_denied');
  expect(await codeOf(lake.catalog.createPartitions(reader, name, [at('2026', '02')]))).toBe('access_denied');
});

it('owns the objects of a partition that lies outside the table', async () => {
  await lake.catalog.createPartitions(root, name, [at('2026', '01', 's3://other/place')]);
  await lake.reopen();
  expect(await lake.directory.tableAt('other', 'place/a.csv')).toEqual(name);
  await lake.catalog.updatePartition(root, name, ['2026', '01'], at('2026', '01', 's3://third/place'));
  expect(await lake.directory.tableAt('other', 'place/a.csv')).toBeUndefined();
  expect(await lake.directory.tableAt('third', 'place/a.csv')).toEqual(name);
  await lake.catalog.deletePartition(root, name, ['2026', '01']);
  expect(await lake.directory.tableAt('third', 'place/a.csv')).toBeUndefined();
});

async function scan(predicates: readonly ScanPredicate[] = []) {
  const table = await lake.catalog.resolveTable(root, name);
  const plan = await lake.catalog.planTableScan(table, { predicates });
  return plan.files.map((file) => `${file.key} ${Object.values(file.partition).join('/')}`);
}
const put = (key: string, text = 'x') => lake.files.objects.put('lake', key, Buffer.from(text));

it('reads the files of the partitions that may match, with their values', async () => {
  for (const month of ['01', '02']) await put(`t/year=2026/month=${month}/a.csv`);
  await put('t/year=2026/month=01/_SUCCESS');
  await put('t/year=2026/month=01/.hidden/b.csv');
  await put('t/year=2026/month=01/empty.csv', '');
  await put('t/year=2027/month=01/unknown.csv');
  await put('elsewhere/b.csv');
  await lake.catalog.createPartitions(root, name, [
    at('2026', '01'),
    at('2026', '02'),
    at('2027', '__HIVE_DEFAULT_PARTITION__', 's3://lake/elsewhere'),
  ]);
  expect(await scan()).toEqual([
    't/year=2026/month=01/a.csv 2026/01',
    't/year=2026/month=02/a.csv 2026/02',
    'elsewhere/b.csv 2027/',
  ]);
  expect(await scan([{ column: 'YEAR', op: '=', values: ['2026'] }])).toHaveLength(2);
  expect(await scan([{ column: 'month', op: 'in', values: ['02', '03'] }])).toEqual([
    't/year=2026/month=02/a.csv 2026/02',
  ]);
  expect(await scan([{ column: 'month', op: 'is_null', values: [] }])).toEqual(['elsewhere/b.csv 2027/']);
  expect(await scan([{ column: 'year', op: '>', values: ['nonsense'] }])).toHaveLength(3);
});

it('plans the same files by one listing of the table as by one for each partition', async () => {
  const partitions = Array.from({ length: 20 }, (_, n) => at(String(n), 'm', `s3://lake/t/p${n}`));
  for (let n = 0; n < 20; n++) {
    await put(`t/p${n}/a.csv`);
    await put(`t/p${n}/deep/b.csv`);
    await put(`t/p${n}/_x/b.csv`);
  }
  await put('t/stray.csv');
  await lake.catalog.createPartitions(root, name, partitions);
  const before = lake.files.listings();
  const whole = await scan();
  expect(lake.files.listings() - before).toBe(1);
  const each: string[] = [];
  for (let n = 0; n < 20; n++) each.push(...(await scan([{ column: 'year', op: '=', values: [String(n)] }])));
  expect(whole.sort()).toEqual(each.sort());
  expect(whole).toHaveLength(40);
});

it('reads the one object a table is, and refuses time travel without snapshots', async () => {
  await put('one/file.csv');
  await put('one/file.csv.bak');
  const table = await lake.catalog.createTable(root, 'db', {
    name: 'one',
    columns: [{ name: 'a', type: 'bigint' }],
    storage: { location: 's3://lake/one/file.csv', serdeParameters: {} },
    parameters: { classification: 'csv' },
  });
  const plan = await lake.catalog.planTableScan({ record: table }, {});
  expect(plan.files.map((file) => file.key)).toEqual(['one/file.csv']);
  expect(plan).toMatchObject({ totalFiles: 1, bytes: 1 });
  expect(await codeOf(lake.catalog.planTableScan({ record: table }, { asOf: 1 }))).toBe('unsupported');
});
