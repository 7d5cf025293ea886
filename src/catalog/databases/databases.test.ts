import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import type { TableInput } from '../contract.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = contextOf('root');
const analyst = contextOf('analyst');
const stranger = contextOf('stranger');
const engineer = contextOf('engineer');

const policy = statedPolicy(
  {
    analyst: {
      iam: true,
      tables: {
        'sales.orders': { permissions: ['SELECT'], columns: ['id', 'region'] },
        'sales.visits': { permissions: ['SELECT'], rows: 'some' },
      },
    },
    stranger: { iam: true },
    maker: {
      iam: (_, resource) => !resource.startsWith('arn:aws:s3:::lake/closed/'),
      databases: { sales: ['CREATE_TABLE'] },
      tables: { 'sales.shaped': { permissions: ['SELECT'], rows: 'some' }, 'sales.whole': { permissions: ['SELECT'] } },
      dataLocations: true,
    },
    engineer: {
      iam: (action, resource) => action.startsWith('glue:') && !resource.includes('table/sales/secrets'),
      databases: { sales: ['ALL'] },
      tables: { 'sales.orders': { permissions: ['ALL'] }, 'sales.secrets': { permissions: ['ALL'] } },
    },
  },
  ['s3://lake/registered/'],
);
const owners = async (bucket: string, key: string) =>
  bucket === 'results' ? (key.startsWith('maker/') ? contextOf('maker').principal.arn : 'nobody') : undefined;

const orders: TableInput = {
  name: 'Orders',
  description: 'What customers bought',
  columns: [
    { name: 'Id', type: 'bigint' },
    { name: 'customerEmail', type: 'string', comment: 'contact address of the buyer' },
    { name: 'region', type: 'string' },
  ],
  partitionKeys: [
    { name: 'year', type: 'int' },
    { name: 'month', type: 'string' },
  ],
  storage: { location: 's3://lake/sales/orders/', serdeParameters: { 'field.delim': ',' }, foreign: { SkewedInfo: 1 } },
  parameters: { classification: 'csv', owner: 'sales' },
  foreign: { Retention: 3 },
};

let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeAll(async () => {
  lake = await testCatalog(policy, owners);
});
afterAll(() => lake.close());
beforeEach(async () => {
  for (const database of await lake.catalog.listDatabases(root)) {
    await lake.catalog.deleteDatabase(root, database.name, { cascade: true });
  }
  lake.clock.advance(8 * 86_400_000); // empties the bin
  await lake.catalog.createDatabase(root, { name: 'Sales', description: 'Shop', locationUri: 's3://lake/sales/' });
});

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );
const messageOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: Error) => error.message,
  );

describe('databases', () => {
  it('folds names to lower case and keeps what was said of a database', async () => {
    expect(await lake.catalog.getDatabase(root, 'SALES')).toMatchObject({
      name: 'sales',
      description: 'Shop',
      locationUri: 's3://lake/sales/',
    });
    await lake.catalog.updateDatabase(root, 'sales', { description: 'Store', parameters: { a: 'b' } });
    await lake.reopen();
    expect(await lake.catalog.listDatabases(root)).toMatchObject([
      { name: 'sales', description: 'Store', parameters: { a: 'b' } },
    ]);
  });

  it('refuses a second database of the same name, an unfit name and a delete of a full one', async () => {
    expect(await codeOf(lake.catalog.createDatabase(root, { name: 'sales' }))).toBe('already_exists');
    for (const name of ['', 'a/b', '..', 'x'.repeat(256), 'a\u0000b']) {
      expect(await codeOf(lake.catalog.createDatabase(root, { name }))).toBe('invalid_argument');
    }
    await lake.catalog.createTable(root, 'sales', orders);
    expect(await codeOf(lake.catalog.deleteDatabase(root, 'sales'))).toBe('conflict');
    await lake.catalog.deleteDatabase(root, 'sales', { cascade: true });
    expect(await lake.catalog.listDatabases(root)).toEqual([]);
    expect(await lake.catalog.droppedTables(root)).toMatchObject([{ database: 'sales', table: 'orders' }]);
    expect(await codeOf(lake.catalog.getDatabase(root, 'sales'))).toBe('database_not_found');
  });

  it('answers alike for a hidden and a missing database', async () => {
    const hidden = await messageOf(lake.catalog.getDatabase(stranger, 'sales'));
    const missing = await messageOf(lake.catalog.getDatabase(stranger, 'tales'));
    expect(hidden.replace('sales', 'tales')).toBe(missing);
    expect(await lake.catalog.listDatabases(stranger)).toEqual([]);
    expect(await codeOf(lake.catalog.createDatabase(stranger, { name: 'mine' }))).toBe('access_denied');
  });
});

