import type { RequestContext } from '../../../core/caller.ts';
import { checkTags } from '../check-names.ts';
import type { EntityRef, Tags } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { requestedTags } from './create-entity.ts';
import { authorizedEntity, operationOf } from './entity-of.ts';

/** Adds tags, or replaces the values of those that are there. */
export async function tagEntity(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  tags: Tags,
): Promise<void> {
  checkTags(tags, deps.quotas.tags);
  const operation = operationOf('Tag?', ref.kind);
  await authorizedEntity(deps, context, ref, operation, requestedTags(tags));
  const change = { set: tags, remove: [], quota: deps.quotas.tags };
  await deps.store.write(procedures.tagEntity, { account: context.accountId, ...ref, change });
}

/** Removes tags; keys that are not there are passed over. */
export async function untagEntity(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  keys: readonly string[],
): Promise<void> {
  const operation = operationOf('Untag?', ref.kind);
  await authorizedEntity(deps, context, ref, operation, { 'aws:TagKeys': keys });
  const change = { set: {}, remove: keys, quota: deps.quotas.tags };
  await deps.store.write(procedures.tagEntity, { account: context.accountId, ...ref, change });
}
