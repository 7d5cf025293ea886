import { LochError } from '../../../core/errors.ts';
import type { CatalogColumn } from '../../contract.ts';
import { hiveField, type ParsedSchema, stableJson } from '../parsed-schema.ts';
import { avroProblems } from './compatible.ts';
import { type AvroLogical, type AvroRecord, type AvroType, parseAvro } from './parse.ts';

interface AvroSchema extends ParsedSchema {
  readonly type: AvroType;
}

/** An Avro schema. **Errors**: `invalid_argument` naming the place. */
export function avroSchema(definition: string): ParsedSchema {
  const { type, json } = parseAvro(definition);
  const schema: AvroSchema = {
    type,
    canonical: stableJson(json),
    tree: json,
    problems: (writer) => avroProblems(type, (writer as AvroSchema).type),
    columns: () => columnsOf(type),
  };
  return schema;
}

function columnsOf(type: AvroType): readonly CatalogColumn[] {
  if (type.kind !== 'record') {
    throw new LochError('invalid_argument', `A table needs a schema of records; this Avro schema is of ${type.kind}.`);
  }
  return type.fields.map((field) => ({
    name: field.name.toLowerCase(),
    type: hiveType(field.type, [type]),
    ...(field.doc === undefined ? {} : { comment: field.doc.slice(0, 255) }),
  }));
}

/** Hive's type; a record within itself has none. */
function hiveType(type: AvroType, within: readonly AvroRecord[]): string {
  switch (type.kind) {
    case 'int':
    case 'long':
    case 'bytes':
    case 'fixed':
      return logicalType(type.logical) ?? { int: 'int', long: 'bigint', bytes: 'binary', fixed: 'binary' }[type.kind];
    case 'boolean':
    case 'float':
    case 'double':
    case 'string':
      return type.kind;
    case 'null':
    case 'enum':
      return 'string';
    case 'array':
      return `array<${hiveType(type.items, within)}>`;
    case 'map':
      return `map<string,${hiveType(type.values, within)}>`;
    case 'union': {
      const some = type.branches.filter((branch) => branch.kind !== 'null');
      if (some.length <= 1) return some[0] === undefined ? 'string' : hiveType(some[0], within);
      return `uniontype<${some.map((branch) => hiveType(branch, within)).join(',')}>`;
    }
    case 'record':
      if (within.includes(type)) {
        throw new LochError('invalid_argument', `Record \`${type.name}\` holds itself; no table has such a column.`);
      }
      return `struct<${type.fields.map((field) => hiveField(field.name, hiveType(field.type, [...within, type]))).join(',')}>`;
  }
}

function logicalType(logical: AvroLogical | undefined): string | undefined {
  switch (logical?.name) {
    case 'date':
      return 'date';
    case 'timestamp-millis':
    case 'timestamp-micros':
    case 'local-timestamp-millis':
    case 'local-timestamp-micros':
      return 'timestamp';
    case 'decimal':
      return `decimal(${logical.precision ?? 38},${logical.scale ?? 0})`;
    default:
      return undefined;
  }
}
