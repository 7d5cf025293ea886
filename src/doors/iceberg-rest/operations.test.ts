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
  const tables = { 'sales.orders': { permissions: ['SELECT' as const] } };
  door = await openIcebergTestDoor(
    statedPolicy({
      reader: { iam: true, tables },
      dropper: { iam: true, tables: { 'sales.kept': { permissions: ['DROP', 'DESCRIBE'] } } },
    }),
  );
  catalog = door.lake.catalog;
  await newTable('orders');
});
afterAll(() => door.close());

const call: IcebergTestDoor['call'] = (...request) => door.call(...request);
const typeOf = (answer: Promise<IcebergTestAnswer>) => door.typeOf(answer);
const TABLES = '/namespaces/sales/tables';
const schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'at', required: false, type: 'timestamp' },
    {
      id: 3,
      name: 'place',
      required: false,
      type: { type: 'struct', fields: [{ id: 4, name: 'city', required: false, type: 'string' }] },
    },
  ],
};
const newTable = (name: string, more: object = {}) => call('root', 'POST', TABLES, { name, schema, ...more });
const commit = (name: string, updates: readonly object[], requirements: readonly object[] = []) =>
  call('root', 'POST', `${TABLES}/${name}`, { requirements, updates });
const append = (name: string, files: readonly string[] = [], database = 'sales') =>
  catalog.commitTable(
    root,
    { database, table: name },
    {
      kind: 'append',
      files: files.map((file) => ({
        path: `s3://lake/${database}/${name}/data/${file}.parquet`,
        format: 'PARQUET',
        rows: 10,
        bytes: 100,
        partition: {},
        valueCounts: { 1: 10 },
        nullCounts: { 1: 0 },
        lower: { 1: file.length > 1 ? '0' : file.charCodeAt(0).toString() },
        upper: { 1: file.length > 1 ? '0' : (file.charCodeAt(0) + 9).toString() },
      })),
    },
  );

describe('namespaces of several levels', () => {
  it('are databases whose names lead back to them', async () => {
    for (const namespace of [['accounting'], ['accounting', 'tax'], ['accounting', 'tax', 'paid'], ['a.b', 'c%2ed']]) {
      expect((await call('root', 'POST', '/namespaces', { namespace })).body.namespace).toEqual(namespace);
    }
    expect((await catalog.getDatabase(root, 'accounting.tax.paid')).name).toBe('accounting.tax.paid');
    expect((await catalog.getDatabase(root, 'a%2eb.c%252ed')).name).toBe('a%2eb.c%252ed');
    const below = async (parent: string) => (await call('root', 'GET', `/namespaces?parent=${parent}`)).body.namespaces;
    expect(await below('accounting')).toEqual([['accounting', 'tax']]);
    expect(await below('accounting%1Ftax')).toEqual([['accounting', 'tax', 'paid']]);
    expect(await below('a.b')).toEqual([['a.b', 'c%2ed']]);
    // `a.b` is not there itself: what lies below implies it.
    expect((await call('root', 'GET', '/namespaces')).body.namespaces).toEqual([['a.b'], ['accounting'], ['sales']]);
    expect((await call('root', 'HEAD', '/namespaces/a.b')).status).toBe(204);
    expect(await typeOf(call('root', 'DELETE', '/namespaces/accounting%1Ftax'))).toBe('409 NamespaceNotEmptyException');
    expect(await typeOf(call('root', 'GET', '/namespaces?parent=nothing'))).toBe('404 NoSuchNamespaceException');
    for (const path of ['accounting%1Ftax%1Fpaid', 'accounting%1Ftax', 'accounting', 'a.b%1Fc%252ed']) {
      expect((await call('root', 'DELETE', `/namespaces/${path}`)).status).toBe(204);
    }
  });

  it('come in pages, with null after the last', async () => {
    for (const name of ['p1', 'p2', 'p3']) await call('root', 'POST', '/namespaces', { namespace: [name] });
    const first = await call('root', 'GET', '/namespaces?pageToken=&pageSize=2');
    expect(first.body.namespaces).toHaveLength(2);
    const second = await call('root', 'GET', `/namespaces?pageSize=2&pageToken=${first.body['next-page-token']}`);
    expect([...first.body.namespaces, ...second.body.namespaces]).toEqual([['p1'], ['p2'], ['p3'], ['sales']]);
    const third = await call('root', 'GET', `/namespaces?pageSize=2&pageToken=${second.body['next-page-token']}`);
    expect(third.body).toEqual({ namespaces: [], 'next-page-token': null });
    expect(await typeOf(call('root', 'GET', '/namespaces?pageToken=&pageSize=0'))).toBe('400 BadRequestException');
    for (const name of ['p1', 'p2', 'p3']) await call('root', 'DELETE', `/namespaces/${name}`);
  });

  it('refuse a property that is both set and removed, as unprocessable', async () => {
    const body = { updates: { a: '1' }, removals: ['a'] };
    expect(await typeOf(call('root', 'POST', '/namespaces/sales/properties', body))).toBe(
      '422 UnprocessableEntityException',
    );
  });
});

