import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ResolvedTable } from '../../catalog/contract.ts';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';
import { icebergSource, type LocalFile } from './secure/iceberg-source.ts';
import { securedScanSql } from './secure/secured-scan.ts';

let lake: QueryLake;

beforeAll(async () => {
  lake = await openQueryLake();
  await lake.createTable(
    'bank.t',
    [
      { name: 'id', type: 'int' },
      { name: 'name', type: 'string' },
      { name: 's', type: 'struct<x:int,y:string>' },
    ],
    "SELECT i::INTEGER AS id, CASE WHEN i <> 3 THEN 'n' || i END AS name, {'x': i::INTEGER, 'y': 'y' || i} AS s FROM range(6) t(i)",
  );
});
afterAll(() => lake.close());

const NAME = { database: 'bank', table: 't' };
const rows = (sql: string) => lake.rows(lake.root, sql);
const salts = { hash: '', token: '' };

async function parquet(name: string, sql: string, fieldIds: Record<string, number> = {}): Promise<string> {
  const result = await lake.engine.execute(
    {
      sql,
      inputs: [],
      result: {
        kind: 'parquet',
        directory: join(lake.folder, 'made', name),
        ...(Object.keys(fieldIds).length === 0 ? {} : { fieldIds }),
      },
    },
    new AbortController().signal,
  );
  return result.files[0]!.path;
}

/** The rows of a table whose only data file has these deletes. */
async function withDeletes(table: ResolvedTable, deletes: LocalFile['deletes']): Promise<readonly unknown[]> {
  const scan = await lake.catalog.planTableScan(table, {});
  const [file] = scan.files;
  const folder = join(lake.folder, 'open', String(Math.random()));
  await (await import('node:fs/promises')).mkdir(folder, { recursive: true });
  const [path] = await lake.objects.openFiles([file!], folder);
  const location = `s3://${file!.bucket}/${file!.key}`;
  const source = icebergSource(table.metadata!, undefined, [{ path: path!, location, deletes }]);
  const result = await lake.engine.execute(
    {
      sql: `SELECT id FROM (${securedScanSql(source, { kind: 'full' }, salts)}) ORDER BY id`,
      inputs: [path!, ...deletes.map((d) => d.path)],
      result: { kind: 'rows', maxRows: 100 },
    },
    new AbortController().signal,
  );
  return result.rows.map((row) => Number(row[0]));
}

