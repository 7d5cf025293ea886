import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';
import { openChangeSink } from './change-sink.ts';
import type { CatalogChange } from './contract.ts';

const root = contextOf('root');
const ana = contextOf('ana');
const policy = statedPolicy({ ana: { iam: true, tables: { 'shop.orders': { permissions: ['SELECT'] } } } });
let lake: Awaited<ReturnType<typeof testCatalog>>;
const input = (name: string) => ({
  name,
  columns: [{ name: 'id', type: 'bigint' }],
  storage: { location: `s3://lake/${name}/`, serdeParameters: {} },
});

beforeAll(async () => {
  lake = await testCatalog(policy);
  await lake.catalog.createDatabase(root, { name: 'shop' });
  await lake.catalog.createTable(root, 'shop', input('orders'));
  await lake.catalog.createTable(root, 'shop', {
    ...input('secret'),
    partitionKeys: [{ name: 'day', type: 'string' }],
  });
  await lake.catalog.updateTable(root, 'shop', { ...input('orders'), description: 'Bought' });
  const partition = { values: ['1'], location: 's3://lake/secret/1/', parameters: {} };
  await lake.catalog.createPartitions(root, { database: 'shop', table: 'secret' }, [partition]);
  await lake.catalog.updateTable(root, 'shop', input('nothing')).catch(() => {});
  await lake.catalog.deleteTable(root, { database: 'shop', table: 'orders' });
  await lake.catalog.createTable(root, 'shop', input('orders'));
});
afterAll(() => lake.close());

const line = ({ detail }: CatalogChange) =>
  `${detail.typeOfChange} ${detail.tableName ?? detail.changedTables?.join() ?? detail.databaseName}`;
const WHOLE = [
  'CreateDatabase shop',
  'CreateTable orders',
  'CreateTable secret',
  'UpdateTable orders',
  'BatchCreatePartition secret',
  'DeleteTable orders',
  'CreateTable orders',
];

describe('the feed of changes', () => {
  it('tells what was committed, in its order, in the words of Glue, and nothing that failed', async () => {
    const { changes } = await lake.changes.read(root);
    expect(changes.map(line)).toEqual(WHOLE);
    expect(changes[3]).toMatchObject({
      source: 'aws.glue',
      'detail-type': 'Glue Data Catalog Table State Change',
      resources: ['arn:aws:glue:us-east-1:000000000000:table/shop/orders'],
      detail: { databaseName: 'shop', tableName: 'orders', typeOfChange: 'UpdateTable' },
    });
    expect(changes[1]?.['detail-type']).toBe('Glue Data Catalog Database State Change');
  });

  it('is read on from a cursor, also after a restart, and repeats what follows an older one', async () => {
    const seen: string[] = [];
    let after: string | undefined;
    for (let n = 0; n < WHOLE.length; n++) {
      const page = await lake.changes.read(root, { limit: 1, ...(after === undefined ? {} : { after }) });
      seen.push(...page.changes.map(line));
      after = page.cursor;
      if (n === 3) await lake.reopen();
    }
    expect(seen).toEqual(WHOLE);
    expect((await lake.changes.read(root, { after: after! })).changes).toEqual([]);
    expect((await lake.changes.read(root)).changes).toHaveLength(WHOLE.length);
  });

  it('tells nobody of what he may not see, and refuses a cursor that is none', async () => {
    const mine = await lake.changes.read(ana);
    expect(mine.changes.map(line)).toEqual(WHOLE.filter((one) => !one.includes('secret')));
    expect(JSON.stringify(mine)).not.toContain('secret');
    await expect(lake.changes.read(root, { after: 'x' })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(lake.changes.read(contextOf('nobody'))).rejects.toMatchObject({ code: 'access_denied' });
  });
});

describe('the webhook', () => {
  it('gets each change as a CloudEvent in order, waits while it is down, and goes on after a restart', async () => {
    const taken: { id: string; subject: string; data: CatalogChange }[] = [];
    let down = true;
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        if (!down) taken.push(JSON.parse(body));
        response.writeHead(down ? 503 : 202).end();
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const failures: unknown[] = [];
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/changes`;
    const open = () =>
      openChangeSink({
        store: lake.store,
        url,
        place: { region: 'us-east-1', accountId: '000000000000' },
        onFailure: (error) => failures.push(error),
      });
    const until = async (met: () => boolean) => {
      while (!met()) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    const first = open();
    await until(() => failures.length > 0);
    await first.close();
    down = false;
    const second = open();
    await until(() => taken.length >= WHOLE.length);
    await second.close();
    await lake.catalog.updateTable(root, 'shop', { ...input('orders'), description: 'Again' });
    const third = open();
    await until(() => taken.some(({ data }) => line(data) === 'UpdateTable orders' && data.id === taken.at(-1)!.id));
    await until(() => taken.length > WHOLE.length);
    await third.close();
    server.close();
    // One whose answer was lost when its sink was closed comes again, under the same id.
    const once = taken.filter(({ id }, i) => taken.findIndex((one) => one.id === id) === i);
    expect(once.map(({ data }) => line(data))).toEqual([...WHOLE, 'UpdateTable orders']);
    expect(taken.length).toBeLessThanOrEqual(once.length + 2);
    expect(taken[1]).toMatchObject({
      specversion: '1.0',
      type: 'glue.data.catalog.database.state.change',
      subject: 'arn:aws:glue:us-east-1:000000000000:table/shop/orders',
    });
  });
});

it('says that changes after a cursor are gone, and where to go on', async () => {
  const { cursor } = await lake.changes.read(root, { limit: 1 });
  // What runs here has passed them.
  const { cursor: last } = await lake.changes.read(root);
  for (const consumer of ['catalog-webhook', 'crawler-events', 'lineage-recorder'])
    await lake.store.transact([lake.store.advanceConsumer(consumer, Number(last))]);
  expect(await lake.store.trimOutbox(Date.now() + 60_000)).toBeGreaterThan(0);
  await lake.catalog.updateTable(root, 'shop', { ...input('orders'), description: 'Later' });
  const refused = await lake.changes.read(root, { after: cursor }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('7 days') });
  const { oldest } = (refused as { context: { oldest: string } }).context;
  expect((await lake.changes.read(root, { after: oldest })).changes.map(line)).toEqual(['UpdateTable orders']);
});