describe('tables', () => {
  beforeEach(async () => {
    await lake.catalog.createTable(root, 'sales', orders);
  });

  it('keeps everything a table was made with, whatever door it belongs to', async () => {
    await lake.reopen();
    expect(await lake.catalog.getTable(root, { database: 'Sales', table: 'ORDERS' })).toMatchObject({
      ...orders,
      name: 'orders',
      columns: [{ name: 'id' }, { name: 'customeremail', comment: 'contact address of the buyer' }, { name: 'region' }],
      format: 'csv',
      tableType: 'EXTERNAL_TABLE',
      version: 0,
      createdBy: root.principal.arn,
    });
  });

  it('shows a caller only the columns granted to him', async () => {
    const shown = await lake.catalog.getTable(analyst, { database: 'sales', table: 'orders' });
    expect([...shown.columns, ...shown.partitionKeys].map((column) => column.name)).toEqual(['id', 'region']);
    const [listed] = await lake.catalog.listTables(analyst, 'sales');
    expect(listed!.columns.map((column) => column.name)).toEqual(['id', 'region']);
    const resolved = await lake.catalog.resolveTable(analyst, { database: 'sales', table: 'orders' });
    expect(resolved.record.columns).toHaveLength(3);
  });

  it('answers alike for a hidden and a missing table, and names near ones that are visible', async () => {
    await lake.catalog.createTable(root, 'sales', { ...orders, name: 'order_items' });
    const at = (table: string) => messageOf(lake.catalog.getTable(analyst, { database: 'sales', table }));
    expect((await at('order_items')).replace('order_items', 'order_itemz')).toBe(await at('order_itemz'));
    expect(await at('oders')).toBe('Table `sales.oders` does not exist. Near names: `orders`.');
    expect(await codeOf(lake.catalog.getTable(stranger, { database: 'sales', table: 'orders' }))).toBe(
      'database_not_found',
    );
  });

  it('asks IAM before it tells whether a table is there', async () => {
    const nobody = contextOf('nobody');
    expect(await codeOf(lake.catalog.getTable(nobody, { database: 'sales', table: 'orders' }))).toBe('access_denied');
    expect(await codeOf(lake.catalog.getTable(nobody, { database: 'sales', table: 'nothing' }))).toBe('access_denied');
  });

  it('leaves out of a listing what IAM denies by name', async () => {
    await lake.catalog.createTable(root, 'sales', { ...orders, name: 'secrets' });
    expect((await lake.catalog.listTables(engineer, 'sales')).map((table) => table.name)).toEqual(['orders']);
    expect((await lake.catalog.listTables(root, 'sales')).map((table) => table.name)).toEqual(['orders', 'secrets']);
  });

  it('pages through tables by name and filters them by pattern', async () => {
    for (const name of ['a1', 'a2', 'b1']) await lake.catalog.createTable(root, 'sales', { ...orders, name });
    const page = await lake.catalog.listTables(root, 'sales', { after: 'a1', limit: 2 });
    expect(page.map((table) => table.name)).toEqual(['a2', 'b1']);
    const matching = await lake.catalog.listTables(root, 'sales', { expression: 'a.*|o.*' });
    expect(matching.map((table) => table.name)).toEqual(['a1', 'a2', 'orders']);
  });

  it('makes a version of each update and refuses one that expects another', async () => {
    const updated = await lake.catalog.updateTable(
      root,
      'sales',
      { ...orders, description: 'Second' },
      { expectedVersion: 0 },
    );
    expect(updated.version).toBe(1);
    expect(await codeOf(lake.catalog.updateTable(root, 'sales', orders, { expectedVersion: 0 }))).toBe('conflict');
    await lake.catalog.updateTable(root, 'sales', { ...orders, description: 'Third' }, { skipArchive: true });
    const versions = await lake.catalog.tableVersions(root, { database: 'sales', table: 'orders' });
    expect(versions.map(({ version, description }) => [version, description])).toEqual([
      [2, 'Third'],
      [0, 'What customers bought'],
    ]);
  });

  it('lets one of two concurrent updates win when both expect the same version', async () => {
    const attempts = [1, 2, 3].map((n) =>
      lake.catalog.updateTable(root, 'sales', { ...orders, description: `by ${n}` }, { expectedVersion: 0 }),
    );
    const codes = await Promise.all(attempts.map((attempt) => codeOf(attempt)));
    expect(codes.sort()).toEqual(['conflict', 'conflict', 'resolved']);
  });

  it('names the column whose type is not a type', async () => {
    const bad = { ...orders, name: 'bad', columns: [{ name: 'a', type: 'array<strng>' }] };
    expect(await messageOf(lake.catalog.createTable(root, 'sales', bad))).toContain('Column `a` of table `bad`');
    for (const type of ['struct<a:int,b:array<map<string,decimal(10,2)>>>', 'timestamp with time zone', 'char(3)']) {
      const good = { ...orders, name: `t${type.length}`, columns: [{ name: 'a', type }] };
      expect((await lake.catalog.createTable(root, 'sales', good)).columns[0]!.type).toBe(type);
    }
  });

  it('keeps a dropped table in the bin for seven days and brings it back whole', async () => {
    const name = { database: 'sales', table: 'orders' };
    await lake.catalog.createPartitions(root, name, [{ values: ['2026', '01'], location: 's3://x/y', parameters: {} }]);
    await lake.catalog.deleteTable(root, name);
    expect(await codeOf(lake.catalog.getTable(root, name))).toBe('table_not_found');
    expect(await lake.catalog.search(root, { text: 'customer email' })).toEqual([]);
    const [dropped] = await lake.catalog.droppedTables(root);
    expect(dropped!.purgeAt - dropped!.droppedAt).toBe(7 * 86_400_000);
    expect(await lake.catalog.droppedTables(analyst)).toEqual([]);
    expect(await codeOf(lake.catalog.restoreTable(analyst, dropped!.id))).toBe('not_found');
    await lake.catalog.restoreTable(root, dropped!.id);
    expect((await lake.catalog.getTable(root, name)).description).toBe('What customers bought');
    expect(await lake.catalog.listPartitions(root, name)).toHaveLength(1);
    expect(await lake.directory.tableAt('x', 'y/file.csv')).toEqual(name);
    expect(await lake.catalog.search(root, { text: 'customer email' })).toHaveLength(1);

    await lake.catalog.deleteTable(root, name);
    lake.clock.advance(7 * 86_400_000);
    expect(await lake.catalog.droppedTables(root)).toEqual([]);
    expect(await codeOf(lake.catalog.restoreTable(root, dropped!.id))).toBe('not_found');
  });

  it('does not bring back a table whose name was taken meanwhile', async () => {
    await lake.catalog.deleteTable(root, { database: 'sales', table: 'orders' });
    const [dropped] = await lake.catalog.droppedTables(root);
    await lake.catalog.createTable(root, 'sales', orders);
    expect(await codeOf(lake.catalog.restoreTable(root, dropped!.id))).toBe('already_exists');
  });

  it('lets only the holder of the data location make a table over it', async () => {
    const over = {
      ...orders,
      name: 'over',
      storage: { ...orders.storage!, location: 's3://lake/registered/t/' },
    };
    expect(await codeOf(lake.catalog.createTable(engineer, 'sales', over))).toBe('access_denied');
    const moved = { ...over, name: 'orders' };
    expect(await codeOf(lake.catalog.updateTable(engineer, 'sales', moved))).toBe('access_denied');
    expect((await lake.catalog.createTable(root, 'sales', over)).name).toBe('over');
  });

  it('lets nobody make a table over what he may not read himself', async () => {
    const over = (location: string, partition?: string) =>
      codeOf(
        lake.catalog.createTable(contextOf('maker'), 'sales', {
          name: `over_${location.length}${partition ?? ''}`,
          columns: [{ name: 'a', type: 'string' }],
          storage: { location, serdeParameters: {} },
        }),
      );
    const at = (name: string, location: string) =>
      lake.catalog.createTable(root, 'sales', { ...orders, name, storage: { location, serdeParameters: {} } });
    expect(await over('s3://lake/open/x')).toBe('resolved');
    expect(await over('s3://lake/closed/x/')).toBe('access_denied');
    expect(await over('s3://results/')).toBe('access_denied');
    expect(await over('s3://results/somebody/')).toBe('access_denied');
    expect(await over('s3://results/maker/q.csv')).toBe('resolved');
    expect(await over('s3://lake/registered/free/')).toBe('resolved');
    await at('whole', 's3://lake/registered/whole/');
    expect(await over('s3://lake/registered/whole/2026/')).toBe('resolved');
    await at('shaped', 's3://lake/registered/shaped/');
    expect(await over('s3://lake/registered/shaped/2026/01/')).toBe('access_denied');
    expect(await over('s3://lake/registered/')).toBe('access_denied');
    expect(await over('s3://lake/')).toBe('access_denied');
  });

  it('knows which table owns an object: the longest location wins, then the older table', async () => {
    const at = (name: string, location: string) =>
      lake.catalog.createTable(root, 'sales', { ...orders, name, storage: { location, serdeParameters: {} } });
    await at('inner', 's3://lake/sales/orders/inner');
    lake.clock.advance(1);
    await at('later', 's3://lake/sales/orders');
    const owner = async (key: string) => (await lake.directory.tableAt('lake', key))?.table;
    for (const _ of ['before', 'after a restart']) {
      expect(await owner('sales/orders/2026/a.csv')).toBe('orders');
      expect(await owner('sales/orders/inner/a.csv')).toBe('inner');
      expect(await owner('sales/orders2/a.csv')).toBeUndefined();
      expect(await owner('sales')).toBeUndefined();
      await lake.reopen();
    }
    await lake.catalog.deleteTable(root, { database: 'sales', table: 'orders' });
    expect(await owner('sales/orders/2026/a.csv')).toBe('later');
    expect(await lake.directory.tableColumns({ database: 'sales', table: 'inner' })).toHaveLength(5);
  });
});

