import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';
import type { QueryExecution } from '../contract.ts';

let lake: QueryLake;
beforeAll(async () => {
  lake = await openQueryLake();
});
afterAll(() => lake.close());

async function run(sql: string, context: RequestContext = lake.root): Promise<QueryExecution> {
  const { queries } = lake.consumption;
  const id = await queries.start(context, { sql, database: 'bank', dialect: 'athena' });
  return queries.wait(id, AbortSignal.timeout(30_000));
}

/** Runs a statement that must succeed; rows it changed. */
async function did(sql: string, context?: RequestContext): Promise<number | undefined> {
  const execution = await run(sql, context);
  expect(execution.stateReason, sql).toBeUndefined();
  expect(execution.state, sql).toBe('SUCCEEDED');
  return execution.rowCount;
}

async function failed(sql: string, context?: RequestContext): Promise<string> {
  const execution = await run(sql, context);
  expect(execution.state, sql).toBe('FAILED');
  return execution.stateReason!;
}

const rows = (sql: string) => lake.rows(lake.root, sql);
async function snapshots(table: string) {
  return lake.catalog.snapshots(lake.root, { database: 'bank', table });
}
async function filesOf(table: string) {
  const { metadata } = await lake.catalog.resolveTable(lake.root, { database: 'bank', table });
  const { objects } = await lake.objects.list('lake', { prefix: `bank/${table}/data/` });
  const plan = await lake.tables.planScan(metadata!, {});
  return { live: plan.files, objects: objects.map(({ key }) => key) };
}

const ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG')";

describe('INSERT INTO an Iceberg table', () => {
  it('appends rows of VALUES and of a query, one snapshot each, and tells how many', async () => {
    await did(
      `CREATE TABLE sales (id bigint, region string, amount decimal(10,2), day date) PARTITIONED BY (region, month(day), bucket(4, id)) ${ICEBERG}`,
    );
    expect(await did("INSERT INTO sales VALUES (1, 'north', 1.50, date '2026-01-31'), (2, NULL, NULL, NULL)")).toBe(2);
    const first = await snapshots('sales');
    expect(await did('INSERT INTO sales (day, id) SELECT day, id + 10 FROM sales')).toBe(2);
    expect(await rows('SELECT * FROM sales ORDER BY id')).toEqual([
      ['1', 'north', '1.50', '2026-01-31'],
      ['2', null, null, null],
      ['11', null, null, '2026-01-31'],
      ['12', null, null, null],
    ]);
    const after = await snapshots('sales');
    expect([first.length, after.length]).toEqual([1, 2]);
  });

  it('names the statement in the snapshot it makes', async () => {
    await did(`CREATE TABLE named (id int) ${ICEBERG}`);
    const execution = await run('INSERT INTO named VALUES 1, 2');
    const [snapshot] = await snapshots('named');
    expect(snapshot!.summary).toMatchObject({ 'loch.run-id': execution.id, 'loch.rows': '2', operation: 'append' });
  });

  it('refuses a wrong number of columns, a wrong type and an unknown column, naming them', async () => {
    await did(`CREATE TABLE typed (id int, name string) ${ICEBERG}`);
    expect(await failed('INSERT INTO typed SELECT 1')).toMatch(/^TYPE_MISMATCH: .*1 columns.*takes 2: id, name/);
    expect(await failed("INSERT INTO typed VALUES ('a', 'b')")).toMatch(/^TYPE_MISMATCH: .*column `id` is INTEGER/);
    expect(await failed('INSERT INTO typed VALUES (1, 2)')).toMatch(/^TYPE_MISMATCH: .*column `name`/);
    expect(await failed("INSERT INTO typed (id, nope) VALUES (1, 'x')")).toMatch(
      /^COLUMN_NOT_FOUND: .*`nope`.*id, name/,
    );
    expect(await did('INSERT INTO typed VALUES (1, NULL)')).toBe(1);
    expect(await snapshots('typed')).toHaveLength(1);
  });

  it('refuses NULL in a required column and leaves nothing behind', async () => {
    await did(`CREATE TABLE strict (id int NOT NULL, name string) ${ICEBERG}`);
    expect(await failed("INSERT INTO strict VALUES (1, 'a'), (NULL, 'b')")).toBe(
      'CONSTRAINT_VIOLATION: NULL value not allowed for NOT NULL column: id. Nothing was written.',
    );
    expect(await snapshots('strict')).toHaveLength(0);
    expect((await filesOf('strict')).objects).toEqual([]);
  });
});

