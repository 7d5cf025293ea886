import type { RequestContext } from '../../../core/caller.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { authorizedOwner } from './key-owner.ts';

/** Removes a key for good; from the next request on it signs nothing. */
export async function deleteAccessKey(
  deps: IdentityDeps,
  context: RequestContext,
  userName: string | undefined,
  accessKeyId: string,
): Promise<void> {
  const owner = await authorizedOwner(deps, context, userName, 'DeleteAccessKey');
  await deps.store.write(procedures.deleteAccessKey, { ...owner, accessKeyId });
}
