/**
 * Avro schemas of manifests and manifest lists, versions 2 and 3, and the `avsc` types that code them.
 *
 * Iceberg identifies fields by id, Avro's binary form by position, and writers differ in names. So a file's schema is
 * rewritten before coding: every field gets the canonical name of its id, every named type a unique name.
 *
 * **Source**: Iceberg specification, "Manifests", "Manifest Lists", Appendix A (Avro types).
 */
import avro from 'avsc';
import type { PrimitiveType } from './primitive-type.ts';

type Json = Record<string, unknown>;

/** A field of a partition tuple: its id and name, and the type of its values. */
export interface PartitionTupleField {
  readonly id: number;
  readonly name: string;
  readonly type: PrimitiveType;
}

const NAMES: Readonly<Record<number, string>> = {
  // manifest entry
  0: 'status',
  1: 'snapshot_id',
  2: 'data_file',
  3: 'sequence_number',
  4: 'file_sequence_number',
  100: 'file_path',
  101: 'file_format',
  102: 'partition',
  103: 'record_count',
  104: 'file_size_in_bytes',
  108: 'column_sizes',
  109: 'value_counts',
  110: 'null_value_counts',
  117: 'key',
  118: 'value',
  119: 'key',
  120: 'value',
  121: 'key',
  122: 'value',
  125: 'lower_bounds',
  126: 'key',
  127: 'value',
  128: 'upper_bounds',
  129: 'key',
  130: 'value',
  131: 'key_metadata',
  132: 'split_offsets',
  134: 'content',
  135: 'equality_ids',
  137: 'nan_value_counts',
  138: 'key',
  139: 'value',
  140: 'sort_order_id',
  142: 'first_row_id',
  143: 'referenced_data_file',
  144: 'content_offset',
  145: 'content_size_in_bytes',
  // manifest list
  500: 'manifest_path',
  501: 'manifest_length',
  502: 'partition_spec_id',
  503: 'added_snapshot_id',
  504: 'added_files_count',
  505: 'existing_files_count',
  506: 'deleted_files_count',
  507: 'partitions',
  509: 'contains_null',
  510: 'lower_bound',
  511: 'upper_bound',
  512: 'added_rows_count',
  513: 'existing_rows_count',
  514: 'deleted_rows_count',
  515: 'sequence_number',
  516: 'min_sequence_number',
  517: 'content',
  518: 'contains_nan',
  519: 'key_metadata',
  520: 'first_row_id',
};

/** Ids of the fields whose longs need all 64 bits: snapshot ids. Partition values do as well. */
const WIDE = new Set([1, 503]);
const PARTITION_ID = 102;

const field = (id: number, name: string, type: unknown): Json => ({ name, type, 'field-id': id });
const optional = (id: number, name: string, type: unknown): Json => ({
  name,
  type: ['null', type],
  default: null,
  'field-id': id,
});
const mapOf = (keyId: number, valueId: number, value: string): Json => ({
  type: 'array',
  items: {
    type: 'record',
    name: `k${keyId}_v${valueId}`,
    fields: [field(keyId, 'key', 'int'), field(valueId, 'value', value)],
  },
  logicalType: 'map',
});
const listOf = (elementId: number, items: string): Json => ({ type: 'array', items, 'element-id': elementId });

/** The header schema of a manifest whose partition tuples have `fields`. */
export function manifestEntrySchema(fields: readonly PartitionTupleField[], version: number): Json {
  const names = new Set<string>();
  const partition = {
    type: 'record',
    name: 'r102',
    fields: fields.map((f) => optional(f.id, uniqueAvroName(f.name, names), partitionAvroType(f))),
  };
  const dataFile = {
    type: 'record',
    name: 'r2',
    fields: [
      field(134, 'content', 'int'),
      field(100, 'file_path', 'string'),
      field(101, 'file_format', 'string'),
      field(102, 'partition', partition),
      field(103, 'record_count', 'long'),
      field(104, 'file_size_in_bytes', 'long'),
      optional(108, 'column_sizes', mapOf(117, 118, 'long')),
      optional(109, 'value_counts', mapOf(119, 120, 'long')),
      optional(110, 'null_value_counts', mapOf(121, 122, 'long')),
      optional(137, 'nan_value_counts', mapOf(138, 139, 'long')),
      optional(125, 'lower_bounds', mapOf(126, 127, 'bytes')),
      optional(128, 'upper_bounds', mapOf(129, 130, 'bytes')),
      optional(131, 'key_metadata', 'bytes'),
      optional(132, 'split_offsets', listOf(133, 'long')),
      optional(135, 'equality_ids', listOf(136, 'int')),
      optional(140, 'sort_order_id', 'int'),
      ...(version < 3 ? [] : [optional(142, 'first_row_id', 'long')]),
      optional(143, 'referenced_data_file', 'string'),
      ...(version < 3 ? [] : [optional(144, 'content_offset', 'long'), optional(145, 'content_size_in_bytes', 'long')]),
    ],
  };
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      field(0, 'status', 'int'),
      optional(1, 'snapshot_id', 'long'),
      optional(3, 'sequence_number', 'long'),
      optional(4, 'file_sequence_number', 'long'),
      field(2, 'data_file', dataFile),
    ],
  };
}

