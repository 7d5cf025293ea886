import { LochError } from '../../core/errors.ts';
import type { Catalog } from '../contract.ts';
import { authorizeGlue, readTable, requireTable, shownTo } from './access.ts';
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

/** Forgets archived versions of a table. */
export const deleteTableVersions =
  (parts: CatalogParts): Catalog['deleteTableVersions'] =>
  async (context, given, versions) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'DeleteTableVersion', name);
    await requireTable(parts, context, name, 'ALTER');
    const { version } = await readTable(parts, context, name);
    if (versions.includes(version)) {
      throw new LochError(
        'invalid_argument',
        `Version ${version} is the current one of \`${name.database}.${name.table}\` and cannot be deleted. Drop the table instead.`,
        { context: { table: name.table, version } },
      );
    }
    return parts.store.write(databaseStore.procedures.deleteTableVersions, {
      database: name.database,
      name: name.table,
      versions,
    });
  };
