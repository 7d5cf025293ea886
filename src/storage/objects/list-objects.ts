import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** A page of a bucket's keys. Names are no data: grants on tables do not hide them, IAM may (`s3:prefix`). */
export function listObjects(deps: ObjectDeps): ObjectAccess['listObjects'] {
  return (context, bucket, options) =>
    recorded(deps, context, 'ListObjects', { bucket }, async () => {
      await authorizeBucket(deps, context, bucket, 's3:ListBucket', {
        's3:prefix': options?.prefix ?? '',
        's3:delimiter': options?.delimiter ?? '',
        's3:max-keys': String(options?.maxKeys ?? 1000),
      });
      return deps.objects.list(bucket, options);
    });
}
