/** The Hive types of an Avro schema. **Source**: Avro 1.11, "Complex Types", "Logical Types". */
import type { ForeignColumn } from './contract-types.ts';

const DEEPEST = 20;

type Schema = string | readonly Schema[] | { readonly [member: string]: unknown };

const PRIMITIVE: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  int: 'int',
  long: 'bigint',
  float: 'float',
  double: 'double',
  bytes: 'binary',
  string: 'string',
  enum: 'string',
  fixed: 'binary',
  null: 'string',
};

const LOGICAL: Readonly<Record<string, string>> = {
  date: 'date',
  'timestamp-millis': 'timestamp',
  'timestamp-micros': 'timestamp',
  'timestamp-nanos': 'timestamp',
  'local-timestamp-millis': 'timestamp',
  'local-timestamp-micros': 'timestamp',
  uuid: 'string',
};

/** Named types are known once they were written. */
class Types {
  readonly #named = new Map<string, Schema>();

  of(schema: Schema, depth = 0): string {
    if (depth > DEEPEST) return 'string'; // a type that holds itself has no Hive type
    if (typeof schema === 'string') {
      const known = this.#named.get(schema) ?? this.#named.get(schema.slice(schema.lastIndexOf('.') + 1));
      return known === undefined ? (PRIMITIVE[schema] ?? 'string') : this.of(known, depth + 1);
    }
    if (Array.isArray(schema)) return this.#union(schema as readonly Schema[], depth);
    const node = schema as { readonly [member: string]: unknown };
    if (typeof node.name === 'string') this.#named.set(node.name, schema);
    if (node.logicalType === 'decimal') return `decimal(${Number(node.precision)},${Number(node.scale ?? 0)})`;
    const logical = typeof node.logicalType === 'string' ? LOGICAL[node.logicalType] : undefined;
    if (logical !== undefined) return logical;
    switch (node.type) {
      case 'array':
        return `array<${this.of(node.items as Schema, depth + 1)}>`;
      case 'map':
        return `map<string,${this.of(node.values as Schema, depth + 1)}>`;
      case 'record': {
        const fields = node.fields as readonly { readonly name: string; readonly type: Schema }[];
        return `struct<${fields.map((field) => `${field.name}:${this.of(field.type, depth + 1)}`).join(',')}>`;
      }
      default:
        return this.of(node.type as Schema, depth + 1);
    }
  }

  /** Null beside one type makes it optional; numbers widen; anything else is told as text. */
  #union(branches: readonly Schema[], depth: number): string {
    const types = [
      ...new Set(branches.filter((branch) => branch !== 'null').map((branch) => this.of(branch, depth + 1))),
    ];
    if (types.length === 1) return types[0]!;
    if (types.length > 0 && types.every((type) => type === 'int' || type === 'bigint')) return 'bigint';
    if (types.length > 0 && types.every((type) => ['int', 'bigint', 'float', 'double'].includes(type))) return 'double';
    return 'string';
  }
}

/** The columns of a record schema given as JSON. **Errors**: plain `Error` when it is none. */
export function columnsOfAvro(schema: string): ForeignColumn[] {
  const parsed = JSON.parse(schema) as { type?: unknown; fields?: { name: string; type: Schema; doc?: string }[] };
  if (parsed.type !== 'record' || !Array.isArray(parsed.fields)) throw new Error('a schema that is no record');
  const types = new Types();
  return parsed.fields.map((field) => ({
    name: field.name,
    type: types.of(field.type),
    ...(typeof field.doc === 'string' && field.doc !== '' ? { comment: field.doc } : {}),
  }));
}
