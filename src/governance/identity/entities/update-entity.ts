import type { RequestContext } from '../../../core/caller.ts';
import { checkName, checkPath } from '../check-names.ts';
import type { EntityChange, EntityRef } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { checkPolicyExists } from '../policies/managed-policy.ts';
import type { EntityPatch } from '../store/entities.ts';
import { checkSessionLength, checkTrustPolicy } from './create-entity.ts';
import { authorizedEntity } from './entity-of.ts';

/** Renames or moves an entity, or changes what else is said of it. Its id, keys and policies stay. */
export async function updateEntity(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  change: EntityChange,
): Promise<void> {
  const { name, path, trustPolicy, maxSessionSeconds, boundary, description } = change;
  if (name !== undefined) checkName(ref.kind, name);
  if (path !== undefined) checkPath(path);
  if (trustPolicy !== undefined) checkTrustPolicy(trustPolicy);
  if (maxSessionSeconds !== undefined) checkSessionLength(maxSessionSeconds);

  const conditions = typeof boundary === 'string' ? { 'iam:PermissionsBoundary': boundary } : undefined;
  await authorizedEntity(deps, context, ref, change.operation, conditions);
  if (typeof boundary === 'string') await checkPolicyExists(deps, context, boundary);

  const patch: EntityPatch = {
    ...(name === undefined ? {} : { name }),
    ...(path === undefined ? {} : { path }),
    ...(description === undefined ? {} : { description }),
    ...(trustPolicy === undefined ? {} : { trust_policy: trustPolicy }),
    ...(maxSessionSeconds === undefined ? {} : { max_session_s: maxSessionSeconds }),
    ...(boundary === undefined ? {} : { boundary }),
  };
  if (Object.keys(patch).length === 0) return;
  await deps.store.write(procedures.updateEntity, { account: context.accountId, ...ref, patch });
}
