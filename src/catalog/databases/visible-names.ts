import type { TableVisibility } from '../../governance/contract.ts';
import type { CatalogParts } from './parts.ts';

/** Tables that are searched among themselves rather than in the whole index. */
const FEW = 5_000;

/** Names of a database among which are all that may be seen, in byte order. **Cost**: of few, those alone. */
export function visibleNames(
  parts: Pick<CatalogParts, 'names'>,
  visible: TableVisibility,
  database: string,
): readonly string[] {
  const few = visible.tablesIn(database);
  return few === undefined
    ? parts.names.tables(database)
    : few.filter((table) => parts.names.tableId({ database, table }) !== undefined);
}

/** Ids of all tables that may be seen, where they are few; undefined where they are many. */
export function fewVisibleIds(parts: Pick<CatalogParts, 'names'>, visible: TableVisibility): string[] | undefined {
  const ids: string[] = [];
  for (const database of parts.names.databases()) {
    if (!visible.database(database)) continue;
    const few = visible.tablesIn(database);
    if (few === undefined) return undefined;
    for (const table of few) {
      const id = parts.names.tableId({ database, table });
      if (id !== undefined) ids.push(id);
    }
    if (ids.length > FEW) return undefined;
  }
  return ids;
}
