/**
 * What must be equal: a governed answer and the engine's own over the same files, where all is granted; an answer with
 * pruning and one without; what a caller sees and what the words of his grants say, cell by cell.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../src/core/caller.ts';
import type { MaskFunction } from '../../src/governance/contract.ts';
import { openQueryLake, type QueryLake } from '../../src/testing/builders/query-lake.ts';

let lake: QueryLake;

interface Row {
  readonly id: number;
  readonly region: string | null;
  readonly score: number | null;
  readonly day: string | null;
  readonly code: string | null;
}
const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'region', type: 'string' },
  { name: 'score', type: 'decimal(8,2)' },
  { name: 'day', type: 'date' },
  { name: 'code', type: 'string' },
];
/** Sixty rows: every region beside every score and day, NULLs among them. */
const ROWS: readonly Row[] = Array.from({ length: 60 }, (_, id) => ({
  id,
  region: ['north', 'south', "o'east", null, 'Ünder', ''][id % 6]!,
  score: id % 7 === 0 ? null : id * 1.25 - 10,
  day: id % 5 === 0 ? null : `2026-0${1 + (id % 9)}-1${id % 10}`,
  code: id % 11 === 0 ? null : `AB-${1000 + id}`,
}));
const literal = (value: string | number | null) =>
  value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
const VALUES = `SELECT id::BIGINT AS id, region::VARCHAR AS region, score::DECIMAL(8,2) AS score, day::DATE AS day, code::VARCHAR AS code
  FROM (VALUES ${ROWS.map((r) => `(${[r.id, r.region, r.score, r.day, r.code].map(literal).join(', ')})`).join(', ')}) t(id, region, score, day, code)`;

beforeAll(async () => {
  lake = await openQueryLake();
  await lake.createTable('bank.cells', COLUMNS, `SELECT *, id % 4 AS part FROM (${VALUES})`, { filesBy: 'part' });
});
afterAll(() => lake.close());

const run = (context: RequestContext, sql: string) =>
  lake.consumption.runner.run(
    context,
    { sql, dialect: 'duckdb', database: 'bank', result: { kind: 'rows', maxRows: 10_000 } },
    AbortSignal.timeout(30_000),
  );

describe('a governed answer is the raw one where all is granted', () => {
  it.each([
    'SELECT * FROM cells ORDER BY id',
    'SELECT region, count(*), sum(score), min(day), max(code) FROM cells GROUP BY region ORDER BY region NULLS FIRST',
    'SELECT a.id, b.id FROM cells a JOIN cells b ON a.region = b.region AND a.id < b.id ORDER BY ALL',
    'SELECT a.id FROM cells a CROSS JOIN (SELECT 1) x LEFT JOIN cells b ON a.id = b.id + 50 WHERE b.id IS NULL ORDER BY 1',
    'SELECT id FROM cells a WHERE EXISTS (SELECT 1 FROM cells b WHERE b.score > a.score + 50) ORDER BY 1',
    'SELECT id, rank() OVER (PARTITION BY region ORDER BY score DESC NULLS LAST, id) FROM cells ORDER BY ALL',
    'WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 7 FROM r WHERE n < 50) SELECT id, code FROM cells JOIN r ON id = n ORDER BY 1',
    'SELECT year(day), month(day), count(*) FROM cells GROUP BY ROLLUP (1, 2) ORDER BY ALL',
    "SELECT * FROM (SELECT region, score FROM cells) PIVOT (sum(score) FOR region IN ('north', 'south'))",
    "SELECT id FROM cells WHERE score BETWEEN 5 AND 20 UNION SELECT id FROM cells WHERE region IN ('', 'north') EXCEPT SELECT 6 ORDER BY 1",
    "SELECT list(id ORDER BY id) FILTER (WHERE day > DATE '2026-05-01') FROM cells",
    'SELECT DISTINCT ON (region) region, id FROM cells ORDER BY region, id DESC',
    'SELECT id FROM cells QUALIFY row_number() OVER (PARTITION BY region ORDER BY id) = 2 ORDER BY 1',
  ])('%s', async (sql) => {
    const table = await lake.catalog.resolveTable(lake.root, { database: 'bank', table: 'cells' });
    const scan = await lake.catalog.planTableScan(table, {});
    const { mkdir, rm } = await import('node:fs/promises');
    const folder = join(lake.folder, 'raw');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    const inputs = await lake.objects.openFiles(scan.files, folder);
    const columns = COLUMNS.map((column) => column.name).join(', ');
    const raw = await lake.engine.execute(
      {
        sql,
        inputs,
        result: { kind: 'rows', maxRows: 10_000 },
        settings: { TimeZone: 'UTC' },
        preamble: [`CREATE VIEW cells AS SELECT ${columns} FROM read_parquet([${inputs.map(literal).join(', ')}])`],
      },
      new AbortController().signal,
    );
    const governed = await run(lake.root, sql);
    expect(governed.rows).toEqual(raw.rows);
    expect(governed.columns.map((column) => column.type)).toEqual(raw.columns.map((column) => column.type));
  });
});

