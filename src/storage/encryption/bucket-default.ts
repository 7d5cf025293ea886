import type { BucketSettings } from '../contract.ts';
import type { EncryptionRequest } from './contract.ts';

/** How a bucket encrypts what asks for nothing, by its settings. */
export async function bucketDefaultEncryption(
  settings: Pick<BucketSettings, 'get'>,
  bucket: string,
): Promise<EncryptionRequest | undefined> {
  const value = await settings.get(bucket, 'encryption');
  if (value === undefined) return undefined;
  if (value.algorithm === 'AES256') return { algorithm: 'AES256' };
  const { keyId, bucketKey } = value;
  return {
    algorithm: 'aws:kms',
    ...(keyId === undefined ? {} : { key: keyId }),
    ...(bucketKey === undefined ? {} : { bucketKey }),
  };
}
