import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Catalog } from '../../catalog/contract.ts';
import type { TableFormat } from '../../storage/contract.ts';
import {
  type IcebergTestAnswer,
  type IcebergTestDoor,
  openIcebergTestDoor,
} from '../../testing/builders/iceberg-door.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';

const root = contextOf('root');
const policy = statedPolicy({
  reader: { iam: true, tables: { 'sales.orders': { permissions: ['SELECT'] } } },
  writer: { iam: true, tables: { 'sales.orders': { permissions: ['SELECT', 'INSERT'] } } },
  filtered: { iam: true, tables: { 'sales.orders': { permissions: ['SELECT'], rows: 'some' } } },
  narrow: { iam: true, tables: { 'sales.orders': { permissions: ['SELECT', 'INSERT'], columns: ['id'] } } },
  stranger: { iam: true },
});
let door: IcebergTestDoor;
let lake: IcebergTestDoor['lake'];
let catalog: Catalog;
let format: TableFormat;
let base: string;
let trail: IcebergTestDoor['trail'];
beforeAll(async () => {
  door = await openIcebergTestDoor(policy);
  ({ lake, base, format, trail } = door);
  catalog = lake.catalog;
  await catalog.createIcebergTable(root, {
    database: 'sales',
    name: 'orders',
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'region', type: 'string' },
    ],
  });
  await catalog.createTable(root, 'sales', {
    name: 'plain',
    columns: [{ name: 'id', type: 'int' }],
    storage: { location: 's3://lake/plain/', serdeParameters: {} },
    parameters: { classification: 'csv' },
  });
});
afterAll(() => door.close());

type Body = IcebergTestAnswer['body'];
const call: IcebergTestDoor['call'] = (...request) => door.call(...request);
const typeOf = (answer: Promise<IcebergTestAnswer>) => door.typeOf(answer);

