import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../engines/contract.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import type { ObjectInput } from '../../processing/contract.ts';
import { objectScanSql } from './object-scan.ts';

let directory: string;
let engine: Engine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'loch-scan-'));
  engine = await openDuckdbEngine({ workDirectory: directory, workers: 1, memoryLimitBytes: 256 * 1024 * 1024 });
});
afterAll(async () => {
  await engine.close();
  await rm(directory, { recursive: true, force: true });
});

/** The rows of a scan over files with these contents, in file and row order. */
async function scan(
  input: Omit<ObjectInput, 'name' | 'objects' | 'columns'> & { columns: readonly string[] },
  contents: Readonly<Record<string, string | Uint8Array>>,
) {
  const keys = Object.keys(contents);
  const paths = await Promise.all(
    keys.map(async (key) => {
      const path = join(directory, key.replaceAll('/', '_'));
      await writeFile(path, contents[key]!);
      return path;
    }),
  );
  const columns = input.columns.map((column) => ({ name: column }));
  const objects = keys.map((key) => ({ bucket: 'b', key }));
  const sql = objectScanSql({ ...input, name: 'i', columns, objects }, paths);
  const result = await engine.execute(
    {
      sql: `SELECT * EXCLUDE (_object, _row), _object, _row FROM (${sql}) ORDER BY _object, _row`,
      inputs: paths,
      result: { kind: 'rows', maxRows: 10_000 },
    },
    new AbortController().signal,
  );
  return result.rows.map((row) => Object.fromEntries(row.map((value, i) => [result.columns[i]!.name, value])));
}

describe('CSV', () => {
  it('keeps short and long rows with their fault and what no column holds', async () => {
    const rows = await scan(
      { format: 'csv', columns: ['id', 'name', 'amount'] },
      { 'a.csv': 'id,name,amount\n1,ann,10\n2,bob\n3,"cy\nd",30,x,y\n4,,\n5,"",""\n\n6,eve,60\n' },
    );
    expect(rows.map((row) => [row._row, row.id, row.name, row.amount, row._fault, row._rest])).toEqual([
      ['1', '1', 'ann', '10', null, null],
      ['2', '2', 'bob', null, 'too_few_fields', null],
      ['3', '3', 'cy\nd', '30', 'too_many_fields', 'x,y'],
      ['4', '4', '', '', null, null],
      ['5', '5', '', '', null, null],
      ['6', '6', 'eve', '60', null, null],
    ]);
    expect(JSON.parse(rows[2]!._record!)).toEqual({ id: '3', name: 'cy\nd', amount: '30' });
  });

  it('keeps what follows an opening quote that never closes', async () => {
    const rows = await scan({ format: 'csv', columns: ['id', 'name'] }, { 'q.csv': 'id,name\n1,a\n2,"b\n3,c\n' });
    expect(rows.map((row) => [row.id, row._fault, row.name])).toEqual([
      ['1', null, 'a'],
      ['2', null, 'b\n3,c'],
    ]);
  });

  it('reads CRLF, a byte order mark, other delimiters, no header, gzip and zstd', async () => {
    const values = async (contents: Record<string, string | Uint8Array>, options?: Record<string, string>) =>
      (await scan({ format: 'csv', columns: ['a', 'b'], ...(options && { options }) }, contents)).map((row) => [
        row.a,
        row.b,
        row._fault,
      ]);
    const expected = [
      ['1', 'x', null],
      ['2', '', null],
    ];
    expect(await values({ 'crlf.csv': 'a,b\r\n1,x\r\n2,\r\n' })).toEqual(expected);
    expect(await values({ 'bom.csv': '\ufeffa,b\n1,x\n2,' })).toEqual(expected);
    expect(await values({ 'semi.csv': 'a;b\n1;x\n2;\n' }, { delimiter: ';' })).toEqual(expected);
    expect(await values({ 'tabs.tsv': '1\tx\n2\t\n' }, { delimiter: '\t', header: 'false', quote: '' })).toEqual(
      expected,
    );
    expect(await values({ 'z.csv.gz': gzipSync('a,b\n1,x\n2,\n') })).toEqual(expected);
    expect(await values({ 'z.csv.zst': zstdCompressSync(Buffer.from('a,b\n1,x\n2,\n')) })).toEqual(expected);
    expect(await values({ 'empty.csv': '' })).toEqual([]);
  });

  it('numbers rows in file order, also in a file that is read in many pieces', async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `${i + 1},${'x'.repeat(i % 50)}`).join('\n');
    const result = await engine.execute(
      {
        sql: `SELECT count(*), count(*) FILTER (WHERE CAST("_row" AS VARCHAR) <> "a") FROM (${objectScanSql(
          {
            name: 'i',
            format: 'csv',
            columns: [{ name: 'a' }, { name: 'b' }],
            objects: [{ bucket: 'b', key: 'n.csv' }],
          },
          [join(directory, 'n.csv')],
        )})`,
        inputs: [await writeFile(join(directory, 'n.csv'), `a,b\n${lines}`).then(() => join(directory, 'n.csv'))],
        result: { kind: 'rows', maxRows: 1 },
      },
      new AbortController().signal,
    );
    expect(result.rows).toEqual([['50000', '0']]);
  });

  it('reads hundreds of files in one scan', async () => {
    const path = join(directory, 'one-of-many.csv');
    await writeFile(path, 'a,b\n1,x\n');
    const objects = Array.from({ length: 300 }, (_, i) => ({ bucket: 'b', key: `many/${i}.csv` }));
    const input: ObjectInput = { name: 'i', format: 'csv', columns: [{ name: 'a' }, { name: 'b' }], objects };
    const result = await engine.execute(
      {
        sql: `SELECT count(*), count(DISTINCT "_object"), max("_row") FROM (${objectScanSql(
          input,
          objects.map(() => path),
        )})`,
        inputs: [path],
        result: { kind: 'rows', maxRows: 1 },
      },
      new AbortController().signal,
    );
    expect(result.rows).toEqual([['300', '300', '1']]);
  });
});

