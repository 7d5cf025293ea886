import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import type { CrawlerInput, TableRecord } from '../contract.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = contextOf('root');
const policy = statedPolicy({
  steward: { iam: (action) => action.startsWith('glue:') },
  loader: { iam: true, databases: { lake: ['ALL'] }, createDatabases: true },
});

let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeAll(async () => {
  lake = await testCatalog(policy);
});
afterAll(() => lake.close());
beforeEach(() => lake.files.clear('raw'));
afterEach(async () => {
  for (const crawler of await lake.crawlers.list(root)) await lake.crawlers.delete(root, crawler.name);
  for (const database of await lake.catalog.listDatabases(root)) {
    await lake.catalog.deleteDatabase(root, database.name, { cascade: true });
  }
});

const put = (key: string, body: string | Buffer) => lake.files.objects.put('raw', key, Buffer.from(body as string));
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

async function crawl(changes: Partial<CrawlerInput> = {}, by = root) {
  const name = changes.name ?? 'c';
  const input = {
    name,
    role: by.principal.arn,
    database: 'lake',
    targets: [{ path: 's3://raw/', exclusions: [] }],
    ...changes,
  };
  if ((await lake.crawlers.list(root)).some((crawler) => crawler.name === name)) {
    await lake.crawlers.update(by, name, input);
  } else {
    await lake.crawlers.create(by, input);
  }
  const run = await lake.crawlers.start(by, name);
  return lake.crawlers.wait(run.id, AbortSignal.timeout(20_000));
}

const tables = () => lake.catalog.listTables(root, 'lake');
const types = (table: TableRecord | undefined) =>
  Object.fromEntries((table?.columns ?? []).map((column) => [column.name, column.type]));

const CUSTOMERS =
  'id,name,balance,active,since,postcode\n1,Ada,10.50,true,2020-01-31,01234\n2,"Bo, C.",7,false,2021-12-01,00042\n';

