import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';
import type { LineageEnd, LineageGraph } from '../contract.ts';
import { openLineageSink } from './lineage-sink.ts';

const root = contextOf('root');
const ana = contextOf('ana');
const policy = statedPolicy({
  ana: {
    iam: (action) => action.startsWith('glue:') || action.startsWith('datazone:'),
    tables: {
      'shop.orders': { permissions: ['SELECT'], columns: ['id'] },
      'shop.daily': { permissions: ['SELECT'] },
    },
  },
});
const end = (table: string): LineageEnd => ({ kind: 'table', database: 'shop', table });
let lake: Awaited<ReturnType<typeof testCatalog>>;

beforeAll(async () => {
  lake = await testCatalog(policy);
  await lake.catalog.createDatabase(root, { name: 'shop' });
  for (const name of ['orders', 'secret', 'daily', 'monthly', 'lonely', 'past']) {
    const columns = ['id', 'amount', 'total'].map((column) => ({ name: column, type: 'bigint' }));
    const storage = { location: `s3://lake/${name}/`, serdeParameters: {} };
    await lake.catalog.createTable(root, 'shop', { name, columns, storage, parameters: { classification: 'csv' } });
  }
  const { lineage } = lake;
  await lineage.record({
    job: 'crawler/c',
    runId: '1',
    inputs: [{ kind: 'objects', bucket: 'raw', prefix: 'orders/' }],
    outputs: [end('orders')],
  });
  await lineage.record({
    job: 'job/sum',
    runId: '2',
    inputs: [end('orders'), end('secret')],
    outputs: [end('daily')],
    columns: [
      {
        output: 'total',
        inputs: [
          { end: end('orders'), column: 'amount' },
          { end: end('secret'), column: 'amount' },
        ],
      },
      { output: 'id', inputs: [{ end: end('orders'), column: 'id' }] },
    ],
  });
  await lineage.record({ job: 'job/month', runId: '3', inputs: [end('daily')], outputs: [end('monthly')] });
  await lineage.record({
    job: 'job/back',
    runId: '4',
    inputs: [end('monthly'), end('orders')],
    outputs: [end('orders')],
  });
});
afterAll(() => lake.close());

const graph = (table: string, by = root, options = {}) => lake.lineage.graph(by, { database: 'shop', table }, options);
const names = (of: LineageGraph) => of.nodes.map((node) => `${node.distance} ${node.name || node.kind}`).sort();
const edges = (of: LineageGraph) => {
  const name = new Map(of.nodes.map((node) => [node.id, node.name || node.kind]));
  return of.edges.map((edge) => `${name.get(edge.from)} > ${name.get(edge.to)} ${edge.job}`.trim()).sort();
};

