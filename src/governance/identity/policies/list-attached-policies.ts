import type { RequestContext } from '../../../core/caller.ts';
import type { AttachedPolicy, EntityKind, EntityRef, IdentityPage, ListRequest } from '../contract.ts';
import { authorizedEntity, operationOf } from '../entities/entity-of.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { pageOfRows, readListing } from '../page-of-names.ts';
import { authorizePolicy, checkPolicyExists } from './managed-policy.ts';

/** The managed policies of a user, group or role. */
export async function listAttachedPolicies(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  input: ListRequest,
): Promise<IdentityPage<AttachedPolicy>> {
  const { after, limit, pathPrefix } = readListing(input);
  await authorizedEntity(deps, context, ref, operationOf('ListAttached?Policies', ref.kind));
  const found = await deps.store.read(procedures.attachedPolicies, {
    account: context.accountId,
    ...ref,
    after,
    limit,
  });
  const page = pageOfRows(
    found,
    (row) => row.policy_arn,
    (row) => ({ name: row.policy_arn.slice(row.policy_arn.lastIndexOf('/') + 1), arn: row.policy_arn }),
  );
  return { ...page, items: page.items.filter((policy) => policy.arn.split(':policy')[1]!.startsWith(pathPrefix)) };
}

/** Users, groups and roles a managed policy is attached to. */
export async function listEntitiesForPolicy(
  deps: IdentityDeps,
  context: RequestContext,
  arn: string,
): Promise<(EntityRef & { readonly id: string })[]> {
  await authorizePolicy(deps, context, arn, 'ListEntitiesForPolicy');
  await checkPolicyExists(deps, context, arn);
  const rows = await deps.store.read(procedures.attachedEntities, { arn });
  return rows.map((row) => ({ kind: row.kind as EntityKind, name: row.name, id: row.id }));
}
