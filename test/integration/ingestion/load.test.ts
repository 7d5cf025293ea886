import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../src/core/caller.ts';
import { Secret } from '../../../src/core/secret.ts';
import { openBucketSettings } from '../../../src/storage/index.ts';
import { createObjectAccess } from '../../../src/storage/objects/index.ts';
import { openQueryLake, type QueryLake } from '../../../src/testing/builders/query-lake.ts';
import { TEST_ACCOUNT } from '../../../src/testing/builders/test-lake.ts';
import { type PostgresServer, startPostgres } from '../../../src/testing/clients/postgres-server.ts';
import { postgresConnector } from '../../../src/ingestion/connectors/postgres/connector.ts';
import type { Loader } from '../../../src/ingestion/contract.ts';
import { createLoader } from '../../../src/ingestion/load/index.ts';

type Request = Parameters<Loader['load']>[1];

let lake: QueryLake;
let loader: Loader;
let root: RequestContext;

beforeAll(async () => {
  lake = await openQueryLake();
  root = lake.root;
  const { policy, audit } = lake.governance;
  const access = createObjectAccess({
    objects: lake.objects,
    policy,
    audit,
    resourcePolicies: lake.governance.resourcePolicies,
    identities: lake.governance.identities,
    settings: openBucketSettings({
      store: lake.store,
      objects: lake.objects,
      defaults: { objectOwnership: 'BucketOwnerEnforced', publicAccessBlock: true },
    }),
    directory: () => {
      throw new Error('No location is registered here.');
    },
    ownerOf: async () => undefined,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
  });
  loader = createLoader({
    objects: lake.objects,
    access,
    policy,
    catalog: lake.catalog,
    lineage: lake.lineage,
    tables: lake.tables,
    runner: lake.consumption.runner,
    connector: postgresConnector,
    workDirectory: `${lake.folder}/work-of-loads`,
  });
});
afterAll(() => lake.close());

const put = async (key: string, content: string | Uint8Array) =>
  void (await lake.objects.put('lake', key, Buffer.from(content as string)));
const load = (table: string, keys: readonly string[], changes: Partial<Request> = {}, context = root) =>
  loader.load(
    context,
    {
      target: { database: 'bank', table },
      mode: 'create',
      source: { kind: 'objects', bucket: 'lake', keys },
      ...changes,
    },
    () => {},
    new AbortController().signal,
  );
const typesOf = async (result: ReturnType<typeof load>) =>
  Object.fromEntries((await result).columns.map(({ name, type }) => [name, type]));

