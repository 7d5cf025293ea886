import { s3Arn } from '../../core/arn.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

/** Removes an empty bucket. */
export function deleteBucket(deps: ObjectDeps): ObjectAccess['deleteBucket'] {
  return async (context, name) => {
    await deps.policy.authorize(context, { action: 's3:DeleteBucket', resource: s3Arn(name) });
    await deps.objects.deleteBucket(name);
  };
}
