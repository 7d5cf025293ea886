/** What the use-cases of partitions share: who may see them, and their table's record. */
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { TableName, TableShape } from '../../governance/contract.ts';
import type { TableRecord } from '../contract.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import { authorizeGlue, readTable, requireTable } from './access.ts';
import type { NewPartition } from './partition-procedures.ts';
import type { CatalogParts } from './parts.ts';
import { isOutside } from './rows.ts';
import { authorizeLocation } from './authorize-location.ts';

/** The keys of a partition table, in order. **Errors**: `invalid_argument` when it has none. */
export function checkValues(table: TableRecord, values: readonly string[]): void {
  const keys = table.partitionKeys.map((key) => key.name);
  const wrong = values.find((value) => typeof value !== 'string' || value.length > 1024 || value.includes('\u0000'));
  if (values.length === keys.length && keys.length > 0 && wrong === undefined) return;
  throw new LochError(
    'invalid_argument',
    keys.length === 0
      ? `Table \`${table.database}.${table.name}\` has no partition keys. Create it with some to add partitions.`
      : `A partition of \`${table.database}.${table.name}\` has one text of up to 1,024 characters for each of its keys (${keys.join(', ')}); ${values.length} were given.`,
    { context: { table: table.name, keys } },
  );
}

function refuseIceberg(table: TableRecord): void {
  if (table.format !== 'iceberg') return;
  throw new LochError(
    'invalid_argument',
    `Table \`${table.database}.${table.name}\` is Iceberg: its partitions are in its metadata, not in the catalog. Write rows to it instead.`,
    { context: { table: table.name } },
  );
}

/** The table whose partitions the caller may change. */
export async function tableToChange(
  parts: CatalogParts,
  context: RequestContext,
  name: TableName,
  action: string,
): Promise<TableRecord> {
  await authorizeGlue(parts, context, action, name);
  await requireTable(parts, context, name, 'ALTER');
  const table = await readTable(parts, context, name);
  refuseIceberg(table);
  return table;
}

/** A partition may lie in its table's own folder, and wherever else its maker may make tables. */
export async function authorizePartitionLocations(
  parts: CatalogParts,
  context: RequestContext,
  table: TableRecord,
  partitions: readonly NewPartition[],
): Promise<void> {
  const own = { database: table.database, table: table.name };
  const locations = new Set(partitions.map((partition) => partition.location));
  for (const location of locations) {
    if (isOwnFolder(parts, table, location)) continue;
    await authorizeLocation(parts, context, location, own);
  }
}

/** Whether the place is under the table's location and no other table's. */
function isOwnFolder(parts: CatalogParts, table: TableRecord, location: string): boolean {
  if (!/^s3[an]?:/.test(location) || isOutside(location, table.storage.location)) return false;
  const { bucket, key } = parseS3Uri(location);
  const owner = parts.names.tableAt(bucket, key);
  return owner?.database === table.database && owner.table === table.name;
}

/** Whether every row's partition values are the caller's to see. */
function showsValues(shape: TableShape, table: TableRecord): boolean {
  if (shape.kind === 'full') return true;
  const open = shape.grants.filter((grant) => grant.rows.op === 'all');
  return table.partitionKeys.every((key) =>
    open.some((grant) => grant.columns.includes(key.name) && grant.masks[key.name] === undefined),
  );
}

/**
 * The table whose partitions the caller may read: partition values are values of rows, so SELECT on the keys without
 * a row filter or mask shows them, or ALTER does (who keeps the partitions knows them).
 */
export async function tableToRead(
  parts: CatalogParts,
  context: RequestContext,
  name: TableName,
  action: string,
): Promise<TableRecord> {
  await authorizeGlue(parts, context, action, name);
  await requireTable(parts, context, name, 'DESCRIBE');
  const table = await readTable(parts, context, name);
  try {
    const shape = await parts.policy.tableShape(context, name, [...table.columns, ...table.partitionKeys]);
    if (showsValues(shape, table)) return table;
  } catch (error) {
    if (!isLochError(error, 'table_not_found', 'access_denied')) throw error;
  }
  await parts.policy.authorizeTable(context, name, 'ALTER');
  return table;
}
