import type { RequestContext } from '../../../core/caller.ts';
import { checkTags } from '../check-names.ts';
import type { Tags } from '../contract.ts';
import { requestedTags } from '../entities/create-entity.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { checkChangeable, checkReachable } from './managed-policy.ts';

/** Adds tags to a managed policy, or replaces the values of those that are there. */
export async function tagPolicy(deps: IdentityDeps, context: RequestContext, arn: string, tags: Tags): Promise<void> {
  checkTags(tags, deps.quotas.tags);
  checkReachable(context, arn);
  await deps.policy().authorize(context, { action: 'iam:TagPolicy', resource: arn, conditions: requestedTags(tags) });
  checkChangeable(arn);
  await deps.store.write(procedures.tagPolicy, { arn, change: { set: tags, remove: [], quota: deps.quotas.tags } });
}

/** Removes tags of a managed policy; keys that are not there are passed over. */
export async function untagPolicy(
  deps: IdentityDeps,
  context: RequestContext,
  arn: string,
  keys: readonly string[],
): Promise<void> {
  checkReachable(context, arn);
  const conditions = { 'aws:TagKeys': keys };
  await deps.policy().authorize(context, { action: 'iam:UntagPolicy', resource: arn, conditions });
  checkChangeable(arn);
  await deps.store.write(procedures.tagPolicy, { arn, change: { set: {}, remove: keys, quota: deps.quotas.tags } });
}
