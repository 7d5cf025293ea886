/** One table made by each engine, appended to by all others, read by all with equal results. */
import { DeleteTableCommand, GetTableCommand, GlueClient } from '@aws-sdk/client-glue';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { athenaRows } from '../../src/testing/clients/athena.ts';
import { pyicebergEnvironment } from './pyiceberg/environment.ts';
import { type PythonEnvironment, pythonWith, runScript } from '../../src/testing/clients/python.ts';
import { sparkEnvironment } from './spark/environment.ts';
import { SparkSession } from './spark/session.ts';
import { type TrinoEnvironment, trinoEnvironment } from './trino/environment.ts';
import { catalogProperties, TrinoServer } from './trino/server.ts';

type Row = readonly [id: number, region: string, amount: number];
const ENGINES = ['rest', 'glue', 'spark', 'load', 'trino'] as const;
type Engine = (typeof ENGINES)[number];
const tableOf = (engine: Engine) => `by_${engine}`;
/** Two rows that only this engine writes into this table. */
const rowsOf = (writer: Engine, table: Engine): Row[] => {
  const first = 1000 + 100 * ENGINES.indexOf(table) + 10 * ENGINES.indexOf(writer);
  return [
    [first, writer, first / 4],
    [first + 1, `${table} ä'`, -first / 8],
  ];
};

