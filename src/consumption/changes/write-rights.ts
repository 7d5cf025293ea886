import type { ResolvedTable } from '../../catalog/contract.ts';
import { glueArn } from '../../core/arn.ts';
import { LochError } from '../../core/errors.ts';
import type { LakePermission, TableName } from '../../governance/contract.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import { type ChangeDeps, type ChangeRun, fullName } from './deps.ts';

/**
 * A table that a statement writes, once its caller may. The commit asks again: this is so that nobody computes for long
 * what he may not write. **Errors**: `table_not_found`, `access_denied`.
 */
export async function writableTable(
  deps: ChangeDeps,
  { context }: Pick<ChangeRun, 'context'>,
  name: TableName,
  permissions: readonly LakePermission[],
): Promise<ResolvedTable> {
  const table = await deps.catalog.resolveTable(context, name);
  const resource = glueArn(context.region, context.accountId, `table/${name.database}/${name.table}`);
  await deps.policy.authorize(context, { action: 'glue:UpdateTable', resource });
  for (const permission of permissions) await deps.policy.authorizeTable(context, name, permission);
  return table;
}

/** The metadata of an Iceberg table. **Errors**: `unsupported` naming what the table is. */
export function icebergMetadata(
  name: TableName,
  { record, metadata }: ResolvedTable,
  statement: string,
): TableMetadata {
  if (metadata !== undefined) return metadata;
  throw new LochError(
    'unsupported',
    `${statement} needs a transactional table: \`${fullName(name)}\` is ${record.format === 'view' ? 'a view' : `a ${record.format} table, not an Iceberg table`}.`,
    { context: { table: fullName(name), format: record.format } },
  );
}
