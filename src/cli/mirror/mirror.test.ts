/** A bucket of one Loch taken over by another, over both S3 doors. */
import { hash, randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contextOf } from '../../testing/builders/request-context.ts';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../testing/builders/s3-lake.ts';
import { patterned } from '../../testing/faults/patterned.ts';
import { keysOf } from './listings.ts';
import { mirrorBucket } from './mirror-bucket.ts';

const Bucket = 'moved';
const DAY = 86_400_000;
const until = new Date(Math.floor((Date.now() + DAY) / 1000) * 1000);
let far: S3Lake;
let near: S3Lake;
let from: S3Client;
let to: S3Client;

const put = (Key: string, more: Partial<PutObjectCommandInput> = {}) =>
  from.send(new PutObjectCommand({ Bucket, Key, Body: `bytes of ${Key}`, ...more }));
const sides = () =>
  [
    { client: from, bucket: Bucket, prefix: '' },
    { client: to, bucket: Bucket, prefix: '' },
  ] as const;
const run = (more: { kmsKey?: string; quick?: boolean; signal?: AbortSignal } = {}) =>
  mirrorBucket(...sides(), { quick: false, signal: new AbortController().signal, ...more });

async function newKey(lake: S3Lake): Promise<string> {
  const context = contextOf('root');
  const arn = `arn:aws:iam::${S3_LAKE.accountId}:root`;
  const principal = { ...context.principal, arn, id: S3_LAKE.accountId, accountId: S3_LAKE.accountId };
  return (await lake.governance.keys.createKey({ ...context, principal, accountId: S3_LAKE.accountId }, {})).arn;
}

beforeAll(async () => {
  [far, near] = await Promise.all([
    openS3Lake({ store: { minPartBytes: 1 } }),
    openS3Lake({ store: { minPartBytes: 1 } }),
  ]);
  from = far.client(undefined, { responseChecksumValidation: 'WHEN_REQUIRED' });
  to = near.client();
  await from.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  for (let i = 0; i < 3; i++) await put('versions', { Body: `state ${i}` });
  await from.send(new DeleteObjectCommand({ Bucket, Key: 'versions' }));
  await put('versions', { Body: 'after the marker' });
  await put('described/ü &.txt', {
    ContentType: 'text/x-special',
    CacheControl: 'no-cache',
    Metadata: { owner: 'me' },
    Tagging: 'a=1&b=%C3%BC',
  });
  await put('locked', {
    ObjectLockMode: 'GOVERNANCE',
    ObjectLockRetainUntilDate: until,
    ObjectLockLegalHoldStatus: 'ON',
  });
  await put('cold', { StorageClass: 'STANDARD_IA' });
  await put('sealed', { ServerSideEncryption: 'AES256' });
  const { UploadId } = await from.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }));
  const Parts = [];
  for (const [i, size] of [100_000, 100_000, 17].entries()) {
    const Body = patterned(size, i);
    const { ETag } = await from.send(
      new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber: i + 1, Body }),
    );
    Parts.push({ PartNumber: i + 1, ETag });
  }
  await from.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'parts', UploadId, MultipartUpload: { Parts } }));
  await from.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'team', Value: 'lake' }] } }));
  const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: ['https://example.org'] }];
  await from.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  const Statement = {
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:GetObject',
    Resource: `arn:aws:s3:::${Bucket}/secret/*`,
  };
  await from.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }));
  const Rules = [{ ID: 'old', Status: 'Enabled' as const, Filter: { Prefix: 'tmp/' }, Expiration: { Days: 9 } }];
  await from.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
});
afterAll(() => Promise.all([far.close(), near.close()]));

it('takes versions, markers, parts, attributes, tags, lock dates and settings, and reports no difference', async () => {
  const report = await run();
  expect(report.differences).toEqual([]);
  expect(report).toMatchObject({ copied: 10, compared: 10 });
  const lists = await Promise.all(
    [from, to].map(async (client) => {
      const keys = [];
      for await (const { key, entries } of keysOf({ client, bucket: Bucket, prefix: '' })) {
        keys.push([key, entries.map(({ marker, etag, size }) => [marker, etag, size])]);
      }
      return keys;
    }),
  );
  expect(lists[1]).toEqual(lists[0]);
  const retention = await to.send(new GetObjectRetentionCommand({ Bucket, Key: 'locked' }));
  expect(retention.Retention).toEqual({ Mode: 'GOVERNANCE', RetainUntilDate: until });
  expect(await to.send(new HeadObjectCommand({ Bucket, Key: 'sealed' }))).toMatchObject({
    ServerSideEncryption: 'AES256',
  });
  expect((await to.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toContain('secret/*');
  const parts = await to.send(new GetObjectCommand({ Bucket, Key: 'parts', PartNumber: 2 }));
  expect(Buffer.from(await parts.Body!.transformToByteArray()).equals(patterned(100_000, 1))).toBe(true);
}, 60_000);

it('goes on where the source went on, and copies nothing twice', async () => {
  expect(await run({ quick: true })).toMatchObject({ copied: 0, differences: [] });
  await put('versions', { Body: 'one more' });
  await from.send(new DeleteObjectCommand({ Bucket, Key: 'cold' }));
  for (let i = 0; i < 6; i++) await put(`later/${i}`);
  const stop = new AbortController();
  let sent = 0;
  const counting = new Proxy(to, {
    get(client, member) {
      if (member !== 'send') return Reflect.get(client, member);
      return async (...args: Parameters<S3Client['send']>) => {
        if (args[0].constructor.name === 'PutObjectCommand' && ++sent === 3) stop.abort(new Error('cut short'));
        return client.send(...args);
      };
    },
  });
  const target = { client: counting, bucket: Bucket, prefix: '' };
  await expect(mirrorBucket(sides()[0], target, { quick: true, signal: stop.signal })).rejects.toThrow();
  const report = await run({ quick: true });
  expect(report.differences).toEqual([]);
  expect(report.copied).toBeLessThanOrEqual(8);
  expect(await run({ quick: true })).toMatchObject({ copied: 0, differences: [] });
}, 60_000);

it('lists what is under a foreign key, and what the target has of its own, instead of passing it over', async () => {
  const foreign = await newKey(far);
  await put('under-a-key', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: foreign });
  const key = randomBytes(32);
  await put('customer', {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: hash('md5', key, 'base64'),
  });
  await to.send(new PutObjectCommand({ Bucket, Key: 'own', Body: 'of the target' }));
  await to.send(new PutObjectCommand({ Bucket, Key: 'locked', Body: 'written past the mirror' }));
  const first = await run({ quick: true });
  expect(first.differences.map(({ what }) => what).sort()).toEqual(['customer', 'locked', 'own', 'under-a-key']);
  expect(first.differences.find(({ what }) => what === 'under-a-key')!.why).toContain(foreign);
  const own = await newKey(near);
  const second = await run({ quick: true, kmsKey: own });
  expect(second.differences.map(({ what }) => what).sort()).toEqual(['customer', 'locked', 'own']);
  const taken = await to.send(new GetObjectCommand({ Bucket, Key: 'under-a-key' }));
  expect(taken.SSEKMSKeyId).toBe(own);
  expect(await taken.Body!.transformToString()).toBe('bytes of under-a-key');
}, 60_000);
