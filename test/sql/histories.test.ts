/** Random histories of statements, run here and by DuckDB on a table of its own: after each, both hold the same rows. */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openQueryLake, type QueryLake } from '../../src/testing/builders/query-lake.ts';

let lake: QueryLake;
let model: DuckDBConnection;
beforeAll(async () => {
  lake = await openQueryLake();
  model = await (await DuckDBInstance.create(':memory:')).connect();
});
afterAll(async () => {
  model.closeSync();
  await lake.close();
});

async function run(sql: string): Promise<number> {
  const { queries } = lake.consumption;
  const id = await queries.start(lake.root, { sql, database: 'bank', dialect: 'duckdb' });
  const execution = await queries.wait(id, AbortSignal.timeout(60_000));
  expect(execution.stateReason, sql).toBeUndefined();
  return execution.rowCount!;
}

const id = fc.integer({ min: 0, max: 12 });
const word = fc.constantFrom("'a'", "'B'", "'ü''q'", "''", 'NULL', "'%_x'");
const day = fc.constantFrom("DATE '2026-01-31'", "DATE '2026-02-01'", "DATE '1969-12-31'", 'NULL');
const condition = fc.oneof(
  id.map((n) => `id = ${n}`),
  id.map((n) => `id < ${n}`),
  word.map((w) => `name = ${w}`),
  day.map((d) => `day >= ${d}`),
  fc.constant('name IS NULL'),
  fc.constant('id IN (SELECT max(id) FROM t)'),
);
const row = fc.tuple(id, word, day).map((values) => `(${values.join(', ')})`);
const rows = fc.array(row, { minLength: 1, maxLength: 5 });

/** The same text for both. Sources of MERGE have each id once. */
const statement = fc.oneof(
  { weight: 3, arbitrary: rows.map((list) => `INSERT INTO t VALUES ${list.join(', ')}`) },
  { weight: 1, arbitrary: fc.constant('INSERT INTO t (day, id) SELECT day, id + 1 FROM t WHERE id < 5') },
  { weight: 2, arbitrary: condition.map((where) => `DELETE FROM t WHERE ${where}`) },
  { weight: 1, arbitrary: fc.constant('DELETE FROM t WHERE id % 3 = 0 OR name IS NULL') },
  {
    weight: 2,
    arbitrary: fc.tuple(word, condition).map(([w, where]) => `UPDATE t SET name = ${w}, id = id + 1 WHERE ${where}`),
  },
  { weight: 1, arbitrary: day.map((d) => `UPDATE t SET day = ${d} WHERE id > 6`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.uniqueArray(id, { minLength: 1, maxLength: 4 }), word)
      .map(
        ([ids, w]) =>
          `MERGE INTO t USING (VALUES ${ids.map((n) => `(${n}, ${w})`).join(', ')}) AS s(id, name) ON t.id = s.id WHEN MATCHED AND t.name IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)`,
      ),
  },
);
/** Only here: how the table is written changes, its rows do not. */
const change = fc.constantFrom(
  "ALTER TABLE t SET TBLPROPERTIES ('write.delete.mode' = 'copy-on-write', 'write.merge.mode' = 'copy-on-write')",
  "ALTER TABLE t SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read', 'write.update.mode' = 'copy-on-write')",
  'ALTER TABLE t REPLACE PARTITION FIELD day WITH month(day)',
  'ALTER TABLE t WRITE ORDERED BY name',
);

let table = 0;
it('leave the rows that another engine leaves, whatever the mode and the partitioning', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 6, arbitrary: statement }, { weight: 1, arbitrary: change }), {
        minLength: 4,
        maxLength: 9,
      }),
      fc.constantFrom('', 'PARTITIONED BY (day)', 'PARTITIONED BY (day, bucket(3, id), truncate(1, name))'),
      async (history, partitioning) => {
        const name = `h${table++}`;
        await run(
          `CREATE TABLE ${name} (id bigint, name string, day date) ${partitioning} TBLPROPERTIES ('table_type' = 'ICEBERG')`,
        );
        await model.run('CREATE OR REPLACE TABLE t (id BIGINT, name VARCHAR, day DATE)');
        for (const text of history) {
          const sql = text.replace(/\bt\b(?=[ .)]|$)/g, name);
          if (text.startsWith('ALTER')) {
            if (text.includes('REPLACE PARTITION') && (partitioning === '' || (await isMonthly(name)))) continue;
            await run(sql);
            continue;
          }
          const changed = await model.runAndReadAll(text);
          expect(await run(sql), text).toBe(Number(changed.getRowsJson()[0]![0]));
          const ordered = (from: string) => `SELECT id, name, day FROM ${from} ORDER BY ALL NULLS FIRST`;
          const expected = (await model.runAndReadAll(ordered('t'))).getRowsJson();
          expect(await lake.rows(lake.root, ordered(name)), text).toEqual(expected);
        }
      },
    ),
    { numRuns: 8, seed: 20261130 },
  );
}, 240_000);

async function isMonthly(name: string): Promise<boolean> {
  const { metadata } = await lake.catalog.resolveTable(lake.root, { database: 'bank', table: name });
  return metadata!['partition-specs'].some((spec) => spec.fields.some((field) => field.transform === 'month'));
}