describe('tables shared by pyiceberg over REST and Glue, Spark, Trino and loch load', () => {
  let loch: RunningLoch;
  let pyiceberg: PythonEnvironment;
  let spark: PythonEnvironment;
  let trinoIn: TrinoEnvironment;
  let session: SparkSession | undefined;
  let server: TrinoServer | undefined;
  beforeAll(async () => {
    [pyiceberg, spark] = [await pyicebergEnvironment(), await sparkEnvironment()];
    trinoIn = await trinoEnvironment();
    loch = await startLoch();
  }, 900_000);
  afterAll(async () => {
    await session?.close();
    await server?.close();
    await loch?.stop();
  });

  const keys = () => {
    const { accessKeyId: key, secretAccessKey: secret } = loch.client.sdk.credentials;
    return {
      uri: `${loch.server.consoleUrl}/iceberg`,
      endpoint: loch.server.awsUrl,
      region: loch.server.region,
      key,
      secret,
    };
  };
  const python = (context: TestContext, environment: PythonEnvironment): string =>
    'missing' in environment ? context.skip(environment.missing) : environment.python;
  const steps = (context: TestContext, list: readonly (readonly [string, string, string, (readonly Row[])?])[]) =>
    runScript<unknown[]>(python(context, pyiceberg), join(import.meta.dirname, 'engines.py'), {
      ...keys(),
      database: 'curated',
      steps: list,
    });
  const sparkSession = (context: TestContext): SparkSession => {
    session ??= new SparkSession(python(context, spark), keys());
    return session;
  };

  /** Trino’s answers, of which none may be a failure. */
  const trino = async (context: TestContext, ...statements: string[]): Promise<readonly (readonly unknown[])[][]> => {
    if ('missing' in trinoIn) return context.skip(trinoIn.missing);
    server ??= await TrinoServer.start({ ...trinoIn, ...keys() });
    const answers = await server.sql(...statements);
    const failed = answers.flatMap((answer, i) => ('error' in answer ? [`${statements[i]}: ${answer.error}`] : []));
    expect(failed).toEqual([]);
    return answers as (readonly unknown[])[][];
  };
  const athena = (sql: string) => athenaRows(loch.client.sdk, sql, 'curated');
  /** Those that are here: without Trino the others are compared all the same. */
  const present = (): readonly Engine[] =>
    'missing' in trinoIn ? ENGINES.filter((engine) => engine !== 'trino') : ENGINES;

  let files = 0;
  async function load(table: string, rows: readonly Row[], mode: 'create' | 'append'): Promise<void> {
    const Key = `landing/${files++}.csv`;
    const Body = `id,region,amount\n${rows.map(([id, region, amount]) => `${id},"${region}",${amount.toExponential()}`).join('\n')}\n`;
    await new S3Client(loch.client.sdk).send(new PutObjectCommand({ Bucket: 'raw', Key, Body }));
    const { id } = await loch.client.call<{ id: string }>('POST', '/api/loads', {
      target: { database: 'curated', table },
      source: { kind: 'objects', bucket: 'raw', keys: [Key] },
      format: 'csv',
      mode,
    });
    for (let state = 'RUNNING'; state === 'RUNNING'; await sleep(50)) {
      const run = await loch.client.call<{ state: string; error?: string }>('GET', `/api/loads/${id}`);
      state = run.state;
      if (state === 'FAILED') throw new Error(run.error);
    }
  }

  const values = (rows: readonly Row[]) =>
    rows.map(([id, region, amount]) => `(${id}, '${region.replaceAll("'", "\\'")}', ${amount}D)`).join(', ');
  const trinoValues = (rows: readonly Row[]) =>
    rows.map(([id, region, amount]) => `(${id}, '${region.replaceAll("'", "''")}', DOUBLE '${amount}')`).join(', ');
  const expected = (table: Engine): Row[] =>
    present()
      .flatMap((writer) => rowsOf(writer, table))
      .sort((a, b) => a[0] - b[0]);
  const numbers = (rows: readonly (readonly (string | null | undefined)[])[]) =>
    rows.map(([id, region, amount]) => [Number(id), region, Number(amount)]);

  it('are equal for all of them, and for Athena, boto3 and awswrangler', { timeout: 900_000 }, async (context) => {
    const engine = sparkSession(context);
    // Each makes its own …
    await steps(context, [
      ['rest', 'create', tableOf('rest'), rowsOf('rest', 'rest')],
      ['glue', 'create', tableOf('glue'), rowsOf('glue', 'glue')],
    ]);
    const created = await engine.sql(
      `CREATE TABLE curated.${tableOf('spark')} (id BIGINT, region STRING, amount DOUBLE) USING iceberg`,
      `INSERT INTO curated.${tableOf('spark')} VALUES ${values(rowsOf('spark', 'spark'))}`,
    );
    expect(created).toEqual([[], []]);
    await load(tableOf('load'), rowsOf('load', 'load'), 'create');
    const withTrino = present().includes('trino');
    if (withTrino) {
      await trino(
        context,
        `CREATE TABLE curated.${tableOf('trino')} (id BIGINT, region VARCHAR, amount DOUBLE)`,
        `INSERT INTO curated.${tableOf('trino')} VALUES ${trinoValues(rowsOf('trino', 'trino'))}`,
      );
    }
    // … and appends to those of the others.
    const others = (writer: Engine) => present().filter((table) => table !== writer);
    await steps(
      context,
      (['rest', 'glue'] as const).flatMap((writer) =>
        others(writer).map((table) => [writer, 'append', tableOf(table), rowsOf(writer, table)] as const),
      ),
    );
    const inserts = others('spark').map(
      (table) => `INSERT INTO curated.${tableOf(table)} VALUES ${values(rowsOf('spark', table))}`,
    );
    expect(await engine.sql(...inserts)).toEqual(inserts.map(() => []));
    for (const table of others('load')) await load(tableOf(table), rowsOf('load', table), 'append');
    if (withTrino) {
      await trino(
        context,
        ...others('trino').map(
          (table) => `INSERT INTO curated.${tableOf(table)} VALUES ${trinoValues(rowsOf('trino', table))}`,
        ),
      );
    }

    const answers = await steps(
      context,
      present().flatMap((table) =>
        ['rest', 'glue', 'boto3'].map((reader) => [reader, 'read', tableOf(table)] as const),
      ),
    );
    for (const [i, table] of present().entries()) {
      const name = tableOf(table);
      const [rest, glue, boto3] = answers.slice(3 * i);
      const [sparked] = await engine.sql(`SELECT id, region, amount FROM curated.${name} ORDER BY id`);
      const here = await athena(`SELECT id, region, amount FROM ${name} ORDER BY id`);
      const all = expected(table);
      const select = `SELECT id, region, amount FROM curated.${name} ORDER BY id`;
      const asked = withTrino ? (await trino(context, select))[0] : all;
      const read = { rest, glue, spark: numbers(sparked as string[][]), athena: numbers(here), trino: asked };
      expect({ table, ...read }).toEqual({ table, rest: all, glue: all, spark: all, athena: all, trino: all });
      expect(boto3).toEqual([
        'ICEBERG',
        [
          ['id', 'bigint'],
          ['region', 'string'],
          ['amount', 'double'],
        ],
      ]);
    }
    return undefined;
  });

  it('are read by awswrangler with the same rows and types', { timeout: 600_000 }, async (context) => {
    const environment = await pythonWith(['awswrangler==3.17.1']);
    const facts = await runScript<Record<string, [unknown, unknown]>>(
      python(context, environment),
      join(import.meta.dirname, 'wrangler.py'),
      { ...keys(), database: 'curated', results: 'raw', tables: present().map(tableOf) },
    );
    for (const table of present()) {
      expect(facts[tableOf(table)]).toEqual([expected(table), { id: 'bigint', region: 'string', amount: 'double' }]);
    }
    return undefined;
  });

  it('are planned by the server as pyiceberg plans them', { timeout: 300_000 }, async (context) => {
    const conditions = [
      'id >= 0',
      'id < 1005',
      "region = 'glue'",
      "id in (1000, 1020) or region = 'nobody'",
      'amount is null',
    ];
    const list = [['rest', 'plan', tableOf('rest'), conditions]] as unknown as Parameters<typeof steps>[1];
    const [planned] = await steps(context, list);
    expect(planned).toEqual([true, [present().length, 1, expect.any(Number), expect.any(Number), 0]]);
  });

  it('are read and written by pyiceberg with requests signed at the server', { timeout: 600_000 }, async (context) => {
    const signed = {
      ...keys(),
      database: 'curated',
      rest: {
        'header.X-Iceberg-Access-Delegation': 'remote-signing',
        'py-io-impl': 'pyiceberg.io.fsspec.FsspecFileIO',
        's3.signer': 'S3V4RestSigner',
      },
      steps: [
        ['rest', 'create', 'signed', rowsOf('rest', 'rest')],
        ['rest', 'io', 'signed'],
        ['rest', 'read', 'signed'],
      ],
    };
    const environment = await pythonWith(['pyiceberg[s3fs]==0.12.0', 'pyarrow==26.0.1']);
    const interpreter = python(context, environment);
    const [, io, rows] = await runScript<unknown[]>(interpreter, join(import.meta.dirname, 'engines.py'), signed);
    expect([io, rows]).toEqual([['FsspecFileIO', false], rowsOf('rest', 'rest')]);
  });

  it('are read by pyiceberg without a key of its own, by lent credentials', { timeout: 300_000 }, async (context) => {
    const [io] = await steps(context, [['rest', 'io', tableOf('rest')]]);
    expect(io).toEqual([expect.any(String), true]);
  });

  it('are changed by Trino row by row, through changes of the schema, as SQL here and pyiceberg see', {
    timeout: 600_000,
  }, async (context) => {
    const name = 'curated.trino_changes';
    const [, , , , , , , , , rows, snapshots] = await trino(
      context,
      `CREATE TABLE ${name} (id BIGINT, region VARCHAR, at TIMESTAMP(6), amount DOUBLE)
       WITH (partitioning = ARRAY['day(at)', 'bucket(id, 4)'])`,
      `INSERT INTO ${name} SELECT id, IF(id % 2 = 0, 'north', 'south'), TIMESTAMP '2026-01-01 00:00:00' + (id % 3) * INTERVAL '1' DAY, CAST(id AS DOUBLE)
       FROM UNNEST(sequence(1, 60)) AS s(id)`,
      `DELETE FROM ${name} WHERE id <= 10`,
      `UPDATE ${name} SET region = 'west' WHERE id BETWEEN 11 AND 19`,
      `MERGE INTO ${name} t USING (SELECT id FROM UNNEST(sequence(56, 65)) AS s(id)) s ON t.id = s.id
       WHEN MATCHED AND s.id = 56 THEN DELETE
       WHEN MATCHED THEN UPDATE SET region = 'merged'
       WHEN NOT MATCHED THEN INSERT (id, region, at, amount) VALUES (s.id, 'new', TIMESTAMP '2026-02-01 00:00:00', DOUBLE '0.5')`,
      `ALTER TABLE ${name} ADD COLUMN note VARCHAR`,
      `ALTER TABLE ${name} RENAME COLUMN region TO place`,
      `INSERT INTO ${name} VALUES (200, 'east', TIMESTAMP '2026-03-01 00:00:00', 1, 'noted')`,
      `CREATE VIEW curated.trino_east AS SELECT id, note FROM ${name} WHERE place = 'east'`,
      `SELECT place, count(*), sum(id) FROM ${name} GROUP BY place ORDER BY place`,
      `SELECT CAST(snapshot_id AS VARCHAR), operation FROM curated."trino_changes$snapshots" ORDER BY committed_at`,
    );
    expect(rows).toEqual([
      ['east', 1, 200],
      ['merged', 4, 58 * 4 + 2],
      ['new', 5, 63 * 5],
      ['north', 18, 20 + 22 + 24 + 26 + 28 + 30 + 32 + 34 + 36 + 38 + 40 + 42 + 44 + 46 + 48 + 50 + 52 + 54],
      ['south', 18, 21 + 23 + 25 + 27 + 29 + 31 + 33 + 35 + 37 + 39 + 41 + 43 + 45 + 47 + 49 + 51 + 53 + 55],
      ['west', 9, 15 * 9],
    ]);
    const here = await athena('SELECT place, count(*), sum(id) FROM trino_changes GROUP BY place ORDER BY place');
    expect(here).toEqual(rows!.map((row) => row.map(String)));
    expect(await athena('SELECT id, note FROM trino_east')).toEqual([['200', 'noted']]);
    // Back in time, by what either calls the snapshot.
    const first = snapshots!.find(([, operation]) => operation === 'append')![0] as string;
    const loaded = snapshots!.filter(([, operation]) => operation === 'append')[1]![0] as string;
    const [empty, before] = await trino(
      context,
      `SELECT count(*) FROM ${name} FOR VERSION AS OF ${first}`,
      `SELECT count(*), sum(id) FROM ${name} FOR VERSION AS OF ${loaded}`,
    );
    expect([empty, before]).toEqual([[[0]], [[60, 1830]]]);
    expect(await athena(`SELECT count(*), sum(id) FROM trino_changes FOR VERSION AS OF ${loaded}`)).toEqual([
      ['60', '1830'],
    ]);
    await trino(context, `ALTER TABLE ${name} EXECUTE optimize`, `ANALYZE ${name}`);
    expect(await athena('SELECT count(*) FROM trino_changes')).toEqual([['55']]);
    return undefined;
  });

  it('may have names of hostile signs, which open no other table’s files', { timeout: 600_000 }, async (context) => {
    const names = ['*', '?', 'a;b--', '%2f..', `q"'{}`, 'ä 🙂', 'x'.repeat(200)];
    const quoted = (name: string) => `curated."${name.replaceAll('"', '""')}"`;
    await trino(
      context,
      ...names.flatMap((name, i) => [
        `CREATE TABLE ${quoted(name)} (id BIGINT, region VARCHAR, amount DOUBLE)`,
        `INSERT INTO ${quoted(name)} VALUES (${i}, 'only', 0)`,
      ]),
    );
    const answers = await trino(context, ...names.map((name) => `SELECT id FROM ${quoted(name)}`));
    expect(answers).toEqual(names.map((_, i) => [[i]]));
    // Trino names folders after tables, and pyiceberg takes their locations apart as URLs: there these signs mean something else.
    const plain = names.filter((name) => !/[?%]/.test(name));
    const read = await steps(
      context,
      plain.map((name) => ['rest', 'read', name] as const),
    );
    expect(read).toEqual(plain.map((name) => [[names.indexOf(name), 'only', 0]]));
    for (const [i, name] of names.entries()) {
      expect(await athena(`SELECT id FROM "${name.replaceAll('"', '""')}"`)).toEqual([[String(i)]]);
    }
    return undefined;
  });

  it('made by Trino are in Glue at once, and dropped by Glue gone in Trino at once', {
    timeout: 600_000,
  }, async (context) => {
    const glue = new GlueClient(loch.client.sdk);
    const name = { DatabaseName: 'curated', Name: 'short_lived' };
    await trino(context, 'CREATE TABLE curated.short_lived (id BIGINT)', 'SELECT * FROM curated.short_lived');
    const { Table } = await glue.send(new GetTableCommand(name));
    expect(Table!.StorageDescriptor!.Columns).toEqual([expect.objectContaining({ Name: 'id', Type: 'bigint' })]);
    await glue.send(new DeleteTableCommand(name));
    const [gone] = await server!.sql('SELECT * FROM curated.short_lived');
    expect(gone).toEqual({ error: expect.stringContaining("Table 'loch.curated.short_lived' does not exist") });
    return undefined;
  });
});

it('sets up Trino as the guide says', () => {
  const guide = readFileSync(new URL('../../docs/guide/iceberg-engines.md', import.meta.url), 'utf8');
  const told = [...guide.matchAll(/^((?:connector|iceberg|fs|s3)\.[\w.-]+)=/gm)].map(([, name]) => name);
  const set = catalogProperties({ uri: 'u', endpoint: 'e', region: 'r', key: 'k', secret: 's' });
  expect(told).toEqual(Object.keys(set));
});
