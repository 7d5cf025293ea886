import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LochError } from '../../../core/errors.ts';
import { openQueryLake, type QueryLake } from '../../../testing/builders/query-lake.ts';

let lake: QueryLake;

beforeAll(async () => {
  lake = await openQueryLake();
  await lake.createTable(
    'bank.t',
    [
      { name: 'id', type: 'bigint' },
      { name: 'name', type: 'string' },
      { name: 'at', type: 'timestamp' },
      { name: 'doc', type: 'string' },
    ],
    `SELECT i::BIGINT AS id, 'n' || i AS name, TIMESTAMP '2026-01-31 10:20:30' + to_days(i::INTEGER) AS at,
       '{"a": {"b": "x' || i || '"}}' AS doc FROM range(5) t(i)`,
  );
});
afterAll(() => lake.close());

const rows = async (sql: string) => {
  const outcome = await lake.consumption.runner.run(
    lake.root,
    { sql, dialect: 'athena', database: 'bank', result: { kind: 'rows', maxRows: 1000 } },
    lake.root.signal,
  );
  return outcome.rows;
};
const failure = (sql: string): Promise<LochError> =>
  rows(sql).then(
    (got) => expect.fail(`it should have failed: ${JSON.stringify(got)}`),
    (error: LochError) => error,
  );

