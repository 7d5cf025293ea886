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
const FACTS = [
  'values',
  'booleans',
  'integers',
  'decimals',
  'whole',
  'scale',
  'numbers',
  'dates',
  'times',
  'zoned',
  'texts',
] as const;

/** What is counted of one column; summed (whole and scale: greatest) over the files. */
export type ColumnFacts = Readonly<Record<(typeof FACTS)[number], number>>;

const MAX_PRECISION = 38;
const USUAL_PRECISION = 18;

const full = (value: string, pattern: string) => `regexp_full_match(${value}, '${pattern}')`;
const counted = (condition: string) => `count(CASE WHEN ${condition} THEN 1 END)`;

/** The select list that counts the facts of `columns`, in order, `FACTS.length` results a column. */
export function factsSql(columns: readonly TextColumn[]): string {
  return columns
    .flatMap(({ sql, isText }) => {
      const value = `trim(${sql})`;
      const decimal = full(value, DECIMAL);
      return [
        counted(`${value} <> ''`),
        counted(`lower(${value}) IN ('true', 'false')`),
        counted(`${full(value, INTEGER)} AND TRY_CAST(${value} AS BIGINT) IS NOT NULL`),
        counted(decimal),
        `max(CASE WHEN ${decimal} THEN length(regexp_extract(${value}, '[0-9]+')) END)`,
        `max(CASE WHEN ${decimal} THEN length(regexp_extract(${value}, '\\.([0-9]+)', 1)) END)`,
        counted(`${full(value, NUMBER)} AND isfinite(TRY_CAST(${value} AS DOUBLE))`),
        counted(`${full(value, DATE)} AND TRY_CAST(${value} AS DATE) IS NOT NULL`),
        counted(`${full(value, TIME)} AND TRY_CAST(${value} AS TIMESTAMP) IS NOT NULL`),
        counted(`${full(value, ZONED)} AND TRY_CAST(${value} AS TIMESTAMPTZ) IS NOT NULL`),
        isText === undefined ? '0' : counted(isText),
      ];
    })
    .join(', ');
}

/** The facts of each column from the one row of `factsSql`. */
export function readFacts(row: readonly (string | null)[]): ColumnFacts[] {
  return Array.from(
    { length: row.length / FACTS.length },
    (_, i) => Object.fromEntries(FACTS.map((fact, j) => [fact, Number(row[i * FACTS.length + j] ?? 0)])) as ColumnFacts,
  );
}

/** The facts of two sets of files together. */
export function addFacts(a: ColumnFacts, b: ColumnFacts): ColumnFacts {
  return Object.fromEntries(
    FACTS.map((fact) => [fact, fact === 'whole' || fact === 'scale' ? Math.max(a[fact], b[fact]) : a[fact] + b[fact]]),
  ) as ColumnFacts;
}

/** The Hive/Glue type that all values of the column have; `string` when there is none, or no value. */
export function typeOf(facts: ColumnFacts): string {
  const { values, texts } = facts;
  if (values === 0) return 'string';
  if (facts.dates === values) return 'date';
  if (facts.dates + facts.times === values) return 'timestamp';
  if (facts.zoned === values) return 'timestamptz';
  // A JSON string of digits is a text that its writer meant as one.
  if (texts > 0) return 'string';
  if (facts.booleans === values) return 'boolean';
  if (facts.integers === values) return 'bigint';
  if (facts.decimals === values) {
    const precision = facts.whole + facts.scale;
    if (precision <= MAX_PRECISION) {
      return `decimal(${precision <= USUAL_PRECISION ? USUAL_PRECISION : MAX_PRECISION},${facts.scale})`;
    }
  }
  return facts.numbers === values ? 'double' : 'string';
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
