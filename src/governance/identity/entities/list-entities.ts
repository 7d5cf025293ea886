import { iamArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import type { Entity, EntityKind, IdentityPage, ListRequest } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { pageOfRows, readListing } from '../page-of-names.ts';
import { entityOf, operationOf } from './entity-of.ts';

/** Users, groups or roles under a path, in the order of their names. */
export async function listEntities(
  deps: IdentityDeps,
  context: RequestContext,
  kind: EntityKind,
  input: ListRequest,
): Promise<IdentityPage<Entity>> {
  const page = readListing(input);
  await deps.policy().authorize(context, {
    action: `iam:${operationOf('List?s', kind)}`,
    resource: iamArn(context.accountId, `${kind}${page.pathPrefix}`),
  });
  const found = await deps.store.read(procedures.entities, { account: context.accountId, kind, ...page });
  return pageOfRows(found, (row) => row.name_key, entityOf);
}
