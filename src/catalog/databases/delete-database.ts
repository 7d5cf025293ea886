import { glueArn } from '../../core/arn.ts';
import { storeCall } from '../../metadata/contract.ts';
import { removeTags } from '../settings/tags.ts';
import type { Catalog } from '../contract.ts';
import { authorizeGlue, requireDatabase } from './access.ts';
import { BIN_MS, type CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

/** Removes a database. With `cascade` its tables go to the bin, each under the caller's DROP; files stay. */
export const deleteDatabase =
  (parts: CatalogParts): Catalog['deleteDatabase'] =>
  async (context, given, options = {}) => {
    const name = given.toLowerCase();
    await authorizeGlue(parts, context, 'DeleteDatabase', { database: name });
    await requireDatabase(parts, context, name, 'DROP');
    const tables = options.cascade === true ? parts.names.tables(name) : [];
    for (const table of tables) await parts.policy.authorizeTable(context, { database: name, table }, 'DROP');
    const at = parts.clock.now();
    await parts.store.transact([
      storeCall(databaseStore.procedures.deleteDatabase, {
        name,
        tables,
        at,
        by: context.principal.arn,
        purgeAt: at + BIN_MS,
      }),
      ...tables.flatMap((table) =>
        parts.policy.dropGrants({ database: name, table }, parts.names.tableId({ database: name, table })),
      ),
      ...parts.policy.dropGrants({ database: name }),
      ...(context.alongside ?? []),
      removeTags(glueArn(parts.region, parts.accountId, `database/${name}`)),
    ]);
  };
