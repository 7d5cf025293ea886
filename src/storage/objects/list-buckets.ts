import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

/** All buckets, by name. */
export function listBuckets(deps: ObjectDeps): ObjectAccess['listBuckets'] {
  return async (context) => {
    await deps.policy.authorize(context, { action: 's3:ListAllMyBuckets', resource: 'arn:aws:s3:::*' });
    return deps.objects.buckets();
  };
}
