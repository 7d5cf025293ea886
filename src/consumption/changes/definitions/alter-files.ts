/** ALTER TABLE of tables over files: their definition changes, their files stay. */
import { isLochError, LochError } from '../../../core/errors.ts';
import type { CatalogColumn, TableInput, TableRecord } from '../../../catalog/contract.ts';
import type { TableName } from '../../../governance/contract.ts';
import { type ChangeDeps, type ChangeRun, fullName } from '../deps.ts';
import { hivePath } from '../hive-files.ts';
import type { ColumnSpec, PartitionRef, TableAlteration } from '../statements.ts';
import { doesNotApply } from './does-not-apply.ts';

/** **Errors**: `column_not_found`, `already_exists`, `invalid_argument`, `unsupported`; those of the catalog. */
export async function alterFiles(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  record: TableRecord,
  change: TableAlteration,
): Promise<void> {
  const update = (part: Partial<TableInput>) =>
    deps.catalog.updateTable(
      run.context,
      name.database,
      { ...inputOf(record), ...part },
      { expectedVersion: record.version },
    );
  switch (change.action) {
    case 'add_columns':
      assertNew(name, [...record.columns, ...record.partitionKeys], change.columns);
      await update({ columns: [...record.columns, ...change.columns.map(catalogColumn)] });
      return;
    case 'replace_columns':
      assertNew(name, record.partitionKeys, change.columns);
      await update({ columns: change.columns.map(catalogColumn) });
      return;
    case 'change_column':
      await update({ columns: changedColumns(name, record, change) });
      return;
    case 'set_properties':
      await update({ parameters: { ...record.parameters, ...change.properties } });
      return;
    case 'unset_properties': {
      const gone = new Set(change.names);
      await update({
        parameters: Object.fromEntries(Object.entries(record.parameters).filter(([key]) => !gone.has(key))),
      });
      return;
    }
    case 'set_location':
      assertPlace(change.location);
      if (change.partition === undefined) await update({ storage: { ...record.storage, location: change.location } });
      else await movePartition(deps, run, name, valuesOf(record, change.partition), change.location);
      return;
    case 'add_partitions':
      await addPartitions(deps, run, name, record, change);
      return;
    case 'drop_partitions':
      for (const partition of change.partitions) {
        try {
          await deps.catalog.deletePartition(run.context, name, valuesOf(record, partition));
        } catch (error) {
          if (!change.ifExists || !isLochError(error, 'partition_not_found')) throw error;
        }
      }
      return;
    case 'rename_partition': {
      const values = valuesOf(record, change.from);
      const { createdAt: _, ...known } = await deps.catalog.getPartition(run.context, name, values);
      await deps.catalog.updatePartition(run.context, name, values, { ...known, values: valuesOf(record, change.to) });
      return;
    }
    case 'drop_column':
    case 'rename_column':
    case 'alter_type':
      throw doesNotApply(
        change,
        name,
        'a table over files',
        'Write REPLACE COLUMNS with those that stay, or CHANGE COLUMN.',
      );
    default:
      throw doesNotApply(change, name, 'a table over files', 'It is of Iceberg tables.');
  }
}

const catalogColumn = ({ name, type, comment }: ColumnSpec): CatalogColumn => ({
  name,
  type,
  ...(comment === undefined ? {} : { comment }),
});

/** A record as the input that would make it again. */
function inputOf(record: TableRecord): TableInput {
  const { name, columns, partitionKeys, storage, parameters, tableType, description, owner, foreign } = record;
  return {
    name,
    columns,
    partitionKeys,
    storage,
    parameters,
    tableType,
    ...(description === undefined ? {} : { description }),
    ...(owner === undefined ? {} : { owner }),
    ...(foreign === undefined ? {} : { foreign }),
  };
}

function assertNew(name: TableName, known: readonly CatalogColumn[], added: readonly ColumnSpec[]): void {
  const twice = added.find(
    (column, i) =>
      known.some((one) => one.name === column.name) || added.findIndex((one) => one.name === column.name) !== i,
  );
  if (twice === undefined) return;
  throw new LochError('already_exists', `Column \`${twice.name}\` exists already in \`${fullName(name)}\`.`, {
    context: { name: twice.name },
  });
}

function changedColumns(
  name: TableName,
  record: TableRecord,
  { from, column, place }: Extract<TableAlteration, { action: 'change_column' }>,
): readonly CatalogColumn[] {
  const known = record.columns.find((one) => one.name === from);
  if (known === undefined) {
    throw new LochError(
      'column_not_found',
      `Column \`${from}\` does not exist in \`${fullName(name)}\`. It has: ${record.columns.map((one) => one.name).join(', ')}.`,
      {
        context: { name: from },
      },
    );
  }
  const others = record.columns.filter((one) => one !== known);
  assertNew(name, [...others, ...record.partitionKeys], [column]);
  const after = { ...known, ...catalogColumn(column) };
  if (place === undefined) return record.columns.map((one) => (one === known ? after : one));
  if ('first' in place) return [after, ...others];
  const at = others.findIndex((one) => one.name === place.after);
  if (at < 0)
    throw new LochError('column_not_found', `Column \`${place.after}\` does not exist in \`${fullName(name)}\`.`, {
      context: { name: place.after },
    });
  return [...others.slice(0, at + 1), after, ...others.slice(at + 1)];
}

/** Values in the order of the keys. **Errors**: `invalid_argument` naming the keys. */
function valuesOf(record: TableRecord, partition: PartitionRef): string[] {
  const keys = record.partitionKeys.map((key) => key.name);
  const given = Object.keys(partition.values);
  if (keys.length > 0 && given.length === keys.length && keys.every((key) => partition.values[key] !== undefined)) {
    return keys.map((key) => partition.values[key]!);
  }
  throw new LochError(
    'invalid_argument',
    `A partition of \`${record.database}.${record.name}\` is told by ${keys.length === 0 ? 'no key: the table is not partitioned' : keys.join(', ')}; given: ${given.join(', ')}.`,
    { context: { keys } },
  );
}

function assertPlace(location: string): void {
  if (/^s3:\/\//.test(location)) return;
  throw new LochError('invalid_argument', `LOCATION \`${location}\` is not taken: write s3://bucket/folder/.`, {
    context: { location },
  });
}

async function movePartition(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  values: readonly string[],
  location: string,
) {
  const { createdAt: _, ...known } = await deps.catalog.getPartition(run.context, name, values);
  await deps.catalog.updatePartition(run.context, name, values, { ...known, location });
}

async function addPartitions(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  record: TableRecord,
  change: Extract<TableAlteration, { action: 'add_partitions' }>,
): Promise<void> {
  const root = record.storage.location.replace(/\/+$/, '');
  const partitions = change.partitions.map((partition) => {
    const values = valuesOf(record, partition);
    if (partition.location !== undefined) assertPlace(partition.location);
    const folders = record.partitionKeys.map((key, i) => `${key.name}=${hivePath(values[i]!)}`);
    return { values, location: partition.location ?? `${[root, ...folders].join('/')}/`, parameters: {} };
  });
  await deps.catalog.createPartitions(run.context, name, partitions, { ifNotExists: change.ifNotExists });
}
