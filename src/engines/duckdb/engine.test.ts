import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { LochError } from '../../core/errors.ts';
import type { Engine, EngineStatement } from '../contract.ts';
import { openDuckdbEngine } from './index.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
/** Long enough to be caught running, without input or memory. */
const LONG = 'SELECT sum(hash(i * j)) FROM range(100000000) t(i), range(100000) u(j)';

let directory: string;
let engine: Engine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'loch-engine-'));
  engine = await openDuckdbEngine({ workDirectory: directory, workers: 2, memoryLimitBytes: 512 * MIB, threads: 2 });
});
afterAll(async () => {
  await engine.close();
  await rm(directory, { recursive: true, force: true });
});

const rows = (sql: string, more: Partial<EngineStatement> = {}) =>
  engine.execute({ sql, inputs: [], result: { kind: 'rows', maxRows: 1000 }, ...more }, never);
const failure = async (promise: Promise<unknown>): Promise<LochError> =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error: LochError) => error,
  );

describe('results', () => {
  it('gives rows as text with names and types, in the order asked for', async () => {
    const result = await rows(
      'SELECT i AS a, i % 2 = 0 AS a, NULL AS n, 1.50::DECIMAL(12,2) AS d FROM range(3) t(i) ORDER BY 1 DESC;',
    );
    expect(result.columns).toEqual([
      { name: 'a', type: 'BIGINT' },
      { name: 'a', type: 'BOOLEAN' },
      { name: 'n', type: 'INTEGER' },
      { name: 'd', type: 'DECIMAL(12,2)' },
    ]);
    expect(result.rows).toEqual([
      ['2', 'true', null, '1.50'],
      ['1', 'false', null, '1.50'],
      ['0', 'true', null, '1.50'],
    ]);
  });

  it('refuses more rows than asked for', async () => {
    const error = await failure(rows('SELECT * FROM range(1001)'));
    expect(error).toMatchObject({ code: 'limit_exceeded', context: { maxRows: 1000 } });
  });

  it('writes CSV with every value quoted, NULL empty and values as Athena renders them', async () => {
    const path = join(directory, 'values.csv');
    const result = await engine.execute(
      {
        sql: `SELECT 'q"x' AS s, '' AS e, NULL::VARCHAR AS n, TIMESTAMP '2026-01-02 03:04:05.6' AS t, DATE '2026-01-02' AS d,
          [1, NULL, 2] AS l, {'a': 1, 'b': 'x'} AS r, MAP {'k': 1.5} AS m, '\\xAB\\x01'::BLOB AS b, 'nan'::DOUBLE AS f,
          '-inf'::DOUBLE AS g, TIME '01:02:03' AS h, TIMESTAMPTZ '2026-01-02 03:04:05Z' AS z, [{'a': NULL}] AS x -- end`,
        inputs: [],
        result: { kind: 'csv', path },
        settings: { TimeZone: 'UTC' },
      },
      never,
    );
    expect(result.rowCount).toBe(1);
    expect(await readFile(path, 'utf8')).toBe(
      '"s","e","n","t","d","l","r","m","b","f","g","h","z","x"\n' +
        '"q""x","",,"2026-01-02 03:04:05.600","2026-01-02","[1, null, 2]","{a=1, b=x}","{k=1.5}","ab 01","NaN","-Infinity","01:02:03.000","2026-01-02 03:04:05.000 UTC","[{a=null}]"\n',
    );
    expect(result.files[0]!.bytes).toBe((await readFile(path)).length);
  });

  it('writes one Parquet file with field ids and statistics', async () => {
    const result = await engine.execute(
      {
        sql: "SELECT i AS id, CASE WHEN i > 2 THEN 'n' || i END AS name, {'x': i} AS s, [i] AS l FROM range(10) t(i)",
        inputs: [],
        result: {
          kind: 'parquet',
          directory: join(directory, 'single'),
          fieldIds: { id: 1, name: 2, s: 3, 's.x': 4, l: 5, 'l.element': 6 },
        },
      },
      never,
    );
    expect(result.files).toHaveLength(1);
    const file = result.files[0]!;
    expect(file).toMatchObject({ rows: 10, partition: {} });
    expect(file.columns).toMatchObject({
      id: { min: '0', max: '9', nullCount: 0, valueCount: 10 },
      name: { min: 'n3', max: 'n9', nullCount: 3 },
      's.x': { min: '0', max: '9' },
      'l.element': { min: '0', max: '9' },
    });
    const ids = await rows(`SELECT name, field_id FROM parquet_schema('${file.path}') WHERE field_id IS NOT NULL`, {
      inputs: [file.path],
    });
    expect(Object.fromEntries(ids.rows)).toEqual({ id: '1', name: '2', s: '3', x: '4', l: '5', element: '6' });
  });

  it('splits Parquet by partition and tells NULL from the word for it', async () => {
    const result = await engine.execute(
      {
        sql: "SELECT i, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '__HIVE_DEFAULT_PARTITION__' ELSE 'a/b=%' END AS p FROM range(9) t(i)",
        inputs: [],
        result: { kind: 'parquet', directory: join(directory, 'parts'), partitionBy: ['p'], fieldIds: { i: 1, p: 2 } },
      },
      never,
    );
    const total = result.files.reduce((sum, file) => sum + file.rows, 0);
    expect(total).toBe(9);
    expect(new Set(result.files.map((file) => file.partition.p))).toContain('a/b=%');
    const inputs = result.files.map((file) => file.path);
    const kept = await rows(
      `SELECT DISTINCT p FROM read_parquet([${inputs.map((p) => `'${p}'`)}], hive_partitioning = false)`,
      { inputs },
    );
    expect(new Set(kept.rows.flat())).toEqual(new Set([null, '__HIVE_DEFAULT_PARTITION__', 'a/b=%']));
  });

  it('leaves partition columns out of the files when asked to', async () => {
    const directoryOut = join(directory, 'hidden');
    const result = await engine.execute(
      {
        sql: "SELECT i, CASE WHEN i = 2 THEN 'n' ELSE 'v' || i || '/%=' END AS p FROM range(3) t(i)",
        inputs: [],
        result: {
          kind: 'parquet',
          directory: directoryOut,
          partitionBy: ['p'],
          partitionColumnsInFiles: false,
          fieldIds: { i: 1 },
        },
      },
      never,
    );
    expect(result.files.map((file) => file.partition.p).sort()).toEqual(['n', 'v0/%=', 'v1/%=']);
    const paths = result.files.map((file) => file.path);
    const read = await rows(
      `SELECT * FROM read_parquet([${paths.map((path) => `'${path}'`).join(', ')}], hive_partitioning = false) ORDER BY 1`,
      { inputs: paths },
    );
    expect(read.columns.map((column) => column.name)).toEqual(['i']);
    expect(read.rows).toEqual([['0'], ['1'], ['2']]);
  });

  it('gives no file for no rows', async () => {
    const result = await engine.execute(
      { sql: 'SELECT 1 AS a WHERE false', inputs: [], result: { kind: 'parquet', directory: join(directory, 'none') } },
      never,
    );
    expect(result).toMatchObject({ rowCount: 0, files: [] });
    expect(await readdir(join(directory, 'none'))).toEqual([]);
  });
});

