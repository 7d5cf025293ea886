import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { TableInput, TableRecord } from '../contract.ts';
import { assertFilesInside, assertPlace } from '../iceberg/table-place.ts';
import { readTable } from './access.ts';
import type { CatalogParts } from './parts.ts';
import { folderOf } from './rows.ts';
import databaseStore from './store.ts';
import { definitionOf } from './table-definition.ts';

/**
 * A commit that another Iceberg writer made and now publishes through UpdateTable, as Iceberg's GlueCatalog does.
 * **Errors**: `commit_conflict` when its base is not the current file; `invalid_argument` when the new file is not of
 * this table.
 */
export async function swapForeignPointer(
  parts: CatalogParts,
  context: RequestContext,
  before: TableRecord,
  input: TableInput,
  options: { readonly expectedVersion?: number },
): Promise<TableRecord> {
  const name = { database: before.database, table: before.name };
  const newLocation = input.parameters!.metadata_location!;
  const base = input.parameters?.previous_metadata_location ?? before.metadataLocation!;
  const refuse = (problem: string) =>
    new LochError('invalid_argument', `Metadata file \`${newLocation}\` cannot be taken: ${problem}.`, {
      context: { table: `${name.database}.${name.table}`, metadataLocation: newLocation },
    });
  if (!newLocation.startsWith(`${folderOf(before.storage.location)}/`)) {
    throw refuse(`it is not under the table's location \`${before.storage.location}\``);
  }
  if (base === before.metadataLocation) await parts.policy.authorizeTable(context, name, 'INSERT');
  const current = await parts.tables.readMetadata(before.metadataLocation!);
  const next = await parts.tables.readMetadata(newLocation);
  if (next['table-uuid'] !== current['table-uuid']) {
    throw refuse(`it is of another table (${next['table-uuid']}, this one is ${current['table-uuid']})`);
  }
  if (folderOf(next.location) !== folderOf(current.location))
    throw refuse(`it moves the table to \`${next.location}\``);
  assertPlace(current, next);
  await assertFilesInside(parts, current, next);
  const schema = next.schemas.find((candidate) => candidate['schema-id'] === next['current-schema-id']);
  if (schema === undefined) throw refuse('its current schema is missing');
  const snapshot = next.snapshots.find((candidate) => candidate['snapshot-id'] === next['current-snapshot-id']);
  await parts.store.write(databaseStore.procedures.swapMetadataLocation, {
    database: name.database,
    name: name.table,
    expectedLocation: base,
    newLocation,
    columns: parts.tables.columnsFromSchema(schema),
    parameters: definitionOf(input).parameters,
    snapshotId: next['current-snapshot-id'] ?? '',
    operation: snapshot?.summary.operation ?? 'update',
    addedRows: Number(snapshot?.summary['added-records'] ?? 0),
    at: parts.clock.now(),
    by: context.principal.arn,
    door: context.door,
    ...(options.expectedVersion === undefined ? {} : { expectedVersion: options.expectedVersion }),
    ...(input.description === undefined ? {} : { description: input.description }),
  });
  return readTable(parts, context, name);
}