describe('the connection', () => {
  it('says prefix, separator and how long a key lasts, and serves both with and without the prefix', async () => {
    const { body } = await call('root', 'GET', '/config?warehouse=loch');
    expect(body.overrides).toEqual({ prefix: 'loch', 'namespace-separator': '%1F' });
    expect(body['idempotency-key-lifetime']).toBe('PT30M');
    expect((await call('root', 'GET', '/loch/namespaces')).body).toEqual(
      (await call('root', 'GET', '/namespaces')).body,
    );
    expect(await typeOf(call('root', 'GET', '/other/namespaces'))).toBe('404 NoSuchEndpointException');
  });

  it('renews a token, and takes client credentials in a Basic header', async () => {
    const ask = async (form: Record<string, string>, headers = {}) => {
      const answer = await fetch(`${door.base}/oauth/tokens`, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers,
      });
      return (await answer.json()) as { access_token?: string; error?: string };
    };
    const token = await door.tokenOf('root');
    const exchange = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    };
    const renewed = await ask(exchange);
    const answer = await fetch(`${door.base}/namespaces`, {
      headers: { authorization: `Bearer ${renewed.access_token}` },
    });
    expect(answer.status).toBe(200);
    expect(await ask({ ...exchange, subject_token: `${token}x` })).toMatchObject({ error: 'invalid_client' });
    expect(await ask({ ...exchange, subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' })).toMatchObject({
      error: 'unsupported_grant_type',
    });
    const basic = Buffer.from('KEYroot:secret of root').toString('base64');
    expect(await ask({ grant_type: 'client_credentials' }, { authorization: `Basic ${basic}` })).toHaveProperty(
      'access_token',
    );
  });
});

