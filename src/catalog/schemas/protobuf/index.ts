import { LochError } from '../../../core/errors.ts';
import type { CatalogColumn } from '../../contract.ts';
import { hiveField, type ParsedSchema, stableJson } from '../parsed-schema.ts';
import { protoProblems } from './compatible.ts';
import { ProtoNames } from './names.ts';
import { parseProto, type ProtoField, type ProtoFile, type ProtoMessage } from './parse.ts';
import { protoTokens } from './tokens.ts';

interface ProtobufSchema extends ParsedSchema {
  readonly file: ProtoFile;
  readonly names: ProtoNames;
}

/** A Protobuf definition. **Errors**: `invalid_argument` with the line or the name. */
export function protobufSchema(definition: string): ParsedSchema {
  const file = parseProto(definition);
  if (file.messages.length === 0) {
    throw new LochError('invalid_argument', 'The Protobuf schema has no message.');
  }
  const names = new ProtoNames(file);
  names.check();
  const schema: ProtobufSchema = {
    file,
    names,
    // Comments and layout are gone with the tokens.
    canonical: stableJson(protoTokens(definition).map((token) => token.text)),
    tree: file,
    problems: (writer) => protoProblems(schema, writer as ProtobufSchema),
    columns: () => columnsOf(names, file.messages[0]!),
  };
  return schema;
}

function columnsOf(names: ProtoNames, message: ProtoMessage): readonly CatalogColumn[] {
  return message.fields.map((field) => ({
    name: field.name.toLowerCase(),
    type: hiveType(names, field, message.name, [message.name]),
  }));
}

const SCALAR_TYPES: Readonly<Record<string, string>> = {
  double: 'double',
  float: 'float',
  int32: 'int',
  sint32: 'int',
  sfixed32: 'int',
  uint32: 'bigint',
  fixed32: 'bigint',
  int64: 'bigint',
  sint64: 'bigint',
  sfixed64: 'bigint',
  uint64: 'decimal(20,0)',
  fixed64: 'decimal(20,0)',
  bool: 'boolean',
  string: 'string',
  bytes: 'binary',
};
const EXTERNAL_TYPES: Readonly<Record<string, string>> = {
  'google.protobuf.Timestamp': 'timestamp',
  'google.protobuf.StringValue': 'string',
  'google.protobuf.Int32Value': 'int',
  'google.protobuf.Int64Value': 'bigint',
  'google.protobuf.DoubleValue': 'double',
  'google.protobuf.FloatValue': 'float',
  'google.protobuf.BoolValue': 'boolean',
  'google.protobuf.BytesValue': 'binary',
};

function hiveType(names: ProtoNames, field: ProtoField, scope: string, within: readonly string[]): string {
  const one = elementType(names, field, scope, within);
  if (field.label === 'map') return `map<${SCALAR_TYPES[field.keyType!]},${one}>`;
  return field.label === 'repeated' ? `array<${one}>` : one;
}

function elementType(names: ProtoNames, field: ProtoField, scope: string, within: readonly string[]): string {
  const type = names.typeOf(field.type, scope);
  switch (type.kind) {
    case 'scalar':
      return SCALAR_TYPES[type.name]!;
    case 'enum':
      return 'string';
    case 'external':
      return EXTERNAL_TYPES[type.name] ?? 'string';
    case 'message': {
      if (within.includes(type.name)) {
        throw new LochError('invalid_argument', `Message \`${type.name}\` holds itself; no table has such a column.`);
      }
      const inner = type.message.fields.map((one) =>
        hiveField(one.name, hiveType(names, one, type.name, [...within, type.name])),
      );
      return `struct<${inner.join(',')}>`;
    }
  }
}
