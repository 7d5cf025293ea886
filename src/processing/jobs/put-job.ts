import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { JobDefinition } from '../contract.ts';
import { assertJobDefinition } from './job-definition.ts';
import type { JobDeps } from './jobs.ts';
import { jobProcedures } from './store.ts';

/** Creates a job or replaces its definition; a run under way keeps the one it began with until its next attempt. */
export async function putJob(deps: JobDeps, context: RequestContext, definition: JobDefinition): Promise<void> {
  assertJobDefinition(definition);
  const known = await deps.store.read(jobProcedures.get, { name: definition.name });
  await deps.policy.authorize(context, {
    action: known === undefined ? 'glue:CreateJob' : 'glue:UpdateJob',
    resource: glueArn(deps.region, deps.accountId, `job/${definition.name}`),
  });
  await deps.store.write(jobProcedures.put, { definition, owner: context.principal.arn });
}
