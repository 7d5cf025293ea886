/**
 * A raw text value as a typed one, in SQL that cannot fail: what does not fit becomes NULL, and the caller tells "did not
 * fit" from "was not there" by the text beside it.
 *
 * Invariants
 * - No cast changes a value in silence: integers with a fraction, decimals with too many digits after the point, two-digit
 *   years and impossible dates do not fit. (The engine's own TRY_CAST rounds `1.5` to 2 and reads year `24` as 0024.)
 * - Equal texts give equal values whatever the session: times with an offset become UTC.
 */
import { LochError } from '../../core/errors.ts';
import type { CleanColumn } from '../contract.ts';
import type { ColumnKind } from './column-type.ts';
import { sqlString } from '../../core/sql-text.ts';

type Normalization = NonNullable<CleanColumn['normalize']>[number];

const NORMALIZATIONS: Readonly<Record<Normalization, (value: string) => string>> = {
  trim: (v) => `regexp_replace(${v}, '^\\s+|\\s+$', '', 'g')`,
  lower: (v) => `lower(${v})`,
  upper: (v) => `upper(${v})`,
  collapse: (v) => `regexp_replace(${v}, '\\s+', ' ', 'g')`,
  digits: (v) => `regexp_replace(${v}, '[^0-9]', '', 'g')`,
  empty_to_null: (v) => `nullif(${v}, '')`,
};

export const NORMALIZATION_NAMES = Object.keys(NORMALIZATIONS) as readonly Normalization[];

/** Formats beside strptime ones: seconds or milliseconds since 1970 UTC. */
const EPOCH_FORMATS: Readonly<Record<string, number>> = { epoch_s: 1_000_000, epoch_ms: 1000 };

/** The normalized text. An empty text is no value for any type but string. */
export function normalizedSql(value: string, column: CleanColumn, kind: ColumnKind): string {
  const normalized = (column.normalize ?? []).reduce((sql, name) => NORMALIZATIONS[name](sql), value);
  if (kind.kind === 'string') return normalized;
  return `nullif(${NORMALIZATIONS.trim(normalized)}, '')`;
}

/** The typed value of a normalized text, NULL when it does not fit. */
export function castSql(value: string, kind: ColumnKind, formats: readonly string[] = []): string {
  switch (kind.kind) {
    case 'string':
      return value;
    case 'integer':
      return guarded(
        value,
        '[+-]?[0-9]+(\\.0*)?',
        `TRY_CAST(regexp_replace(${value}, '\\.0*$', '') AS ${kind.duckdb})`,
      );
    case 'decimal':
      return guarded(
        value,
        `[+-]?([0-9]+(\\.[0-9]{0,${kind.scale}}0*)?|\\.[0-9]{1,${Math.max(1, kind.scale ?? 0)}}0*)`,
        `TRY_CAST(${value} AS ${kind.duckdb})`,
      );
    case 'float':
      return guarded(
        value,
        '[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?',
        `TRY_CAST(${value} AS ${kind.duckdb})`,
      );
    case 'boolean':
      return `CASE WHEN lower(${value}) IN ('true', 't', 'yes', 'y', '1') THEN true
        WHEN lower(${value}) IN ('false', 'f', 'no', 'n', '0') THEN false END`;
    case 'date':
      return formats.length === 0
        ? guarded(value, '[0-9]{4}-[0-9]{2}-[0-9]{2}', `TRY_CAST(${value} AS DATE)`)
        : `CAST(${formattedTime(value, formats)} AS DATE)`;
    case 'timestamp':
      return formats.length === 0 ? isoTimestamp(value) : formattedTime(value, formats);
  }
}

function guarded(value: string, pattern: string, cast: string): string {
  return `CASE WHEN regexp_full_match(${value}, ${sqlString(pattern)}) THEN ${cast} END`;
}

const ISO_TIME = '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,6}0*)?)?)?';

/** The engine's cast to TIMESTAMP drops an offset without a word; only the one to TIMESTAMPTZ applies it. */
function isoTimestamp(value: string): string {
  return `CASE WHEN regexp_full_match(${value}, ${sqlString(ISO_TIME)}) THEN TRY_CAST(${value} AS TIMESTAMP)
    WHEN regexp_full_match(${value}, ${sqlString(`${ISO_TIME}(Z|[+-][0-9]{2}(:?[0-9]{2})?)`)})
    THEN timezone('UTC', TRY_CAST(${value} AS TIMESTAMPTZ)) END`;
}

/** The first format that fits. Neighbours of one kind are tried in one call: the engine shares nothing between calls. */
function formattedTime(value: string, formats: readonly string[]): string {
  const tries: string[] = [];
  let plain: string[] = [];
  const flush = () => {
    if (plain.length > 0) tries.push(fullYear(`try_strptime(${value}, [${plain.map(sqlString).join(', ')}])`));
    plain = [];
  };
  for (const format of formats) {
    const unit = EPOCH_FORMATS[format];
    if (unit === undefined && !/%[zZ]/.test(format)) {
      plain.push(format);
      continue;
    }
    flush();
    tries.push(
      unit === undefined
        ? fullYear(`timezone('UTC', try_strptime(${value}, ${sqlString(format)}))`)
        : guarded(value, '[+-]?[0-9]{1,15}', `make_timestamp(TRY_CAST(${value} AS BIGINT) * ${unit})`),
    );
  }
  flush();
  return tries.length === 1 ? tries[0]! : `coalesce(${tries.join(', ')})`;
}

/** `%Y` takes `24` for the year 24: four digits are what it asks for. */
const fullYear = (time: string) => `CASE WHEN ${time} >= TIMESTAMP '1000-01-01' THEN ${time} END`;

/** **Errors**: `invalid_argument` naming the column and what is wrong with its formats. */
export function assertFormats(column: CleanColumn, kind: ColumnKind): void {
  const formats = column.formats ?? [];
  if (formats.length > 0 && kind.kind !== 'date' && kind.kind !== 'timestamp') {
    throw new LochError(
      'invalid_argument',
      `Column \`${column.name}\`: formats are for date and timestamp, not ${kind.hive}. Leave them out.`,
    );
  }
  for (const format of formats) {
    if (EPOCH_FORMATS[format] !== undefined || /%[a-zA-Z]/.test(format)) continue;
    throw new LochError(
      'invalid_argument',
      `Column \`${column.name}\`: \`${format}\` is no strptime format. Write one like %d.%m.%Y, or epoch_s, epoch_ms.`,
    );
  }
}
