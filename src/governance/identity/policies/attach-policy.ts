import type { RequestContext } from '../../../core/caller.ts';
import { awsManagedPolicy, isAwsManaged } from '../aws-managed-policies.ts';
import type { EntityRef } from '../contract.ts';
import { authorizedEntity, operationOf } from '../entities/entity-of.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { checkReachable } from './managed-policy.ts';

/** Attaches a managed policy to a user, group or role; twice is once. */
export async function attachPolicy(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  policyArn: string,
): Promise<void> {
  checkReachable(context, policyArn);
  const operation = operationOf('Attach?Policy', ref.kind);
  await authorizedEntity(deps, context, ref, operation, { 'iam:PolicyARN': policyArn });
  const known = isAwsManaged(policyArn);
  if (known) awsManagedPolicy(policyArn);
  const quota = deps.quotas.attachedPolicies;
  await deps.store.write(procedures.attachPolicy, { account: context.accountId, ...ref, arn: policyArn, known, quota });
}

/** Takes a managed policy off; from the next request on it decides nothing here. */
export async function detachPolicy(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  policyArn: string,
): Promise<void> {
  const operation = operationOf('Detach?Policy', ref.kind);
  await authorizedEntity(deps, context, ref, operation, { 'iam:PolicyARN': policyArn });
  await deps.store.write(procedures.detachPolicy, { account: context.accountId, ...ref, arn: policyArn });
}
