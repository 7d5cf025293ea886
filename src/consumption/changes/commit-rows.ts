import { isLochError, LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { TableChange } from '../../storage/contract.ts';
import type { CommitOutcome } from '../../catalog/contract.ts';
import { type ChangeDeps, type ChangeRun, fullName } from './deps.ts';
import { removeWritten } from './write-files.ts';

/** In the summary of a snapshot: how many rows its statement wrote, changed or removed. */
export const ROWS = 'loch.rows';
/** In the summary of a snapshot: the execution that made it; written by the commit itself. */
export const RUN = 'loch.run-id';

const UNKNOWN_TRIES = 3;

/**
 * Makes what a statement wrote visible. The commit carries the statement's id: made twice it changes nothing the second
 * time. **Errors**: `commit_conflict` naming the snapshot that was in the way.
 */
export async function commitRows(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  change: TableChange | Parameters<ChangeDeps['catalog']['commitTable']>[2],
  rows: number | (() => number),
): Promise<CommitOutcome> {
  const counted = <C extends TableChange>(one: C): C => ({
    ...one,
    summary: { ...one.summary, [ROWS]: String(typeof rows === 'number' ? rows : rows()) },
  });
  const wanted =
    typeof change === 'function'
      ? async (current: Parameters<typeof change>[0]) => counted(await change(current))
      : counted(change);
  const outcome = await committed(deps, run, name, wanted);
  // They are the table's now, whatever happens to the statement.
  if (outcome.repeated) await removeWritten(deps, run);
  else run.written.length = 0;
  return outcome;
}

async function committed(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  change: Parameters<ChangeDeps['catalog']['commitTable']>[2],
): Promise<CommitOutcome> {
  for (let tries = 1; ; tries++) {
    try {
      return await deps.catalog.commitTable(run.context, name, change, { runId: run.queryId });
    } catch (error) {
      // The statement's id tells on the next try whether the commit was made.
      if (isLochError(error, 'commit_state_unknown')) {
        if (tries < UNKNOWN_TRIES) continue;
        run.written.length = 0;
      }
      throw error;
    }
  }
}

/** A conflict as Athena names it, once the statement has given up. */
export function commitFailed(name: TableName, error: LochError): LochError {
  return new LochError('commit_conflict', `Failed to commit to \`${fullName(name)}\`: ${error.message}`, {
    context: { ...error.context, table: fullName(name), errorName: 'ICEBERG_COMMIT_ERROR' },
    cause: error,
  });
}
