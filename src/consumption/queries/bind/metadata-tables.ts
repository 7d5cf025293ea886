import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { MetadataTableName } from '../../../storage/contract.ts';
import type { QueryPathDeps } from '../deps.ts';
import type { TableUse } from '../gate/inspect-statement.ts';
import type { SystemTable } from './system-tables.ts';

const NAME =
  /^(.+)\$(snapshots|history|refs|properties|metadata_log_entries|manifests|files|partitions|entries|data_files|delete_files|all_manifests|all_files|all_data_files|all_delete_files|all_entries)$/is;

/**
 * The rows about an Iceberg table that `"table$snapshots"` and its kin name, as Athena spells them; undefined for any
 * other name. **Errors**: what the catalog throws; `unsupported` for time travel on them.
 */
export async function metadataTable(
  deps: QueryPathDeps,
  context: RequestContext,
  use: TableUse,
  database: string,
): Promise<{ readonly kind: 'system'; readonly table: SystemTable } | undefined> {
  const [, table, suffix] = NAME.exec(use.table) ?? [];
  if (table === undefined || suffix === undefined) return undefined;
  if (use.timeTravel !== undefined) {
    throw new LochError('unsupported', `\`${use.table}\` is of the current snapshot; it takes no time travel.`, {
      context: use.position === undefined ? {} : { position: use.position },
    });
  }
  const kind = suffix.toLowerCase() as MetadataTableName;
  const name = { database: (use.database ?? database).toLowerCase(), table: table.toLowerCase() };
  const { columns, rows } = await deps.catalog.metadataTable(context, name, kind);
  return { kind: 'system', table: { name: kind, columns, rows } };
}
