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

it.each<[string, string[]]>([
  ['SELECT id, amount * 2 AS twice FROM orders', ['id = orders.id', 'twice = orders.amount']],
  ['SELECT * FROM orders', ['id = orders.id', 'amount = orders.amount']],
  [
    'SELECT o.id, count(p.pid) AS n, 1 AS one FROM orders o JOIN people p ON o.id = p.pid GROUP BY 1',
    ['id = orders.id', 'n = people.pid', 'one = '],
  ],
  ['SELECT p.*, o.amount + p.pid AS s FROM orders o, people p', ['pid = people.pid', 's = orders.amount+people.pid']],
  ['SELECT * FROM (SELECT id AS key FROM orders) AS r LIMIT 0', ['key = orders.id']],
  ['SELECT bank.orders.id FROM bank.orders', ['id = orders.id']],
  ['SELECT id + 1, max(amount) FROM orders GROUP BY 1', ['(id + 1) = orders.id', 'max(amount) = orders.amount']],
  ['WITH x AS (SELECT id FROM orders) SELECT id FROM x', ['id = orders.id']],
  [
    'WITH x(k) AS (SELECT id FROM orders), y AS (SELECT k AS j FROM x) SELECT x.k, j FROM x, y',
    ['k = orders.id', 'j = orders.id'],
  ],
  ['WITH orders AS (SELECT id AS z FROM orders) SELECT * FROM orders', ['z = orders.id']],
  [
    'WITH RECURSIVE r(n) AS (SELECT id FROM orders UNION ALL SELECT n + pid FROM r, people WHERE n < 3) SELECT * FROM r',
    ['n = orders.id+people.pid'],
  ],
  ['SELECT id FROM orders UNION ALL SELECT pid FROM people', ['id = orders.id+people.pid']],
  [
    'SELECT id FROM orders UNION ALL BY NAME SELECT pid AS id, 1 AS one FROM people',
    ['id = orders.id+people.pid', 'one = '],
  ],
  ['SELECT id FROM orders EXCEPT SELECT pid FROM people', ['id = orders.id']],
  ['SELECT (SELECT max(pid) FROM people) AS m, id FROM orders', ['m = people.pid', 'id = orders.id']],
  [
    'SELECT EXISTS (SELECT * FROM people WHERE pid = id) AS e, id IN (SELECT pid FROM people) AS i FROM orders',
    ['e = ', 'i = orders.id+people.pid'],
  ],
  [
    'SELECT a.id, b.id AS other FROM orders a JOIN (SELECT pid AS id FROM people) b ON a.id = b.id',
    ['id = orders.id', 'other = people.pid'],
  ],
  [
    'SELECT * FROM orders JOIN (SELECT pid AS id, 1 AS q FROM people) b USING (id)',
    ['id = orders.id', 'amount = orders.amount', 'q = '],
  ],
  ['SELECT id FROM orders FULL JOIN (SELECT pid AS id FROM people) b USING (id)', ['id = orders.id+people.pid']],
  ['SELECT * FROM orders NATURAL JOIN (SELECT pid AS id FROM people) b', ['id = orders.id', 'amount = orders.amount']],
  ['SELECT * FROM orders SEMI JOIN people ON id = pid', ['id = orders.id', 'amount = orders.amount']],
  ['SELECT * EXCLUDE (id) FROM orders', ['amount = orders.amount']],
  ['SELECT * REPLACE (amount + id AS amount) FROM orders', ['id = orders.id', 'amount = orders.amount+orders.id']],
  ['SELECT * RENAME (id AS key) FROM orders', ['key = orders.id', 'amount = orders.amount']],
  ['SELECT o.* EXCLUDE (id), pid FROM orders o, people', ['amount = orders.amount', 'pid = people.pid']],
  ['SELECT amount + 1 AS more, more * 2 AS most FROM orders', ['more = orders.amount', 'most = orders.amount']],
  ['SELECT list_transform([id], lambda x: x + amount) AS l FROM orders', ['l = orders.id+orders.amount']],
  ['SELECT u FROM orders, unnest([id, amount]) AS t(u)', ['u = orders.id+orders.amount']],
  ['SELECT sum(amount) OVER (PARTITION BY id) AS s FROM orders', ['s = orders.amount+orders.id']],
  ['SELECT * FROM orders AS o(a, b)', ['a = orders.id', 'b = orders.amount']],
  ['SELECT x.q FROM orders, (VALUES (1, 2)) AS x(p, q)', ['q = ']],
  [
    'SELECT * FROM (SELECT id, amount FROM orders) PIVOT (sum(amount) FOR id IN (1, 2 AS two))',
    ['1 = orders.id+orders.amount', 'two = orders.id+orders.amount'],
  ],
  [
    'SELECT * FROM (SELECT id, amount, pid FROM orders, people) PIVOT (sum(amount) AS s, count(*) AS n FOR id IN (1))',
    ['pid = people.pid', '1_s = orders.id+orders.amount', '1_n = orders.id'],
  ],
  [
    'SELECT * FROM (SELECT id::DOUBLE AS id, amount FROM orders) UNPIVOT (v FOR k IN (id, amount))',
    ['k = ', 'v = orders.id+orders.amount'],
  ],
])('tells what the columns of `%s` are made of', async (sql, expected) => {
  expect(await flows(sql)).toEqual(expected);
});

it.each(["SELECT COLUMNS('i.*') FROM orders", 'SELECT #1 FROM orders'])(
  'says nothing where it is not sure: `%s`',
  async (sql) => {
    expect(await flows(sql)).toBeUndefined();
  },
);
