import { isPublicList } from './access-lists.ts';
import { authorizeBucket, bucketPolicy, ownershipOf } from './bucket-side.ts';
import type { BucketSettingAccess } from './contract.ts';
import type { SettingDeps } from './setting-deps.ts';
import { blockOf } from './public-access-block.ts';

/** Whether the policy or the list of a bucket let in whoever comes, as far as that is not blocked. */
export function policyStatus(deps: SettingDeps): BucketSettingAccess['isPublic'] {
  return async (context, bucket) => {
    await authorizeBucket(deps, context, bucket, 's3:GetBucketPolicyStatus');
    await deps.objects.bucket(bucket);
    const block = await blockOf(deps, bucket);
    const policy = await bucketPolicy(deps, bucket);
    if (policy?.isPublic && block?.restrictPublicBuckets !== true) return true;
    const list = await deps.settings.get(bucket, 'acl');
    if (list === undefined || block?.ignorePublicAcls === true) return false;
    return isPublicList(list) && (await ownershipOf(deps, bucket)) !== 'BucketOwnerEnforced';
  };
}
