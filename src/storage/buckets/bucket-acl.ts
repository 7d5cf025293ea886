import { s3Arn } from '../../core/arn.ts';
import { canonicalUserId } from '../../core/canonical-user.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { AccessControlList } from '../versions.ts';
import { listOf } from './access-lists.ts';
import { ownershipOf, type SideDeps } from './bucket-side.ts';
import { checkSetting } from './check-setting.ts';
import type { AclRequest, BucketSettingAccess } from './contract.ts';
import { authorizeSetting, type SettingDeps } from './setting-deps.ts';

/** The list of a bucket. Where its owner is enforced it is his alone, whatever was put before. */
export function getBucketAcl(deps: SettingDeps): BucketSettingAccess['getAcl'] {
  return async (context, bucket) => {
    await authorizeSetting(deps, context, bucket, 'acl', 'get');
    const owner = canonicalUserId((await deps.objects.bucket(bucket)).ownerAccountId);
    if ((await ownershipOf(deps, bucket)) === 'BucketOwnerEnforced') return ownersList(owner);
    return (await deps.settings.get(bucket, 'acl')) ?? ownersList(owner);
  };
}

/** Changes the list of a bucket. */
export function putBucketAcl(deps: SettingDeps): BucketSettingAccess['putAcl'] {
  return async (context, bucket, acl) => {
    await authorizeSetting(deps, context, bucket, 'acl', 'put');
    const owner = canonicalUserId((await deps.objects.bucket(bucket)).ownerAccountId);
    await assertOwner(deps, context, acl, owner, 's3:PutBucketAcl', s3Arn(bucket));
    const list = listOf(acl, owner, owner);
    await checkSetting(deps, context, { bucket, kind: 'acl' }, list);
    await deps.settings.put(bucket, 'acl', list);
  };
}

/** Its owner, and nobody else. */
export function ownersList(owner: string): AccessControlList {
  return { owner, grants: [{ grantee: { type: 'CanonicalUser', id: owner }, permission: 'FULL_CONTROL' }] };
}

/** A list cannot give what it is of to another owner. **Errors**: `access_denied`. */
export async function assertOwner(
  deps: Pick<SideDeps, 'policy'>,
  context: RequestContext,
  acl: AclRequest,
  owner: string,
  action: string,
  resource: string,
): Promise<void> {
  if ('canned' in acl || acl.owner === undefined || acl.owner === owner) return;
  const why = 'the owner in the list is not the owner there is; ownership cannot be given away by a list.';
  throw await deps.policy.refuse(context, { action, resource, why, by: [] });
}
