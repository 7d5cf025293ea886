/** A compiled expression's type, as far as S3 Select tells types apart. */
export type ValueType = 'string' | 'number' | 'boolean' | 'timestamp' | 'json' | 'other' | 'null';

/** A compiled expression. */
export interface Value {
  readonly sql: string;
  readonly type: ValueType;
}

/** `value` as a text. */
export function asString({ sql, type }: Value): string {
  if (type === 'string') return sql;
  if (type === 'json') return `json_extract_string(${sql}, '$')`;
  if (type === 'timestamp') return `strftime(${sql}, '%Y-%m-%dT%H:%M:%SZ')`;
  if (type === 'number') return `regexp_replace(CAST(${sql} AS VARCHAR), '\\.0$', '')`;
  return `CAST(${sql} AS VARCHAR)`;
}

/** `value` as a number; a text that is none is NULL. */
export function asNumber(value: Value): string {
  if (value.type === 'number' || value.type === 'null') return value.sql;
  return `TRY_CAST(trim(${asString(value)}) AS DOUBLE)`;
}

/** `value` as a time. */
export function asTimestamp(value: Value): string {
  if (value.type === 'timestamp' || value.type === 'null') return value.sql;
  return `CAST(${asString(value)} AS TIMESTAMP)`;
}
