import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../engines/contract.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import { compileSelect } from './compile-select.ts';
import { engineFailure } from './engine-failure.ts';
import { parseSelect } from './parse-select.ts';
import { parseSelectInput, type SelectInput } from './request.ts';
import { cutScanRange, firstRecord } from './scan-file.ts';
import { writeRecords } from './write-records.ts';

let directory: string;
let engine: Engine;
let made = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'loch-select-'));
  engine = await openDuckdbEngine({ workDirectory: join(directory, 'engine'), workers: 1 });
});
afterAll(async () => {
  await engine.close();
  rmSync(directory, { recursive: true, force: true });
});

const NOW = Date.parse('2024-05-06T07:08:09Z');

/** What the statement answers over `content`, or the name of S3's error. */
async function answer(content: string | Buffer, expression: string, input: Partial<SelectInput> = {}): Promise<string> {
  const path = join(directory, `in-${made++}`);
  const result = join(directory, `out-${made++}`);
  writeFileSync(path, content);
  try {
    const request = parseSelectInput({
      expression,
      ...(input.json === undefined ? { csv: { fileHeaderInfo: 'USE' } } : {}),
      output: { kind: 'csv' },
      ...input,
    });
    const statement = parseSelect(expression);
    const gzip = request.compression === 'GZIP';
    const fields = request.csv === undefined ? [] : await firstRecord(path, gzip, request.csv);
    const named = request.csv?.fileHeaderInfo === 'USE';
    const compiled = compileSelect({
      statement,
      path,
      gzip,
      now: NOW,
      output: request.output.kind,
      source:
        request.csv === undefined
          ? { kind: 'json' }
          : { kind: 'csv', columns: Math.max(1, fields.length), ...(named ? { names: fields } : {}) },
      ...(request.csv === undefined ? {} : { csv: { ...request.csv, header: request.csv.fileHeaderInfo !== 'NONE' } }),
      ...(request.json === undefined ? {} : { json: { lines: request.json.type === 'LINES' } }),
    });
    await engine
      .execute(
        { sql: compiled.sql, inputs: [path], result: { kind: 'json', path: result } },
        new AbortController().signal,
      )
      .catch((error: unknown) => {
        throw engineFailure(error, request);
      });
    const parts: Buffer[] = [];
    for await (const part of writeRecords(result, compiled.names, request.output)) parts.push(part);
    return Buffer.concat(parts).toString();
  } catch (error) {
    const { code, context } = error as { code?: string; context?: { s3_code?: string } };
    if (context?.s3_code !== undefined) return context.s3_code;
    if (code === undefined) throw error;
    return code;
  }
}

const PEOPLE = 'name,age,city\nAda,36,London\nBob,7,"New, York"\nÇelik,,Ankara\n"say ""hi""",41,\n';
const json = { json: { type: 'LINES' as const }, output: { kind: 'json' as const } };
const DOCS =
  '{"id":1,"name":"Ada","tags":["a","b"],"at":{"city":"London"},"big":12345678901234567890}\n{"id":2,"name":null,"tags":[],"at":{}}\n{"id":"x"}\n';

