/** Versions and delete markers as the public conformance cases have them. */
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, openSuite, raw, type Suite, setVersioning } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const versioned = (keys: readonly string[] = []) => suite.bucket(keys, { versioned: true });
const remove = (Bucket: string, Key: string, VersionId?: string) =>
  suite.s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
const listed = (Bucket: string, more = {}) => suite.s3.send(new ListObjectVersionsCommand({ Bucket, ...more }));
const missing = (Bucket: string, Key: string) => failure(suite.s3.send(new GetObjectCommand({ Bucket, Key })));

/** Versions of a key, oldest first, as their ids and bodies. */
interface Written {
  ids: string[];
  bodies: string[];
}

async function write(Bucket: string, Key: string, count: number, into: Written = { ids: [], bodies: [] }) {
  for (let i = 0; i < count; i++) {
    const body = `content-${into.ids.length}-${i}`;
    into.ids.push((await suite.put(Bucket, Key, body)).VersionId!);
    into.bodies.push(body);
  }
  return into;
}

/** The listing and every version read what was written. */
async function expectVersions(Bucket: string, Key: string, { ids, bodies }: Written): Promise<void> {
  expect((await suite.versions(Bucket)).versions).toEqual([...ids].reverse());
  for (const [i, VersionId] of ids.entries()) expect(await suite.text(Bucket, Key, { VersionId })).toBe(bodies[i]);
}

/** Removes the version at `index`, counted from the end when negative. */
async function removeAt(Bucket: string, Key: string, written: Written, index: number): Promise<void> {
  const at = ((index % written.ids.length) + written.ids.length) % written.ids.length;
  const [VersionId] = written.ids.splice(at, 1);
  const [body] = written.bodies.splice(at, 1);
  expect(await suite.text(Bucket, Key, { VersionId: VersionId! })).toBe(body);
  expect((await remove(Bucket, Key, VersionId)).VersionId).toBe(VersionId);
  await expectVersions(Bucket, Key, written);
}

it('test_versioning_bucket_create_suspend: takes and tells the state of a bucket', async () => {
  const Bucket = await suite.bucket();
  const state = async () => (await suite.s3.send(new GetBucketVersioningCommand({ Bucket }))).Status;
  expect(await state()).toBeUndefined();
  for (const status of ['Suspended', 'Enabled', 'Enabled', 'Suspended'] as const) {
    await setVersioning(suite.s3, Bucket, status);
    expect(await state()).toBe(status);
  }
  const put = (VersioningConfiguration: object) =>
    failure(suite.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration })));
  expect(await put({ Status: 'On' })).toBe('400 MalformedXML');
  expect(await put({})).toBe('400 MalformedXML');
  expect(await put({ Status: 'Enabled', MFADelete: 'Enabled' })).toBe('403 AccessDenied');
});

it('test_versioning_obj_create_read_remove: removes versions in every order', async () => {
  const Bucket = await versioned();
  for (const [start, step] of [
    [-1, 0],
    [0, 0],
    [1, 0],
    [4, -1],
    [3, 3],
  ] as const) {
    const written = await write(Bucket, 'testobj', 5);
    for (let i = 0; i < 5; i++) await removeAt(Bucket, 'testobj', written, start + i * step);
    expect(await suite.versions(Bucket)).toEqual({ versions: [], markers: [] });
  }
});

it('test_versioning_obj_create_read_remove_head: shows the version before when the newest goes', async () => {
  const Bucket = await versioned();
  const written = await write(Bucket, 'testobj', 5);
  await remove(Bucket, 'testobj', written.ids.pop());
  written.bodies.pop();
  expect(await suite.text(Bucket, 'testobj')).toBe(written.bodies.at(-1));
  const { VersionId, DeleteMarker } = await remove(Bucket, 'testobj');
  expect(DeleteMarker).toBe(true);
  const found = await suite.versions(Bucket);
  expect(found.versions).toHaveLength(4);
  expect(found.markers).toEqual([VersionId]);
});

it('test_versioning_stack_delete_merkers: puts a marker on top for each delete', async () => {
  const Bucket = await versioned(['test1/a']);
  for (let i = 0; i < 3; i++) await remove(Bucket, 'test1/a');
  const { versions, markers } = await suite.versions(Bucket);
  expect([versions.length, markers.length]).toEqual([1, 3]);
});

