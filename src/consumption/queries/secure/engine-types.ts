/** Hive and Iceberg column types as types of the engine (DuckDB). */
import { LochError } from '../../../core/errors.ts';
import type { IcebergType } from '../../../storage/contract.ts';
import { sqlName } from '../../../core/sql-text.ts';

const SCALARS: Readonly<Record<string, string>> = {
  boolean: 'BOOLEAN',
  bool: 'BOOLEAN',
  tinyint: 'TINYINT',
  smallint: 'SMALLINT',
  int: 'INTEGER',
  integer: 'INTEGER',
  bigint: 'BIGINT',
  long: 'BIGINT',
  float: 'FLOAT',
  real: 'FLOAT',
  double: 'DOUBLE',
  'double precision': 'DOUBLE',
  string: 'VARCHAR',
  varchar: 'VARCHAR',
  char: 'VARCHAR',
  date: 'DATE',
  time: 'TIME',
  timestamp: 'TIMESTAMP',
  timestamp_ns: 'TIMESTAMP_NS',
  timestamptz: 'TIMESTAMPTZ',
  'timestamp with time zone': 'TIMESTAMPTZ',
  'timestamp with local time zone': 'TIMESTAMPTZ',
  uuid: 'UUID',
  binary: 'BLOB',
};

/** The engine's type of a Hive/Glue type text. **Errors**: `unsupported` naming the type. */
export function engineTypeOfHive(text: string): string {
  const type = text.trim();
  const nested = /^(array|map|struct)\s*<([\s\S]*)>$/i.exec(type);
  if (nested !== null) return nestedType(nested[1]!.toLowerCase(), nested[2]!);
  const [, name, argument] = /^([a-z_ ]+?)\s*(?:\(([\d\s,]+)\))?$/i.exec(type) ?? [];
  const folded = name?.toLowerCase().replace(/\s+/g, ' ') ?? '';
  if (folded === 'decimal' || folded === 'numeric') return decimal(argument);
  if (folded === 'fixed') return 'BLOB';
  const scalar = SCALARS[folded];
  if (scalar === undefined) throw unknown(text);
  return scalar;
}

function decimal(argument: string | undefined): string {
  const [precision = '10', scale = '0'] = argument?.split(',').map((part) => part.trim()) ?? [];
  return `DECIMAL(${Number(precision)},${Number(scale)})`;
}

/** The parts of a nested Hive type; undefined for a scalar. */
export function hiveParts(
  text: string,
):
  | { readonly kind: 'array' | 'map' | 'struct'; readonly names: readonly string[]; readonly types: readonly string[] }
  | undefined {
  const nested = /^(array|map|struct)\s*<([\s\S]*)>$/i.exec(text.trim());
  if (nested === null) return undefined;
  const kind = nested[1]!.toLowerCase() as 'array' | 'map' | 'struct';
  const parts = splitTopLevel(nested[2]!);
  if (kind !== 'struct') return { kind, names: [], types: parts };
  const fields = parts.map((part) => {
    const [, quoted, plain, type] = FIELD.exec(part) ?? [];
    if (type === undefined) throw unknown(part);
    return { name: quoted ?? plain!, type };
  });
  return { kind, names: fields.map((field) => field.name), types: fields.map((field) => field.type) };
}

const FIELD = /^\s*(?:`([^`]+)`|([^:`]+?))\s*:([\s\S]*)$/;

function nestedType(kind: string, body: string): string {
  const parts = splitTopLevel(body);
  if (kind === 'array') return `${engineTypeOfHive(parts[0] ?? '')}[]`;
  if (kind === 'map') return `MAP(${engineTypeOfHive(parts[0] ?? '')}, ${engineTypeOfHive(parts[1] ?? '')})`;
  const fields = parts.map((part) => {
    const [, quoted, plain, type] = FIELD.exec(part) ?? [];
    if (type === undefined) throw unknown(part);
    return `${sqlName(quoted ?? plain!)} ${engineTypeOfHive(type)}`;
  });
  return `STRUCT(${fields.join(', ')})`;
}

/** Splits at commas outside brackets. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '<' || c === '(') depth++;
    else if (c === '>' || c === ')') depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

const CARRIED = /^(unknown|variant|geometry|geography|timestamptz_ns)\b/;

/** The type at any depth whose values SQL here cannot tell; undefined for one it reads. */
export function carriedType(type: IcebergType): string | undefined {
  if (typeof type === 'string') return CARRIED.test(type) ? type : undefined;
  switch (type.type) {
    case 'struct':
      return type.fields.map((field) => carriedType(field.type)).find((found) => found !== undefined);
    case 'list':
      return carriedType(type.element);
    case 'map':
      return carriedType(type.key) ?? carriedType(type.value);
  }
}

/** The engine's type of an Iceberg type. **Errors**: `unsupported` naming the type. */
export function engineTypeOfIceberg(type: IcebergType): string {
  if (typeof type !== 'string') {
    switch (type.type) {
      case 'struct':
        return `STRUCT(${type.fields.map((f) => `${sqlName(f.name)} ${engineTypeOfIceberg(f.type)}`).join(', ')})`;
      case 'list':
        return `${engineTypeOfIceberg(type.element)}[]`;
      case 'map':
        return `MAP(${engineTypeOfIceberg(type.key)}, ${engineTypeOfIceberg(type.value)})`;
    }
  }
  if (type.startsWith('fixed')) return 'BLOB';
  if (CARRIED.test(type)) return 'VARCHAR'; // no value of it is read, see `carriedType`
  return engineTypeOfHive(type);
}

function unknown(type: string): LochError {
  return new LochError('unsupported', `The column type \`${type}\` cannot be read by SQL.`, { context: { type } });
}
