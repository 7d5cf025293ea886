import { s3Arn } from '../../core/arn.ts';
import { canonicalUserId } from '../../core/canonical-user.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { StoreCall } from '../../core/store-call.ts';
import { isPublicList, letsOthersIn, listOf } from '../buckets/access-lists.ts';
import { listWithEnforcedOwner, publicListRefused } from '../buckets/check-setting.ts';
import { accountBlock } from '../buckets/public-access-block.ts';
import type { ObjectAccess } from '../contract.ts';
import { assertBucketName } from '../stores/names.ts';
import type { ObjectDeps } from './object-deps.ts';

type Options = Parameters<ObjectAccess['createBucket']>[2];

/** Makes a bucket, owned by the account of the caller, with its first settings in the same transaction. */
export function createBucket(deps: ObjectDeps): ObjectAccess['createBucket'] {
  return async (context, name, options) => {
    assertBucketName(name);
    const { accountId } = context.principal;
    const side = { accountId };
    await deps.policy.authorize(context, { action: 's3:CreateBucket', resource: s3Arn(name), side });
    if (options?.objectOwnership !== undefined) {
      await deps.policy.authorize(context, { action: 's3:PutBucketOwnershipControls', resource: s3Arn(name), side });
    }
    if (options?.acl !== undefined) {
      await deps.policy.authorize(context, { action: 's3:PutBucketAcl', resource: s3Arn(name), side });
    }
    if (options?.objectLock === true) {
      const lock = { action: 's3:PutBucketObjectLockConfiguration', resource: s3Arn(name), side };
      await deps.policy.authorize(context, lock);
    }
    const also = await firstSettings(deps, context, name, options);
    return deps.objects.createBucket(name, {
      region: deps.region,
      ownerAccountId: accountId,
      ...(options?.objectLock === true ? { objectLock: true } : {}),
      ...(also.length === 0 ? {} : { also }),
    });
  };
}

/** **Errors**: `acl_not_supported`; `access_denied` for a public list while these are blocked. */
async function firstSettings(
  deps: ObjectDeps,
  context: RequestContext,
  name: string,
  { acl, objectOwnership }: NonNullable<Options> = {},
): Promise<StoreCall[]> {
  const calls: StoreCall[] = [];
  if (objectOwnership !== undefined) calls.push(deps.settings.putCall(name, 'ownership', { objectOwnership }));
  if (acl === undefined) return calls;
  const owner = canonicalUserId(context.principal.accountId);
  const list = listOf(acl, owner, owner);
  const { defaults } = deps.settings;
  if (letsOthersIn(list) && (objectOwnership ?? defaults.objectOwnership) === 'BucketOwnerEnforced') {
    throw listWithEnforcedOwner();
  }
  if (!isPublicList(list)) return [...calls, deps.settings.putCall(name, 'acl', list)];
  const ofAccount = await accountBlock(deps, context.principal.accountId);
  if (defaults.publicAccessBlock || ofAccount?.blockPublicAcls === true) {
    throw await publicListRefused(deps, context, { bucket: name, action: 's3:CreateBucket', resource: s3Arn(name) });
  }
  return [...calls, deps.settings.putCall(name, 'acl', list)];
}