describe('null versions', () => {
  it('test_versioning_obj_plain_null_version_removal: removes what was there before versions', async () => {
    const Bucket = await suite.bucket(['testobjfoo']);
    await setVersioning(suite.s3, Bucket, 'Enabled');
    expect((await remove(Bucket, 'testobjfoo', 'null')).VersionId).toBe('null');
    expect(await missing(Bucket, 'testobjfoo')).toBe('404 NoSuchKey');
    expect((await suite.versions(Bucket)).versions).toEqual([]);
  });

  it('test_versioning_obj_plain_null_version_overwrite: keeps it below the versions that come', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, 'testobjfoo', 'fooz');
    await setVersioning(suite.s3, Bucket, 'Enabled');
    await suite.put(Bucket, 'testobjfoo', 'zzz');
    const { VersionId } = await suite.s3.send(new GetObjectCommand({ Bucket, Key: 'testobjfoo' }));
    expect(await suite.text(Bucket, 'testobjfoo')).toBe('zzz');
    await remove(Bucket, 'testobjfoo', VersionId);
    expect(await suite.text(Bucket, 'testobjfoo')).toBe('fooz');
    await remove(Bucket, 'testobjfoo', 'null');
    expect(await missing(Bucket, 'testobjfoo')).toBe('404 NoSuchKey');
    expect((await suite.versions(Bucket)).versions).toEqual([]);
  });

  it('test_versioning_obj_plain_null_version_overwrite_suspended: overwrites it while suspended', async () => {
    const Bucket = await suite.bucket(['testobjbar']);
    await setVersioning(suite.s3, Bucket, 'Enabled');
    await setVersioning(suite.s3, Bucket, 'Suspended');
    expect((await suite.put(Bucket, 'testobjbar', 'zzz')).VersionId).toBeUndefined();
    expect(await suite.text(Bucket, 'testobjbar')).toBe('zzz');
    expect((await suite.versions(Bucket)).versions).toEqual(['null']);
    await remove(Bucket, 'testobjbar', 'null');
    expect(await missing(Bucket, 'testobjbar')).toBe('404 NoSuchKey');
    expect((await suite.versions(Bucket)).versions).toEqual([]);
  });

  it('test_versioning_obj_suspend_versions: keeps other versions while null ones come and go', async () => {
    const Bucket = await versioned();
    const written = await write(Bucket, 'testobj', 5);
    await setVersioning(suite.s3, Bucket, 'Suspended');
    const overwrite = async (body: string) =>
      expect((await suite.put(Bucket, 'testobj', body)).VersionId).toBeUndefined();
    const mark = async () => expect((await remove(Bucket, 'testobj')).VersionId).toBe('null');
    await mark();
    await mark();
    await overwrite('null content 1');
    await overwrite('null content 2');
    await mark();
    await overwrite('null content 3');
    await mark();
    await setVersioning(suite.s3, Bucket, 'Enabled');
    await write(Bucket, 'testobj', 3, written);
    for (let i = 0; i < 8; i++) await removeAt(Bucket, 'testobj', written, i);
    expect(await suite.versions(Bucket)).toEqual({ versions: [], markers: ['null'] });
  });

  it('has no null version where all have ids', async () => {
    const Bucket = await versioned(['testobj']);
    const asked = { Bucket, Key: 'testobj', VersionId: 'null' };
    expect(await failure(suite.s3.send(new GetObjectCommand(asked)))).toBe('404 NoSuchVersion');
  });
});

it('test_versioning_obj_create_versions_remove_all: removes ten versions from the oldest on', async () => {
  const Bucket = await versioned();
  const written = await write(Bucket, 'testobj', 10);
  for (let i = 0; i < 10; i++) await removeAt(Bucket, 'testobj', written, i);
});

it('test_versioning_obj_create_versions_remove_special_names: keeps versions of odd keys', async () => {
  const Bucket = await versioned();
  for (const key of ['_testobj', '_', ':', ' ']) {
    const written = await write(Bucket, key, 4);
    for (let i = 0; i < 4; i++) await removeAt(Bucket, key, written, i);
  }
});

it('test_versioning_obj_create_overwrite_multipart: makes a version of each upload', async () => {
  const Bucket = await versioned();
  const written: Written = { ids: [], bodies: [] };
  for (const letter of ['a', 'b', 'c']) {
    const Key = 'testobj';
    const { UploadId } = await suite.s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const Parts = [];
    for (const [i, Body] of [letter.repeat(5 * 1024 * 1024), 'end'].entries()) {
      const PartNumber = i + 1;
      const { ETag } = await suite.s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    const complete = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } });
    written.ids.push((await suite.s3.send(complete)).VersionId!);
    written.bodies.push(`${letter.repeat(5 * 1024 * 1024)}end`);
  }
  await expectVersions(Bucket, 'testobj', written);
  for (let i = 0; i < 3; i++) await removeAt(Bucket, 'testobj', written, i);
});

