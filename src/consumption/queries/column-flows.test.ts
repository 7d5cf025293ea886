import { afterAll, beforeAll, expect, it } from 'vitest';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';

let lake: QueryLake;
beforeAll(async () => {
  lake = await openQueryLake();
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'amount', type: 'double' },
  ];
  await lake.createTable('bank.orders', columns, 'SELECT 1::BIGINT AS id, 2.5::DOUBLE AS amount');
  await lake.createTable('bank.people', [{ name: 'pid', type: 'bigint' }], 'SELECT 1::BIGINT AS pid');
});
afterAll(() => lake.close());

async function flows(sql: string) {
  const outcome = await lake.consumption.runner.run(
    lake.root,
    { sql, dialect: 'duckdb', database: 'bank', result: { kind: 'rows', maxRows: 10 } },
    lake.root.signal,
  );
  return outcome.columnFlows?.map(
    ({ output, inputs }) => `${output} = ${inputs.map(({ table, column }) => `${table.table}.${column}`).join('+')}`,
  );
}

it.each<[string, string[] | undefined]>([
  ['SELECT id, amount * 2 AS twice FROM orders', ['id = orders.id', 'twice = orders.amount']],
  ['SELECT * FROM orders', ['id = orders.id', 'amount = orders.amount']],
  [
    'SELECT o.id, count(p.pid) AS n, 1 AS one FROM orders o JOIN people p ON o.id = p.pid GROUP BY 1',
    ['id = orders.id', 'n = people.pid', 'one = '],
  ],
  ['SELECT p.*, o.amount + p.pid AS s FROM orders o, people p', ['pid = people.pid', 's = orders.amount+people.pid']],
  ['SELECT * FROM (SELECT id AS key FROM orders) AS r LIMIT 0', ['key = orders.id']],
  ['SELECT bank.orders.id FROM bank.orders', ['id = orders.id']],
])('tells what the columns of `%s` are made of', async (sql, expected) => {
  expect(await flows(sql)).toEqual(expected);
});

it.each([
  'WITH x AS (SELECT id FROM orders) SELECT id FROM x',
  'SELECT id FROM orders UNION ALL SELECT pid FROM people',
  'SELECT (SELECT max(pid) FROM people) AS m, id FROM orders',
  'SELECT a.id FROM orders a JOIN (SELECT pid AS id FROM people) b ON a.id = b.id',
  'SELECT * EXCLUDE (id) FROM orders',
])('says nothing where it is not sure: `%s`', async (sql) => {
  expect(await flows(sql)).toBeUndefined();
});
