import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StagedCommit, TableChange } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { authorizeGlue, requireTable } from '../databases/access.ts';
import { fold } from '../databases/parts.ts';
import databaseStore from '../databases/store.ts';
import type { CommitBase, IcebergParts } from './commit.ts';
import { commitChange } from './commit-change.ts';

/** Commits data files to a table; a run that has committed before changes nothing. */
export const commitTable =
  (parts: IcebergParts): Catalog['commitTable'] =>
  async (context, given, change, options = {}) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'UpdateTable', name);
    if (options.permission !== undefined) await requireTable(parts, context, name, options.permission);
    else if (typeof change === 'function') await requireTable(parts, context, name, 'INSERT');
    else await requireFor(parts, context, name, change);

    const { runId } = options;
    if (runId !== undefined) {
      const done = await parts.store.read(databaseStore.procedures.committedRun, {
        database: name.database,
        name: name.table,
        runId,
      });
      if (done !== undefined) return done;
    }

    const stage = async (base: CommitBase, lost: StagedCommit | undefined) => {
      const wanted = typeof change === 'function' ? await change(base.metadata) : change;
      if (typeof change === 'function' && options.permission === undefined) {
        await requireFor(parts, context, name, wanted);
      }
      // A computed change may name other files each time; only a fixed one can use its manifests again.
      const reuse = typeof change === 'function' ? undefined : lost;
      const staged = await parts.tables.stage(base.metadata, withRunId(wanted, runId), {
        defer: true,
        ...(reuse === undefined ? {} : { reuse }),
        ...(options.branch === undefined ? {} : { branch: options.branch }),
      });
      return {
        staged,
        operation: staged.metadata.snapshots.at(-1)?.summary.operation ?? wanted.kind,
        addedRows: wanted.files.reduce((sum, file) => sum + file.rows, 0),
      };
    };
    return commitChange(parts, context, name, stage, { runId });
  };

/** Adding rows needs INSERT; taking some away needs DELETE as well. */
async function requireFor(
  parts: IcebergParts,
  context: RequestContext,
  name: TableName,
  change: TableChange,
): Promise<void> {
  if (change.kind !== 'append') await requireTable(parts, context, name, 'DELETE');
  if (change.kind === 'append' || change.files.length > 0) await requireTable(parts, context, name, 'INSERT');
}

function withRunId(change: TableChange, runId: string | undefined): TableChange {
  return runId === undefined ? change : { ...change, summary: { ...change.summary, 'loch.run-id': runId } };
}
