import { iamArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import type { AccessKeyRecord } from '../contract.ts';
import { authorizedEntity, callerName } from '../entities/entity-of.ts';
import type { IdentityDeps } from '../identity-deps.ts';
import type { KeyOwner } from '../store/access-keys.ts';
import type { AccessKeyRow } from '../store/tables.ts';

/**
 * Whose keys a call speaks of, authorized: the user that is named, or the caller, who may be root.
 * **Errors**: `access_denied`, `not_found`, `invalid_argument`.
 */
export async function authorizedOwner(
  deps: IdentityDeps,
  context: RequestContext,
  userName: string | undefined,
  operation: string,
): Promise<KeyOwner> {
  if (userName === undefined && context.principal.kind === 'root') {
    const resource = iamArn(context.accountId, 'root');
    await deps.policy().authorize(context, { action: `iam:${operation}`, resource });
    return { account: context.accountId, user: undefined };
  }
  const name = userName ?? callerName(context, operation);
  const user = await authorizedEntity(deps, context, { kind: 'user', name }, operation);
  return { account: context.accountId, user: user.name };
}

/** What a sealed key secret is bound to: it opens for this key id only. */
export const keyPurpose = (accessKeyId: string): string => `iam-access-key:${accessKeyId}`;

/** A stored key without its secret, under its owner's name. */
export function accessKeyOf(row: AccessKeyRow, owner: string): AccessKeyRecord {
  return {
    accessKeyId: row.access_key_id,
    userName: owner,
    status: row.status === 'Active' ? 'Active' : 'Inactive',
    createdAt: row.created_at,
  };
}
