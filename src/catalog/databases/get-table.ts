import type { Catalog } from '../contract.ts';
import { authorizeGlue, readTable, requireTable, shownTo } from './access.ts';
import { type CatalogParts, fold } from './parts.ts';

/** One table, with only the columns the caller may see. */
export const getTable =
  (parts: CatalogParts): Catalog['getTable'] =>
  async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const record = await readTable(parts, context, name);
    return shownTo(await parts.policy.visibleTables(context), record);
  };
