import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { Catalog, LineageRecorder } from '../../catalog/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import type { JobDefinition, JobRun, JobRunCounts, StatementRunner } from '../contract.ts';
import type { ObjectRights } from './authorize-objects.ts';
import { type CommitPlan, commitRun, StaleBase } from './commit-run.ts';
import { executeClean } from './execute-clean.ts';
import { executeSql } from './execute-sql.ts';
import type { RunRecord } from './records.ts';
import { jobProcedures } from './store.ts';

export interface RunDeps extends ObjectRights {
  readonly store: MetadataStore;
  readonly catalog: Catalog;
  readonly objects: ObjectStore;
  readonly runner: StatementRunner;
  /** Told of what a run made from what, after its commit. */
  readonly lineage?: LineageRecorder;
}

export interface RunWork {
  readonly runId: string;
  /** The run's own folder, empty at the start of an attempt. */
  readonly folder: string;
  /** Whether an earlier attempt may have pinned objects. */
  readonly resumed: boolean;
}

const MAX_STALE_READS = 8;

/**
 * Brings a run from the state it stands in to its end: RUNNING (read, write files) → COMMITTING (make them the table's)
 * → SUCCEEDED (bookmark moved). A target that changed meanwhile sends it back to RUNNING.
 * **Errors**: those of the runner, the catalog and the object store; `commit_conflict` after eight such changes.
 */
export async function executeRun(
  deps: RunDeps,
  context: RequestContext,
  record: RunRecord,
  definition: JobDefinition,
  folder: string,
): Promise<JobRun> {
  const runId = record.run.id;
  let staged = record.plan === undefined ? undefined : (JSON.parse(record.plan) as CommitPlan);
  let counts = record.run.counts;
  let resumed = record.run.state !== 'STARTING';
  for (let reads = 1; ; reads++) {
    try {
      if (staged === undefined || counts === undefined) {
        const result = await read(deps, context, definition, { runId, folder, resumed });
        counts = result.counts;
        if (result.commit === undefined) return await deps.store.write(jobProcedures.succeed, { id: runId, counts });
        context.signal.throwIfAborted();
        staged = result.commit;
        await deps.store.write(jobProcedures.stage, { id: runId, plan: JSON.stringify(staged), counts });
      }
      // From here on a stop comes too late: the commit is finished, so that the run's state tells the truth.
      const committing = { ...context, signal: new AbortController().signal };
      const snapshotId = await commitRun(deps.catalog, committing, runId, staged, counts);
      await recordCommit(deps, committing, staged, snapshotId, counts);
      await deps.lineage?.record({
        inputs: [],
        ...staged.lineage,
        job: `job/${definition.name}`,
        runId,
        outputs: [{ kind: 'table', ...staged.target }],
      });
      return await deps.store.write(jobProcedures.succeed, { id: runId, counts, snapshotId });
    } catch (error) {
      if (!(error instanceof StaleBase)) throw error;
      if (reads >= MAX_STALE_READS) {
        throw new LochError(
          'commit_conflict',
          `The source or target of job \`${definition.name}\` changed ${reads} times while it was read. Run it when others do not write, or retry.`,
          { context: { job: definition.name } },
        );
      }
      if (staged !== undefined) await deps.store.write(jobProcedures.unstage, { id: runId });
      staged = undefined;
      resumed = true;
    }
  }
}

async function read(
  deps: RunDeps,
  context: RequestContext,
  definition: JobDefinition,
  work: RunWork,
): Promise<{ readonly counts: JobRunCounts; readonly commit?: CommitPlan }> {
  return definition.kind === 'clean'
    ? executeClean(deps, context, { ...work, definition })
    : executeSql(deps, context, { ...work, definition });
}

async function recordCommit(
  deps: RunDeps,
  context: RequestContext,
  plan: CommitPlan,
  snapshotId: string,
  counts: JobRunCounts,
): Promise<void> {
  await deps.audit.recordData(context, [
    {
      eventSource: 'glue.amazonaws.com',
      eventName: 'CommitTable',
      resource: `${plan.target.database}.${plan.target.table}`,
      snapshotId,
      rows: counts.rowsCommitted,
    },
  ]);
}
