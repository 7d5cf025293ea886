import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Catalog } from '../../catalog/contract.ts';
import {
  type IcebergTestAnswer,
  type IcebergTestDoor,
  openIcebergTestDoor,
} from '../../testing/builders/iceberg-door.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';

const root = contextOf('root');
let door: IcebergTestDoor;
let catalog: Catalog;
beforeAll(async () => {
  const tables = {
    'sales.orders': { permissions: ['SELECT' as const] },
    'sales.big': { permissions: ['INSERT' as const] },
  };
  door = await openIcebergTestDoor(
    statedPolicy({
      reader: { iam: true, tables },
      narrow: { iam: true, tables: { 'sales.orders': { permissions: ['SELECT'], rows: 'some' } } },
    }),
  );
  catalog = door.lake.catalog;
});
afterAll(() => door.close());

const call: IcebergTestDoor['call'] = (...request) => door.call(...request);
const typeOf = (answer: Promise<IcebergTestAnswer>) => door.typeOf(answer);
const VIEWS = '/namespaces/sales/views';

describe('views', () => {
  const schema = { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'Id', required: false, type: 'long' }] };
  const version = (sql: string, dialect = 'spark', more: object = {}) => ({
    'version-id': 1,
    'timestamp-ms': 1_700_000_000_000,
    'schema-id': 0,
    summary: { 'engine-name': 'test' },
    'default-namespace': ['sales'],
    representations: [{ type: 'sql', sql, dialect }],
    ...more,
  });
  const create = (name: string, sql = 'SELECT 1 AS id') =>
    call('root', 'POST', VIEWS, {
      name,
      schema,
      'view-version': version(sql),
      properties: { comment: 'One', owner: 'me' },
    });

  it('are created, loaded, listed and dropped, beside the tables and by themselves', async () => {
    const made = await create('ones');
    expect(made.body.metadata).toMatchObject({
      'format-version': 1,
      'current-version-id': 1,
      'version-log': [{ 'version-id': 1 }],
      properties: { comment: 'One', owner: 'me' },
    });
    expect((await call('root', 'GET', `${VIEWS}/ones`)).body).toEqual(made.body);
    expect((await call('root', 'HEAD', `${VIEWS}/ones`)).status).toBe(204);
    expect((await call('root', 'GET', VIEWS)).body.identifiers).toEqual([{ namespace: ['sales'], name: 'ones' }]);
    expect((await call('root', 'GET', '/namespaces/sales/tables')).body.identifiers).toEqual([]);
    expect(await catalog.getTable(root, { database: 'sales', table: 'ones' })).toMatchObject({
      tableType: 'VIRTUAL_VIEW',
      format: 'view',
      viewText: 'SELECT 1 AS id',
      description: 'One',
      columns: [{ name: 'id', type: 'bigint' }],
    });
    const file = made.body['metadata-location'].replace('s3://lake/', '');
    expect(await door.lake.files.keys('lake')).toContain(file);
    expect(await typeOf(create('ones'))).toBe('409 AlreadyExistsException');
    expect(await typeOf(call('root', 'GET', `${VIEWS}/none`))).toBe('404 NoSuchViewException');
    expect(await typeOf(call('root', 'GET', '/namespaces/sales/tables/ones'))).toBe('404 NoSuchTableException');
    expect((await call('root', 'DELETE', `${VIEWS}/ones`)).status).toBe(204);
    expect(await typeOf(call('root', 'DELETE', `${VIEWS}/ones`))).toBe('404 NoSuchViewException');
  });

  it('are replaced by versions in several dialects, of which SQL here reads its own', async () => {
    const made = await create('several');
    const uuid = made.body.metadata['view-uuid'];
    const next = version('x', 'spark', {
      representations: [
        { type: 'sql', sql: 'SELECT 2L AS id', dialect: 'spark' },
        { type: 'sql', sql: "SELECT BIGINT '2' AS id", dialect: 'trino' },
      ],
      'default-namespace': ['other'],
    });
    const body = {
      requirements: [{ type: 'assert-view-uuid', uuid }],
      updates: [
        { action: 'add-schema', schema },
        { action: 'add-view-version', 'view-version': next },
        { action: 'set-current-view-version', 'view-version-id': -1 },
        { action: 'set-properties', updates: { reviewed: 'yes' } },
        { action: 'remove-properties', removals: ['owner'] },
        { action: 'assign-uuid', uuid },
        { action: 'upgrade-format-version', 'format-version': 1 },
        { action: 'set-location', location: made.body.metadata.location },
      ],
    };
    const replaced = await call('root', 'POST', `${VIEWS}/several`, body);
    expect(replaced.body.metadata).toMatchObject({
      'current-version-id': 2,
      versions: [{ 'version-id': 1 }, { 'version-id': 2 }],
      properties: { comment: 'One', reviewed: 'yes' },
    });
    const record = await catalog.getTable(root, { database: 'sales', table: 'several' });
    const stored = JSON.parse(Buffer.from(/: (.*) \*/.exec(record.viewText!)![1]!, 'base64').toString());
    expect(stored).toMatchObject({ originalSql: "SELECT BIGINT '2' AS id", schema: 'other' });
    const back = { requirements: [], updates: [{ action: 'set-current-view-version', 'view-version-id': 1 }] };
    expect((await call('root', 'POST', `${VIEWS}/several`, back)).body.metadata['current-version-id']).toBe(1);
    const stale = { ...back, requirements: [{ type: 'assert-view-uuid', uuid: 'another' }] };
    expect(await typeOf(call('root', 'POST', `${VIEWS}/several`, stale))).toBe('409 CommitFailedException');
    for (const update of [
      { action: 'paint-it-blue' },
      { action: 'set-current-view-version', 'view-version-id': 9 },
      { action: 'add-view-version', 'view-version': { ...next, representations: [] } },
    ]) {
      expect(await typeOf(call('root', 'POST', `${VIEWS}/several`, { updates: [update] }))).toBe(
        '400 BadRequestException',
      );
    }
    const twice = {
      action: 'add-view-version',
      'view-version': {
        ...next,
        representations: [...version('a').representations, ...version('b', 'SPARK').representations],
      },
    };
    expect(await typeOf(call('root', 'POST', `${VIEWS}/several`, { updates: [twice] }))).toBe(
      '400 IllegalArgumentException',
    );
  });

  it('made or changed by another door are versions here', async () => {
    await catalog.createTable(root, 'sales', {
      name: 'glued',
      tableType: 'VIRTUAL_VIEW',
      columns: [{ name: 'n', type: 'int' }],
      viewText: 'SELECT 3 AS n',
    });
    const loaded = await call('root', 'GET', `${VIEWS}/glued`);
    expect(loaded.body.metadata).toMatchObject({
      versions: [{ representations: [{ sql: 'SELECT 3 AS n', dialect: 'athena' }] }],
      schemas: [{ fields: [{ name: 'n', type: 'int' }] }],
    });
    const replaced = await call('root', 'POST', `${VIEWS}/glued`, {
      updates: [
        { action: 'add-view-version', 'view-version': version('SELECT 4 AS n') },
        { action: 'set-current-view-version', 'view-version-id': -1 },
      ],
    });
    expect(replaced.body.metadata).toMatchObject({ 'current-version-id': 2 });
    const record = await catalog.getTable(root, { database: 'sales', table: 'glued' });
    await catalog.updateTable(root, 'sales', {
      name: 'glued',
      tableType: 'VIRTUAL_VIEW',
      columns: record.columns,
      viewText: 'SELECT 5 AS n',
    });
    const after = (await call('root', 'GET', `${VIEWS}/glued`)).body.metadata;
    expect(after).toMatchObject({ 'current-version-id': 3, 'view-uuid': replaced.body.metadata['view-uuid'] });
    expect(after.versions.at(-1).representations[0].sql).toBe('SELECT 5 AS n');
  });

  it('mean the same tables in another namespace, where SQL finds them too', async () => {
    await call('root', 'POST', '/namespaces', { namespace: ['elsewhere'] });
    const made = await create('wanders');
    const rename = {
      source: { namespace: ['sales'], name: 'wanders' },
      destination: { namespace: ['elsewhere'], name: 'wanders' },
    };
    expect((await call('root', 'POST', '/views/rename', rename)).status).toBe(204);
    const there = await call('root', 'GET', '/namespaces/elsewhere/views/wanders');
    expect(there.body.metadata).toEqual(made.body.metadata);
  });

  it('are renamed, registered from a file, and share their names with tables', async () => {
    const made = await create('first');
    const rename = {
      source: { namespace: ['sales'], name: 'first' },
      destination: { namespace: ['sales'], name: 'second' },
    };
    expect((await call('root', 'POST', '/views/rename', rename)).status).toBe(204);
    expect(await typeOf(call('root', 'POST', '/views/rename', rename))).toBe('404 NoSuchViewException');
    expect((await call('root', 'GET', `${VIEWS}/second`)).body.metadata['view-uuid']).toBe(
      made.body.metadata['view-uuid'],
    );
    expect(
      await typeOf(
        call('root', 'POST', '/tables/rename', { ...rename, source: rename.destination, destination: rename.source }),
      ),
    ).toBe('404 NoSuchTableException');
    const table = { name: 'second', schema };
    expect(await typeOf(call('root', 'POST', '/namespaces/sales/tables', table))).toBe('409 AlreadyExistsException');
    const location = made.body['metadata-location'];
    await call('root', 'DELETE', `${VIEWS}/second`);
    const register = (file: string) =>
      call('root', 'POST', '/namespaces/sales/register-view', { name: 'third', 'metadata-location': file });
    expect((await register(location)).body.metadata).toEqual(made.body.metadata);
    expect(await typeOf(register(location))).toBe('409 AlreadyExistsException');
    expect((await register(location.replace('/metadata/', '/other/metadata/'))).status).toBeGreaterThanOrEqual(400);
  });

  it('keep the last ten versions', async () => {
    await create('many');
    for (let n = 10; n < 21; n++) {
      await call('root', 'POST', `${VIEWS}/many`, {
        updates: [
          { action: 'add-view-version', 'view-version': version(`SELECT ${n} AS id`) },
          { action: 'set-current-view-version', 'view-version-id': -1 },
        ],
      });
    }
    const { body } = await call('root', 'GET', `${VIEWS}/many`);
    expect(body.metadata.versions.map((each: { 'version-id': number }) => each['version-id'])).toEqual([
      3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ]);
  });
});

