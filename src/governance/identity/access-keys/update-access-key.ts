import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { authorizedOwner } from './key-owner.ts';

/** Switches a key on or off. An inactive key signs nothing from the next request on. */
export async function updateAccessKey(
  deps: IdentityDeps,
  context: RequestContext,
  userName: string | undefined,
  accessKeyId: string,
  status: 'Active' | 'Inactive',
): Promise<void> {
  if (status !== 'Active' && status !== 'Inactive') {
    throw new LochError('invalid_argument', `The status \`${status}\` is unknown. Known: Active, Inactive.`);
  }
  const owner = await authorizedOwner(deps, context, userName, 'UpdateAccessKey');
  await deps.store.write(procedures.updateAccessKey, { ...owner, accessKeyId, status });
}
