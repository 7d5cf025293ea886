/** Lineage without work: what queries, views, loads, crawls and deliveries leave in the graph by themselves. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TPCH_QUERIES } from '../../../bench/tpch/queries.ts';
import { TPCH_TABLES } from '../../../bench/tpch/tables.ts';
import type { LineageGraph } from '../../../src/catalog/contract.ts';
import type { RequestContext } from '../../../src/core/caller.ts';
import { openQueryLake, type QueryLake } from '../../../src/testing/builders/query-lake.ts';

let lake: QueryLake;
let ana: RequestContext;
beforeAll(async () => {
  lake = await openQueryLake();
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'amount', type: 'double' },
    { name: 'region', type: 'string' },
  ];
  await lake.createTable('bank.orders', columns, "SELECT 1::BIGINT AS id, 2.5::DOUBLE AS amount, 'n' AS region");
  await lake.createTable('bank.people', [{ name: 'pid', type: 'bigint' }], 'SELECT 1::BIGINT AS pid');
  await lake.catalog.createTable(lake.root, 'bank', {
    name: 'totals',
    tableType: 'VIRTUAL_VIEW',
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'total', type: 'double' },
    ],
    viewText: "SELECT id, sum(amount) AS total FROM orders WHERE region = 'n' GROUP BY id",
    parameters: { 'loch.dialect': 'duckdb' },
  });
  ana = await lake.user('ana');
  const grants = lake.governance.grants;
  await grants.grant(lake.root, {
    principal: ana.principal.arn,
    resource: { kind: 'columns', database: 'bank', table: 'orders', include: ['id', 'amount'] },
    permissions: ['SELECT'],
  });
});
afterAll(() => lake.close());

async function query(context: RequestContext, sql: string, dialect: 'duckdb' | 'athena' = 'duckdb'): Promise<string> {
  const id = await lake.consumption.queries.start(context, { sql, database: 'bank', dialect });
  const ended = await lake.consumption.queries.wait(id, AbortSignal.timeout(30_000));
  expect(ended.stateReason).toBeUndefined();
  await lake.lineage.settled();
  return id;
}
const graph = (table: string, by = lake.root, options = {}) =>
  lake.lineage.graph(by, { database: 'bank', table }, { direction: 'downstream', depth: 3, ...options });
function told({ nodes, edges }: LineageGraph) {
  const name = new Map(nodes.map((node) => [node.id, node.name || node.kind]));
  return edges
    .map(({ from, to, job, columnLevel, columns }) => {
      const pairs = columns.map((pair) => `${pair.from}>${pair.to}`).join(' ');
      return `${name.get(from)} -> ${name.get(to)} ${job}: ${columnLevel ? pairs : 'partial'}`;
    })
    .sort();
}

describe('a query', () => {
  it('is an edge from each table that it reads to who asked, by columns, once however often it is asked', async () => {
    const first = await query(
      lake.root,
      "SELECT o.id, amount * 2 AS twice FROM orders o JOIN people ON pid = id WHERE region = 'n'",
    );
    const again = await query(
      lake.root,
      "SELECT o.id,  amount * 3 AS twice FROM orders o JOIN people ON pid = id WHERE region = 'x' -- again",
    );
    expect(again).not.toBe(first);
    const found = await graph('orders');
    expect(told(found)).toEqual(['bank.orders -> query of root query: id>id amount>twice']);
    expect(found.nodes.find(({ kind }) => kind === 'query')?.statement).toBe(
      'SELECT o . id , amount * ? AS twice FROM orders o JOIN people ON pid = id WHERE region = ?',
    );
    expect(told(await graph('people'))).toEqual(['bank.people -> query of root query: ']);
  });

  it('that fails, or reads nothing, leaves none', async () => {
    const before = told(await graph('orders'));
    const id = await lake.consumption.queries.start(lake.root, {
      sql: "SELECT error('x') FROM orders",
      database: 'bank',
      dialect: 'duckdb',
    });
    expect((await lake.consumption.queries.wait(id, AbortSignal.timeout(30_000))).state).toBe('FAILED');
    await query(lake.root, 'SELECT 1 AS one');
    expect(told(await graph('orders'))).toEqual(before);
  });

  it('whose columns are not sure is an edge marked as partial', async () => {
    await query(lake.root, "SELECT COLUMNS('p.*') FROM people");
    expect(told(await graph('people'))).toContain('bank.people -> query of root query: partial');
  });

  it('over a view reads the view, which is made of its tables', async () => {
    await query(lake.root, 'SELECT total FROM totals');
    expect(told(await graph('orders'))).toEqual([
      'bank.orders -> bank.totals view/bank.totals: id>id amount>total',
      'bank.orders -> query of root query: id>id amount>twice',
      'bank.totals -> query of root query: total>total',
    ]);
  });

  it('of another is restricted to who does not administer queries; a hidden column is never told', async () => {
    const bob = await lake.user('bob');
    await lake.governance.grants.grant(lake.root, {
      principal: bob.principal.arn,
      resource: { kind: 'columns', database: 'bank', table: 'orders', include: ['id'] },
      permissions: ['SELECT'],
    });
    await lake.governance.identity.putInlinePolicy(
      lake.root,
      { kind: 'user', name: 'bob' },
      'no-admin',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Deny', Action: 'athena:UpdateWorkGroup', Resource: '*' }],
      }),
    );
    await query(bob, 'SELECT id FROM orders');
    const seen = await graph('orders', bob);
    expect(told(seen)).toEqual([
      'bank.orders -> query of user/bob query: id>id',
      'bank.orders -> restricted : partial',
      'bank.orders -> restricted : partial',
    ]);
    expect(JSON.stringify(seen)).not.toMatch(/amount|totals|root|region/);
  });
});

describe('an impact list', () => {
  const impact = async (column: string | undefined, by = lake.root) => {
    const { consumers } = await lake.lineage.impact(
      by,
      { database: 'bank', table: 'orders' },
      column === undefined ? {} : { column },
    );
    return consumers.map(({ name, kind, distance, columns, certain }) =>
      `${distance} ${name || kind} ${columns.join(',')}${certain ? '' : '?'}`.trim(),
    );
  };

  it('names whom the loss of a column would touch, through views, and also those who only filter by it', async () => {
    expect(await impact('amount')).toEqual(['1 bank.totals total', '1 query of root twice', '2 query of root total']);
    expect(await impact('region')).toEqual(['1 bank.totals', '1 query of root']);
    expect((await impact(undefined)).length).toBeGreaterThanOrEqual(4);
  });

  it('is only of columns that are there and seen', async () => {
    await expect(impact('none')).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(impact('region', ana)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await impact('amount', ana)).every((line) => !line.includes('totals'))).toBe(true);
  });
});

describe('a statement that writes', () => {
  const upstream = (table: string) => graph(table, lake.root, { direction: 'upstream', depth: 1 });

  it('is an edge from what it read to the table, by columns: CREATE TABLE AS, INSERT, MERGE', async () => {
    await query(
      lake.root,
      'CREATE TABLE made AS WITH o AS (SELECT id, amount FROM orders) SELECT id, amount + 1 AS more FROM o',
      'athena',
    );
    expect(told(await upstream('made'))).toEqual(['bank.orders -> bank.made statement: id>id amount>more']);
    await query(lake.root, 'INSERT INTO made SELECT pid + 1, 2.5 FROM people', 'athena');
    expect(told(await upstream('made'))[1]).toBe('bank.people -> bank.made statement: pid>id');
    const columns = [
      { name: 'id', type: 'bigint' },
      { name: 'amount', type: 'double' },
    ];
    await lake.createTable('bank.merged', columns, 'SELECT 1::BIGINT AS id, 1.5::DOUBLE AS amount');
    await query(
      lake.root,
      'MERGE INTO merged t USING made s ON t.id = s.id WHEN MATCHED THEN UPDATE SET amount = s.more',
      'athena',
    );
    expect(told(await upstream('merged'))[0]).toBe('bank.made -> bank.merged statement: more>amount');
  });
});

it("tells the columns of TPC-H's 22 queries as they were worked out by hand", async () => {
  await lake.catalog.createDatabase(lake.root, { name: 'tpch', locationUri: 's3://lake/tpch' });
  for (const { name, columns } of TPCH_TABLES) {
    await lake.catalog.createIcebergTable(lake.root, { database: 'tpch', name, columns });
  }
  const lines: string[] = [];
  for (const [query, sql] of Object.entries(TPCH_QUERIES)) {
    const { columnFlows } = await lake.consumption.runner.run(
      lake.root,
      { sql, dialect: 'athena', database: 'tpch', result: { kind: 'rows', maxRows: 1 } },
      lake.root.signal,
    );
    for (const { output, inputs } of columnFlows ?? [{ output: 'unknown', inputs: [] }]) {
      const made = inputs.map(({ table, column }) => `${table.table}.${column}`).sort();
      lines.push(`${query} ${output} = ${made.join(' ') || '-'}`);
    }
  }
  const golden = readFileSync(new URL('../../golden/lineage/tpch.txt', import.meta.url), 'utf8');
  expect(lines).toEqual(golden.split('\n').filter((line) => line !== '' && !line.startsWith('#')));
});
