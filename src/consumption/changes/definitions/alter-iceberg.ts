/** ALTER TABLE of Iceberg tables: every change is one commit of metadata; no data file is touched. */
import { LochError } from '../../../core/errors.ts';
import type { ResolvedTable } from '../../../catalog/contract.ts';
import type { TableName } from '../../../governance/contract.ts';
import type {
  IcebergField,
  IcebergSchema,
  PartitionField,
  TableMetadata,
  TableRequirement,
  TableUpdate,
} from '../../../storage/contract.ts';
import { fieldNamed } from '../changed-table-text.ts';
import { type ChangeDeps, type ChangeRun, fullName } from '../deps.ts';
import { schemaOf } from '../../queries/secure/iceberg-source.ts';
import type { ColumnSpec, PartitionTransform, TableAlteration } from '../statements.ts';
import { tableProperties } from '../table-properties.ts';
import { doesNotApply } from './does-not-apply.ts';

type Table = ResolvedTable & { readonly metadata: TableMetadata };

/** **Errors**: `type_mismatch` for a type that would lose values; `invalid_argument`, `column_not_found`; those of a commit. */
export async function alterIceberg(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  table: Table,
  change: TableAlteration,
): Promise<void> {
  const { metadata } = table;
  const commit = (requirements: readonly TableRequirement[], updates: readonly TableUpdate[]) =>
    deps.catalog.commitUpdates(run.context, name, { requirements, updates });
  const sameSchema = { type: 'assert-current-schema-id', 'current-schema-id': metadata['current-schema-id'] };
  const schema = schemaOf(metadata, undefined);
  const reshape = (fields: readonly IcebergField[]) =>
    commit(
      [sameSchema],
      [
        { action: 'add-schema', schema: { ...schema, 'schema-id': nextSchemaId(metadata), fields } },
        { action: 'set-current-schema', 'schema-id': -1 },
      ],
    );
  switch (change.action) {
    case 'add_columns': {
      const twice = change.columns.find((column) =>
        schema.fields.some((field) => field.name.toLowerCase() === column.name),
      );
      if (twice !== undefined) {
        throw new LochError('already_exists', `Column \`${twice.name}\` exists already in \`${fullName(name)}\`.`, {
          context: { name: twice.name },
        });
      }
      await deps.catalog.evolveSchema(run.context, name, [...deps.tables.columnsFromSchema(schema), ...change.columns]);
      return;
    }
    case 'replace_columns':
      await deps.catalog.evolveSchema(run.context, name, change.columns);
      return;
    case 'drop_column': {
      const gone = new Set(change.columns.map((column) => fieldNamed(schema.fields, column, name).id));
      const kept = schema.fields.filter((field) => !gone.has(field.id));
      if (kept.length === 0)
        throw new LochError('invalid_argument', `\`${fullName(name)}\` would have no column left.`);
      await deps.catalog.evolveSchema(run.context, name, deps.tables.columnsFromSchema({ ...schema, fields: kept }));
      return;
    }
    case 'rename_column':
      await reshape(renamed(schema, fieldNamed(schema.fields, change.from, name), change.to, name));
      return;
    case 'change_column':
      await reshape(changed(deps, schema, change, name));
      return;
    case 'alter_type': {
      const field = fieldNamed(schema.fields, change.column, name);
      await reshape(withField(schema, { ...field, type: typeOf(deps, field, change.type) }));
      return;
    }
    case 'drop_not_null':
      await reshape(withField(schema, { ...fieldNamed(schema.fields, change.column, name), required: false }));
      return;
    case 'set_properties':
      await commit([], [{ action: 'set-properties', updates: settable(metadata, change.properties) }]);
      return;
    case 'unset_properties': {
      const missing = change.names.find((one) => metadata.properties[one] === undefined);
      if (missing !== undefined && !change.ifExists) {
        throw new LochError(
          'invalid_argument',
          `\`${fullName(name)}\` has no property \`${missing}\`. It has: ${Object.keys(metadata.properties).sort().join(', ') || 'none'}.`,
          {
            context: { property: missing },
          },
        );
      }
      await commit([], [{ action: 'remove-properties', removals: change.names }]);
      return;
    }
    case 'add_partition_field':
    case 'drop_partition_field':
    case 'replace_partition_field':
      await commit(
        [sameSchema, { type: 'assert-default-spec-id', 'default-spec-id': metadata['default-spec-id'] }],
        [
          { action: 'add-spec', spec: { 'spec-id': -1, fields: specAfter(deps, metadata, schema, change) } },
          { action: 'set-default-spec', 'spec-id': -1 },
        ],
      );
      return;
    case 'write_order':
      await commit([sameSchema], orderUpdates(deps, metadata, schema, change, name));
      return;
    case 'reference':
      return changeReference(deps, run, name, metadata, change);
    case 'fast_forward':
      await deps.catalog.changeReferences(run.context, name, {
        kind: 'fast_forward',
        name: change.name,
        to: change.to,
      });
      return;
    case 'cherry_pick':
      await deps.catalog.cherryPick(run.context, name, change.snapshotId);
      return;
    case 'add_partitions':
    case 'drop_partitions':
    case 'rename_partition':
      throw doesNotApply(
        change,
        name,
        'an Iceberg table: its partitions come of its rows',
        'Write or DELETE rows; ADD PARTITION FIELD changes how they are split.',
      );
    case 'set_location':
      throw doesNotApply(change, name, 'an Iceberg table', 'Create a table at the new place and copy the rows.');
    case 'rename':
      return;
  }
}

