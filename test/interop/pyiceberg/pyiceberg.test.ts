import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type PythonEnvironment, pyicebergEnvironment, runPython } from './environment.ts';
import { openWorkshop, type Workshop } from './table-writer.ts';

interface Answer {
  readonly rows: number;
  readonly files: readonly string[];
  readonly columns: Readonly<
    Record<string, { readonly nulls: number; readonly min?: string; readonly max?: string; readonly sum?: string }>
  >;
}

/** Rows with every type, nulls in all columns but the first, and values that trip bounds. */
const ROWS = `
  SELECT i AS id,
    CASE WHEN i % 7 <> 0 THEN (i % 3 = 0) END AS flag,
    CASE WHEN i % 5 <> 0 THEN (i * 37 % 1000 - 500)::INTEGER END AS small,
    CASE WHEN i % 11 <> 0 THEN (i * 1.5)::FLOAT END AS single,
    CASE WHEN i % 13 <> 0 THEN i * 0.25::DOUBLE - 100 END AS ratio,
    CASE WHEN i % 6 <> 0 THEN ((i * 7919 % 100000) / 100)::DECIMAL(12,2) - 250 END AS amount,
    CASE WHEN i % 9 <> 0 THEN (i::HUGEINT * 123456789012345678)::DECIMAL(38,0) * 1000 - 5 END AS huge,
    CASE WHEN i % 4 <> 0 THEN DATE '1969-06-01' + (i % 200)::INTEGER END AS day,
    CASE WHEN i % 10 <> 0 THEN TIME '00:00:00' + INTERVAL (i * 7919 % 86400) SECOND END AS clock,
    CASE WHEN i % 8 <> 0 THEN TIMESTAMP '1969-12-30 00:00:00' + INTERVAL (i * 977) SECOND + INTERVAL (i) MICROSECOND END AS at,
    CASE WHEN i % 12 <> 0 THEN make_timestamptz((1699900000000000 + i * 97000001)::BIGINT) END AS at_zone,
    CASE WHEN i % 3 <> 0 THEN ['north', 'süd', 'east 🧭', 'a much longer name of a region than fits', ''][i % 5 + 1] END AS region,
    CASE WHEN i % 14 <> 0 THEN encode('bytes ' || i) END AS blob,
    CASE WHEN i % 15 <> 0 THEN {'x': i::INTEGER, 'y': CASE WHEN i % 2 = 0 THEN 'even' END} END AS pair,
    CASE WHEN i % 16 <> 0 THEN [i, i + 1, NULL]::BIGINT[] END AS list,
    CASE WHEN i % 17 <> 0 THEN MAP {'k' || i: i::DOUBLE} END AS map
  FROM range(1, 1001) AS r(i)`;

const COLUMNS = [
  { name: 'id', type: 'bigint', required: true },
  { name: 'flag', type: 'boolean' },
  { name: 'small', type: 'int' },
  { name: 'single', type: 'float' },
  { name: 'ratio', type: 'double' },
  { name: 'amount', type: 'decimal(12,2)' },
  { name: 'huge', type: 'decimal(38,0)' },
  { name: 'day', type: 'date' },
  { name: 'clock', type: 'time' },
  { name: 'at', type: 'timestamp' },
  { name: 'at_zone', type: 'timestamptz' },
  { name: 'region', type: 'string' },
  { name: 'blob', type: 'binary' },
  { name: 'pair', type: 'struct<x:int,y:string>' },
  { name: 'list', type: 'array<bigint>' },
  { name: 'map', type: 'map<string,double>' },
];