describe('loading files', () => {
  it('leaves where the rows came from in the graph, column by column', async () => {
    await put('in/people.csv', 'id,name\n1,Ann\n');
    await load('people', ['in/people.csv']);
    const { nodes, edges } = await lake.lineage.graph(root, { database: 'bank', table: 'people' });
    expect(nodes.map(({ name }) => name)).toEqual(['bank.people', 's3://lake/in']);
    expect(edges).toMatchObject([
      {
        job: 'load',
        columns: [
          { from: 'id', to: 'id' },
          { from: 'name', to: 'name' },
        ],
      },
    ]);
  });

  it('gives columns the types that all their values have, and keeps every digit', async () => {
    await put(
      'in/types.csv',
      [
        'Id,Code,Born On,At,Zoned,Balance,Huge,Ratio,Flag,Note,none',
        '1,007,1979-02-28,2025-01-01 10:00:00,2025-01-01T10:00:00Z,1.50,123456789012345678901.25,1e3,true,"a, ""b""",',
        '9223372036854775807,1,2024-02-29,2025-01-01T10:00:00.123456,2025-01-01T10:00:00+02:00,-12345.678,1,-0.5,FALSE,é,',
        ',12,,2025-01-02,,,,,,,',
      ].join('\n'),
    );
    expect(await typesOf(load('types', ['in/types.csv']))).toEqual({
      id: 'bigint',
      code: 'string',
      born_on: 'date',
      at: 'timestamp',
      zoned: 'timestamptz',
      balance: 'decimal(18,3)',
      huge: 'decimal(38,2)',
      ratio: 'double',
      flag: 'boolean',
      note: 'string',
      none: 'string',
    });
    expect(await lake.rows(root, 'SELECT * FROM types ORDER BY id NULLS LAST')).toEqual([
      [
        '1',
        '007',
        '1979-02-28',
        '2025-01-01 10:00:00',
        '2025-01-01 10:00:00+00',
        '1.500',
        '123456789012345678901.25',
        '1000.0',
        'true',
        'a, "b"',
        '',
      ],
      [
        '9223372036854775807',
        '1',
        '2024-02-29',
        '2025-01-01 10:00:00.123456',
        '2025-01-01 08:00:00+00',
        '-12345.678',
        '1.00',
        '-0.5',
        'false',
        'é',
        '',
      ],
      [null, '12', null, '2025-01-02 00:00:00', null, null, null, null, null, '', ''],
    ]);
  });

  it('takes a misfit anywhere in a file for the type, not only in its beginning', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `${i},2025-01-01`);
    await put('in/late.csv', ['n,d', ...lines, 'x,2025-02-30'].join('\n'));
    expect(await typesOf(load('late', ['in/late.csv']))).toEqual({ n: 'string', d: 'string' });
  });

  it.each([
    ['semicolons', 'a;b\n1;2\n', 'csv'],
    ['tabs', 'a\tb\n1\t2\n', 'tsv'],
    ['pipes with CRLF', 'a|b\r\n1|2\r\n', 'csv'],
    ['a byte order mark', '\ufeffa,b\n1,2\n', 'csv'],
    ['quoted line ends', '"a",b\n1,2\n', 'csv'],
  ])('reads CSV with %s', async (what, content, extension) => {
    const table = `dialect_${createHash('md5').update(what).digest('hex')}`;
    await put(`in/${table}.${extension}`, content);
    await load(table, [`in/${table}.${extension}`]);
    expect(await lake.rows(root, `SELECT a, b FROM ${table}`)).toEqual([['1', '2']]);
  });

  it('names the columns of a file without header, and of fields without or with strange names', async () => {
    await put('in/bare.csv', '1,north\n2,south\n');
    expect(await typesOf(load('bare', ['in/bare.csv']))).toEqual({ column_1: 'bigint', column_2: 'string' });
    await put('in/names.csv', 'Full Name (en),full-name-en,Größe\nx,y,1\n');
    expect(await typesOf(load('names', ['in/names.csv']))).toEqual({
      full_name_en: 'string',
      full_name_en_2: 'string',
      größe: 'bigint',
    });
  });

  it('reads gzip and zstd, and many files as one table whose types hold for all', async () => {
    await put('in/many/a.csv.gz', gzipSync('id,v\n1,1.5\n2,2\n'));
    await put('in/many/b.csv.zst', zstdCompressSync('id,v\n3,x\n'));
    await put('in/many/c.csv', 'v,id,extra\ny,4,2025-01-01\n');
    const result = await load('many', ['in/many/a.csv.gz', 'in/many/b.csv.zst', 'in/many/c.csv']);
    expect(result).toMatchObject({ rows: 4 });
    expect(await lake.rows(root, 'SELECT id, v, extra FROM many ORDER BY id')).toEqual([
      ['1', '1.5', null],
      ['2', '2', null],
      ['3', 'x', null],
      ['4', 'y', '2025-01-01'],
    ]);
  });

  it('reads JSON arrays and lines; a JSON string of digits stays text, nested values become JSON text', async () => {
    await put(
      'in/a.json',
      '[{"id": 1, "code": "12", "when": "2025-01-01", "in": {"x": [1, 2]}},\n {"id": 2, "late": true}]',
    );
    expect(await typesOf(load('array', ['in/a.json']))).toEqual({
      id: 'bigint',
      code: 'string',
      when: 'date',
      in: 'string',
      late: 'boolean',
    });
    expect(await lake.rows(root, 'SELECT * FROM "array" ORDER BY id')).toEqual([
      ['1', '12', '2025-01-01', '{"x":[1,2]}', null],
      ['2', null, null, null, 'true'],
    ]);
    await put('in/l.ndjson', '{"Name":"a","n":1.5}\n{"Name":null,"n":2}\n');
    expect(await typesOf(load('lines', ['in/l.ndjson']))).toEqual({ name: 'string', n: 'decimal(18,1)' });
  });

  it('reads Parquet with its types, nested ones included', async () => {
    await lake.engine.execute(
      {
        sql: `SELECT 1::INTEGER AS i, 2.50::DECIMAL(9,2) AS d, DATE '2025-01-01' AS day, ['a', 'b'] AS list,
          {'x': 1, 'Y z': 'q'} AS s, TIMESTAMPTZ '2025-01-01 10:00:00+00' AS at, 'n' AS "Name"`,
        inputs: [],
        result: { kind: 'parquet', directory: `${lake.folder}/parquet` },
      },
      new AbortController().signal,
    );
    const { readdirSync, readFileSync } = await import('node:fs');
    const [file] = readdirSync(`${lake.folder}/parquet`);
    await put('in/p.parquet', readFileSync(`${lake.folder}/parquet/${file}`));
    expect(await typesOf(load('parquet_types', ['in/p.parquet']))).toEqual({
      i: 'int',
      d: 'decimal(9,2)',
      day: 'date',
      list: 'array<string>',
      s: 'struct<x:int,Y z:string>',
      at: 'timestamptz',
      name: 'string',
    });
    expect(await lake.rows(root, `SELECT i, d, list[2], s['Y z'], name FROM parquet_types`)).toEqual([
      ['1', '2.50', 'b', 'q', 'n'],
    ]);
  });

  it('names file, line and columns of a ragged row, and leaves nothing', async () => {
    await put('in/good.csv', 'a,b,c\n1,2,3\n');
    await put('in/ragged.csv', 'a,b,c\n1,"x\ny",3\n\n4,5\n6,7,8,9\n');
    await expect(load('ragged', ['in/good.csv', 'in/ragged.csv'])).rejects.toMatchObject({
      code: 'invalid_argument',
      context: { file: 'in/ragged.csv', line: 5, expected: 3, found: 2 },
    });
    await put('in/wide.csv.gz', gzipSync('a,b\n1,2\n1,2,3\n'));
    await expect(load('ragged', ['in/wide.csv.gz'])).rejects.toThrow(
      '`in/wide.csv.gz`, line 3: expected 2 columns, found 3. Nothing was loaded.',
    );
    await expect(lake.catalog.getTable(root, { database: 'bank', table: 'ragged' })).rejects.toMatchObject({
      code: 'table_not_found',
    });
  });

  it('names the record of broken JSON', async () => {
    await put('in/broken.ndjson', '{"a":1}\n{"a":\n{"a":2}\n');
    await expect(load('broken', ['in/broken.ndjson'])).rejects.toMatchObject({
      context: { file: 'in/broken.ndjson', record: 2 },
    });
  });

  it('appends with the types of the table, and refuses what does not fit by file and record', async () => {
    await put('in/base.csv', 'id,amount\n1,2.5\n');
    await load('base', ['in/base.csv']);
    await put('in/more.csv', 'amount,id\n3,7\n');
    await load('base', ['in/more.csv'], { mode: 'append' });
    expect(await lake.rows(root, 'SELECT id, amount FROM base ORDER BY id')).toEqual([
      ['1', '2.5'],
      ['7', '3.0'],
    ]);
    await put('in/bad.csv', 'id,amount\n8,1\nnine,2\n');
    await expect(load('base', ['in/bad.csv'], { mode: 'append' })).rejects.toMatchObject({
      code: 'type_mismatch',
      context: { column: 'id', type: 'bigint', file: 'in/bad.csv', record: 2 },
    });
    await put('in/digits.csv', 'id,amount\n8,1.25\n');
    await expect(load('base', ['in/digits.csv'], { mode: 'append' })).rejects.toMatchObject({ code: 'type_mismatch' });
    await put('in/strange.csv', 'id,other\n8,1\n');
    await expect(load('base', ['in/strange.csv'], { mode: 'append' })).rejects.toThrow('no column `other`');
    expect(await lake.rows(root, 'SELECT count(*) FROM base')).toEqual([['2']]);
  });

  it('replaces the rows of a table, and refuses to create one twice or to append to none', async () => {
    await put('in/v1.csv', 'id,v\n1,a\n');
    await put('in/v2.csv', 'id,v,w\n2,b,3\n');
    await load('versions', ['in/v1.csv']);
    await expect(load('versions', ['in/v2.csv'])).rejects.toMatchObject({ code: 'already_exists' });
    await load('versions', ['in/v2.csv'], { mode: 'overwrite' });
    expect(await lake.rows(root, 'SELECT * FROM versions')).toEqual([['2', 'b', '3']]);
    await expect(load('nothing_here', ['in/v1.csv'], { mode: 'append' })).rejects.toMatchObject({
      code: 'table_not_found',
    });
  });

  it('says what it cannot read: unknown names, empty files, files that are not there', async () => {
    await put('in/what.xlsx', 'x');
    await expect(load('no', ['in/what.xlsx'])).rejects.toThrow('Known: csv, tsv');
    await put('in/empty.csv', '');
    await expect(load('no', ['in/empty.csv'])).rejects.toThrow('is empty');
    await expect(load('no', ['in/missing.csv'])).rejects.toMatchObject({ code: 'object_not_found' });
    await expect(load('no', [])).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('loads a header without rows as an empty table', async () => {
    await put('in/header.csv', 'a,b\n');
    expect(await load('header_only', ['in/header.csv'])).toMatchObject({ rows: 0 });
    expect(await lake.rows(root, 'SELECT count(*) FROM header_only')).toEqual([['0']]);
  });

  it('loads only what the caller may read, into databases where he may make tables', async () => {
    const ada = await lake.user('ada');
    await put('in/secret.csv', 'a\nb\n');
    await expect(load('hers', ['in/secret.csv'], {}, ada)).rejects.toMatchObject({ code: 'database_not_found' });
    const { grants, identity } = lake.governance;
    await grants.grant(root, {
      principal: ada.principal.arn,
      resource: { kind: 'database', database: 'bank' },
      permissions: ['CREATE_TABLE', 'DESCRIBE'],
      grantable: [],
    });
    const denyS3 = { Effect: 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::lake/in/secret*' };
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [denyS3] });
    await identity.putInlinePolicy(root, { kind: 'user', name: 'ada' }, 'deny', document);
    await expect(load('hers', ['in/secret.csv'], {}, ada)).rejects.toMatchObject({ code: 'access_denied' });
    await load('hers', ['in/header.csv'], {}, ada);
    expect(await lake.rows(ada, 'SELECT * FROM hers')).toEqual([]);
  });
});

