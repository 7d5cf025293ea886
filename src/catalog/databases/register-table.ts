import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { type StoreCall, storeCall } from '../../metadata/contract.ts';
import type { StoredView, TableInput, TableRecord } from '../contract.ts';
import { authorizeGlue, requireDatabase } from './access.ts';
import type { PartitionIndexInput } from './contract.ts';
import { authorizeLocation } from './authorize-location.ts';
import { checkTable, foldName } from './limits.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';
import { definitionOf } from './table-definition.ts';

export interface NewTable {
  readonly database: string;
  readonly input: TableInput;
}

/** Everything a caller needs to be allowed before a table is made. Returns the checked input and folded database. */
export async function authorizeNewTable(
  parts: CatalogParts,
  context: RequestContext,
  given: NewTable,
): Promise<NewTable> {
  const database = foldName(given.database, 'database');
  const input = checkTable(given.input);
  await authorizeGlue(parts, context, 'CreateTable', { database, table: input.name });
  await requireDatabase(parts, context, database, 'CREATE_TABLE');
  await authorizeLocation(parts, context, input.storage?.location ?? '');
  if (parts.names.tableId({ database, table: input.name }) !== undefined) {
    throw new LochError('already_exists', `Table \`${database}.${input.name}\` exists already. Choose another name.`, {
      context: { database, table: input.name },
    });
  }
  return { database, input };
}

/**
 * Writes the record of an authorized new table with its creator's grants, in one transaction with `alongside`.
 * `metadataLocation` makes it an Iceberg table.
 */
export async function registerTable(
  parts: CatalogParts,
  context: RequestContext,
  table: NewTable,
  options: {
    readonly metadataLocation?: string;
    readonly view?: StoredView;
    readonly alongside?: readonly StoreCall[];
    readonly partitionIndexes?: readonly PartitionIndexInput[];
  } = {},
): Promise<TableRecord> {
  const results = await parts.store.transact([
    ...newTableCalls(parts, context, table, options),
    ...(options.alongside ?? []),
    ...(context.alongside ?? []),
  ]);
  return results[0] as TableRecord;
}

/** The calls that write the record of an authorized new table; the first one answers it. */
export function newTableCalls(
  parts: CatalogParts,
  context: RequestContext,
  table: NewTable,
  options: {
    readonly metadataLocation?: string;
    readonly view?: StoredView;
    readonly partitionIndexes?: readonly PartitionIndexInput[];
  } = {},
): readonly StoreCall[] {
  const { database, input } = table;
  const name = { database, table: input.name };
  return [
    storeCall(databaseStore.procedures.insertTable, {
      id: newId(),
      database,
      name: input.name,
      definition: { ...definitionOf(input), ...(options.view === undefined ? {} : { view: options.view }) },
      at: parts.clock.now(),
      by: context.principal.arn,
      door: context.door,
      ...(options.metadataLocation === undefined ? {} : { metadataLocation: options.metadataLocation }),
      ...(options.partitionIndexes === undefined ? {} : { partitionIndexes: options.partitionIndexes }),
    }),
    ...parts.policy.creatorGrants(context, name),
  ];
}
