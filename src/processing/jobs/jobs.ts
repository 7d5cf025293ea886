import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { Policy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { Jobs } from '../contract.ts';
import { putJob } from './put-job.ts';
import { requireJob, requireRun } from './read-jobs.ts';
import type { RunExecutor } from './run-executor.ts';
import { startJob } from './start-job.ts';
import { jobProcedures } from './store.ts';

export interface JobDeps {
  readonly store: MetadataStore;
  readonly policy: Policy;
  readonly executor: RunExecutor;
  readonly accountId: string;
  readonly region: string;
}

const DEFAULT_RUNS = 50;
const MAX_RUNS = 1000;

/** The use-cases of jobs. */
export function createJobs(deps: JobDeps): Jobs {
  const authorize = (context: RequestContext, action: string, name: string) =>
    deps.policy.authorize(context, { action, resource: glueArn(deps.region, deps.accountId, `job/${name}`) });
  const allowed = async (context: RequestContext, action: string, name: string) =>
    (await deps.policy.decide(context, { action, resource: glueArn(deps.region, deps.accountId, `job/${name}`) }))
      .allowed;

  return {
    put: (context, definition) => putJob(deps, context, definition),

    async get(context, name) {
      await authorize(context, 'glue:GetJob', name);
      return (await requireJob(deps, name)).definition;
    },

    async list(context) {
      const all = await deps.store.read(jobProcedures.list, {});
      const shown = await Promise.all(all.map((job) => allowed(context, 'glue:GetJob', job.name)));
      return all.filter((_, i) => shown[i]);
    },

    async delete(context, name) {
      await authorize(context, 'glue:DeleteJob', name);
      await requireJob(deps, name);
      await deps.store.write(jobProcedures.delete, { name });
    },

    async resetBookmark(context, name) {
      await authorize(context, 'glue:ResetJobBookmark', name);
      await requireJob(deps, name);
      await deps.store.write(jobProcedures.resetBookmark, { name });
    },

    start: (context, name) => startJob(deps, context, name),

    async stop(context, runId) {
      const { run } = await requireRun(deps, runId);
      await authorize(context, 'glue:BatchStopJobRun', run.job);
      if (run.endedAt !== undefined) {
        throw new LochError('conflict', `The run \`${runId}\` is over: it is ${run.state}.`, { context: { runId } });
      }
      await deps.executor.stop(runId);
    },

    async run(context, runId) {
      const { run } = await requireRun(deps, runId);
      await authorize(context, 'glue:GetJobRun', run.job);
      return run;
    },

    wait: (runId, signal) => deps.executor.finished(runId, signal),

    async runs(context, filter = {}) {
      const limit = Math.min(MAX_RUNS, filter.limit ?? DEFAULT_RUNS);
      if (filter.job !== undefined) await authorize(context, 'glue:GetJobRuns', filter.job);
      const runs = await deps.store.read(jobProcedures.runs, { ...filter, limit });
      if (filter.job !== undefined) return runs;
      const jobs = [...new Set(runs.map((run) => run.job))];
      const shown = new Set<string>();
      for (const job of jobs) if (await allowed(context, 'glue:GetJobRuns', job)) shown.add(job);
      return runs.filter((run) => shown.has(run.job));
    },
  };
}
