import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TableInput } from '../../catalog/contract.ts';
import type { LochError } from '../../core/errors.ts';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';

let lake: QueryLake;

beforeAll(async () => {
  lake = await openQueryLake();
});
afterAll(() => lake.close());

const rows = (sql: string) => lake.rows(lake.root, sql);
const put = (key: string, text: string | Buffer) => lake.objects.put('lake', key, Buffer.from(text));

async function table(
  input: Pick<TableInput, 'name' | 'columns'> & Partial<TableInput>,
  kind: 'csv' | 'json' | 'parquet',
  serde: Record<string, string> = {},
) {
  const classes = {
    csv: 'org.apache.hadoop.hive.serde2.OpenCSVSerde',
    json: 'org.openx.data.jsonserde.JsonSerDe',
    parquet: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
  };
  await lake.catalog.createTable(lake.root, 'bank', {
    tableType: 'EXTERNAL_TABLE',
    storage: { location: `s3://lake/files/${input.name}/`, serdeLibrary: classes[kind], serdeParameters: serde },
    parameters: { classification: kind, ...input.parameters },
    ...input,
  });
}

describe('CSV tables', () => {
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'name', type: 'string' },
    { name: 'day', type: 'date' },
  ];

  it('are read as Athena reads them: header skipped, quotes, short rows padded, what does not convert NULL', async () => {
    await put(
      'files/people/a.csv',
      'id,name,day\n1,"a ""quoted"", name",2026-01-31\n2,"two\nlines",no date\nx,,\n4\n5,long,2026-01-01,more\n',
    );
    await put('files/people/b.csv.gz', gzipSync('id,name,day\n6,gz,2026-02-01\n'));
    await put('files/people/c.csv.zst', zstdCompressSync(Buffer.from('id,name,day\n7,\\N,2026-02-02\n')));
    await put('files/people/_temporary/x.csv', 'id,name,day\n99,hidden,2026-01-01\n');
    await table({ name: 'people', columns }, 'csv', { separatorChar: ',', 'skip.header.line.count': '1' });
    expect(await rows('SELECT * FROM people ORDER BY id NULLS FIRST')).toEqual([
      [null, '', null],
      ['1', 'a "quoted", name', '2026-01-31'],
      ['2', 'two\nlines', null],
      ['4', null, null],
      ['5', 'long', '2026-01-01'],
      ['6', 'gz', '2026-02-01'],
      ['7', null, '2026-02-02'],
    ]);
  });

  it('take values of partitions from the catalog, never from the path', async () => {
    for (let i = 0; i < 40; i++) await put(`files/parts/day=wrong-${i}/a.csv`, `${i}\n`);
    await table(
      {
        name: 'parts',
        columns: [{ name: 'n', type: 'int' }],
        partitionKeys: [
          { name: 'day', type: 'date' },
          { name: 'kind', type: 'string' },
        ],
      },
      'csv',
    );
    await lake.catalog.createPartitions(
      lake.root,
      { database: 'bank', table: 'parts' },
      Array.from({ length: 40 }, (_, i) => ({
        values: [`2026-01-${String(1 + (i % 28)).padStart(2, '0')}`, `o'${i}`],
        location: `s3://lake/files/parts/day=wrong-${i}/`,
        parameters: {},
      })),
    );
    expect(await rows("SELECT n, day, kind FROM parts WHERE day = DATE '2026-01-03' ORDER BY n")).toEqual([
      ['2', '2026-01-03', "o'2"],
      ['30', '2026-01-03', "o'30"],
    ]);
    // More partitions than stand in the SQL as constants.
    expect(await rows('SELECT count(*), sum(n), min(day), max(kind) FROM parts')).toEqual([
      ['40', '780', '2026-01-01', "o'9"],
    ]);
  });

  it('tell the object of a failure, not our path to it', async () => {
    await put('files/broken/a.csv.gz', Buffer.from('this is not gzip'));
    await table({ name: 'broken', columns }, 'csv');
    const error = await rows('SELECT * FROM broken').catch((failed: LochError) => failed);
    expect(String((error as LochError).message)).not.toContain(lake.folder);
  });

  it('are shaped by grants like any table', async () => {
    const user = await lake.user('clerk');
    await lake.governance.grants.createFilter(lake.root, {
      database: 'bank',
      table: 'people',
      filter: 'some',
      expression: 'id > 4',
      exclude: ['day'],
    });
    await lake.governance.grants.grant(lake.root, {
      principal: user.principal.arn,
      resource: { kind: 'filter', database: 'bank', table: 'people', filter: 'some' },
      permissions: ['SELECT'],
    });
    expect(await lake.rows(user, 'SELECT * FROM people ORDER BY id')).toEqual([
      ['5', 'long'],
      ['6', 'gz'],
      ['7', null],
    ]);
  });
});

