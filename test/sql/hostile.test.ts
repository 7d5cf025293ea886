/**
 * Every statement of `hostile.txt`, run as the analyst: refused, or answered with what she may see and nothing else.
 * The oracle is the same statement as root over tables that hold only that, made without any of Loch's policy.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../src/core/caller.ts';
import { isLochError, type LochError } from '../../src/core/errors.ts';
import { openQueryLake, type QueryLake } from '../../src/testing/builders/query-lake.ts';

interface Case {
  readonly verdict: 'refused' | 'granted' | 'answers';
  readonly rows: string | undefined;
  readonly dialect: 'duckdb' | 'athena';
  readonly why: string;
  readonly sql: string;
}

function readCases(): Case[] {
  const text = readFileSync(new URL('./hostile.txt', import.meta.url), 'utf8');
  return text.split(/\n\n+/).flatMap((block) => {
    const [, verdict, rows, dialect, why, sql] =
      /^(refused|granted|answers (.*?))( athena)?: (.*)\n([\s\S]+)$/.exec(block.trim()) ?? [];
    if (sql === undefined) return [];
    return [
      {
        verdict: verdict!.split(' ')[0] as Case['verdict'],
        rows,
        dialect: dialect === undefined ? 'duckdb' : 'athena',
        why: why!,
        sql,
      } as const,
    ];
  });
}

const CASES = readCases();
/** What every hidden value contains. */
const HIDDEN = /HIDDEN|77777|1777/;
/** Statements may name hidden values; what comes back is searched after taking the statement's own words away. */
const withoutOwnWords = (text: string, sql: string) => {
  let rest = text;
  for (const word of new Set(sql.match(/[A-Za-z0-9_]*(?:HIDDEN|77777|1777)[A-Za-z0-9_]*/g) ?? [])) {
    rest = rest.replaceAll(word, '');
  }
  return rest;
};

let lake: QueryLake;
let analyst: RequestContext;

const PEOPLE = [
  { name: 'id', type: 'bigint' },
  { name: 'name', type: 'string' },
  { name: 'region', type: 'string' },
  { name: 'email', type: 'string' },
  { name: 'salary', type: 'decimal(12,2)' },
  { name: 'born', type: 'date' },
  { name: 'national_id', type: 'string' },
];
const ORDERS = [
  { name: 'id', type: 'bigint' },
  { name: 'person', type: 'bigint' },
  { name: 'note', type: 'string' },
];

/** Rows 0 to 9 are hers; the other ten are in regions south, none and NULL. */
const people = `
  SELECT i::BIGINT AS id, 'person ' || i AS name, 'north' AS region, 'user' || i || '@hers.example' AS email,
    (50000 + i)::DECIMAL(12,2) AS salary, (DATE '1980-05-17' + (i * 200)::INTEGER)::DATE AS born, 'HIDDEN-' || i AS national_id
  FROM range(10) t(i)
  UNION ALL
  SELECT 7777700 + i, 'HIDDEN person ' || i, CASE i % 3 WHEN 0 THEN 'south' WHEN 1 THEN 'HIDDEN' END, 'HIDDEN' || i || '@x.example',
    777770 + i, (DATE '1777-07-07' + (i * 2)::INTEGER)::DATE, 'HIDDEN-7' || i
  FROM range(10) t(i)`;
/** What she may see of it, by the words of the grant. */
const visiblePeople = `
  SELECT i::BIGINT AS id, 'person ' || i AS name, 'north' AS region, 'xxxxx@xxxx.xxx' || 'mple' AS email,
    (50000 + i)::DECIMAL(12,2) AS salary, make_date(year(DATE '1980-05-17' + (i * 200)::INTEGER), 1, 1) AS born
  FROM range(10) t(i)`;
const orders =
  "SELECT i::BIGINT AS id, (CASE WHEN i < 5 THEN i ELSE 7777700 + i END)::BIGINT AS person, 'note ' || i AS note FROM range(8) t(i)";