describe('tables', () => {
  it('are listed in pages', async () => {
    const seen: string[] = [];
    for (let token: string | null = ''; token !== null; ) {
      const page: IcebergTestAnswer = await call('root', 'GET', `${TABLES}?pageSize=1&pageToken=${token}`);
      seen.push(...page.body.identifiers.map((each: { name: string }) => each.name));
      token = page.body['next-page-token'];
    }
    expect(seen).toEqual(
      (await call('root', 'GET', TABLES)).body.identifiers.map((each: { name: string }) => each.name),
    );
  });

  it('are created with a sort order over their new ids', async () => {
    const fields = [{ 'source-id': 4, transform: 'identity', direction: 'asc', 'null-order': 'nulls-first' }];
    const made = await newTable('sorted', { 'write-order': { 'order-id': 1, fields } });
    expect(made.body.metadata).toMatchObject({
      'default-sort-order-id': 1,
      'sort-orders': [{}, { 'order-id': 1, fields }],
    });
  });

  it('are of format version 2 unless 3 is asked for; 4 is not known', async () => {
    const { body } = await newTable('three', { properties: { 'format-version': '3' } });
    expect(body.metadata).toMatchObject({ 'format-version': 3, 'next-row-id': 0 });
    expect(await typeOf(newTable('four', { properties: { 'format-version': '4' } }))).toBe(
      '406 UnsupportedOperationException',
    );
  });

  it('are renamed across namespaces with their files and grants', async () => {
    await newTable('before');
    await append('before', ['a']);
    await call('root', 'POST', '/namespaces', { namespace: ['other'] });
    const rename = {
      source: { namespace: ['sales'], name: 'before' },
      destination: { namespace: ['other'], name: 'after' },
    };
    expect((await call('root', 'POST', '/tables/rename', rename)).status).toBe(204);
    expect(await typeOf(call('root', 'GET', `${TABLES}/before`))).toBe('404 NoSuchTableException');
    const { body } = await call('root', 'GET', '/namespaces/other/tables/after');
    expect(body.metadata.location).toBe('s3://lake/sales/before');
    expect(await door.lake.directory.tableAt('lake', 'sales/before/data/a.parquet')).toEqual({
      database: 'other',
      table: 'after',
    });
    expect(await typeOf(call('root', 'POST', '/tables/rename', rename))).toBe('404 NoSuchTableException');
    const taken = { source: rename.destination, destination: { namespace: ['sales'], name: 'orders' } };
    expect(await typeOf(call('root', 'POST', '/tables/rename', taken))).toBe('409 AlreadyExistsException');
    const nowhere = { source: rename.destination, destination: { namespace: ['nowhere'], name: 'x' } };
    expect(await typeOf(call('root', 'POST', '/tables/rename', nowhere))).toBe('404 NoSuchNamespaceException');
    await door.lake.reopen();
    catalog = door.lake.catalog;
    expect((await call('root', 'GET', '/namespaces/other/tables/after')).status).toBe(200);
  });

  it('are purged for good, files and all, by who may', async () => {
    await newTable('purged');
    await append('purged', []);
    const keys = async () => (await door.lake.files.keys('lake')).filter((key) => key.startsWith('sales/purged/'));
    expect((await keys()).length).toBeGreaterThan(2);
    await newTable('kept');
    expect(await typeOf(call('dropper', 'DELETE', `${TABLES}/kept?purgeRequested=true`))).toBe(
      '403 ForbiddenException',
    );
    expect((await call('root', 'DELETE', `${TABLES}/purged?purgeRequested=true`)).status).toBe(204);
    expect(await keys()).toEqual([]);
    expect((await catalog.droppedTables(root)).map(({ table }) => table)).not.toContain('purged');
    await commit('kept', [{ action: 'set-properties', updates: { 'gc.enabled': 'false' } }]);
    expect(await typeOf(call('root', 'DELETE', `${TABLES}/kept?purgeRequested=true`))).toBe(
      '406 UnsupportedOperationException',
    );
  });

  it('are registered over one another, and unregistered with their files left', async () => {
    await newTable('moving');
    const first = (await call('root', 'GET', `${TABLES}/moving`)).body['metadata-location'];
    await append('moving', ['a']);
    const body = { name: 'moving', 'metadata-location': first };
    expect(await typeOf(call('root', 'POST', '/namespaces/sales/register', body))).toBe('409 AlreadyExistsException');
    const back = await call('root', 'POST', '/namespaces/sales/register', { ...body, overwrite: true });
    expect(back.body).toMatchObject({ 'metadata-location': first, metadata: { snapshots: [] } });
    const gone = await call('root', 'POST', `${TABLES}/moving/unregister`);
    expect(gone.body['metadata-location']).toBe(first);
    expect(await typeOf(commit('moving', []))).toBe('404 NoSuchTableException');
    expect((await call('root', 'POST', '/namespaces/sales/register', body)).status).toBe(200);
  });
});

