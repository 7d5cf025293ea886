import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';
import { parsePartitionFilter } from './partition-filter.ts';

const root = contextOf('root');
const name = { database: 'd', table: 't' };
const partitionKeys = [
  { name: 'region', type: 'string' },
  { name: 'n', type: 'int' },
  { name: 'day', type: 'date' },
];
const REGIONS = ['eu', 'us', 'a%b', "o'k", ''];
const tuples = REGIONS.flatMap((region) =>
  ['1', '02', '10', '-3', 'odd'].flatMap((n) =>
    ['2026-01-01', '2026-1-2', '2026-01-03'].map((day) => [region, n, day]),
  ),
);

let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeAll(async () => {
  lake = await testCatalog();
  await lake.catalog.createDatabase(root, { name: 'd' });
  await lake.catalog.createTable(root, 'd', {
    name: 't',
    columns: [{ name: 'x', type: 'int' }],
    partitionKeys,
    storage: { location: 's3://lake/t/', serdeParameters: {} },
  });
  await lake.catalog.createPartitions(root, name, tuples.slice(0, 40).map(partition));
});
afterAll(() => lake.close());

const partition = (values: readonly string[]) => ({
  values,
  location: `s3://lake/t/${values.map(encodeURIComponent).join('/')}/`,
  parameters: {},
});
async function active(): Promise<readonly string[]> {
  for (;;) {
    const indexes = await lake.catalog.partitionIndexes(root, name);
    if (indexes.every((index) => index.state === 'ACTIVE')) return indexes.map((index) => index.name);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

describe('partition indexes', () => {
  it('fill with what is there, follow every change, and answer as the filter without them does', async () => {
    await lake.catalog.createPartitionIndex(root, name, { name: 'By_Day', keys: ['day', 'N'] });
    await lake.catalog.createPartitionIndex(root, name, { name: 'by_n', keys: ['n'] });
    expect(await active()).toEqual(['by_day', 'by_n']);
    await lake.catalog.createPartitions(root, name, tuples.slice(40).map(partition));
    await lake.catalog.deletePartition(root, name, tuples[3]!);
    await lake.catalog.updatePartition(root, name, tuples[4]!, partition(['moved', '7', '2026-02-01']));
    const all = (await lake.catalog.listPartitions(root, name)).map((one) => one.values);
    expect(all).toHaveLength(tuples.length - 1);

    const literal = {
      region: fc.constantFrom(...REGIONS, 'moved').map((text) => `'${text.replaceAll("'", "''")}'`),
      n: fc.constantFrom('1', '2', "'02'", '10', '-3', '7'),
      day: fc.constantFrom("'2026-01-01'", "'2026-01-02'", "'2026-02-01'", "DATE '2026-1-3'"),
    };
    const comparison = fc
      .constantFrom('region' as const, 'n' as const, 'day' as const)
      .chain((key) => fc.tuple(fc.constant(key), fc.constantFrom('=', '=', '=', '<>', '<', '>='), literal[key]))
      .map((parts) => parts.join(' '));
    const expression = fc.oneof(
      comparison,
      fc.tuple(comparison, fc.constantFrom('AND', 'AND', 'OR'), comparison).map((parts) => parts.join(' ')),
      fc.tuple(comparison, comparison, comparison).map((parts) => parts.join(' AND ')),
      fc.tuple(comparison, comparison).map(([a, b]) => `NOT (${a} OR ${b})`),
    );
    await fc.assert(
      fc.asyncProperty(expression, fc.integer({ min: 1, max: 20 }), async (text, limit) => {
        const expected = all.filter(parsePartitionFilter(text, partitionKeys).test);
        const found: (readonly string[])[] = [];
        for (let after: readonly string[] | undefined; ; after = found.at(-1)) {
          const page = await lake.catalog.listPartitions(root, name, {
            expression: text,
            limit,
            ...(after === undefined ? {} : { after }),
          });
          found.push(...page.map((one) => one.values));
          if (page.length < limit) break;
        }
        expect(found).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('goes on with an index that a stop left unfinished', async () => {
    const table = await lake.catalog.getTable(root, name);
    const { default: databaseStore } = await import('./store.ts');
    // As a stop right after the index was recorded leaves it: no filler has seen it.
    await lake.store.write(databaseStore.procedures.addPartitionIndex, {
      tableId: table.id,
      table: 'd.t',
      name: 'late',
      keys: ['region', 'day'],
      at: 0,
    });
    await lake.reopen();
    expect(await active()).toContain('late');
    const found = await lake.catalog.listPartitions(root, name, { expression: "day = '2026-01-02' AND region = 'us'" });
    expect(found.map((one) => one.values[1]).sort()).toEqual(['-3', '02', '1', '10', 'odd']);
  });

  it('refuses a fourth, a twin and keys that are none, and forgets a deleted one', async () => {
    expect(await codeOf(lake.catalog.createPartitionIndex(root, name, { name: 'x', keys: ['region'] }))).toBe(
      'limit_exceeded',
    );
    await lake.catalog.deletePartitionIndex(root, name, 'by_n');
    while ((await lake.catalog.partitionIndexes(root, name)).length > 2) await new Promise((r) => setTimeout(r, 5));
    const make = (index: { name: string; keys: string[] }) =>
      codeOf(lake.catalog.createPartitionIndex(root, name, index));
    expect(await make({ name: 'late', keys: ['region'] })).toBe('already_exists');
    expect(await make({ name: 'x', keys: ['region', 'day'] })).toBe('already_exists');
    expect(await make({ name: 'x', keys: ['x'] })).toBe('invalid_argument');
    expect(await make({ name: 'x', keys: [] })).toBe('invalid_argument');
    expect(await make({ name: 'x', keys: ['n', 'n'] })).toBe('invalid_argument');
    expect(await codeOf(lake.catalog.deletePartitionIndex(root, name, 'by_n'))).toBe('not_found');
  });
});

describe('partitions as of a time', () => {
  it('are those that were there then, with what they said then', async () => {
    const past = { database: 'd', table: 'past' };
    await lake.catalog.createTable(root, 'd', {
      name: 'past',
      columns: [],
      partitionKeys: [{ name: 'k', type: 'string' }],
      storage: { location: 's3://lake/past/', serdeParameters: {} },
    });
    const put = (value: string, note: string) => ({
      values: [value],
      location: `s3://lake/past/${value}/`,
      parameters: { note },
    });
    const seen: { at: number; says: string[] }[] = [];
    const look = async () => {
      const found = await lake.catalog.listPartitions(root, past);
      seen.push({ at: lake.clock.now(), says: found.map((one) => `${one.values[0]}:${one.parameters.note}`) });
      lake.clock.advance(1000);
    };
    await look();
    await lake.catalog.createPartitions(root, past, [put('a', '1'), put('b', '1')]);
    await look();
    await lake.catalog.updatePartition(root, past, ['a'], put('a', '2'));
    await look();
    await lake.catalog.deletePartition(root, past, ['a']);
    await look();
    await lake.catalog.createPartitions(root, past, [put('a', '3')]);
    await look();
    await lake.catalog.updatePartition(root, past, ['b'], put('c', '4'));
    await look();
    for (const { at, says } of seen) {
      const found = await lake.catalog.listPartitions(root, past, { asOf: at });
      expect(found.map((one) => `${one.values[0]}:${one.parameters.note}`)).toEqual(says);
    }
    expect(await codeOf(lake.catalog.listPartitions(root, past, { asOf: 0 }))).toBe('invalid_argument');
  });
});