describe('a crawl', () => {
  it('describes delimited text as Glue does', async () => {
    await put('customers/a.csv', CUSTOMERS.replaceAll('"', '').replace('Bo, C.', 'Bo'));
    const run = await crawl();
    expect(run).toMatchObject({ state: 'COMPLETED', phase: 'DONE', objects: 1, tablesCreated: 1, messages: [] });
    const [table] = await tables();
    expect(types(table)).toEqual({
      id: 'bigint',
      name: 'string',
      balance: 'double',
      active: 'boolean',
      since: 'string',
      postcode: 'string',
    });
    expect(table).toMatchObject({
      name: 'customers',
      format: 'csv',
      tableType: 'EXTERNAL_TABLE',
      storage: {
        location: 's3://raw/customers/',
        inputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
        outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
        serdeLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
        serdeParameters: { 'field.delim': ',' },
      },
      parameters: {
        classification: 'csv',
        'skip.header.line.count': '1',
        delimiter: ',',
        compressionType: 'none',
        typeOfData: 'file',
        objectCount: '1',
        recordCount: '2',
        CrawlerSchemaSerializerVersion: '1.0',
        CrawlerSchemaDeserializerVersion: '1.0',
        UPDATED_BY_CRAWLER: 'c',
      },
    });
    expect(Number(table!.parameters.sizeKey)).toBeGreaterThan(80);
    expect(Number(table!.parameters.averageRecordSize)).toBeGreaterThan(20);
  });

  it('makes dated folders partitions of one table, and feeds side by side two tables', async () => {
    for (const day of ['29', '30', '31']) {
      await put(`landing/transactions/2026/01/${day}/part.csv`, 'id,amount\n1,2.5\n2,3.5\n');
    }
    await put('landing/ratings/ratings.json', '{"customerId":1,"rating":"AA"}\n{"customerId":2,"rating":"B"}\n');
    await put('landing/_SUCCESS', 'x');
    const run = await crawl({ targets: [{ path: 's3://raw/landing', exclusions: [] }] });
    expect(run).toMatchObject({ state: 'COMPLETED', objects: 4, tablesCreated: 2, partitionsAdded: 3 });
    const [ratings, transactions] = await tables();
    expect(ratings).toMatchObject({ name: 'ratings', format: 'json', partitionKeys: [] });
    expect(ratings!.storage.serdeParameters).toMatchObject({ 'mapping.customerid': 'customerId' });
    expect(transactions!.partitionKeys).toEqual([0, 1, 2].map((n) => ({ name: `partition_${n}`, type: 'string' })));
    const partitions = await lake.catalog.listPartitions(root, { database: 'lake', table: 'transactions' });
    expect(partitions.map((partition) => partition.values.join('/'))).toEqual([
      '2026/01/29',
      '2026/01/30',
      '2026/01/31',
    ]);
    const plan = await lake.catalog.planTableScan(
      { record: transactions! },
      { predicates: [{ column: 'partition_2', op: '=', values: ['30'] }] },
    );
    expect(plan.files.map((file) => file.key)).toEqual(['landing/transactions/2026/01/30/part.csv']);
  });

  it('reads `key=value` folders as partitions whatever their schema, and keeps the order of their columns', async () => {
    await put('t/region=north%20sea/day=1/a.csv', 'id,amount\n1,2\n2,3\n');
    await put('t/region=south/day=1/a.csv', 'amount,id,extra\n2,1,x\n3,2,y\n');
    await put('t/region=/day=2/a.csv', 'id,amount\n1,2.5\n');
    const run = await crawl();
    expect(run).toMatchObject({ state: 'COMPLETED', tablesCreated: 1, partitionsAdded: 3 });
    const [table] = await tables();
    expect(table!.partitionKeys.map((key) => key.name)).toEqual(['region', 'day']);
    expect(types(table)).toEqual({ id: 'bigint', amount: 'double', extra: 'string' });
    const partitions = await lake.catalog.listPartitions(root, { database: 'lake', table: 't' });
    expect(partitions.map(({ values, columns }) => [values[0], columns?.map((column) => column.name)])).toEqual([
      ['__HIVE_DEFAULT_PARTITION__', undefined],
      ['north sea', undefined],
      ['south', ['amount', 'id', 'extra']],
    ]);
  });

  it('finds nothing to change the second time, and only what is new the third', async () => {
    await put('t/2026/01/a.csv', 'id,amount\n1,2\n');
    await put('t/2026/02/a.csv', 'id,amount\n1,2\n');
    await crawl();
    expect(await crawl()).toMatchObject({ tablesCreated: 0, tablesUpdated: 0, partitionsAdded: 0, state: 'COMPLETED' });
    expect((await tables())[0]!.version).toBe(0);
    await put('t/2026/03/a.csv', 'id,amount,note\n1,2.5,hi\n');
    const third = await crawl();
    expect(third).toMatchObject({ tablesCreated: 0, tablesUpdated: 1, partitionsAdded: 1 });
    expect(third.messages).toEqual(['lake.t changed: added `note` string, `amount` bigint to double.']);
    const [table] = await tables();
    expect(types(table)).toEqual({ id: 'bigint', amount: 'double', note: 'string' });
    expect(table!.version).toBe(1);
  });

  it('keeps comments, descriptions and types that people wrote', async () => {
    await put('t/a.json', '{"id":1,"day":"2026-01-31"}\n');
    await crawl();
    const [made] = await tables();
    await lake.catalog.updateTable(root, 'lake', {
      ...made!,
      description: 'By hand',
      columns: [
        { name: 'id', type: 'bigint', comment: 'the key' },
        { name: 'day', type: 'date' },
      ],
    });
    await put('t/b.json', '{"id":1,"day":"2026-01-31","more":true}\n');
    await crawl();
    const [table] = await tables();
    expect(table).toMatchObject({ description: 'By hand' });
    expect(table!.columns).toEqual([
      { name: 'id', type: 'bigint', comment: 'the key' },
      { name: 'day', type: 'date' },
      { name: 'more', type: 'boolean' },
    ]);
  });

  it('leaves changed tables alone under LOG and says what it saw', async () => {
    await put('t/a.csv', 'id,amount\n1,2\n');
    const schemaChange = { update: 'LOG', delete: 'LOG' } as const;
    await crawl({ schemaChange });
    await put('t/a.csv', 'id,amount,extra\n1,2,x\n');
    const run = await crawl({ schemaChange });
    expect(run.tablesUpdated).toBe(0);
    expect(run.messages[0]).toContain('left as it is (schema change policy LOG): added `extra` string');
    await lake.files.clear('raw');
    await put('u/a.csv', 'x,y\n1,2\n');
    expect((await crawl({ schemaChange })).messages[0]).toContain('lake.t: its data is gone; the table was left');
  });

  it('marks a table deprecated when its data is gone, and takes the mark away when it is back', async () => {
    await put('t/a.csv', 'id,amount\n1,2\n');
    await put('u/a.json', '{"x":1}');
    await crawl();
    await lake.files.objects.delete('raw', 't/a.csv');
    expect(await crawl()).toMatchObject({ tablesDeleted: 1 });
    expect((await tables())[0]!.parameters.DEPRECATED_BY_CRAWLER).toBeDefined();
    expect(await crawl()).toMatchObject({ tablesDeleted: 0 });
    await put('t/a.csv', 'id,amount\n1,2\n');
    expect((await crawl()).messages).toEqual(['lake.t changed: its data is back.']);
    expect((await tables())[0]!.parameters.DEPRECATED_BY_CRAWLER).toBeUndefined();
    await lake.files.objects.delete('raw', 't/a.csv');
    await crawl({ schemaChange: { update: 'UPDATE_IN_DATABASE', delete: 'DELETE_FROM_DATABASE' } });
    expect((await tables()).map((table) => table.name)).toEqual(['u']);
  });

  it('gives a table of the same name elsewhere a hash, and never touches the other', async () => {
    await put('a/orders/x.csv', 'id,amount\n1,2\n');
    await put('b/orders/x.json', '{"other":true}');
    const run = await crawl({ tablePrefix: 'Raw_' });
    expect(run.tablesCreated).toBe(2);
    const names = (await tables()).map((table) => table.name);
    expect(names[0]).toBe('raw_orders');
    expect(names[1]).toMatch(/^raw_orders_[0-9a-f]{32}$/);
    expect((await crawl({ tablePrefix: 'Raw_' })).tablesCreated).toBe(0);
  });

  it('makes files of one folder that are not alike tables of their own', async () => {
    await put('mix/customers.csv', 'id,name\n1,a\n2,b\n');
    await put('mix/rates.csv', 'day,rate,currency\n2026-01-01,1.5,EUR\n');
    await put('mix/events.json', '{"page":"/"}\n');
    await crawl({ targets: [{ path: 's3://raw/mix/', exclusions: [] }] });
    const found = await tables();
    expect(found.map((table) => table.name)).toEqual(['customers_csv', 'events_json', 'rates_csv']);
    const plan = await lake.catalog.planTableScan({ record: found[0]! }, {});
    expect(plan.files.map((file) => file.key)).toEqual(['mix/customers.csv']);
  });

  it('leaves excluded objects out of the crawl and of the table', async () => {
    await put('t/keep/a.csv', 'id,n\n1,2\n');
    await put('t/keep/b.tmp', 'junk');
    await put('t/old/a.csv', 'id,n\n1,2\n');
    await crawl({ targets: [{ path: 's3://raw/t/', exclusions: ['old/**', '**.tmp'] }] });
    const [table] = await tables();
    expect(table!.name).toBe('keep');
    const plan = await lake.catalog.planTableScan({ record: table! }, {});
    expect(plan.files.map((file) => file.key)).toEqual(['t/keep/a.csv']);
  });

  it('leaves objects that no classifier takes out of the table, and says what each classifier saw', async () => {
    await put('t/a.csv', 'id,n\n1,2\n');
    await put('t/README.md', '# About\nNothing here.\n');
    await put('t/logo.png', Buffer.from('\u0089PNG\r\n', 'latin1'));
    const run = await crawl();
    expect(run.messages).toEqual([
      't/README.md: no classifier takes it. parquet, orc, avro, excel: no magic bytes; json: a beginning that is neither `{` nor `[`; xml: a beginning that is no tag; logs: lines of none of alb, elb, combined_apache, apache, nginx_error, syslog5424, syslog; csv: one column with each of comma, pipe, tab, semicolon and Ctrl-A; fixed width: 2 lines; 4 are needed to tell.',
      't/logo.png: no classifier takes it. all: a PNG image, which none of them reads.',
    ]);
    const [table] = await tables();
    const plan = await lake.catalog.planTableScan({ record: table! }, {});
    expect(plan.files.map((file) => file.key)).toEqual(['t/a.csv']);
  });

  it('takes Iceberg, Delta and Hudi tables by their own metadata, and fails where that is broken', async () => {
    await put('ice/data/part.csv', 'id,n\n1,2\n');
    await put('ice/metadata/v1.metadata.json', '{"format-version":2}');
    await put('delta/part.csv', 'id,n\n1,2\n');
    await put('delta/_delta_log/0.json', '{}');
    await put('hudi/part.csv', 'id,n\n1,2\n');
    await put('hudi/.hoodie/x', '1');
    const run = await crawl();
    expect(run).toMatchObject({ state: 'FAILED', tablesCreated: 0 });
    for (const path of ['delta/', 'hudi/', 'ice/']) expect(run.error).toContain(`s3://raw/${path}: `);
  });

  it('reads packed text, sampling no more of it than its bound', async () => {
    const rows = `id,amount\n${Array.from({ length: 200_000 }, (_, n) => `${n},1.5`).join('\n')}\n`;
    await put('gz/a.csv.gz', gzipSync(rows));
    await put('zst/a.json.zst', zstdCompressSync('{"a":1}\n'.repeat(300_000)));
    const run = await crawl();
    const [gz, zst] = await tables();
    expect(gz).toMatchObject({ name: 'gz', parameters: { compressionType: 'gzip' }, storage: { compressed: true } });
    expect(types(gz)).toEqual({ id: 'bigint', amount: 'double' });
    expect(zst).toMatchObject({ name: 'zst', parameters: { compressionType: 'zstd' } });
    expect(run.bytesRead).toBeLessThan(200_000);
    const records = Number(gz!.parameters.recordCount);
    expect(records).toBeGreaterThan(100_000);
    expect(records).toBeLessThan(400_000);
  });

  it('knows a header from a neighbour of the same first row', async () => {
    await put('t/2026/01/a.csv', 'name,city\nAda,Bern\n');
    await put('t/2026/02/a.csv', 'name,city\nBo,Ulm\n');
    await put('u/a.csv', 'Ada,Bern\nBo,Ulm\n');
    await crawl();
    const [t, u] = await tables();
    expect(types(t)).toEqual({ name: 'string', city: 'string' });
    expect(t!.parameters['skip.header.line.count']).toBe('1');
    expect(types(u)).toEqual({ col0: 'string', col1: 'string' });
  });

  it('takes a path without a slash as the one file of that name', async () => {
    await put('one/orders.csv', 'id,n\n1,2\n');
    await put('one/orders.csv.bak', 'no');
    await crawl({ targets: [{ path: 's3://raw/one/orders.csv', exclusions: [] }] });
    const [table] = await tables();
    expect(table).toMatchObject({ name: 'orders_csv', storage: { location: 's3://raw/one/orders.csv' } });
  });

  it('writes nothing when there are more tables than the threshold', async () => {
    await put('a/x.csv', 'id,n\n1,2\n');
    await put('b/x.json', '{"z":1}');
    const run = await crawl({ configuration: '{"Version":1.0,"TableThreshold":1}' });
    expect(run).toMatchObject({ state: 'FAILED', tablesCreated: 0 });
    expect(run.error).toContain('2 tables, more than its threshold of 1');
  });
});