describe('updates of a table', () => {
  const load = async (name: string) => (await call('root', 'GET', `${TABLES}/${name}`)).body.metadata;
  const refusal = async (name: string, ...updates: object[]) => {
    const { status, body } = await commit(name, updates);
    return [status, body.error?.message] as const;
  };

  it('add and set schemas, whose changes old files must survive', async () => {
    await newTable('schemas');
    await append('schemas', ['a']);
    const wider = { ...schema, fields: [...schema.fields, { id: 5, name: 'note', required: false, type: 'string' }] };
    const done = await commit('schemas', [
      { action: 'add-schema', schema: wider },
      { action: 'set-current-schema', 'schema-id': -1 },
    ]);
    expect(done.body.metadata).toMatchObject({ 'current-schema-id': 1, 'last-column-id': 5 });
    const narrower = { ...schema, fields: [{ ...schema.fields[0], type: 'int' }] };
    const set = { action: 'set-current-schema', 'schema-id': -1 };
    expect(await refusal('schemas', { action: 'add-schema', schema: narrower }, set)).toEqual([
      400,
      expect.stringContaining('`id` cannot be changed from long to int'),
    ]);
    const required = { ...schema, fields: [schema.fields[0], { ...schema.fields[1], required: true }] };
    expect(await refusal('schemas', { action: 'add-schema', schema: required }, set)).toEqual([
      400,
      expect.stringContaining('`at` cannot become required'),
    ]);
    expect(await refusal('schemas', { action: 'remove-schemas', 'schema-ids': [1] })).toEqual([
      400,
      expect.stringContaining('current schema'),
    ]);
    expect(await refusal('schemas', { action: 'remove-schemas', 'schema-ids': [0] })).toEqual([
      400,
      expect.stringContaining('is read by it'),
    ]);
    await newTable('schemas2');
    const two = await commit('schemas2', [
      { action: 'add-schema', schema: wider },
      set,
      { action: 'remove-schemas', 'schema-ids': [0] },
    ]);
    expect(two.body.metadata.schemas).toHaveLength(1);
  });

  it('add, set and remove partition specs, of fields that fit', async () => {
    await newTable('specs');
    const spec = { fields: [{ 'source-id': 2, transform: 'day', name: 'at_day' }] };
    const done = await commit('specs', [
      { action: 'add-spec', spec },
      { action: 'set-default-spec', 'spec-id': -1 },
    ]);
    expect(done.body.metadata).toMatchObject({ 'default-spec-id': 1, 'last-partition-id': 1000 });
    const bad = (field: object) => refusal('specs', { action: 'add-spec', spec: { fields: [field] } });
    expect((await bad({ 'source-id': 99, transform: 'day', name: 'x' }))[1]).toContain('no source column 99');
    expect((await bad({ 'source-id': 4, transform: 'day', name: 'x' }))[1]).toContain('does not apply');
    expect((await bad({ 'source-id': 1, transform: 'zorder', name: 'x' }))[1]).toContain('zorder');
    const dropped = { ...schema, fields: [schema.fields[0]] };
    expect(
      (
        await refusal(
          'specs',
          { action: 'add-schema', schema: dropped },
          { action: 'set-current-schema', 'schema-id': -1 },
        )
      )[1],
    ).toContain('partition field `at_day` uses column 2');
    expect((await refusal('specs', { action: 'remove-partition-specs', 'spec-ids': [1] }))[1]).toContain(
      'default partition spec',
    );
    const removed = await commit('specs', [{ action: 'remove-partition-specs', 'spec-ids': [0] }]);
    expect(
      removed.body.metadata['partition-specs'].map((each: object) => (each as { 'spec-id': number })['spec-id']),
    ).toEqual([1]);
    await newTable('specs2');
    await append('specs2', ['a']);
    await commit('specs2', [
      { action: 'add-spec', spec },
      { action: 'set-default-spec', 'spec-id': -1 },
    ]);
    expect((await refusal('specs2', { action: 'remove-partition-specs', 'spec-ids': [0] }))[1]).toContain(
      'files of snapshot',
    );
  });

  it('add and set sort orders', async () => {
    await newTable('orders2');
    const order = {
      'order-id': 1,
      fields: [{ 'source-id': 1, transform: 'identity', direction: 'desc', 'null-order': 'nulls-last' }],
    };
    const done = await commit('orders2', [
      { action: 'add-sort-order', 'sort-order': order },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    ]);
    expect(done.body.metadata).toMatchObject({ 'default-sort-order-id': 1 });
    const sideways = { ...order, fields: [{ ...order.fields[0], direction: 'sideways' }] };
    expect((await refusal('orders2', { action: 'add-sort-order', 'sort-order': sideways }))[1]).toContain('direction');
  });

  it('set and remove branches and tags, with their retention', async () => {
    await newTable('refs');
    const { snapshotId } = await append('refs', ['a']);
    await append('refs', ['b']);
    const text = (update: object) =>
      call(
        'root',
        'POST',
        `${TABLES}/refs`,
        JSON.stringify({ requirements: [], updates: [update] }).replaceAll(/"#(\d+)#"/g, '$1'),
      );
    const set = { action: 'set-snapshot-ref', 'snapshot-id': `#${snapshotId}#` };
    const tagged = await text({ ...set, 'ref-name': 'v1', type: 'tag', 'max-ref-age-ms': 1000 });
    expect(tagged.text).toContain(`"v1":{"snapshot-id":${snapshotId},"type":"tag","max-ref-age-ms":1000}`);
    expect((await text({ ...set, 'ref-name': 'audit', type: 'branch', 'min-snapshots-to-keep': 3 })).status).toBe(200);
    expect((await text({ ...set, 'ref-name': 'v2', type: 'tag', 'min-snapshots-to-keep': 3 })).status).toBe(400);
    expect((await text({ ...set, 'ref-name': 'main', type: 'tag' })).status).toBe(400);
    const removed = await text({ action: 'remove-snapshot-ref', 'ref-name': 'v1' });
    expect(Object.keys(removed.body.metadata.refs)).toEqual(['main', 'audit']);
    const expired = await text({ action: 'remove-snapshots', 'snapshot-ids': [`#${snapshotId}#`] });
    expect(expired.body.metadata.snapshots).toHaveLength(1);
    expect(expired.body.metadata.refs).not.toHaveProperty('audit');
    const current = expired.text.match(/"current-snapshot-id":(\d+)/)![1]!;
    expect((await text({ action: 'remove-snapshots', 'snapshot-ids': [`#${current}#`] })).status).toBe(400);
  });

  it('set and remove properties, statistics and partition statistics inside the table alone', async () => {
    await newTable('facts');
    const { snapshotId } = await append('facts', ['a']);
    const put = (updates: readonly object[]) =>
      call('root', 'POST', `${TABLES}/facts`, JSON.stringify({ updates }).replaceAll('"#"', snapshotId));
    const statistics = {
      'snapshot-id': '#',
      'statistics-path': 's3://lake/sales/facts/metadata/1.stats',
      'file-size-in-bytes': 1,
      'file-footer-size-in-bytes': 1,
      'blob-metadata': [],
    };
    const parts = {
      'snapshot-id': '#',
      'statistics-path': 's3://lake/sales/facts/metadata/2.parquet',
      'file-size-in-bytes': 1,
    };
    const done = await put([
      { action: 'set-properties', updates: { a: '1', b: '2' } },
      { action: 'remove-properties', removals: ['a'] },
      { action: 'set-statistics', statistics },
      { action: 'set-partition-statistics', 'partition-statistics': parts },
    ]);
    expect(done.body.metadata).toMatchObject({
      properties: { b: '2' },
      statistics: [{}],
      'partition-statistics': [{}],
    });
    const elsewhere = { ...statistics, 'statistics-path': 's3://lake/salaries/1.stats' };
    expect(await typeOf(put([{ action: 'set-statistics', statistics: elsewhere }]))).toBe('400 BadRequestException');
    const removed = await put([
      { action: 'remove-statistics', 'snapshot-id': '#' },
      { action: 'remove-partition-statistics', 'snapshot-id': '#' },
    ]);
    expect(removed.body.metadata).toMatchObject({ statistics: [], 'partition-statistics': [] });
  });

  it('keep UUID, place and format version', async () => {
    await newTable('fixed');
    const { 'table-uuid': uuid, location } = await load('fixed');
    const same = [
      { action: 'assign-uuid', uuid },
      { action: 'set-location', location },
      { action: 'upgrade-format-version', 'format-version': 2 },
    ];
    expect((await commit('fixed', same)).status).toBe(200);
    expect(await typeOf(commit('fixed', [{ action: 'assign-uuid', uuid: 'another' }]))).toBe('400 BadRequestException');
    expect(await typeOf(commit('fixed', [{ action: 'upgrade-format-version', 'format-version': 1 }]))).toBe(
      '400 BadRequestException',
    );
    expect(await typeOf(commit('fixed', [{ action: 'upgrade-format-version', 'format-version': 4 }]))).toBe(
      '406 UnsupportedOperationException',
    );
    const upgraded = await commit('fixed', [{ action: 'upgrade-format-version', 'format-version': 3 }]);
    expect(upgraded.body.metadata).toMatchObject({ 'format-version': 3, 'next-row-id': 0 });
    expect(await typeOf(commit('fixed', [{ action: 'upgrade-format-version', 'format-version': 2 }]))).toBe(
      '400 BadRequestException',
    );
    for (const action of ['add-encryption-key', 'remove-encryption-key', 'enable-row-lineage']) {
      expect(await typeOf(commit('fixed', [{ action, 'key-id': 'k' }]))).toBe('406 UnsupportedOperationException');
    }
  });

  it('that are malformed are refused by the name of the member', async () => {
    await newTable('malformed');
    for (const [update, named] of [
      [{ action: 'add-schema' }, 'schema'],
      [{ action: 'add-schema', schema: { fields: 'x' } }, 'schema.fields'],
      [{ action: 'add-schema', schema: { fields: [null] } }, 'has no name'],
      [{ action: 'add-snapshot', snapshot: { 'snapshot-id': 5 } }, 'timestamp-ms'],
      [{ action: 'set-properties', updates: { a: 1 } }, 'updates'],
      [{ action: 'set-snapshot-ref', 'ref-name': 'x', type: 'branch' }, 'snapshot-id'],
      [{ action: 'remove-snapshots' }, 'snapshot-ids'],
      [{ action: 'set-location', location: 5 }, 'location'],
    ] as const) {
      const [status, message] = await refusal('malformed', update);
      expect([status, message]).toEqual([400, expect.stringContaining(named)]);
    }
    expect(await typeOf(commit('malformed', [], [{ type: 'assert-blue' }]))).toBe('400 BadRequestException');
  });
});

