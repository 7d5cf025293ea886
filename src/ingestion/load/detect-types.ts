/**
 * Column types from all values of a column, not from a sample: one aggregate over the text of the files.
 *
 * Invariants
 * - A type is taken only when every value that is not empty has it, so that the cast which follows cannot fail.
 * - No type changes a value: digits with leading zeros are text (an id, not a number), decimals keep all their digits.
 */

/** A column as the statement that reads its text knows it. */
export interface TextColumn {
  /** SQL of its text. */
  readonly sql: string;
  /** SQL that is true where the source itself says that the value is text (a JSON string). */
  readonly isText?: string;
}

const INTEGER = '[+-]?(0|[1-9][0-9]{0,18})';
const DECIMAL = '[+-]?(0|[1-9][0-9]*)(\\.[0-9]+)?';
const NUMBER = '[+-]?((0|[1-9][0-9]*)(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?';
const DATE = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
const TIME = `${DATE}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,6})?)?`;
const ZONED = `${TIME} ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)`;

/** What a value is, the narrowest first: `short_decimal` is one that a double holds with all its digits. */
const CLASSES = ['integer', 'short_decimal', 'decimal', 'number', 'date', 'time', 'zoned', 'boolean', 'text'] as const;
type ValueClass = (typeof CLASSES)[number];

/** How many values of a column are of each class, and the most digits before and behind the point. */
export interface ColumnFacts {
  readonly counts: Readonly<Record<ValueClass, number>>;
  readonly whole: number;
  readonly scale: number;
}

const MAX_PRECISION = 38;
const USUAL_PRECISION = 18;

const full = (value: string, pattern: string) => `regexp_full_match(${value}, '${pattern}')`;
const cast = (value: string, type: string) => `TRY_CAST(${value} AS ${type})`;
/** A decimal text without zeros at its end. */
const shortest = (text: string) =>
  `rtrim(rtrim(CASE WHEN contains(${text}, '.') THEN ${text} ELSE ${text} || '.' END, '0'), '.')`;

function classSql(value: string): string {
  // Up to 15 digits any decimal comes back from a double as it was.
  const exact = `length(${value}) <= 16 OR ${shortest(value)} = ${shortest(`CAST(${cast(value, 'DOUBLE')} AS VARCHAR)`)}`;
  return `CASE WHEN ${full(value, INTEGER)} AND ${cast(value, 'BIGINT')} IS NOT NULL THEN 'integer'
    WHEN ${full(value, DECIMAL)} THEN CASE WHEN ${exact} THEN 'short_decimal' ELSE 'decimal' END
    WHEN ${full(value, NUMBER)} AND isfinite(${cast(value, 'DOUBLE')}) THEN 'number'
    WHEN lower(${value}) IN ('true', 'false') THEN 'boolean' ELSE ${timeClassSql(value)} END`;
}

function timeClassSql(value: string): string {
  return `CASE WHEN ${full(value, DATE)} AND ${cast(value, 'DATE')} IS NOT NULL THEN 'date'
    WHEN ${full(value, TIME)} AND ${cast(value, 'TIMESTAMP')} IS NOT NULL THEN 'time'
    WHEN ${full(value, ZONED)} AND ${cast(value, 'TIMESTAMPTZ')} IS NOT NULL THEN 'zoned' ELSE 'text' END`;
}

/**
 * A SELECT over `source` (a table or a SELECT in parentheses) that gives a row for each column and class: number of the
 * column from 1, class, values, digits before and behind the point. Column `columns.length + 1` counts the rows, the
 * faulty ones as `text`. Its size does not grow with the classes: all columns go through one expression.
 */
export function factsSql(columns: readonly TextColumn[], source: string): string {
  const values = [...columns.map(({ sql }) => `trim(${sql})`), '"_fault"'];
  const texts = [...columns.map(({ isText }) => isText ?? 'false'), 'false'];
  // A JSON string of digits is a text that its writer meant as one; a time is written as a string always.
  const ofClass = `CASE WHEN v <> '' THEN CASE WHEN t THEN ${timeClassSql('v')} ELSE ${classSql('v')} END END`;
  return `SELECT i, k, count(*) AS n,
      max(CASE WHEN k IN ('integer', 'short_decimal', 'decimal') THEN length(regexp_extract(v, '[0-9]+')) END) AS whole,
      max(CASE WHEN k IN ('short_decimal', 'decimal') THEN length(regexp_extract(v, '\\.([0-9]+)', 1)) END) AS scale
    FROM (SELECT i, v, ${ofClass} AS k FROM (SELECT unnest(vs) AS v, unnest(ts) AS t, generate_subscripts(vs, 1) AS i
      FROM (SELECT [${values.join(', ')}] AS vs, [${texts.join(', ')}] AS ts FROM ${source}) AS looked) AS taken) AS classed
    GROUP BY i, k`;
}

