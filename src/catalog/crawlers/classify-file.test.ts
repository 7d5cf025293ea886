import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import { testObjects } from '../../testing/builders/test-catalog.ts';
import { type Classified, refusalText } from './classified.ts';
import { classifyFile } from './classify-file.ts';
import { hiveType } from './inferred-type.ts';

let files: Awaited<ReturnType<typeof testObjects>>;
beforeAll(async () => {
  files = await testObjects(['odd']);
});
afterAll(() => files.close());

async function classify(body: string | Uint8Array, name = 'f') {
  const bytes = Buffer.from(body as string);
  await files.objects.put('odd', name, bytes);
  const { verdict } = await classifyFile(files.objects, { bucket: 'odd', key: name, size: bytes.length });
  return verdict;
}

async function taken(body: string | Uint8Array, name = 'f'): Promise<Classified> {
  const verdict = await classify(body, name);
  if ('refused' in verdict) throw new Error(refusalText('f', verdict));
  return verdict;
}

async function refused(body: string | Uint8Array, name = 'f'): Promise<string> {
  const verdict = await classify(body, name);
  if (!('refused' in verdict)) throw new Error(`Taken as ${verdict.format}.`);
  return refusalText('f', verdict);
}

const columns = (found: Classified) =>
  found.columns.map((column) => `${column.name} ${hiveType(column.type)}`).join(', ');

