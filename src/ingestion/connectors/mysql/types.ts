const MAX_PRECISION = 38;

const FIXED: Readonly<Record<string, string>> = {
  tinyint: 'tinyint',
  smallint: 'smallint',
  mediumint: 'int',
  int: 'int',
  bigint: 'bigint',
  float: 'float',
  double: 'double',
  date: 'date',
  datetime: 'timestamp',
  timestamp: 'timestamptz',
  year: 'int',
  binary: 'binary',
  varbinary: 'binary',
  tinyblob: 'binary',
  blob: 'binary',
  mediumblob: 'binary',
  longblob: 'binary',
};
/** A type without sign holds twice as much: the next one up holds it. */
const UNSIGNED: Readonly<Record<string, string>> = {
  tinyint: 'smallint',
  smallint: 'int',
  mediumint: 'int',
  int: 'bigint',
  bigint: 'decimal(20,0)',
};

/**
 * The Hive/Glue type of a column by MySQL's COLUMN_TYPE, such as `int(10) unsigned`. `tinyint(1)` and `bit(1)` are what
 * MySQL calls booleans. Text, enums, sets, JSON, times of day and geometries are read as text.
 */
export function hiveTypeOf(columnType: string): string {
  const type = columnType.toLowerCase();
  if (type === 'tinyint(1)' || type === 'bit(1)') return 'boolean';
  const [, name = '', arguments_ = ''] = /^([a-z]+)(?:\(([^)]*)\))?/.exec(type) ?? [];
  if (name === 'bit') return 'binary';
  if (name === 'decimal') {
    const [precision = 10, scale = 0] = arguments_.split(',').map(Number);
    return precision <= MAX_PRECISION ? `decimal(${precision},${scale})` : 'string';
  }
  const unsigned = / unsigned\b/.test(type) ? UNSIGNED[name] : undefined;
  return unsigned ?? FIXED[name] ?? 'string';
}
