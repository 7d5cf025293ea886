import type { RequestContext } from '../../../core/caller.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { authorizePolicy, checkChangeable } from './managed-policy.ts';

/** Removes a managed policy that nothing uses. */
export async function deletePolicy(deps: IdentityDeps, context: RequestContext, arn: string): Promise<void> {
  await authorizePolicy(deps, context, arn, 'DeletePolicy');
  checkChangeable(arn);
  await deps.store.write(procedures.deletePolicy, { arn });
}
