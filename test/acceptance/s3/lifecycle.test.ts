/** Lifecycle rules at work, under a clock that the test moves: what is gone, moved and left after so many days. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixedClock } from '../../../src/core/clock.ts';
import { contextOf } from '../../../src/testing/builders/test-lake.ts';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';

const DAY = 86_400_000;
const clock = fixedClock(Date.parse('2024-03-01T00:00:00Z'));
let lake: S3Lake;
let made = 0;

beforeAll(async () => {
  lake = await openS3Lake({ clock });
});
afterAll(() => lake.close());

/** A client that signs by the test's clock. */
const client = () => lake.client(lake.rootKey, { systemClockOffset: clock.now() - Date.now() });

async function bucketWith(rules: s3.LifecycleRule[], versioned = false): Promise<string> {
  const Bucket = `expiring-${made++}`;
  await client().send(new s3.CreateBucketCommand({ Bucket }));
  if (versioned) {
    await lake.objects.setVersioning(Bucket, 'Enabled');
  }
  await client().send(
    new s3.PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: rules } }),
  );
  return Bucket;
}

/** Moves the clock on by `days` and runs the rules. */
async function after(days: number, Bucket: string): Promise<void> {
  clock.advance(days * DAY);
  const root = await lake.governance.identities.principal(`arn:aws:iam::${S3_LAKE.accountId}:root`);
  await lake.upkeep.lifecycle.run({ ...contextOf(root!), startedAt: clock.now() }, Bucket);
}

const put = (Bucket: string, ...keys: string[]) =>
  Promise.all(keys.map((Key) => lake.objects.put(Bucket, Key, Buffer.from('bar'), { contentType: 'text/plain' })));
