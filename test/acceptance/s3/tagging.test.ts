/** Tags of objects as the public conformance cases have them. */
import {
  DeleteObjectTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { failure, openSuite, type Suite } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const Key = 'testobj';
const set = (count: number, key = (i: number) => `${i}`, value = (i: number) => `${i}`) =>
  Array.from({ length: count }, (_, i) => ({ Key: key(i), Value: value(i) }));
const put = (Bucket: string, TagSet: { Key: string; Value: string }[], more = {}) =>
  suite.s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet }, ...more }));
const get = async (Bucket: string, more = {}) =>
  (await suite.s3.send(new GetObjectTaggingCommand({ Bucket, Key, ...more }))).TagSet!;

it('test_get_obj_tagging: gives back tags as they were set', async () => {
  const Bucket = await suite.bucket([Key]);
  expect(await get(Bucket)).toEqual([]);
  await put(Bucket, set(2));
  expect(await get(Bucket)).toEqual(set(2));
});

it('test_get_obj_head_tagging: counts the tags of an object', async () => {
  const Bucket = await suite.bucket([Key]);
  expect((await suite.s3.send(new HeadObjectCommand({ Bucket, Key }))).TagCount).toBeUndefined();
  await put(Bucket, set(2));
  expect((await suite.s3.send(new HeadObjectCommand({ Bucket, Key }))).TagCount).toBe(2);
  expect((await suite.s3.send(new GetObjectCommand({ Bucket, Key }))).TagCount).toBe(2);
});

it('test_put_max_tags, test_put_excess_tags: takes ten tags and no more', async () => {
  const Bucket = await suite.bucket([Key]);
  expect(await failure(put(Bucket, set(11)))).toBe('400 InvalidTag');
  expect(await get(Bucket)).toEqual([]);
  await put(Bucket, set(10));
  expect(await get(Bucket)).toEqual(set(10));
});

it('test_put_max_kvsize_tags, test_put_excess_key_tags, test_put_excess_val_tags: takes keys of 128 characters and values of 256', async () => {
  const Bucket = await suite.bucket([Key]);
  const key = (length: number) => (i: number) => `${i}`.padEnd(length, 'k');
  const value = (length: number) => (i: number) => `${i}`.padEnd(length, 'v');
  expect(await failure(put(Bucket, set(10, key(129))))).toBe('400 InvalidTag');
  expect(await failure(put(Bucket, set(10, key(128), value(257))))).toBe('400 InvalidTag');
  expect(await get(Bucket)).toEqual([]);
  const most = set(10, key(128), value(256));
  await put(Bucket, most);
  expect(await get(Bucket)).toEqual(most);
});

it('test_put_modify_tags: replaces all tags with those that come', async () => {
  const Bucket = await suite.bucket([Key]);
  await put(Bucket, [
    { Key: 'key', Value: 'val' },
    { Key: 'key2', Value: 'val2' },
  ]);
  await put(Bucket, [{ Key: 'key3', Value: 'val3' }]);
  expect(await get(Bucket)).toEqual([{ Key: 'key3', Value: 'val3' }]);
});

it('test_put_delete_tags: takes tags away, and again', async () => {
  const Bucket = await suite.bucket([Key]);
  await put(Bucket, set(5));
  for (const _ of [1, 2]) {
    const { $metadata } = await suite.s3.send(new DeleteObjectTaggingCommand({ Bucket, Key }));
    expect($metadata.httpStatusCode).toBe(204);
    expect(await get(Bucket)).toEqual([]);
  }
});

it('test_put_obj_with_tags: takes tags with the object, and tells them by key', async () => {
  const Bucket = await suite.bucket();
  await suite.put(Bucket, Key, 'x', { Tagging: 'foo=bar&bar' });
  expect(await get(Bucket)).toEqual([
    { Key: 'bar', Value: '' },
    { Key: 'foo', Value: 'bar' },
  ]);
  await suite.put(Bucket, Key, 'x');
  expect(await get(Bucket)).toEqual([]);
  const bad = ['a=1&a=2', 'aws:x=1', '=x', Array.from({ length: 11 }, (_, i) => `k${i}=v`).join('&')];
  for (const Tagging of bad) {
    const work = suite.s3.send(new PutObjectCommand({ Bucket, Key, Body: 'y', Tagging }));
    expect(await failure(work), Tagging).toBe('400 InvalidTag');
  }
  expect(await suite.text(Bucket, Key)).toBe('x');
});

it('refuses a key that stands twice', async () => {
  const Bucket = await suite.bucket([Key]);
  expect(await failure(put(Bucket, [...set(1), ...set(1)]))).toBe('400 InvalidTag');
});

it('keeps tags of each version apart', async () => {
  const Bucket = await suite.bucket([], { versioned: true });
  const one = await suite.put(Bucket, Key, '1', { Tagging: 'v=1' });
  const two = await suite.put(Bucket, Key, '2');
  const VersionId = one.VersionId!;
  expect((await put(Bucket, set(3), { VersionId })).VersionId).toBe(VersionId);
  expect(await get(Bucket)).toEqual([]);
  expect(await get(Bucket, { VersionId })).toEqual(set(3));
  await suite.s3.send(new DeleteObjectTaggingCommand({ Bucket, Key, VersionId }));
  expect(await get(Bucket, { VersionId })).toEqual([]);
  expect(await get(Bucket, { VersionId: two.VersionId })).toEqual([]);
});

it('names objects and versions that are not there', async () => {
  const Bucket = await suite.bucket();
  expect(await failure(get(Bucket))).toBe('404 NoSuchKey');
  expect(await failure(put(Bucket, set(1)))).toBe('404 NoSuchKey');
  expect(await failure(get(Bucket, { VersionId: 'f'.repeat(32) }))).toBe('404 NoSuchVersion');
});
