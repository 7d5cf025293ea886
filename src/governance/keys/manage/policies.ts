/** The policy of a key. */
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeKey, keepsControl } from '../authorize-key.ts';
import { type KeyDeps, procedures } from '../key-deps.ts';
import { parseKeyPolicy } from '../key-policy.ts';
import { assertCustomerKey, assertNotDeleting } from './check-key.ts';
import { lockedOut } from './create-key.ts';

/** The policy's text. */
export async function getPolicy(deps: KeyDeps, context: RequestContext, name: string): Promise<string> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'GetKeyPolicy' });
  return key.stored.row.policy;
}

/** Replaces the policy. One that would lock its author out is refused unless he says he means it. */
export async function putPolicy(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  policy: string,
  bypassLockoutCheck = false,
): Promise<void> {
  const document = parseKeyPolicy(policy);
  const key = await deps.ring.find(context, name);
  const conditions = { 'kms:BypassPolicyLockoutSafetyCheck': bypassLockoutCheck };
  await authorizeKey(deps, context, key, { operation: 'PutKeyPolicy', conditions });
  assertCustomerKey(key);
  assertNotDeleting(deps, key);
  if (!bypassLockoutCheck && !(await keepsControl(deps, context, document, key.info.arn))) throw lockedOut();
  await deps.store.write(procedures.updateKey, { keyId: key.info.keyId, set: { policy }, when: 'usable' });
}

/** A key has one policy, `default`. */
export async function listPolicies(deps: KeyDeps, context: RequestContext, name: string): Promise<readonly string[]> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'ListKeyPolicies' });
  return ['default'];
}