describe('ALTER TABLE … EXECUTE cherry_pick', () => {
  it('brings back what a snapshot appended that a rollback left behind, once', async () => {
    await did(`CREATE TABLE picked (id bigint) ${ICEBERG}`);
    for (const id of [1, 2]) await did(`INSERT INTO picked VALUES (${id})`);
    const [first, second] = await snapshots('picked');
    await lake.catalog.rollbackTable(lake.root, { database: 'bank', table: 'picked' }, first!.snapshotId);
    await did('INSERT INTO picked VALUES (3)');
    expect(await rows('SELECT id FROM picked ORDER BY id')).toEqual([['1'], ['3']]);
    await did(`ALTER TABLE picked EXECUTE cherry_pick('${second!.snapshotId}')`);
    expect(await rows('SELECT id FROM picked ORDER BY id')).toEqual([['1'], ['2'], ['3']]);
    expect(await failed(`ALTER TABLE picked EXECUTE cherry_pick('${second!.snapshotId}')`)).toContain(
      'published already',
    );
  });
});

describe('a table of format version 3', () => {
  it('takes INSERT, which gives row ids, and refuses what would give rows new ones', async () => {
    await did(`CREATE TABLE three (id bigint) ${ICEBERG}`);
    await lake.catalog.commitUpdates(
      lake.root,
      { database: 'bank', table: 'three' },
      {
        requirements: [],
        updates: [{ action: 'upgrade-format-version', 'format-version': 3 }],
      },
    );
    await did('INSERT INTO three VALUES (10)');
    await did('INSERT INTO three VALUES (20)');
    expect(await rows('SELECT id, _row_id FROM three ORDER BY id')).toEqual([
      ['10', '0'],
      ['20', '1'],
    ]);
    for (const sql of ['UPDATE three SET id = 1 WHERE id = 10', 'DELETE FROM three WHERE id = 10']) {
      expect(await failed(sql)).toContain('format version 3');
    }
  });
});

describe('CREATE TABLE AS', () => {
  it('makes an Iceberg table with its rows in one commit of the catalog', async () => {
    const count = await did(
      `CREATE TABLE made WITH (table_type = 'ICEBERG', is_external = false, partitioning = ARRAY['bucket(id, 4)', 'truncate(name, 2)', 'day(ts)'])
       AS SELECT i AS id, 'name' || CAST(i AS varchar) AS name, timestamp '2026-01-01 23:00:00' + i * interval '1' hour AS ts, sum(i) AS total FROM UNNEST(sequence(1, 20)) AS t(i) GROUP BY i`,
    );
    expect(count).toBe(20);
    const table = await lake.catalog.getTable(lake.root, { database: 'bank', table: 'made' });
    expect(table.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id bigint',
      'name string',
      'ts timestamp',
      'total bigint',
    ]);
    expect(await rows('SELECT count(*), sum(id), max(ts) FROM made')).toEqual([['20', '210', '2026-01-02 19:00:00']]);
    expect(await snapshots('made')).toHaveLength(1);
  });

  it('makes tables over files: Parquet, JSON, delimited text, with partitions', async () => {
    for (const format of ['PARQUET', 'JSON', 'TEXTFILE']) {
      const name = `files_${format.toLowerCase()}`;
      const sql = `CREATE TABLE ${name} WITH (format = '${format}', external_location = 's3://lake/out/${name}/', partitioned_by = ARRAY['p']) AS
        SELECT * FROM (VALUES (1, 'a"b', 2.50, 'x/y=1'), (2, NULL, NULL, NULL), (3, '', 0.00, 'z')) AS t(id, name, amount, p)`;
      expect(await did(sql), format).toBe(3);
      expect(await rows(`SELECT id, name, amount, p FROM ${name} ORDER BY id`), format).toEqual([
        ['1', 'a"b', '2.50', 'x/y=1'],
        ['2', null, null, null],
        ['3', '', '0.00', 'z'],
      ]);
      expect(await did(`INSERT INTO ${name} VALUES (4, 'd', 1.00, 'z'), (5, 'e', 1.00, 'new')`), format).toBe(2);
      expect(await rows(`SELECT id, p FROM ${name} WHERE id > 3 ORDER BY id`), format).toEqual([
        ['4', 'z'],
        ['5', 'new'],
      ]);
    }
  });

  it('refuses a place that is not empty, a property it does not know and a name twice', async () => {
    const place = "external_location = 's3://lake/out/files_json/'";
    expect(await failed(`CREATE TABLE again WITH (${place}) AS SELECT 1 AS a`)).toMatch(/^HIVE_PATH_ALREADY_EXISTS: /);
    expect(await failed("CREATE TABLE again WITH (formt = 'JSON') AS SELECT 1 AS a")).toMatch(
      /^INVALID_TABLE_PROPERTY: .*`formt`/,
    );
    expect(await failed("CREATE TABLE again WITH (format = 'ORC') AS SELECT 1 AS a")).toMatch(/^NOT_SUPPORTED: .*ORC/);
    expect(await failed('CREATE TABLE again AS SELECT 1 AS a, 2 AS a')).toMatch(/^DUPLICATE_COLUMN_NAME: /);
    expect(await failed('CREATE TABLE again AS SELECT 1')).toMatch(/^MISSING_COLUMN_NAME: /);
    expect(await failed('CREATE TABLE made AS SELECT 1 AS a')).toMatch(/^ALREADY_EXISTS: /);
    expect(await did('CREATE TABLE IF NOT EXISTS made AS SELECT 1 AS a')).toBe(0);
    expect(await did("CREATE TABLE empty WITH (table_type = 'ICEBERG') AS SELECT 1 AS a WITH NO DATA")).toBe(0);
    expect(await rows('SELECT * FROM empty')).toEqual([]);
  });
});