describe('delimited text', () => {
  it.each([
    ['comma', ',', 'a,b\n1,x\n'],
    ['pipe', '|', 'a|b\n1|x\n'],
    ['tab', '\t', 'a\tb\n1\tx\n'],
    ['semicolon, with decimal commas inside', ';', 'a;b\n1;1,5\n2;2,5\n'],
    ['Ctrl-A', '\u0001', 'a\u0001b\n1\u0001x\n'],
  ])('is read with %s between columns', async (_, delimiter, text) => {
    const found = await taken(text);
    expect(found.csv).toMatchObject({ delimiter, header: true });
    expect(columns(found)).toBe('a bigint, b string');
  });

  it.each<[string, string, string]>([
    ['leading zeros are kept', 'zip,n\n01234,1\n00042,2\n', 'zip string, n bigint'],
    ['a lone zero is a number', 'z,n\n0,0.5\n0,-0.25\n', 'z bigint, n double'],
    ['an integer beyond 64 bits is an identifier', 'iban,n\n92233720368547758080,1\n1,2\n', 'iban string, n bigint'],
    ['the greatest 64-bit integer is a number', 'a,n\n9223372036854775807,1\n', 'a bigint, n bigint'],
    ['a plus sign is kept', 'phone,n\n+4930123,1\n', 'phone string, n bigint'],
    ['exponents are decimals', 'a,n\n1e5,1\n2.5E-3,2\n', 'a double, n bigint'],
    ['not-a-number words are text', 'a,n\nNaN,1\nInfinity,2\n', 'a string, n bigint'],
    ['integers and decimals are decimals', 'a,n\n1,1\n1.5,2\n', 'a double, n bigint'],
    ['dates are text', 'day,at,n\n2026-01-31,2026-01-31 10:00:00,1\n', 'day string, at string, n bigint'],
    ['booleans in any case', 'a,b\ntrue,FALSE\nFalse,True\n', 'a boolean, b boolean'],
    ['numbers and booleans are text', 'a,n\ntrue,1\n1,2\n', 'a string, n bigint'],
    ['empty values tell nothing', 'a,b,n\n,,1\n5,,2\n', 'a bigint, b string, n bigint'],
    ['\\N is null', 'a,n\n\\N,1\n7,2\n', 'a bigint, n bigint'],
    ['spaces around numbers do not matter', 'a,n\n 1 ,2\n', 'a bigint, n bigint'],
    ['names keep their words', 'Customer Id,Größe\n1,2.5\n', 'Customer Id bigint, Größe double'],
    ['quoted delimiters, quotes and newlines', 'a,b\n1,"x, ""y""\nz"\n2,w\n', 'a bigint, b string'],
    ['carriage returns', 'a,b\r\n1,x\r\n2,y\r\n', 'a bigint, b string'],
    ['old line ends', 'a,b\r1,x\r2,y\r', 'a bigint, b string'],
    ['a byte order mark', '\ufeffa,b\n1,x\n', 'a bigint, b string'],
    ['blank lines', 'a,b\n\n1,x\n\n2,y\n\n', 'a bigint, b string'],
    ['no line end at the end', 'a,b\n1,x', 'a bigint, b string'],
    ['some ragged rows', `a,b\n${'1,x\n'.repeat(9)}1\n2,y,z\n`, 'a bigint, b string'],
    ['an empty last name', 'a,b,\n1,x,\n2,y,\n', 'a bigint, b string, col2 string'],
    ['no header: the first row has a number', '1,x\n2,y\n', 'col0 bigint, col1 string'],
    ['no header: a name stands twice', 'a,a\n1,x\n', 'col0 string, col1 string'],
    ['no header: all is text', 'Ada,Bern\nBo,Ulm\n', 'col0 string, col1 string'],
    ['no header: a name is too long', `a,${'x'.repeat(150)}\n1,x\n`, 'col0 string, col1 string'],
  ])('where %s', async (_, text, expected) => {
    expect(columns(await taken(text))).toBe(expected);
  });

  it('counts records without the header', async () => {
    const found = await taken('a,b\n1,x\n2,y\n');
    expect(found.records).toBe(2);
  });

  it('is read from UTF-16 and says so', async () => {
    const found = await taken(Buffer.from('\ufeffa,b\n1,ß\n', 'utf16le'));
    expect(found.encoding).toBe('UTF-16LE');
    expect(columns(found)).toBe('a bigint, b string');
  });

  it('is classified by a sample that ends in the middle of a row, a quote or a character', async () => {
    const row = (n: number) => `${n},"text with, and ä newline\n and more ${'x'.repeat(n % 97)}"\n`;
    const text = `id,text\n${Array.from({ length: 5000 }, (_, n) => row(n)).join('')}`;
    for (const cut of [0, 1, 2, 3]) {
      expect(columns(await taken(`${'x'.repeat(cut)}${text}`))).toMatch(/id bigint, text string$/);
    }
  });

  it.each([
    ['one column', 'name\nAda\nBo\n', 'csv: one column with each of comma, pipe, tab, semicolon and Ctrl-A'],
    ['one row', 'a,b,c\n', 'csv: one row of 3 columns'],
    ['ragged beyond use', 'a,b\nc,d,e\nf\ng,h,i,j\nk,l\n', '% of the rows do not have the 2 columns that comma gives'],
    ['zero bytes', 'a,b\u0000\n1,2\u0000\n', 'csv: zero bytes'],
    ['white space', ' \n \n', 'json: nothing but white space'],
  ])('is refused when it is %s', async (_, text, saw) => {
    expect(await refused(text)).toContain(saw);
  });
});

