/** Columns of results as columns of tables: their types, and what may be written into what. */
import { LochError } from '../../core/errors.ts';
import { sqlName, sqlString } from '../../core/sql-text.ts';
import type { EngineColumn } from '../../engines/contract.ts';

const HIVE: Readonly<Record<string, string>> = {
  VARCHAR: 'string',
  JSON: 'string',
  UUID: 'string',
  BOOLEAN: 'boolean',
  TINYINT: 'tinyint',
  SMALLINT: 'smallint',
  UTINYINT: 'smallint',
  USMALLINT: 'int',
  INTEGER: 'int',
  UINTEGER: 'bigint',
  BIGINT: 'bigint',
  // Sums of integers are wider in the engine than in Trino, where they are bigint and overflow is an error.
  HUGEINT: 'bigint',
  UBIGINT: 'decimal(20,0)',
  FLOAT: 'float',
  DOUBLE: 'double',
  DATE: 'date',
  TIME: 'time',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamptz',
  BLOB: 'binary',
};

/** The Hive type of a result column. **Errors**: `type_mismatch` naming the column. */
export function hiveTypeOfColumn({ name, type }: EngineColumn): string {
  const known = hiveType(type);
  if (known !== undefined) return known;
  throw new LochError(
    'type_mismatch',
    `Column \`${name}\` has type ${type}, which a table cannot hold. Cast it, for example to bigint, double or varchar.`,
    { context: { column: name, type } },
  );
}

function hiveType(type: string): string | undefined {
  const text = type.trim();
  const simple = HIVE[text.toUpperCase()];
  if (simple !== undefined) return simple;
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/i.exec(text);
  if (decimal !== null) return `decimal(${decimal[1]},${decimal[2]})`;
  if (text.endsWith('[]')) return wrapped('array', [hiveType(text.slice(0, -2))]);
  const nested = /^(STRUCT|MAP)\((.*)\)$/is.exec(text);
  if (nested === null) return undefined;
  const parts = splitTypes(nested[2]!);
  if (nested[1]!.toUpperCase() === 'MAP') return wrapped('map', parts.map(hiveType));
  return wrapped(
    'struct',
    parts.map((part) => {
      const [, quoted, plain, inner] = /^(?:"((?:[^"]|"")*)"|([^\s"]+))\s+(.*)$/s.exec(part) ?? [];
      const field = inner === undefined ? undefined : hiveType(inner);
      return field === undefined ? undefined : `${(quoted?.replaceAll('""', '"') ?? plain!).toLowerCase()}:${field}`;
    }),
  );
}

const wrapped = (name: string, parts: readonly (string | undefined)[]): string | undefined =>
  parts.includes(undefined) ? undefined : `${name}<${parts.join(',')}>`;

/** Splits at commas outside of parentheses and quotes. */
function splitTypes(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"') quoted = !quoted;
    if (quoted) continue;
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}

type Family = 'integer' | 'decimal' | 'float' | 'text' | 'boolean' | 'date' | 'time' | 'timestamp' | 'zoned' | 'other';

function familyOf(type: string): Family {
  const text = type.toUpperCase();
  if (/^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT))$/.test(text)) return 'integer';
  if (text.startsWith('DECIMAL')) return 'decimal';
  if (text === 'FLOAT' || text === 'DOUBLE') return 'float';
  if (text === 'VARCHAR' || text === 'JSON' || text === 'UUID') return 'text';
  if (text === 'BOOLEAN') return 'boolean';
  if (text === 'DATE') return 'date';
  if (text === 'TIME') return 'time';
  if (text === 'TIMESTAMP WITH TIME ZONE') return 'zoned';
  return text.startsWith('TIMESTAMP') ? 'timestamp' : 'other';
}

/** What a family may be written into beside itself. **Source**: Trino, "Type coercion"; doubles for decimals, which the engine divides into. */
const INTO: Readonly<Record<Family, readonly Family[]>> = {
  integer: ['decimal', 'float'],
  decimal: ['float'],
  float: ['decimal'],
  text: [],
  boolean: [],
  date: ['timestamp', 'zoned'],
  time: [],
  timestamp: ['zoned'],
  zoned: [],
  other: [],
};

/** The marker of the error that a value of another type than its column's makes when rows are read. */
const MISFIT = 'loch_type_mismatch:';

/**
 * The expression that writes `value`, of type `from`, into a column. A literal NULL has the engine's type INTEGER: into
 * other columns integers go as long as they are NULL. **Errors**: `type_mismatch` naming the column.
 */
export function writtenValue(
  value: string,
  from: string,
  column: { readonly name: string; readonly type: string },
): string {
  const source = familyOf(from);
  const target = familyOf(column.type);
  const scale = (type: string) => Number(/,\s*(\d+)\)$/.exec(type)?.[1] ?? 0);
  const fits =
    source === target ? !(source === 'decimal' && scale(from) > scale(column.type)) : INTO[source].includes(target);
  if (fits) return value;
  if (from.toUpperCase() === 'INTEGER') {
    const message = sqlString(`${MISFIT}${column.name}`);
    return `CASE WHEN ${value} IS NULL THEN CAST(NULL AS ${column.type}) ELSE CAST(error(${message}) AS ${column.type}) END`;
  }
  throw mismatch(column.name, column.type, from);
}

function mismatch(column: string, table: string, query: string): LochError {
  return new LochError(
    'type_mismatch',
    `Insert query has mismatched column types: column \`${column}\` is ${table} in the table and ${query} in the query. Cast the value.`,
    { context: { column, expected: table, found: query } },
  );
}

/** The engine's failure over a value of the wrong type, as the mismatch it is. */
export function asMismatch(error: unknown): unknown {
  if (!(error instanceof LochError)) return error;
  const [, column] = new RegExp(`${MISFIT}([^\\n]*)`).exec(error.message) ?? [];
  return column === undefined ? error : mismatch(column, 'of another type', 'integer');
}

/** A SELECT that gives `source` columns by position, under these names; absent ones are NULL. */
export function byPosition(
  source: string,
  count: number,
  columns: readonly { readonly name: string; readonly expression: string }[],
): string {
  const list = columns.map(({ name, expression }) => `${expression} AS ${sqlName(name)}`);
  const names = Array.from({ length: count }, (_, i) => positional(i));
  return `SELECT ${list.join(', ')} FROM (\n${source}\n) AS "_loch_q"(${names.join(', ')})`;
}

/** The name of a source column of `byPosition`. */
export const positional = (i: number): string => `"_loch_c${i}"`;
