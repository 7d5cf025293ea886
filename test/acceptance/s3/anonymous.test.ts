/** Requests that nobody signed: the cases of the public S3 suite, by their names. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openS3Conformance, outcomeOf, type S3Conformance } from '../../../src/testing/builders/s3-conformance.ts';

let world: S3Conformance;
beforeAll(async () => {
  world = await openS3Conformance();
});
afterAll(() => world.close());

const read = (client: s3.S3Client, Bucket: string, Key = 'foo') =>
  outcomeOf(client.send(new s3.GetObjectCommand({ Bucket, Key })).then(({ Body }) => Body!.transformToByteArray()));
const put = (client: s3.S3Client, Bucket: string, more: Partial<s3.PutObjectCommandInput> = {}) =>
  outcomeOf(client.send(new s3.PutObjectCommand({ Bucket, Key: 'foo', Body: 'foo', ...more })));
const remove = (client: s3.S3Client, Bucket: string) =>
  outcomeOf(client.send(new s3.DeleteObjectCommand({ Bucket, Key: 'foo' })));

async function setup(bucket: s3.BucketCannedACL, object: s3.ObjectCannedACL): Promise<string> {
  const Bucket = await world.bucket({ ACL: bucket });
  await put(world.main, Bucket, { ACL: object });
  return Bucket;
}

it('test_object_raw_get, test_object_raw_authenticated: reads a public object of a public bucket', async () => {
  const Bucket = await setup('public-read', 'public-read');
  expect(await read(world.nobody, Bucket)).toBe('done');
  expect(await read(world.main, Bucket)).toBe('done');
});

it('test_object_raw_get_bucket_acl, test_object_raw_authenticated_bucket_acl: reads a public object of a private bucket', async () => {
  const Bucket = await setup('private', 'public-read');
  expect(await read(world.nobody, Bucket)).toBe('done');
  expect(await read(world.main, Bucket)).toBe('done');
});

it('test_object_raw_get_object_acl, test_object_raw_authenticated_object_acl: reads no private object of a public bucket', async () => {
  const Bucket = await setup('public-read', 'private');
  expect(await read(world.nobody, Bucket)).toBe('403 AccessDenied');
  expect(await read(world.main, Bucket)).toBe('done');
});

it('test_object_raw_get_object_gone, test_object_raw_authenticated_object_gone: learns what is gone from a public bucket', async () => {
  const Bucket = await setup('public-read', 'public-read');
  await remove(world.main, Bucket);
  expect(await read(world.nobody, Bucket)).toBe('404 NoSuchKey');
  expect(await read(world.main, Bucket)).toBe('404 NoSuchKey');
  const closed = await world.bucket();
  expect(await read(world.nobody, closed)).toBe('403 AccessDenied');
});

it('test_object_raw_get_bucket_gone, test_object_delete_key_bucket_gone: learns that a bucket is gone', async () => {
  const Bucket = await setup('public-read', 'public-read');
  await remove(world.main, Bucket);
  await world.main.send(new s3.DeleteBucketCommand({ Bucket }));
  expect(await read(world.nobody, Bucket)).toBe('404 NoSuchBucket');
  expect(await remove(world.nobody, Bucket)).toBe('404 NoSuchBucket');
  expect(await read(world.main, Bucket)).toBe('404 NoSuchBucket');
});

it('test_object_raw_response_headers: changes the headers of an answer for a signed request alone', async () => {
  const Bucket = await setup('private', 'public-read');
  const ResponseContentType = 'foo/bar';
  const { ContentType } = await world.main.send(
    new s3.GetObjectCommand({ Bucket, Key: 'foo', ResponseContentType, ResponseCacheControl: 'no-cache' }),
  );
  expect(ContentType).toBe('foo/bar');
  const unsigned = await fetch(world.url(Bucket, 'foo?response-content-type=foo/bar'));
  expect(unsigned.status).toBe(400);
});

it('test_object_anon_put: writes nowhere by itself', async () => {
  const Bucket = await world.bucket({}, ['foo']);
  expect(await put(world.nobody, Bucket)).toBe('403 AccessDenied');
});

it('test_object_anon_put_write_access, test_object_put_authenticated: writes where everybody may', async () => {
  const Bucket = await world.bucket({ ACL: 'public-read-write' }, ['foo']);
  expect(await put(world.nobody, Bucket)).toBe('done');
  expect(await put(world.main, Bucket)).toBe('done');
});

it('test_bucket_list_objects_anonymous, test_bucket_listv2_objects_anonymous: lists a public bucket', async () => {
  const Bucket = await world.bucket({ ACL: 'public-read' });
  expect(await outcomeOf(world.nobody.send(new s3.ListObjectsCommand({ Bucket })))).toBe('done');
  expect(await outcomeOf(world.nobody.send(new s3.ListObjectsV2Command({ Bucket })))).toBe('done');
});

it('test_bucket_list_objects_anonymous_fail, test_bucket_listv2_objects_anonymous_fail: lists no other', async () => {
  const Bucket = await world.bucket();
  expect(await outcomeOf(world.nobody.send(new s3.ListObjectsCommand({ Bucket })))).toBe('403 AccessDenied');
  expect(await outcomeOf(world.nobody.send(new s3.ListObjectsV2Command({ Bucket })))).toBe('403 AccessDenied');
});

it('has no buckets to list', async () => {
  expect(await outcomeOf(world.nobody.send(new s3.ListBucketsCommand({})))).toBe('403 AccessDenied');
});

it('test_list_buckets_invalid_auth, test_list_buckets_bad_auth: is not whoever it says without proof', async () => {
  const list = (accessKeyId: string) => {
    const client = world.lake.client({ accessKeyId, secretAccessKey: 'roflmao' });
    return outcomeOf(client.send(new s3.ListBucketsCommand({})));
  };
  expect(await list('AAAAAAAAAAAAAAAAAAAA')).toBe('403 InvalidAccessKeyId');
  expect(await list(world.mainKey.accessKeyId)).toBe('403 SignatureDoesNotMatch');
});

it('test_bucket_create_exists_nonowner: makes no bucket under the name of another account’s', async () => {
  const Bucket = await world.bucket();
  expect(await outcomeOf(world.alt.send(new s3.CreateBucketCommand({ Bucket })))).toBe('409 BucketAlreadyExists');
});