describe('the Iceberg REST door', () => {
  it('says where files are and which routes it has', async () => {
    const { body } = await call('root', 'GET', '/config');
    expect(body.defaults['s3.endpoint']).toBe('http://files.test');
    expect(body.endpoints).toContain('GET /v1/{prefix}/namespaces/{namespace}/tables/{table}');
    expect(await typeOf(call('root', 'GET', '/config?warehouse=other'))).toBe('404 NoSuchWarehouseException');
    expect(await typeOf(call('root', 'GET', '/namespaces/sales/paintings'))).toBe('404 NoSuchEndpointException');
  });

  it('takes a bearer token or an AWS signature, and nothing else', async () => {
    expect((await fetch(`${base}/config`)).status).toBe(401);
    expect(
      (await fetch(`${base}/config`, { headers: { authorization: 'Bearer loch1.KEYroot.99999999999999.AAAA' } }))
        .status,
    ).toBe(401);
    const wrong = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'KEYroot', client_secret: 'no' });
    const refused = await fetch(`${base}/oauth/tokens`, { method: 'POST', body: wrong });
    expect([refused.status, ((await refused.json()) as Body).error]).toEqual([401, 'invalid_client']);

    const signer = new SignatureV4({
      credentials: { accessKeyId: 'KEYroot', secretAccessKey: 'secret of root' },
      region: 'us-east-1',
      service: 'glue',
      sha256: Sha256,
    });
    const url = new URL(`${base}/namespaces`);
    const signed = await signer.sign({
      method: 'GET',
      protocol: 'http:',
      hostname: url.hostname,
      port: Number(url.port),
      path: url.pathname,
      headers: { host: url.host },
    });
    const { host: _host, ...headers } = signed.headers;
    const answer = await fetch(url, { headers });
    expect(await answer.json()).toEqual({ namespaces: [['sales']] });
  });

  it('keeps namespaces as databases', async () => {
    expect((await call('root', 'GET', '/namespaces/sales')).body).toEqual({
      namespace: ['sales'],
      properties: { location: 's3://lake/sales/', comment: 'Shop' },
    });
    expect((await call('root', 'HEAD', '/namespaces/sales')).status).toBe(204);
    expect(await typeOf(call('root', 'GET', '/namespaces/nothing'))).toBe('404 NoSuchNamespaceException');
    expect(await typeOf(call('root', 'GET', '/namespaces/a%1Fb'))).toBe('404 NoSuchNamespaceException');
    expect(await typeOf(call('root', 'POST', '/namespaces', { namespace: ['sales'] }))).toBe(
      '409 AlreadyExistsException',
    );
    expect(await typeOf(call('root', 'DELETE', '/namespaces/sales'))).toBe('409 NamespaceNotEmptyException');

    const made = await call('root', 'POST', '/namespaces', {
      namespace: ['hr'],
      properties: { a: 'b', comment: 'People' },
    });
    expect(made.body).toEqual({ namespace: ['hr'], properties: { a: 'b', comment: 'People' } });
    const changed = await call('root', 'POST', '/namespaces/hr/properties', {
      updates: { c: 'd' },
      removals: ['a', 'x'],
    });
    expect(changed.body).toEqual({ updated: ['c'], removed: ['a'], missing: ['x'] });
    expect((await call('root', 'GET', '/namespaces/hr')).body.properties).toEqual({ c: 'd', comment: 'People' });
    expect((await call('root', 'DELETE', '/namespaces/hr')).status).toBe(204);
    expect((await call('stranger', 'GET', '/namespaces')).body.namespaces).toEqual([]);
  });

  it('lists Iceberg tables and loads them with every digit of their ids', async () => {
    const { snapshotId } = await catalog.commitTable(
      root,
      { database: 'sales', table: 'orders' },
      { kind: 'append', files: [] },
    );
    expect((await call('reader', 'GET', '/namespaces/sales/tables')).body.identifiers).toEqual([
      { namespace: ['sales'], name: 'orders' },
    ]);
    const { text, body, headers } = await call('reader', 'GET', '/namespaces/sales/tables/orders');
    expect(text).toContain(`"current-snapshot-id":${snapshotId}`);
    expect(body['metadata-location']).toMatch(/^s3:\/\/lake\/sales\/orders\/metadata\/00001-.*\.metadata\.json$/);
    expect(body.config['s3.endpoint']).toBe('http://files.test');
    const again = await call('reader', 'GET', '/namespaces/sales/tables/orders', undefined, {
      'if-none-match': headers.get('etag')!,
    });
    expect(again.status).toBe(304);
    expect((await call('reader', 'HEAD', '/namespaces/sales/tables/orders')).status).toBe(204);
  });

  it('shows only referenced snapshots on request', async () => {
    await catalog.commitTable(root, { database: 'sales', table: 'orders' }, { kind: 'append', files: [] });
    const all = await call('root', 'GET', '/namespaces/sales/tables/orders');
    const refs = await call('root', 'GET', '/namespaces/sales/tables/orders?snapshots=refs');
    expect(all.body.metadata.snapshots.length).toBeGreaterThan(1);
    expect(refs.body.metadata.snapshots).toHaveLength(1);
  });

  it('gives a filtered caller nothing, and hides what others may not see', async () => {
    const orders = '/namespaces/sales/tables/orders';
    const { status, body } = await call('filtered', 'GET', orders);
    expect(status).toBe(403);
    expect(body.error).toMatchObject({ type: 'ForbiddenException' });
    expect(body.error.message).toContain('SQL');
    expect(await typeOf(call('narrow', 'GET', orders))).toBe('403 ForbiddenException');
    expect(await typeOf(call('narrow', 'POST', orders, { requirements: [], updates: [] }))).toBe(
      '403 ForbiddenException',
    );
    expect(await typeOf(call('stranger', 'GET', orders))).toBe('404 NoSuchTableException');
    expect(await typeOf(call('root', 'GET', '/namespaces/sales/tables/plain'))).toBe('404 NoSuchTableException');
    expect(await typeOf(call('root', 'GET', '/namespaces/sales/tables/none'))).toBe('404 NoSuchTableException');
    expect(trail).toContainEqual(
      expect.objectContaining({ by: 'filtered', eventName: 'LoadTable', errorCode: 'ForbiddenException' }),
    );
  });

  const schema = {
    type: 'struct',
    fields: [
      { id: 11, name: 'Id', required: true, type: 'long' },
      { id: 12, name: 'at', required: false, type: 'timestamptz' },
    ],
  };

  it('creates a table, gives ids anew, and drops it', async () => {
    const made = await call('root', 'POST', '/namespaces/sales/tables', {
      name: 'events',
      schema,
      'partition-spec': { fields: [{ 'source-id': 12, transform: 'day', name: 'at_day' }] },
      properties: { owner: 'us' },
    });
    expect(made.status).toBe(200);
    expect(made.body.metadata).toMatchObject({
      location: 's3://lake/sales/events',
      'last-column-id': 2,
      'partition-specs': [{ fields: [{ 'source-id': 2, 'field-id': 1000, transform: 'day', name: 'at_day' }] }],
      properties: { owner: 'us' },
      'current-snapshot-id': -1,
    });
    expect(made.body.metadata.schemas[0].fields.map((field: Body) => [field.id, field.name])).toEqual([
      [1, 'Id'],
      [2, 'at'],
    ]);
    expect((await catalog.getTable(root, { database: 'sales', table: 'events' })).columns.map((c) => c.name)).toEqual([
      'id',
      'at',
    ]);
    expect(
      await typeOf(
        call('root', 'POST', '/namespaces/sales/tables', { name: 'events', schema, location: 's3://lake/elsewhere' }),
      ),
    ).toBe('409 AlreadyExistsException');
    expect((await call('root', 'DELETE', '/namespaces/sales/tables/events?purgeRequested=true')).status).toBe(204);
    expect(await typeOf(call('root', 'GET', '/namespaces/sales/tables/events'))).toBe('404 NoSuchTableException');
  });

  it('creates a staged table by its first commit', async () => {
    const draft = await call('root', 'POST', '/namespaces/sales/tables', {
      name: 'staged',
      schema,
      'stage-create': true,
    });
    expect(draft.body['metadata-location']).toBeUndefined();
    expect(await typeOf(call('root', 'GET', '/namespaces/sales/tables/staged'))).toBe('404 NoSuchTableException');
    const { metadata } = draft.body;
    const commit = {
      requirements: [{ type: 'assert-create' }],
      updates: [
        { action: 'assign-uuid', uuid: metadata['table-uuid'] },
        { action: 'upgrade-format-version', 'format-version': 2 },
        { action: 'add-schema', schema: metadata.schemas[0], 'last-column-id': 2 },
        { action: 'set-current-schema', 'schema-id': -1 },
        { action: 'add-spec', spec: metadata['partition-specs'][0] },
        { action: 'set-default-spec', 'spec-id': -1 },
        { action: 'add-sort-order', 'sort-order': metadata['sort-orders'][0] },
        { action: 'set-default-sort-order', 'sort-order-id': -1 },
        { action: 'set-location', location: metadata.location },
        { action: 'set-properties', updates: { a: 'b' } },
      ],
    };
    const made = await call('root', 'POST', '/namespaces/sales/tables/staged', commit);
    expect(made.status).toBe(200);
    expect(made.body.metadata).toMatchObject({ 'table-uuid': metadata['table-uuid'], properties: { a: 'b' } });
    expect(await typeOf(call('root', 'POST', '/namespaces/sales/tables/staged', commit))).toMatch(/^4\d\d /);
    expect((await call('root', 'GET', '/namespaces/sales/tables/staged')).status).toBe(200);
  });

  describe('commits', () => {
    const orders = '/namespaces/sales/tables/orders';

    /** An append that an engine stages by itself, as updates. */
    async function stagedAppend(location = 's3://lake/sales/orders') {
      const { metadata } = await catalog.openForEngine(root, { database: 'sales', table: 'orders' });
      const path = `${location}/data/${Math.floor(Math.random() * 1e9)}.parquet`;
      const file = { path, format: 'PARQUET', rows: 5, bytes: 50, partition: {} } as const;
      const staged = await format.stage(metadata!, { kind: 'append', files: [file] });
      const snapshot = staged.metadata.snapshots.at(-1)!;
      const parent = metadata!['current-snapshot-id'];
      const text = JSON.stringify({
        requirements: [
          { type: 'assert-table-uuid', uuid: metadata!['table-uuid'] },
          { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': `#${parent}#` },
        ],
        updates: [
          {
            action: 'add-snapshot',
            snapshot: {
              ...snapshot,
              'snapshot-id': `#${snapshot['snapshot-id']}#`,
              'parent-snapshot-id': `#${parent}#`,
            },
          },
          {
            action: 'set-snapshot-ref',
            'ref-name': 'main',
            type: 'branch',
            'snapshot-id': `#${snapshot['snapshot-id']}#`,
          },
        ],
      }).replaceAll(/"#(\d+)#"/g, '$1');
      return { text, path };
    }
    const livePaths = async () => {
      const table = await catalog.resolveTable(root, { database: 'sales', table: 'orders' });
      return (await catalog.planTableScan(table, {})).files.map((file) => `s3://${file.bucket}/${file.key}`);
    };

    it('take an append that an engine has staged, once', async () => {
      const { text, path } = await stagedAppend();
      const first = await call('writer', 'POST', orders, text);
      expect(first.status).toBe(200);
      expect(await livePaths()).toContain(path);
      expect(await typeOf(call('writer', 'POST', orders, text))).toBe('409 CommitFailedException');
    });

    it('refuse one that lost the race, and who may not insert', async () => {
      const stale = await stagedAppend();
      const winner = await stagedAppend();
      expect((await call('writer', 'POST', orders, winner.text)).status).toBe(200);
      expect(await typeOf(call('writer', 'POST', orders, stale.text))).toBe('409 CommitFailedException');
      const { text } = await stagedAppend();
      expect(await typeOf(call('reader', 'POST', orders, text))).toBe('403 ForbiddenException');
      expect(await livePaths()).not.toContain(stale.path);
    });

    it('refuse files of another place, in manifests and by the location', async () => {
      const { text } = await stagedAppend('s3://lake/salaries');
      const { status, body } = await call('root', 'POST', orders, text);
      expect([status, body.error.type]).toEqual([400, 'BadRequestException']);
      expect(body.error.message).toContain('s3://lake/salaries/data');
      const move = { requirements: [], updates: [{ action: 'set-location', location: 's3://lake/salaries' }] };
      expect(await typeOf(call('root', 'POST', orders, move))).toBe('406 UnsupportedOperationException');
      const path = { 'write.data.path': 's3://lake/salaries/data' };
      expect(
        await typeOf(call('root', 'POST', orders, { updates: [{ action: 'set-properties', updates: path }] })),
      ).toBe('400 BadRequestException');
    });

    it('need ALTER for anything but data, and name what they do not know', async () => {
      const properties = { updates: [{ action: 'set-properties', updates: { x: 'y' } }] };
      expect(await typeOf(call('writer', 'POST', orders, properties))).toBe('403 ForbiddenException');
      expect((await call('root', 'POST', orders, properties)).body.metadata.properties.x).toBe('y');
      const unknown = { updates: [{ action: 'paint-it-blue' }] };
      const { status, body } = await call('root', 'POST', orders, unknown);
      expect([status, body.error.message.includes('paint-it-blue')]).toEqual([400, true]);
      expect(await typeOf(call('root', 'POST', orders, '{'))).toBe('400 BadRequestException');
    });
  });

  it('registers a metadata file, but not one that leads to files of another table', async () => {
    const location = 's3://lake/adopted';
    const empty = format.newTable({ location, schema: format.schemaFromColumns([{ name: 'id', type: 'bigint' }]) });
    const adopt = async (path: string) => {
      const file = { path, format: 'PARQUET', rows: 1, bytes: 1, partition: {} } as const;
      const staged = await format.stage(empty, { kind: 'append', files: [file] }, { version: 1 });
      return staged.metadataLocation!;
    };
    const forged = await adopt('s3://lake/sales/orders/data/1.parquet');
    const body = { name: 'adopted', 'metadata-location': forged };
    expect(await typeOf(call('root', 'POST', '/namespaces/sales/register', body))).toBe('400 BadRequestException');
    const honest = await adopt(`${location}/data/1.parquet`);
    const made = await call('root', 'POST', '/namespaces/sales/register', { ...body, 'metadata-location': honest });
    expect(made.body['metadata-location']).toBe(honest);
  });
});
