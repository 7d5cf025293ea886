import type { CreateTableRequest } from '@aws-sdk/client-glue';
import type { IcebergTableSpec } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';
import { toColumns } from './shapes.ts';

/** Iceberg's primitive type names as Hive's. */
const HIVE_TYPES: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  int: 'int',
  long: 'bigint',
  float: 'float',
  double: 'double',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  string: 'string',
  uuid: 'string',
  binary: 'binary',
};

/** **Errors**: `unsupported` naming a type that has no word in the catalog. */
function hiveType(type: unknown, column: string): string {
  if (typeof type === 'string') {
    const known = HIVE_TYPES[type] ?? (/^decimal\(\s*\d+\s*,\s*\d+\s*\)$/.test(type) ? type : undefined);
    if (known !== undefined) return known;
  } else if (type !== null && typeof type === 'object') {
    const nested = type as Readonly<Record<string, unknown>>;
    if (nested.type === 'list') return `array<${hiveType(nested.element, column)}>`;
    if (nested.type === 'map') return `map<${hiveType(nested.key, column)},${hiveType(nested.value, column)}>`;
    if (nested.type === 'struct' && Array.isArray(nested.fields)) {
      const fields = nested.fields as { name: string; type: unknown }[];
      return `struct<${fields.map((field) => `${field.name}:${hiveType(field.type, column)}`).join(',')}>`;
    }
  }
  throw new LochError(
    'unsupported',
    `Column \`${column}\` has the Iceberg type \`${JSON.stringify(type)}\`, which is not supported. Known: ${Object.keys(HIVE_TYPES).join(', ')}, decimal(p,s), list, map, struct.`,
    { context: { column } },
  );
}

/** The new Iceberg table that a CreateTable with `OpenTableFormatInput` asks for. */
export function icebergSpecOf(input: CreateTableRequest): IcebergTableSpec {
  const iceberg = input.OpenTableFormatInput!.IcebergInput!;
  const table = input.TableInput;
  const create = iceberg.CreateIcebergTableInput;
  if (iceberg.Version !== undefined && iceberg.Version !== '2') {
    throw new LochError('unsupported', `Iceberg version \`${iceberg.Version}\` is not supported. Use version 2.`);
  }
  if ((create?.WriteOrder?.Fields?.length ?? 0) > 0) {
    throw new LochError('unsupported', 'An Iceberg write order is not supported. Create the table without it.');
  }
  const fields = create?.Schema?.Fields;
  const columns =
    fields === undefined
      ? toColumns(table?.StorageDescriptor?.Columns)
      : fields.map((field) => ({
          name: field.Name!,
          type: hiveType(field.Type, field.Name!),
          required: field.Required === true,
          ...(field.Doc === undefined ? {} : { comment: field.Doc }),
        }));
  const location = create?.Location ?? table?.StorageDescriptor?.Location;
  const properties = create?.Properties ?? table?.Parameters;
  return {
    database: input.DatabaseName!,
    name: input.Name ?? table?.Name ?? '',
    columns,
    ...(create?.PartitionSpec?.Fields === undefined
      ? {}
      : {
          partition: create.PartitionSpec.Fields.map((part) => {
            const source = fields?.find((field) => field.Id === part.SourceId);
            if (source === undefined) {
              throw new LochError(
                'invalid_argument',
                `Partition field \`${part.Name}\` has the source ${part.SourceId}, which is no field of the schema.`,
              );
            }
            return { column: source.Name!, transform: part.Transform! };
          }),
        }),
    ...(location === undefined ? {} : { location }),
    ...(table?.Description === undefined ? {} : { description: table.Description }),
    ...(properties === undefined ? {} : { properties }),
  };
}
