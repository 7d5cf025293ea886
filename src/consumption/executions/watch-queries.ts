/** Looking at queries and stopping them. */
import { LochError } from '../../core/errors.ts';
import type { Queries, Workgroup } from '../contract.ts';
import { authorizeWorkgroup, isWorkgroupAdmin, ownExecution, PRIMARY_WORKGROUP, resultPrefix } from './access.ts';
import type { ExecutionDeps } from './deps.ts';
import type { Executor } from './executor.ts';
import { executionProcedures } from './store.ts';

const MAX_LISTED = 1_000;

/** One query. **Errors**: `not_found`. */
export const getQuery =
  (deps: ExecutionDeps): Queries['get'] =>
  async (context, id) =>
    (await ownExecution(deps, context, id, 'athena:GetQueryExecution')).execution;

/** The caller's queries, newest first; with `everyone` those of all, for administrators of the workgroup. */
export const listQueries =
  (deps: ExecutionDeps): Queries['list'] =>
  async (context, options = {}) => {
    const workgroup = options.workgroup ?? PRIMARY_WORKGROUP;
    await authorizeWorkgroup(deps, context, 'athena:ListQueryExecutions', workgroup);
    const everyone = options.everyone === true && (await isWorkgroupAdmin(deps, context, workgroup));
    if (options.everyone === true && !everyone) {
      throw new LochError('access_denied', 'Only administrators of the workgroup see the queries of others.');
    }
    const records = await deps.store.read(executionProcedures.list, {
      principalArn: everyone ? null : context.principal.arn,
      workgroup,
      limit: Math.min(MAX_LISTED, Math.max(1, options.limit ?? 50)),
      after: options.after ?? null,
    });
    return records.map((record) => record.execution);
  };

const workgroupOf = (deps: ExecutionDeps, principalArn: string, name: string): Workgroup => ({
  name,
  outputLocation: `s3://${deps.resultBucket}/${resultPrefix(principalArn)}/`,
});

/** A workgroup as its caller has it. */
export const getWorkgroup =
  (deps: ExecutionDeps): Queries['workgroup'] =>
  async (context, name) => {
    await authorizeWorkgroup(deps, context, 'athena:GetWorkGroup', name);
    return workgroupOf(deps, context.principal.arn, name);
  };

/** The workgroups there are. */
export const listWorkgroups =
  (deps: ExecutionDeps): Queries['workgroups'] =>
  async (context) => {
    await deps.policy.authorize(context, { action: 'athena:ListWorkGroups', resource: '*' });
    return [workgroupOf(deps, context.principal.arn, PRIMARY_WORKGROUP)];
  };

/** Stops a query; one that is over stays as it is. */
export const stopQuery =
  (deps: ExecutionDeps, executor: Executor): Queries['stop'] =>
  async (context, id) => {
    await ownExecution(deps, context, id, 'athena:StopQueryExecution');
    await executor.stop(id);
  };
