/** Types of result columns in Athena's names. **Source**: GetQueryResults, `ColumnInfo`. */
import type { EngineColumn } from '../../engines/contract.ts';
import type { ResultColumn } from '../contract.ts';

const NAMES: Readonly<Record<string, readonly [athenaType: string, precision: number]>> = {
  BOOLEAN: ['boolean', 0],
  TINYINT: ['tinyint', 3],
  SMALLINT: ['smallint', 5],
  INTEGER: ['integer', 10],
  BIGINT: ['bigint', 19],
  UTINYINT: ['smallint', 5],
  USMALLINT: ['integer', 10],
  UINTEGER: ['bigint', 19],
  UBIGINT: ['decimal', 20],
  HUGEINT: ['decimal', 38],
  UHUGEINT: ['decimal', 38],
  FLOAT: ['float', 17],
  DOUBLE: ['double', 17],
  VARCHAR: ['varchar', 2147483647],
  UUID: ['varchar', 36],
  JSON: ['json', 2147483647],
  BLOB: ['varbinary', 1073741824],
  DATE: ['date', 0],
  TIME: ['time', 3],
  TIMESTAMP: ['timestamp', 3],
  'TIMESTAMP WITH TIME ZONE': ['timestamp with time zone', 3],
  INTERVAL: ['interval day to second', 0],
};

/** `column` with Athena's type, precision and scale. */
export function resultColumn(column: EngineColumn): ResultColumn {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(column.type);
  if (decimal !== null) {
    return { ...column, athenaType: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) };
  }
  const nested = column.type.endsWith(']') ? 'array' : /^(STRUCT|MAP)\(/.exec(column.type)?.[1];
  if (nested !== undefined) {
    return { ...column, athenaType: nested === 'STRUCT' ? 'row' : nested.toLowerCase(), precision: 0, scale: 0 };
  }
  const base = column.type.startsWith('TIMESTAMP_') ? 'TIMESTAMP' : column.type;
  const [athenaType, precision] = NAMES[base] ?? ['varchar', 2147483647];
  return { ...column, athenaType, precision, scale: 0 };
}

/** A column of text, as SHOW and DESCRIBE answer. */
export function textColumn(name: string): ResultColumn {
  return resultColumn({ name, type: 'VARCHAR' });
}
