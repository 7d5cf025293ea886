import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';
import type { BrowseQuery, TableInput } from '../contract.ts';

const root = contextOf('root');
const ana = contextOf('ana');
const policy = statedPolicy({
  ana: {
    iam: (action) => action.startsWith('glue:'),
    tables: {
      'shop.orders': { permissions: ['SELECT'], columns: ['id', 'amount'] },
      'shop.returns': { permissions: ['SELECT'] },
    },
  },
});
let lake: Awaited<ReturnType<typeof testCatalog>>;
const table = (name: string, columns: string[], other: Partial<TableInput> = {}): TableInput => ({
  name,
  columns: columns.map((column) => ({ name: column, type: 'string' })),
  storage: { location: `s3://lake/${name}/`, serdeParameters: {} },
  parameters: { classification: 'csv' },
  ...other,
});

beforeAll(async () => {
  lake = await testCatalog(policy);
  for (const database of ['shop', 'bank']) await lake.catalog.createDatabase(root, { name: database });
  await lake.catalog.createTable(root, 'shop', table('orders', ['id', 'amount', 'customer_email']));
  await lake.catalog.createTable(root, 'shop', table('returns', ['id', 'reason']));
  await lake.catalog.createTable(
    root,
    'bank',
    table('salaries', ['id', 'pay'], { parameters: { classification: 'parquet' } }),
  );
  await lake.discovery.putTerm(root, { name: 'Customer', definition: 'Who buys', synonyms: ['client', 'buyer'] });
  await lake.discovery.putTerm(root, { name: 'Churn', definition: 'Who left', synonyms: [] });
  await lake.discovery.annotate(
    root,
    { database: 'shop', table: 'orders' },
    {
      owner: 'Sales',
      steward: 'Bo Miller',
      sensitivity: 'internal',
      tags: ['gold', 'daily'],
      description: 'What was bought',
      columns: { customer_email: { sensitivity: 'personal', terms: ['Customer'] } },
    },
  );
  await lake.discovery.annotate(root, { database: 'shop', table: 'returns' }, { owner: 'Sales', terms: ['Churn'] });
});
afterAll(() => lake.close());

const found = async (query: BrowseQuery, by = root) =>
  (await lake.discovery.browse(by, query)).hits.map((hit) => `${hit.database}.${hit.table}`);

