import type { Catalog } from '../contract.ts';
import { storeCall } from '../../metadata/contract.ts';
import type { DatabaseRecord } from '../contract.ts';
import { authorizeGlue } from './access.ts';
import { checkDatabase, foldName } from './limits.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

/** Makes a database; its creator holds ALL on it. */
export const createDatabase =
  (parts: CatalogParts): Catalog['createDatabase'] =>
  async (context, input) => {
    const name = foldName(input.name, 'database');
    checkDatabase(name, input);
    await authorizeGlue(parts, context, 'CreateDatabase', { database: name });
    await parts.policy.authorizeCatalog(context, 'CREATE_DATABASE');
    const { name: _, parameters = {}, ...detail } = input;
    const results = await parts.store.transact([
      storeCall(databaseStore.procedures.createDatabase, {
        name,
        accountId: parts.accountId,
        detail: { ...detail, parameters },
        at: parts.clock.now(),
      }),
      ...parts.policy.creatorGrants(context, { database: name }),
      ...(context.alongside ?? []),
    ]);
    return results[0] as DatabaseRecord;
  };
