import { s3Arn } from '../../core/arn.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Uploads of a bucket that are neither completed nor aborted. */
export function listUploads(deps: ObjectDeps): ObjectAccess['listUploads'] {
  return (context, bucket, options) =>
    recorded(deps, context, 'ListMultipartUploads', { bucket }, async () => {
      await deps.policy.authorize(context, { action: 's3:ListBucketMultipartUploads', resource: s3Arn(bucket) });
      return deps.objects.uploads(bucket, options);
    });
}
