import type { RequestContext } from '../../../core/caller.ts';
import type { ManagedPolicy } from '../contract.ts';
import type { IdentityDeps } from '../identity-deps.ts';
import { authorizePolicy, findManagedPolicy } from './managed-policy.ts';

/** A managed policy without its text. */
export async function getPolicy(deps: IdentityDeps, context: RequestContext, arn: string): Promise<ManagedPolicy> {
  await authorizePolicy(deps, context, arn, 'GetPolicy');
  return findManagedPolicy(deps, arn);
}
