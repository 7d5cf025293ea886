import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LochError } from '../../src/core/errors.ts';
import { openQueryLake, type QueryLake } from '../../src/testing/builders/query-lake.ts';

const ROOT = join(import.meta.dirname, 'hudi');
type Row = Readonly<Record<string, unknown>>;
const goldenOf = (version: string) =>
  JSON.parse(readFileSync(join(ROOT, `rows-v${version}.json`), 'utf8')) as Record<
    string,
    { first: Row[]; rows: Row[] }
  >;
const golden = { ...goldenOf('6'), ...goldenOf('8') };

let lake: QueryLake;
let messages: string;
beforeAll(async () => {
  lake = await openQueryLake();
  for (const name of Object.keys(golden)) await load(name);
  await lake.crawlers.create(lake.root, {
    name: 'hudi',
    role: lake.root.principal.arn,
    database: 'bank',
    targets: [{ kind: 'hudi', path: 's3://lake/hudi/', exclusions: [] }],
  });
  const run = await lake.crawlers.start(lake.root, 'hudi');
  const ended = await lake.crawlers.wait(run.id, AbortSignal.timeout(60_000));
  messages = JSON.stringify([ended.state, ended.error, ended.messages]);
});
afterAll(() => lake.close());

async function load(name: string) {
  for (const entry of readdirSync(join(ROOT, name), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    await lake.objects.put('lake', `hudi/${name}/${path.slice(join(ROOT, name).length + 1)}`, readFileSync(path));
  }
}

const COLUMNS = ['id', 'name', 'price', 'ts', 'day'];
const rowsOf = (table: string) =>
  lake.rows(lake.root, `SELECT id, name, CAST(price AS DOUBLE), ts, day FROM ${table} ORDER BY id`);
const spelled = (rows: readonly (readonly unknown[])[] | undefined) =>
  (rows ?? []).map((row) =>
    row.map((value, i) => (value === null ? null : i === 2 ? String(Number(value)) : String(value))),
  );
const wanted = (rows: readonly Row[]) =>
  rows.map((row) => COLUMNS.map((column) => (row[column] === undefined ? null : String(row[column]))));

describe.each(['cow_v6', 'cow_v8'])('the copy-on-write table %s', (name) => {
  it('gives the rows that Hudi reads: updated, deleted, and replaced file groups gone', async () => {
    expect(spelled(await rowsOf(name))).toEqual(wanted(golden[name]!.rows));
  });

  it('has the columns of its last commit, and Hudi’s own before them', async () => {
    const table = await lake.catalog.getTable(lake.root, { database: 'bank', table: name });
    expect(table).toMatchObject({ format: 'hudi', parameters: { table_type: 'HUDI' } });
    expect(table.columns.map((column) => column.type).slice(5)).toEqual([
      'bigint',
      'string',
      'decimal(10,2)',
      'bigint',
      'string',
    ]);
    expect(table.columns[0]!.name).toBe('_hoodie_commit_time');
  });

  it('travels to an earlier instant, and sees nothing in flight', async () => {
    const times = (await lake.rows(lake.root, `SELECT min(_hoodie_commit_time) FROM ${name}`))!;
    const first = String(times[0]![0]);
    expect(spelled(await rowsOf(`${name} AT (VERSION => '${first}')`))).toEqual(wanted(golden[name]!.first));
    const [, before] = await lake
      .rows(lake.root, `SELECT _hoodie_file_name FROM ${name} LIMIT 2`)
      .then((rows) => rows!);
    const file = String(before![0]);
    const path = (await lake.objects.list('lake', { prefix: `hudi/${name}/`, maxKeys: 1000 })).objects.find((one) =>
      one.key.endsWith(file),
    )!;
    const later = path.key.replace(/_\d{17}\.parquet$/, '_20991231235959999.parquet');
    await lake.objects.put('lake', later, Buffer.from('half a file'));
    expect(spelled(await rowsOf(name))).toEqual(wanted(golden[name]!.rows));
  });
});

describe('a merge-on-read table', () => {
  it.each(['mor_v6', 'mor_v8'])('%s is registered by its read-optimised view alone', async (name) => {
    const table = await lake.catalog.getTable(lake.root, { database: 'bank', table: `${name}_ro` });
    expect(table.parameters).toMatchObject({ 'hoodie.query.as.ro.table': 'true' });
    // The update of the first row lies in a log file; the new one is in a base file.
    const rows = spelled(await rowsOf(`${name}_ro`));
    expect(rows.find(([id]) => id === '1')).toEqual(['1', 'n1', '0.25', '1', '2026-01-02']);
    expect(rows).toHaveLength(golden[name]!.rows.length);
    expect(messages).toContain('MERGE_ON_READ');
  });

  it('is refused by name as a snapshot', async () => {
    const input = { columns: [], storage: { location: 's3://lake/hudi/mor_v6', serdeParameters: {} } };
    const error = await lake.catalog
      .createTable(lake.root, 'bank', { ...input, name: 'rt', parameters: { table_type: 'HUDI' } })
      .catch((caught: LochError) => caught);
    expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('MERGE_ON_READ') });
  });
});

it('refuses a table version that is not read, and a place that is no table', async () => {
  const make = (name: string) =>
    lake.catalog
      .createTable(lake.root, 'bank', {
        name,
        columns: [],
        storage: { location: `s3://lake/odd/${name}`, serdeParameters: {} },
        parameters: { table_type: 'HUDI' },
      })
      .then(
        () => 'made',
        (error: LochError) => `${error.code}: ${error.message}`,
      );
  await lake.objects.put('lake', 'odd/nine/.hoodie/hoodie.properties', Buffer.from('hoodie.table.version=9\n'));
  expect(await make('nine')).toMatch(/^unsupported: .*table version 9; read are 6 and 8/);
  expect(await make('nothing')).toMatch(/^not_found: .*no Hudi table/);
});
