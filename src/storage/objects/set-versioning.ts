import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { ObjectAccess } from '../contract.ts';
import { LochError } from '../../core/errors.ts';
import type { ObjectDeps } from './object-deps.ts';

/** Has a bucket keep versions from now on, or stop keeping new ones. */
export function setVersioning(deps: ObjectDeps): ObjectAccess['setVersioning'] {
  return async (context, bucket, state) => {
    await authorizeBucket(deps, context, bucket, 's3:PutBucketVersioning');
    if (state !== 'Enabled' && (await deps.settings.get(bucket, 'replication')) !== undefined) {
      throw new LochError(
        'invalid_bucket_state',
        'A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration.',
        { context: { bucket } },
      );
    }
    await deps.objects.setVersioning(bucket, state);
  };
}