describe('the graph', () => {
  it('is walked up and down, step by step, cycles and all', async () => {
    expect(names(await graph('daily', root, { depth: 1 }))).toEqual([
      '-1 shop.orders',
      '-1 shop.secret',
      '0 shop.daily',
      '1 shop.monthly',
    ]);
    const whole = await graph('daily', root, { depth: 10 });
    expect(names(whole)).toContain('-2 s3://raw/orders');
    expect(edges(whole)).toContain('shop.monthly > shop.orders job/back');
    expect(whole.more).toBe(false);
    expect((await graph('daily', root, { depth: 1, direction: 'upstream' })).more).toBe(true);
    expect(names(await graph('daily', root, { direction: 'downstream', depth: 1 }))).toEqual([
      '0 shop.daily',
      '1 shop.monthly',
    ]);
    expect(names(await graph('lonely'))).toEqual(['0 shop.lonely']);
  });

  it('tells columns where they are known, and says where they are not', async () => {
    const { nodes, edges: found } = await graph('daily', root, { direction: 'upstream', depth: 1 });
    const orders = nodes.find((node) => node.name === 'shop.orders')!;
    expect(found.find((edge) => edge.from === orders.id)).toMatchObject({
      columnLevel: true,
      columns: [
        { from: 'amount', to: 'total' },
        { from: 'id', to: 'id' },
      ],
    });
    const month = await graph('monthly', root, { direction: 'upstream', depth: 1 });
    expect(month.edges[0]).toMatchObject({ columnLevel: false, columns: [] });
  });

  it('shows what is hidden without a name, job or column, and does not walk past it', async () => {
    const mine = await graph('daily', ana, { depth: 10 });
    expect(names(mine)).toEqual(['-1 restricted', '-1 shop.orders', '-2 restricted', '-2 restricted', '0 shop.daily']);
    expect(JSON.stringify(mine)).not.toMatch(/secret|monthly|raw|crawler|month|back/);
    const visible = mine.edges.find((edge) => edge.job === 'job/sum')!;
    expect(visible.columns).toEqual([{ from: 'id', to: 'id' }]);
    await expect(graph('secret', ana)).rejects.toMatchObject({ code: 'table_not_found' });
  });

  it('stays the same after a restart, and takes a run twice as one', async () => {
    const before = edges(await graph('daily', root, { depth: 10 }));
    await lake.reopen();
    await lake.lineage.record({ job: 'job/month', runId: '3', inputs: [end('daily')], outputs: [end('monthly')] });
    expect(edges(await graph('daily', root, { depth: 10 }))).toEqual(before);
  });

  it('is told as it was: edges that were not yet there are left out, and columns are those of then', async () => {
    const start = lake.clock.now();
    const flow = (column: string, runId: string) => ({
      job: 'job/past',
      runId,
      inputs: [end('secret')],
      outputs: [end('past')],
      columns: [{ output: 'id', inputs: [{ end: end('secret'), column }] }],
    });
    const columnsAt = async (asOf?: number) =>
      (await graph('past', root, { direction: 'upstream', ...(asOf === undefined ? {} : { asOf }) })).edges.flatMap(
        ({ job, columns }) => (job === 'job/past' ? columns.map(({ from }) => from) : []),
      );
    lake.clock.advance(1_000);
    await lake.lineage.record(flow('id', '1'));
    lake.clock.advance(1_000);
    await lake.lineage.record(flow('id', '2'));
    lake.clock.advance(1_000);
    await lake.lineage.record(flow('amount', '3'));
    expect(await columnsAt(start)).toEqual([]);
    expect(await columnsAt(start + 1_000)).toEqual(['id']);
    expect(await columnsAt(start + 2_500)).toEqual(['id']);
    expect(await columnsAt(start + 3_000)).toEqual(['amount']);
    expect(await columnsAt()).toEqual(['amount']);
  });

  it('refuses a depth that is none', async () => {
    await expect(graph('daily', root, { depth: 11 })).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('OpenLineage', () => {
  const event = (other: object = {}) => ({
    eventType: 'COMPLETE',
    eventTime: '2026-01-31T10:00:00Z',
    producer: 'https://spark',
    schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json',
    run: { runId: '9f2f7f5e-0000-0000-0000-000000000000' },
    job: { namespace: 'spark', name: 'nightly' },
    inputs: [
      { namespace: 's3://raw', name: 'in/lonely' },
      { namespace: 'postgres://db:5432', name: 'bank.public.t' },
    ],
    outputs: [
      {
        namespace: 'arn:aws:glue:us-east-1:000000000001',
        name: 'table/shop/lonely',
        facets: {
          columnLineage: {
            fields: { id: { inputFields: [{ namespace: 'postgres://db:5432', name: 'bank.public.t', field: 'key' }] } },
          },
        },
      },
    ],
    ...other,
  });

  it('events are drawn into the graph, columns and all', async () => {
    await lake.lineage.ingest(root, event());
    const found = await graph('lonely', root, { direction: 'upstream' });
    expect(names(found)).toEqual(['-1 postgres://db:5432/bank.public.t', '-1 s3://raw/in/lonely', '0 shop.lonely']);
    expect(found.edges.flatMap((edge) => edge.columns)).toEqual([{ from: 'key', to: 'id' }]);
  });

  it('events that are not valid, too large, or of nobody who may are refused', async () => {
    const code = (given: unknown, by = root) =>
      lake.lineage.ingest(by, given).then(
        () => 'taken',
        (error: { code: string; message: string }) => `${error.code} ${error.message}`,
      );
    expect(await code(event({ run: {} }))).toMatch(/^invalid_argument .*run\.runId/);
    expect(await code(event({ eventTime: 'yesterday' }))).toMatch(/eventTime/);
    expect(await code('text')).toMatch(/^invalid_argument/);
    expect(await code(event({ producer: 'x'.repeat(400_000) }))).toMatch(/307200 bytes/);
    expect(await code(event(), contextOf('nobody'))).toMatch(/^access_denied/);
  });

  it('draws no edge to a table that its sender may not know of', async () => {
    const outputs = [{ namespace: 'arn:aws:glue:us-east-1:1', name: 'table/shop/secret' }];
    await lake.lineage.ingest(ana, event({ outputs, job: { namespace: 'x', name: 'forged' } }));
    expect(JSON.stringify(await graph('secret', root))).not.toContain('forged');
  });

  it('events go out as they are recorded, and wait while the server does not answer', async () => {
    const taken: { run: { runId: string }; job: { name: string }; outputs: { name: string; facets?: object }[] }[] = [];
    let down = true;
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        if (!down) taken.push(JSON.parse(body));
        response.writeHead(down ? 503 : 201).end();
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const failures: unknown[] = [];
    const sink = openLineageSink({
      store: lake.store,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/lineage`,
      place: { region: 'us-east-1', accountId: '000000000001' },
      onFailure: (error) => failures.push(error),
    });
    while (failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    down = false;
    await lake.lineage.record({ job: 'job/last', runId: '99', inputs: [end('orders')], outputs: [end('lonely')] });
    while (!taken.some((one) => one.run.runId === '99')) await new Promise((resolve) => setTimeout(resolve, 20));
    await sink.close();
    server.close();
    expect(taken.map((one) => one.job.name)).toEqual(expect.arrayContaining(['crawler/c', 'job/sum', 'job/last']));
    expect(taken.find((one) => one.job.name === 'job/sum')!.outputs[0]).toMatchObject({
      name: 'table/shop/daily',
      facets: {
        columnLineage: { fields: { total: { inputFields: [{ name: 'table/shop/orders', field: 'amount' }, {}] } } },
      },
    });
  });
});
