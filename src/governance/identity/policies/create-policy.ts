import { iamArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { newUniqueId } from '../../../core/ids.ts';
import { checkName, checkPath, checkTags } from '../check-names.ts';
import type { ManagedPolicy, PolicyUseCases } from '../contract.ts';
import { requestedTags } from '../entities/create-entity.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { checkManagedDocument, managedPolicyOf } from './managed-policy.ts';

/** Makes a managed policy with its first version. */
export async function createPolicy(
  deps: IdentityDeps,
  context: RequestContext,
  input: Parameters<PolicyUseCases['createPolicy']>[1],
): Promise<ManagedPolicy> {
  const path = input.path ?? '/';
  const tags = input.tags ?? {};
  checkName('policy', input.name);
  checkPath(path);
  checkTags(tags, deps.quotas.tags);
  checkManagedDocument(deps, input.document);

  const arn = iamArn(context.accountId, `policy${path}${input.name}`);
  await deps
    .policy()
    .authorize(context, { action: 'iam:CreatePolicy', resource: arn, conditions: requestedTags(tags) });

  const row = {
    arn,
    account_id: context.accountId,
    name_key: input.name.toLowerCase(),
    name: input.name,
    path,
    id: newUniqueId('ANPA'),
    description: input.description ?? '',
    tags: JSON.stringify(tags),
  };
  const quota = deps.quotas.managedPolicies;
  return managedPolicyOf(await deps.store.write(procedures.createPolicy, { row, document: input.document, quota }));
}
