import type { RequestContext } from '../../core/caller.ts';
import type { LochError } from '../../core/errors.ts';
import { createDigest } from '../checksums/digest.ts';
import type { ObjectAccess, VersionName } from '../contract.ts';
import type { ReplicationRuns } from '../replication/contract-types.ts';
import type { BatchOperation } from './contract-types.ts';

/**
 * Does the operation to one object in the caller's name, by the same use-cases as his own requests. Resolves with what a
 * report tells of it.
 */
export async function runTask(
  deps: { readonly access: ObjectAccess; readonly replication: ReplicationRuns },
  context: RequestContext,
  operation: BatchOperation,
  name: VersionName,
): Promise<string> {
  const { access } = deps;
  switch (operation.kind) {
    case 'copy':
      return copy(access, context, operation, name);
    case 'putTags':
      await access.changeAttributes(context, 'PutObjectTagging', name, { tags: operation.tags });
      return 'Successful';
    case 'deleteTags':
      await access.changeAttributes(context, 'DeleteObjectTagging', name, { tags: null });
      return 'Successful';
    case 'putAcl':
      await access.putObjectAcl(context, name, operation.acl);
      return 'Successful';
    case 'restore':
      await access.restoreObject(context, name, operation.days);
      return 'Successful';
    case 'legalHold':
      await access.changeAttributes(context, 'PutObjectLegalHold', name, { legalHold: operation.on });
      return 'Successful';
    case 'retention': {
      const { retention = null, bypassGovernance } = operation;
      await access.changeAttributes(context, 'PutObjectRetention', name, { retention }, { bypassGovernance });
      return 'Successful';
    }
    case 'replicate':
      await deps.replication.replicate(context, name);
      return 'Successful';
    case 'checksum':
      return checksum(access, context, operation.algorithm, name);
  }
}

async function copy(
  access: ObjectAccess,
  context: RequestContext,
  operation: Extract<BatchOperation, { kind: 'copy' }>,
  name: VersionName,
): Promise<string> {
  const { folder, bucket, options, onlyIf } = operation;
  const key = folder === undefined || folder === '' ? name.key : `${folder.replace(/\/$/, '')}/${name.key}`;
  const source = {
    ...(onlyIf?.modifiedSince === undefined ? {} : { ifModifiedSince: onlyIf.modifiedSince }),
    ...(onlyIf?.unmodifiedSince === undefined ? {} : { ifUnmodifiedSince: onlyIf.unmodifiedSince }),
  };
  const head = await access.copyObject(context, name, { bucket, key }, { ...options, source });
  return JSON.stringify({
    ETag: head.etag.replaceAll('"', ''),
    ...(head.versioning === undefined ? {} : { versionId: head.versionId }),
  });
}

async function checksum(
  access: ObjectAccess,
  context: RequestContext,
  algorithm: Extract<BatchOperation, { kind: 'checksum' }>['algorithm'],
  name: VersionName,
): Promise<string> {
  const { bucket, key, versionId } = name;
  const read = await access.getObject(context, { bucket, key }, versionId === undefined ? {} : { versionId });
  const digest = createDigest(algorithm);
  for await (const chunk of read.body) digest.update(chunk as Uint8Array);
  const value = digest.digest();
  return JSON.stringify({
    checksum_base64: value.toString('base64'),
    etag: read.head.etag.replaceAll('"', ''),
    checksumAlgorithm: algorithm.toUpperCase(),
    checksumType: 'FULL_OBJECT',
    checksum_hex: value.toString('hex').toUpperCase(),
  });
}

const NAMES: Readonly<Record<string, string>> = {
  object_not_found: 'NoSuchKey',
  version_not_found: 'NoSuchVersion',
  bucket_not_found: 'NoSuchBucket',
  version_is_marker: 'MethodNotAllowed',
  invalid_object_state: 'InvalidObjectState',
  acl_not_supported: 'AccessControlListNotSupported',
  object_lock_missing: 'InvalidRequest',
};

/** S3's name of a failure, for a report. */
export function failureName(error: LochError): string {
  const finer = error.context.s3_code;
  if (typeof finer === 'string') return finer;
  return NAMES[error.code] ?? error.code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