// ------------------------------------------------------------------------------------------------------------- pruning
const operand = fc.constantFrom(
  ...["'north'", "'o''east'", "''", "'Ünder'", "'zz'"].map((text) => ['region', text] as const),
  ...['-10', '0', '12.5', '33.33', '1000'].map((text) => ['score', text] as const),
  ...['0', '17', '59', '-1', '9999999999'].map((text) => ['id', text] as const),
  ...["DATE '2026-03-13'", "DATE '2020-01-01'", "DATE '2026-09-18'"].map((text) => ['day', text] as const),
);
const comparison = fc.tuple(operand, fc.constantFrom('=', '<', '<=', '>', '>=', '<>')).map(([[column, text], op]) => ({
  plain: (name: string) => `${name}.${column} ${op} ${text}`,
  column,
}));
const nullTest = fc
  .tuple(fc.constantFrom('region', 'score', 'day', 'id'), fc.boolean())
  .map(([column, not]) => ({ plain: (name: string) => `${name}.${column} IS ${not ? 'NOT ' : ''}NULL`, column }));
const between = operand.map(([column, text]) => ({
  plain: (name: string) => `${name}.${column} BETWEEN ${text} AND ${text}`,
  column,
}));
const condition = fc.array(fc.oneof(comparison, nullTest, between), { minLength: 1, maxLength: 3 });

describe('pruning', () => {
  it('never changes an answer, whatever the predicate and the join', { timeout: 180_000 }, async () => {
    const from = fc.constantFrom(
      'FROM cells a',
      'FROM cells a JOIN cells b ON a.id = b.id',
      'FROM cells b LEFT JOIN cells a ON a.id = b.id + 30',
      'FROM cells b FULL JOIN cells a ON a.id = b.id + 30',
      'FROM cells a ASOF JOIN cells b ON a.id >= b.id',
      'FROM cells b ASOF LEFT JOIN cells a ON b.id >= a.id',
      'FROM cells b POSITIONAL JOIN cells a',
      'FROM cells b SEMI JOIN cells c ON b.id = c.id CROSS JOIN cells a',
    );
    await fc.assert(
      fc.asyncProperty(from, condition, fc.constantFrom(' AND ', ' OR '), async (source, terms, word) => {
        const where = terms.map(({ plain }) => plain('a')).join(word);
        // A subquery between the table and its WHERE, which pruning does not look through.
        const hidden = source.replace('cells a', '(SELECT * FROM cells) a');
        const select = 'SELECT count(*), sum(a.id), min(a.code), max(a.day)';
        const pruned = await run(lake.root, `${select} ${source} WHERE ${where}`);
        const whole = await run(lake.root, `${select} ${hidden} WHERE ${where}`);
        expect(pruned.rows, `${source} WHERE ${where}`).toEqual(whole.rows);
      }),
      { numRuns: 60 },
    );
  });
});

// --------------------------------------------------------------------------------------------------------------- cells
/** A row filter in words, with what it says of a row: true, false, or null when it cannot tell. */
interface Filter {
  readonly text: string;
  readonly holds: (row: Row) => boolean | null;
}
const and = (a: boolean | null, b: boolean | null) =>
  a === false || b === false ? false : a === null || b === null ? null : true;
const or = (a: boolean | null, b: boolean | null) =>
  a === true || b === true ? true : a === null || b === null ? null : false;