describe('requirements', () => {
  it('hold or fail each by itself', async () => {
    await newTable('required');
    const { metadata } = (await call('root', 'GET', `${TABLES}/required`)).body;
    const holds = {
      'assert-table-uuid': { uuid: metadata['table-uuid'] },
      'assert-ref-snapshot-id': { ref: 'main', 'snapshot-id': null },
      'assert-last-assigned-field-id': { 'last-assigned-field-id': metadata['last-column-id'] },
      'assert-current-schema-id': { 'current-schema-id': 0 },
      'assert-last-assigned-partition-id': { 'last-assigned-partition-id': 999 },
      'assert-default-spec-id': { 'default-spec-id': 0 },
      'assert-default-sort-order-id': { 'default-sort-order-id': 0 },
    };
    for (const [type, members] of Object.entries(holds)) {
      const right = { type, ...members };
      expect((await commit('required', [], [right])).status).toBe(200);
      const wrong = {
        type,
        ...Object.fromEntries(Object.keys(members).map((key) => [key, key === 'ref' ? 'main' : 77])),
      };
      const refused = await commit('required', [], [wrong]);
      expect([refused.status, refused.body.error.type, refused.body.error.message]).toEqual([
        409,
        'CommitFailedException',
        expect.stringContaining(type),
      ]);
    }
    expect(await typeOf(commit('required', [], [{ type: 'assert-create' }]))).toMatch(/^4\d\d /);
  });
});

