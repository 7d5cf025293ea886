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
  door = await openIcebergTestDoor(statedPolicy({}));
  catalog = door.lake.catalog;
});
afterAll(() => door.close());

const TABLES = '/namespaces/sales/tables';
const call: IcebergTestDoor['call'] = (...request) => door.call(...request);
const schema = { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'id', required: false, type: 'long' }] };
const create = (name: string, more: object = {}) => call('root', 'POST', TABLES, { name, schema, ...more });
const facts = ({ status, body }: IcebergTestAnswer) => `${status} ${body?.error?.type} ${body?.error?.message}`;
const put = (location: string, text: string) => {
  const bytes = Buffer.from(text);
  return door.lake.files.objects.put('lake', location.replace('s3://lake/', ''), bytes, {
    contentLength: bytes.length,
  });
};
const append = (name: string) =>
  catalog.commitTable(
    root,
    { database: 'sales', table: name },
    {
      kind: 'append',
      files: [{ path: `s3://lake/sales/${name}/data/1.parquet`, format: 'PARQUET', rows: 1, bytes: 9, partition: {} }],
    },
  );

describe('names', () => {
  it('of tables, namespaces and columns may be hostile and stay themselves', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a name.
    const names = ['a"b', "a'b", 'a b', 'a.b', 'ä😀', '%41', 'a%2fb', '*', '?', '#x', 'a+b', 'sp ace', '$(id)', '${x}'];
    for (const name of names) {
      const column = { id: 1, name: `${name} ☃"'.`, required: false, type: 'long' };
      const made = await create(name, { schema: { ...schema, fields: [column] } });
      expect([name, made.status]).toEqual([name, 200]);
      const loaded = await call('root', 'GET', `${TABLES}/${encodeURIComponent(name)}`);
      expect(loaded.body.metadata.schemas[0].fields[0].name).toBe(column.name);
      expect((await call('root', 'POST', '/namespaces', { namespace: [name] })).body.namespace).toEqual([name]);
      const listed = await call('root', 'GET', `/namespaces/${encodeURIComponent(name)}`);
      expect(listed.body.namespace).toEqual([name]);
    }
    const listed = (await call('root', 'GET', TABLES)).body.identifiers.map((each: { name: string }) => each.name);
    expect(listed).toEqual(expect.arrayContaining(names.map((name) => name.toLowerCase())));
    for (const name of names) {
      expect((await call('root', 'DELETE', `${TABLES}/${encodeURIComponent(name)}`)).status).toBe(204);
      expect((await call('root', 'DELETE', `/namespaces/${encodeURIComponent(name)}`)).status).toBe(204);
    }
  });

  it('that cannot be names are refused with the rule', async () => {
    for (const name of ['a/b', 'a\\b', 'a\u0000b', '..', ' ', 'x'.repeat(300)]) {
      expect(facts(await create(name))).toMatch(/^400 BadRequestException .*(not allowed|limit is 255|not a name)/);
      // A dot inside a level is escaped, so that two of them are a name like any other.
      const namespace = await call('root', 'POST', '/namespaces', { namespace: [name === '..' ? 'a/..' : name] });
      expect(namespace.status).toBe(400);
    }
    const long = { ...schema, fields: [{ id: 1, name: 'c'.repeat(300), required: false, type: 'long' }] };
    expect(facts(await create('long', { schema: long }))).toMatch(/^400 BadRequestException .*255/);
    expect(facts(await call('root', 'GET', '/namespaces/%FF'))).toMatch(/^400 BadRequestException .*percent/);
    expect((await call('root', 'POST', '/namespaces', { namespace: [] })).status).toBe(400);
    expect((await call('root', 'POST', '/namespaces', { namespace: ['a', ''] })).status).toBe(400);
  });

  it('of columns twice, types that are none and transforms nobody knows are refused by name', async () => {
    const field = schema.fields[0]!;
    const twice = { ...schema, fields: [field, { ...field, id: 2 }] };
    expect(facts(await create('twice', { schema: twice }))).toMatch(/^400 .*`id`/);
    const odd = { ...schema, fields: [{ ...field, type: 'variant' }] };
    expect(facts(await create('odd', { schema: odd }))).toMatch(/^406 UnsupportedOperationException .*variant/);
    const spec = { fields: [{ 'source-id': 1, transform: 'zorder[3]', name: 'z' }] };
    expect(facts(await create('spec', { 'partition-spec': spec }))).toMatch(
      /^406 UnsupportedOperationException .*zorder/,
    );
  });
});

