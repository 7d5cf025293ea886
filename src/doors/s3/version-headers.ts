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

/** What a delete did, as headers. */
export function deleteHeaders({ versionId, isNull, deleteMarker }: DeleteResult): Record<string, string> {
  return {
    ...(versionId === undefined ? {} : { 'x-amz-version-id': isNull === true ? 'null' : versionId }),
    ...(deleteMarker === true ? { 'x-amz-delete-marker': 'true' } : {}),
  };
}
