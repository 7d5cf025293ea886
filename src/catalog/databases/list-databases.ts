import type { Catalog, DatabaseRecord } from '../contract.ts';
import { authorizeGlue } from './access.ts';
import type { CatalogParts } from './parts.ts';
import { visiblePage } from './visible-page.ts';
import databaseStore from './store.ts';

const BATCH = 500;

/** The databases the caller may see, by name. */
export const listDatabases =
  (parts: CatalogParts): Catalog['listDatabases'] =>
  async (context, page = {}) => {
    await authorizeGlue(parts, context, 'GetDatabases');
    const visible = await parts.policy.visibleTables(context);
    const names = await visiblePage(parts, context, parts.names.databases(), page, {
      action: 'GetDatabases',
      shows: (name) => visible.database(name),
      resource: (name) => `database/${name}`,
    });
    const records: DatabaseRecord[] = [];
    for (let start = 0; start < names.length; start += BATCH) {
      records.push(
        ...(await parts.store.read(databaseStore.procedures.databases, { names: names.slice(start, start + BATCH) })),
      );
    }
    return records;
  };
