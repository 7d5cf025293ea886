import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { TableName, TableShape } from '../../governance/contract.ts';
import type { Catalog, TableRecord } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import { type CatalogParts, fold } from '../databases/parts.ts';

/**
 * An Iceberg table for an engine that reads its files by itself. Files cannot be filtered, so a caller with a row filter,
 * a mask or a hidden column gets nothing here; SQL gives him what he may see.
 */
export const openForEngine =
  (parts: CatalogParts): Catalog['openForEngine'] =>
  async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const record = await readTable(parts, context, name);
    if (record.metadataLocation === undefined) {
      throw new LochError(
        'table_not_found',
        `\`${name.database}.${name.table}\` is a ${record.format} table, not an Iceberg table. Query it by SQL.`,
        { context: { database: name.database, table: name.table, format: record.format } },
      );
    }
    await requireClearSight(parts, context, name, record);
    return { record, metadata: await parts.tables.readMetadata(record.metadataLocation) };
  };

/** **Errors**: `access_denied` when the caller sees less than the whole table, or only masked. */
export async function requireClearSight(
  parts: CatalogParts,
  context: RequestContext,
  name: TableName,
  record: TableRecord,
): Promise<void> {
  const shape = await shapeOf(parts, context, name, record);
  if (shape?.kind === 'full') return;
  const columns = record.columns.map((column) => column.name);
  const visible = await parts.policy.visibleTables(context);
  // Who may not select at all (a writer) may know the columns, if he sees every one; files are refused by their own door.
  const hidden = visible.columns(name, columns).length < columns.length;
  if (shape === undefined && !hidden) return;
  throw new LochError(
    'access_denied',
    `\`${name.database}.${name.table}\` is filtered for you, and its files cannot be. Query it by SQL: Athena API or console.`,
    { context: { database: name.database, table: name.table, filtered: true } },
  );
}

async function shapeOf(
  parts: CatalogParts,
  context: RequestContext,
  name: TableName,
  record: TableRecord,
): Promise<TableShape | undefined> {
  try {
    return await parts.policy.tableShape(context, name, record.columns);
  } catch (error) {
    if (isLochError(error, 'table_not_found', 'access_denied')) return undefined;
    throw error;
  }
}