describe('the Athena dialect', () => {
  it.each([
    ['1 / 2', '0'],
    ['7.0 / 2', '3.5'],
    ["date_parse('2026-01-31 10:20:30', '%Y-%m-%d %H:%i:%s')", '2026-01-31 10:20:30'],
    ["date_format(TIMESTAMP '2026-01-31 10:20:30', '%Y/%m/%d %H:%i')", '2026/01/31 10:20'],
    ["format_datetime(TIMESTAMP '2026-01-31 10:20:30', 'yyyy-MM-dd HH:mm:ss')", '2026-01-31 10:20:30'],
    ["date_diff('month', DATE '2026-01-15', DATE '2026-02-14')", '0'],
    ["date_diff('day', DATE '2026-01-31', DATE '2026-02-28')", '28'],
    ['json_extract_scalar(\'{"a": [1, {"b": "x"}]}\', \'$.a[1].b\') = \'x\'', 'true'],
    ["json_value('{\"a\": 5}', 'lax $.a')", '5'],
    ['cardinality(ARRAY[1, 2, 3])', '3'],
    ['element_at(ARRAY[1, 2], -1)', '2'],
    ["element_at(MAP(ARRAY['a'], ARRAY[1]), 'a')", '1'],
    ['transform(ARRAY[1, 2], x -> x * 10)', '[10, 20]'],
    ['filter(ARRAY[1, 2, 3], x -> x > 1)', '[2, 3]'],
    ['reduce(ARRAY[1, 2, 3], 0, (s, x) -> s + x, s -> s * 2)', '12'],
    ['any_match(ARRAY[1, 2], x -> x > 1)', 'true'],
    ['all_match(ARRAY[1, 2], x -> x > 1)', 'false'],
    ['none_match(ARRAY[1, 2], x -> x > 5)', 'true'],
    ['sequence(1, 5, 2)', '[1, 3, 5]'],
    ['flatten(ARRAY[ARRAY[1], ARRAY[2]])', '[1, 2]'],
    ["array_join(ARRAY['a', NULL, 'b'], '-', '?')", 'a-?-b'],
    ['array_position(ARRAY[1, 2], 7)', '0'],
    ['slice(ARRAY[1, 2, 3, 4], 2, 2)', '[2, 3]'],
    ["regexp_replace('abc', '(b)', '[$1]')", 'a[b]c'],
    ["regexp_like('abc', 'b')", 'true'],
    ["regexp_extract('abc123', '([a-z]+)(\\d+)', 2)", '123'],
    ["url_extract_host('https://user@example.org:8080/a/b?q=1#f')", 'example.org'],
    ["url_extract_port('https://example.org:8080/a')", '8080'],
    ["url_extract_path('https://example.org/a/b?q=1')", '/a/b'],
    ["to_hex(md5(to_utf8('a')))", '0CC175B9C0F1B6A831C399E269772661'],
    ["split_part('a,b,c', ',', 2)", 'b'],
    ["strpos('abc', 'c')", '3'],
    ["substr('abcdef', 2, 3)", 'bcd'],
    ["lpad('7', 3, '0')", '007'],
    ["day_of_week(DATE '2026-02-01')", '7'],
    ["date_trunc('month', DATE '2026-01-31')", '2026-01-01'],
    ["year_of_week(DATE '2027-01-01')", '2026'],
    ['bitwise_and(6, 3)', '2'],
    ["IF(1 < 2, 'y', 'n')", 'y'],
    ["TRY(CAST('x' AS bigint))", null],
    ["try_cast('12' AS integer)", '12'],
    ["format('%d-%s', 5, 'x')", '5-x'],
    ['typeof(CAST(1 AS bigint))', 'BIGINT'],
    ['is_nan(nan())', 'true'],
    ["concat_ws('-', 'a', 'b')", 'a-b'],
    ["levenshtein_distance('kitten', 'sitting')", '3'],
    ['truncate(3.99)', '3'],
    ["date_add('day', 1, DATE '2026-01-31')", '2026-02-01'],
    ["date_add('hour', -2, TIMESTAMP '2026-01-31 01:00:00')", '2026-01-30 23:00:00'],
    ["from_iso8601_date('2026-01-31')", '2026-01-31'],
  ])('evaluates %s', async (expression, expected) => {
    expect(await rows(`SELECT ${expression}`)).toEqual([[expected]]);
  });

  it('takes statements over tables', async () => {
    expect(
      await rows(`SELECT approx_percentile(id, 0.5), count_if(id > 2), max_by(name, id), array_agg(id ORDER BY id DESC),
        count(*) FILTER (WHERE id > 3), json_extract_scalar(min(doc), '$.a.b') FROM t`),
    ).toEqual([['2', '2', 'n4', '[4, 3, 2, 1, 0]', '1', 'x0']]);
    expect(
      await rows(
        'SELECT n, x FROM t CROSS JOIN UNNEST(sequence(1, id)) WITH ORDINALITY AS u(x, n) WHERE id = 2 ORDER BY n',
      ),
    ).toEqual([
      ['1', '1'],
      ['2', '2'],
    ]);
    expect(await rows("SELECT map_agg(name, id)['n3'] FROM t")).toEqual([['3']]);
    expect(
      await rows(
        'SELECT id FROM t WHERE "at" >= TIMESTAMP \'2026-02-03 00:00:00\' ORDER BY id FETCH FIRST 1 ROWS ONLY',
      ),
    ).toEqual([['3']]);
    expect(await rows('SELECT id FROM bank.t ORDER BY id DESC OFFSET 1 LIMIT 2')).toEqual([['3'], ['2']]);
  });

  it('calls columns without a name by their place', async () => {
    const names = async (sql: string) => {
      const outcome = await lake.consumption.runner.run(
        lake.root,
        { sql, dialect: 'athena', database: 'bank', result: { kind: 'rows', maxRows: 10 } },
        lake.root.signal,
      );
      return outcome.columns.map((column) => column.name);
    };
    expect(await names("SELECT count(*), id % 2 AS odd, max(name), 'x, (y' FROM t GROUP BY 2")).toEqual([
      '_col0',
      'odd',
      '_col2',
      '_col3',
    ]);
    expect(await names('SELECT 1 + 1')).toEqual(['_col0']);
    expect(await names('WITH a AS (SELECT 1 AS x) SELECT x, (SELECT max(x) FROM a) FROM a')).toEqual(['x', '_col1']);
  });

  it('travels to the snapshot of a version, a tag or a time', async () => {
    const { metadata } = await lake.catalog.resolveTable(lake.root, { database: 'bank', table: 't' });
    const id = metadata!['current-snapshot-id']!;
    await lake.catalog.commitTable(lake.root, { database: 'bank', table: 't' }, { kind: 'overwrite', files: [] });
    expect(await rows('SELECT count(*) FROM t')).toEqual([['0']]);
    expect(await rows(`SELECT count(*) FROM t FOR VERSION AS OF ${id}`)).toEqual([['5']]);
    expect(await rows(`SELECT a.id FROM t FOR VERSION AS OF ${id} AS a WHERE a.id = 3`)).toEqual([['3']]);
    const missing = await failure('SELECT * FROM t FOR VERSION AS OF 123');
    expect(missing).toMatchObject({ code: 'invalid_argument' });
    expect(missing.message).toContain(`The oldest kept is ${id}`);
  });

  it('refuses what it cannot translate by name, never drops it', async () => {
    expect(await failure('SELECT id FROM t ORDER BY id FETCH FIRST 1 ROWS WITH TIES')).toMatchObject({
      code: 'unsupported',
    });
    expect(
      await failure(
        'SELECT * FROM t MATCH_RECOGNIZE (ORDER BY id MEASURES A.id AS y PATTERN (A) DEFINE A AS A.id > 1)',
      ),
    ).toMatchObject({
      code: 'unsupported',
    });
    expect((await failure('SELECT soundex(name) FROM t')).message).toMatch(/The function `SOUNDEX` is not allowed/i);
    expect(await failure('SELECT 1; SELECT 2')).toMatchObject({ code: 'syntax_error' });
    expect(await failure('SELECT id FROM t WHRE id = 1')).toMatchObject({ code: 'syntax_error', context: { line: 1 } });
    expect(await failure('SELECT nme FROM t')).toMatchObject({
      code: 'column_not_found',
      context: { line: 1, column: 8 },
    });
    expect(await failure('SELECT * FROM missing_one')).toMatchObject({
      code: 'table_not_found',
      context: { line: 1, column: 15 },
    });
  });
});