describe('a crawler', () => {
  it('fails naming the action and bucket that whom it acts as may not use', async () => {
    await put('a/x.csv', 'id,n\n1,2\n');
    const run = await crawl({}, contextOf('steward'));
    expect(run).toMatchObject({ state: 'FAILED', error: expect.stringContaining('s3:ListBucket on arn:aws:s3:::raw') });
  });

  it('makes tables as the one it acts as', async () => {
    await put('a/x.csv', 'id,n\n1,2\n');
    await crawl({ role: 'arn:aws:iam::000000000000:user/loader' });
    expect((await tables())[0]!.createdBy).toBe('arn:aws:iam::000000000000:user/loader');
    const { actsAs } = await lake.crawlers.get(root, 'c');
    expect(actsAs).toBe('arn:aws:iam::000000000000:user/loader');
    const passing = crawl({ name: 'd', role: 'arn:aws:iam::000000000000:user/loader' }, contextOf('steward'));
    expect(await codeOf(passing)).toBe('access_denied');
  });

  it('tells what is wrong with its definition', async () => {
    const make = (changes: Partial<CrawlerInput>) =>
      codeOf(
        lake.crawlers.create(root, {
          name: 'x',
          role: 'r',
          database: 'lake',
          targets: [{ path: 's3://raw/', exclusions: [] }],
          ...changes,
        }),
      );
    expect(await make({ name: '' })).toBe('invalid_argument');
    expect(await make({ targets: [] })).toBe('invalid_argument');
    expect(await make({ targets: [{ path: 's3://raw/', exclusions: [], sampleSize: 250 }] })).toBe('invalid_argument');
    expect(await make({ configuration: '{' })).toBe('invalid_argument');
    expect(await make({ schedule: 'every day' })).toBe('invalid_argument');
    expect(await make({ schedule: 'cron(0 12 * * * *)' })).toBe('invalid_argument');
    expect(await make({ targets: [{ kind: 'jdbc', path: 'db/%', exclusions: [] }] })).toBe('invalid_argument');
    expect(
      await make({ recrawl: 'CRAWL_EVENT_MODE', targets: [{ kind: 'delta', path: 's3://raw/', exclusions: [] }] }),
    ).toBe('invalid_argument');
    expect(await make({})).toBe('resolved');
    expect(await make({})).toBe('already_exists');
    expect(await codeOf(lake.crawlers.start(root, 'nothing'))).toBe('not_found');
    expect(await codeOf(lake.crawlers.stop(root, 'x'))).toBe('conflict');
  });

  it('runs once at a time, stops when asked, and lets nobody change it meanwhile', async () => {
    for (let n = 0; n < 3000; n++) await put(`many/${n % 300}/f${n}.csv`, 'id,n\n1,2\n');
    await lake.crawlers.create(root, {
      name: 'c',
      role: root.principal.arn,
      database: 'lake',
      targets: [{ path: 's3://raw/', exclusions: [] }],
    });
    const run = await lake.crawlers.start(root, 'c');
    expect(await codeOf(lake.crawlers.start(root, 'c'))).toBe('concurrent_run');
    expect(await codeOf(lake.crawlers.delete(root, 'c'))).toBe('concurrent_run');
    await lake.crawlers.stop(root, 'c');
    const ended = await lake.crawlers.wait(run.id, AbortSignal.timeout(20_000));
    expect(ended).toMatchObject({ state: 'STOPPED', tablesCreated: 0 });
    expect(await lake.crawlers.get(root, 'c')).toMatchObject({ state: 'READY', lastRun: { state: 'STOPPED' } });
  });

  it.each(['LISTING', 'CLASSIFYING', 'WRITING'])(
    'goes on from %s after a restart and counts nothing twice',
    async (phase) => {
      for (let n = 0; n < 4000; n++) await put(`many/${String(n % 400).padStart(3, '0')}/f${n}.csv`, 'id,n\n1,2\n');
      await lake.crawlers.create(root, {
        name: 'c',
        role: root.principal.arn,
        database: 'lake',
        targets: [{ path: 's3://raw/', exclusions: [] }],
      });
      const run = await lake.crawlers.start(root, 'c');
      for (;;) {
        const [now] = await lake.crawlers.runs(root, 'c');
        if (now!.phase === phase || now!.phase === 'DONE') break;
      }
      await lake.reopen();
      const ended = await lake.crawlers.wait(run.id, AbortSignal.timeout(20_000));
      expect(ended).toMatchObject({
        state: 'COMPLETED',
        objects: 4000,
        folders: 400,
        tablesCreated: 1,
        partitionsAdded: 400,
      });
    },
  );
});
