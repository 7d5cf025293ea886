import { s3Arn } from '../../core/arn.ts';
import type { ObjectAccess } from '../contract.ts';
import { assertBucketName } from '../stores/names.ts';
import type { ObjectDeps } from './object-deps.ts';

/** Makes a bucket, owned by the account of the lake. */
export function createBucket(deps: ObjectDeps): ObjectAccess['createBucket'] {
  return async (context, name) => {
    assertBucketName(name);
    await deps.policy.authorize(context, { action: 's3:CreateBucket', resource: s3Arn(name) });
    return deps.objects.createBucket(name, { region: deps.region, ownerAccountId: deps.accountId });
  };
}
