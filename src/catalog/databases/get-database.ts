import type { Catalog } from '../contract.ts';
import { authorizeGlue, requireDatabase } from './access.ts';
import { databaseMissing } from './missing.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

/** One database that the caller may see. */
export const getDatabase =
  (parts: CatalogParts): Catalog['getDatabase'] =>
  async (context, given) => {
    const name = given.toLowerCase();
    await authorizeGlue(parts, context, 'GetDatabase', { database: name });
    await requireDatabase(parts, context, name, 'DESCRIBE');
    const [record] = await parts.store.read(databaseStore.procedures.databases, { names: [name] });
    if (record === undefined) throw databaseMissing(name);
    return record;
  };
