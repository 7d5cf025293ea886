/** The part of the object-store suite on versions, delete markers, attributes and object lock. */
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { BucketVersioning, ListVersionsOptions, ObjectStore, ObjectVersion } from '../../storage/contract.ts';
import { patterned } from '../faults/patterned.ts';
import { bytesOf, codeOf, OWNER } from './object-store-subject.ts';

const HOUR = 3_600_000;

/** Every page of a listing of versions. */
async function allVersions(store: ObjectStore, bucket: string, options: ListVersionsOptions = {}) {
  const versions: ObjectVersion[] = [];
  const prefixes: string[] = [];
  let after = options.after;
  for (;;) {
    const page = await store.listVersions(bucket, { ...options, ...(after === undefined ? {} : { after }) });
    versions.push(...page.versions);
    prefixes.push(...page.commonPrefixes);
    if (page.next === undefined) return { versions, prefixes };
    after = page.next;
  }
}

/** Runs inside the suite: `store` is asked when a test runs. */
export function versionsSuite({
  store,
  newBucket,
  work,
}: {
  readonly store: () => ObjectStore;
  readonly newBucket: () => Promise<string>;
  readonly work: () => string;
}): void {
  const versioned = async (state: BucketVersioning = 'Enabled') => {
    const bucket = await newBucket();
    await store().setVersioning(bucket, state);
    return bucket;
  };
  const text = async (bucket: string, key: string, versionId?: string) =>
    (await bytesOf(await store().get(bucket, key, versionId === undefined ? {} : { versionId }))).toString();
  const put = (bucket: string, key: string, body: string) => store().put(bucket, key, Buffer.from(body));

  describe('versions', () => {
    it('tells whether a bucket keeps them', async () => {
      const bucket = await newBucket();
      expect((await store().bucket(bucket)).versioning).toBeUndefined();
      const plain = await put(bucket, 'k', '1');
      expect(plain.isNull).toBe(true);
      expect(plain.versioning).toBeUndefined();
      await store().setVersioning(bucket, 'Enabled');
      expect((await store().bucket(bucket)).versioning).toBe('Enabled');
      expect((await store().buckets()).find(({ name }) => name === bucket)?.versioning).toBe('Enabled');
      expect((await store().head(bucket, 'k')).versioning).toBe('Enabled');
      await store().setVersioning(bucket, 'Suspended');
      expect((await store().bucket(bucket)).versioning).toBe('Suspended');
      expect(await codeOf(store().setVersioning('no-such-bucket', 'Enabled'))).toBe('bucket_not_found');
    });

    it('keeps each write of a key, small and large, and gives each its own bytes', async () => {
      const bucket = await versioned();
      const made = [];
      for (const [i, size] of [10, 80_000, 0, 90_000].entries()) {
        made.push(await store().put(bucket, 'a/k.bin', patterned(size, i), { metadata: { i: String(i) } }));
      }
      for (const [i, head] of made.entries()) {
        expect(head.isNull).toBeUndefined();
        expect(head.versioning).toBe('Enabled');
        const read = await store().get(bucket, 'a/k.bin', { versionId: head.versionId });
        expect(read.head).toMatchObject({ versionId: head.versionId, metadata: { i: String(i) }, size: head.size });
        expect((await bytesOf(read)).equals(patterned(head.size, i))).toBe(true);
        expect(await store().head(bucket, 'a/k.bin', { versionId: head.versionId })).toEqual(head);
      }
      expect((await store().list(bucket)).objects.map(({ versionId }) => versionId)).toEqual([made[3]!.versionId]);
      const { versions } = await allVersions(store(), bucket);
      expect(versions.map(({ versionId }) => versionId)).toEqual(made.map(({ versionId }) => versionId).reverse());
      expect(versions.map(({ isLatest }) => isLatest)).toEqual([true, false, false, false]);
      expect(versions[0]!.noncurrentSince).toBeUndefined();
      expect(versions[1]!.noncurrentSince).toBe(versions[0]!.lastModified);
    });

    it('marks a key as deleted and shows it again when the marker is removed', async () => {
      const bucket = await versioned();
      const one = await put(bucket, 'k', '1');
      const two = await put(bucket, 'k', '2');
      const marker = await store().delete(bucket, 'k');
      expect(marker).toMatchObject({ deleteMarker: true, versionId: expect.stringMatching(/^[0-9a-f]{32}$/) });
      expect(await codeOf(store().get(bucket, 'k'))).toBe('object_not_found');
      const failure = await store()
        .head(bucket, 'k')
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ context: { deleteMarker: true, versionId: marker.versionId } });
      const asked = { versionId: marker.versionId! };
      expect(await codeOf(store().get(bucket, 'k', asked))).toBe('version_is_marker');
      expect((await store().list(bucket)).objects).toEqual([]);
      const { versions } = await allVersions(store(), bucket);
      expect(versions.map(({ versionId, deleteMarker, isLatest }) => [versionId, deleteMarker, isLatest])).toEqual([
        [marker.versionId, true, true],
        [two.versionId, undefined, false],
        [one.versionId, undefined, false],
      ]);
      expect(await codeOf(store().deleteBucket(bucket))).toBe('bucket_not_empty');
      expect(await store().delete(bucket, 'k', asked)).toMatchObject({ ...asked, deleteMarker: true });
      expect(await text(bucket, 'k')).toBe('2');
      expect((await allVersions(store(), bucket)).versions[0]).toMatchObject({ isLatest: true });
    });

    it('makes the newest version left current when the current one is removed, until none is left', async () => {
      const bucket = await versioned();
      const made = [];
      for (const body of ['1', '2', '3']) made.push(await put(bucket, 'k', body));
      const [one, two, three] = made.map(({ versionId }) => versionId);
      expect(await store().delete(bucket, 'k', { versionId: two! })).toEqual({ versionId: two });
      expect(await text(bucket, 'k')).toBe('3');
      await store().delete(bucket, 'k', { versionId: three! });
      expect(await text(bucket, 'k')).toBe('1');
      const [left] = (await allVersions(store(), bucket)).versions;
      expect(left).toMatchObject({ versionId: one, isLatest: true });
      expect(left!.noncurrentSince).toBeUndefined();
      expect(await codeOf(store().get(bucket, 'k', { versionId: two! }))).toBe('version_not_found');
      await store().delete(bucket, 'k', { versionId: one! });
      expect(await codeOf(store().get(bucket, 'k'))).toBe('object_not_found');
      expect(await store().delete(bucket, 'k', { versionId: one! })).toEqual({ versionId: one });
      await store().deleteBucket(bucket);
    });

    it('keeps what was there before versions as the null version', async () => {
      const bucket = await newBucket();
      await put(bucket, 'k', 'before');
      await store().setVersioning(bucket, 'Enabled');
      const after = await put(bucket, 'k', 'after');
      expect(await text(bucket, 'k', 'null')).toBe('before');
      const { versions } = await allVersions(store(), bucket);
      expect(versions.map(({ isNull }) => isNull)).toEqual([undefined, true]);
      expect(await store().delete(bucket, 'k', { versionId: 'null' })).toMatchObject({ isNull: true });
      expect(await codeOf(store().get(bucket, 'k', { versionId: 'null' }))).toBe('version_not_found');
      expect(await text(bucket, 'k', after.versionId)).toBe('after');
    });

    it('has at most one null version while suspended, and leaves the others alone', async () => {
      const bucket = await versioned();
      const kept = await put(bucket, 'k', 'kept');
      await store().setVersioning(bucket, 'Suspended');
      for (const body of ['null 1', 'null 2']) {
        expect(await put(bucket, 'k', body)).toMatchObject({ isNull: true, versioning: 'Suspended' });
        expect(await text(bucket, 'k')).toBe(body);
        expect((await allVersions(store(), bucket)).versions.map(({ isNull }) => isNull)).toEqual([true, undefined]);
      }
      expect(await store().delete(bucket, 'k')).toMatchObject({ deleteMarker: true, isNull: true });
      expect(await store().delete(bucket, 'k')).toMatchObject({ deleteMarker: true, isNull: true });
      const marked = (await allVersions(store(), bucket)).versions;
      expect(marked.map(({ isNull, deleteMarker }) => [isNull, deleteMarker])).toEqual([
        [true, true],
        [undefined, undefined],
      ]);
      expect(await text(bucket, 'k', kept.versionId)).toBe('kept');
      await put(bucket, 'k', 'null 3');
      expect(await text(bucket, 'k', 'null')).toBe('null 3');
      await store().setVersioning(bucket, 'Enabled');
      await put(bucket, 'k', 'new');
      const all = (await allVersions(store(), bucket)).versions;
      expect(all.map(({ isNull }) => isNull)).toEqual([undefined, true, undefined]);
      await store().setVersioning(bucket, 'Suspended');
      await put(bucket, 'k', 'null 4');
      const last = (await allVersions(store(), bucket)).versions;
      expect(last.map(({ isNull, isLatest }) => [isNull, isLatest])).toEqual([
        [true, true],
        [undefined, false],
        [undefined, false],
      ]);
    });

    it('marks keys that never were, and refuses what is no version id', async () => {
      const bucket = await versioned();
      expect(await store().delete(bucket, 'never')).toMatchObject({ deleteMarker: true });
      expect((await allVersions(store(), bucket)).versions).toMatchObject([{ key: 'never', deleteMarker: true }]);
      for (const versionId of ['x', '', '../x', 'f'.repeat(31)]) {
        expect(await codeOf(store().get(bucket, 'never', { versionId }))).toBe('invalid_argument');
        expect(await codeOf(store().delete(bucket, 'never', { versionId }))).toBe('invalid_argument');
      }
      const versionId = 'f'.repeat(32);
      expect(await codeOf(store().get(bucket, 'never', { versionId }))).toBe('version_not_found');
      expect(await codeOf(store().get(bucket, 'other', { versionId }))).toBe('version_not_found');
    });

    it('knows a version only under its own key', async () => {
      const bucket = await versioned();
      const { versionId } = await put(bucket, 'a', '1');
      await put(bucket, 'a', '2');
      await put(bucket, 'b', '3');
      expect(await codeOf(store().get(bucket, 'b', { versionId }))).toBe('version_not_found');
      await store().delete(bucket, 'b', { versionId });
      expect(await text(bucket, 'a', versionId)).toBe('1');
    });

    it('deletes many, by version or not, and tells each outcome in order', async () => {
      const bucket = await versioned();
      const one = await put(bucket, 'a', '1');
      const two = await put(bucket, 'a', '2');
      await put(bucket, 'b', '3');
      const outcomes = await store().deleteMany(bucket, [
        { key: 'a', versionId: two.versionId },
        'b',
        { key: 'c', ifMatch: '"x"' },
        { key: 'a', ifMatch: '"x"' },
        { key: 'a', versionId: one.versionId, ifMatch: one.etag },
      ]);
      expect(outcomes.map(({ error }) => error?.code)).toEqual([
        undefined,
        undefined,
        'object_not_found',
        'precondition_failed',
        undefined,
      ]);
      expect(outcomes[0]).toMatchObject({ key: 'a', requestedVersionId: two.versionId, versionId: two.versionId });
      expect(outcomes[1]).toMatchObject({ key: 'b', deleteMarker: true });
      expect(outcomes[1]!.requestedVersionId).toBeUndefined();
      const left = (await allVersions(store(), bucket)).versions;
      expect(left.map(({ key, deleteMarker }) => [key, deleteMarker])).toEqual([
        ['b', true],
        ['b', undefined],
      ]);
    });

    it('deletes on conditions of ETag, time and size', async () => {
      const bucket = await newBucket();
      const head = await put(bucket, 'k', 'abc');
      const refused = [{ ifMatch: '"x"' }, { ifSize: 4 }, { ifModifiedAt: head.lastModified - 5000 }];
      for (const one of refused) expect(await codeOf(store().delete(bucket, 'k', one))).toBe('precondition_failed');
      expect(await codeOf(store().delete(bucket, 'absent', { ifMatch: '*' }))).toBe('object_not_found');
      const marked = await versioned();
      await store().delete(marked, 'k');
      expect(await codeOf(store().delete(marked, 'k', { ifMatch: '*' }))).toBe('precondition_failed');
      await store().delete(bucket, 'k', { ifMatch: '*', ifSize: 3, ifModifiedAt: head.lastModified });
      expect(await codeOf(store().head(bucket, 'k'))).toBe('object_not_found');
    });

    it('copies from a version, with its tags, and opens versions as files', async () => {
      const bucket = await versioned();
      const attributes = { tags: { a: '1' }, storageClass: 'GLACIER_IR' };
      const one = await store().put(bucket, 'k.csv', patterned(80_000, 1), { attributes });
      await store().put(bucket, 'k.csv', patterned(80_000, 2));
      const from = { bucket, key: 'k.csv', versionId: one.versionId };
      const copied = await store().copy(from, { bucket, key: 'k.csv' });
      expect(copied.attributes).toEqual({ tags: { a: '1' } });
      expect((await bytesOf(await store().get(bucket, 'k.csv'))).equals(patterned(80_000, 1))).toBe(true);
      const told = await store().copy(from, { bucket, key: 'other' }, { attributes: { tags: { b: '2' } } });
      expect(told.attributes).toEqual({ tags: { b: '2' } });
      const [path] = await store().openFiles([from], join(work(), 'versions'));
      expect((await readFile(path!)).equals(patterned(80_000, 1))).toBe(true);
      await store().delete(bucket, 'k.csv', { versionId: one.versionId });
      expect(await codeOf(store().openFiles([from], join(work(), 'versions-2')))).toBe('version_not_found');
    });

    it('computes the checksums that a copy is asked for', async () => {
      const bucket = await newBucket();
      for (const size of [50, 90_000]) {
        const algorithms = ['crc32c', 'sha256'] as const;
        const plain = await store().put(bucket, 'plain', patterned(size), { checksumAlgorithms: ['crc32c'] });
        const whole = await store().put(bucket, 'whole', patterned(size), { checksumAlgorithms: algorithms });
        const from = { bucket, key: 'plain' };
        const copied = await store().copy(from, { bucket, key: 'copy' }, { checksumAlgorithms: algorithms });
        expect(copied.checksums).toEqual(whole.checksums);
        expect((await store().copy(from, { bucket, key: 'copy' })).checksums).toEqual(plain.checksums);
      }
    });

    it('decides conditional writes by what the key shows', async () => {
      const bucket = await versioned();
      const one = await put(bucket, 'k', '1');
      const again = (options: object) => codeOf(store().put(bucket, 'k', Buffer.from('2'), options));
      expect(await again({ ifNoneMatch: '*' })).toBe('precondition_failed');
      await store().delete(bucket, 'k');
      expect(await again({ ifMatch: one.etag })).toBe('object_not_found');
      expect(await again({ ifNoneMatch: '*' })).toBe('none');
      expect((await allVersions(store(), bucket)).versions).toHaveLength(3);
    });

    it('makes a version of a multipart upload, and keeps the checksums of its parts', async () => {
      const bucket = await versioned();
      await put(bucket, 'k', 'before');
      const options = { checksumAlgorithms: ['sha256'], attributes: { tags: { t: '1' } } } as const;
      const upload = await store().createUpload(bucket, 'k', options);
      expect((await store().uploads(bucket))[0]).toMatchObject({ checksumAlgorithm: 'sha256' });
      const parts = [];
      for (const number of [1, 2]) parts.push(await store().putPart(upload, number, patterned(70_000, number)));
      const head = await store().completeUpload(upload, parts);
      expect(head).toMatchObject({ versioning: 'Enabled', attributes: { tags: { t: '1' } } });
      expect((await allVersions(store(), bucket)).versions).toHaveLength(2);
      const told = await store().objectParts({ bucket, key: 'k' });
      expect(told).toEqual(parts.map(({ partNumber, size, checksums }) => ({ partNumber, size, checksums })));
      expect(await store().objectParts({ bucket, key: 'k' }, { after: 1 })).toHaveLength(1);
      expect(
        await store()
          .objectParts({ bucket, key: 'k', versionId: 'null' })
          .catch(() => 'none'),
      ).toBe('none');
    });

    it('lists versions page by page, by prefix and delimiter, whatever the size of a page', async () => {
      const bucket = await versioned();
      for (const key of ['a/1', 'a/2', 'b', 'b', 'b/x', 'c', 'c', 'c', 'd/1', '😀', '\uFFFD'])
        await put(bucket, key, key);
      await store().delete(bucket, 'c');
      await store().delete(bucket, 'd/1');
      const whole = await allVersions(store(), bucket);
      expect(whole.versions.map(({ key }) => key)).toEqual([
        'a/1',
        'a/2',
        'b',
        'b',
        'b/x',
        'c',
        'c',
        'c',
        'c',
        'd/1',
        'd/1',
        '\uFFFD',
        '😀',
      ]);
      const rolled = await allVersions(store(), bucket, { delimiter: '/' });
      expect(rolled.prefixes).toEqual(['a/', 'b/', 'd/']);
      expect(rolled.versions.map(({ key }) => key)).toEqual(['b', 'b', 'c', 'c', 'c', 'c', '\uFFFD', '😀']);
      for (const max of [1, 2, 3, 5]) {
        expect(await allVersions(store(), bucket, { max })).toEqual(whole);
        expect(await allVersions(store(), bucket, { max, delimiter: '/' })).toEqual(rolled);
        expect((await allVersions(store(), bucket, { max, prefix: 'b' })).versions).toHaveLength(3);
      }
      expect((await store().listVersions(bucket, { after: { key: 'c' } })).versions[0]!.key).toBe('d/1');
      const beforePrefix = { prefix: 'b/', after: { key: 'a/1', versionId: whole.versions[0]!.versionId } };
      expect((await store().listVersions(bucket, beforePrefix)).versions.map(({ key }) => key)).toEqual(['b/x']);
      const [, newest] = whole.versions.filter(({ key }) => key === 'c');
      const after = { key: 'c', versionId: newest!.versionId };
      expect((await store().listVersions(bucket, { after, prefix: 'c' })).versions).toHaveLength(2);
    });

    it('skips no version while those of each page are removed', async () => {
      const bucket = await versioned();
      for (let i = 0; i < 20; i++) await put(bucket, i % 3 === 0 ? 'a' : 'b', String(i));
      for (const idOnly of [false, true]) {
        const before = (await allVersions(store(), bucket)).versions.length;
        let seen = 0;
        let after: { key: string; versionId?: string } | undefined;
        do {
          const page = await store().listVersions(bucket, { max: 3, ...(after === undefined ? {} : { after }) });
          seen += page.versions.length;
          const last = page.versions.at(-1)!;
          after = page.next === undefined || !idOnly ? page.next : { key: last.key, versionId: last.versionId };
          await store().deleteMany(
            bucket,
            page.versions.map(({ key, versionId }) => ({ key, versionId })),
          );
        } while (after !== undefined);
        expect(seen).toBe(before);
        expect((await allVersions(store(), bucket)).versions).toEqual([]);
        for (let i = 0; i < 20; i++) await put(bucket, i % 3 === 0 ? 'a' : 'b', String(i));
      }
    });

    it('keeps every version of racing writers, one of them current', async () => {
      const bucket = await versioned();
      const heads = await Promise.all(Array.from({ length: 24 }, (_, i) => put(bucket, 'k', `body ${i}`)));
      const { versions } = await allVersions(store(), bucket);
      expect(new Set(versions.map(({ versionId }) => versionId))).toEqual(
        new Set(heads.map(({ versionId }) => versionId)),
      );
      expect(versions.filter(({ isLatest }) => isLatest)).toHaveLength(1);
      expect((await store().head(bucket, 'k')).versionId).toBe(versions[0]!.versionId);
      for (const [i, { versionId }] of heads.entries()) expect(await text(bucket, 'k', versionId)).toBe(`body ${i}`);
    });
  });

  describe('attributes', () => {
    it('sets, replaces and removes what may change of a version, and nothing else', async () => {
      const bucket = await versioned();
      const one = await store().put(bucket, 'k', Buffer.from('1'), { attributes: { tags: { a: '1' } } });
      expect(one.attributes).toEqual({ tags: { a: '1' } });
      const two = await put(bucket, 'k', '2');
      expect(two.attributes).toEqual({});
      const acl = { owner: 'o', grants: [] };
      const changed = await store().updateAttributes(
        { bucket, key: 'k', versionId: one.versionId },
        { tags: { b: '2' }, acl },
      );
      expect(changed).toEqual({ ...one, attributes: { tags: { b: '2' }, acl } });
      await store().updateAttributes({ bucket, key: 'k', versionId: one.versionId }, { tags: null });
      expect((await store().head(bucket, 'k', { versionId: one.versionId })).attributes).toEqual({ acl });
      await store().updateAttributes({ bucket, key: 'k' }, { storageClass: 'COLD' });
      expect((await store().list(bucket)).objects[0]!.attributes).toEqual({ storageClass: 'COLD' });
      expect((await store().head(bucket, 'k', { versionId: one.versionId })).attributes).toEqual({ acl });
    });

    it('names what is not there, and refuses delete markers', async () => {
      const bucket = await versioned();
      const change = { tags: { a: '1' } };
      const update = (name: object) => codeOf(store().updateAttributes({ bucket, key: 'k', ...name }, change));
      expect(await update({})).toBe('object_not_found');
      expect(await update({ bucket: 'no-such-bucket' })).toBe('bucket_not_found');
      await put(bucket, 'k', '1');
      const { versionId } = await store().delete(bucket, 'k');
      expect(await update({})).toBe('object_not_found');
      expect(await update({ versionId })).toBe('version_is_marker');
      expect(await update({ versionId: 'f'.repeat(32) })).toBe('version_not_found');
    });
  });

  describe('object lock', () => {
    let locks = 0;
    const lockable = async () => {
      const bucket = `locked-${++locks}`;
      await store().createBucket(bucket, { ...OWNER, objectLock: true });
      return bucket;
    };
    const until = () => Date.now() + HOUR;

    it('comes with a bucket, or later with its versions, and holds versioning', async () => {
      const bucket = await lockable();
      expect(await store().bucket(bucket)).toMatchObject({ objectLock: true, versioning: 'Enabled' });
      expect(await codeOf(store().setVersioning(bucket, 'Suspended'))).toBe('invalid_bucket_state');
      await store().setVersioning(bucket, 'Enabled');
      const plain = await newBucket();
      expect(await codeOf(store().enableObjectLock(plain))).toBe('invalid_bucket_state');
      const attributes = { legalHold: true };
      expect(await codeOf(store().put(plain, 'k', Buffer.from('x'), { attributes }))).toBe('object_lock_missing');
      await put(plain, 'k', 'x');
      expect(await codeOf(store().updateAttributes({ bucket: plain, key: 'k' }, attributes))).toBe(
        'object_lock_missing',
      );
      await store().setVersioning(plain, 'Enabled');
      await store().enableObjectLock(plain);
      await store().updateAttributes({ bucket: plain, key: 'k' }, attributes);
      expect(await codeOf(store().delete(plain, 'k', { versionId: 'null' }))).toBe('access_denied');
    });

    it('keeps a version under GOVERNANCE from all who may not bypass it', async () => {
      const bucket = await lockable();
      const attributes = { retention: { mode: 'GOVERNANCE' as const, until: until() } };
      const { versionId } = await store().put(bucket, 'k', Buffer.from('x'), { attributes });
      expect(await codeOf(store().delete(bucket, 'k', { versionId }))).toBe('access_denied');
      const [outcome] = await store().deleteMany(bucket, [{ key: 'k', versionId }]);
      expect(outcome!.error?.code).toBe('access_denied');
      expect(await store().delete(bucket, 'k')).toMatchObject({ deleteMarker: true });
      expect(await text(bucket, 'k', versionId)).toBe('x');
      await store().delete(bucket, 'k', { versionId, bypassGovernance: true });
      expect(await codeOf(store().get(bucket, 'k', { versionId }))).toBe('version_not_found');
    });

    it('keeps a version under COMPLIANCE from everybody', async () => {
      const bucket = await lockable();
      const retention = { mode: 'COMPLIANCE' as const, until: until() };
      const { versionId } = await store().put(bucket, 'k', Buffer.from('x'), { attributes: { retention } });
      const bypassGovernance = true;
      const name = { bucket, key: 'k', versionId };
      expect(await codeOf(store().delete(bucket, 'k', { versionId, bypassGovernance }))).toBe('access_denied');
      for (const change of [
        null,
        { ...retention, until: retention.until - 1 },
        { mode: 'GOVERNANCE' as const, until: retention.until + HOUR },
      ]) {
        const work = store().updateAttributes(name, { retention: change }, { bypassGovernance });
        expect(await codeOf(work)).toBe('access_denied');
      }
      await store().updateAttributes(name, { retention: { ...retention, until: retention.until + HOUR } });
      expect((await store().head(bucket, 'k')).attributes.retention?.until).toBe(retention.until + HOUR);
    });

    it('lets GOVERNANCE be extended by all, and shortened, lifted or tightened by who may bypass it', async () => {
      const bucket = await lockable();
      const retention = { mode: 'GOVERNANCE' as const, until: until() };
      await store().put(bucket, 'k', Buffer.from('x'), { attributes: { retention } });
      const change = (to: object | null, bypassGovernance = false) =>
        codeOf(store().updateAttributes({ bucket, key: 'k' }, { retention: to as never }, { bypassGovernance }));
      expect(await change({ ...retention, until: retention.until + 1000 })).toBe('none');
      expect(await change({ ...retention, until: retention.until })).toBe('access_denied');
      expect(await change(null)).toBe('access_denied');
      expect(await change({ mode: 'COMPLIANCE', until: retention.until + 2000 })).toBe('access_denied');
      expect(await change({ ...retention, until: retention.until }, true)).toBe('none');
      expect(await change({ mode: 'COMPLIANCE', until: retention.until }, true)).toBe('none');
      expect(await change(null, true)).toBe('access_denied');
    });

    it('keeps a version under legal hold until the hold is released, and one past its retention no longer', async () => {
      const bucket = await lockable();
      const held = await store().put(bucket, 'k', Buffer.from('x'), { attributes: { legalHold: true } });
      const name = { bucket, key: 'k', versionId: held.versionId };
      const remove = () => codeOf(store().delete(bucket, 'k', { versionId: held.versionId, bypassGovernance: true }));
      expect(await remove()).toBe('access_denied');
      await store().updateAttributes(name, { legalHold: false });
      expect(await remove()).toBe('none');
      const past = { retention: { mode: 'COMPLIANCE' as const, until: Date.now() - 1 } };
      const old = await store().put(bucket, 'k', Buffer.from('y'), { attributes: past });
      await store().delete(bucket, 'k', { versionId: old.versionId });
    });
  });
}
