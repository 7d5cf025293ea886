import type { RequestContext } from '../../../core/caller.ts';
import type { EntityRef } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { authorizedEntity, operationOf } from './entity-of.ts';

/** Removes a user, group or role that nothing hangs on any more. */
export async function deleteEntity(deps: IdentityDeps, context: RequestContext, ref: EntityRef): Promise<void> {
  await authorizedEntity(deps, context, ref, operationOf('Delete?', ref.kind));
  await deps.store.write(procedures.deleteEntity, { account: context.accountId, ...ref });
}
