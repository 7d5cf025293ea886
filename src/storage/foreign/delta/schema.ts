/** A Delta table's schema as columns. **Source**: Delta protocol, "Schema Serialization Format", "Column Mapping". */
import { LochError } from '../../../core/errors.ts';
import type { ForeignColumn } from '../contract-types.ts';

interface DeltaField {
  readonly name: string;
  readonly type: DeltaType;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

type DeltaType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly DeltaField[] }
  | { readonly type: 'array'; readonly elementType: DeltaType }
  | { readonly type: 'map'; readonly keyType: DeltaType; readonly valueType: DeltaType };

const TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  long: 'bigint',
  integer: 'int',
  short: 'smallint',
  byte: 'tinyint',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  binary: 'binary',
  date: 'date',
  timestamp: 'timestamptz',
  timestamp_ntz: 'timestamp',
};

export type MappingMode = 'none' | 'name' | 'id';

const PHYSICAL = 'delta.columnMapping.physicalName';
const FIELD_ID = 'delta.columnMapping.id';

const physicalName = (field: DeltaField, mode: MappingMode): string => {
  const name = mode === 'none' ? undefined : field.metadata?.[PHYSICAL];
  return typeof name === 'string' ? name : field.name;
};

function typeText(type: DeltaType, nameOf: (field: DeltaField) => string): string {
  if (typeof type === 'string') {
    if (/^decimal\(\d+,\s*\d+\)$/.test(type)) return type.replace(/\s/g, '');
    const known = TYPES[type];
    if (known === undefined) throw new LochError('unsupported', `The Delta type \`${type}\` is not read.`);
    return known;
  }
  switch (type.type) {
    case 'array':
      return `array<${typeText(type.elementType, nameOf)}>`;
    case 'map':
      return `map<${typeText(type.keyType, nameOf)},${typeText(type.valueType, nameOf)}>`;
    case 'struct':
      return `struct<${type.fields.map((field) => `${quoted(nameOf(field))}:${typeText(field.type, nameOf)}`).join(',')}>`;
  }
}

const quoted = (name: string): string => (/^\w+$/.test(name) ? name : `\`${name}\``);

/** **Errors**: `unsupported` naming a type; `data_corrupt` for a schema that is none. */
export function deltaColumns(schema: string, mode: MappingMode): ForeignColumn[] {
  let fields: readonly DeltaField[];
  try {
    fields = (JSON.parse(schema) as { fields: readonly DeltaField[] }).fields;
    if (!Array.isArray(fields)) throw new Error('no fields');
  } catch (error) {
    throw new LochError('data_corrupt', 'The schema in the Delta log cannot be read.', { cause: error });
  }
  return fields.map((field): ForeignColumn => {
    const type = typeText(field.type, (one) => one.name);
    const physicalType = typeText(field.type, (one) => physicalName(one, mode));
    const physical = physicalName(field, mode);
    const { comment } = { ...field.metadata };
    const id = field.metadata?.[FIELD_ID];
    return {
      name: field.name,
      type,
      ...(typeof comment === 'string' && comment !== '' ? { comment } : {}),
      ...(physical === field.name ? {} : { physicalName: physical }),
      ...(physicalType === type ? {} : { physicalType }),
      ...(mode === 'id' && typeof id === 'number' ? { fieldId: id } : {}),
    };
  });
}
