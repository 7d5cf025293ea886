import { LochError } from '../../core/errors.ts';

const MAX_KEY_BYTES = 1024;
const encoder = new TextEncoder();
const BUCKET_NAME = /^(?=.{3,63}$)[a-z0-9][a-z0-9.-]*[a-z0-9]$/;

/** **Errors**: `invalid_bucket_name`. **Source**: S3 User Guide, "General purpose bucket naming rules". */
export function assertBucketName(name: string): void {
  const refused =
    !BUCKET_NAME.test(name) ||
    /\.\.|\.-|-\./.test(name) ||
    /^\d+\.\d+\.\d+\.\d+$/.test(name) ||
    name.startsWith('xn--') ||
    name.endsWith('-s3alias');
  if (!refused) return;
  throw new LochError(
    'invalid_bucket_name',
    `\`${name}\` is no bucket name. Use 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit.`,
    { context: { bucket: name } },
  );
}

/**
 * The UTF-8 bytes of a key, by which keys order.
 * **Errors**: `invalid_argument` for a key that is empty, longer than 1,024 bytes or not Unicode (a lone surrogate).
 */
export function keyBytes(key: string): Uint8Array {
  // Not a Buffer: those share a pool, and all of the pool would travel to the database thread with the key.
  const bytes = encoder.encode(key);
  if (bytes.length === 0 || bytes.length > MAX_KEY_BYTES) {
    throw new LochError(
      'invalid_argument',
      `A key has 1 to ${MAX_KEY_BYTES} bytes of UTF-8; this one has ${bytes.length}.`,
      { context: { argument: 'key', limit: MAX_KEY_BYTES, found: bytes.length } },
    );
  }
  if (!key.isWellFormed()) {
    throw new LochError('invalid_argument', 'The key is not valid Unicode: it holds half of a surrogate pair.', {
      context: { argument: 'key' },
    });
  }
  return bytes;
}

/** The bucket is not there. */
export function bucketMissing(bucket: string): LochError {
  return new LochError('bucket_not_found', `The bucket \`${bucket}\` does not exist. Create it, or list the buckets.`, {
    context: { bucket },
  });
}

/** The object is not there. */
export function objectMissing(bucket: string, key: string): LochError {
  return new LochError('object_not_found', `The bucket \`${bucket}\` has no object \`${key}\`.`, {
    context: { bucket, key },
  });
}

const VERSION_ID = /^[0-9a-f]{32}$/;

/** **Errors**: `invalid_argument` for what no version is named by. */
export function assertVersionId(versionId: string): void {
  if (versionId === 'null' || VERSION_ID.test(versionId)) return;
  throw new LochError('invalid_argument', 'Invalid version id specified.', {
    context: { argument_name: 'versionId', argument_value: versionId },
  });
}

/** The version is not there. */
export function versionMissing(bucket: string, key: string, versionId: string): LochError {
  return new LochError('version_not_found', `The object \`${key}\` has no version \`${versionId}\`.`, {
    context: { bucket, key, versionId },
  });
}

/** The key's newest version is a delete marker. `versionId` is what the door shows of it. */
export function objectMarkedDeleted(bucket: string, key: string, versionId: string): LochError {
  return new LochError('object_not_found', `The bucket \`${bucket}\` has no object \`${key}\`: it was deleted.`, {
    context: { bucket, key, versionId, deleteMarker: true },
  });
}

/** The version asked for is a delete marker: it can be removed, and nothing else. */
export function versionIsMarker(bucket: string, key: string, versionId: string, lastModified: number): LochError {
  return new LochError('version_is_marker', `The version \`${versionId}\` of \`${key}\` is a delete marker.`, {
    context: { bucket, key, versionId, lastModified, deleteMarker: true },
  });
}

/** The multipart upload is not there: completed, aborted or never begun. */
export function uploadMissing(upload: { readonly bucket: string; readonly key: string; readonly uploadId: string }) {
  return new LochError(
    'upload_not_found',
    `The upload \`${upload.uploadId}\` of \`${upload.key}\` does not exist; it may have been completed or aborted. Begin a new one.`,
    { context: { bucket: upload.bucket, key: upload.key, uploadId: upload.uploadId } },
  );
}