it('test_versioning_bucket_atomic_upload_return_version_id: tells the version of a write where versions are kept', async () => {
  const [kept, plain, suspended] = [await versioned(), await suite.bucket(), await suite.bucket()];
  await suite.s3.send(
    new PutBucketVersioningCommand({ Bucket: suspended, VersioningConfiguration: { Status: 'Suspended' } }),
  );
  expect((await suite.put(suspended, 'foo', 'x')).VersionId).toBeUndefined();
  expect((await suite.s3.send(new HeadObjectCommand({ Bucket: suspended, Key: 'foo' }))).VersionId).toBe('null');
  const { VersionId } = await suite.put(kept, 'foo', 'x');
  expect((await suite.versions(kept)).versions).toEqual([VersionId]);
  expect((await suite.put(plain, 'foo', 'x')).VersionId).toBeUndefined();
  expect((await suite.s3.send(new HeadObjectCommand({ Bucket: plain, Key: 'foo' }))).VersionId).toBeUndefined();
});

it('test_versioning_obj_list_marker: lists keys in order and versions newest first, page by page', async () => {
  const Bucket = await versioned();
  const one = await write(Bucket, 'testobj', 5);
  const two = await write(Bucket, 'testobj-1', 5);
  const expected = [...[...one.ids].reverse(), ...[...two.ids].reverse()];
  expect((await suite.versions(Bucket)).versions).toEqual(expected);
  for (const MaxKeys of [1, 3, 5]) {
    const found: (string | undefined)[] = [];
    let next: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
    for (;;) {
      const page = await listed(Bucket, { MaxKeys, ...next });
      found.push(...page.Versions!.map(({ VersionId }) => VersionId));
      if (!page.IsTruncated) break;
      next = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
    expect(found).toEqual(expected);
  }
  const behind = await listed(Bucket, { KeyMarker: 'testobj', VersionIdMarker: one.ids[2] });
  expect(behind.Versions!.map(({ VersionId }) => VersionId)).toEqual(expected.slice(3));
  const orphan = raw(suite, 'GET', `/${Bucket}`, { query: { versions: '', 'version-id-marker': one.ids[0]! } });
  expect(await orphan).toMatchObject({ status: 400, code: 'InvalidArgument' });
  const empty = raw(suite, 'GET', `/${Bucket}`, {
    query: { versions: '', 'key-marker': 'testobj', 'version-id-marker': '' },
  });
  expect(await empty).toMatchObject({ status: 400, code: 'InvalidArgument' });
});

it('tells of each version what its head tells', async () => {
  const Bucket = await versioned(['bar', 'baz', 'foo']);
  for (const { Key, VersionId, ETag, Size, IsLatest, LastModified, Owner } of (await listed(Bucket)).Versions!) {
    const head = await suite.s3.send(new HeadObjectCommand({ Bucket, Key: Key! }));
    expect(head).toMatchObject({ VersionId, ETag, ContentLength: Size });
    expect(Math.floor(LastModified!.getTime() / 1000)).toBe(head.LastModified!.getTime() / 1000);
    expect([IsLatest, Owner?.ID]).toEqual([true, expect.stringMatching(/.+/)]);
  }
});

it('rolls versions up at a delimiter, and encodes their keys', async () => {
  const Bucket = await versioned(['a/1', 'a/1', 'a/2', 'b c', 'd/x']);
  await remove(Bucket, 'd/x');
  const page = await listed(Bucket, { Delimiter: '/', EncodingType: 'url' });
  expect(page.CommonPrefixes!.map(({ Prefix }) => Prefix)).toEqual(['a/', 'd/']);
  expect(page.Versions!.map(({ Key }) => Key)).toEqual(['b%20c']);
  expect(page.DeleteMarkers).toBeUndefined();
  expect((await listed(Bucket, { Prefix: 'd/' })).DeleteMarkers).toHaveLength(1);
});

describe('batch deletes', () => {
  const removeAll = (Bucket: string, Objects: { Key: string; VersionId?: string }[]) =>
    suite.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));

  it('test_versioning_multi_object_delete: removes versions, twice alike', async () => {
    const Bucket = await versioned();
    const { ids } = await write(Bucket, 'key', 2);
    for (const _ of [1, 2]) {
      const { Deleted, Errors } = await removeAll(
        Bucket,
        ids.map((VersionId) => ({ Key: 'key', VersionId })),
      );
      expect(Deleted!.map(({ VersionId }) => VersionId)).toEqual(ids);
      expect(Errors).toBeUndefined();
      expect((await suite.versions(Bucket)).versions).toEqual([]);
    }
  });

  it('test_versioning_multi_object_delete_with_marker: removes versions and markers, twice alike', async () => {
    const Bucket = await versioned();
    const { ids } = await write(Bucket, 'key', 2);
    const marker = (await remove(Bucket, 'key')).VersionId!;
    const names = [...ids, marker].map((VersionId) => ({ Key: 'key', VersionId }));
    const { Deleted } = await removeAll(Bucket, names);
    expect(Deleted![2]).toMatchObject({ VersionId: marker, DeleteMarker: true, DeleteMarkerVersionId: marker });
    expect(await suite.versions(Bucket)).toEqual({ versions: [], markers: [] });
    expect((await removeAll(Bucket, names)).Errors).toBeUndefined();
  });

  it('test_versioning_multi_object_delete_with_marker_create: tells the markers it makes', async () => {
    const Bucket = await versioned();
    const { Deleted } = await removeAll(Bucket, [{ Key: 'key' }]);
    expect(Deleted).toMatchObject([{ Key: 'key', DeleteMarker: true }]);
    expect((await suite.versions(Bucket)).markers).toEqual([Deleted![0]!.DeleteMarkerVersionId]);
  });

  it('answers racers who delete many versions alike', async () => {
    const keys = Array.from({ length: 5 }, (_, i) => `key_${i}`);
    const Bucket = await versioned([...keys, ...keys, ...keys]);
    const names = (await listed(Bucket)).Versions!.map(({ Key, VersionId }) => ({ Key: Key!, VersionId: VersionId! }));
    expect(names).toHaveLength(15);
    for (const { Deleted, Errors } of await Promise.all([1, 2, 3, 4, 5].map(() => removeAll(Bucket, names)))) {
      expect(Deleted).toHaveLength(15);
      expect(Errors).toBeUndefined();
    }
    expect((await suite.s3.send(new ListObjectsCommand({ Bucket }))).Contents).toBeUndefined();
    expect(await suite.versions(Bucket)).toEqual({ versions: [], markers: [] });
  });
});