describe('JSON', () => {
  it.each<[string, string, string, string]>([
    ['one object a line', '{"a":1,"b":"x"}\n{"a":2.5,"c":true}\n', 'lines', 'a double, b string, c boolean'],
    ['one array', '[{"a":1},\n {"a":2,"b":null}]', 'array', 'a bigint, b string'],
    ['objects over many lines', '{\n "a": 1\n}\n{\n "a": 2\n}\n', 'records', 'a bigint'],
    ['objects without a space between', '{"a":1}{"a":2}', 'lines', 'a bigint'],
    [
      'nested values',
      '{"s":{"x":1,"y":[{"z":"t"},{"z":"u","w":1.5}]}}',
      'lines',
      's struct<x:bigint,y:array<struct<z:string,w:double>>>',
    ],
    ['empty arrays and objects', '{"a":[],"o":{}}', 'lines', 'a array<string>, o string'],
    ['a decimal that is whole', '{"a":1.0}', 'lines', 'a double'],
    ['an integer beyond 2^53', '{"a":9007199254740993}', 'lines', 'a bigint'],
    ['an integer beyond 64 bits', '{"a":92233720368547758080}', 'lines', 'a double'],
    ['numbers and text of one name', '{"a":1}\n{"a":"1"}', 'lines', 'a string'],
    ['an object and text of one name', '{"a":{"x":1}}\n{"a":"1"}', 'lines', 'a string'],
    ['names that differ in case', '{"Id":1}\n{"id":2.5}', 'lines', 'Id double'],
    ['leading zeros as text', '{"zip":"01234"}', 'lines', 'zip string'],
    ['names with marks of the type grammar', '{"a":{"x:y,<z>":1}}', 'lines', 'a struct<x_y__z_:bigint>'],
    ['braces and escapes in text', '{"a":"}\\"{","b":1}\n', 'lines', 'a string, b bigint'],
    ['a byte order mark', '\ufeff{"a":1}', 'lines', 'a bigint'],
    ['a cut off last record', '{"a":1}\n{"a":', 'lines', 'a bigint'],
  ])('is read as %s', async (_, text, layout, expected) => {
    const found = await taken(text);
    expect(found).toMatchObject({ format: 'json', json: { layout } });
    expect(columns(found)).toBe(expected);
  });

  it('reads more of a file whose first record does not fit the sample', async () => {
    expect(columns(await taken(`{"a":1,"b":"${'x'.repeat(200_000)}"}\n{"a":2}\n`))).toBe('a bigint, b string');
    expect(await refused(`{"a":"${'x'.repeat(3_000_000)}"}`)).toContain('json: no complete object in the sample');
  });

  it('keeps an object whose names are data as text', async () => {
    const wide = JSON.stringify({ a: Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`k${n}`, n])) });
    const other = JSON.stringify({ a: Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`m${n}`, n])) });
    expect(columns(await taken(`${wide}\n${other}\n`))).toBe('a string');
  });

  it.each([
    ['an array of numbers', '[1,2,3]', 'json: an array whose items are not objects'],
    ['objects without fields', '{}\n{}\n', 'json: objects without fields'],
    ['no JSON inside', '{not json}\n', 'json: a record that does not parse'],
    ['a text', '"hello"', 'json: a beginning that is neither `{` nor `[`'],
  ])('is refused when it is %s', async (_, text, saw) => {
    expect(await refused(text)).toContain(saw);
  });
});