describe('a transaction', () => {
  const change = (name: string, updates: readonly object[], requirements: readonly object[] = []) => ({
    identifier: { namespace: ['sales'], name },
    requirements,
    updates,
  });
  const set = (value: string) => [{ action: 'set-properties', updates: { value } }];
  const propertyOf = async (name: string) =>
    (await call('root', 'GET', `${TABLES}/${name}`)).body.metadata.properties.value;

  it('changes all its tables, or none when one requirement fails', async () => {
    await newTable('debits');
    await newTable('credits');
    const both = { 'table-changes': [change('debits', set('1')), change('credits', set('1'))] };
    expect((await call('root', 'POST', '/transactions/commit', both)).status).toBe(204);
    expect([await propertyOf('debits'), await propertyOf('credits')]).toEqual(['1', '1']);
    const failing = {
      'table-changes': [
        change('debits', set('2')),
        change('credits', set('2'), [{ type: 'assert-default-spec-id', 'default-spec-id': 9 }]),
      ],
    };
    expect(await typeOf(call('root', 'POST', '/transactions/commit', failing))).toBe('409 CommitFailedException');
    const unknown = { 'table-changes': [change('debits', set('3')), change('nowhere', set('3'))] };
    expect(await typeOf(call('root', 'POST', '/transactions/commit', unknown))).toBe('404 NoSuchTableException');
    expect([await propertyOf('debits'), await propertyOf('credits')]).toEqual(['1', '1']);
    const twice = { 'table-changes': [change('debits', set('4')), change('DEBITS', set('5'))] };
    expect(await typeOf(call('root', 'POST', '/transactions/commit', twice))).toBe('400 BadRequestException');
  });

  it('can create a table beside a change', async () => {
    const draft = (await newTable('made', { 'stage-create': true })).body.metadata;
    const create = change(
      'made',
      [
        { action: 'assign-uuid', uuid: draft['table-uuid'] },
        { action: 'set-location', location: draft.location },
        { action: 'add-schema', schema: draft.schemas[0] },
        { action: 'set-current-schema', 'schema-id': -1 },
        { action: 'add-spec', spec: draft['partition-specs'][0] },
        { action: 'set-default-spec', 'spec-id': -1 },
        { action: 'add-sort-order', 'sort-order': draft['sort-orders'][0] },
        { action: 'set-default-sort-order', 'sort-order-id': -1 },
      ],
      [{ type: 'assert-create' }],
    );
    const body = { 'table-changes': [create, change('debits', set('with'))] };
    expect((await call('root', 'POST', '/transactions/commit', body)).status).toBe(204);
    expect((await call('root', 'HEAD', `${TABLES}/made`)).status).toBe(204);
    expect(await propertyOf('debits')).toBe('with');
  });

  it('of eight racing clients never leaves two tables unequal', async () => {
    await newTable('left');
    await newTable('right');
    const racing = Array.from({ length: 8 }, async (_, i) => {
      const order = i % 2 === 0 ? ['left', 'right'] : ['right', 'left'];
      for (let round = 0; round < 5; round++) {
        const body = { 'table-changes': order.map((name) => change(name, set(`${i}/${round}`))) };
        expect((await call('root', 'POST', '/transactions/commit', body)).status).toBe(204);
      }
    });
    await Promise.all(racing);
    expect(await propertyOf('left')).toBe(await propertyOf('right'));
  });
});