const nextSchemaId = (metadata: TableMetadata) =>
  Math.max(...metadata.schemas.map((schema) => schema['schema-id'])) + 1;

const withField = (schema: IcebergSchema, field: IcebergField) =>
  schema.fields.map((known) => (known.id === field.id ? field : known));

function renamed(schema: IcebergSchema, field: IcebergField, to: string, name: TableName): readonly IcebergField[] {
  if (schema.fields.some((other) => other.id !== field.id && other.name.toLowerCase() === to)) {
    throw new LochError('already_exists', `Column \`${to}\` exists already in \`${fullName(name)}\`.`, {
      context: { name: to },
    });
  }
  return withField(schema, { ...field, name: to });
}

function changed(
  deps: ChangeDeps,
  schema: IcebergSchema,
  change: Extract<TableAlteration, { action: 'change_column' }>,
  name: TableName,
): readonly IcebergField[] {
  const field = fieldNamed(schema.fields, change.from, name);
  const { column, place } = change;
  const fields = renamed(schema, field, column.name, name);
  const after: IcebergField = {
    ...fields.find((one) => one.id === field.id)!,
    type: typeOf(deps, field, column.type),
    ...(column.comment === undefined ? {} : { doc: column.comment }),
  };
  const others = fields.filter((one) => one.id !== field.id);
  if (place === undefined) return fields.map((one) => (one.id === field.id ? after : one));
  if ('first' in place) return [after, ...others];
  const at = others.indexOf(fieldNamed(others, place.after, name));
  return [...others.slice(0, at + 1), after, ...others.slice(at + 1)];
}

/** The type a column gets. Nested ones stay as they are. **Errors**: `type_mismatch`, `unsupported`. */
function typeOf(deps: ChangeDeps, field: IcebergField, text: string): IcebergField['type'] {
  const column: ColumnSpec = { name: field.name, type: text };
  const wanted = deps.tables.schemaFromColumns([column]).fields[0]!.type;
  const [known] = deps.tables.columnsFromSchema({ type: 'struct', 'schema-id': 0, fields: [field] });
  if (typeof wanted === 'string' && typeof field.type === 'string') return wanted;
  const [asked] = deps.tables.columnsFromSchema(deps.tables.schemaFromColumns([column]));
  if (known!.type === asked!.type) return field.type;
  throw new LochError(
    'type_mismatch',
    `Column \`${field.name}\` (${known!.type}) cannot be changed to ${asked!.type}. Add a new column.`,
    {
      context: { column: field.name },
    },
  );
}

function settable(metadata: TableMetadata, given: Readonly<Record<string, string>>): Record<string, string> {
  const { 'format-version': version, ...rest } = tableProperties(given);
  if (version !== undefined && Number(version) !== metadata['format-version']) {
    throw new LochError(
      'unsupported',
      `The table is of format version ${metadata['format-version']}; changing it to ${version} is not supported.`,
      {
        context: { property: 'format-version' },
      },
    );
  }
  return rest;
}

