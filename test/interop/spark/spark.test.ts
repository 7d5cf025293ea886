import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { athenaRows } from '../../../src/testing/clients/athena.ts';
import type { PythonEnvironment } from '../../../src/testing/clients/python.ts';
import { sparkEnvironment, sparkPackages } from './environment.ts';
import { type SparkAnswer, SparkSession } from './session.ts';

it('is set up here as the guide says', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const guide = read('../../../docs/guide/iceberg-engines.md');
  const settings = [...guide.matchAll(/^(spark\.\S+) +(\S+)$/gm)].map(([, name, value]) => ({
    name: name!,
    value: value!,
  }));
  expect(settings.length).toBeGreaterThan(8);
  const script = read('run_sql.py');
  for (const { name } of settings) {
    expect(script).toContain(name.replace(/^spark\.sql\.catalog\.loch(?=\.)/, '{catalog}'));
  }
  expect(settings.find(({ name }) => name === 'spark.jars.packages')?.value).toBe(sparkPackages().packages);
});

describe('Spark with Loch as its catalog', () => {
  let loch: RunningLoch;
  let environment: PythonEnvironment;
  let session: SparkSession | undefined;
  beforeAll(async () => {
    environment = await sparkEnvironment();
    loch = await startLoch();
  }, 900_000);
  afterAll(async () => {
    await session?.close();
    await loch?.stop();
  });

  const open = (context: TestContext, delegation: 'vended-credentials' | 'remote-signing'): SparkSession => {
    if ('missing' in environment) return context.skip(environment.missing);
    const { accessKeyId: key, secretAccessKey: secret } = loch.client.sdk.credentials;
    return new SparkSession(environment.python, { uri: `${loch.server.consoleUrl}/iceberg`, key, secret, delegation });
  };
  const run = async (...statements: string[]): Promise<readonly (readonly (readonly (string | null)[])[])[]> => {
    const answers = await session!.sql(...statements);
    const failed = answers.flatMap((answer, i) => ('error' in answer ? [`${statements[i]}: ${answer.error}`] : []));
    expect(failed).toEqual([]);
    return answers as Exclude<SparkAnswer, { error: string }>[];
  };
  const athena = (sql: string) => athenaRows(loch.client.sdk, sql, 'curated');

  it('changes rows by files of deletes, and evolves tables, as SQL here sees', {
    timeout: 600_000,
  }, async (context) => {
    session = open(context, 'vended-credentials');
    await run(
      `CREATE TABLE curated.visits (id BIGINT, region STRING, at TIMESTAMP_NTZ, s STRUCT<x: INT>) USING iceberg
       PARTITIONED BY (days(at), bucket(4, id))
       TBLPROPERTIES ('write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read', 'write.merge.mode'='merge-on-read')`,
      `INSERT INTO curated.visits SELECT id, IF(id % 2 = 0, 'north', 'south'), TIMESTAMP_NTZ '2026-01-01 00:00:00' + make_interval(0, 0, 0, id % 3), named_struct('x', CAST(id AS INT)) FROM range(0, 100)`,
      'DELETE FROM curated.visits WHERE id < 10',
      "UPDATE curated.visits SET region = 'west' WHERE id BETWEEN 10 AND 19",
      `MERGE INTO curated.visits t USING (SELECT id + 95 AS id FROM range(0, 10)) s ON t.id = s.id
       WHEN MATCHED THEN UPDATE SET region = 'merged'
       WHEN NOT MATCHED THEN INSERT (id, region, at, s) VALUES (s.id, 'new', TIMESTAMP_NTZ '2026-02-01 00:00:00', NULL)`,
      'ALTER TABLE curated.visits RENAME COLUMN region TO place',
      'ALTER TABLE curated.visits ADD COLUMNS (note STRING, s.y DOUBLE)',
      'ALTER TABLE curated.visits ADD PARTITION FIELD place',
      "INSERT INTO curated.visits VALUES (200, 'east', TIMESTAMP_NTZ '2026-03-01 00:00:00', named_struct('x', 1, 'y', 2.5D), 'noted')",
    );
    const counts = 'SELECT place, count(*), sum(id) FROM visits GROUP BY place ORDER BY place';
    const [sparked, deletes] = await run(
      counts.replace('visits', 'curated.visits'),
      'SELECT count(*) FROM curated.visits.delete_files',
    );
    expect(Number((deletes as string[][])[0]![0])).toBeGreaterThan(0);
    expect(await athena(counts)).toEqual(sparked);
    expect(await athena('SELECT place, note, s.x FROM visits WHERE id = 200')).toEqual([['east', 'noted', '1']]);
    return undefined;
  });

  it('branches, tags, travels and rolls back', { timeout: 600_000 }, async (context) => {
    session ??= open(context, 'vended-credentials');
    await run(
      'CREATE TABLE curated.history (id BIGINT) USING iceberg',
      'INSERT INTO curated.history VALUES (1)',
      'ALTER TABLE curated.history CREATE TAG first RETAIN 30 DAYS',
      'ALTER TABLE curated.history CREATE BRANCH audit',
      'INSERT INTO curated.history.branch_audit VALUES (2)',
      'INSERT INTO curated.history VALUES (3)',
    );
    const [tag, branch, refs] = await run(
      "SELECT * FROM curated.history VERSION AS OF 'first'",
      "SELECT id FROM curated.history VERSION AS OF 'audit' ORDER BY id",
      'SELECT name, type FROM curated.history.refs ORDER BY name',
    );
    expect([tag, branch]).toEqual([[['1']], [['1'], ['2']]]);
    expect(refs).toEqual([
      ['audit', 'BRANCH'],
      ['first', 'TAG'],
      ['main', 'BRANCH'],
    ]);
    expect(await athena("SELECT id FROM history FOR VERSION AS OF 'audit' ORDER BY id")).toEqual([['1'], ['2']]);
    await run("CALL loch.system.set_current_snapshot(table => 'curated.history', ref => 'first')");
    expect(await athena('SELECT id FROM history')).toEqual([['1']]);
    return undefined;
  });

  it('makes views that SQL here reads, and moves and drops', { timeout: 600_000 }, async (context) => {
    session ??= open(context, 'vended-credentials');
    const [, , seen] = await run(
      'CREATE TABLE curated.base USING iceberg AS SELECT id FROM range(0, 5)',
      'CREATE VIEW curated.evens AS SELECT id FROM curated.base WHERE id % 2 = 0',
      'SELECT count(*) FROM curated.evens',
    );
    expect(seen).toEqual([['3']]);
    expect(await athena('SELECT count(*) FROM evens')).toEqual([['3']]);
    await run(
      'DROP VIEW curated.evens',
      'ALTER TABLE curated.base RENAME TO curated.renamed',
      'CREATE NAMESPACE loch.curated2',
      'DROP NAMESPACE loch.curated2',
      'DROP TABLE curated.renamed',
      'CALL loch.system.rewrite_data_files(table => "curated.history")',
      'CALL loch.system.expire_snapshots(table => "curated.history", older_than => TIMESTAMP "2100-01-01 00:00:00", retain_last => 1)',
    );
    expect(await athena('SELECT id FROM history')).toEqual([['1']]);
    return undefined;
  });

  const modes = ['delete', 'update', 'merge'].map((of) => `'write.${of}.mode'='merge-on-read'`).join(', ');

  it('writes version 3 with deletion vectors, and SQL here gives the same rows and row ids after updates, a merge and compaction', {
    timeout: 600_000,
  }, async (context) => {
    session ??= open(context, 'vended-credentials');
    await run(
      `CREATE TABLE curated.v3 (id BIGINT, region STRING) USING iceberg PARTITIONED BY (region)
       TBLPROPERTIES ('format-version'='3', ${modes})`,
      "INSERT INTO curated.v3 SELECT id, IF(id % 2 = 0, 'north', 'south') FROM range(0, 1000)",
      'DELETE FROM curated.v3 WHERE id % 7 = 0',
      "UPDATE curated.v3 SET region = 'west' WHERE id BETWEEN 100 AND 109",
      `MERGE INTO curated.v3 t USING (SELECT id + 995 AS id FROM range(0, 10)) s ON t.id = s.id
       WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, region) VALUES (s.id, 'new')`,
      'DELETE FROM curated.v3 WHERE id % 7 = 1',
    );
    const rows = 'SELECT id, region, _row_id, _last_updated_sequence_number FROM v3 ORDER BY id';
    const sums = "SELECT count(*), sum(id), sum(_row_id) FROM v3 WHERE region <> 'north'";
    const vectors = "SELECT count(*) FROM curated.v3.delete_files WHERE file_format = 'PUFFIN'";
    const [sparked, summed, puffins] = await run(
      rows.replace('v3', 'curated.v3'),
      sums.replace('v3', 'curated.v3'),
      vectors,
    );
    expect(Number(puffins![0]![0])).toBeGreaterThan(0);
    expect(sparked!.length).toBeGreaterThan(700);
    expect(await athena(rows)).toEqual(sparked);
    expect(await athena(sums)).toEqual(summed);
    // The hidden columns are no part of a star.
    expect((await athena('SELECT * FROM v3 LIMIT 1'))[0]).toHaveLength(2);

    // Rows keep their ids when they are changed; what would give them new ones is refused.
    await expect(athena("UPDATE v3 SET region = 'x' WHERE id = 2")).rejects.toThrow(/format version 3/);
    await run("CALL loch.system.rewrite_data_files(table => 'curated.v3', options => map('rewrite-all', 'true'))");
    expect(await athena(rows)).toEqual(sparked);
    return undefined;
  });

  it('upgrades a table of version 2 with files of deleted positions, which is read as it reads it', {
    timeout: 600_000,
  }, async (context) => {
    session ??= open(context, 'vended-credentials');
    await run(
      `CREATE TABLE curated.upgraded (id BIGINT) USING iceberg TBLPROPERTIES ('format-version'='2', ${modes})`,
      'INSERT INTO curated.upgraded SELECT id FROM range(0, 100)',
      'DELETE FROM curated.upgraded WHERE id < 10',
      "ALTER TABLE curated.upgraded SET TBLPROPERTIES ('format-version'='3')",
      'DELETE FROM curated.upgraded WHERE id >= 90',
      'INSERT INTO curated.upgraded VALUES (500)',
    );
    const rows = 'SELECT id, _row_id FROM upgraded ORDER BY id';
    const [sparked] = await run(rows.replace('upgraded', 'curated.upgraded'));
    expect(sparked).toHaveLength(81);
    expect(await athena(rows)).toEqual(sparked);
    return undefined;
  });

  it('writes columns of types that SQL here refuses by name, and only those', {
    timeout: 600_000,
  }, async (context) => {
    session ??= open(context, 'vended-credentials');
    await run(
      "CREATE TABLE curated.varied (id BIGINT, v VARIANT) USING iceberg TBLPROPERTIES ('format-version'='3')",
      'INSERT INTO curated.varied SELECT id, parse_json(\'{"a": 1}\') FROM range(0, 3)',
    );
    expect(await athena('SELECT id FROM varied ORDER BY id')).toEqual([['0'], ['1'], ['2']]);
    expect(await athena('SELECT count(*) FROM varied')).toEqual([['3']]);
    await expect(athena('SELECT * FROM varied')).rejects.toThrow(/Column `v` .* `variant`/);
    await expect(athena('SELECT id FROM varied WHERE v IS NULL')).rejects.toThrow(/`variant`/);
    return undefined;
  });

  it('reads and writes by signatures made at the server', { timeout: 600_000 }, async (context) => {
    await session?.close();
    session = open(context, 'remote-signing');
    const [, , , rows] = await run(
      'CREATE TABLE curated.signed (id BIGINT) USING iceberg',
      'INSERT INTO curated.signed VALUES (1), (2)',
      'CREATE TABLE curated.signed_copy USING iceberg AS SELECT * FROM curated.signed',
      'SELECT count(*) FROM curated.signed_copy',
    );
    expect(rows).toEqual([['2']]);
    return undefined;
  });
});