for (const mode of ['merge-on-read', 'copy-on-write']) {
  describe(`Rows of a table that is written ${mode}`, () => {
    const t = `m_${mode.replaceAll('-', '_')}`;
    const properties = ['delete', 'update', 'merge'].map((verb) => `'write.${verb}.mode' = '${mode}'`).join(', ');

    it('are deleted, changed and merged, one snapshot a statement', async () => {
      await did(
        `CREATE TABLE ${t} (id bigint, name string, part string) PARTITIONED BY (part) TBLPROPERTIES ('table_type' = 'ICEBERG', ${properties})`,
      );
      await did(
        `INSERT INTO ${t} SELECT i, 'n' || CAST(i AS varchar), CASE WHEN i % 2 = 0 THEN 'even' END FROM UNNEST(sequence(1, 10)) AS s(i)`,
      );
      expect(await did(`DELETE FROM ${t} WHERE id IN (1, 2) OR id IN (SELECT id + 2 FROM ${t} WHERE id = 1)`)).toBe(3);
      expect(await did(`UPDATE ${t} AS x SET name = upper(x.name), id = x.id + 100 WHERE x.id >= 9`)).toBe(2);
      expect(
        await did(
          `MERGE INTO ${t} AS t USING (VALUES (4, 'four'), (5, 'five'), (50, 'fifty'), (60, 'no')) AS s(id, name) ON t.id = s.id
           WHEN MATCHED AND s.id = 4 THEN DELETE
           WHEN MATCHED THEN UPDATE SET name = s.name || '!'
           WHEN NOT MATCHED AND s.id < 60 THEN INSERT (id, name) VALUES (s.id, s.name)`,
        ),
      ).toBe(3);
      expect(await rows(`SELECT * FROM ${t} ORDER BY id`)).toEqual([
        ['5', 'five!', null],
        ['6', 'n6', 'even'],
        ['7', 'n7', null],
        ['8', 'n8', 'even'],
        ['50', 'fifty', null],
        ['109', 'N9', null],
        ['110', 'N10', 'even'],
      ]);
      expect(await snapshots(t)).toHaveLength(4);
      const { live } = await filesOf(t);
      expect(live.some((file) => file.deletes.length > 0)).toBe(mode === 'merge-on-read');
    });

    it('go with their files where none is left, and all of them without WHERE', async () => {
      expect(await did(`DELETE FROM ${t} WHERE part = 'even'`)).toBe(3);
      expect((await filesOf(t)).live.map((file) => file.partition.part)).not.toContain('even');
      expect(await did(`DELETE FROM ${t}`)).toBe(4);
      expect((await filesOf(t)).live).toEqual([]);
      expect(await did(`UPDATE ${t} SET name = 'x'`)).toBe(0);
    });

    it('are left alone by a MERGE that meets one row twice', async () => {
      await did(`INSERT INTO ${t} VALUES (1, 'a', 'p'), (2, 'b', 'p')`);
      const before = await snapshots(t);
      const reason = await failed(
        `MERGE INTO ${t} t USING (VALUES (1, 'x'), (1, 'y')) AS s(id, name) ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name`,
      );
      expect(reason).toMatch(
        /^MERGE_TARGET_ROW_MULTIPLE_MATCHES: One MERGE target row matched more than one source row/,
      );
      expect(await snapshots(t)).toEqual(before);
      expect(
        await did(
          `MERGE INTO ${t} t USING (VALUES (1, 'x'), (1, 'x')) AS s(id, name) ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.name, 'q')`,
        ),
      ).toBe(0);
    });

    it('keep their schema as it evolves, and their partitions as those do', async () => {
      await did(`ALTER TABLE ${t} ADD COLUMNS (extra int)`);
      await did(`ALTER TABLE ${t} CHANGE COLUMN name label string`);
      await did(`ALTER TABLE ${t} ADD PARTITION FIELD bucket(2, id)`);
      expect(await did(`UPDATE ${t} SET extra = 7 WHERE label = 'a'`)).toBe(1);
      expect(await did(`DELETE FROM ${t} WHERE label = 'b'`)).toBe(1);
      expect(await rows(`SELECT * FROM ${t}`)).toEqual([['1', 'a', 'p', '7']]);
    });
  });
}
