/** Copies as the public conformance cases have them. */
import {
  CopyObjectCommand,
  type CopyObjectCommandInput,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { failure, MIB, openSuite, setVersioning, type Suite } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const copy = (Bucket: string, Key: string, CopySource: string, more: Partial<CopyObjectCommandInput> = {}) =>
  suite.s3.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...more }));
const head = (Bucket: string, Key: string) => suite.s3.send(new HeadObjectCommand({ Bucket, Key }));

it('test_object_copy_zero_size: copies nothing', async () => {
  const Bucket = await suite.bucket();
  await suite.put(Bucket, 'foo123bar', '');
  await copy(Bucket, 'bar321foo', `${Bucket}/foo123bar`);
  expect((await head(Bucket, 'bar321foo')).ContentLength).toBe(0);
});

it('test_object_copy_16m: copies 16 MiB', async () => {
  const Bucket = await suite.bucket();
  const bytes = Buffer.alloc(16 * MIB, 'abcdefg');
  await suite.put(Bucket, 'source', bytes);
  await copy(Bucket, 'target', `${Bucket}/source`);
  const { Body } = await suite.s3.send(new GetObjectCommand({ Bucket, Key: 'target' }));
  expect(Buffer.from(await Body!.transformToByteArray()).equals(bytes)).toBe(true);
});

it('test_object_copy_same_bucket, test_object_copy_diff_bucket: copies within a bucket and to another', async () => {
  const [one, two] = [await suite.bucket(), await suite.bucket()];
  await suite.put(one, 'foo123bar', 'foo');
  for (const Bucket of [one, two]) {
    await copy(Bucket, 'bar321foo', `${one}/foo123bar`);
    expect(await suite.text(Bucket, 'bar321foo')).toBe('foo');
  }
});

it('test_object_copy_verify_contenttype: keeps the content type', async () => {
  const Bucket = await suite.bucket();
  await suite.put(Bucket, 'foo123bar', 'foo', { ContentType: 'text/bla' });
  await copy(Bucket, 'bar321foo', `${Bucket}/foo123bar`);
  expect((await head(Bucket, 'bar321foo')).ContentType).toBe('text/bla');
});

it('test_object_copy_to_itself: refuses a copy that changes nothing', async () => {
  const Bucket = await suite.bucket(['foo123bar']);
  expect(await failure(copy(Bucket, 'foo123bar', `${Bucket}/foo123bar`))).toBe('400 InvalidRequest');
});

it('test_object_copy_to_itself_with_metadata: changes the metadata of an object', async () => {
  const Bucket = await suite.bucket(['foo123bar']);
  const Metadata = { foo: 'bar' };
  await copy(Bucket, 'foo123bar', `${Bucket}/foo123bar`, { Metadata, MetadataDirective: 'REPLACE' });
  expect((await head(Bucket, 'foo123bar')).Metadata).toEqual(Metadata);
});

it.each([3, MIB])('test_object_copy_retaining_metadata: keeps metadata of %s bytes', async (size) => {
  const Bucket = await suite.bucket();
  const given = { Metadata: { key1: 'value1', key2: 'value2' }, ContentType: 'audio/ogg' };
  await suite.put(Bucket, 'foo123bar', Buffer.alloc(size), given);
  await copy(Bucket, 'bar321foo', `${Bucket}/foo123bar`, { Metadata: { ignored: 'x' } });
  expect(await head(Bucket, 'bar321foo')).toMatchObject({ ...given, ContentLength: size });
  expect((await head(Bucket, 'bar321foo')).Metadata).toEqual(given.Metadata);
});

it.each([3, MIB])('test_object_copy_replacing_metadata: replaces metadata of %s bytes', async (size) => {
  const Bucket = await suite.bucket();
  const Metadata = { key1: 'value1', key2: 'value2' };
  await suite.put(Bucket, 'foo123bar', Buffer.alloc(size), { Metadata, ContentType: 'audio/ogg', CacheControl: 'x' });
  const own = { Metadata: { key3: 'value3', key2: 'value2' }, ContentType: 'audio/mpeg' };
  await copy(Bucket, 'bar321foo', `${Bucket}/foo123bar`, { ...own, MetadataDirective: 'REPLACE' });
  const found = await head(Bucket, 'bar321foo');
  expect(found).toMatchObject({ ...own, ContentLength: size });
  expect(found.CacheControl).toBeUndefined();
});

it('test_object_copy_bucket_not_found, test_object_copy_key_not_found: names a source that is not there', async () => {
  const Bucket = await suite.bucket();
  expect(await failure(copy(Bucket, 'bar321foo', 'no-such-bucket/foo123bar'))).toBe('404 NoSuchBucket');
  expect(await failure(copy(Bucket, 'bar321foo', `${Bucket}/foo123bar`))).toBe('404 NoSuchKey');
});

it('test_object_copy_versioned_bucket, test_versioning_copy_obj_version: copies versions into buckets of every kind', async () => {
  const versioned = await suite.bucket([], { versioned: true });
  const made = [];
  for (const body of ['one', 'two', 'three']) made.push(await suite.put(versioned, 'key', body));
  for (const target of [versioned, await suite.bucket([], { versioned: true }), await suite.bucket()]) {
    for (const [i, { VersionId }] of made.entries()) {
      const done = await copy(target, `copy-${i}`, `${versioned}/key?versionId=${VersionId}`);
      expect(done.CopySourceVersionId).toBe(VersionId);
      expect(await suite.text(target, `copy-${i}`)).toBe(['one', 'two', 'three'][i]);
    }
    await copy(target, 'newest', `${versioned}/key`);
    expect(await suite.text(target, 'newest')).toBe('three');
  }
  const plain = await suite.bucket();
  await copy(plain, 'from', `${versioned}/key`);
  expect((await copy(versioned, 'back', `${plain}/from`)).VersionId).toMatch(/.+/);
});

