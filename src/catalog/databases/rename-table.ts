import { storeCall } from '../../metadata/contract.ts';
import { tableNotFound } from '../../governance/contract.ts';
import type { Catalog, TableRecord } from '../contract.ts';
import { authorizeGlue, readTable, requireDatabase, requireTable } from './access.ts';
import { foldName } from './limits.ts';
import { type CatalogParts, fold } from './parts.ts';
import type { TableDefinition } from './rows.ts';
import databaseStore from './store.ts';
import { definitionOf, inputOf } from './table-definition.ts';

/**
 * Moves a table or view to another name. It is what dropping here and creating there would be, so it needs the rights of
 * both; grants and filters go with it.
 */
export const renameTable =
  (
    parts: CatalogParts,
    /** The text of a view in a database it is moved to. */
    movedText: (record: TableRecord, database: string) => string,
  ): Catalog['renameTable'] =>
  async (context, given, target, kind) => {
    const from = fold(given);
    const to = { database: foldName(target.database, 'database'), table: foldName(target.table, kind) };
    await authorizeGlue(parts, context, 'DeleteTable', from);
    await requireTable(parts, context, from, 'DROP');
    const record = await readTable(parts, context, from);
    if ((record.format === 'view') !== (kind === 'view')) throw tableNotFound(from);
    await authorizeGlue(parts, context, 'CreateTable', to);
    await requireDatabase(parts, context, to.database, 'CREATE_TABLE');
    await parts.store.transact([
      storeCall(databaseStore.procedures.renameTable, {
        from,
        to,
        ...(kind === 'view' && to.database !== from.database
          ? { definition: movedDefinition(record, movedText(record, to.database)) }
          : {}),
        at: parts.clock.now(),
        by: context.principal.arn,
        door: context.door,
      }),
      ...parts.policy.renameGrants(from, to),
      ...(context.alongside ?? []),
    ]);
  };

const movedDefinition = (record: TableRecord, viewText: string): TableDefinition => ({
  ...definitionOf({ ...inputOf(record), viewText }),
  ...(record.view === undefined ? {} : { view: record.view }),
});
