import { storeCall } from '../../metadata/contract.ts';
import type { Catalog } from '../contract.ts';
import { authorizeGlue, requireTable } from './access.ts';
import { BIN_MS, type CatalogParts, fold } from './parts.ts';
import databaseStore from './store.ts';

/** Moves a table and its grants to the bin for seven days; its files stay. */
export const deleteTable =
  (parts: CatalogParts): Catalog['deleteTable'] =>
  async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'DeleteTable', name);
    await requireTable(parts, context, name, 'DROP');
    const at = parts.clock.now();
    await parts.store.transact([
      storeCall(databaseStore.procedures.dropTable, {
        database: name.database,
        name: name.table,
        at,
        by: context.principal.arn,
        purgeAt: at + BIN_MS,
      }),
      ...parts.policy.dropGrants(name, parts.names.tableId(name)),
    ]);
  };
