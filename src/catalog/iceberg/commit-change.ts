import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';
import type { CommitOutcome } from '../contract.ts';
import type { IcebergParts, Stage } from './commit.ts';
import { commitGroup } from './commit-group.ts';

/**
 * Commits one change, together with those of others that wait for the same table.
 * **Errors**: `commit_conflict` after the last retry, `commit_state_unknown`, `throttled` when too many wait, and what
 * `stage` throws.
 */
export function commitChange(
  parts: IcebergParts,
  context: RequestContext,
  name: TableName,
  stage: Stage,
  options: { readonly runId?: string | undefined } = {},
): Promise<CommitOutcome> {
  const change = { context, stage, runId: options.runId };
  return parts.queue.join(`${name.database}.${name.table}`, change, (members) => commitGroup(parts, name, members));
}