describe('what lies in the files', () => {
  it('is told by name when metadata, manifest list or manifest are broken, and the table can still be dropped', async () => {
    for (const broken of ['metadata', 'list', 'manifest', 'absent'] as const) {
      await create(broken);
      await append(broken);
      const { body } = await call('root', 'GET', `${TABLES}/${broken}`);
      const keys = (await door.lake.files.keys('lake')).filter((key) => key.startsWith(`sales/${broken}/metadata/`));
      const listFile = body.metadata.snapshots[0]['manifest-list'];
      const manifest = `s3://lake/${keys.find((key) => /-m0\.avro$/.test(key))}`;
      if (broken === 'metadata') await put(body['metadata-location'], '{"format-version": 2, "location": ');
      if (broken === 'list') await put(listFile, 'Obj\u0001 is not Avro');
      if (broken === 'manifest') await put(manifest, 'Obj\u0001 is not Avro');
      if (broken === 'absent') await door.lake.files.objects.delete('lake', listFile.replace('s3://lake/', ''));
      // Nothing decoded before may hide it.
      await door.lake.reopen();
      catalog = door.lake.catalog;
      const plan = await call('root', 'POST', `${TABLES}/${broken}/plan`, {});
      expect([broken, plan.status, plan.body.error.type]).toEqual([broken, 500, 'InternalServerError']);
      const commit = await call('root', 'POST', `${TABLES}/${broken}`, {
        requirements: [],
        updates: [{ action: 'set-properties', updates: { a: 'b' } }],
      });
      expect([broken, commit.status]).toEqual([broken, broken === 'metadata' ? 500 : 200]);
      expect((await call('root', 'DELETE', `${TABLES}/${broken}`)).status).toBe(204);
    }
  });

  it('of a file to be registered is the caller’s doing: absent, broken, of another version or place', async () => {
    const register = async (name: string, text: string | undefined) => {
      const location = `s3://lake/adopt/${name}/metadata/1.metadata.json`;
      if (text !== undefined) await put(location, text);
      return call('root', 'POST', '/namespaces/sales/register', { name, 'metadata-location': location });
    };
    const before = (await call('root', 'GET', TABLES)).body;
    for (const [name, text] of [
      ['none', undefined],
      ['half', '{'],
      ['list', '[]'],
      ['v4', '{"format-version": 4}'],
      ['empty', '{"format-version": 2, "location": "s3://lake/adopt/empty"}'],
    ] as const) {
      const answer = await register(name, text);
      expect([name, answer.status >= 400]).toEqual([name, true]);
      expect(answer.status).not.toBe(200);
    }
    expect((await call('root', 'GET', TABLES)).body).toEqual(before);
  });
});

describe('a table dropped meanwhile', () => {
  it('takes no commit, plan or credentials any more, and another of its name is not it', async () => {
    await create('gone');
    const { metadata } = (await call('root', 'GET', `${TABLES}/gone`)).body;
    const racing = await Promise.all([
      call('root', 'DELETE', `${TABLES}/gone`),
      ...Array.from({ length: 8 }, (_, i) =>
        call('root', 'POST', `${TABLES}/gone`, {
          requirements: [],
          updates: [{ action: 'set-properties', updates: { i: String(i) } }],
        }),
      ),
    ]);
    expect(racing[0]!.status).toBe(204);
    for (const { status } of racing.slice(1)) expect([200, 404]).toContain(status);
    await create('gone');
    const stale = {
      requirements: [{ type: 'assert-table-uuid', uuid: metadata['table-uuid'] }],
      updates: [{ action: 'set-properties', updates: { late: 'yes' } }],
    };
    expect(facts(await call('root', 'POST', `${TABLES}/gone`, stale))).toMatch(/^409 CommitFailedException/);
    expect((await call('root', 'GET', `${TABLES}/gone`)).body.metadata.properties.late).toBeUndefined();
  });
});

describe('requests', () => {
  it('that are no JSON, no object, too deep or of the wrong kind are answered 400', async () => {
    for (const body of [
      '{',
      '[]',
      '"x"',
      'null',
      '{"name": 5}',
      '{"name": "x", "schema": 5}',
      '{"name":"x","schema":{"fields":[5]}}',
    ]) {
      const answer = await call('root', 'POST', TABLES, body);
      expect([body, answer.status, answer.body.error.type]).toEqual([body, 400, 'BadRequestException']);
    }
    const deep = `${'{"type":"not","child":'.repeat(300)}{"type":"true"}${'}'.repeat(300)}`;
    await create('deep');
    expect(facts(await call('root', 'POST', `${TABLES}/deep/plan`, `{"filter":${deep}}`))).toMatch(/^400 .*nested/);
    expect((await call('root', 'POST', '/transactions/commit', { 'table-changes': [{}] })).status).toBe(400);
    expect((await call('root', 'POST', '/tables/rename', { source: {}, destination: {} })).status).toBe(400);
  });
});
