import { storeCall } from '../../metadata/contract.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Catalog, TableRecord } from '../contract.ts';
import { authorizeGlue, glueAllows, requireDatabase } from './access.ts';
import { type CatalogParts, PAST_PARTITIONS_MS } from './parts.ts';
import databaseStore from './store.ts';

type Dropped = { readonly database: string; readonly name: string; created_by: string; dropped_by: string | null };

/**
 * Whose table it was, or who dropped it, may restore it, and so may whoever could make and drop tables in its database.
 * One answer of Lake Formation holds for all tables of a database.
 */
function restorer(parts: CatalogParts, context: RequestContext): (row: Dropped) => Promise<boolean> {
  const keepers = new Map<string, Promise<boolean>>();
  const keeps = async (database: string): Promise<boolean> => {
    if (!(await parts.policy.visibleTables(context)).database(database)) return false;
    try {
      await parts.policy.authorizeDatabase(context, database, 'CREATE_TABLE');
      return true;
    } catch (error) {
      if (isLochError(error, 'access_denied', 'database_not_found')) return false;
      throw error;
    }
  };
  return async (row) => {
    if (row.created_by === context.principal.arn || row.dropped_by === context.principal.arn) return true;
    if (!(await glueAllows(parts, context, 'DeleteTable', `table/${row.database}/${row.name}`))) return false;
    const answer = keepers.get(row.database) ?? keeps(row.database);
    keepers.set(row.database, answer);
    return answer;
  };
}

/** What lies in the bin: the tables that the caller may restore. */
export const droppedTables =
  (parts: CatalogParts): Catalog['droppedTables'] =>
  async (context) => {
    await authorizeGlue(parts, context, 'GetTables');
    const dropped = await parts.store.read(databaseStore.procedures.droppedTables, { at: parts.clock.now() });
    const mayRestore = restorer(parts, context);
    const shown = [];
    for (const row of dropped) {
      if (!(await mayRestore(row))) continue;
      shown.push({
        database: row.database,
        table: row.name,
        id: row.id,
        droppedAt: row.dropped_at!,
        purgeAt: row.purge_at!,
      });
    }
    return shown;
  };

/** Brings a table back with its versions, partitions and grants; whoever restores it gains nothing by it. */
export const restoreTable =
  (parts: CatalogParts): Catalog['restoreTable'] =>
  async (context, id) => {
    const at = parts.clock.now();
    const dropped = await parts.store.read(databaseStore.procedures.droppedTables, { at });
    const row = dropped.find((candidate) => candidate.id === id);
    if (row === undefined || !(await restorer(parts, context)(row))) {
      throw new LochError('not_found', `The bin holds no table \`${id}\`. List dropped tables to see their ids.`, {
        context: { id },
      });
    }
    await authorizeGlue(parts, context, 'CreateTable', { database: row.database, table: row.name });
    await requireDatabase(parts, context, row.database, 'CREATE_TABLE');
    const results = await parts.store.transact([
      storeCall(databaseStore.procedures.restoreTable, { id, at }),
      ...parts.policy.restoreGrants({ database: row.database, table: row.name }, id),
    ]);
    return results[0] as TableRecord;
  };

/** Forgets tables whose seven days are over. Returns how many. */
export async function purgeBin(parts: CatalogParts): Promise<number> {
  const at = parts.clock.now();
  const due = await parts.store.read(databaseStore.procedures.tablesToPurge, { at, limit: 100 });
  if (due.length > 0)
    await parts.store.write(databaseStore.procedures.purgeTables, { ids: due.map(({ id }) => id), at });
  await parts.store.write(databaseStore.procedures.forgetPastPartitions, { before: at - PAST_PARTITIONS_MS });
  return due.length;
}
