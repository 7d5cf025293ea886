import type { RequestContext } from '../../../core/caller.ts';
import type { Entity, EntityRef, IdentityPage, PageRequest } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { pageOfRows, readPage } from '../page-of-names.ts';
import { authorizedEntity, entityOf } from './entity-of.ts';

/** Puts a user into a group; twice is once. */
export async function addUserToGroup(
  deps: IdentityDeps,
  context: RequestContext,
  group: string,
  user: string,
): Promise<void> {
  await authorizedEntity(deps, context, { kind: 'group', name: group }, 'AddUserToGroup');
  const quota = deps.quotas.groupsPerUser;
  await deps.store.write(procedures.addMember, { account: context.accountId, group, user, quota });
}

/** Takes a user out of a group. */
export async function removeUserFromGroup(
  deps: IdentityDeps,
  context: RequestContext,
  group: string,
  user: string,
): Promise<void> {
  await authorizedEntity(deps, context, { kind: 'group', name: group }, 'RemoveUserFromGroup');
  await deps.store.write(procedures.removeMember, { account: context.accountId, group, user });
}

/** The groups of a user (`ListGroupsForUser`), or the users of a group (`GetGroup`). */
export async function listRelated(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  input: PageRequest,
): Promise<IdentityPage<Entity>> {
  const page = readPage(input);
  await authorizedEntity(deps, context, ref, ref.kind === 'user' ? 'ListGroupsForUser' : 'GetGroup');
  const found = await deps.store.read(procedures.related, { account: context.accountId, ...ref, ...page });
  return pageOfRows(found, (row) => row.name_key, entityOf);
}