const of = <T>(value: T | null, test: (value: T) => boolean): boolean | null => (value === null ? null : test(value));
const LEAVES: readonly Filter[] = [
  { text: "region = 'north'", holds: (r) => of(r.region, (v) => v === 'north') },
  { text: "region <> 'o''east'", holds: (r) => of(r.region, (v) => v !== "o'east") },
  { text: "region IN ('south', '')", holds: (r) => of(r.region, (v) => v === 'south' || v === '') },
  { text: "region LIKE '%th'", holds: (r) => of(r.region, (v) => v.endsWith('th')) },
  { text: 'region IS NULL', holds: (r) => r.region === null },
  { text: 'score > 12.5', holds: (r) => of(r.score, (v) => v > 12.5) },
  { text: 'score <= -1.005', holds: (r) => of(r.score, (v) => v <= -1.005) },
  { text: 'id < 20.5', holds: (r) => r.id < 20.5 },
  { text: 'id >= 40', holds: (r) => r.id >= 40 },
  { text: 'id = 7.5', holds: () => false },
  { text: 'id BETWEEN 10 AND 30', holds: (r) => r.id >= 10 && r.id <= 30 },
  { text: "day >= DATE '2026-05-01'", holds: (r) => of(r.day, (v) => v >= '2026-05-01') },
  { text: 'id < 99999999999999999999', holds: () => true },
];
const leaf = fc.constantFrom(...LEAVES);
const filter: fc.Arbitrary<Filter> = fc.oneof(
  leaf,
  fc.tuple(leaf, leaf).map(([a, b]) => ({
    text: `(${a.text}) AND (${b.text})`,
    holds: (row: Row) => and(a.holds(row), b.holds(row)),
  })),
  fc.tuple(leaf, leaf).map(([a, b]) => ({
    text: `(${a.text}) OR (${b.text})`,
    holds: (row: Row) => or(a.holds(row), b.holds(row)),
  })),
  leaf.map((a) => ({
    text: `NOT (${a.text})`,
    holds: (row: Row) => {
      const held = a.holds(row);
      return held === null ? null : !held;
    },
  })),
);
interface Grant {
  readonly rows: Filter | undefined;
  readonly columns: readonly (keyof Row)[];
  readonly masks: Readonly<Partial<Record<keyof Row, MaskFunction>>>;
}
const NAMES = ['id', 'region', 'score', 'day', 'code'] as const;
const grant: fc.Arbitrary<Grant> = fc.record({
  rows: fc.option(filter, { nil: undefined, freq: 5 }),
  columns: fc.subarray([...NAMES], { minLength: 1 }),
  masks: fc
    .tuple(
      fc.constantFrom<MaskFunction | undefined>(undefined, 'last_4', 'hash', 'tokenise', 'null'),
      fc.constantFrom<MaskFunction | undefined>(undefined, 'date_to_year', 'null'),
      fc.constantFrom<MaskFunction | undefined>(undefined, 'null'),
    )
    .map(([code, day, score]) => ({
      ...(code === undefined ? {} : { code }),
      ...(day === undefined ? {} : { day }),
      ...(score === undefined ? {} : { score }),
    })),
});
const ORDER: readonly MaskFunction[] = ['null', 'hash', 'date_to_year', 'last_4', 'tokenise'];

const clearText = (row: Row, column: keyof Row): string | null => {
  const value = row[column];
  if (value === null) return null;
  return column === 'score' ? (value as number).toFixed(2) : String(value);
};

const covers = (filter: Filter | undefined, row: Row) => filter === undefined || filter.holds(row) === true;

/** What a cell shows by the words of the grants; undefined for one that only its pattern is known of. */
function cellOf(row: Row, column: keyof Row, grants: readonly Grant[]): string | null | RegExp {
  const covering = grants.filter(({ rows, columns }) => columns.includes(column) && covers(rows, row));
  if (covering.length === 0) return null;
  const clear = clearText(row, column);
  if (covering.some(({ masks }) => masks[column] === undefined)) return clear;
  const mask = ORDER.find((name) => covering.some(({ masks }) => masks[column] === name))!;
  if (clear === null || mask === 'null') return null;
  if (mask === 'date_to_year') return `${clear.slice(0, 4)}-01-01`;
  if (mask === 'last_4') return `xx-${clear.slice(3)}`;
  return mask === 'hash' ? /^[0-9a-f]{64}$/ : /^tok_[0-9a-f]{24}$/;
}

describe('every cell is what the grants say', () => {
  it('over unions of filters, columns and masks', { timeout: 240_000 }, async () => {
    let made = 0;
    const { grants: lakeGrants } = lake.governance;
    await fc.assert(
      fc.asyncProperty(fc.array(grant, { minLength: 1, maxLength: 3 }), async (grants) => {
        const user = await lake.user(`cells${made++}`);
        for (const [i, { rows, columns, masks }] of grants.entries()) {
          const name = `f${made}x${i}`;
          const kept = Object.fromEntries(
            Object.entries(masks).filter(([column]) => columns.includes(column as keyof Row)),
          );
          await lakeGrants.createFilter(lake.root, {
            database: 'bank',
            table: 'cells',
            filter: name,
            include: columns,
            masks: kept,
            ...(rows === undefined ? {} : { expression: rows.text }),
          });
          await lakeGrants.grant(lake.root, {
            principal: user.principal.arn,
            resource: { kind: 'filter', database: 'bank', table: 'cells', filter: name },
            permissions: ['SELECT'],
          });
        }
        const shown = NAMES.filter((name) => grants.some(({ columns }) => columns.includes(name)));
        const visible = ROWS.filter((row) => grants.some(({ rows }) => covers(rows, row)));
        const outcome = await run(user, 'SELECT * FROM cells');
        expect(outcome.columns.map((column) => column.name)).toEqual(shown);
        expect(outcome.rows).toHaveLength(visible.length);
        // Without an id in sight rows are matched as a multiset, by their whole text.
        const expected = visible.map((row) => shown.map((name) => cellOf(row, name, grants)));
        const unmatched = [...outcome.rows];
        for (const cells of expected) {
          const at = unmatched.findIndex((row) =>
            cells.every((cell, i) => (cell instanceof RegExp ? cell.test(row[i] ?? '') : row[i] === cell)),
          );
          expect(
            at,
            `no row ${JSON.stringify(cells)} for ${JSON.stringify(grants.map((g) => [g.rows?.text, g.columns, g.masks]))}`,
          ).toBeGreaterThanOrEqual(0);
          unmatched.splice(at, 1);
        }
      }),
      { numRuns: 25 },
    );
  });
});
