import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { Catalog, LineageFlow } from '../../catalog/contract.ts';
import type { TableName } from '../../governance/contract.ts';
import type { DataFile } from '../../storage/contract.ts';
import type { JobRunCounts } from '../contract.ts';

/** All that a commit needs, kept with the run from COMMITTING on: nothing is read again to make it. */
export interface CommitPlan {
  readonly target: TableName;
  readonly kind: 'append' | 'overwrite';
  readonly files: readonly DataFile[];
  /** What the content builds on: the commit is refused when the table's snapshot is another. Absent: any. */
  readonly base?: { readonly snapshotId: string | null };
  readonly location: string;
  /** What the content was made of. */
  readonly lineage?: Pick<LineageFlow, 'inputs' | 'columns'>;
}

/** The table changed after the run had read it: the run reads again. */
export class StaleBase extends Error {}

const UNKNOWN_STATE_TRIES = 3;

/**
 * Makes the run's result visible. The commit carries the run's id: made twice it changes nothing the second time.
 * **Errors**: `StaleBase` when the table is not what the run built on; those of `commitTable`.
 */
export async function commitRun(
  catalog: Catalog,
  context: RequestContext,
  runId: string,
  plan: CommitPlan,
  counts: JobRunCounts,
): Promise<string> {
  const summary = {
    'loch.rows-in': String(counts.rowsIn),
    'loch.rows-rejected': String(counts.rowsRejected),
    'loch.rows-duplicate': String(counts.rowsDuplicate),
  };
  for (let tries = 1; ; tries++) {
    try {
      const outcome = await catalog.commitTable(
        context,
        plan.target,
        async (current) => {
          const snapshotId = current['current-snapshot-id'] ?? null;
          if (plan.base !== undefined && plan.base.snapshotId !== snapshotId) throw new StaleBase();
          return { kind: plan.kind, files: plan.files, summary };
        },
        { runId },
      );
      return outcome.snapshotId;
    } catch (error) {
      if (isStaleBase(error)) throw new StaleBase();
      // The run's id tells on the next try whether the commit had been made.
      if (!isLochError(error, 'commit_state_unknown') || tries >= UNKNOWN_STATE_TRIES) throw error;
    }
  }
}

function isStaleBase(error: unknown): boolean {
  return error instanceof StaleBase || (error instanceof LochError && error.cause instanceof StaleBase);
}