describe('the box', () => {
  it('reads its inputs and nothing else', async () => {
    const mine = join(directory, 'mine.csv');
    const other = join(directory, 'other.csv');
    await writeFile(mine, 'a\n1\n');
    await writeFile(other, 'a\n2\n');
    expect((await rows(`SELECT a FROM read_csv('${mine}')`, { inputs: [mine] })).rows).toEqual([['1']]);
    for (const probe of [
      `SELECT * FROM read_csv('${other}')`,
      `SELECT * FROM '${other}'`,
      `SELECT * FROM glob('${directory}/*')`,
      `SELECT * FROM read_text('/etc/passwd')`,
      `SELECT * FROM read_csv('${directory}/*.csv')`,
    ]) {
      expect((await failure(rows(probe, { inputs: [mine] }))).code, probe).toBe('statement_failed');
    }
  });

  it('runs one SELECT: nothing that changes, attaches or sets', async () => {
    for (const probe of [
      'SET threads = 4',
      "ATTACH 'x.db'",
      'CREATE TABLE t AS SELECT 1',
      "COPY (SELECT 1) TO '/tmp/x.csv'",
      'SELECT 1; SELECT 2',
      'SELECT 1) UNION ALL (SELECT 2); SET threads = 4; SELECT (1',
      'INSTALL httpfs',
      'PRAGMA version',
    ]) {
      expect((await failure(rows(probe))).code, probe).toMatch(/syntax_error|statement_failed/);
    }
  });

  it('gives one statement nothing of another', async () => {
    await rows('SELECT m()', { preamble: ['CREATE MACRO m() AS 42'] });
    expect((await failure(rows('SELECT m()'))).code).toBe('statement_failed');
  });

  it('withholds the text of errors when values are hidden', async () => {
    const sql = "SELECT CAST(s AS INTEGER) FROM (VALUES ('secret-4711')) t(s)";
    expect((await failure(rows(sql))).message).toContain('secret-4711');
    const hidden = await failure(rows(sql, { hideValues: true }));
    expect(hidden.code).toBe('type_mismatch');
    expect(JSON.stringify({ ...hidden, message: hidden.message })).not.toContain('4711');
  });
});