describe('an idempotency key', () => {
  let count = 0;
  const key = () => `017f22e2-79b0-7cc3-98c4-${String(++count).padStart(12, '0')}`;
  const post = (path: string, body: unknown, of: string) => call('root', 'POST', path, body, { 'idempotency-key': of });

  it('gives one effect and the same answer however often it is sent', async () => {
    const of = key();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(TABLES, { name: 'once', schema }, of)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.metadata['table-uuid'])).size).toBe(1);
    const dropped = key();
    const drop = () => call('root', 'DELETE', `${TABLES}/once`, undefined, { 'idempotency-key': dropped });
    expect([(await drop()).status, (await drop()).status]).toEqual([204, 204]);
    const change = { updates: { x: '1' }, removals: ['none'] };
    const props = key();
    expect((await post('/namespaces/sales/properties', change, props)).status).toBe(200);
    expect((await post('/namespaces/sales/properties', change, props)).body.updated).toEqual(['x']);
  });

  it('gives the same refusal again, whatever has become of its cause', async () => {
    const of = key();
    const rename = {
      source: { namespace: ['sales'], name: 'late' },
      destination: { namespace: ['sales'], name: 'later' },
    };
    expect(await typeOf(post('/tables/rename', rename, of))).toBe('404 NoSuchTableException');
    await newTable('late');
    expect(await typeOf(post('/tables/rename', rename, of))).toBe('404 NoSuchTableException');
    expect((await post('/tables/rename', rename, key())).status).toBe(204);
  });

  it('commits once, and answers a lost commit by the table', async () => {
    await newTable('lost');
    const of = key();
    const body = { requirements: [], updates: [{ action: 'set-properties', updates: { n: '1' } }] };
    const first = await post(`${TABLES}/lost`, body, of);
    const second = await post(`${TABLES}/lost`, body, of);
    expect(second.body['metadata-location']).toBe(first.body['metadata-location']);
    const gone = key();
    await newTable('unlisted');
    const unregister = () => post(`${TABLES}/unlisted/unregister`, undefined, gone);
    expect((await unregister()).body).toEqual((await unregister()).body);
    await door.lake.reopen();
    catalog = door.lake.catalog;
    expect((await post(`${TABLES}/lost`, body, of)).body['metadata-location']).toBe(first.body['metadata-location']);
  });

  it('of another request, or that is none, is refused', async () => {
    const of = key();
    expect((await post('/namespaces', { namespace: ['keyed'] }, of)).status).toBe(200);
    expect((await post('/namespaces', { namespace: ['keyed'] }, of)).body.namespace).toEqual(['keyed']);
    expect(await typeOf(post('/namespaces', { namespace: ['keyed2'] }, of))).toBe('422 UnprocessableEntityException');
    expect(await typeOf(post('/namespaces', { namespace: ['x'] }, 'not-a-key'))).toBe('400 BadRequestException');
  });
});