/** Filters in pyiceberg's language and in the engine's. */
const FILTERS: readonly (readonly [string, string])[] = [
  ['id < 10', 'id < 10'],
  ['small >= 480', 'small >= 480'],
  ['amount = -170.81', 'amount = -170.81'],
  ['huge > 120000000000000000000', 'huge > 120000000000000000000'],
  ["day <= '1969-06-03'", "day <= DATE '1969-06-03'"],
  ["at < '1970-01-01T00:00:00'", '"at" < TIMESTAMP \'1970-01-01\''],
  ["at_zone >= '2023-11-14T20:00:00+00:00'", "at_zone >= TIMESTAMPTZ '2023-11-14 20:00:00+00'"],
  ["region = 'süd'", "region = 'süd'"],
  ["region = ''", "region = ''"],
  ["region > 'nz'", "region > 'nz'"],
  ["region = 'a much longer name of a region than fits'", "region = 'a much longer name of a region than fits'"],
  ['region is null', 'region IS NULL'],
  ['ratio is not null and ratio < -99', 'ratio < -99'],
  ['flag = true', 'flag'],
];

const PARTITIONS = {
  'no partition': [],
  'identity of text': [{ column: 'region', transform: 'identity' }],
  'day and bucket': [
    { column: 'at', transform: 'day' },
    { column: 'id', transform: 'bucket[4]' },
  ],
  'month, truncate and year': [
    { column: 'day', transform: 'month' },
    { column: 'region', transform: 'truncate[3]' },
    { column: 'at_zone', transform: 'year' },
  ],
  'hour, decimal and date': [
    { column: 'at_zone', transform: 'hour' },
    { column: 'flag', transform: 'identity' },
  ],
  'truncated numbers': [
    { column: 'amount', transform: 'truncate[10000]' },
    { column: 'small', transform: 'truncate[100]' },
  ],
} as const;

