import { LochError } from '../../core/errors.ts';
import type { DeleteResult, ObjectHead } from '../../storage/contract.ts';
import type { S3Request } from './request.ts';

/** The version a request names, if it does. **Errors**: `invalid_argument` for an empty one. */
export function versionIdOf(request: Pick<S3Request, 'query'>): string | undefined {
  const versionId = request.query.get('versionId');
  if (versionId === '') {
    throw new LochError('invalid_argument', 'Version id cannot be the empty string.', {
      context: { argument_name: 'versionId', argument_value: '' },
    });
  }
  return versionId ?? undefined;
}

/** The id a version is shown by: S3's null version has no other. */
export const shownVersion = ({ versionId, isNull }: Pick<ObjectHead, 'versionId' | 'isNull'>): string =>
  isNull === true ? 'null' : versionId;

/** The version header of an answer; a bucket that never kept versions says nothing of them. */
export function versionHeaders(head: ObjectHead): Record<string, string> {
  return head.versioning === undefined ? {} : { 'x-amz-version-id': shownVersion(head) };
}

/**
 * The version header of the answer to a write: of a version that is kept, not of the null version that suspended
 * buckets overwrite. **Source**: ceph/s3-tests, `test_versioning_bucket_atomic_upload_return_version_id`.
 */
export const writtenVersion = (head: ObjectHead): Record<string, string> =>
  head.versioning === 'Enabled' ? versionHeaders(head) : {};

/** What a delete did, as headers. */
export function deleteHeaders({ versionId, isNull, deleteMarker }: DeleteResult): Record<string, string> {
  return {
    ...(versionId === undefined ? {} : { 'x-amz-version-id': isNull === true ? 'null' : versionId }),
    ...(deleteMarker === true ? { 'x-amz-delete-marker': 'true' } : {}),
  };
}
