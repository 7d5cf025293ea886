/** Tables whose columns are a schema's: they follow its latest version. */
import { LochError } from '../../core/errors.ts';
import { type StoreCall, storeCall } from '../../metadata/contract.ts';
import type { CatalogColumn } from '../contract.ts';
import type { CatalogParts } from '../databases/parts.ts';
import databaseStore from '../databases/store.ts';
import { definitionOf, inputOf } from '../databases/table-definition.ts';

/** The calls that give the columns to every table that follows the schema, as a new version of each. */
export async function followSchema(
  parts: Pick<CatalogParts, 'store' | 'clock'>,
  schema: { readonly registry: string; readonly name: string; readonly arn: string },
  columnsOf: () => readonly CatalogColumn[],
  by: string,
): Promise<readonly StoreCall[]> {
  const followers = await parts.store.read(databaseStore.procedures.tablesFollowingSchema, schema);
  if (followers.length === 0) return [];
  const columns = columnsOf();
  return followers.map((table) => {
    const keys = new Set(table.partitionKeys.map((key) => key.name));
    const clash = columns.find((column) => keys.has(column.name));
    if (clash !== undefined) {
      throw new LochError(
        'invalid_argument',
        `Table \`${table.database}.${table.name}\` follows the schema and is partitioned by \`${clash.name}\`, which the schema has as well.`,
        { context: { table: table.name, column: clash.name } },
      );
    }
    return storeCall(databaseStore.procedures.changeTable, {
      database: table.database,
      name: table.name,
      definition: definitionOf({ ...inputOf(table), columns }),
      expectedVersion: table.version,
      at: parts.clock.now(),
      by,
    });
  });
}
