import { LochError } from '../../core/errors.ts';

/** A column type that jobs write: what it is in the catalog, and in the engine. */
export interface ColumnKind {
  readonly kind: 'string' | 'integer' | 'decimal' | 'float' | 'boolean' | 'date' | 'timestamp';
  /** Hive/Glue type text, normalized. */
  readonly hive: string;
  readonly duckdb: string;
  /** For decimals. */
  readonly precision?: number;
  readonly scale?: number;
}

const KINDS: Readonly<Record<string, ColumnKind>> = {
  string: { kind: 'string', hive: 'string', duckdb: 'VARCHAR' },
  int: { kind: 'integer', hive: 'int', duckdb: 'INTEGER' },
  bigint: { kind: 'integer', hive: 'bigint', duckdb: 'BIGINT' },
  float: { kind: 'float', hive: 'float', duckdb: 'FLOAT' },
  double: { kind: 'float', hive: 'double', duckdb: 'DOUBLE' },
  boolean: { kind: 'boolean', hive: 'boolean', duckdb: 'BOOLEAN' },
  date: { kind: 'date', hive: 'date', duckdb: 'DATE' },
  timestamp: { kind: 'timestamp', hive: 'timestamp', duckdb: 'TIMESTAMP' },
};
const ALIASES: Readonly<Record<string, string>> = {
  varchar: 'string',
  text: 'string',
  integer: 'int',
  // Iceberg has no narrower integers than `int`.
  smallint: 'int',
  tinyint: 'int',
  long: 'bigint',
  real: 'float',
  bool: 'boolean',
};

/** The column type of a type text. **Errors**: `invalid_argument` naming the known types. */
export function parseColumnKind(text: string, where: string): ColumnKind {
  const folded = text.trim().toLowerCase();
  const decimal = /^(?:decimal|numeric)\s*\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\)$/.exec(folded);
  if (decimal !== null) {
    const precision = Number(decimal[1]);
    const scale = Number(decimal[2] ?? 0);
    if (precision >= 1 && precision <= 38 && scale <= precision) {
      const type = `decimal(${precision},${scale})`;
      return { kind: 'decimal', hive: type, duckdb: type.toUpperCase(), precision, scale };
    }
  }
  const known = KINDS[ALIASES[folded] ?? folded];
  if (known !== undefined) return known;
  throw new LochError(
    'invalid_argument',
    `${where}: unknown type \`${text}\`. Known: ${Object.keys(KINDS).join(', ')}, decimal(p,s).`,
    { context: { type: text } },
  );
}

/** The Hive/Glue type of an engine's result column. **Errors**: `type_mismatch` naming the column. */
export function hiveTypeOf(column: { readonly name: string; readonly type: string }): string {
  const type = column.type.toUpperCase();
  const simple: Readonly<Record<string, string>> = {
    VARCHAR: 'string',
    JSON: 'string',
    UUID: 'string',
    BOOLEAN: 'boolean',
    TINYINT: 'int',
    SMALLINT: 'int',
    UTINYINT: 'int',
    USMALLINT: 'int',
    INTEGER: 'int',
    UINTEGER: 'bigint',
    BIGINT: 'bigint',
    FLOAT: 'float',
    DOUBLE: 'double',
    DATE: 'date',
    TIMESTAMP: 'timestamp',
    TIMESTAMP_S: 'timestamp',
    TIMESTAMP_MS: 'timestamp',
    TIMESTAMP_NS: 'timestamp',
    'TIMESTAMP WITH TIME ZONE': 'timestamptz',
    BLOB: 'binary',
  };
  const known = simple[type];
  if (known !== undefined) return known;
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal !== null) return `decimal(${decimal[1]},${decimal[2]})`;
  if (type.endsWith('[]')) return `array<${hiveTypeOf({ name: column.name, type: column.type.slice(0, -2) })}>`;
  throw new LochError(
    'type_mismatch',
    `The result column \`${column.name}\` has type ${column.type}, which a table cannot hold. Cast it, for example to bigint, decimal(38,0) or varchar.`,
    { context: { column: column.name, type: column.type } },
  );
}
