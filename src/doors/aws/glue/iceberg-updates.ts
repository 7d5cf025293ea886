import type {
  IcebergPartitionSpec,
  IcebergSchema,
  IcebergSortOrder,
  IcebergTableUpdate,
  UpdateTableRequest,
} from '@aws-sdk/client-glue';
import type { ResolvedTable, TableUpdates } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';

type Update = TableUpdates['updates'][number];

/** Glue's members are Iceberg's, with capital letters. Types are in Iceberg's own JSON. */
const schemaOf = (given: IcebergSchema) => ({
  type: 'struct',
  'schema-id': given.SchemaId ?? 0,
  ...(given.IdentifierFieldIds === undefined ? {} : { 'identifier-field-ids': given.IdentifierFieldIds }),
  fields: (given.Fields ?? []).map((field) => ({
    id: field.Id!,
    name: field.Name!,
    type: field.Type,
    required: field.Required === true,
    ...(field.Doc === undefined ? {} : { doc: field.Doc }),
  })),
});

const specOf = (given: IcebergPartitionSpec) => ({
  'spec-id': given.SpecId ?? 0,
  fields: (given.Fields ?? []).map((field) => ({
    'source-id': field.SourceId!,
    name: field.Name!,
    transform: field.Transform!,
    ...(field.FieldId === undefined ? {} : { 'field-id': field.FieldId }),
  })),
});

const orderOf = (given: IcebergSortOrder) => ({
  'order-id': given.OrderId!,
  fields: (given.Fields ?? []).map((field) => ({
    'source-id': field.SourceId!,
    transform: field.Transform!,
    direction: field.Direction!,
    'null-order': field.NullOrder!,
  })),
});

function need<T>(value: T | undefined, member: string, action: string): T {
  if (value !== undefined) return value;
  throw new LochError('missing_argument', `The update \`${action}\` needs \`${member}\`.`);
}

/** What one update does; without an action it is all that it carries and the table has not. */
function updatesOf(given: IcebergTableUpdate, table: ResolvedTable): readonly Update[] {
  const { Action: action, Properties = {} } = given;
  switch (action) {
    case 'add-schema':
      return [{ action, schema: schemaOf(need(given.Schema, 'Schema', action)) }];
    case 'set-current-schema':
      return [{ action, 'schema-id': given.Schema?.SchemaId ?? -1 }];
    case 'add-spec':
      return [{ action, spec: specOf(need(given.PartitionSpec, 'PartitionSpec', action)) }];
    case 'set-default-spec':
      return [{ action, 'spec-id': given.PartitionSpec?.SpecId ?? -1 }];
    case 'add-sort-order':
      return [{ action, 'sort-order': orderOf(need(given.SortOrder, 'SortOrder', action)) }];
    case 'set-default-sort-order':
      return [{ action, 'sort-order-id': given.SortOrder?.OrderId ?? -1 }];
    case 'set-location':
      return [{ action, location: need(given.Location, 'Location', action) }];
    case 'set-properties':
      return [{ action, updates: Properties }];
    case 'remove-properties':
      return [{ action, removals: Object.keys(Properties) }];
    case undefined:
      return wholeUpdate(given, table);
    default:
      throw new LochError(
        'unsupported',
        `The update \`${action}\` is not supported. Known: add-schema, set-current-schema, add-spec, set-default-spec, add-sort-order, set-default-sort-order, set-location, set-properties, remove-properties.`,
      );
  }
}

function wholeUpdate(given: IcebergTableUpdate, { metadata }: ResolvedTable): readonly Update[] {
  const updates: Update[] = [];
  if (given.Schema !== undefined) {
    const schema = schemaOf(given.Schema);
    const now = metadata!.schemas.find((one) => one['schema-id'] === metadata!['current-schema-id']);
    if (JSON.stringify(now?.fields) !== JSON.stringify(schema.fields)) {
      updates.push({ action: 'add-schema', schema }, { action: 'set-current-schema', 'schema-id': -1 });
    }
  }
  if (given.PartitionSpec !== undefined) {
    updates.push(
      { action: 'add-spec', spec: specOf(given.PartitionSpec) },
      { action: 'set-default-spec', 'spec-id': -1 },
    );
  }
  if (given.SortOrder !== undefined) {
    updates.push(
      { action: 'add-sort-order', 'sort-order': orderOf(given.SortOrder) },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    );
  }
  if (given.Location !== undefined && given.Location.replace(/\/+$/, '') !== metadata!.location.replace(/\/+$/, '')) {
    updates.push({ action: 'set-location', location: given.Location });
  }
  if (Object.keys(given.Properties ?? {}).length > 0) {
    updates.push({ action: 'set-properties', updates: given.Properties });
  }
  return updates;
}

/** The commit that an UpdateTable with `UpdateOpenTableFormatInput` asks for. **Errors**: `missing_argument`, `unsupported`. */
export function icebergUpdatesOf(input: UpdateTableRequest, table: ResolvedTable): TableUpdates {
  const list = input.UpdateOpenTableFormatInput?.UpdateIcebergInput?.UpdateIcebergTableInput?.Updates;
  if (list === undefined || list.length === 0) {
    throw new LochError('missing_argument', '`UpdateOpenTableFormatInput` holds no `Updates` of an Iceberg table.');
  }
  return {
    requirements: [{ type: 'assert-table-uuid', uuid: table.metadata!['table-uuid'] }],
    updates: list.flatMap((one) => updatesOf(one, table)),
  };
}
