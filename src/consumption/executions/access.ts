/** Who may do what with queries: IAM on the workgroup, and then the owner or an administrator of it. */
import { createHash } from 'node:crypto';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { ExecutionDeps } from './deps.ts';
import type { ExecutionRecord } from './records.ts';
import { executionProcedures } from './store.ts';

/** The only workgroup there is. */
export const PRIMARY_WORKGROUP = 'primary';

/** **Errors**: `invalid_argument` for another workgroup; `access_denied`. */
export async function authorizeWorkgroup(
  deps: ExecutionDeps,
  context: RequestContext,
  action: string,
  workgroup = PRIMARY_WORKGROUP,
): Promise<void> {
  if (workgroup !== PRIMARY_WORKGROUP) {
    throw new LochError('invalid_argument', `WorkGroup ${workgroup} is not found. Known: ${PRIMARY_WORKGROUP}.`, {
      context: { workgroup },
    });
  }
  await deps.policy.authorize(context, { action, resource: workgroupArn(deps, context, workgroup) });
}

const workgroupArn = (deps: ExecutionDeps, context: RequestContext, workgroup: string) =>
  `arn:aws:athena:${deps.region}:${context.accountId}:workgroup/${workgroup}`;

/** Administrators of a workgroup are root and whom IAM lets change it. */
export async function isWorkgroupAdmin(
  deps: ExecutionDeps,
  context: RequestContext,
  workgroup: string,
): Promise<boolean> {
  const { allowed } = await deps.policy.decide(context, {
    action: 'athena:UpdateWorkGroup',
    resource: workgroupArn(deps, context, workgroup),
  });
  return allowed;
}

/** A query the caller may see. **Errors**: `not_found`, the same for another's as for none. */
export async function ownExecution(
  deps: ExecutionDeps,
  context: RequestContext,
  id: string,
  action: string,
): Promise<ExecutionRecord> {
  await authorizeWorkgroup(deps, context, action);
  const record = await deps.store.read(executionProcedures.get, { id });
  if (record !== undefined && record.accountId === context.accountId) {
    const { principalArn, workgroup } = record.execution;
    if (principalArn === context.principal.arn) return record;
    if (await isWorkgroupAdmin(deps, context, workgroup)) return record;
  }
  throw new LochError('not_found', `QueryExecution ${id} was not found.`, { context: { queryId: id } });
}

/** The prefix under which the results of a principal lie. */
export function resultPrefix(principalArn: string): string {
  return createHash('sha256').update(principalArn).digest('hex').slice(0, 32);
}
