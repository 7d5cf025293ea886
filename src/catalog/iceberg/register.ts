/** Tables that come from another catalog, go to one, or go away with their files. */
import { isLochError, LochError } from '../../core/errors.ts';
import { storeCall } from '../../metadata/contract.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import type { Catalog, ResolvedTable, TableRecord } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import { authorizeLocation } from '../databases/authorize-location.ts';
import { createTable } from '../databases/create-table.ts';
import { dropTable } from '../databases/delete-table.ts';
import { fold } from '../databases/parts.ts';
import { folderOf } from '../databases/rows.ts';
import databaseStore from '../databases/store.ts';
import { definitionOf, inputOf } from '../databases/table-definition.ts';
import type { IcebergParts } from './commit.ts';
import { maintainedTable } from './maintenance.ts';
import { openForEngine } from './open-for-engine.ts';
import { assertFilesInside, isInside } from './table-place.ts';

/** Registers the table a metadata file describes; with `overwrite` in the place of the one that has the name. */
export const registerIceberg = (parts: IcebergParts): Catalog['registerIcebergTable'] => {
  const create = createTable(parts);
  return async (context, given, metadataLocation, { overwrite }) => {
    const name = fold(given);
    if (overwrite && parts.names.tableId(name) !== undefined) {
      return parts.queue.run(`${name.database}.${name.table}`, () =>
        overwriteTable(parts, context, name, metadataLocation),
      );
    }
    const record = await create(context, name.database, {
      name: name.table,
      columns: [],
      parameters: { table_type: 'ICEBERG', metadata_location: metadataLocation },
    });
    return { record, metadata: await parts.tables.readMetadata(record.metadataLocation!) };
  };
};

/** Another history takes the place of the table's own: that takes rows away and brings others, under other columns. */
async function overwriteTable(
  parts: IcebergParts,
  context: Parameters<Catalog['openForEngine']>[0],
  name: Parameters<Catalog['openForEngine']>[1],
  metadataLocation: string,
): Promise<ResolvedTable> {
  const before = await maintainedTable(parts, context, name, ['ALTER', 'INSERT', 'DELETE']);
  const claimed = metadataLocation.replace(/\/metadata\/[^/]*$/, '');
  // As at creation: the place is authorized as it is claimed before the file is read.
  await authorizeLocation(parts, context, claimed, name);
  const metadata = await parts.tables.readMetadata(metadataLocation);
  const elsewhere = folderOf(metadata.location) !== folderOf(claimed);
  if (elsewhere || !isInside(metadata.location, metadataLocation)) {
    throw new LochError(
      'invalid_argument',
      `Metadata file \`${metadataLocation}\` is of a table at \`${metadata.location}\`; it must lie under that location.`,
      { context: { metadataLocation, location: metadata.location } },
    );
  }
  await assertFilesInside(parts, undefined, metadata);
  const record = await replaceRecord(parts, context, before.record, metadata, metadataLocation);
  return { record, metadata };
}

async function replaceRecord(
  parts: IcebergParts,
  context: Parameters<Catalog['openForEngine']>[0],
  before: TableRecord,
  metadata: TableMetadata,
  metadataLocation: string,
): Promise<TableRecord> {
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === metadata['current-schema-id'])!;
  const columns = parts.tables
    .columnsFromSchema(schema)
    .map((column) => ({ ...column, name: column.name.toLowerCase() }));
  const input = { ...inputOf(before), columns, storage: { ...before.storage, location: metadata.location } };
  const results = await parts.store.transact([
    storeCall(databaseStore.procedures.replaceIceberg, {
      database: before.database,
      name: before.name,
      definition: definitionOf(input),
      expectedLocation: before.metadataLocation!,
      newLocation: metadataLocation,
      at: parts.clock.now(),
      by: context.principal.arn,
      door: context.door,
    }),
    ...(context.alongside ?? []),
  ]);
  return results[0] as TableRecord;
}

/** Takes a table out of the catalog, not into the bin: another catalog may go on with it. */
export const unregisterIceberg = (parts: IcebergParts): Catalog['unregisterIcebergTable'] => {
  const open = openForEngine(parts);
  return async (context, given) => {
    const name = fold(given);
    const table = await open(context, name);
    await authorizeGlue(parts, context, 'DeleteTable', name);
    await requireTable(parts, context, name, 'DROP');
    await dropTable(parts, context, name, 0);
    return table;
  };
};

/** Drops a table, then removes its files. A crash in between leaves orphans, never a table that lacks a file. */
export const purgeIceberg =
  (parts: IcebergParts): Catalog['purgeIcebergTable'] =>
  async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'DeleteTable', name);
    for (const permission of ['DROP', 'DELETE'] as const) await requireTable(parts, context, name, permission);
    const record = await readTable(parts, context, name);
    if (record.metadataLocation === undefined) {
      throw new LochError(
        'unsupported',
        `\`${name.database}.${name.table}\` is a ${record.format} table; only Iceberg tables are purged.`,
      );
    }
    const files = await filesOf(parts, record);
    await dropTable(parts, context, name, 0);
    await parts.tables.removeFiles(files);
  };

async function filesOf(parts: IcebergParts, record: TableRecord): Promise<readonly string[]> {
  const location = record.metadataLocation!;
  const metadata = await parts.tables.readMetadata(location);
  if (metadata.properties['gc.enabled'] === 'false') {
    throw new LochError(
      'unsupported',
      `\`${record.database}.${record.name}\` keeps its files: its property gc.enabled is false. Drop it without purge.`,
      { context: { table: `${record.database}.${record.name}` } },
    );
  }
  try {
    const { metadata: own, data } = await parts.tables.reachableFiles(metadata, location);
    return [...own, ...data].filter((file) => isInside(metadata.location, file));
  } catch (error) {
    // A table whose manifests cannot be read is dropped all the same; what it leaves are orphans.
    if (!isLochError(error, 'data_corrupt', 'unsupported')) throw error;
    return [location];
  }
}
