import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';
import type { QueryExecution } from '../contract.ts';

let lake: QueryLake;
beforeAll(async () => {
  lake = await openQueryLake();
});
afterAll(() => lake.close());

async function run(sql: string): Promise<QueryExecution> {
  const { queries } = lake.consumption;
  const id = await queries.start(lake.root, { sql, database: 'bank', dialect: 'athena' });
  return queries.wait(id, AbortSignal.timeout(60_000));
}

async function did(sql: string): Promise<number | undefined> {
  const execution = await run(sql);
  expect(execution.stateReason, sql).toBeUndefined();
  return execution.rowCount;
}

const rows = (sql: string) => lake.rows(lake.root, sql);
const snapshots = async (table: string) => lake.catalog.snapshots(lake.root, { database: 'bank', table });

describe('Statements that write one table at once', () => {
  it('all take effect, each as if it were alone', async () => {
    await did(
      "CREATE TABLE c WITH (table_type = 'ICEBERG', partitioning = ARRAY['part']) AS SELECT i AS id, i % 4 AS part, 0 AS n FROM UNNEST(sequence(1, 40)) AS t(i)",
    );
    const all = await Promise.all([
      ...[0, 1, 2, 3].map((part) => run(`UPDATE c SET n = n + 1 WHERE part = ${part}`)),
      run('INSERT INTO c VALUES (100, 0, 5)'),
    ]);
    for (const execution of all) expect(execution).toMatchObject({ state: 'SUCCEEDED' });
    expect((await rows('SELECT sum(n) >= 45, count(*), count(DISTINCT id) FROM c'))[0]).toEqual(['true', '41', '41']);
    expect(await snapshots('c')).toHaveLength(6);
  });

  it('give up after some tries, naming the snapshot that was in the way, and leave no file', async () => {
    await did("CREATE TABLE rival WITH (table_type = 'ICEBERG') AS SELECT 1 AS id, 0 AS n");
    const name = { database: 'bank', table: 'rival' };
    const { commitTable } = lake.catalog;
    let appended = '';
    // Another writer is always faster: it adds a row before every commit of the statement.
    const faster: typeof commitTable = async (context, table, change, options) => {
      if (options?.runId !== undefined && table.table === 'rival' && !options.runId.startsWith('other')) {
        const { metadata } = await lake.catalog.resolveTable(lake.root, name);
        const plan = await lake.tables.planScan(metadata!, {});
        const key = `bank/rival/data/other-${Date.now()}-${Math.random()}.parquet`;
        await lake.objects.copy(
          { bucket: 'lake', key: plan.files[0]!.path.replace('s3://lake/', '') },
          { bucket: 'lake', key },
        );
        const { rows: count, bytes } = plan.files[0]!;
        const file = { path: `s3://lake/${key}`, format: 'PARQUET', rows: count, bytes, partition: {} } as const;
        appended = (await commitTable(lake.root, name, { kind: 'append', files: [file] })).snapshotId;
      }
      return commitTable(context, table, change, options);
    };
    Object.assign(lake.catalog, { commitTable: faster });
    try {
      const execution = await run('UPDATE rival SET n = 1');
      expect(execution).toMatchObject({ state: 'FAILED', error: { retryable: true } });
      expect(execution.stateReason).toMatch(
        new RegExp(`^ICEBERG_COMMIT_ERROR: Failed to commit to \`bank.rival\`: Snapshot ${appended} `),
      );
      const { objects } = await lake.objects.list('lake', { prefix: `bank/rival/data/${execution.id}` });
      expect(objects).toEqual([]);
    } finally {
      Object.assign(lake.catalog, { commitTable });
    }
    await did("ALTER TABLE rival SET TBLPROPERTIES ('write.update.isolation-level' = 'snapshot')");
    Object.assign(lake.catalog, { commitTable: faster });
    try {
      expect(await did('UPDATE rival SET n = 1')).toBe(6);
    } finally {
      Object.assign(lake.catalog, { commitTable });
    }
    expect(await rows('SELECT n, count(*) FROM rival GROUP BY n ORDER BY n')).toEqual([
      ['0', '1'],
      ['1', '6'],
    ]);
  });
});

describe('A statement that is stopped', () => {
  it('commits nothing and leaves no file', async () => {
    await did("CREATE TABLE stopped (id bigint, x bigint) TBLPROPERTIES ('table_type' = 'ICEBERG')");
    await did('INSERT INTO stopped SELECT i, i FROM UNNEST(sequence(1, 3000)) AS t(i)');
    const { queries } = lake.consumption;
    const sql =
      'INSERT INTO stopped SELECT a.id, sum(b.id * c.id % 7) FROM stopped a, stopped b, stopped c GROUP BY a.id';
    const id = await queries.start(lake.root, { sql, database: 'bank', dialect: 'athena' });
    while ((await queries.get(lake.root, id)).state === 'QUEUED')
      await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await queries.stop(lake.root, id);
    expect((await queries.get(lake.root, id)).state).toBe('CANCELLED');
    expect(await snapshots('stopped')).toHaveLength(1);
    const { objects } = await lake.objects.list('lake', { prefix: `bank/stopped/data/${id}` });
    expect(objects).toEqual([]);
  });
});

describe('Metadata tables', () => {
  it('of all snapshots hold the files that earlier ones had', async () => {
    await did("CREATE TABLE past WITH (table_type = 'ICEBERG') AS SELECT 1 AS id");
    await did('DELETE FROM past');
    await did('INSERT INTO past VALUES 2, 3');
    expect(await rows('SELECT count(*) FROM "past$files"')).toEqual([['1']]);
    expect(await rows('SELECT count(*) FROM "past$all_data_files"')).toEqual([['2']]);
    expect(Number((await rows('SELECT count(*) FROM "past$all_manifests"'))[0]![0])).toBeGreaterThan(1);
    expect(Number((await rows('SELECT count(*) FROM "past$all_entries"'))[0]![0])).toBeGreaterThan(2);
    expect(await rows('SELECT count(*) FROM "past$all_delete_files"')).toEqual([['0']]);
  });
});
