/** Storage classes, archives and restores through the official client. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixedClock } from '../../../src/core/clock.ts';
import { openS3Lake, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';

const DAY = 86_400_000;
const Bucket = 'classes';
const clock = fixedClock(Date.parse('2024-03-01T12:00:00Z'));
let lake: S3Lake;

beforeAll(async () => {
  lake = await openS3Lake({ clock });
  await client().send(new s3.CreateBucketCommand({ Bucket }));
});
afterAll(() => lake.close());

/** A client that signs by the test's clock. */
const client = () => lake.client(lake.rootKey, { systemClockOffset: clock.now() - Date.now() });

const put = (Key: string, input: Partial<s3.PutObjectCommandInput> = {}) =>
  client().send(new s3.PutObjectCommand({ Bucket, Key, Body: 'body of it', ...input }));
const head = (Key: string) => client().send(new s3.HeadObjectCommand({ Bucket, Key }));
const text = async (Key: string, Range?: string) =>
  (await client().send(new s3.GetObjectCommand({ Bucket, Key, Range }))).Body!.transformToString();
const restore = (Key: string, Days: number) =>
  client().send(
    new s3.RestoreObjectCommand({ Bucket, Key, RestoreRequest: { Days, GlacierJobParameters: { Tier: 'Bulk' } } }),
  );

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return `${(error as s3.S3ServiceException).$metadata?.httpStatusCode} ${(error as Error).name}`;
  }
}

it.each(['STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR', 'REDUCED_REDUNDANCY', 'INTELLIGENT_TIERING'] as const)(
  '%s: is told by heads and listings, and read as ever',
  async (StorageClass) => {
    const { ETag } = await put(StorageClass, { StorageClass });
    await lake.objects.tiers!.settle();
    expect(await head(StorageClass)).toMatchObject({ StorageClass, ETag, ContentLength: 10 });
    expect(await text(StorageClass)).toBe('body of it');
    expect(await text(StorageClass, 'bytes=5-6')).toBe('of');
    const { Contents } = await client().send(new s3.ListObjectsV2Command({ Bucket, Prefix: StorageClass }));
    expect(Contents).toMatchObject([{ StorageClass, ETag, Size: 10 }]);
  },
);

it('tells nothing of STANDARD in a head, and refuses a class that is none or has no tier', async () => {
  await put('plain', { StorageClass: 'STANDARD' });
  expect((await head('plain')).StorageClass).toBeUndefined();
  expect(await failure(put('x', { StorageClass: 'FROZEN' as s3.StorageClass }))).toBe('400 InvalidStorageClass');
  expect(await failure(put('x', { StorageClass: 'OUTPOSTS' }))).toBe('400 InvalidStorageClass');
});

it('changes the class by a copy onto itself, and gives uploads in parts one', async () => {
  await put('copied');
  const CopySource = `${Bucket}/copied`;
  await client().send(new s3.CopyObjectCommand({ Bucket, Key: 'copied', CopySource, StorageClass: 'ONEZONE_IA' }));
  expect((await head('copied')).StorageClass).toBe('ONEZONE_IA');
  const upload = { Bucket, Key: 'parts' };
  const { UploadId } = await client().send(
    new s3.CreateMultipartUploadCommand({ ...upload, StorageClass: 'STANDARD_IA' }),
  );
  const part = await client().send(new s3.UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: 'one' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: part.ETag }] };
  await client().send(new s3.CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload }));
  expect((await head('parts')).StorageClass).toBe('STANDARD_IA');
});

it('reads an archived object only while it is restored', async () => {
  await put('old', { StorageClass: 'GLACIER' });
  await lake.objects.tiers!.settle();
  expect(await failure(text('old'))).toBe('403 InvalidObjectState');
  const CopySource = `${Bucket}/old`;
  expect(await failure(client().send(new s3.CopyObjectCommand({ Bucket, Key: 'c', CopySource })))).toBe(
    '403 InvalidObjectState',
  );
  expect((await restore('old', 2)).$metadata.httpStatusCode).toBe(202);
  expect((await head('old')).Restore).toBe('ongoing-request="true"');
  expect(await failure(restore('old', 2))).toBe('409 RestoreAlreadyInProgress');
  await lake.objects.tiers!.settle();
  expect(await head('old')).toMatchObject({
    Restore: 'ongoing-request="false", expiry-date="Mon, 04 Mar 2024 00:00:00 GMT"',
    StorageClass: 'GLACIER',
  });
  expect(await text('old')).toBe('body of it');
  expect((await restore('old', 10)).$metadata.httpStatusCode).toBe(200);
  clock.advance(12 * DAY);
  await lake.objects.tiers!.settle();
  expect(await failure(text('old'))).toBe('403 InvalidObjectState');
  expect((await head('old')).Restore).toBeUndefined();
});

it('refuses to restore what is not archived, and days that are none', async () => {
  await put('warm');
  expect(await failure(restore('warm', 1))).toBe('403 InvalidObjectState');
  expect(await failure(restore('old', 0))).toBe('400 InvalidArgument');
  expect(await failure(restore('absent', 1))).toBe('404 NoSuchKey');
  const nobody = lake.client(await lake.user('nobody', { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }), {
    systemClockOffset: clock.now() - Date.now(),
  });
  const asked = new s3.RestoreObjectCommand({ Bucket, Key: 'old', RestoreRequest: { Days: 1 } });
  expect(await failure(nobody.send(asked))).toBe('403 AccessDenied');
});