describe('search', () => {
  beforeEach(async () => {
    await lake.catalog.createTable(root, 'sales', orders);
    await lake.catalog.createTable(root, 'sales', {
      ...orders,
      name: 'visits',
      description: 'Pages',
      columns: [{ name: 'page', type: 'string' }],
    });
  });

  it('finds a table by the words of its columns, comments, description and database', async () => {
    for (const text of ['customer email', 'buyer', 'bought', 'sales orders', 'regi']) {
      expect((await lake.catalog.search(root, { text })).map((hit) => hit.table)[0]).toBe('orders');
    }
    const [hit] = await lake.catalog.search(root, { text: 'email' });
    expect(hit).toMatchObject({ database: 'sales', table: 'orders', format: 'csv', columns: ['customeremail'] });
  });

  it('gives no hit that rests on a column or table the caller may not see', async () => {
    expect(await lake.catalog.search(analyst, { text: 'email' })).toEqual([]);
    expect(await lake.catalog.search(analyst, { text: 'buyer' })).toEqual([]);
    expect(await lake.catalog.search(analyst, { text: 'region' })).toHaveLength(1);
    expect(await lake.catalog.search(stranger, { text: 'orders' })).toEqual([]);
  });

  it('answers nothing to a query without words, and stays bounded on a long one', async () => {
    expect(await lake.catalog.search(root, { text: ' "" * ' })).toEqual([]);
    expect(await lake.catalog.search(root, { text: 'x '.repeat(10_000) })).toEqual([]);
  });
});