/** Rows that `factsSql` gives at most. */
export const factsRows = (columns: number): number => (columns + 1) * (CLASSES.length + 1);

/** The facts of each column, the rows and the faulty rows, from the rows of `factsSql`. */
export function readFacts(
  rows: readonly (readonly (string | null)[])[],
  columns: number,
): { readonly facts: readonly ColumnFacts[]; readonly rows: number; readonly faults: number } {
  const of = Array.from({ length: columns + 1 }, () => ({
    counts: Object.fromEntries(CLASSES.map((name) => [name, 0])) as Record<ValueClass, number>,
    rows: 0,
    whole: 0,
    scale: 0,
  }));
  for (const [column, name, count, whole, scale] of rows) {
    const facts = of[Number(column) - 1]!;
    facts.rows += Number(count);
    if (name !== null) facts.counts[name as ValueClass] = Number(count);
    facts.whole = Math.max(facts.whole, Number(whole ?? 0));
    facts.scale = Math.max(facts.scale, Number(scale ?? 0));
  }
  const last = of.pop()!;
  return { facts: of, rows: last.rows, faults: last.counts.text };
}

/** The facts of two sets of files together. */
export function addFacts(a: ColumnFacts, b: ColumnFacts): ColumnFacts {
  return {
    counts: Object.fromEntries(CLASSES.map((name) => [name, a.counts[name] + b.counts[name]])) as ColumnFacts['counts'],
    whole: Math.max(a.whole, b.whole),
    scale: Math.max(a.scale, b.scale),
  };
}

/** The Hive/Glue type that all values of the column have; `string` when there is none, or no value. */
export function typeOf({ counts, whole, scale }: ColumnFacts): string {
  const only = (...classes: readonly ValueClass[]) =>
    CLASSES.every((name) => classes.includes(name) || counts[name] === 0) && classes.some((name) => counts[name] > 0);
  if (only('boolean')) return 'boolean';
  if (only('date')) return 'date';
  if (only('date', 'time')) return 'timestamp';
  if (only('zoned')) return 'timestamptz';
  if (only('integer')) return 'bigint';
  const precision = whole + scale;
  if (only('integer', 'short_decimal', 'decimal')) {
    if (precision <= USUAL_PRECISION) return `decimal(${USUAL_PRECISION},${scale})`;
    // Long fractions that doubles print are doubles; anything else keeps its digits.
    if (counts.decimal === 0 && counts.short_decimal > 0) return 'double';
    if (precision <= MAX_PRECISION) return `decimal(${MAX_PRECISION},${scale})`;
  }
  return only('integer', 'short_decimal', 'decimal', 'number') ? 'double' : 'string';
}

const ENGINE_TYPES: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  bigint: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  timestamptz: 'TIMESTAMPTZ',
};

/** The engine's name of a type that text can be cast to; undefined for text and for all others. */
export function engineTypeOf(type: string): string | undefined {
  return ENGINE_TYPES[type] ?? (/^decimal\(\d+,\d+\)$/.test(type) ? type.toUpperCase() : undefined);
}

/** The text as a value of `type`, NULL where it is empty or does not fit; without loss of digits. */
export function castSql(text: string, type: string): string {
  const engineType = engineTypeOf(type);
  if (engineType === undefined) return text;
  const value = `trim(${text})`;
  const decimal = /^decimal\(\d+,(\d+)\)$/.exec(type);
  const fits = decimal === null ? guardOf(type, value) : full(value, `[+-]?[0-9]*(\\.[0-9]{0,${decimal[1]}}0*)?`);
  return `CASE WHEN ${fits} THEN TRY_CAST(${value} AS ${engineType}) END`;
}

function guardOf(type: string, value: string): string {
  if (type === 'timestamp') return `(${full(value, DATE)} OR ${full(value, TIME)})`;
  if (type === 'date') return full(value, DATE);
  if (type === 'int' || type === 'bigint') return full(value, '[+-]?[0-9]+');
  return `${value} <> ''`;
}
