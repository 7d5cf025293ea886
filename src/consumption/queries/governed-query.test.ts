import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import type { LochError } from '../../core/errors.ts';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';

let lake: QueryLake;
let analyst: RequestContext;

const CUSTOMERS = [
  { name: 'id', type: 'bigint' },
  { name: 'region', type: 'string' },
  { name: 'email', type: 'string' },
  { name: 'national_id', type: 'string' },
  { name: 'salary', type: 'decimal(12,2)' },
  { name: 'born', type: 'date' },
];

beforeAll(async () => {
  lake = await openQueryLake();
  await lake.createTable(
    'bank.customers',
    CUSTOMERS,
    `SELECT i::BIGINT AS id, CASE WHEN i % 2 = 0 THEN 'north' ELSE 'south' END AS region, 'user' || i || '@example.org' AS email,
       '000-00-' || lpad(i::VARCHAR, 4, '0') AS national_id, (50000 + i)::DECIMAL(12,2) AS salary,
       DATE '1980-05-17' + i::INTEGER AS born FROM range(10) t(i)`,
    { filesBy: 'region' },
  );
  analyst = await lake.user('analyst');
  const { grants } = lake.governance;
  await grants.createFilter(lake.root, {
    database: 'bank',
    table: 'customers',
    filter: 'north',
    expression: "region = 'north'",
    exclude: ['national_id'],
    masks: { email: 'hash', born: 'date_to_year' },
  });
  await grants.grant(lake.root, {
    principal: analyst.principal.arn,
    resource: { kind: 'filter', database: 'bank', table: 'customers', filter: 'north' },
    permissions: ['SELECT'],
  });
});
afterAll(() => lake.close());

const failure = async (promise: Promise<unknown>): Promise<LochError> =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error: LochError) => error,
  );

it('takes functions that have a syntax of their own', async () => {
  const sql = `SELECT trim(' x '), trim(BOTH 'x' FROM 'xax'), substring('abc' FROM 2), position('c' IN 'abc'),
    extract(YEAR FROM DATE '2026-01-31'), TIMESTAMPTZ '2026-01-31 00:00:00Z' AT TIME ZONE 'UTC', [1, 2], {'a': 1}`;
  expect(await lake.rows(lake.root, sql)).toEqual([
    ['x', 'a', 'bc', '3', '2026', '2026-01-31 00:00:00', '[1, 2]', "{'a': 1}"],
  ]);
});

describe('a caller with a filter and masks', () => {
  it('sees his rows and columns only', async () => {
    const all = await lake.rows(lake.root, 'SELECT count(*), count(DISTINCT region) FROM customers');
    expect(all).toEqual([['10', '2']]);
    const outcome = await lake.consumption.runner.run(
      analyst,
      {
        sql: 'SELECT * FROM customers ORDER BY id',
        dialect: 'duckdb',
        database: 'bank',
        result: { kind: 'rows', maxRows: 100 },
      },
      analyst.signal,
    );
    expect(outcome.columns.map((column) => column.name)).toEqual(['id', 'region', 'email', 'salary', 'born']);
    expect(outcome.rows.map((row) => row[0])).toEqual(['0', '2', '4', '6', '8']);
    expect(outcome.rows[1]).toEqual(['2', 'north', expect.stringMatching(/^[0-9a-f]{64}$/), '50002.00', '1980-01-01']);
    expect(outcome.tables).toMatchObject([
      { name: { database: 'bank', table: 'customers' }, snapshotId: expect.any(String) },
    ]);
  });

  it('cannot name a column that is not granted: the error is that of a missing one', async () => {
    const hidden = await failure(lake.rows(analyst, 'SELECT national_id FROM customers'));
    const missing = await failure(lake.rows(analyst, 'SELECT national_xx FROM customers'));
    expect(hidden.code).toBe('column_not_found');
    expect(hidden.message.replace('national_id', 'national_xx')).toBe(missing.message);
    expect(hidden.context).toMatchObject({ line: 1, column: 8 });
  });

  it('learns nothing from errors on hidden rows', async () => {
    for (const probe of [
      'SELECT 1 / (id - 1) FROM customers',
      "SELECT CAST(region || id AS INTEGER) FROM customers WHERE region <> 'north'",
      "SELECT date_diff('day', born, CAST(email AS DATE)) FROM customers WHERE id = 1",
    ]) {
      const result = await lake.rows(analyst, probe).catch((error: LochError) => error.message);
      expect(JSON.stringify(result), probe).not.toMatch(/south|user1@/);
    }
  });

  it('is told errors that depend on no row in full', async () => {
    const error = await failure(lake.rows(analyst, 'SELECT sum(region) FROM customers'));
    expect(error.message).toMatch(/^line 1:8: No function matches .*sum\(VARCHAR\)/);
  });

  it('joins on hashed keys', async () => {
    const [row] = await lake.rows(analyst, 'SELECT count(*) FROM customers a JOIN customers b ON a.email = b.email');
    expect(row).toEqual(['5']);
  });
});

