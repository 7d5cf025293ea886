import { storeCall } from '../../metadata/contract.ts';
import type { Catalog, DatabaseRecord } from '../contract.ts';
import { authorizeGlue, requireDatabase } from './access.ts';
import { checkDatabase } from './limits.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

/** Replaces what a database says of itself; its name stays. */
export const updateDatabase =
  (parts: CatalogParts): Catalog['updateDatabase'] =>
  async (context, given, input) => {
    const name = given.toLowerCase();
    checkDatabase(name, input);
    await authorizeGlue(parts, context, 'UpdateDatabase', { database: name });
    await requireDatabase(parts, context, name, 'ALTER');
    const { description, locationUri, parameters = {}, foreign } = input;
    const detail = {
      parameters,
      ...(description === undefined ? {} : { description }),
      ...(locationUri === undefined ? {} : { locationUri }),
      ...(foreign === undefined ? {} : { foreign }),
    };
    const results = await parts.store.transact([
      storeCall(databaseStore.procedures.updateDatabase, { name, detail }),
      ...(context.alongside ?? []),
    ]);
    return results[0] as DatabaseRecord;
  };