describe('pyiceberg', () => {
  let environment: PythonEnvironment;
  let workshop: Workshop;
  beforeAll(async () => {
    environment = await pyicebergEnvironment();
    workshop = await openWorkshop();
  }, 600_000);
  afterAll(() => workshop.close());

  const python = (context: TestContext): string => {
    if ('missing' in environment) return context.skip(environment.missing);
    return environment.python;
  };

  const read = (executable: string, location: string, scans: readonly { filter?: string; snapshot?: string }[]) =>
    runPython<Answer[]>(executable, 'read_table.py', { root: workshop.root, metadata: location, scans });

  async function expectEqual(answer: Answer, sql: string): Promise<void> {
    expect(answer.rows).toBe(Number((await workshop.query(`SELECT count(*) FROM (${sql})`))[0]));
    for (const [name, facts] of Object.entries(answer.columns)) {
      const sum =
        facts.sum === undefined
          ? 'NULL'
          : `CAST(sum("${name}") AS DECIMAL(38,${/\.(\d+)/.exec(facts.sum ?? '')?.[1]?.length ?? 0}))`;
      const [nulls, total] = await workshop.query(`SELECT count(*) - count("${name}"), ${sum} FROM (${sql})`);
      expect([facts.nulls, facts.sum ?? null], name).toEqual([Number(nulls), total]);
    }
  }

  it.for(Object.keys(PARTITIONS) as (keyof typeof PARTITIONS)[])(
    'reads a table partitioned by %s with equal counts, nulls and sums, filtered as well',
    async (kind, context) => {
      const executable = python(context);
      const { format } = workshop;
      const table = format.newTable({
        location: `s3://lake/${kind.replaceAll(/\W+/g, '-')}`,
        schema: format.schemaFromColumns(COLUMNS),
        partition: PARTITIONS[kind],
      });
      const first = await format.stage(
        table,
        { kind: 'append', files: await workshop.write(table, ROWS) },
        { version: 1 },
      );
      const answers = await read(executable, first.metadataLocation!, [{}, ...FILTERS.map(([filter]) => ({ filter }))]);
      await expectEqual(answers[0]!, ROWS);
      for (const [i, [filter, where]] of FILTERS.entries()) {
        const wanted = Number((await workshop.query(`SELECT count(*) FROM (${ROWS}) WHERE ${where}`))[0]);
        expect(answers[i + 1]!.rows, filter).toBe(wanted);
        expect(wanted, `${filter} selects something`).toBeGreaterThan(0);
      }
    },
  );

  it('reads a table after 130 commits, merged manifests, an overwrite of files and an evolved schema', async (context) => {
    const executable = python(context);
    const { format } = workshop;
    const rows = (from: number, to: number) =>
      `SELECT i AS id, (i * 1.25)::DECIMAL(9,2) AS amount, 'r' || i % 3 AS region FROM range(${from}, ${to}) AS r(i)`;
    let metadata = format.newTable({
      location: 's3://lake/many',
      schema: format.schemaFromColumns([
        { name: 'id', type: 'int' },
        { name: 'amount', type: 'decimal(9,2)' },
        { name: 'region', type: 'string' },
      ]),
      partition: [{ column: 'region', transform: 'identity' }],
    });
    const firstFiles = await workshop.write(metadata, rows(0, 90));
    const first = await format.stage(metadata, { kind: 'append', files: firstFiles }, { version: 1 });
    metadata = first.metadata;
    const more = await workshop.write(metadata, rows(90, 93));
    for (let commit = 0; commit < 128; commit++) {
      const files = more.map((file) => ({ ...file, path: file.path.replace('.parquet', `-${commit}.parquet`) }));
      await workshop.copy(more, files);
      metadata = (await format.stage(metadata, { kind: 'append', files })).metadata;
    }
    metadata = format.applyUpdates(
      metadata,
      format.schemaUpdates(metadata, [
        { name: 'region', type: 'string' },
        { name: 'id', type: 'bigint' },
        { name: 'amount', type: 'decimal(12,2)' },
        { name: 'note', type: 'string' },
      ]),
    );
    const replacement = await workshop.write(metadata, `SELECT *, 'new' AS note FROM (${rows(1000, 1010)})`);
    const last = await format.stage(
      metadata,
      { kind: 'replace', operation: 'overwrite', remove: firstFiles.map((file) => file.path), files: replacement },
      { version: 131 },
    );
    const [now, then, filtered] = await read(executable, last.metadataLocation!, [
      {},
      { snapshot: first.snapshotId },
      { filter: "region = 'r1' and id < 95" },
    ]);
    expect(now).toMatchObject({
      rows: 128 * 3 + 10,
      columns: { note: { nulls: 128 * 3 }, id: { sum: String(128 * (90 + 91 + 92) + 10_045) } },
    });
    expect(then).toMatchObject({ rows: 90, columns: { id: { sum: '4005' }, amount: { sum: '5006.25' } } });
    expect(filtered!.rows).toBe(128);
    const plan = await format.planScan(last.metadata, {
      predicates: [
        { column: 'region', op: '=', values: ['r1'] },
        { column: 'id', op: '<', values: ['95'] },
      ],
    });
    expect(plan.files.map((file) => file.path).sort()).toEqual(filtered!.files);
  });

  it('leaves out the rows of our position deletes', async (context) => {
    const executable = python(context);
    const { format } = workshop;
    const table = format.newTable({
      location: 's3://lake/merge-on-read',
      schema: format.schemaFromColumns([{ name: 'id', type: 'bigint' }]),
    });
    const files = await workshop.write(table, 'SELECT i AS id FROM range(100) AS r(i)');
    const base = (await format.stage(table, { kind: 'append', files })).metadata;
    const deletes = await workshop.writePositions(base, files[0]!, [0, 7, 99]);
    const staged = await format.stage(base, { kind: 'delta', files: [], deletes: [deletes] }, { version: 2 });
    const [now, then] = await read(executable, staged.metadataLocation!, [
      {},
      { snapshot: base['current-snapshot-id']! },
    ]);
    expect(now).toMatchObject({ rows: 97, columns: { id: { sum: String(4950 - 106) } } });
    expect(then).toMatchObject({ rows: 100, columns: { id: { sum: '4950' } } });
    const plan = await format.planScan(staged.metadata, {});
    expect(plan.files.map((file) => file.deletes)).toEqual([[{ path: deletes.path, kind: 'position', fieldIds: [] }]]);
  });
});
