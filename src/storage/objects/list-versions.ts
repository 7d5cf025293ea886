import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** A page of a bucket's versions and delete markers. */
export function listVersions(deps: ObjectDeps): ObjectAccess['listVersions'] {
  return (context, bucket, options) =>
    recorded(deps, context, 'ListObjectVersions', { bucket }, async () => {
      await authorizeBucket(deps, context, bucket, 's3:ListBucketVersions', {
        's3:prefix': options?.prefix ?? '',
        's3:delimiter': options?.delimiter ?? '',
        's3:max-keys': String(options?.max ?? 1000),
      });
      return deps.objects.listVersions(bucket, options);
    });
}