describe('scans planned here', () => {
  const PLAN = '/namespaces/sales/tables/orders/plan';
  const file = (id: number, region: string) => ({
    path: `s3://lake/sales/orders/data/${id}.parquet`,
    format: 'PARQUET' as const,
    rows: 10,
    bytes: 100,
    partition: { region },
    valueCounts: { 1: 10, 2: 10 },
    nullCounts: { 1: 0, 2: 0 },
    lower: { 1: String(id * 10) },
    upper: { 1: String(id * 10 + 9) },
  });
  const orders = { database: 'sales', table: 'orders' };
  const snapshots: string[] = [];
  beforeAll(async () => {
    await catalog.createIcebergTable(root, {
      ...orders,
      name: 'orders',
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'region', type: 'string' },
      ],
      partition: [{ column: 'region', transform: 'identity' }],
    });
    for (const [id, region] of [
      [1, 'north'],
      [2, 'south'],
      [3, 'north'],
    ] as const) {
      snapshots.push(
        (await catalog.commitTable(root, orders, { kind: 'append', files: [file(id, region)] })).snapshotId,
      );
    }
    const positions = { path: 's3://lake/sales/orders/data/d.parquet', kind: 'position' as const, rows: 1, bytes: 9 };
    const deletes = [{ ...positions, partition: { region: 'north' }, dataFile: file(1, 'north').path }];
    snapshots.push((await catalog.commitTable(root, orders, { kind: 'delta', files: [], deletes })).snapshotId);
  });
  const ids = (text: string) => text.replaceAll(/"#(-?\d+)#"/g, '$1');
  const plan = (body: object = {}, who = 'reader', path = PLAN) => call(who, 'POST', path, ids(JSON.stringify(body)));
  const found = (answer: IcebergTestAnswer) =>
    (answer.body['file-scan-tasks'] as { 'data-file': { 'file-path': string } }[])
      .map((task) => Number(/(\d+)\.parquet$/.exec(task['data-file']['file-path'])![1]))
      .sort();

  it('give the files with their deletes, partitions and the statistics asked for', async () => {
    const answer = await plan({ 'stats-fields': ['id'] });
    expect(answer.body).toMatchObject({ status: 'completed', 'plan-id': expect.any(String) });
    expect(found(answer)).toEqual([1, 2, 3]);
    const first = answer.body['file-scan-tasks'].find(
      (task: { 'delete-file-references'?: unknown }) => task['delete-file-references'],
    );
    expect(first).toEqual({
      'data-file': {
        content: 'data',
        'file-path': file(1, 'north').path,
        'file-format': 'parquet',
        'spec-id': 0,
        partition: ['north'],
        'file-size-in-bytes': 100,
        'record-count': 10,
        'value-counts': { keys: [1], values: [10] },
        'null-value-counts': { keys: [1], values: [0] },
        'lower-bounds': { keys: [1], values: [10] },
        'upper-bounds': { keys: [1], values: [19] },
      },
      'delete-file-references': [0],
    });
    expect(answer.body['delete-files']).toMatchObject([{ content: 'position-deletes', partition: ['north'] }]);
  });

  it('prune by expressions, keep what cannot be judged, and refuse what is none', async () => {
    const by = async (filter: object) => found(await plan({ filter }));
    const eq = (term: string, value: unknown) => ({ type: 'eq', term, value });
    expect(await by(eq('region', 'north'))).toEqual([1, 3]);
    expect(
      await by({ type: 'and', left: eq('region', 'north'), right: { type: 'gt-eq', term: 'id', value: 20 } }),
    ).toEqual([3]);
    expect(await by({ type: 'or', left: eq('id', 15), right: eq('region', 'south') })).toEqual([1, 2]);
    expect(await by({ type: 'not', child: { type: 'lt', term: 'id', value: 20 } })).toEqual([2, 3]);
    expect(
      await by({
        type: 'not',
        child: { type: 'or', left: { type: 'lt', term: 'id', value: 20 }, right: eq('region', 'x') },
      }),
    ).toEqual([2, 3]);
    expect(await by({ type: 'in', term: 'id', values: [12, 33] })).toEqual([1, 3]);
    expect(await by({ type: 'is-null', term: 'id' })).toEqual([]);
    expect(await by({ type: 'starts-with', term: 'region', value: 's' })).toEqual([2]);
    expect(await by({ type: 'not-eq', term: 'id', value: 1 })).toEqual([1, 2, 3]);
    expect(await by({ type: 'false' })).toEqual([]);
    expect(await by({ type: 'gt', term: { type: 'transform', transform: 'bucket[4]', term: 'id' }, value: 2 })).toEqual(
      [1, 2, 3],
    );
    for (const filter of [{ type: 'paint' }, { type: 'eq', term: 'id' }, { type: 'and', left: { type: 'true' } }, 7]) {
      expect(await typeOf(plan({ filter }))).toBe('400 BadRequestException');
    }
  });

  it('are of a snapshot, or of what was appended between two', async () => {
    expect(found(await plan({ 'snapshot-id': `#${snapshots[1]}#` }))).toEqual([1, 2]);
    const between = { 'start-snapshot-id': `#${snapshots[0]}#`, 'end-snapshot-id': `#${snapshots[2]}#` };
    expect(found(await plan(between))).toEqual([2, 3]);
    expect(await typeOf(plan({ ...between, 'snapshot-id': `#${snapshots[1]}#` }))).toBe('400 BadRequestException');
    expect(await typeOf(plan({ 'start-snapshot-id': `#${snapshots[0]}#` }))).toBe('400 BadRequestException');
    const backwards = { 'start-snapshot-id': `#${snapshots[2]}#`, 'end-snapshot-id': `#${snapshots[0]}#` };
    expect(await typeOf(plan(backwards))).toBe('400 BadRequestException');
    expect(await typeOf(plan({ 'snapshot-id': '#12#' }))).toBe('404 NotFoundException');
  });

  it('are their asker’s alone, and end when cancelled', async () => {
    const { body } = await plan();
    const path = `${PLAN}/${body['plan-id']}`;
    expect(found(await call('reader', 'GET', path))).toEqual([1, 2, 3]);
    expect(await typeOf(call('root', 'GET', path))).toBe('404 NoSuchPlanIdException');
    expect((await call('reader', 'DELETE', path)).status).toBe(204);
    expect((await call('reader', 'GET', path)).body).toEqual({ status: 'cancelled' });
    expect(await typeOf(call('reader', 'DELETE', `${PLAN}/none`))).toBe('404 NoSuchPlanIdException');
  });

  it('of many files are fetched in units that hold every file once', async () => {
    const big = { database: 'sales', table: 'big' };
    await catalog.createIcebergTable(root, { ...big, name: 'big', columns: [{ name: 'id', type: 'bigint' }] });
    for (let part = 0; part < 4; part++) {
      const files = Array.from({ length: 3_000 }, (_, i) => ({
        ...file(part * 3_000 + i, ''),
        path: `s3://lake/sales/big/data/${part * 3_000 + i}.parquet`,
        partition: {},
      }));
      await catalog.commitTable(root, big, { kind: 'append', files });
    }
    const path = '/namespaces/sales/tables/big';
    const { body } = await plan({}, 'root', `${path}/plan`);
    expect(body['file-scan-tasks']).toBeUndefined();
    expect(body['plan-tasks']).toHaveLength(4);
    const seen: number[] = [];
    for (const task of body['plan-tasks'])
      seen.push(...found(await call('root', 'POST', `${path}/tasks`, { 'plan-task': task })));
    expect(new Set(seen).size).toBe(12_000);
    expect(seen).toHaveLength(12_000);
    expect(await typeOf(call('root', 'POST', `${path}/tasks`, { 'plan-task': `${body['plan-id']}.9` }))).toBe(
      '404 NoSuchPlanTaskException',
    );
    expect(await typeOf(call('root', 'POST', `${path}/tasks`, { 'plan-task': 'x' }))).toBe(
      '404 NoSuchPlanTaskException',
    );
  });

  it('are refused to who sees only some rows, and to who only writes', async () => {
    expect(await typeOf(plan({}, 'narrow'))).toBe('403 ForbiddenException');
    const refused = await plan({}, 'reader', '/namespaces/sales/tables/big/plan');
    expect(refused.status).toBeGreaterThanOrEqual(403);
    expect(refused.body['file-scan-tasks']).toBeUndefined();
  });
});
