import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import type { LochError } from '../../core/errors.ts';
import { objectText } from '../../testing/builders/object-text.ts';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';
import type { QueryExecution, Queries } from '../contract.ts';

let lake: QueryLake;
let analyst: RequestContext;
const queries = (): Queries => lake.consumption.queries;

beforeAll(async () => {
  lake = await openQueryLake();
  await lake.createTable(
    'bank.leads',
    [
      { name: 'id', type: 'bigint' },
      { name: 'region', type: 'string' },
    ],
    "SELECT i::BIGINT AS id, CASE i % 3 WHEN 0 THEN 'north' WHEN 1 THEN '' END AS region FROM range(2500) t(i)",
  );
  analyst = await lake.user('analyst');
  await lake.governance.grants.grant(lake.root, {
    principal: analyst.principal.arn,
    resource: { kind: 'table', database: 'bank', table: 'leads' },
    permissions: ['SELECT'],
  });
});
afterAll(() => lake.close());

const failure = async (promise: Promise<unknown>): Promise<LochError> =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error: LochError) => error,
  );
type Request = Parameters<Queries['start']>[1];

async function run(context: RequestContext, sql: string, more: Partial<Request> = {}): Promise<QueryExecution> {
  const id = await queries().start(context, { sql, database: 'bank', dialect: 'duckdb', ...more });
  return queries().wait(id, AbortSignal.timeout(20_000));
}

/** Runs for long, and stops when told to. */
const LONG = 'SELECT sum(hash(a.id * b.id * c.id)) FROM leads a, leads b, leads c';

describe('a query', () => {
  it('goes from QUEUED to SUCCEEDED and leaves its result in the place of its owner', async () => {
    const execution = await run(analyst, 'SELECT id, region FROM leads WHERE id < 3 ORDER BY id');
    expect(execution).toMatchObject({
      state: 'SUCCEEDED',
      statementType: 'DML',
      substatementType: 'SELECT',
      rowCount: 3,
      principalArn: analyst.principal.arn,
    });
    expect(execution.bytesScanned).toBeGreaterThan(0);
    const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(execution.outputLocation)!;
    expect(await objectText(lake.objects, bucket!, key!)).toBe('"id","region"\n"0","north"\n"1",""\n"2",\n');
    expect(await lake.consumption.ownerOf(bucket!, key!)).toBe(analyst.principal.arn);
    expect(await lake.consumption.ownerOf(bucket!, 'other/key.csv')).toBe('nobody');
    expect(await lake.consumption.ownerOf('lake', key!)).toBeUndefined();
  });

  it('gives its rows page by page, NULL and empty text apart', async () => {
    const { id } = await run(analyst, 'SELECT id, region FROM leads ORDER BY id');
    const seen: (readonly (string | null)[])[] = [];
    let next: string | undefined;
    let pages = 0;
    do {
      const page = await queries().results(analyst, id, { limit: 999, ...(next === undefined ? {} : { next }) });
      expect(page.columns.map((column) => column.athenaType)).toEqual(['bigint', 'varchar']);
      seen.push(...page.rows);
      next = page.next;
      pages++;
    } while (next !== undefined);
    expect(pages).toBe(3);
    expect(seen).toHaveLength(2500);
    expect(seen.slice(0, 3)).toEqual([
      ['0', 'north'],
      ['1', ''],
      ['2', null],
    ]);
    expect(seen.map((row) => Number(row[0]))).toEqual(Array.from({ length: 2500 }, (_, i) => i));
  });

  it('reads back values with quotes, commas and line ends', async () => {
    const { id } = await run(analyst, `SELECT 'a"b' AS x, 'c,d' AS y, 'e' || chr(10) || 'f' AS z, '' AS e, NULL AS n`);
    const page = await queries().results(analyst, id);
    expect(page.rows).toEqual([['a"b', 'c,d', 'e\nf', '', null]]);
  });

  it('fails with the reason and the number of Athena', async () => {
    const cases = [
      ['SELECT * FROM leds', 'FAILED', 1110, /^TABLE_NOT_FOUND: line 1:15: /],
      ['SELECT nope FROM leads', 'FAILED', 1004, /^COLUMN_NOT_FOUND: line 1:8: Column `nope` cannot be resolved/],
      ['SELECT id FROM leads WHRE id = 1', 'FAILED', 1006, /^SYNTAX_ERROR: line 1:27: /],
      ["SELECT getenv('HOME')", 'FAILED', 1303, /^FUNCTION_NOT_FOUND: line 1:8: The function `getenv`/],
      ['DROP INDEX leads', 'FAILED', 1200, /^NOT_SUPPORTED: DROP INDEX is not supported/],
    ] as const;
    for (const [sql, state, type, reason] of cases) {
      const execution = await run(analyst, sql);
      expect(execution, sql).toMatchObject({ state, error: { category: 2, type } });
      expect(execution.stateReason).toMatch(reason);
      expect((await failure(queries().results(analyst, execution.id))).code).toBe('invalid_argument');
    }
  });

  it('is made once for one client token', async () => {
    const request = { sql: 'SELECT 1', dialect: 'duckdb', clientRequestToken: 'a'.repeat(32) } as const;
    const first = await queries().start(analyst, request);
    expect(await queries().start(analyst, request)).toBe(first);
    const other = await failure(queries().start(analyst, { ...request, sql: 'SELECT 2' }));
    expect(other.code).toBe('invalid_argument');
  });

  it('takes parameters as literals only', async () => {
    const one = await run(analyst, 'SELECT count(*) FROM leads WHERE region = ? AND id < ?', {
      parameters: ["'north'", '10'],
    });
    expect((await queries().results(analyst, one.id)).rows).toEqual([['4']]);
    const injected = failure(
      queries().start(analyst, { sql: 'SELECT ?', dialect: 'duckdb', parameters: ['1) FROM secret --'] }),
    );
    expect((await injected).code).toBe('invalid_argument');
  });

  it('is cancelled in under a second, and stays so', async () => {
    const id = await queries().start(analyst, { sql: LONG, database: 'bank', dialect: 'duckdb' });
    while ((await queries().get(analyst, id)).state === 'QUEUED') await new Promise((r) => setTimeout(r, 10));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const at = performance.now();
    await queries().stop(analyst, id);
    expect(performance.now() - at).toBeLessThan(1000);
    expect(await queries().get(analyst, id)).toMatchObject({ state: 'CANCELLED', error: { type: 1011 } });
    await queries().stop(analyst, id);
    expect((await queries().get(analyst, id)).state).toBe('CANCELLED');
  });

  it('that was running at a stop is begun again at the start', async () => {
    const id = await queries().start(analyst, { sql: LONG, database: 'bank', dialect: 'duckdb' });
    while ((await queries().get(analyst, id)).state === 'QUEUED') await new Promise((r) => setTimeout(r, 10));
    await lake.reopenConsumption();
    expect(['QUEUED', 'RUNNING']).toContain((await queries().get(analyst, id)).state);
    await queries().stop(analyst, id);
    expect((await queries().wait(id, AbortSignal.timeout(5000))).state).toBe('CANCELLED');
  });
});

