import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

/** Removes an empty bucket. */
export function deleteBucket(deps: ObjectDeps): ObjectAccess['deleteBucket'] {
  return async (context, name) => {
    await authorizeBucket(deps, context, name, 's3:DeleteBucket');
    await deps.objects.deleteBucket(name);
  };
}
