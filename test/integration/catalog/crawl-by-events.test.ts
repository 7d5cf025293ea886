import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CrawlerRun } from '../../../src/catalog/contract.ts';
import { openQueryLake, type QueryLake } from '../../../src/testing/builders/query-lake.ts';

let lake: QueryLake;
beforeAll(async () => {
  lake = await openQueryLake();
});
afterAll(() => lake.close());

const put = (key: string, body = 'id,amount\n1,2.5\n2,3.5\n') => lake.objects.put('lake', key, Buffer.from(body));
const days = async () =>
  (await lake.catalog.listPartitions(lake.root, { database: 'bank', table: 'taps' })).map((one) => one.values[0]);

/** The next run that ended after those known. */
async function nextRun(known: number): Promise<CrawlerRun> {
  for (;;) {
    const runs = await lake.crawlers.runs(lake.root, 'taps');
    const [newest] = runs;
    if (runs.length > known && newest!.state !== 'RUNNING') return newest!;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it('follows objects as they arrive and go, looking only at their folders', async () => {
  for (const day of ['1', '2', '3']) await put(`feed/taps/day=${day}/a.csv`);
  await lake.crawlers.create(lake.root, {
    name: 'taps',
    role: lake.root.principal.arn,
    database: 'bank',
    targets: [{ path: 's3://lake/feed/', exclusions: ['**.tmp'] }],
    recrawl: 'CRAWL_EVENT_MODE',
    schemaChange: { update: 'UPDATE_IN_DATABASE', delete: 'DELETE_FROM_DATABASE' },
  });
  const first = await lake.crawlers.start(lake.root, 'taps');
  expect(await lake.crawlers.wait(first.id, AbortSignal.timeout(20_000))).toMatchObject({
    state: 'COMPLETED',
    tablesCreated: 1,
    partitionsAdded: 3,
  });
  // What arrived before the crawler was made may still be told to it: once it has heard of day 0, it has heard of all that.
  await put('feed/taps/day=0/a.csv');
  await expect.poll(days, { timeout: 20_000 }).toContain('0');
  await expect
    .poll(async () => (await lake.crawlers.runs(lake.root, 'taps'))[0]!.state, { timeout: 20_000 })
    .toBe('COMPLETED');
  const before = (await lake.crawlers.runs(lake.root, 'taps')).length;
  await put('feed/taps/day=4/a.csv');
  await put('feed/taps/day=4/b.tmp', 'no');
  await put('elsewhere/day=9/a.csv');
  await lake.objects.delete('lake', 'feed/taps/day=1/a.csv');
  const run = await nextRun(before);
  expect(run).toMatchObject({ state: 'COMPLETED', objects: 1, partitionsAdded: 1 });
  expect(await days()).toEqual(['0', '2', '3', '4']);
  expect(await lake.rows(lake.root, "SELECT count(*) FROM taps WHERE day = '4'")).toEqual([['2']]);
}, 60_000);