describe('SelectObjectContent over CSV', () => {
  it.each([
    ['SELECT * FROM S3Object', 'Ada,36,London\nBob,7,"New, York"\nÇelik,,Ankara\n"say ""hi""",41,\n'],
    ['select s.name from s3object s where s.age > 30', 'Ada\n"say ""hi"""\n'],
    ['SELECT name FROM S3Object WHERE CAST(age AS INT) = 7', 'CastFailed'],
    ["SELECT name FROM S3Object WHERE age <> '' AND CAST(age AS INT) = 7", 'Bob\n'],
    ['SELECT s._1, s._3 FROM S3Object s LIMIT 1', 'Ada,London\n'],
    ['SELECT s."name" FROM S3Object s WHERE s."city" LIKE \'%York\'', 'Bob\n'],
    ['SELECT COUNT(*) FROM S3Object', '4\n'],
    ["SELECT SUM(CAST(age AS INT)), AVG(CAST(age AS INT)), MAX(age) FROM S3Object WHERE age <> ''", '84,28,41\n'],
    ["SELECT UPPER(name) || '!' FROM S3Object WHERE name IN ('Ada', 'Bob') AND age BETWEEN 1 AND 10", 'BOB!\n'],
    [
      "SELECT CASE WHEN age > 30 THEN 'old' WHEN age = 7 THEN 'young' ELSE 'unknown' END FROM S3Object",
      'old\nyoung\nunknown\nold\n',
    ],
    [
      "SELECT CHAR_LENGTH(city), SUBSTRING(name, 2), SUBSTRING(name FROM 0 FOR 2) FROM S3Object WHERE NOT city = ''",
      '6,da,A\n9,ob,B\n6,elik,Ç\n',
    ],
    [
      "SELECT TRIM(LEADING 'A' FROM name), COALESCE(NULLIF(age, ''), 'none') FROM S3Object LIMIT 3",
      'da,36\nBob,7\nÇelik,none\n',
    ],
    [
      "SELECT TO_STRING(TO_TIMESTAMP('2024-02-29T10:00:00Z'), 'dd.MM.yyyy'), DATE_DIFF(day, TO_TIMESTAMP('2024-01-01T'), UTCNOW()), EXTRACT(YEAR FROM UTCNOW()), DATE_ADD(month, 1, TO_TIMESTAMP('2024-01-31T00:00:00Z')) FROM S3Object LIMIT 1".replace(
        "01-01T'",
        "01-01'",
      ),
      '29.02.2024,126,2024,2024-02-29T00:00:00Z\n',
    ],
    ['SELECT 1 + 2 * 3, 7 / 2, 7 % 4, -2 FROM S3Object LIMIT 1', '7,3,3,-2\n'],
    ['SELECT s._9 IS NULL, s._9 IS MISSING FROM S3Object s LIMIT 1', 'true,true\n'],
    ['SELECT nothing FROM S3Object', 'MissingHeaders'],
    ['SELECT * FROM other', 'InvalidDataSource'],
    ['SELECT name FROM S3Object GROUP BY name', 'UnsupportedSqlStructure'],
    ['SELECT name FROM S3Object ORDER BY name', 'UnsupportedSqlStructure'],
    ['SELECT name, COUNT(*) FROM S3Object', 'UnsupportedSqlStructure'],
    ['SELECT *, name FROM S3Object', 'ParseAsteriskIsNotAloneInSelectList'],
    ['SELECT name S3Object', 'ParseSelectMissingFrom'],
    ['SELECT', 'ParseUnexpectedToken'],
    ['SELECT name FROM S3Object WHERE', 'ParseUnexpectedToken'],
    ['SELECT CAST(age AS POINT) FROM S3Object', 'ParseExpectedTypeName'],
    ["SELECT read_text('/etc/passwd') FROM S3Object", 'UnsupportedFunction'],
    ["SELECT getenv('HOME') FROM S3Object", 'UnsupportedFunction'],
    ["SELECT name FROM S3Object; SELECT * FROM read_csv('/etc/passwd')", 'LexerInvalidChar'],
    ["SELECT 'open FROM S3Object", 'LexerInvalidLiteral'],
    ['SELECT LOWER(name, city) FROM S3Object', 'EvaluatorInvalidArguments'],
    [`SELECT ${'('.repeat(200)}1${')'.repeat(200)} FROM S3Object`, 'UnsupportedSyntax'],
  ])('answers %s', async (expression, expected) => {
    expect(await answer(PEOPLE, expression)).toBe(expected);
  });

  it('takes names and texts for what they are, whatever stands in them', async () => {
    const hostile = `"a""; DROP TABLE x; --",'b'\n1,2\n`;
    expect(await answer(hostile, `SELECT s."a""; DROP TABLE x; --" FROM S3Object s WHERE s."'b'" = '2'`)).toBe('1\n');
    expect(await answer(hostile, `SELECT 'it''s' AS "x""y" FROM S3Object`, { output: { kind: 'json' } })).toBe(
      '{"x\\"y":"it\'s"}\n',
    );
  });

  it('reads and writes the dialects that are asked for', async () => {
    const content = gzipSync("# a comment\r\nx;'a;b'\r\ny;c\r\n");
    const told = await answer(content, 'SELECT _2, _1 FROM S3Object', {
      compression: 'GZIP',
      csv: { fileHeaderInfo: 'NONE', fieldDelimiter: ';', quote: "'", recordDelimiter: '\r\n' },
      output: { kind: 'csv', quoteFields: 'ALWAYS', fieldDelimiter: '|', recordDelimiter: '\r\n' },
    });
    expect(told).toBe('"a;b"|"x"\r\n"c"|"y"\r\n');
    expect(
      await answer(PEOPLE, 'SELECT * FROM S3Object LIMIT 1', {
        csv: { fileHeaderInfo: 'IGNORE' },
        output: { kind: 'json' },
      }),
    ).toBe('{"_1":"Ada","_2":"36","_3":"London"}\n');
  });

  it('names what is wrong with a request', async () => {
    const wrong = (input: object) => answer(PEOPLE, 'SELECT * FROM S3Object', input as Partial<SelectInput>);
    expect(await wrong({ compression: 'LZ4' })).toBe('InvalidCompressionFormat');
    expect(await wrong({ csv: { fileHeaderInfo: 'MAYBE' } })).toBe('InvalidFileHeaderInfo');
    expect(await wrong({ json: { type: 'TREE' } })).toBe('InvalidJsonType');
    expect(await wrong({ json: { type: 'LINES' }, csv: {} })).toBe('InvalidDataSource');
    expect(await wrong({ scanRange: { start: 5, end: 2 } })).toBe('InvalidScanRange');
    expect(await wrong({ scanRange: { start: 5 }, compression: 'GZIP' })).toBe('UnsupportedScanRangeInput');
    expect(await answer(PEOPLE, `SELECT * FROM S3Object WHERE name = '${'x'.repeat(256 * 1024)}'`)).toBe(
      'ExpressionTooLong',
    );
    expect(await answer('not gzip at all', 'SELECT * FROM S3Object', { compression: 'GZIP' })).toBe('TruncatedInput');
  });
});

