import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestProcessing } from '../../testing/builders/test-processing.ts';
import type { JobDefinition } from '../contract.ts';

type Lake = Awaited<ReturnType<typeof openTestProcessing>>;
let lake: Lake;
beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'curated', locationUri: 's3://lake/curated/' });
});
afterAll(() => lake.close());

const sqlJob = (name: string, sql: string, more: Partial<JobDefinition> = {}): JobDefinition =>
  ({
    kind: 'sql',
    name,
    sql,
    dialect: 'duckdb',
    target: { database: 'curated', table: name },
    mode: 'overwrite',
    ...more,
  }) as JobDefinition;

async function run(definition: JobDefinition) {
  await lake.jobs.put(lake.root, definition);
  const { id } = await lake.jobs.start(lake.root, definition.name);
  return lake.jobs.wait(id, lake.root.signal);
}

describe('a SQL job', () => {
  it('makes its target from the types of the result and replaces the content with each run', async () => {
    const sql = `SELECT i AS id, 'n' || i AS name, DATE '2026-01-01' + i::INTEGER AS day, i * 1.5 AS share, i % 2 = 0 AS even
      FROM range(5) t(i);`;
    const first = await run(sqlJob('things', sql));
    expect(first).toMatchObject({ state: 'SUCCEEDED', counts: { rowsIn: 5, rowsCommitted: 5 } });
    expect((await lake.catalog.getTable(lake.root, { database: 'curated', table: 'things' })).columns).toMatchObject([
      { name: 'id', type: 'bigint' },
      { name: 'name', type: 'string' },
      { name: 'day', type: 'date' },
      { name: 'share', type: 'decimal(21,1)' },
      { name: 'even', type: 'boolean' },
    ]);
    await run(sqlJob('things', sql.replace('range(5)', 'range(2)')));
    expect(await lake.rows('SELECT id, name, day, share FROM "curated"."things" ORDER BY id')).toEqual([
      ['0', 'n0', '2026-01-01', '0.0'],
      ['1', 'n1', '2026-01-02', '1.5'],
    ]);
    await run(sqlJob('things', sql, { mode: 'append' }));
    expect(await lake.rows('SELECT count(*) FROM "curated"."things"')).toEqual([['7']]);
  });

  it('gives an overwritten table the columns of a changed statement', async () => {
    await run(sqlJob('changing', 'SELECT 1 AS a, 2 AS b'));
    const done = await run(sqlJob('changing', "SELECT 1 AS a, 'x' AS c"));
    expect(done.error).toBeUndefined();
    expect(await lake.rows('SELECT * FROM "curated"."changing"')).toEqual([['1', 'x']]);
  });

  it('writes one file per partition, with values by transform, NULL and odd texts kept apart', async () => {
    const done = await run(
      sqlJob(
        'parted',
        `SELECT * FROM (VALUES (1, 'north', DATE '2026-01-31'), (2, NULL, DATE '2026-02-01'), (3, 'a/b=%', DATE '2025-02-01'),
          (4, '__HIVE_DEFAULT_PARTITION__', NULL), (5, 'north', DATE '2026-01-01')) t(id, region, day)`,
        {
          partition: [
            { column: 'region', transform: 'identity' },
            { column: 'day', transform: 'month' },
          ],
        },
      ),
    );
    expect(done.error).toBeUndefined();
    const table = await lake.catalog.resolveTable(lake.root, { database: 'curated', table: 'parted' });
    const scan = await lake.catalog.planTableScan(table, {});
    expect(scan.totalFiles).toBe(4);
    const pruned = await lake.catalog.planTableScan(table, {
      predicates: [
        { column: 'region', op: '=', values: ['north'] },
        { column: 'day', op: '>=', values: ['2026-01-05'] },
      ],
    });
    expect(pruned.files).toHaveLength(1);
    const nulls = await lake.catalog.planTableScan(table, {
      predicates: [{ column: 'region', op: 'is_null', values: [] }],
    });
    expect(nulls.files).toHaveLength(1);
    expect(await lake.rows('SELECT id, region, day FROM "curated"."parted" ORDER BY id')).toEqual([
      ['1', 'north', '2026-01-31'],
      ['2', null, '2026-02-01'],
      ['3', 'a/b=%', '2025-02-01'],
      ['4', '__HIVE_DEFAULT_PARTITION__', null],
      ['5', 'north', '2026-01-01'],
    ]);
  });

  it('leaves what it read and wrote in the graph, column by column, once for all its runs', async () => {
    await run(sqlJob('base', 'SELECT 1 AS id, 2 AS amount, 3 AS other'));
    const sums = sqlJob(
      'sums',
      'WITH b AS (SELECT * EXCLUDE (other) FROM base) SELECT id, max(amount) AS total FROM b GROUP BY id',
    );
    await run(sums);
    expect(await run(sums)).toMatchObject({ state: 'SUCCEEDED' });
    const { nodes, edges } = await lake.lineage.graph(lake.root, { database: 'curated', table: 'sums' });
    expect(nodes.map(({ name }) => name).sort()).toEqual(['curated.base', 'curated.sums']);
    expect(edges).toMatchObject([
      {
        job: 'job/sums',
        columnLevel: true,
        columns: [
          { from: 'id', to: 'id' },
          { from: 'amount', to: 'total' },
        ],
      },
    ]);
  });

  it('fails with a message that tells what to change, and leaves the target as it was', async () => {
    await run(sqlJob('kept', 'SELECT 1 AS a'));
    expect(await run(sqlJob('kept', "SELECT CAST('x' AS INTEGER) AS a FROM range(3)"))).toMatchObject({
      state: 'FAILED',
    });
    expect(await lake.rows('SELECT a FROM "curated"."kept"')).toEqual([['1']]);
    const huge = await run(sqlJob('huge', 'SELECT sum(i) AS total FROM range(3) t(i)'));
    expect(huge.error).toMatchObject({ code: 'type_mismatch', message: expect.stringContaining('`total`') });
  });

  it('tries again as often as it may, and says which attempt it was', async () => {
    const done = await run(sqlJob('failing', 'SELECT 1/0::INTEGER, nope', { maxRetries: 2 }));
    expect(done).toMatchObject({ state: 'FAILED', attempt: 3 });
  });

  it('runs once at a time, and is refused while it runs', async () => {
    await lake.jobs.put(lake.root, sqlJob('slow', 'SELECT count(*) AS n FROM range(3000) a, range(3000) b'));
    const { id } = await lake.jobs.start(lake.root, 'slow');
    await expect(lake.jobs.start(lake.root, 'slow')).rejects.toMatchObject({
      code: 'concurrent_run',
      context: { runId: id },
    });
    expect(await lake.jobs.wait(id, lake.root.signal)).toMatchObject({ state: 'SUCCEEDED' });
    await expect(lake.jobs.stop(lake.root, id)).rejects.toMatchObject({ code: 'conflict' });
    await expect(lake.jobs.start(lake.root, 'slo')).rejects.toThrow(/Did you mean `slow`/);
  });
});