describe('every caller', () => {
  it('does not see tables that nobody granted him', async () => {
    const stranger = await lake.user('stranger');
    await lake.createTable('bank.shared', [{ name: 'a', type: 'int' }], 'SELECT 1::INTEGER AS a');
    await lake.governance.grants.grant(lake.root, {
      principal: stranger.principal.arn,
      resource: { kind: 'table', database: 'bank', table: 'shared' },
      permissions: ['SELECT'],
    });
    const hidden = await failure(lake.rows(stranger, 'SELECT * FROM customers'));
    const missing = await failure(lake.rows(stranger, 'SELECT * FROM customerz'));
    expect(hidden.code).toBe('table_not_found');
    expect(hidden.message.replace('customers', 'customerz')).toBe(missing.message);
  });

  it('is told where a syntax error and an unknown name are', async () => {
    expect(await failure(lake.rows(lake.root, 'SELECT id\nFROM customers WHRE id = 1'))).toMatchObject({
      code: 'syntax_error',
      context: { line: 2, column: 21 },
    });
    const error = await failure(lake.rows(lake.root, 'SELECT *\nFROM bank.custmers'));
    expect(error).toMatchObject({ code: 'table_not_found', context: { line: 2, column: 6 } });
  });

  it('reads fewer files where his predicate rules them out, with the same answer', async () => {
    const run = (sql: string) =>
      lake.consumption.runner.run(
        lake.root,
        { sql, dialect: 'duckdb', database: 'bank', result: { kind: 'rows', maxRows: 100 } },
        lake.root.signal,
      );
    const pruned = await run("SELECT id FROM customers c WHERE c.region = 'north' ORDER BY 1");
    const whole = await run("SELECT id FROM customers c WHERE c.region || '' = 'north' ORDER BY 1");
    expect(pruned.rows).toEqual(whole.rows);
    expect(pruned.bytesScanned).toBeLessThan(whole.bytesScanned);
  });

  it('names tables by database, alias, CTE and subquery as SQL has it', async () => {
    const statements = [
      'SELECT bank.customers.id FROM bank.customers WHERE bank.customers.id = 3',
      'SELECT customers.id FROM customers WHERE id = 3',
      'WITH customers AS (SELECT * FROM customers WHERE id = 3) SELECT id FROM customers',
      'SELECT c.id FROM (SELECT * FROM customers) c, LATERAL (SELECT c.id + 1 AS x) l WHERE x = 4',
      'SELECT id FROM customers AS t(id, b, c) WHERE id = 3;',
      'SELECT (SELECT max(id) FROM customers c2 WHERE c2.id <= 3) FROM customers LIMIT 1',
      'FROM customers SELECT id WHERE id = 3 -- the end',
      'SELECT "customers"."id" FROM "bank" . /* here */ "customers" WHERE id = 3',
      'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(id) FROM customers JOIN r ON id = n',
      'SELECT id FROM customers a CROSS JOIN (SELECT 1) b LEFT JOIN customers c USING (id) WHERE id = 3',
    ];
    for (const sql of statements) expect(await lake.rows(lake.root, sql), sql).toEqual([['3']]);
  });
});
