import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import type { LakePermission } from '../../governance/contract.ts';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';
import type { QueryExecution } from '../contract.ts';

let lake: QueryLake;
beforeAll(async () => {
  lake = await openQueryLake();
  await did("CREATE TABLE t (id int, name string) TBLPROPERTIES ('table_type' = 'ICEBERG')");
  await did("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  await did(
    "CREATE EXTERNAL TABLE f (id int) PARTITIONED BY (p string) STORED AS PARQUET LOCATION 's3://lake/bank/f/'",
  );
  await did('CREATE VIEW v AS SELECT id FROM t');
});
afterAll(() => lake.close());

async function run(sql: string, context: RequestContext = lake.root): Promise<QueryExecution> {
  const { queries } = lake.consumption;
  const id = await queries.start(context, { sql, database: 'bank', dialect: 'athena' });
  return queries.wait(id, AbortSignal.timeout(30_000));
}

async function did(sql: string, context?: RequestContext): Promise<number | undefined> {
  const execution = await run(sql, context);
  expect(execution.stateReason, sql).toBeUndefined();
  return execution.rowCount;
}

const grant = (who: RequestContext, permissions: readonly LakePermission[], table = 't') =>
  lake.governance.grants.grant(lake.root, {
    principal: who.principal.arn,
    resource: { kind: 'table', database: 'bank', table },
    permissions: [...permissions],
  });

/** Every statement that changes something, with what it needs of whom. */
const STATEMENTS: readonly string[] = [
  "INSERT INTO t VALUES (9, 'x')",
  'DELETE FROM t WHERE id = 1',
  'DELETE FROM t',
  "UPDATE t SET name = 'x'",
  "MERGE INTO t USING (VALUES (1)) AS s(id) ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = 'x'",
  "INSERT INTO f VALUES (1, 'p')",
  'CREATE TABLE other AS SELECT 1 AS a',
  "CREATE TABLE other WITH (table_type = 'ICEBERG') AS SELECT 1 AS a",
  "CREATE TABLE other (a int) TBLPROPERTIES ('table_type' = 'ICEBERG')",
  "CREATE EXTERNAL TABLE other (a int) LOCATION 's3://lake/other/'",
  'CREATE VIEW other AS SELECT 1 AS a',
  'CREATE OR REPLACE VIEW v AS SELECT 1 AS a',
  'CREATE DATABASE other',
  "ALTER DATABASE bank SET DBPROPERTIES ('a' = 'b')",
  'DROP DATABASE bank CASCADE',
  'ALTER TABLE t ADD COLUMNS (x int)',
  'ALTER TABLE t DROP COLUMN name',
  'ALTER TABLE t CHANGE COLUMN name other string',
  "ALTER TABLE t SET TBLPROPERTIES ('write.delete.mode' = 'copy-on-write')",
  'ALTER TABLE t ADD PARTITION FIELD id',
  'ALTER TABLE t WRITE ORDERED BY id',
  'ALTER TABLE t RENAME TO other',
  'ALTER TABLE t CREATE BRANCH b',
  'ALTER TABLE t CREATE TAG b',
  "ALTER TABLE f ADD PARTITION (p = 'x')",
  "ALTER TABLE f DROP PARTITION (p = 'x')",
  'MSCK REPAIR TABLE f',
  'DROP TABLE t',
  'DROP TABLE f',
  'DROP VIEW v',
];

describe('A statement that changes something', () => {
  it('is refused to who may read the tables and nothing else, and changes nothing', async () => {
    const reader = await lake.user('reader');
    for (const table of ['t', 'f', 'v']) await grant(reader, ['SELECT', 'DESCRIBE'], table);
    const state = async () => ({
      tables: (await lake.catalog.listTables(lake.root, 'bank')).map(({ name, version }) => [name, version]),
      databases: (await lake.catalog.listDatabases(lake.root)).map(({ name }) => name),
    });
    const before = await state();
    for (const sql of STATEMENTS) {
      const execution = await run(sql, reader);
      expect(execution.state, sql).toBe('FAILED');
      expect(execution.stateReason, sql).toMatch(/^PERMISSION_DENIED: /);
    }
    expect(await state()).toEqual(before);
  });

  it('says of a table that is hidden what it says of none', async () => {
    const stranger = await lake.user('stranger');
    const hidden = await run("INSERT INTO t VALUES (1, 'x')", stranger);
    const missing = await run("INSERT INTO none VALUES (1, 'x')", stranger);
    expect(hidden.stateReason!.replaceAll('bank.t', 'X')).toBe(missing.stateReason!.replaceAll('bank.none', 'X'));
  });

  it('needs nothing but INSERT to append, reads its sources through their filters, and takes masks as they are', async () => {
    const writer = await lake.user('writer');
    await did("CREATE TABLE secrets (id int, code string) TBLPROPERTIES ('table_type' = 'ICEBERG')");
    await did("INSERT INTO secrets VALUES (1, 'one'), (2, 'two')");
    await lake.governance.grants.createFilter(lake.root, {
      database: 'bank',
      table: 'secrets',
      filter: 'first',
      expression: 'id = 1',
      exclude: [],
    });
    await lake.governance.grants.grant(lake.root, {
      principal: writer.principal.arn,
      resource: { kind: 'filter', database: 'bank', table: 'secrets', filter: 'first' },
      permissions: ['SELECT'],
    });
    await grant(writer, ['INSERT', 'DESCRIBE']);
    expect(await did('INSERT INTO t SELECT id + 100, code FROM secrets', writer)).toBe(1);
    expect(await lake.rows(lake.root, 'SELECT * FROM t WHERE id > 100')).toEqual([['101', 'one']]);
  });

  it('changes no row for who sees the table through a filter, and says what he needs', async () => {
    const clerk = await lake.user('clerk');
    await lake.governance.grants.createFilter(lake.root, {
      database: 'bank',
      table: 't',
      filter: 'small',
      expression: 'id < 3',
      exclude: [],
    });
    await lake.governance.grants.grant(lake.root, {
      principal: clerk.principal.arn,
      resource: { kind: 'filter', database: 'bank', table: 't', filter: 'small' },
      permissions: ['SELECT'],
    });
    await grant(clerk, ['INSERT', 'DELETE']);
    for (const sql of STATEMENTS.slice(1, 5)) {
      const { stateReason } = await run(sql, clerk);
      expect(stateReason, sql).toMatch(/^PERMISSION_DENIED: .*through a filter.*need SELECT on the whole table/);
    }
    expect(await lake.rows(lake.root, 'SELECT count(*) FROM t')).toEqual([['4']]);
    expect(await did("INSERT INTO t VALUES (7, 'seven')", clerk)).toBe(1);
  });

  it('may be one that only deletes, or only inserts', async () => {
    const eraser = await lake.user('eraser');
    await grant(eraser, ['SELECT', 'DELETE']);
    expect(await did('DELETE FROM t WHERE id = 7', eraser)).toBe(1);
    expect((await run("UPDATE t SET name = 'x'", eraser)).stateReason).toMatch(/^PERMISSION_DENIED: /);
    expect((await run("INSERT INTO t VALUES (1, 'x')", eraser)).stateReason).toMatch(/^PERMISSION_DENIED: /);
  });
});