beforeAll(async () => {
  lake = await openQueryLake();
  const { catalog, governance } = lake;
  await catalog.createDatabase(lake.root, { name: 'oracle', locationUri: 's3://lake/oracle' });
  await catalog.createDatabase(lake.root, { name: 'vault', locationUri: 's3://lake/vault' });
  await lake.createTable('bank.people', PEOPLE, people, { filesBy: 'region' });
  await lake.createTable('bank.orders', ORDERS, orders);
  const secret = [
    { name: 'id', type: 'bigint' },
    { name: 'secret', type: 'string' },
  ];
  await lake.createTable('bank.secrets', secret, "SELECT 7777799::BIGINT AS id, 'HIDDEN gold' AS secret");
  await lake.createTable('vault.gold', secret, "SELECT 7777799::BIGINT AS id, 'HIDDEN gold' AS secret");
  await catalog.createTable(lake.root, 'bank', {
    name: 'payroll_view',
    tableType: 'VIRTUAL_VIEW',
    columns: [{ name: 'salary', type: 'decimal(12,2)' }],
    viewText: 'SELECT salary FROM bank.people',
    parameters: { 'loch.dialect': 'duckdb' },
  });
  await lake.createTable('oracle.people', PEOPLE.slice(0, 6), visiblePeople);
  await lake.createTable('oracle.orders', ORDERS, orders);

  analyst = await lake.user('analyst');
  const principal = analyst.principal.arn;
  await governance.grants.createFilter(lake.root, {
    database: 'bank',
    table: 'people',
    filter: 'north',
    expression: "region = 'north'",
    exclude: ['national_id'],
    masks: { email: 'last_4', born: 'date_to_year' },
  });
  await governance.grants.grant(lake.root, {
    principal,
    resource: { kind: 'filter', database: 'bank', table: 'people', filter: 'north' },
    permissions: ['SELECT'],
  });
  await governance.grants.grant(lake.root, {
    principal,
    resource: { kind: 'table', database: 'bank', table: 'orders' },
    permissions: ['SELECT'],
  });
});
afterAll(() => lake.close());

const run = (context: RequestContext, database: string, { sql, dialect }: Pick<Case, 'sql' | 'dialect'>) =>
  lake.consumption.runner.run(
    context,
    { sql, dialect, database, result: { kind: 'rows', maxRows: 10_000 } },
    AbortSignal.timeout(20_000),
  );

/** The same statement where only what she may see exists. */
const oracleOf = (statement: Case): Case => ({
  ...statement,
  sql: statement.sql.replaceAll('bank.', 'oracle.').replaceAll("'bank'", "'oracle'"),
});

it('holds at least a hundred statements, half of them refusals', () => {
  expect(CASES.length).toBeGreaterThanOrEqual(100);
  expect(CASES.filter((statement) => statement.verdict === 'refused').length).toBeGreaterThan(50);
});

describe('a hostile statement is refused, and its error tells nothing hidden', () => {
  it.each(CASES.filter((statement) => statement.verdict === 'refused'))('$why', async (statement) => {
    const error = await run(analyst, 'bank', statement).then(
      (outcome) => expect.fail(`answered ${JSON.stringify(outcome.rows).slice(0, 300)}`),
      (failed: LochError) => failed,
    );
    expect(isLochError(error)).toBe(true);
    expect(['internal', 'unavailable', 'timeout', 'data_corrupt', 'statement_cancelled']).not.toContain(error.code);
    const told = JSON.stringify([error.message, error.context]);
    expect(withoutOwnWords(told, statement.sql)).not.toMatch(HIDDEN);
    expect(told).not.toContain(lake.folder);
    expect(withoutOwnWords(told, statement.sql).replaceAll(statement.sql, '')).not.toMatch(
      /read_parquet\(main|CASE {2}WHEN/,
    );
    // Names she may not know are told only if she said them.
    for (const name of ['national_id', 'secrets', 'payroll_view', 'vault']) {
      if (!statement.sql.toLowerCase().includes(name)) expect(told).not.toContain(name);
    }
  });
});

/** What a scan is made of, and must show nowhere. */
const SCAN = /read_parquet|TRY_CAST|_f\d|"_s"|statements\//;

describe('a statement about names answers what she may know', () => {
  it.each(CASES.filter((statement) => statement.verdict === 'answers'))('$why', async (statement) => {
    const { rows } = await run(analyst, 'bank', statement);
    expect(JSON.stringify(rows)).toBe(statement.rows);
  });
});

describe('a statement over what is hers gives exactly that', () => {
  it.each(CASES.filter((statement) => statement.verdict === 'granted'))('$why', async (statement) => {
    const [hers, oracle] = [await run(analyst, 'bank', statement), await run(lake.root, 'oracle', oracleOf(statement))];
    const named = (outcome: typeof hers) => JSON.stringify(outcome.columns).replaceAll('oracle', 'bank');
    expect(named(hers)).toBe(named(oracle));
    expect(named(hers)).not.toMatch(SCAN);
    expect(JSON.stringify(hers.rows).replaceAll('oracle', 'bank')).toBe(
      JSON.stringify(oracle.rows).replaceAll('oracle', 'bank'),
    );
    expect(JSON.stringify(hers.rows)).not.toMatch(HIDDEN);
  });
});
