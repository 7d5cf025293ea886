import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Uploads of a bucket that are neither completed nor aborted. */
export function listUploads(deps: ObjectDeps): ObjectAccess['listUploads'] {
  return (context, bucket, options) =>
    recorded(deps, context, 'ListMultipartUploads', { bucket }, async () => {
      await authorizeBucket(deps, context, bucket, 's3:ListBucketMultipartUploads', {
        's3:prefix': options?.prefix ?? '',
      });
      return deps.objects.uploads(bucket, options);
    });
}