describe('SelectObjectContent over JSON', () => {
  it.each([
    ['SELECT * FROM S3Object s WHERE s.id = 1', `${DOCS.split('\n')[0]}\n`],
    ['SELECT s.id, s.at.city FROM S3Object s', '{"id":1,"city":"London"}\n{"id":2}\n{"id":"x"}\n'],
    ['SELECT s.name FROM S3Object s WHERE s.id < 3', '{"name":"Ada"}\n{"name":null}\n'],
    ['SELECT s.big AS b, s.tags[1] AS t FROM S3Object[*] s LIMIT 1', '{"b":12345678901234567890,"t":"b"}\n'],
    ['SELECT s.id FROM S3Object s WHERE s.name IS MISSING', '{"id":"x"}\n'],
    ['SELECT s.id FROM S3Object s WHERE s.name IS NULL', '{"id":2}\n{"id":"x"}\n'],
    ['SELECT COUNT(*) FROM S3Object[*].tags[*]', '{"_1":2}\n'],
    ['SELECT t FROM S3Object[*].tags[*] t', '{"t":"a"}\n{"t":"b"}\n'],
    ['SELECT s.* FROM S3Object s LIMIT 1', `${DOCS.split('\n')[0]}\n`],
  ])('answers %s', async (expression, expected) => {
    expect(await answer(DOCS, expression, json)).toBe(expected);
  });

  it('reads one document over many lines, and tells what is none', async () => {
    const document = '{\n "rows": [\n {"a": 1},\n {"a": "two"}\n ]\n}\n';
    const input = { json: { type: 'DOCUMENT' as const }, output: { kind: 'csv' as const } };
    expect(await answer(document, 'SELECT r.a FROM S3Object[*].rows[*] r', input)).toBe('1\ntwo\n');
    expect(await answer('{"a":', 'SELECT * FROM S3Object', input)).toBe('JSONParsingError');
  });
});

describe('a scan range', () => {
  it('holds each record in exactly one of ranges that follow each other', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => `${i},${'x'.repeat(i % 7)}`);
    const content = `${lines.join('\n')}\n`;
    const source = join(directory, 'scan');
    writeFileSync(source, content);
    for (const step of [1, 3, 10, 64, 1000]) {
      let found = '';
      for (let first = 0; first < content.length; first += step) {
        const target = join(directory, `scan-${step}-${first}`);
        await cutScanRange(source, target, { first, last: first + step - 1, header: false });
        found += readFileSync(target, 'utf8');
      }
      expect(found).toBe(content);
    }
  });
});