const keys = async (Bucket: string) =>
  ((await client().send(new s3.ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const versions = async (Bucket: string) => (await lake.objects.listVersions(Bucket)).versions;

it('test_lifecycle_expiration, test_lifecyclev2_expiration: removes what is old enough under each prefix', async () => {
  const Bucket = await bucketWith([
    { ID: 'rule1', Prefix: 'expire1/', Status: 'Enabled', Expiration: { Days: 1 } },
    { ID: 'rule2', Filter: { Prefix: 'expire3/' }, Status: 'Enabled', Expiration: { Days: 5 } },
  ]);
  await put(Bucket, 'expire1/bar', 'expire1/foo', 'expire3/bar', 'expire3/foo', 'keep2/bar', 'keep2/foo');
  expect(await keys(Bucket)).toHaveLength(6);
  await after(2, Bucket);
  expect(await keys(Bucket)).toEqual(['expire3/bar', 'expire3/foo', 'keep2/bar', 'keep2/foo']);
  await after(2, Bucket);
  expect(await keys(Bucket)).toHaveLength(4);
  await after(2, Bucket);
  expect(await keys(Bucket)).toEqual(['keep2/bar', 'keep2/foo']);
});

it('test_lifecycle_expiration_date: applies a date that has come', async () => {
  const Bucket = await bucketWith([
    { ID: 'rule1', Prefix: 'past/', Status: 'Enabled', Expiration: { Date: new Date('2015-01-01') } },
    { ID: 'rule2', Prefix: 'future/', Status: 'Enabled', Expiration: { Date: new Date('2030-01-01') } },
  ]);
  await put(Bucket, 'past/foo', 'future/bar');
  await after(0, Bucket);
  expect(await keys(Bucket)).toEqual(['future/bar']);
});

it('asks for all tags of a filter', async () => {
  const tags = [
    { Key: 'tom', Value: 'jones' },
    { Key: 'gar', Value: 'fish' },
  ];
  const Bucket = await bucketWith([
    { ID: 'rule1', Filter: { And: { Prefix: 'days1/', Tags: tags } }, Status: 'Enabled', Expiration: { Days: 1 } },
  ]);
  const tagged = (key: string, of: Record<string, string>) =>
    lake.objects.put(Bucket, key, Buffer.from('x'), { attributes: { tags: of } });
  await tagged('days1/foo', { tom: 'jones' });
  await tagged('days1/bar', { tom: 'jones', gar: 'fish', more: 'y' });
  await after(3, Bucket);
  expect(await keys(Bucket)).toEqual(['days1/foo']);
});

it('asks for the sizes of a filter', async () => {
  const sized = (ID: string, Filter: s3.LifecycleRuleFilter): s3.LifecycleRule => ({
    ID,
    Filter,
    Status: 'Enabled',
    Expiration: { Days: 1 },
  });
  const Bucket = await bucketWith([
    sized('gt', { And: { Prefix: 'gt/', ObjectSizeGreaterThan: 2 } }),
    sized('lt', { And: { Prefix: 'lt/', ObjectSizeLessThan: 2 } }),
  ]);
  for (const prefix of ['gt', 'lt']) {
    for (const size of [1, 2, 3]) await lake.objects.put(Bucket, `${prefix}/${size}`, Buffer.alloc(size));
  }
  await after(2, Bucket);
  expect(await keys(Bucket)).toEqual(['gt/1', 'gt/2', 'lt/2', 'lt/3']);
});

it('test_lifecycle_expiration_versioning_enabled: marks the current version and keeps it', async () => {
  const rule: s3.LifecycleRule = { ID: 'rule1', Prefix: 'test1/', Status: 'Enabled', Expiration: { Days: 1 } };
  const Bucket = await bucketWith([rule], true);
  await put(Bucket, 'test1/a', 'test1/b');
  await lake.objects.delete(Bucket, 'test1/b');
  await after(2, Bucket);
  expect(await keys(Bucket)).toEqual([]);
  expect((await versions(Bucket)).map(({ deleteMarker }) => deleteMarker === true)).toEqual([true, false, true, false]);
  await after(30, Bucket);
  expect(await versions(Bucket)).toHaveLength(4);
});

it('test_lifecycle_noncur_expiration, test_lifecycle_expiration_newer_noncurrent: removes old versions beyond the newest', async () => {
  const rule = (ID: string, Prefix: string, expiration: s3.NoncurrentVersionExpiration): s3.LifecycleRule => ({
    ID,
    Filter: { Prefix },
    Status: 'Enabled',
    NoncurrentVersionExpiration: expiration,
  });
  const rules = [
    rule('all', 'all/', { NoncurrentDays: 2 }),
    rule('newer', 'newer/', { NoncurrentDays: 1, NewerNoncurrentVersions: 5 }),
  ];
  const Bucket = await bucketWith(rules, true);
  for (let i = 0; i < 3; i++) await put(Bucket, 'all/a');
  for (let i = 0; i < 10; i++) await put(Bucket, 'newer/a');
  await after(5, Bucket);
  const left = (await versions(Bucket)).map(({ key }) => key);
  expect(left.filter((key) => key === 'all/a')).toHaveLength(1);
  expect(left.filter((key) => key === 'newer/a')).toHaveLength(6);
});

it('test_lifecycle_deletemarker_expiration: removes a marker once nothing stands behind it', async () => {
  const rule: s3.LifecycleRule = {
    ID: 'rule1',
    Prefix: 'test1/',
    Status: 'Enabled',
    NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    Expiration: { ExpiredObjectDeleteMarker: true },
  };
  const Bucket = await bucketWith([rule], true);
  await put(Bucket, 'test1/a', 'test2/a');
  await lake.objects.delete(Bucket, 'test1/a');
  await lake.objects.delete(Bucket, 'test2/a');
  await after(3, Bucket);
  await after(1, Bucket);
  expect((await versions(Bucket)).map(({ key }) => key)).toEqual(['test2/a', 'test2/a']);
});

it('test_lifecycle_deletemarker_expiration_with_days_tag: removes a marker with nothing behind it by its days', async () => {
  const rule: s3.LifecycleRule = {
    ID: 'rule1',
    Prefix: 'test1/',
    Status: 'Enabled',
    NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    Expiration: { Days: 5 },
  };
  const Bucket = await bucketWith([rule], true);
  await put(Bucket, 'test1/a');
  await lake.objects.delete(Bucket, 'test1/a');
  await after(2, Bucket);
  expect((await versions(Bucket)).map(({ deleteMarker }) => deleteMarker === true)).toEqual([true]);
  await after(5, Bucket);
  expect(await versions(Bucket)).toEqual([]);
});

it('test_lifecycle_multipart_expiration: aborts uploads that nobody finishes', async () => {
  const abort = { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } };
  const Bucket = await bucketWith([{ ID: 'rule1', Prefix: 'test1/', Status: 'Enabled', ...abort }]);
  await lake.objects.createUpload(Bucket, 'test1/a');
  await lake.objects.createUpload(Bucket, 'test2/b');
  await after(4, Bucket);
  const { Uploads } = await client().send(new s3.ListMultipartUploadsCommand({ Bucket }));
  expect(Uploads!.map(({ Key }) => Key)).toEqual(['test2/b']);
});

it('moves what nobody has read for so long, and leaves alone what was read or is not known', async () => {
  const Bucket = await bucketWith([{ ID: 'none', Prefix: 'none/', Status: 'Enabled', Expiration: { Days: 1 } }]);
  const big = Buffer.alloc(200_000);
  for (const key of ['idle', 'read']) await lake.objects.put(Bucket, key, big);
  const transition = { daysSinceAccess: 30, storageClass: 'STANDARD_IA' as const };
  const root = contextOf((await lake.governance.identities.principal(`arn:aws:iam::${S3_LAKE.accountId}:root`))!);
  const rules = [{ id: 'idle', enabled: true, form: 'filter' as const, filter: {}, transitions: [transition] }];
  await lake.settings.put(root, { bucket: Bucket, kind: 'lifecycle' }, { rules });
  const classes = async () =>
    (await lake.objects.list(Bucket)).objects.map(({ attributes }) => attributes.storageClass ?? 'STANDARD');
  // The first pass begins to note reads: what was before it is not known.
  await after(100, Bucket);
  expect(await classes()).toEqual(['STANDARD', 'STANDARD']);
  clock.advance(20 * DAY);
  const { Body } = await client().send(new s3.GetObjectCommand({ Bucket, Key: 'read' }));
  await Body!.transformToByteArray();
  await after(11, Bucket);
  expect(await classes()).toEqual(['STANDARD_IA', 'STANDARD']);
});

it('is started by who may change the rules, and by nobody else', async () => {
  const Bucket = await bucketWith([{ ID: 'r', Prefix: '', Status: 'Enabled', Expiration: { Days: 1 } }]);
  const key = await lake.user('looker', { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' });
  const looker = (await lake.governance.identities.accessKey(key.accessKeyId))!.principal;
  await expect(lake.upkeep.lifecycle.run(contextOf(looker), Bucket)).rejects.toMatchObject({ code: 'access_denied' });
  expect(await lake.upkeep.lifecycle.list(contextOf(looker))).toEqual([]);
});