function specAfter(
  deps: ChangeDeps,
  metadata: TableMetadata,
  schema: IcebergSchema,
  change: Extract<
    TableAlteration,
    { action: 'add_partition_field' | 'drop_partition_field' | 'replace_partition_field' }
  >,
): readonly PartitionField[] {
  const current = metadata['partition-specs'].find((spec) => spec['spec-id'] === metadata['default-spec-id'])!.fields;
  const ids = deps.tables.fieldIds(schema);
  const sourceOf = (column: string) => {
    const id = ids[column] ?? Object.entries(ids).find(([path]) => path.toLowerCase() === column)?.[1];
    if (id !== undefined) return id;
    throw new LochError('column_not_found', `Column \`${column}\` does not exist.`, { context: { name: column } });
  };
  const without = (field: PartitionTransform) => {
    const named = current.find((one) => one.name.toLowerCase() === field.column && field.transform === 'identity');
    const gone =
      named ?? current.find((one) => one['source-id'] === sourceOf(field.column) && one.transform === field.transform);
    if (gone === undefined) {
      throw new LochError(
        'invalid_argument',
        `The table has no such partition field. It has: ${current.map((one) => `${one.name} (${one.transform})`).join(', ') || 'none'}.`,
      );
    }
    return current.filter((one) => one !== gone);
  };
  const added = (
    fields: readonly PartitionField[],
    { column, transform, name }: PartitionTransform,
  ): PartitionField[] => {
    const source = sourceOf(column);
    if (fields.some((one) => one['source-id'] === source && one.transform === transform)) {
      throw new LochError('already_exists', `The table is partitioned by ${transform} of \`${column}\` already.`);
    }
    const earlier = metadata['partition-specs']
      .flatMap((spec) => spec.fields)
      .find((one) => one['source-id'] === source && one.transform === transform);
    const field = {
      'source-id': source,
      'field-id': earlier?.['field-id'] ?? metadata['last-partition-id'] + 1,
      name: name ?? earlier?.name ?? `${column}${suffix(transform)}`,
      transform,
    };
    return [...fields, field];
  };
  switch (change.action) {
    case 'add_partition_field':
      return added(current, change.field);
    case 'drop_partition_field':
      return without(change.field);
    case 'replace_partition_field':
      return added(without(change.from), change.to);
  }
}

/** As other writers name fields of a transform. */
const suffix = (transform: string): string =>
  transform === 'identity' ? '' : `_${transform.replace(/\[.*$/, '').replace('truncate', 'trunc')}`;

function orderUpdates(
  deps: ChangeDeps,
  metadata: TableMetadata,
  schema: IcebergSchema,
  change: Extract<TableAlteration, { action: 'write_order' }>,
  name: TableName,
): readonly TableUpdate[] {
  if (change.keys.length === 0) return [{ action: 'set-default-sort-order', 'sort-order-id': 0 }];
  const ids = deps.tables.fieldIds(schema);
  const fields = change.keys.map((key) => {
    const id = ids[key.column] ?? fieldNamed(schema.fields, key.column, name).id;
    return { 'source-id': id, transform: key.transform, direction: key.direction, 'null-order': `nulls-${key.nulls}` };
  });
  const next = Math.max(0, ...metadata['sort-orders'].map((order) => order['order-id'])) + 1;
  return [
    { action: 'add-sort-order', 'sort-order': { 'order-id': next, fields } },
    { action: 'set-default-sort-order', 'sort-order-id': -1 },
  ];
}

async function changeReference(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  metadata: TableMetadata,
  change: Extract<TableAlteration, { action: 'reference' }>,
): Promise<void> {
  const known = metadata.refs[change.name];
  if (change.verb === 'drop') {
    if (known === undefined && change.lenient) return;
    await deps.catalog.changeReferences(run.context, name, { kind: 'drop', name: change.name });
    return;
  }
  if (change.verb === 'create' && change.lenient && known !== undefined) return;
  if (change.verb === 'replace' && known === undefined) {
    throw new LochError(
      'not_found',
      `No ${change.type} \`${change.name}\`. Known: ${Object.keys(metadata.refs).join(', ') || 'none'}.`,
      {
        context: { ref: change.name },
      },
    );
  }
  const { snapshotId, maxRefAgeMs, maxSnapshotAgeMs, minSnapshotsToKeep } = change;
  await deps.catalog.changeReferences(run.context, name, {
    kind: change.type,
    name: change.name,
    ...(change.verb === 'create' ? {} : { replace: true }),
    ...(snapshotId === undefined ? {} : { snapshotId }),
    ...(maxRefAgeMs === undefined ? {} : { maxRefAgeMs }),
    ...(maxSnapshotAgeMs === undefined ? {} : { maxSnapshotAgeMs }),
    ...(minSnapshotsToKeep === undefined ? {} : { minSnapshotsToKeep }),
  });
}
