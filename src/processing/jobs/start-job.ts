import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { newId } from '../../core/ids.ts';
import type { JobRun } from '../contract.ts';
import type { JobDeps } from './jobs.ts';
import { requireJob } from './read-jobs.ts';
import { callerOf } from './run-context.ts';
import { jobProcedures } from './store.ts';

/** Starts a run in the caller's name. **Errors**: `access_denied`, `not_found` with near names, `concurrent_run`. */
export async function startJob(deps: JobDeps, context: RequestContext, name: string): Promise<JobRun> {
  await deps.policy.authorize(context, {
    action: 'glue:StartJobRun',
    resource: glueArn(deps.region, deps.accountId, `job/${name}`),
  });
  await requireJob(deps, name);
  const run = await deps.store.write(jobProcedures.startRun, { id: newId(), job: name, caller: callerOf(context) });
  deps.executor.take(run.id);
  return run;
}