it('restores an old version by copying it onto its own key', async () => {
  const Bucket = await suite.bucket([], { versioned: true });
  const { VersionId } = await suite.put(Bucket, 'key', 'old');
  await suite.put(Bucket, 'key', 'new');
  await copy(Bucket, 'key', `${Bucket}/key?versionId=${VersionId}`);
  expect(await suite.text(Bucket, 'key')).toBe('old');
  expect((await suite.versions(Bucket)).versions).toHaveLength(3);
});

it('test_object_copy_versioned_url_encoding: tells a question mark of a key from the version', async () => {
  const Bucket = await suite.bucket([], { versioned: true });
  const { VersionId } = await suite.put(Bucket, 'foo?bar', 'x');
  await copy(Bucket, 'bar&foo', `${Bucket}/foo%3Fbar?versionId=${VersionId}`);
  expect(await suite.text(Bucket, 'bar&foo')).toBe('x');
});

it('names a deleted source, and refuses a delete marker as one', async () => {
  const Bucket = await suite.bucket(['key'], { versioned: true });
  const { VersionId } = await suite.s3.send(new DeleteObjectCommand({ Bucket, Key: 'key' }));
  expect(await failure(copy(Bucket, 'x', `${Bucket}/key`))).toBe('404 NoSuchKey');
  expect(await failure(copy(Bucket, 'x', `${Bucket}/key?versionId=${VersionId}`))).toBe('400 InvalidRequest');
  const none = 'f'.repeat(32);
  expect(await failure(copy(Bucket, 'x', `${Bucket}/key?versionId=${none}`))).toBe('404 NoSuchVersion');
});

it('test_versioning_obj_suspended_copy: copies the null version, and keeps the copy when it goes', async () => {
  const Bucket = await suite.bucket(['testobj1'], { versioned: true });
  await setVersioning(suite.s3, Bucket, 'Suspended');
  await suite.put(Bucket, 'testobj1', 'null content');
  const plain = await suite.bucket();
  await copy(Bucket, 'testobj2', `${Bucket}/testobj1`);
  await copy(plain, 'testobj1', `${Bucket}/testobj1`);
  await suite.s3.send(new DeleteObjectCommand({ Bucket, Key: 'testobj1' }));
  expect(await suite.text(Bucket, 'testobj2')).toBe('null content');
  expect(await suite.text(plain, 'testobj1')).toBe('null content');
});

it('test_copy_object_ifmatch_good, test_copy_object_ifmatch_failed: copies what has the ETag', async () => {
  const Bucket = await suite.bucket();
  const { ETag } = await suite.put(Bucket, 'foo', 'bar');
  await copy(Bucket, 'bar', `${Bucket}/foo`, { CopySourceIfMatch: ETag });
  expect(await suite.text(Bucket, 'bar')).toBe('bar');
  const work = copy(Bucket, 'baz', `${Bucket}/foo`, { CopySourceIfMatch: 'ABCORZ' });
  expect(await failure(work)).toBe('412 PreconditionFailed');
});

it('test_copy_object_ifnonematch_good, test_copy_object_ifnonematch_failed: copies what has another ETag', async () => {
  const Bucket = await suite.bucket();
  const { ETag } = await suite.put(Bucket, 'foo', 'bar');
  const work = copy(Bucket, 'bar', `${Bucket}/foo`, { CopySourceIfNoneMatch: ETag });
  expect(await failure(work)).toBe('412 PreconditionFailed');
  await copy(Bucket, 'bar', `${Bucket}/foo`, { CopySourceIfNoneMatch: 'ABCORZ' });
  expect(await suite.text(Bucket, 'bar')).toBe('bar');
});

it('copies tags, or replaces them, as directed', async () => {
  const Bucket = await suite.bucket();
  await suite.put(Bucket, 'foo', 'bar', { Tagging: 'a=1&b=2' });
  const tags = async (Key: string) =>
    (await suite.s3.send(new GetObjectTaggingCommand({ Bucket, Key }))).TagSet!.map(
      ({ Key: k, Value }) => `${k}=${Value}`,
    );
  await copy(Bucket, 'kept', `${Bucket}/foo`, { Tagging: 'ignored=1' });
  expect(await tags('kept')).toEqual(['a=1', 'b=2']);
  await copy(Bucket, 'own', `${Bucket}/foo`, { TaggingDirective: 'REPLACE', Tagging: 'c=3' });
  expect(await tags('own')).toEqual(['c=3']);
  await copy(Bucket, 'none', `${Bucket}/foo`, { TaggingDirective: 'REPLACE' });
  expect(await tags('none')).toEqual([]);
  const odd = copy(Bucket, 'odd', `${Bucket}/foo`, { TaggingDirective: 'MERGE' as 'COPY' });
  expect(await failure(odd)).toBe('400 InvalidArgument');
});

it('computes the checksum a copy is asked for', async () => {
  const Bucket = await suite.bucket(['foo']);
  const { CopyObjectResult } = await copy(Bucket, 'bar', `${Bucket}/foo`, { ChecksumAlgorithm: 'SHA256' });
  const { ChecksumSHA256 } = await suite.put(Bucket, 'baz', 'foo', { ChecksumAlgorithm: 'SHA256' });
  expect(CopyObjectResult!.ChecksumSHA256).toBe(ChecksumSHA256);
});
