import { LochError } from '../core/errors.ts';

export interface S3Location {
  readonly bucket: string;
  readonly key: string;
}

/** `s3://bucket/key`. */
export function formatS3Uri(location: S3Location): string {
  return `s3://${location.bucket}/${location.key}`;
}

/** Bucket and key of `s3://bucket/key` (`s3a`, `s3n` too; the key may be empty). **Errors**: `invalid_argument`. */
export function parseS3Uri(uri: string): S3Location {
  const match = /^s3[an]?:\/\/([^/]+)(?:\/(.*))?$/s.exec(uri);
  if (match === null) {
    throw new LochError('invalid_argument', `\`${uri}\` is not an S3 location. Write it as s3://bucket/prefix/.`, {
      context: { uri },
    });
  }
  return { bucket: match[1]!, key: match[2] ?? '' };
}
