import { storeCall } from '../../metadata/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';
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
    await dropTable(parts, context, name, BIN_MS);
  };

/** Drops an authorized table; it can be restored for `binMs`. */
export async function dropTable(
  parts: CatalogParts,
  context: RequestContext,
  name: TableName,
  binMs: number,
): Promise<void> {
  const at = parts.clock.now();
  await parts.store.transact([
    storeCall(databaseStore.procedures.dropTable, {
      database: name.database,
      name: name.table,
      at,
      by: context.principal.arn,
      purgeAt: at + binMs,
    }),
    ...parts.policy.dropGrants(name, parts.names.tableId(name)),
    ...(context.alongside ?? []),
  ]);
}
