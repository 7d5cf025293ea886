import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LochError } from '../../src/core/errors.ts';
import { openQueryLake, type QueryLake } from '../../src/testing/builders/query-lake.ts';

const ROOT = join(import.meta.dirname, 'delta');
type Row = Readonly<Record<string, unknown>>;
const readJson = <T>(name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8')) as T;
const golden = readJson<Record<string, { version: number; rows: Row[]; past?: Record<string, Row[]> }>>('rows.json');
const bySpark = readJson<Record<string, Row[]>>('spark-rows.json');

let lake: QueryLake;
beforeAll(async () => {
  lake = await openQueryLake();
  for (const name of [...Object.keys(golden), ...Object.keys(bySpark)]) await load(name, name);
  await lake.crawlers.create(lake.root, {
    name: 'delta',
    role: lake.root.principal.arn,
    database: 'bank',
    targets: [{ kind: 'delta', path: 's3://lake/delta/', exclusions: [] }],
  });
  const run = await lake.crawlers.start(lake.root, 'delta');
  const ended = await lake.crawlers.wait(run.id, AbortSignal.timeout(60_000));
  expect(ended).toMatchObject({ state: 'COMPLETED', tablesCreated: 9 });
});
afterAll(() => lake.close());

async function load(name: string, as: string) {
  for (const entry of readdirSync(join(ROOT, name), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    await lake.objects.put('lake', `delta/${as}/${path.slice(join(ROOT, name).length + 1)}`, readFileSync(path));
  }
}

/** The rows as objects, in the order of the golden ones. */
async function rowsOf(sql: string): Promise<Row[]> {
  const { runner } = lake.consumption;
  const outcome = await runner.run(
    lake.root,
    { sql, dialect: 'duckdb', database: 'bank', result: { kind: 'rows', maxRows: 100_000 } },
    lake.root.signal,
  );
  const names = outcome.columns.map((column) => column.name);
  return (outcome.rows ?? []).map((row) => Object.fromEntries(row.map((value, i) => [names[i]!, value])));
}

/** Values as both sides can spell them. */
const text = (value: unknown): unknown => (value === null || value === undefined ? null : String(value));
const spelled = (rows: readonly Row[], columns: readonly string[]) =>
  rows
    .map((row) => {
      const folded = Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value]));
      return JSON.stringify(columns.map((column) => text(folded[column])));
    })
    .sort();

describe('a Delta table of delta-rs', () => {
  it('has the columns and types of its log', async () => {
    const table = await lake.catalog.getTable(lake.root, { database: 'bank', table: 'types' });
    expect(table).toMatchObject({ format: 'delta', parameters: { table_type: 'DELTA', classification: 'delta' } });
    expect(table.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id bigint',
      'i int',
      's smallint',
      'b tinyint',
      'f float',
      'd double',
      't string',
      'ok boolean',
      'bin binary',
      'day date',
      'at timestamptz',
      'local timestamp',
      'price decimal(12,2)',
      'tags array<string>',
      'at_home struct<street:string,no:int>',
    ]);
  });

  it('gives the rows that delta-rs reads, every type', async () => {
    const columns = ['id', 'i', 's', 'b', 'f', 'd', 't', 'ok', 'day', 'price'];
    const ours = await rowsOf(`SELECT ${columns.join(', ')} FROM types`);
    expect(spelled(ours, columns)).toEqual(spelled(golden.types!.rows, columns));
    const rest = await rowsOf(
      "SELECT hex(bin) AS bin, strftime(\"at\" AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f') AS moment, strftime(local, '%Y-%m-%d %H:%M:%S.%f') AS wall, len(tags) AS n, at_home.street AS street, at_home.no AS no FROM types WHERE id = 1",
    );
    const [, row] = golden.types!.rows.map((one) => one).sort((a, b) => Number(b.id) - Number(a.id));
    expect(rest.map((one) => ({ ...one, bin: String(one.bin).toLowerCase() }))).toEqual([
      { bin: row!.bin, moment: row!.at, wall: row!.local, n: '2', street: 'Main', no: '7' },
    ]);
  });

  it('takes partition values from the log and prunes by them', async () => {
    const columns = ['id', 'day', 'shop'];
    expect(spelled(await rowsOf('SELECT * FROM partitioned'), columns)).toEqual(
      spelled(golden.partitioned!.rows, columns),
    );
    const table = await lake.catalog.resolveTable(lake.root, { database: 'bank', table: 'partitioned' });
    expect(table.record.partitionKeys.map((key) => `${key.name} ${key.type}`)).toEqual(['day date', 'shop string']);
    const plan = await lake.catalog.planTableScan(table, {
      predicates: [{ column: 'day', op: '=', values: ['2026-01-03'] }],
    });
    expect(plan.files.length).toBeGreaterThan(0);
    expect(plan.files.length).toBeLessThan(plan.totalFiles);
    expect(plan.files.every((file) => file.partition.day === '2026-01-03')).toBe(true);
  });

  it('reads past its checkpoint, and columns that were added later', async () => {
    const columns = ['n', 'extra'];
    expect(spelled(await rowsOf('SELECT * FROM checkpointed'), columns)).toEqual(
      spelled(golden.checkpointed!.rows, columns),
    );
  });

  it.each(
    Object.entries(golden).flatMap(([name, { past = {} }]) =>
      Object.keys(past).map((version) => [name, version] as const),
    ),
  )('%s travels to version %s', async (name, version) => {
    const rows = golden[name]!.past![version]!;
    const columns = Object.keys(rows[0]!);
    expect(spelled(await rowsOf(`SELECT * FROM ${name} AT (VERSION => ${version})`), columns)).toEqual(
      spelled(rows, columns),
    );
  });

  /** When a version was committed, by its log. **Units**: milliseconds. */
  const committedAt = (name: string, version: number): number => {
    const commit = readFileSync(join(ROOT, name, '_delta_log', `${String(version).padStart(20, '0')}.json`), 'utf8');
    return Number(/"commitInfo":\{"timestamp":(\d+)/.exec(commit)![1]);
  };
  const at = (ms: number) => `AT (TIMESTAMP => '${new Date(ms).toISOString()}')`;

  it.each(
    Object.entries(golden).flatMap(([name, { past = {} }]) =>
      Object.keys(past).map((version) => [name, Number(version)] as const),
    ),
  )('%s travels to when version %s was the newest', async (name, version) => {
    const rows = golden[name]!.past![version]!;
    const columns = Object.keys(rows[0]!);
    const [from, until] = [committedAt(name, version), committedAt(name, version + 1)];
    expect(until).toBeGreaterThan(from);
    for (const ms of [from, until - 1]) {
      expect(spelled(await rowsOf(`SELECT * FROM ${name} ${at(ms)}`), columns)).toEqual(spelled(rows, columns));
    }
  });

  it('says that a time is before its log', async () => {
    const early = `SELECT * FROM checkpointed ${at(committedAt('checkpointed', 0) - 1)}`;
    const error = await rowsOf(early).catch((caught: LochError) => caught);
    expect(error).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('its log begins later') });
  });

  it('says which versions there are when asked for another', async () => {
    const error = await rowsOf('SELECT * FROM types AT (VERSION => 7)').catch((caught: LochError) => caught);
    expect(error).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('its newest is 0') });
  });
});

