import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { type StoreCall, storeCall } from '../../metadata/contract.ts';
import type { TableInput, TableRecord } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from './access.ts';
import { checkTable } from './limits.ts';
import type { CatalogParts } from './parts.ts';
import { authorizeLocation } from './authorize-location.ts';
import { withBusinessWords } from '../search/business-words.ts';
import { folderOf, type TableDefinition } from './rows.ts';
import { swapForeignPointer } from './swap-foreign-pointer.ts';
import databaseStore from './store.ts';
import { definitionOf, isIceberg } from './table-definition.ts';

export interface UpdateOptions {
  readonly expectedVersion?: number;
  readonly skipArchive?: boolean;
}

/**
 * Replaces a table's definition as a new version. Of an Iceberg table the schema and location are its metadata file's:
 * a new `metadata_location` is a commit made elsewhere and moves the pointer; without one, only words change.
 * **Errors**: `conflict` when `expectedVersion` is not the current one; `commit_conflict`.
 */
export const updateTable =
  (parts: CatalogParts) =>
  async (
    context: RequestContext,
    givenDatabase: string,
    given: TableInput,
    options: UpdateOptions = {},
    alongside: readonly StoreCall[] = [],
  ): Promise<TableRecord> => {
    const database = givenDatabase.toLowerCase();
    const checked = checkTable(given);
    const name = { database, table: checked.name };
    await authorizeGlue(parts, context, 'UpdateTable', name);
    await requireTable(parts, context, name, 'ALTER');
    const before = await readTable(parts, context, name);
    const input = withBusinessWords(before, checked);
    const wanted = input.parameters?.metadata_location;
    if (before.metadataLocation !== undefined && wanted !== undefined && wanted !== before.metadataLocation) {
      return swapForeignPointer(parts, context, before, input, options);
    }
    if (isIceberg(input) !== (before.metadataLocation !== undefined)) {
      throw new LochError(
        'unsupported',
        `Table \`${database}.${input.name}\` cannot be turned ${isIceberg(input) ? 'into an Iceberg table' : 'from Iceberg into another format'} by an update. Create a new table and copy the rows.`,
        { context: { table: input.name } },
      );
    }
    if (folderOf(input.storage?.location ?? '') !== folderOf(before.storage.location)) {
      await authorizeLocation(parts, context, input.storage?.location ?? '', name);
    }
    const results = await parts.store.transact([
      storeCall(databaseStore.procedures.changeTable, {
        database,
        name: input.name,
        definition: before.metadataLocation === undefined ? withView(before, input) : wordsOf(before, input),
        at: parts.clock.now(),
        by: context.principal.arn,
        door: context.door,
        ...options,
      }),
      ...alongside,
    ]);
    return results[0] as TableRecord;
  };

/** A view keeps its versions through a change by a door that does not know them. */
function withView(before: TableRecord, input: TableInput): TableDefinition {
  const definition = definitionOf(input);
  return before.view === undefined || definition.format !== 'view' ? definition : { ...definition, view: before.view };
}

/** An Iceberg table keeps columns and location; comments, parameters and description are the caller's. */
function wordsOf(before: TableRecord, input: TableInput): TableDefinition {
  const given = new Map(input.columns.map((column) => [column.name, column]));
  return {
    ...definitionOf(input),
    format: before.format,
    tableType: before.tableType,
    columns: before.columns.map((column) => {
      const { comment, parameters } = { ...column, ...given.get(column.name) };
      return {
        name: column.name,
        type: column.type,
        ...(comment === undefined ? {} : { comment }),
        ...(parameters === undefined ? {} : { parameters }),
      };
    }),
    partitionKeys: before.partitionKeys,
    storage: { ...(input.storage ?? before.storage), location: before.storage.location },
  };
}