const started = await startPostgres();

describe.skipIf(typeof started === 'string')(
  `loading from PostgreSQL${typeof started === 'string' ? ` (${started})` : ''}`,
  () => {
    let postgres: PostgresServer;
    beforeAll(() => {
      postgres = started as PostgresServer;
    });
    afterAll(() => postgres.stop());

    it('keeps types, NULL and the empty text apart, and all rows', async () => {
      await postgres.query(`CREATE TABLE odd (id bigint, small smallint, amount numeric(12,2), free numeric, day date,
        at timestamp, zoned timestamptz, ok boolean, "Text" text, doc jsonb, list int[], f float8)`);
      await postgres.query(`INSERT INTO odd VALUES (1, 2, 3.50, 1.23456789, '2025-01-01', '2025-01-01 10:00:00.5',
        '2025-01-01 10:00:00+02', true, '', '{"a": 1}', '{1,2}', 'NaN'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL), (3, 1, 0, 0, '1900-01-01', '1900-01-01', '2025-06-01', false, E'a"b\\nc', '[]', '{}', 0.1)`);
      await postgres.query(`INSERT INTO odd (id, "Text") SELECT i, 'row ' || i FROM generate_series(4, 1000) i`);
      const source = { kind: 'postgres' as const, url: new Secret(postgres.url), table: 'odd' };
      const phases = new Set<string>();
      const result = await loader.load(
        root,
        { target: { database: 'bank', table: 'odd' }, mode: 'create', source },
        ({ phase }) => void phases.add(phase),
        new AbortController().signal,
      );
      expect(result.rows).toBe(1000);
      expect([...phases]).toEqual(['connecting', 'copying', 'writing', 'committing']);
      expect(Object.fromEntries(result.columns.map(({ name, type }) => [name, type]))).toEqual({
        id: 'bigint',
        small: 'int',
        amount: 'decimal(12,2)',
        free: 'string',
        day: 'date',
        at: 'timestamp',
        zoned: 'timestamptz',
        ok: 'boolean',
        text: 'string',
        doc: 'string',
        list: 'string',
        f: 'double',
      });
      expect(await lake.rows(root, 'SELECT * FROM odd WHERE id < 4 ORDER BY id')).toEqual([
        [
          '1',
          '2',
          '3.50',
          '1.23456789',
          '2025-01-01',
          '2025-01-01 10:00:00.5',
          '2025-01-01 08:00:00+00',
          'true',
          '',
          '{"a": 1}',
          '{1,2}',
          'nan',
        ],
        ['2', null, null, null, null, null, null, null, null, null, null, null],
        [
          '3',
          '1',
          '0.00',
          '0',
          '1900-01-01',
          '1900-01-01 00:00:00',
          '2025-06-01 00:00:00+00',
          'false',
          'a"b\nc',
          '[]',
          '{}',
          '0.1',
        ],
      ]);
      expect(await lake.rows(root, 'SELECT count(*), sum(id) FROM odd')).toEqual([['1000', '500500']]);
    });

    it('names the tables there are for one that is not, without the password', async () => {
      const source = { kind: 'postgres' as const, url: new Secret(postgres.url), table: 'ood' };
      const failed = load('none', [], { source });
      await expect(failed).rejects.toThrow('No table of the source matches `public.ood`. It has: public.odd.');
      const wrong = { ...source, url: new Secret(postgres.url.replace('planted-secret', 'planted-wrong')) };
      await expect(load('none', [], { source: wrong })).rejects.toThrow(/^PostgreSQL at postgres:\/\/bank:\*\*\*@/);
    });
  },
);
