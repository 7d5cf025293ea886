import type { Catalog } from '../contract.ts';
import { authorizeGlue, requireTable, shownTo } from './access.ts';
import { type CatalogParts, fold } from './parts.ts';
import databaseStore from './store.ts';

/** All versions of a table, newest first, each with only the columns the caller may see. */
export const tableVersions =
  (parts: CatalogParts): Catalog['tableVersions'] =>
  async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTableVersions', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const versions = await parts.store.read(databaseStore.procedures.tableVersions, {
      database: name.database,
      name: name.table,
    });
    const visible = await parts.policy.visibleTables(context);
    return versions.map((version) => shownTo(visible, version));
  };