describe('JSON tables', () => {
  it('give columns by name, nested ones typed, numbers and texts as they are declared', async () => {
    await put(
      'files/events/a.json',
      '{"id": 1, "who": {"name": "a", "tags": ["x", "y"]}, "price": 1.50}\n{"id": "2", "price": "no"}\n\n{"other": 1}\n',
    );
    await table(
      {
        name: 'events',
        columns: [
          { name: 'id', type: 'bigint' },
          { name: 'who', type: 'struct<name:string,tags:array<string>>' },
          { name: 'price', type: 'decimal(8,2)' },
        ],
      },
      'json',
    );
    expect(await rows('SELECT id, who.name, who.tags[2], price FROM events ORDER BY id NULLS LAST')).toEqual([
      ['1', 'a', 'y', '1.50'],
      ['2', null, null, null],
      [null, null, null, null],
    ]);
  });
});

describe('Parquet tables', () => {
  it('fill a column that older files lack with NULL', async () => {
    const write = async (name: string, sql: string) => {
      const result = await lake.engine.execute(
        { sql, inputs: [], result: { kind: 'parquet', directory: `${lake.folder}/w-${name}` } },
        new AbortController().signal,
      );
      await lake.objects.put('lake', `files/facts/${name}.parquet`, { adoptFile: result.files[0]!.path });
    };
    await write('old', 'SELECT 1::INTEGER AS id');
    await write('new', "SELECT 'n' AS note, 2::BIGINT AS id");
    await table(
      {
        name: 'facts',
        columns: [
          { name: 'id', type: 'bigint' },
          { name: 'note', type: 'string' },
        ],
      },
      'parquet',
    );
    expect(await rows('SELECT * FROM facts ORDER BY id')).toEqual([
      ['1', null],
      ['2', 'n'],
    ]);
  });
});

describe('views', () => {
  it('read with the rights of the caller, and are shaped themselves', async () => {
    await lake.createTable(
      'bank.base',
      [
        { name: 'id', type: 'bigint' },
        { name: 'secret', type: 'string' },
      ],
      "SELECT 1::BIGINT AS id, 'HIDDEN' AS secret",
    );
    const view = (name: string, text: string, columns: { name: string; type: string }[]) =>
      lake.catalog.createTable(lake.root, 'bank', {
        name,
        tableType: 'VIRTUAL_VIEW',
        columns,
        viewText: text,
        parameters: { 'loch.dialect': 'duckdb' },
      });
    await view('v1', 'SELECT id, secret FROM base', [
      { name: 'a', type: 'bigint' },
      { name: 'b', type: 'string' },
    ]);
    await view('v2', 'WITH v1 AS (SELECT * FROM v1) SELECT a + 1 AS a FROM v1', [{ name: 'a', type: 'bigint' }]);
    expect(await rows('SELECT a, b FROM v1')).toEqual([['1', 'HIDDEN']]);
    expect(await rows('SELECT * FROM v2')).toEqual([['2']]);
    const user = await lake.user('viewer');
    const granted = async (name: string) =>
      lake.governance.grants.grant(lake.root, {
        principal: user.principal.arn,
        resource: { kind: 'table', database: 'bank', table: name },
        permissions: ['SELECT'],
      });
    await granted('v1');
    // The view alone is not enough: what it reads must be his as well.
    await expect(lake.rows(user, 'SELECT a FROM v1')).rejects.toMatchObject({ code: 'table_not_found' });
    await granted('base');
    expect(await lake.rows(user, 'SELECT a FROM v1')).toEqual([['1']]);
  });

  it('that stand on themselves are refused', async () => {
    await lake.catalog.createTable(lake.root, 'bank', {
      name: 'loop',
      tableType: 'VIRTUAL_VIEW',
      columns: [{ name: 'a', type: 'bigint' }],
      viewText: 'SELECT a FROM loop',
      parameters: { 'loch.dialect': 'duckdb' },
    });
    await expect(rows('SELECT * FROM loop')).rejects.toMatchObject({ code: 'limit_exceeded' });
  });
});