describe('the queries of others', () => {
  it('are as missing ones, but for administrators of the workgroup', async () => {
    const { id } = await run(lake.root, 'SELECT 42 AS secret');
    const plain = await lake.user('plain');
    await lake.governance.identity.putInlinePolicy(
      lake.root,
      { kind: 'user', name: 'plain' },
      'inline',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: ['athena:Get*', 'athena:List*', 'athena:S*'], Resource: '*' }],
      }),
    );
    for (const ask of [
      () => queries().get(plain, id),
      () => queries().results(plain, id),
      () => queries().stop(plain, id),
    ]) {
      const hidden = await failure(ask());
      expect(hidden.code).toBe('not_found');
      expect(hidden.message).toBe(`QueryExecution ${id} was not found.`);
    }
    expect(await queries().list(plain)).toEqual([]);
    expect((await failure(queries().list(plain, { everyone: true }))).code).toBe('access_denied');
    expect((await queries().results(analyst, id)).rows).toEqual([['42']]);
  });

  it('are listed newest first, in pages', async () => {
    const listed = await queries().list(analyst, { limit: 5 });
    expect(listed).toHaveLength(5);
    const rest = await queries().list(analyst, { limit: 100, after: listed.at(-1)!.id });
    const all = await queries().list(analyst, { limit: 100 });
    expect([...listed, ...rest].map((execution) => execution.id)).toEqual(all.map((execution) => execution.id));
  });
});

describe('statements about the catalog', () => {
  it('answer with what the caller may see', async () => {
    const stranger = await lake.user('stranger');
    const text = async (context: RequestContext, sql: string) => {
      const { id } = await run(context, sql);
      return (await queries().results(context, id)).rows;
    };
    expect(await text(analyst, 'SHOW TABLES IN bank')).toEqual([['leads']]);
    expect(await text(analyst, "SHOW TABLES 'le*'")).toEqual([['leads']]);
    expect(await text(analyst, "SHOW TABLES 'x*'")).toEqual([]);
    expect(await text(stranger, 'SHOW DATABASES')).toEqual([]);
    expect(await text(analyst, 'DESCRIBE leads')).toEqual([
      ['id', 'bigint', ''],
      ['region', 'string', ''],
    ]);
    expect((await text(analyst, 'SHOW CREATE TABLE leads'))[0]).toEqual(['CREATE TABLE `bank`.`leads` (']);
    const columns =
      "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'bank' ORDER BY ordinal_position";
    expect(await text(analyst, columns)).toEqual([
      ['id', 'bigint'],
      ['region', 'varchar'],
    ]);
    expect(await text(stranger, 'SELECT * FROM information_schema.tables')).toEqual([]);
  });
});
