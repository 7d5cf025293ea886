import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';
import type { CrawlerInput, CrawlerRun } from '../contract.ts';

const root = contextOf('root');
let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeAll(async () => {
  lake = await testCatalog();
});
afterAll(() => lake.close());
beforeEach(() => lake.files.clear('raw'));
afterEach(async () => {
  for (const crawler of await lake.crawlers.list(root)) await lake.crawlers.delete(root, crawler.name);
  for (const database of await lake.catalog.listDatabases(root)) {
    await lake.catalog.deleteDatabase(root, database.name, { cascade: true });
  }
});

const put = (key: string, body: string) => lake.files.objects.put('raw', key, Buffer.from(body));
const DAY = 'id,amount\n1,2.5\n2,3.5\n';
const input: CrawlerInput = {
  name: 'c',
  role: root.principal.arn,
  database: 'lake',
  targets: [{ path: 's3://raw/', exclusions: [] }],
};

async function crawl(): Promise<CrawlerRun> {
  const run = await lake.crawlers.start(root, 'c');
  return lake.crawlers.wait(run.id, AbortSignal.timeout(20_000));
}
const tables = async () => (await lake.catalog.listTables(root, 'lake')).map((table) => table.name);
const days = async (table = 'taps') =>
  (await lake.catalog.listPartitions(root, { database: 'lake', table })).map((partition) => partition.values.join('/'));

describe('a crawl of new folders only', () => {
  beforeEach(async () => {
    for (const day of ['1', '2', '3']) await put(`taps/day=${day}/a.csv`, DAY);
    await put('people/a.csv', 'name,born\nAda,1815\n');
    await lake.crawlers.create(root, { ...input, recrawl: 'CRAWL_NEW_FOLDERS_ONLY' });
    expect(await crawl()).toMatchObject({ state: 'COMPLETED', tablesCreated: 2, partitionsAdded: 3 });
  });

  it('adds what came, and looks at no folder that a table has', async () => {
    for (let n = 0; n < 50; n++) await put(`taps/day=1/${n}.csv`, DAY);
    await put('taps/day=4/a.csv', DAY);
    await put('orders/a.json', '{"id":1}\n');
    const run = await crawl();
    expect(run).toMatchObject({ state: 'COMPLETED', objects: 2, tablesCreated: 1, partitionsAdded: 1 });
    expect(await days()).toEqual(['1', '2', '3', '4']);
    expect(await tables()).toEqual(['orders', 'people', 'taps']);
  });

  it('grows a table by the columns of a new folder, and keeps what does not fit it apart', async () => {
    await put('taps/day=4/a.csv', 'id,amount,place\n1,2.5,x\n');
    await put('taps/day=5/a.json', '{"id":1}\n');
    const run = await crawl();
    expect(run).toMatchObject({ state: 'COMPLETED', tablesUpdated: 1, partitionsAdded: 1 });
    const table = await lake.catalog.getTable(root, { database: 'lake', table: 'taps' });
    expect(table.columns.map((column) => column.name)).toEqual(['id', 'amount', 'place']);
    expect(await days()).toEqual(['1', '2', '3', '4']);
    expect((await tables()).filter((name) => name.startsWith('day_5'))).toHaveLength(1);
  });

  it('does nothing when nothing is new', async () => {
    expect(await crawl()).toMatchObject({ state: 'COMPLETED', objects: 0, tablesCreated: 0, tablesUpdated: 0 });
    expect(await tables()).toEqual(['people', 'taps']);
  });
});

describe('grouping', () => {
  it('takes the stated level for the tables, whatever the folders are called', async () => {
    for (const shop of ['north', 'south']) {
      for (const kind of ['a', 'b']) await put(`sales/${shop}/${kind}/f.csv`, DAY);
    }
    const configuration = JSON.stringify({ Version: 1, Grouping: { TableLevelConfiguration: 2 } });
    await lake.crawlers.create(root, { ...input, configuration });
    expect(await crawl()).toMatchObject({ state: 'COMPLETED', tablesCreated: 1, partitionsAdded: 4 });
    expect(await days('sales')).toEqual(['north/a', 'north/b', 'south/a', 'south/b']);
    const deeper = JSON.stringify({ Version: 1, Grouping: { TableLevelConfiguration: 3 } });
    await lake.crawlers.update(root, 'c', { configuration: deeper, tablePrefix: 'deep_' });
    expect(await crawl()).toMatchObject({ state: 'COMPLETED', tablesCreated: 2 });
    expect((await tables()).filter((name) => name.startsWith('deep_'))).toEqual(['deep_north', 'deep_south']);
  });

  it('makes an index over the partition keys when asked to', async () => {
    await put('t/year=2026/month=1/a.csv', DAY);
    const configuration = JSON.stringify({ Version: 1, CreatePartitionIndex: true });
    await lake.crawlers.create(root, { ...input, configuration });
    await crawl();
    const indexes = await lake.catalog.partitionIndexes(root, { database: 'lake', table: 't' });
    expect(indexes).toMatchObject([{ name: 'crawler_partition_index', keys: ['year', 'month'] }]);
  });

  it('only adds columns under MergeNewColumns', async () => {
    await put('t/a.csv', 'id,n\n1,2\n');
    const configuration = JSON.stringify({
      Version: 1,
      CrawlerOutput: { Tables: { AddOrUpdateBehavior: 'MergeNewColumns' } },
    });
    await lake.crawlers.create(root, { ...input, configuration });
    await crawl();
    await put('t/a.csv', 'id,n,more\n1,x,2.5\n');
    expect(await crawl()).toMatchObject({ tablesUpdated: 1 });
    const table = await lake.catalog.getTable(root, { database: 'lake', table: 't' });
    expect(table.columns.map(({ name, type }) => `${name} ${type}`)).toEqual(['id bigint', 'n bigint', 'more double']);
  });
});
