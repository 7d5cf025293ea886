import type { TableRecord } from '../../catalog/contract.ts';
import { LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import { type ChangeDeps, type ChangeRun, fullName } from './deps.ts';

/**
 * Requires that the caller sees every row and column of a table in clear: what he does not see he must not change.
 * **Errors**: `access_denied`.
 */
export async function assertSeenWhole(
  deps: Pick<ChangeDeps, 'policy'>,
  { context }: Pick<ChangeRun, 'context'>,
  name: TableName,
  record: TableRecord,
): Promise<void> {
  const shape = await deps.policy.tableShape(context, name, [...record.columns, ...record.partitionKeys]);
  if (shape.kind === 'full') return;
  throw new LochError(
    'access_denied',
    `\`${context.principal.arn}\` sees \`${fullName(name)}\` through a filter. UPDATE, DELETE and MERGE need SELECT on the whole table, without row filters, cell filters and column masks: grant that, or let another role change it.`,
    { context: { table: fullName(name), principal: context.principal.arn } },
  );
}
