/** One table made by each engine, appended to by all others, read by all with equal results. */
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { athenaRows } from '../../src/testing/clients/athena.ts';
import { pyicebergEnvironment } from './pyiceberg/environment.ts';
import { type PythonEnvironment, pythonWith, runScript } from '../../src/testing/clients/python.ts';
import { sparkEnvironment } from './spark/environment.ts';
import { SparkSession } from './spark/session.ts';

type Row = readonly [id: number, region: string, amount: number];
const ENGINES = ['rest', 'glue', 'spark', 'load'] as const;
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

describe('tables shared by pyiceberg over REST and Glue, Spark and loch load', () => {
  let loch: RunningLoch;
  let pyiceberg: PythonEnvironment;
  let spark: PythonEnvironment;
  let session: SparkSession | undefined;
  beforeAll(async () => {
    [pyiceberg, spark] = [await pyicebergEnvironment(), await sparkEnvironment()];
    loch = await startLoch();
  }, 900_000);
  afterAll(async () => {
    await session?.close();
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
  const expected = (table: Engine): Row[] =>
    ENGINES.flatMap((writer) => rowsOf(writer, table)).sort((a, b) => a[0] - b[0]);
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
    // … and appends to those of the others.
    const others = (writer: Engine) => ENGINES.filter((table) => table !== writer);
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

    const answers = await steps(
      context,
      ENGINES.flatMap((table) => ['rest', 'glue', 'boto3'].map((reader) => [reader, 'read', tableOf(table)] as const)),
    );
    for (const [i, table] of ENGINES.entries()) {
      const name = tableOf(table);
      const [rest, glue, boto3] = answers.slice(3 * i);
      const [sparked] = await engine.sql(`SELECT id, region, amount FROM curated.${name} ORDER BY id`);
      const athena = await athenaRows(loch.client.sdk, `SELECT id, region, amount FROM ${name} ORDER BY id`, 'curated');
      const read = { rest, glue, spark: numbers(sparked as string[][]), athena: numbers(athena) };
      const all = expected(table);
      expect({ table, ...read }).toEqual({ table, rest: all, glue: all, spark: all, athena: all });
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
      { ...keys(), database: 'curated', results: 'raw', tables: ENGINES.map(tableOf) },
    );
    for (const table of ENGINES) {
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
    expect(planned).toEqual([true, [4, 1, expect.any(Number), expect.any(Number), 0]]);
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
});