describe('a Delta table of Spark', () => {
  it.each(Object.keys(bySpark))('%s gives the rows that Spark reads', async (name) => {
    const rows = bySpark[name]!;
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => column !== 'nested');
    expect(spelled(await rowsOf(`SELECT * FROM ${name}`), columns)).toEqual(spelled(rows, columns));
  });

  it('gives renamed nested fields under their new names', async () => {
    const rows = await rowsOf(
      'SELECT "the id" AS id, nested.b AS b, nested.list[1].y AS y, area, note FROM mapped_by_name ORDER BY 1',
    );
    expect(rows).toEqual([
      { id: '1', b: '1', y: 'one', area: 'p', note: null },
      { id: '2', b: null, y: null, area: 'q', note: '5' },
    ]);
  });

  it('holds grants as any table', async () => {
    const ana = await lake.user('ana');
    const { grants } = lake.governance;
    await grants.grant(lake.root, {
      principal: ana.principal.arn,
      resource: { kind: 'columns', database: 'bank', table: 'deleted', include: ['id'] },
      permissions: ['SELECT'],
    });
    expect(await lake.rows(ana, 'SELECT count(*), min(id) FROM deleted')).toEqual([
      [String(bySpark.deleted!.length), '2'],
    ]);
    await expect(lake.rows(ana, 'SELECT name FROM deleted')).rejects.toMatchObject({ code: 'column_not_found' });
    await expect(lake.rows(ana, 'SELECT * FROM types')).rejects.toMatchObject({ code: 'table_not_found' });
  });
});

describe('a Delta table that is not read', () => {
  const log = (...actions: object[]) => actions.map((action) => JSON.stringify(action)).join('\n');
  const schemaString = JSON.stringify({ type: 'struct', fields: [{ name: 'a', type: 'long', metadata: {} }] });
  const metaData = { id: 'x', schemaString, partitionColumns: [], configuration: {} };
  const make = async (name: string, files: Record<string, string>) => {
    for (const [path, body] of Object.entries(files)) {
      await lake.objects.put('lake', `odd/${name}/${path}`, Buffer.from(body));
    }
    return lake.catalog
      .createTable(lake.root, 'bank', {
        name,
        columns: [],
        storage: { location: `s3://lake/odd/${name}`, serdeParameters: {} },
        parameters: { table_type: 'DELTA' },
      })
      .then(
        () =>
          rowsOf(`SELECT * FROM ${name}`).then(
            () => 'read',
            (error: LochError) => `${error.code}: ${error.message}`,
          ),
        (error: LochError) => `${error.code}: ${error.message}`,
      );
  };
  const first = '_delta_log/00000000000000000000.json';

  it('needs a feature that Loch does not have', async () => {
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors', 'variantType', 'catalogManaged'],
    };
    expect(await make('feature', { [first]: log({ protocol }, { metaData }) })).toMatch(
      /^unsupported: .*features variantType, catalogManaged/,
    );
    const newer = { protocol: { minReaderVersion: 4, minWriterVersion: 8 } };
    expect(await make('newer', { [first]: log(newer, { metaData }) })).toMatch(/^unsupported: .*reader version 4/);
  });

  it('names files outside of itself', async () => {
    const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
    for (const [n, path] of [
      's3://lake/bank/secret.parquet',
      '../../bank/secret.parquet',
      '%2e%2e/secret.parquet',
    ].entries()) {
      const add = { path, size: 1, partitionValues: {}, modificationTime: 0, dataChange: true };
      expect(await make(`outside${n}`, { [first]: log({ protocol }, { metaData }, { add }) })).toMatch(
        /^unsupported: .*lies outside of the table/,
      );
    }
  });

  it('has a log with a gap, or no log, or one that is broken', async () => {
    const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
    const third = '_delta_log/00000000000000000002.json';
    const gap = { [first]: log({ protocol }, { metaData }), [third]: log({ commitInfo: {} }) };
    expect(await make('gap', gap)).toMatch(/^data_corrupt: .*lacks the commit 1/);
    expect(await make('nolog', { 'a.parquet': 'x' })).toMatch(/^not_found: .*no Delta table/);
    expect(await make('broken', { [first]: '{"protocol":' })).toMatch(/^data_corrupt: /);
  });
});
