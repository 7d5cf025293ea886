import { s3Arn } from '../../core/arn.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './authorize.ts';

type Lists = Pick<ObjectAccess, 'listObjects' | 'listUploads'>;

/** Listings of a bucket. */
export function listUseCases(deps: ObjectDeps): Lists {
  return {
    async listObjects(context, bucket, options) {
      await deps.policy.authorize(context, {
        action: 's3:ListBucket',
        resource: s3Arn(bucket),
        conditions: {
          's3:prefix': options?.prefix ?? '',
          's3:delimiter': options?.delimiter ?? '',
          's3:max-keys': String(options?.maxKeys ?? 1000),
        },
      });
      return deps.objects.list(bucket, options);
    },
    async listUploads(context, bucket, options) {
      await deps.policy.authorize(context, { action: 's3:ListBucketMultipartUploads', resource: s3Arn(bucket) });
      return deps.objects.uploads(bucket, options);
    },
  };
}
