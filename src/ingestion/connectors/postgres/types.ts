const MAX_PRECISION = 38;

const FIXED: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  smallint: 'int',
  integer: 'int',
  bigint: 'bigint',
  oid: 'bigint',
  real: 'float',
  'double precision': 'double',
  date: 'date',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
};

/**
 * The Hive/Glue type of a column by PostgreSQL's `format_type`. A type without an exact counterpart is read as text:
 * numeric without precision or above 38 digits, json, uuid, arrays, intervals, bytea (as `\x…`), enums, domains of them.
 */
export function hiveTypeOf(sourceType: string): string {
  const numeric = /^numeric\((\d+),(-?\d+)\)$/.exec(sourceType);
  if (numeric !== null) {
    const precision = Number(numeric[1]);
    const scale = Number(numeric[2]);
    return precision <= MAX_PRECISION && scale >= 0 && scale <= precision ? `decimal(${precision},${scale})` : 'string';
  }
  const plain = sourceType.replace(/^(timestamp|time)\(\d\)/, '$1');
  return FIXED[plain] ?? 'string';
}
