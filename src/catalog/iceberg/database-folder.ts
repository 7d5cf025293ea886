/** Where the tables and views of a database lie that say no place themselves. */
import { LochError } from '../../core/errors.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { folderOf } from '../databases/rows.ts';
import databaseStore from '../databases/store.ts';

/**
 * The database's location, or a folder of its own in the warehouse, named as Hive names it (`sales.db`).
 * **Errors**: `invalid_argument` naming `what` when there is neither.
 */
export async function databaseFolder(
  parts: Pick<CatalogParts, 'store' | 'warehouse'>,
  database: string,
  what: string,
): Promise<string> {
  const name = database.toLowerCase();
  const [found] = await parts.store.read(databaseStore.procedures.databases, { names: [name] });
  if (found?.locationUri !== undefined && found.locationUri !== '') return folderOf(found.locationUri);
  if (parts.warehouse !== undefined) return `${folderOf(parts.warehouse)}/${name}.db`;
  throw new LochError(
    'invalid_argument',
    `${what} has no location, and its database has none to put it under. Give \`location\` as s3://bucket/folder.`,
    { context: { database: name } },
  );
}
