import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

/** Has a bucket keep versions from now on, or stop keeping new ones. */
export function setVersioning(deps: ObjectDeps): ObjectAccess['setVersioning'] {
  return async (context, bucket, state) => {
    await authorizeBucket(deps, context, bucket, 's3:PutBucketVersioning');
    await deps.objects.setVersioning(bucket, state);
  };
}
