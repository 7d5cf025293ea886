import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

/** Tells of a bucket; `action` is what the caller asks it for. */
export function headBucket(deps: ObjectDeps): ObjectAccess['headBucket'] {
  return async (context, name, action = 's3:ListBucket') => {
    await authorizeBucket(deps, context, name, action);
    return deps.objects.bucket(name);
  };
}