describe('reports and functions', () => {
  it('take a scan or commit report of who may see the table, and refuse half of one', async () => {
    const report = {
      'report-type': 'scan-report',
      'table-name': 'sales.orders',
      'snapshot-id': 1,
      filter: { type: 'true' },
      'schema-id': 0,
      'projected-field-ids': [],
      'projected-field-names': [],
      metrics: { 'result-data-files': { unit: 'count', value: 3 } },
    };
    expect((await call('reader', 'POST', `${TABLES}/orders/metrics`, report)).status).toBe(204);
    expect(door.events.find((event) => event.name === 'catalogReportReceived')?.payload).toMatchObject({
      kind: 'scan',
      files: 3,
    });
    const { filter: _, ...half } = report;
    expect(await typeOf(call('root', 'POST', `${TABLES}/orders/metrics`, half))).toBe('400 BadRequestException');
    expect(await typeOf(call('root', 'POST', `${TABLES}/orders/metrics`, { 'report-type': 'x' }))).toBe(
      '400 BadRequestException',
    );
  });

  it('list no functions, in namespaces that are there', async () => {
    expect((await call('root', 'GET', '/namespaces/sales/functions')).body).toEqual({ identifiers: [] });
    expect(await typeOf(call('root', 'GET', '/namespaces/nothing/functions'))).toBe('404 NoSuchNamespaceException');
    expect(await typeOf(call('root', 'GET', '/namespaces/sales/functions/f'))).toBe('404 NoSuchFunctionException');
  });
});
