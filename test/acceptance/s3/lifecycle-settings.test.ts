/** Lifecycle configurations through the official client: what a bucket takes, gives back and refuses. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openS3Lake, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';

const Bucket = 'aging';
let lake: S3Lake;
let root: s3.S3Client;

beforeAll(async () => {
  lake = await openS3Lake();
  root = lake.client();
  await root.send(new s3.CreateBucketCommand({ Bucket }));
});
afterAll(() => lake.close());

const set = (...Rules: s3.LifecycleRule[]) =>
  root.send(new s3.PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
const get = () => root.send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket }));

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return `${(error as s3.S3ServiceException).$metadata?.httpStatusCode} ${(error as Error).name}`;
  }
}

const days = (ID: string, Days: number, Prefix = 'test/'): s3.LifecycleRule => ({
  ID,
  Prefix,
  Status: 'Enabled',
  Expiration: { Days },
});

it('test_lifecycle_set, test_lifecycle_get, test_lifecycle_set_date: gives back the rules it took', async () => {
  const rules: s3.LifecycleRule[] = [
    days('rule1', 31, 'test1/'),
    { ...days('rule2', 120, 'test2/'), Status: 'Disabled' },
    { ID: 'date', Filter: { Prefix: 'd/' }, Status: 'Enabled', Expiration: { Date: new Date('2017-09-27') } },
  ];
  await set(...rules);
  const { Rules, TransitionDefaultMinimumObjectSize } = await get();
  expect(Rules).toEqual(rules);
  expect(TransitionDefaultMinimumObjectSize).toBe('all_storage_classes_128K');
});

it('test_lifecycle_get_no_id: names rules that have no name', async () => {
  await set({ Prefix: 'test1/', Status: 'Enabled', Expiration: { Days: 31 } });
  expect((await get()).Rules![0]!.ID).toMatch(/.+/);
});

it('test_lifecycle_delete: forgets them', async () => {
  await set(days('rule1', 1));
  const forget = () => root.send(new s3.DeleteBucketLifecycleCommand({ Bucket }));
  await forget();
  expect(await failure(get())).toBe('404 NoSuchLifecycleConfiguration');
  expect((await forget()).$metadata.httpStatusCode).toBe(204);
});

it('test_lifecycle_id_too_long, test_lifecycle_same_id, test_lifecycle_expiration_days0: refuses ids and days', async () => {
  expect(await failure(set(days('a'.repeat(256), 2)))).toBe('400 InvalidArgument');
  expect(await failure(set(days('rule1', 1), days('rule1', 2, 'other/')))).toBe('400 InvalidArgument');
  expect(await failure(set(days('rule1', 0)))).toBe('400 InvalidArgument');
});

it.each(['enabled', 'disabled', 'invalid'])('test_lifecycle_invalid_status: refuses the status %s', async (Status) => {
  expect(await failure(set({ ...days('rule1', 2), Status: Status as 'Enabled' }))).toBe('400 MalformedXML');
});

it('test_lifecycle_set_noncurrent, test_lifecycle_set_deletemarker, test_lifecycle_set_filter, test_lifecycle_set_empty_filter, test_lifecycle_set_multipart, test_lifecycle_set_noncurrent_transition: takes every kind of rule', async () => {
  const rules: s3.LifecycleRule[] = [
    {
      ID: 'rule1',
      Filter: {},
      Status: 'Enabled',
      NoncurrentVersionTransitions: [{ NoncurrentDays: 30, StorageClass: 'STANDARD_IA' }],
      NoncurrentVersionExpiration: { NoncurrentDays: 61, NewerNoncurrentVersions: 5 },
    },
    { ID: 'rule2', Filter: { Prefix: 'foo' }, Status: 'Enabled', Expiration: { ExpiredObjectDeleteMarker: true } },
    {
      ID: 'rule3',
      Filter: { And: { Prefix: 'x', Tags: [{ Key: 'k', Value: 'v' }], ObjectSizeGreaterThan: 2000 } },
      Status: 'Enabled',
      Transitions: [{ Days: 30, StorageClass: 'GLACIER' }],
    },
    { ID: 'rule4', Prefix: 'up/', Status: 'Disabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } },
  ];
  await set(...rules);
  expect((await get()).Rules).toEqual(rules);
});

it('test_lifecycle_transition_set_invalid_date, test_lifecycle_set_invalid_date: refuses a date that is not midnight', async () => {
  const Transitions = [{ Date: new Date('2023-09-27T01:00:00Z'), StorageClass: 'GLACIER' as const }];
  expect(await failure(set({ ID: 'r', Prefix: '', Status: 'Enabled', Transitions }))).toBe('400 InvalidArgument');
  const Expiration = { Date: new Date(20_200_101_000) };
  expect(await failure(set({ ID: 'r', Prefix: '', Status: 'Enabled', Expiration }))).toBe('400 InvalidArgument');
});

it('is for those who may change and read it', async () => {
  await set(days('rule1', 1));
  const allow = { Effect: 'Allow', Action: 's3:GetLifecycleConfiguration', Resource: `arn:aws:s3:::${Bucket}` };
  const reader = lake.client(await lake.user('reader', allow));
  expect(await failure(reader.send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket })))).toBe('none');
  expect(await failure(reader.send(new s3.DeleteBucketLifecycleCommand({ Bucket })))).toBe('403 AccessDenied');
});

it('tells when an object will go and by which rule', async () => {
  await set(days('rule 1', 8, 'exp/'), { ID: 'other', Prefix: 'exp/', Status: 'Disabled', Expiration: { Days: 1 } });
  const put = await root.send(new s3.PutObjectCommand({ Bucket, Key: 'exp/a', Body: 'x' }));
  const head = await root.send(new s3.HeadObjectCommand({ Bucket, Key: 'exp/a' }));
  const midnight = Math.ceil((head.LastModified!.getTime() + 8 * 86_400_000) / 86_400_000) * 86_400_000;
  const told = `expiry-date="${new Date(midnight).toUTCString()}", rule-id="rule%201"`;
  expect([put.Expiration, head.Expiration]).toEqual([told, told]);
  const got = await root.send(new s3.GetObjectCommand({ Bucket, Key: 'exp/a' }));
  await got.Body!.transformToString();
  expect(got.Expiration).toBe(told);
  const free = await root.send(new s3.PutObjectCommand({ Bucket, Key: 'free', Body: 'x' }));
  expect(free.Expiration).toBeUndefined();
});

it('test_lifecycle_expiration_header_and_tags_head: tells it by tags only of what has them all', async () => {
  const told = async (...Tags: s3.Tag[]) => {
    await set({ ID: 'rule1', Filter: { And: { Tags } }, Status: 'Enabled', Expiration: { Days: 1 } });
    return (await root.send(new s3.HeadObjectCommand({ Bucket, Key: 'tagged' }))).Expiration;
  };
  await root.send(new s3.PutObjectCommand({ Bucket, Key: 'tagged', Body: 'x', Tagging: 'key1=tag1&key5=tag5' }));
  const first = { Key: 'key1', Value: 'tag1' };
  expect(await told(first, { Key: 'key5', Value: 'tag5' })).toContain('rule-id="rule1"');
  expect(await told(first, { Key: 'key5', Value: 'tag6' })).toBeUndefined();
});
