import type { Catalog, TableRecord } from '../contract.ts';
import { authorizeGlue, requireDatabase, shownTo } from './access.ts';
import { namePattern } from './name-pattern.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';
import { visibleNames } from './visible-names.ts';
import { visiblePage } from './visible-page.ts';

const BATCH = 500;

/** The tables of a database that the caller may see, by name, each with only its visible columns. */
export const listTables =
  (parts: CatalogParts): Catalog['listTables'] =>
  async (context, given, page = {}) => {
    const database = given.toLowerCase();
    const matches = page.expression === undefined ? () => true : namePattern(page.expression);
    await authorizeGlue(parts, context, 'GetTables', { database });
    await requireDatabase(parts, context, database, 'DESCRIBE');
    const visible = await parts.policy.visibleTables(context);
    const names = await visiblePage(parts, context, visibleNames(parts, visible, database), page, {
      action: 'GetTables',
      shows: (table) => matches(table) && visible.table({ database, table }),
      resource: (table) => `table/${database}/${table}`,
    });
    const records: TableRecord[] = [];
    for (let start = 0; start < names.length; start += BATCH) {
      const read = await parts.store.read(databaseStore.procedures.tables, {
        database,
        names: names.slice(start, start + BATCH),
      });
      records.push(...read.map((record) => shownTo(visible, record)));
    }
    return records;
  };
