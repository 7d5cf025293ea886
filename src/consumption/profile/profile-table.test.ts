import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';

let lake: QueryLake;
let ana: RequestContext;
beforeAll(async () => {
  lake = await openQueryLake();
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'region', type: 'string' },
    { name: 'email', type: 'string' },
    { name: 'tags', type: 'array<string>' },
  ];
  await lake.createTable(
    'bank.people',
    columns,
    `SELECT range::BIGINT AS id, CASE WHEN range % 4 = 0 THEN NULL WHEN range % 2 = 0 THEN 'south' ELSE 'north' END AS region,
       'p' || range || '@x.com' AS email, ['a'] AS tags FROM range(100)`,
  );
  ana = await lake.user('ana');
  await lake.governance.grants.createFilter(lake.root, {
    database: 'bank',
    table: 'people',
    filter: 'north',
    expression: "region = 'north'",
    exclude: ['tags'],
    masks: { email: 'hash' },
  });
  await lake.governance.grants.grant(lake.root, {
    principal: ana.principal.arn,
    resource: { kind: 'filter', database: 'bank', table: 'people', filter: 'north' },
    permissions: ['SELECT'],
  });
});
afterAll(() => lake.close());

const profile = (by: RequestContext) =>
  lake.consumption.profiles.profile(by, { database: 'bank', table: 'people' }, by.signal);

it('tells nulls, different values, least and greatest, and the most frequent', async () => {
  const { rows, exact, columns, left } = await profile(lake.root);
  expect({ rows, exact, left }).toEqual({ rows: 100, exact: true, left: 0 });
  expect(columns[0]).toMatchObject({ name: 'id', nulls: 0, distinct: 100, min: '0', max: '99' });
  expect(columns[1]).toMatchObject({
    nullShare: 0.25,
    distinct: 2,
    top: [
      { value: 'north', count: 50 },
      { value: 'south', count: 25 },
    ],
  });
  expect(columns[3]).toMatchObject({ name: 'tags', nulls: 0, top: [] });
});

it('counts what the viewer may see alone, and tells no value of a masked column', async () => {
  const { rows, columns } = await profile(ana);
  expect(rows).toBe(50);
  expect(columns.map((column) => column.name)).toEqual(['id', 'region', 'email']);
  expect(columns[1]).toMatchObject({ nullShare: 0, top: [{ value: 'north', count: 50 }] });
  expect(columns[2]).toEqual({
    name: 'email',
    type: 'string',
    nulls: 0,
    nullShare: 0,
    distinct: 50,
    masked: true,
    top: [],
  });
  await expect(
    lake.consumption.profiles.profile(await lake.user('nobody'), { database: 'bank', table: 'people' }, ana.signal),
  ).rejects.toMatchObject({ code: 'database_not_found' });
});