/** The header schema of a manifest list. */
export const MANIFEST_LIST_SCHEMA: Json = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    field(500, 'manifest_path', 'string'),
    field(501, 'manifest_length', 'long'),
    field(502, 'partition_spec_id', 'int'),
    field(517, 'content', 'int'),
    field(515, 'sequence_number', 'long'),
    field(516, 'min_sequence_number', 'long'),
    field(503, 'added_snapshot_id', 'long'),
    field(504, 'added_files_count', 'int'),
    field(505, 'existing_files_count', 'int'),
    field(506, 'deleted_files_count', 'int'),
    field(512, 'added_rows_count', 'long'),
    field(513, 'existing_rows_count', 'long'),
    field(514, 'deleted_rows_count', 'long'),
    optional(507, 'partitions', {
      type: 'array',
      items: {
        type: 'record',
        name: 'r508',
        fields: [
          field(509, 'contains_null', 'boolean'),
          optional(518, 'contains_nan', 'boolean'),
          optional(510, 'lower_bound', 'bytes'),
          optional(511, 'upper_bound', 'bytes'),
        ],
      },
      'element-id': 508,
    }),
    optional(519, 'key_metadata', 'bytes'),
  ],
};

/** The same of version 3: a data manifest says which row ids its files begin with. */
export const MANIFEST_LIST_SCHEMA_3: Json = {
  ...MANIFEST_LIST_SCHEMA,
  fields: [...(MANIFEST_LIST_SCHEMA.fields as Json[]), optional(520, 'first_row_id', 'long')],
};

function partitionAvroType({ id, type }: PartitionTupleField): unknown {
  switch (type.kind) {
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'string':
      return type.kind;
    case 'binary':
      return 'bytes';
    case 'date':
      return { type: 'int', logicalType: 'date' };
    case 'time':
      return { type: 'long', logicalType: 'time-micros' };
    case 'timestamp':
    case 'timestamptz':
      return { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': type.kind === 'timestamptz' };
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return { type: 'long', logicalType: 'timestamp-nanos', 'adjust-to-utc': type.kind === 'timestamptz_ns' };
    case 'uuid':
      return { type: 'fixed', name: `uuid_p${id}`, size: 16, logicalType: 'uuid' };
    case 'fixed':
      return { type: 'fixed', name: `fixed_p${id}`, size: type.length };
    case 'decimal':
      return {
        type: 'fixed',
        name: `decimal_${type.precision}_${type.scale}_p${id}`,
        size: decimalBytes(type.precision),
        logicalType: 'decimal',
        precision: type.precision,
        scale: type.scale,
      };
  }
}

/** Bytes of a fixed that holds every decimal of `precision`. */
export function decimalBytes(precision: number): number {
  let bytes = 1;
  while (10n ** BigInt(precision) > 1n << BigInt(bytes * 8 - 1)) bytes++;
  return bytes;
}

/** A field name as Avro allows it: other characters become `_xHEX`, a leading digit gets `_`. */
function uniqueAvroName(name: string, taken: Set<string>): string {
  let result = '';
  for (const character of name) {
    result += /[A-Za-z0-9_]/.test(character) ? character : `_x${character.codePointAt(0)!.toString(16).toUpperCase()}`;
  }
  if (!/^[A-Za-z_]/.test(result)) result = `_${result}`;
  while (taken.has(result)) result += '_';
  taken.add(result);
  return result;
}

const wideLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

const types = new Map<string, avro.Type>();

/** The `avsc` type that codes records of a header schema under canonical names (`p<id>` for partition values). */
export function codingType(schema: unknown): avro.Type {
  const key = JSON.stringify(schema);
  let type = types.get(key);
  if (type === undefined) {
    type = avro.Type.forSchema(new SchemaRewriter().rewrite(schema, {}) as never, {
      registry: { wide_long: wideLong },
      wrapUnions: false,
      omitRecordMethods: true,
    });
    if (types.size >= 500) types.delete(types.keys().next().value as string);
    types.set(key, type);
  }
  return type;
}

interface Position {
  readonly wide?: boolean;
  readonly partition?: boolean;
}

class SchemaRewriter {
  #count = 0;
  /** Definitions by the writer's names: a repeated use is written out again under a new name. */
  readonly #named = new Map<string, Json>();

  rewrite(schema: unknown, position: Position): unknown {
    if (Array.isArray(schema)) return schema.map((branch) => this.rewrite(branch, position));
    if (typeof schema === 'string') {
      const named = this.#named.get(schema);
      if (named !== undefined) return this.rewrite(named, position);
      return schema === 'long' && (position.wide || position.partition) ? 'wide_long' : schema;
    }
    const node = schema as Json;
    if (typeof node.name === 'string') this.#named.set(node.name, node);
    switch (node.type) {
      case 'record':
        return {
          type: 'record',
          name: `t${this.#count++}`,
          fields: (node.fields as Json[]).map((f) => this.#field(f, position)),
        };
      case 'array':
        return { type: 'array', items: this.rewrite(node.items, position) };
      case 'map':
        return { type: 'map', values: this.rewrite(node.values, position) };
      case 'fixed':
        return { type: 'fixed', name: `t${this.#count++}`, size: node.size };
      case 'enum':
        return { type: 'enum', name: `t${this.#count++}`, symbols: node.symbols };
      default:
        return this.rewrite(node.type, position);
    }
  }

  #field(node: Json, position: Position): Json {
    const id = Number(node['field-id']);
    const name = position.partition ? `p${id}` : (NAMES[id] ?? `f${Number.isNaN(id) ? `_${node.name}` : id}`);
    const nullable = Array.isArray(node.type) && node.type[0] === 'null';
    return {
      name,
      type: this.rewrite(node.type, {
        wide: WIDE.has(id),
        partition: position.partition === true || id === PARTITION_ID,
      }),
      ...(nullable ? { default: null } : {}),
    };
  }
}
