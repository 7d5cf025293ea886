import { LochError } from '../../core/errors.ts';
import type { IcebergType } from './contract-types.ts';
import { parsePrimitiveType } from './primitive-type.ts';

/**
 * The DuckDB type that holds exactly the values of an Iceberg type. Files must be written in it: readers refuse a column
 * that is wider in the file than in the table. **Errors**: `unsupported` for a type whose values are only carried.
 */
export function engineTypeOf(type: IcebergType): string {
  if (typeof type !== 'string') {
    switch (type.type) {
      case 'struct':
        return `STRUCT(${type.fields.map((field) => `${quoted(field.name)} ${engineTypeOf(field.type)}`).join(', ')})`;
      case 'list':
        return `${engineTypeOf(type.element)}[]`;
      case 'map':
        return `MAP(${engineTypeOf(type.key)}, ${engineTypeOf(type.value)})`;
    }
  }
  const primitive = parsePrimitiveType(type);
  switch (primitive.kind) {
    case 'boolean':
      return 'BOOLEAN';
    case 'int':
      return 'INTEGER';
    case 'long':
      return 'BIGINT';
    case 'float':
      return 'FLOAT';
    case 'double':
      return 'DOUBLE';
    case 'decimal':
      return `DECIMAL(${primitive.precision},${primitive.scale})`;
    case 'date':
      return 'DATE';
    case 'time':
      return 'TIME';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'timestamptz':
      return 'TIMESTAMP WITH TIME ZONE';
    case 'timestamp_ns':
      return 'TIMESTAMP_NS';
    case 'timestamptz_ns':
      return 'TIMESTAMP WITH TIME ZONE';
    case 'string':
      return 'VARCHAR';
    case 'uuid':
      return 'UUID';
    case 'fixed':
    case 'binary':
      return 'BLOB';
    case 'unknown':
    case 'variant':
    case 'geometry':
    case 'geography':
      throw new LochError(
        'unsupported',
        `Columns of the Iceberg type \`${primitive.kind}\` are not written here. Write the table by an engine that knows the type.`,
        { context: { type: primitive.kind } },
      );
  }
}

/** A name as a quoted identifier of the engine. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