describe('packed and foreign files', () => {
  it('are unpacked, and refused where their name would mislead an engine', async () => {
    const csv = gzipSync('a,b\n1,x\n');
    expect(await taken(csv, 'a.csv.gz')).toMatchObject({ format: 'csv', compression: 'gzip' });
    const json = zstdCompressSync('{"a":1}\n');
    expect(await taken(json, 'a.json.zst')).toMatchObject({ format: 'json', compression: 'zstd' });
    expect(await refused(csv, 'a.csv')).toContain('all: gzip bytes under a name that says they are plain');
    expect(await refused('a,b\n1,2\n', 'a.csv.gz')).toContain('all: plain bytes under a name that says gzip');
    const long = gzipSync(`a,b\n${Array.from({ length: 50_000 }, (_, n) => `${n},${Math.sin(n)}`).join('\n')}`);
    expect(columns(await taken(long.subarray(0, long.length - 20), 'a.gz'))).toBe('a bigint, b double');
  });

  it('stop unpacking at the bound of the sample', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from('a,b\n'), Buffer.alloc(200_000_000, '1,2\n')]));
    expect(columns(await taken(bomb, 'a.gz'))).toBe('a bigint, b bigint');
  });

  it.each([
    ['a PDF', '%PDF-1.7'],
    ['an xz file', '\u00fd7zXZ'],
    ['an SQLite database', 'SQLite format 3\u0000'],
  ])('name %s that no classifier reads', async (what, bytes) => {
    expect(await refused(Buffer.from(bytes, 'latin1'))).toContain(`all: ${what}, which none of them reads`);
  });

  it.each([
    ['an Avro container', 'Obj\u0001\u0004', 'f', 'avro: a header that is cut off'],
    ['an ORC file', 'ORC\u0001', 'f', 'orc: a tail that cannot be read'],
    ['a bzip2 file', 'BZh91AY\u0000\u0000\u0000', 'f.bz2', 'all: bzip2 bytes of which nothing can be unpacked'],
    ['a zip file', 'PK\u0003\u0004x', 'f.zip', 'zip: no directory at its end'],
    ['an lz4 file', '\u0004"M\u0018\u0000', 'f.lz4', 'all: bytes that cannot be unpacked (LZ4 frame version 0.'],
  ])('say what is wrong with %s that is cut off', async (_, bytes, name, saw) => {
    expect(await refused(Buffer.from(bytes, 'latin1'), name)).toContain(saw);
  });

  it('never throw, whatever bytes they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 300 }),
          fc.string({ minLength: 1, maxLength: 300 }).map((text) => Buffer.from(`${text}.`)),
          fc
            .array(fc.constantFrom(...'{}[]",:\n\r\\1a\t|;'), { minLength: 1, maxLength: 80 })
            .map((c) => Buffer.from(c.join(''))),
          fc
            .uint8Array({ maxLength: 40 })
            .map((tail) => Buffer.concat([Buffer.from('PAR1'), tail, Buffer.from('PAR1')])),
          fc.uint8Array({ maxLength: 60 }).map((tail) => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), tail])),
          fc
            .tuple(
              fc.constantFrom('ORC\u0001', 'Obj\u0001', 'BZh9', '\u0004"M\u0018', 'PK\u0003\u0004', '<'),
              fc.uint8Array({ maxLength: 80 }),
            )
            .map(([magic, tail]) => Buffer.concat([Buffer.from(magic, 'latin1'), tail])),
          fc
            .array(fc.constantFrom(...'<>/="&;ab 1\n'), { minLength: 1, maxLength: 80 })
            .map((c) => Buffer.from(`<a>${c.join('')}</a>`)),
        ),
        async (bytes) => {
          const name = ['f', 'f.bz2', 'f.lz4', 'f.snappy', 'f.zip'][bytes.length % 5]!;
          const verdict = await classify(bytes, name);
          expect('refused' in verdict ? verdict.refused.length : verdict.columns.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('Parquet', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loch-parquet-'));
  let parquet: Buffer;
  beforeAll(async () => {
    const engine = await openDuckdbEngine({ workDirectory: join(folder, 'work'), threads: 1 });
    const select = `SELECT 1::TINYINT t, 2::SMALLINT s, 3::INTEGER i, 4::BIGINT l, 5::UINTEGER u, 6::UBIGINT ul,
      1.5::FLOAT f, 2.5::DOUBLE d, 1.25::DECIMAL(12,2) amount, true b, 'x' v, 'x'::BLOB bin, DATE '2026-01-31' AS born,
      TIMESTAMP '2026-01-31 10:00:00' AS happened, TIMESTAMPTZ '2026-01-31 10:00:00+00' AS zoned, [1,2] AS items,
      {'x': 1, 'y': ['z']} st, MAP {'k': 1} m, [{'q': 1::BIGINT}] ls FROM range(3)`;
    const result = await engine.execute(
      { sql: select, inputs: [], result: { kind: 'parquet', directory: join(folder, 'out') } },
      new AbortController().signal,
    );
    parquet = readFileSync(result.files[0]!.path);
    await engine.close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is described by its footer, every type by Hive’s word', async () => {
    const found = await taken(parquet);
    expect(found).toMatchObject({ format: 'parquet', records: 3 });
    expect(columns(found).split(/, (?=[a-z]+ )/)).toEqual([
      't tinyint',
      's smallint',
      'i int',
      'l bigint',
      'u bigint',
      'ul decimal(20,0)',
      'f float',
      'd double',
      'amount decimal(12,2)',
      'b boolean',
      'v string',
      'bin binary',
      'born date',
      'happened timestamp',
      'zoned timestamp',
      'items array<int>',
      'st struct<x:int,y:array<string>>',
      'm map<string,int>',
      'ls array<struct<q:bigint>>',
    ]);
  });

  it('is refused when its end is cut off or its footer is not one', async () => {
    expect(await refused(parquet.subarray(0, parquet.length - 3))).toContain('the file is cut off');
    const broken = Buffer.from(parquet);
    broken.fill(0xff, broken.length - 60, broken.length - 8);
    expect(await refused(broken)).toContain('parquet: a footer');
    expect(await refused(gzipSync(parquet))).toContain('packed by gzip');
  });
});