describe('JSON', () => {
  it('keeps lines that are no object, and nested values as JSON text', async () => {
    const rows = await scan(
      { format: 'json', columns: ['a', 'b/c'] },
      { 'n.json': '{"a":1,"b/c":{"x":[1,2]}}\n{"a":\n\n  null\n{"a":"t","b/c":null}\n{"a":true}{"a":2}' },
    );
    expect(rows.map((row) => [row._row, row.a, row['b/c'], row._fault, row._rest])).toEqual([
      ['1', '1', '{"x":[1,2]}', null, null],
      ['2', null, null, 'not_json', '{"a":'],
      ['3', null, null, 'not_an_object', 'null'],
      ['4', 't', null, null, null],
      ['5', null, null, 'not_json', '{"a":true}{"a":2}'],
    ]);
    expect(rows[0]!._record).toBe('{"a":1,"b/c":{"x":[1,2]}}');
  });

  it('reads one array, and values one after the other', async () => {
    const rows = await scan(
      { format: 'json', columns: ['a'], options: { layout: 'array' } },
      { 'arr.json': '[{"a": 1},\n 7, {"a": "x"}]' },
    );
    expect(rows.map((row) => [row._row, row.a, row._fault])).toEqual([
      ['1', '1', null],
      ['2', null, 'not_an_object'],
      ['3', 'x', null],
    ]);
    const values = await scan(
      { format: 'json', columns: ['a'], options: { layout: 'values' } },
      { 'v.json.gz': gzipSync('{"a":1}{"a":2}\n{\n"a":3}') },
    );
    expect(values.map((row) => row.a)).toEqual(['1', '2', '3']);
  });
});

describe('Parquet', () => {
  it('gives the asked columns as text and the whole row as the record', async () => {
    const never = new AbortController().signal;
    await engine.execute(
      {
        sql: "SELECT i AS a, DATE '2026-01-02' AS d, NULL::INTEGER AS n FROM range(2) t(i)",
        inputs: [],
        result: { kind: 'parquet', directory: join(directory, 'made') },
      },
      never,
    );
    const input: ObjectInput = {
      name: 'i',
      format: 'parquet',
      columns: [{ name: 'd' }, { name: 'a', type: 'BIGINT' }],
      objects: [{ bucket: 'b', key: 'p.parquet', partition: { dt: '2026' } }],
    };
    const made = join(directory, 'made', 'part-0.parquet');
    const result = await engine.execute(
      { sql: objectScanSql(input, [made]), inputs: [made], result: { kind: 'rows', maxRows: 5 } },
      never,
    );
    expect(result.columns.map((column) => `${column.name} ${column.type}`)).toEqual([
      'd VARCHAR',
      'a BIGINT',
      '_fault VARCHAR',
      '_rest VARCHAR',
      '_record VARCHAR',
      '_row BIGINT',
      'dt VARCHAR',
      '_object VARCHAR',
    ]);
    expect(result.rows[1]).toEqual([
      '2026-01-02',
      '1',
      null,
      null,
      '{"a":1,"d":"2026-01-02","n":null}',
      '2',
      '2026',
      'p.parquet',
    ]);
  });
});

it('takes nothing for a type but a type', () => {
  const objects = [{ bucket: 'b', key: 'k' }];
  const scanOf = (type: string) =>
    objectScanSql({ name: 'i', format: 'csv', columns: [{ name: 'a', type }], objects }, ['/k']);
  expect(scanOf('DECIMAL(12, 2)')).toContain('TRY_CAST(c0 AS DECIMAL(12, 2))');
  expect(scanOf('TIMESTAMP WITH TIME ZONE')).toContain('WITH TIME ZONE');
  expect(() => scanOf("VARCHAR), (SELECT content FROM read_text('/etc/passwd')")).toThrow(/no scalar type/);
});