it('test_versioned_concurrent_object_create_concurrent_remove: keeps a version of every racing writer', async () => {
  const Bucket = await versioned();
  for (let round = 0; round < 5; round++) {
    await Promise.all([1, 2, 3, 4, 5].map((i) => suite.put(Bucket, 'myobj', `data ${i}`)));
    const { versions } = await suite.versions(Bucket);
    expect(versions).toHaveLength(5);
    await Promise.all(versions.map((id) => remove(Bucket, 'myobj', id)));
    expect((await suite.versions(Bucket)).versions).toEqual([]);
  }
});

it('test_versioned_concurrent_object_create_and_remove: leaves nothing when all that is there is removed', async () => {
  const Bucket = await versioned();
  const clear = async () => {
    const { versions } = await suite.versions(Bucket);
    await Promise.all(versions.map((id) => remove(Bucket, 'myobj', id)));
  };
  await Promise.all(
    [1, 2, 3].flatMap((round) => [...[1, 2, 3].map((i) => suite.put(Bucket, 'myobj', `${round} ${i}`)), clear()]),
  );
  await clear();
  expect((await suite.versions(Bucket)).versions).toEqual([]);
});

describe('delete markers', () => {
  it('test_delete_marker_versioned, test_delete_marker_suspended: tells a deleted key by its marker', async () => {
    for (const status of ['Enabled', 'Suspended'] as const) {
      const Bucket = await versioned(['frodo.txt']);
      await setVersioning(suite.s3, Bucket, status);
      const { VersionId } = await remove(Bucket, 'frodo.txt');
      const head = await raw(suite, 'HEAD', `/${Bucket}/frodo.txt`);
      expect(head.status).toBe(404);
      expect(head.headers).toMatchObject({ 'x-amz-delete-marker': 'true', 'x-amz-version-id': VersionId });
    }
  });

  it('answers 405 to a marker that is asked for by its id', async () => {
    const Bucket = await versioned(['k']);
    const { VersionId } = await remove(Bucket, 'k');
    for (const method of ['GET', 'HEAD']) {
      const answer = await raw(suite, method, `/${Bucket}/k`, { query: { versionId: VersionId! } });
      expect(answer.status).toBe(405);
      expect(answer.headers).toMatchObject({ 'x-amz-delete-marker': 'true', allow: 'DELETE' });
      expect(answer.headers['last-modified']).toMatch(/GMT$/);
    }
  });

  it('refuses version ids that are none, and names versions that are not there', async () => {
    const Bucket = await versioned(['k']);
    const get = (versionId: string) => raw(suite, 'GET', `/${Bucket}/k`, { query: { versionId } });
    for (const bad of ['', 'x', '../../etc'])
      expect(await get(bad)).toMatchObject({ status: 400, code: 'InvalidArgument' });
    expect(await get('f'.repeat(32))).toMatchObject({ status: 404, code: 'NoSuchVersion' });
  });
});