describe('errors', () => {
  it('tells the position in the statement it was given', async () => {
    expect(await failure(rows('SELECT 1 AS a, nope FROM (SELECT 1 AS b)'))).toMatchObject({
      code: 'statement_failed',
      context: { position: 15, name: 'nope', subtype: 'COLUMN_NOT_FOUND' },
    });
  });

  it('ends a statement over its memory without touching its neighbour', async () => {
    const neighbour = rows('SELECT count(*) FROM range(200000000) t(i) WHERE hash(i) % 7 = 1');
    const error = await failure(rows('SELECT len(range(1000000000))'));
    expect(error.code).toBe('resource_exhausted');
    expect(error.retryable).toBe(true);
    expect((await neighbour).rows).toHaveLength(1);
  });

  it('sorts more than its memory by spilling, and leaves no spill behind', async () => {
    const result = await rows(
      'SELECT i FROM (SELECT i, hash(i) AS h FROM range(12000000) t(i)) ORDER BY h, i LIMIT 1 OFFSET 11999990',
      {
        memoryLimitBytes: 60 * MIB,
      },
    );
    expect(result.rows).toHaveLength(1);
    await vi.waitFor(async () => expect(await readdir(join(directory, 'engine', 'spill'))).toEqual([]));
  });
});

describe('cancel', () => {
  it('stops a running statement in under a second', async () => {
    const abort = new AbortController();
    const running = failure(
      engine.execute({ sql: LONG, inputs: [], result: { kind: 'rows', maxRows: 1 } }, abort.signal),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const at = performance.now();
    abort.abort();
    expect((await running).code).toBe('statement_cancelled');
    expect(performance.now() - at).toBeLessThan(1000);
  });

  it('never starts a statement that was cancelled before', async () => {
    const abort = new AbortController();
    abort.abort();
    const error = await failure(
      engine.execute({ sql: 'SELECT 1', inputs: [], result: { kind: 'rows', maxRows: 1 } }, abort.signal),
    );
    expect(error.code).toBe('statement_cancelled');
  });

  it('stops a statement at its time limit', async () => {
    const error = await failure(rows(LONG, { timeoutMs: 200 }));
    expect(error).toMatchObject({ code: 'timeout', context: { timeoutMs: 200 } });
  });
});

describe('processes', () => {
  it('fails only the statements of a process that is killed, as retryable, and serves on', async () => {
    const own = await openDuckdbEngine({ workDirectory: join(directory, 'own'), workers: 2, threads: 1 });
    try {
      await own.execute({ sql: 'SELECT 1', inputs: [], result: { kind: 'rows', maxRows: 1 } }, never);
      const before = await childPids();
      const statement = { inputs: [], result: { kind: 'rows', maxRows: 1 } } as const;
      const first = failure(own.execute({ ...statement, sql: LONG }, never));
      const second = own.execute(
        { ...statement, sql: 'SELECT count(*) FROM range(300000000) t(i) WHERE hash(i) % 7 = 1' },
        never,
      );
      await new Promise((resolve) => setTimeout(resolve, 400));
      process.kill(newest(before, await childPids(), own), 'SIGKILL');
      const settled = await Promise.race([
        first.then(() => 'first'),
        second.then(
          () => 'second',
          () => 'second-failed',
        ),
      ]);
      expect(['first', 'second-failed']).toContain(settled);
      expect((await own.execute({ ...statement, sql: 'SELECT 42' }, never)).rows).toEqual([['42']]);
    } finally {
      await own.close();
    }
  });

  it('answers a short statement beside as many long ones as there are places', async () => {
    const abort = new AbortController();
    const long = Array.from({ length: 6 }, () =>
      failure(engine.execute({ sql: LONG, inputs: [], result: { kind: 'rows', maxRows: 1 } }, abort.signal)),
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const at = performance.now();
    expect((await rows('SELECT 1')).rows).toEqual([['1']]);
    expect(performance.now() - at).toBeLessThan(1000);
    abort.abort();
    await Promise.all(long);
  });

  it('refuses at once when the queue is full', async () => {
    const own = await openDuckdbEngine({
      workDirectory: join(directory, 'small'),
      workers: 1,
      queueLimit: 1,
      threads: 1,
    });
    const abort = new AbortController();
    try {
      const statements = Array.from({ length: 3 }, () =>
        failure(own.execute({ sql: LONG, inputs: [], result: { kind: 'rows', maxRows: 1 } }, abort.signal)),
      );
      const refused = await Promise.race(statements);
      expect(refused).toMatchObject({ code: 'throttled', context: { limit: 1 } });
      abort.abort();
      const codes = (await Promise.all(statements)).map((error) => error.code).sort();
      expect(codes).toEqual(['statement_cancelled', 'statement_cancelled', 'throttled']);
    } finally {
      await own.close();
    }
  });

  it('replaces a process that has served its share', async () => {
    const own = await openDuckdbEngine({
      workDirectory: join(directory, 'recycle'),
      workers: 1,
      recycleAfter: 3,
      threads: 1,
    });
    try {
      for (let i = 0; i < 10; i++) {
        const result = await own.execute(
          { sql: `SELECT ${i}`, inputs: [], result: { kind: 'rows', maxRows: 1 } },
          never,
        );
        expect(result.rows).toEqual([[String(i)]]);
      }
    } finally {
      await own.close();
    }
  });
});

describe('syntax', () => {
  it('parses and writes back without losing a digit', async () => {
    const sql = "SELECT 18446744073709551617, 1.0, 9007199254740993, 'x', 0.1 FROM t";
    const tree = await engine.parse(sql);
    expect(await engine.deparse(tree)).toContain('18446744073709551617');
    expect(await engine.deparse(tree)).toContain('9007199254740993');
  });

  it('tells where a syntax error is, and refuses what does not serialize', async () => {
    expect(await failure(engine.parse('SELECT a FROM t WHRE a = 1'))).toMatchObject({
      code: 'syntax_error',
      context: { position: 21 },
    });
    expect((await failure(engine.parse('INSERT INTO t VALUES (1)'))).code).toBe('statement_refused');
  });
});

async function childPids(): Promise<number[]> {
  const text = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8');
  return text.trim().split(/\s+/).filter(Boolean).map(Number);
}

/** A process started since `before`: the own engine's second one. */
function newest(before: readonly number[], after: readonly number[], own: Engine): number {
  const added = after.filter((pid) => !before.includes(pid));
  expect(own.figures().workers).toBe(2);
  return added.at(-1) ?? after.at(-1)!;
}