describe('tables of version 3', () => {
  it('give rows of older files the initial default of a column, and row ids only to who names them', async () => {
    await lake.createTable('bank.v3', [{ name: 'id', type: 'int' }], 'SELECT i::INTEGER AS id FROM range(3) t(i)');
    const name = { database: 'bank', table: 'v3' };
    const [schema] = (await lake.catalog.resolveTable(lake.root, name)).metadata!.schemas;
    const added = [
      { id: 2, name: 'kind', required: false, type: 'string', 'initial-default': "it's old" },
      { id: 3, name: 'day', required: false, type: 'date', 'initial-default': '2026-01-31' },
      { id: 4, name: 'amount', required: false, type: 'decimal(9,2)', 'initial-default': '12.50' },
      { id: 5, name: 'raw', required: false, type: 'binary', 'initial-default': '00FF' },
      { id: 6, name: 'nothing', required: false, type: 'unknown' },
      { id: 7, name: 'place', required: false, type: 'geometry(srid:0)' },
    ];
    await lake.catalog.commitUpdates(lake.root, name, {
      requirements: [],
      updates: [
        { action: 'upgrade-format-version', 'format-version': 3 },
        { action: 'add-schema', schema: { ...schema, fields: [...schema!.fields, ...added] } },
        { action: 'set-current-schema', 'schema-id': -1 },
      ],
    });
    expect(await rows('SELECT id, kind, day, amount, hex(raw), nothing FROM bank.v3 WHERE id < 2 ORDER BY id')).toEqual(
      ['0', '1'].map((id) => [id, "it's old", '2026-01-31', '12.50', '00FF', null]),
    );
    expect(await rows('SELECT count(*) FROM bank.v3')).toEqual([['3']]);
    await expect(rows('SELECT * FROM bank.v3')).rejects.toThrow(/`place` of `bank.v3` has the type `geometry/);
    // No commit of version 3 has been made: there are no row ids yet, but every row tells when it changed.
    expect(await rows('SELECT id, _row_id, _last_updated_sequence_number FROM bank.v3 ORDER BY id LIMIT 1')).toEqual([
      ['0', null, '1'],
    ]);
  });
});

describe('deletes', () => {
  it('by position apply to their file only', async () => {
    const table = await lake.catalog.resolveTable(lake.root, NAME);
    const [file] = (await lake.catalog.planTableScan(table, {})).files;
    const own = `s3://${file!.bucket}/${file!.key}`;
    const path = await parquet(
      'positions',
      `SELECT * FROM (VALUES ('${own}', 1::BIGINT), ('${own}', 4::BIGINT), ('s3://lake/other.parquet', 0::BIGINT)) t(file_path, pos)`,
    );
    expect(await withDeletes(table, [{ kind: 'position', path, fieldIds: [] }])).toEqual([0, 2, 3, 5]);
  });

  it('by equality apply to every equal row, NULL equal to NULL', async () => {
    const table = await lake.catalog.resolveTable(lake.root, NAME);
    const path = await parquet('equal', "SELECT * FROM (VALUES ('n2'), (NULL)) t(name)", { name: 2 });
    expect(await withDeletes(table, [{ kind: 'equality', path, fieldIds: [2] }])).toEqual([0, 1, 4, 5]);
    const both = await parquet('both', "SELECT * FROM (VALUES (0::INTEGER, 'n0'), (1::INTEGER, 'other')) t(id, name)", {
      id: 1,
      name: 2,
    });
    expect(await withDeletes(table, [{ kind: 'equality', path: both, fieldIds: [1, 2] }])).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a schema that has changed', () => {
  it('reads old files by field id: added columns NULL, widened ones wide, and time travel as it was', async () => {
    const before = (await lake.catalog.resolveTable(lake.root, NAME)).metadata!['current-snapshot-id']!;
    await lake.catalog.evolveSchema(lake.root, NAME, [
      { name: 'id', type: 'bigint' },
      { name: 'name', type: 'string' },
      { name: 's', type: 'struct<x:int,y:string>' },
      { name: 'added', type: 'date' },
    ]);
    expect(await rows('SELECT id, name, s.y, added FROM t WHERE id = 2')).toEqual([['2', 'n2', 'y2', null]]);
    const described = await lake.consumption.runner.run(
      lake.root,
      { sql: 'SELECT id, added FROM t', dialect: 'duckdb', database: 'bank', result: { kind: 'rows', maxRows: 10 } },
      lake.root.signal,
    );
    expect(described.columns.map((column) => column.type)).toEqual(['BIGINT', 'DATE']);
    const then = await lake.consumption.runner.run(
      lake.root,
      {
        sql: `SELECT * FROM t AT (VERSION => ${before}) ORDER BY id LIMIT 1`,
        dialect: 'duckdb',
        database: 'bank',
        result: { kind: 'rows', maxRows: 10 },
      },
      lake.root.signal,
    );
    expect(then.columns.map((column) => column.name)).toEqual(['id', 'name', 's']);
    expect(then.tables).toMatchObject([{ snapshotId: before }]);
  });

  it('keeps the grants of today when it looks at yesterday', async () => {
    const before = (await lake.catalog.resolveTable(lake.root, NAME)).metadata!['current-snapshot-id']!;
    const user = await lake.user('traveller');
    await lake.governance.grants.createFilter(lake.root, {
      ...NAME,
      filter: 'few',
      expression: 'id < 2',
      include: ['id', 'name'],
      masks: { name: 'null' },
    });
    await lake.governance.grants.grant(lake.root, {
      principal: user.principal.arn,
      resource: { kind: 'filter', ...NAME, filter: 'few' },
      permissions: ['SELECT'],
    });
    expect(await lake.rows(user, `SELECT * FROM t AT (VERSION => ${before}) ORDER BY id`)).toEqual([
      ['0', null],
      ['1', null],
    ]);
  });

  it('of an empty table still has its columns and types', async () => {
    await lake.catalog.createIcebergTable(lake.root, {
      database: 'bank',
      name: 'empty',
      columns: [
        { name: 'a', type: 'decimal(9,3)' },
        { name: 'b', type: 'array<string>' },
      ],
    });
    const outcome = await lake.consumption.runner.run(
      lake.root,
      { sql: 'SELECT * FROM empty', dialect: 'duckdb', database: 'bank', result: { kind: 'rows', maxRows: 10 } },
      lake.root.signal,
    );
    expect(outcome).toMatchObject({
      rows: [],
      columns: [
        { name: 'a', type: 'DECIMAL(9,3)' },
        { name: 'b', type: 'VARCHAR[]' },
      ],
      bytesScanned: 0,
    });
  });
});

describe('data events', () => {
  it('tell who read which columns of what, under which grants, also of refused statements', async () => {
    const auditor = await lake.user('audited');
    await lake.governance.grants.grant(lake.root, {
      principal: auditor.principal.arn,
      resource: { kind: 'columns', ...NAME, include: ['id', 'name'] },
      permissions: ['SELECT'],
    });
    await lake.rows(auditor, 'SELECT name FROM t WHERE id > 1');
    await lake.rows(auditor, "SELECT CAST('x' AS INTEGER) FROM t").catch(() => {});
    await lake.rows(auditor, 'SELECT * FROM nothing_here').catch(() => {});
    await lake.rows(auditor, "SELECT * FROM read_csv('/etc/passwd')").catch(() => {});
    const { events } = await lake.governance.trail.listDataEvents(lake.root, { principal: auditor.principal.arn });
    const told = events
      .filter((event) => event.eventSource === 'athena.amazonaws.com')
      .map(({ eventName, resource, columns, rows: count, errorCode }) => ({
        eventName,
        resource: resource.replace(/^.*:(table|catalog)/, '$1'),
        columns,
        count,
        errorCode,
      }));
    expect(told).toContainEqual({
      eventName: 'ReadTable',
      resource: 'table/bank/t',
      columns: ['id', 'name'],
      count: 4,
      errorCode: undefined,
    });
    expect(told.map((event) => event.errorCode)).toEqual(
      expect.arrayContaining(['type_mismatch', 'table_not_found', 'statement_refused']),
    );
  });
});

describe('nested columns', () => {
  const NESTED = { database: 'bank', table: 'nested' };
  // biome-ignore lint/suspicious/noExplicitAny: schemas are changed member by member.
  const evolve = async (change: (fields: any) => void) => {
    const { metadata } = await lake.catalog.resolveTable(lake.root, NESTED);
    const current = metadata!.schemas.find((schema) => schema['schema-id'] === metadata!['current-schema-id'])!;
    const schema = structuredClone(current);
    change(schema.fields);
    const set = { action: 'set-current-schema', 'schema-id': -1 };
    await lake.catalog.commitUpdates(lake.root, NESTED, {
      requirements: [],
      updates: [{ action: 'add-schema', schema }, set],
    });
    return (await rows('SELECT s, l, m FROM nested'))[0];
  };

  it('are read by their ids at every depth, however they are renamed, widened, dropped and named again', async () => {
    await lake.createTable(
      'bank.nested',
      [
        { name: 's', type: 'struct<x:int,y:string>' },
        { name: 'l', type: 'array<struct<a:int>>' },
        { name: 'm', type: 'map<string,struct<b:int>>' },
      ],
      "SELECT {'x': 7::INTEGER, 'y': 'why'} AS s, [{'a': 3::INTEGER}] AS l, MAP {'k': {'b': 4::INTEGER}} AS m",
    );
    expect(await evolve(([s]) => s.type.fields.push({ id: 50, name: 'z', required: false, type: 'double' }))).toEqual([
      "{'x': 7, 'y': why, 'z': NULL}",
      "[{'a': 3}]",
      "{k={'b': 4}}",
    ]);
    const renamed = await evolve(([s, l, m]) => {
      s.type.fields[0].name = 'renamed';
      s.type.fields[0].type = 'long';
      l.type.element.fields[0].name = 'in list';
      m.type.value.fields[0].name = 'in map';
    });
    expect(renamed).toEqual(["{'renamed': 7, 'y': why, 'z': NULL}", "[{'in list': 3}]", "{k={'in map': 4}}"]);
    // A name that comes back is another column: the old values do not.
    await evolve(([s]) => s.type.fields.splice(1, 1));
    const again = await evolve(([s]) => s.type.fields.push({ id: 51, name: 'y', required: false, type: 'string' }));
    expect(again![0]).toBe("{'renamed': 7, 'z': NULL, 'y': NULL}");
  });
});

describe('files without field ids', () => {
  it('are read by the name mapping of the table, through renames', async () => {
    const name = { database: 'bank', table: 'adopted' };
    const columns = [
      { name: 'id', type: 'int' },
      { name: 'label', type: 'string' },
      { name: 'later', type: 'string' },
    ];
    const mapping = [
      { 'field-id': 1, names: ['id', 'ident'] },
      { 'field-id': 2, names: ['label'] },
    ];
    const { metadata } = await lake.catalog.createIcebergTable(lake.root, {
      ...name,
      name: 'adopted',
      columns,
      properties: { 'schema.name-mapping.default': JSON.stringify(mapping) },
    });
    const path = await parquet('adopted', "SELECT 5::INTEGER AS ident, 'five' AS label, 'hidden' AS later");
    const { size } = await (await import('node:fs/promises')).stat(path);
    await lake.objects.put('lake', 'bank/adopted/data/1.parquet', { adoptFile: path });
    const location = 's3://lake/bank/adopted/data/1.parquet';
    const file = { path: location, format: 'PARQUET' as const, rows: 1, bytes: size, partition: {} };
    await lake.catalog.commitTable(lake.root, name, { kind: 'append', files: [file] });
    // What the mapping does not name is not there, whatever the file calls it.
    expect(await rows('SELECT id, label, later FROM adopted')).toEqual([['5', 'five', null]]);
    const renamed = structuredClone(metadata!.schemas[0]!) as unknown as { fields: { name: string }[] };
    renamed.fields[1]!.name = 'title';
    await lake.catalog.commitUpdates(lake.root, name, {
      requirements: [],
      updates: [
        { action: 'add-schema', schema: renamed },
        { action: 'set-current-schema', 'schema-id': -1 },
      ],
    });
    expect(await rows('SELECT title FROM adopted WHERE id = 5')).toEqual([['five']]);
  });
});
