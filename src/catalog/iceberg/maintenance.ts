import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { LakePermission, TableName } from '../../governance/contract.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import type { TableRecord } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import type { IcebergParts } from './commit.ts';

/** An Iceberg table with the file its metadata is in. */
export interface MaintainedTable {
  readonly record: TableRecord;
  readonly metadata: TableMetadata;
  readonly location: string;
}

/** The table a caller may maintain. **Errors**: `access_denied`, `table_not_found`, `unsupported` for other formats. */
export async function maintainedTable(
  parts: IcebergParts,
  context: RequestContext,
  name: TableName,
  permissions: readonly LakePermission[],
): Promise<MaintainedTable> {
  await authorizeGlue(parts, context, 'UpdateTable', name);
  for (const permission of permissions) await requireTable(parts, context, name, permission);
  const record = await readTable(parts, context, name);
  if (record.metadataLocation === undefined) {
    throw new LochError(
      'unsupported',
      `\`${name.database}.${name.table}\` is a ${record.format} table; only Iceberg tables have snapshots to maintain.`,
      { context: { table: `${name.database}.${name.table}` } },
    );
  }
  const metadata = await parts.tables.readMetadata(record.metadataLocation);
  return { record, metadata, location: record.metadataLocation };
}
