/** Making, naming, telling and removing buckets, as the public conformance cases have it. */
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketLocationCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { failure, openSuite, raw, type Suite } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const create = (Bucket: string, more = {}) => suite.s3.send(new CreateBucketCommand({ Bucket, ...more }));

/** Refusals by raw requests: clients check some names themselves. */
async function refused(name: string): Promise<string> {
  const { status, code } = await raw(suite, 'PUT', `/${name}`, { body: '' });
  return `${status} ${code}`;
}

it.each([
  ['test_bucket_create_naming_bad_starts_nonalpha', '_alpha'],
  ['test_bucket_create_naming_bad_short_one', 'a'],
  ['test_bucket_create_naming_bad_short_two', 'aa'],
  ['test_bucket_create_naming_bad_ip', '192.168.5.123'],
  ['punctuation', 'alpha!soup'],
  ['test_bucket_create_naming_dns_underscore', 'foo_bar'],
  ['test_bucket_create_naming_dns_dash_at_end', 'foo-'],
  ['test_bucket_create_naming_dns_dot_dot', 'foo..bar'],
  ['test_bucket_create_naming_dns_dot_dash', 'foo.-bar'],
  ['test_bucket_create_naming_dns_dash_dot', 'foo-.bar'],
])('%s: refuses `%s`', async (_, name) => {
  expect(await refused(name)).toBe('400 InvalidBucketName');
});

it.each([
  ['test_bucket_create_naming_good_contains_period', 'aaa.111'],
  ['test_bucket_create_naming_good_contains_hyphen', 'aaa-111'],
  ['test_bucket_create_naming_good_starts_alpha', 'foo-alpha'],
  ['test_bucket_create_naming_good_starts_digit', '0-digit'],
  ['test_bucket_create_naming_good_long_60', 'a'.repeat(60)],
  ['test_bucket_create_naming_good_long_61', 'a'.repeat(61)],
  ['test_bucket_create_naming_good_long_62', 'a'.repeat(62)],
  ['test_bucket_create_naming_good_long_63', 'a'.repeat(63)],
  ['test_bucket_create_naming_dns_long', `foo${'a'.repeat(60)}`],
])('%s: takes `%s`', async (_, name) => {
  expect((await create(name)).Location).toBe(`/${name}`);
});

it('test_bucket_list_long_name: lists a bucket of the longest name', async () => {
  const Bucket = 'b'.repeat(63);
  await create(Bucket);
  expect((await suite.s3.send(new ListObjectsCommand({ Bucket }))).Contents).toBeUndefined();
});

it('says of a bucket that is made twice that it is already his', async () => {
  expect(await failure(create(await suite.bucket()))).toBe('409 BucketAlreadyOwnedByYou');
});

it('test_bucket_get_location: tells where a bucket is', async () => {
  const Bucket = await suite.bucket();
  // The region `us-east-1` is told as an empty element.
  const { LocationConstraint } = await suite.s3.send(new GetBucketLocationCommand({ Bucket }));
  expect(LocationConstraint).toBeUndefined();
});

it('refuses a bucket of another region by name', async () => {
  const CreateBucketConfiguration = { LocationConstraint: 'eu-west-1' };
  expect(await failure(create('elsewhere', { CreateBucketConfiguration }))).toBe(
    '400 IllegalLocationConstraintException',
  );
});

it('test_bucket_head: tells that a bucket is there, and its region', async () => {
  const Bucket = await suite.bucket();
  expect((await suite.s3.send(new HeadBucketCommand({ Bucket }))).BucketRegion).toBe('us-east-1');
});

it('test_bucket_head_notexist: answers 404 for one that is not', async () => {
  expect((await raw(suite, 'HEAD', '/no-such-bucket')).status).toBe(404);
});

it('test_bucket_create_delete, test_bucket_delete_notexist: removes a bucket once', async () => {
  const Bucket = await suite.bucket();
  await suite.s3.send(new DeleteBucketCommand({ Bucket }));
  expect(await failure(suite.s3.send(new DeleteBucketCommand({ Bucket })))).toBe('404 NoSuchBucket');
});

it('test_bucket_delete_nonempty: refuses to remove a bucket that holds objects', async () => {
  const Bucket = await suite.bucket(['foo']);
  expect(await failure(suite.s3.send(new DeleteBucketCommand({ Bucket })))).toBe('409 BucketNotEmpty');
});

it('refuses to remove a bucket that holds only a delete marker', async () => {
  const Bucket = await suite.bucket(['foo'], { versioned: true });
  const { versions } = await suite.versions(Bucket);
  await suite.lake.objects.delete(Bucket, 'foo');
  await suite.lake.objects.delete(Bucket, 'foo', { versionId: versions[0]! });
  expect(await failure(suite.s3.send(new DeleteBucketCommand({ Bucket })))).toBe('409 BucketNotEmpty');
});

it('test_object_write_to_nonexist_bucket: names a bucket that is not there', async () => {
  const work = suite.s3.send(new PutObjectCommand({ Bucket: 'whatchutalkinboutwillis', Key: 'foo', Body: 'foo' }));
  expect(await failure(work)).toBe('404 NoSuchBucket');
});

it('test_buckets_create_then_list, test_buckets_list_ctime: lists what was made, with its time', async () => {
  const before = Date.now();
  const made = [await suite.bucket(), await suite.bucket(), await suite.bucket()];
  const { Buckets = [] } = await suite.s3.send(new ListBucketsCommand({}));
  for (const name of made) {
    const found = Buckets.find(({ Name }) => Name === name);
    expect(found!.CreationDate!.getTime()).toBeGreaterThanOrEqual(before - 1000);
  }
});

it('test_list_buckets_paginated: lists them page by page', async () => {
  for (const name of ['paged-1', 'paged-2', 'paged-3']) await create(name);
  const page = (ContinuationToken?: string) =>
    suite.s3.send(new ListBucketsCommand({ Prefix: 'paged-', MaxBuckets: 2, ContinuationToken }));
  const first = await page();
  expect(first.Buckets!.map(({ Name }) => Name)).toEqual(['paged-1', 'paged-2']);
  const second = await page(first.ContinuationToken);
  expect(second.Buckets!.map(({ Name }) => Name)).toEqual(['paged-3']);
  expect(second.ContinuationToken).toBeUndefined();
});

it('test_bucket_create_special_key_names: takes keys of special characters', async () => {
  const keys = [' ', '"', '$', '%', '&', "'", '<', '>', '_', '_ ', '_ _', '__'];
  const Bucket = await suite.bucket(keys);
  const { Contents = [] } = await suite.s3.send(new ListObjectsCommand({ Bucket, EncodingType: 'url' }));
  expect(Contents.map(({ Key }) => decodeURIComponent(Key!))).toEqual(keys);
  for (const key of keys) expect(await suite.text(Bucket, key)).toBe(key);
});