describe('browsing', () => {
  it('finds tables by business words as well as by technical ones', async () => {
    expect(await found({ text: 'miller' })).toEqual(['shop.orders']);
    expect(await found({ text: 'churn' })).toEqual(['shop.returns']);
    expect(await found({ text: 'gold' })).toEqual(['shop.orders']);
    expect(await found({ text: 'reason' })).toEqual(['shop.returns']);
    expect(await found({ text: 'sales' })).toEqual(expect.arrayContaining(['shop.orders', 'shop.returns']));
  });

  it('takes what the glossary says means the same', async () => {
    expect(await found({ text: 'buyer' })).toEqual(['shop.orders']);
    expect(await found({ text: 'client' })).toEqual(['shop.orders']);
  });

  it('takes a mistyped word for a near one where nothing has it, and says so', async () => {
    const meant = async (text: string, by = root) => {
      const { hits, corrected } = await lake.discovery.browse(by, { text });
      return [corrected, ...hits.map((hit) => hit.table)];
    };
    expect(await meant('custmoer')).toEqual(['custom', 'orders']);
    expect(await meant('salareys')).toEqual(['salari', 'salaries']);
    expect(await meant('orders')).toEqual([undefined, 'orders']);
    expect(await meant('xylophone')).toEqual([undefined]);
    // What he may not see corrects nothing: no answer tells that there is such a word.
    expect(await meant('salareys', ana)).toEqual(['sale', 'returns', 'orders']);
    expect(await meant('custmoer', ana)).toEqual([undefined]);
  });

  it('takes a quoted phrase as it stands, also against what is hidden', async () => {
    const search = async (text: string, by = root) => (await lake.catalog.search(by, { text })).map((hit) => hit.table);
    expect(await search('"what was bought"')).toEqual(['orders']);
    expect(await search('"was what bought"')).toEqual([]);
    expect(await search('bought "customer email"')).toEqual(['orders']);
    expect(await search('bought "customer email"', ana)).toEqual([]);
    expect(await search('"what was" bou', ana)).toEqual(['orders']);
  });

  it('counts facets and filters by them, several values of one being either', async () => {
    const all = await lake.discovery.browse(root, {});
    expect(all.total).toBe(3);
    expect(all.facets.owner).toEqual([{ value: 'Sales', count: 2 }]);
    expect(all.facets.format).toEqual([
      { value: 'csv', count: 2 },
      { value: 'parquet', count: 1 },
    ]);
    expect(all.facets.sensitivity).toEqual([
      { value: 'internal', count: 1 },
      { value: 'personal', count: 1 },
    ]);
    expect(all.facets.term.map(({ value }) => value)).toEqual(['Churn', 'Customer']);
    expect(await found({ filters: { owner: ['sales'] }, sort: 'name' })).toEqual(['shop.orders', 'shop.returns']);
    expect(await found({ filters: { format: ['csv', 'parquet'] }, sort: 'name' })).toHaveLength(3);
    expect(await found({ text: 'id', filters: { database: ['bank'] } })).toEqual(['bank.salaries']);
    expect(await found({ filters: { owner: ['Sales'], term: ['Churn'] } })).toEqual(['shop.returns']);
    expect(await found({ text: 'bought', filters: { owner: ['Nobody'] } })).toEqual([]);
  });

  it('pages, and sorts by name and by change', async () => {
    expect(await found({ sort: 'name', limit: 1, offset: 1 })).toEqual(['shop.returns']);
    expect(await found({ sort: 'name' })).toEqual(['shop.orders', 'shop.returns', 'bank.salaries']);
    expect(await found({ sort: 'updated' })).toHaveLength(3);
  });

  it('shows no hit, facet or count of what the caller may not see', async () => {
    const mine = await lake.discovery.browse(ana, {});
    expect(mine.total).toBe(2);
    expect(mine.facets.format).toEqual([{ value: 'csv', count: 2 }]);
    expect(mine.facets.sensitivity).toEqual([{ value: 'internal', count: 1 }]);
    expect(mine.facets.term).toEqual([{ value: 'Churn', count: 1 }]);
    expect(await found({ text: 'customer' }, ana)).toEqual([]);
    expect(await found({ text: 'client' }, ana)).toEqual([]);
    expect(await found({ filters: { sensitivity: ['personal'] } }, ana)).toEqual([]);
    expect(await found({ text: 'salaries' }, ana)).toEqual([]);
    expect((await lake.catalog.search(ana, { text: 'personal' })).length).toBe(0);
  });

  it('answers questions of nothing but signs, and very long ones', async () => {
    expect(await found({ text: '"" -- *' })).toEqual([]);
    expect(await found({ text: 'x '.repeat(5_000) })).toEqual([]);
  });
});

describe('business words', () => {
  it('stay when an engine writes the table without them, and go when they are taken away', async () => {
    const name = { database: 'shop', table: 'returns' };
    await lake.catalog.updateTable(root, 'shop', table('returns', ['id', 'reason', 'more']));
    expect((await lake.catalog.getTable(root, name)).parameters).toMatchObject({
      'loch.owner': 'Sales',
      'loch.terms': 'Churn',
    });
    await lake.discovery.annotate(root, name, { owner: '', terms: [] });
    expect(await found({ filters: { owner: ['Sales'] } })).toEqual(['shop.orders']);
    await lake.discovery.annotate(root, name, { owner: 'Sales', terms: ['Churn'] });
  });

  it('are refused for columns and terms that do not exist, and to who may not change the table', async () => {
    const name = { database: 'shop', table: 'orders' };
    await expect(lake.discovery.annotate(root, name, { columns: { nothing: {} } })).rejects.toMatchObject({
      code: 'column_not_found',
    });
    await expect(lake.discovery.annotate(root, name, { terms: ['Nobody said'] })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await expect(lake.discovery.annotate(ana, name, { owner: 'me' })).rejects.toMatchObject({ code: 'access_denied' });
    await expect(lake.discovery.putTerm(ana, { name: 't', definition: '', synonyms: [] })).rejects.toMatchObject({
      code: 'access_denied',
    });
  });
});
