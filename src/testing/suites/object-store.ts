/**
 * What every `ObjectStore` does, whatever it is made of. A new store runs this suite and nothing of it is optional.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LochError } from '../../core/errors.ts';
import { patterned } from '../faults/patterned.ts';
import type { ListOptions, ObjectStore } from '../../storage/contract.ts';

import { multipartSuite } from './object-store-multipart.ts';
import { bytesOf, codeOf, md5, OWNER, pieces, type SuiteSubject } from './object-store-subject.ts';
import { versionsSuite } from './object-store-versions.ts';

export { patterned } from '../faults/patterned.ts';
export { bytesOf, codeOf, SUITE_MIN_PART_BYTES, type SuiteSubject } from './object-store-subject.ts';

/** Every page of a listing, with the page size of `options`. */
async function listAll(store: ObjectStore, bucket: string, options: ListOptions) {
  const keys: string[] = [];
  const prefixes: string[] = [];
  const merged: string[] = [];
  let pages = 0;
  let startAfter = options.startAfter;
  for (;;) {
    const page = await store.list(bucket, { ...options, ...(startAfter === undefined ? {} : { startAfter }) });
    pages++;
    keys.push(...page.objects.map(({ key }) => key));
    prefixes.push(...page.commonPrefixes);
    merged.push(...[...page.objects.map(({ key }) => key), ...page.commonPrefixes].sort(byBytes));
    if (page.next === undefined) return { keys, prefixes, merged, pages };
    startAfter = page.next;
  }
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const HOSTILE_KEYS = [
  '/',
  '//',
  'a',
  'a/',
  'a/b',
  'a//b',
  'a/b/',
  '.',
  '..',
  '../../etc/passwd',
  './x',
  'a/../b',
  '~',
  '^',
  '^2e',
  '^_',
  '^-',
  '%2F',
  'x~00112233445566778899aabbccddeeff.csv',
  '*',
  '?',
  'br[x].csv',
  'brx.csv',
  '{a,b}',
  'back\\slash',
  'new\nline',
  'tab\t',
  'nul\0byte',
  ' space ',
  '+',
  '&<>"\'',
  'é',
  'e\u0301',
  '\uFFFD',
  '\u{1F600}',
  '\u{10FFFF}',
  'con',
  'C:',
  '-rf',
  '.segments/x',
  `${'k'.repeat(1024)}`,
  `${'/'.repeat(1024)}`,
  `${'~'.repeat(1024)}`,
  `deep/${'d/'.repeat(500)}x`,
  `${'😀'.repeat(256)}`,
];

/** Runs the suite over the stores that `open` makes. */
export function objectStoreSuite(name: string, open: () => Promise<SuiteSubject>): void {
  describe(name, () => {
    let subject: SuiteSubject;
    let store: ObjectStore;
    let work: string;
    let buckets = 0;

    beforeAll(async () => {
      subject = await open();
      store = subject.store;
      work = await mkdtemp(join(tmpdir(), 'loch-object-suite-'));
    });
    afterAll(async () => {
      await subject.close();
      await rm(work, { recursive: true, force: true });
    });

    const newBucket = async (): Promise<string> => {
      const bucket = `bucket-${++buckets}`;
      await store.createBucket(bucket, OWNER);
      return bucket;
    };

    describe('buckets', () => {
      it('makes, tells, lists and removes them', async () => {
        const bucket = await newBucket();
        expect(await store.bucket(bucket)).toMatchObject({ name: bucket, ...OWNER });
        expect((await store.buckets()).map((one) => one.name)).toContain(bucket);
        await store.deleteBucket(bucket);
        expect(await codeOf(store.bucket(bucket))).toBe('bucket_not_found');
        expect(await codeOf(store.deleteBucket(bucket))).toBe('bucket_not_found');
      });

      it('refuses names that S3 refuses, a second one of a name, and removal while objects are in it', async () => {
        for (const bad of [
          'ab',
          'Upper',
          'a..b',
          '10.0.0.1',
          '-abc',
          'abc-',
          'a_b_c',
          '.temporary',
          'x'.repeat(64),
          '../up',
        ]) {
          expect(await codeOf(store.createBucket(bad, OWNER)), bad).toBe('invalid_bucket_name');
        }
        const bucket = await newBucket();
        expect(await codeOf(store.createBucket(bucket, OWNER))).toBe('bucket_exists');
        await store.put(bucket, 'k', Buffer.from('x'));
        expect(await codeOf(store.deleteBucket(bucket))).toBe('bucket_not_empty');
        await store.delete(bucket, 'k');
        await store.deleteBucket(bucket);
      });

      it('names the bucket that is missing in every operation', async () => {
        const ref = { bucket: 'no-such-bucket', key: 'k' };
        const upload = { ...ref, uploadId: '0'.repeat(32) };
        for (const attempt of [
          () => store.put(ref.bucket, 'k', Buffer.from('x')),
          () => store.put(ref.bucket, 'k', pieces(patterned(100_000), 9000)),
          () => store.get(ref.bucket, 'k'),
          () => store.head(ref.bucket, 'k'),
          () => store.list(ref.bucket),
          () => store.delete(ref.bucket, 'k'),
          () => store.deleteMany(ref.bucket, ['k']),
          () => store.createUpload(ref.bucket, 'k'),
          () => store.uploads(ref.bucket),
          () => store.parts(upload),
        ]) {
          expect(await codeOf(attempt())).toBe('bucket_not_found');
        }
      });
    });

    describe('objects', () => {
      it('gives back bytes of every size around its limits, from memory and from streams', async () => {
        const bucket = await newBucket();
        for (const size of [0, 1, 1000, 65_535, 65_536, 65_537, 300_000, 2_500_001]) {
          const bytes = patterned(size, size);
          for (const [key, body] of [
            [`memory-${size}`, bytes],
            [`stream-${size}`, pieces(bytes, 10_007)],
          ] as const) {
            const head = await store.put(bucket, key, body, { contentLength: size });
            expect(head).toMatchObject({ bucket, key, size, etag: md5(bytes), contentType: 'binary/octet-stream' });
            const read = await store.get(bucket, key);
            expect(read.head).toEqual(head);
            expect((await bytesOf(read)).equals(bytes)).toBe(true);
            expect(await store.head(bucket, key)).toEqual(head);
          }
        }
      });

      it('keeps content type, metadata, headers and verified checksums', async () => {
        const bucket = await newBucket();
        const options = {
          contentType: 'text/csv',
          metadata: { owner: 'ada', 'x-y': 'ü' },
          headers: { 'cache-control': 'no-store' },
          checksums: { sha256: createHash('sha256').update('abc').digest('base64') },
        };
        await store.put(bucket, 'k', Buffer.from('abc'), options);
        expect(await store.head(bucket, 'k')).toMatchObject(options);
      });

      it('takes a finished file over', async () => {
        const bucket = await newBucket();
        for (const size of [10, 200_000]) {
          const file = join(work, `adopt-${size}`);
          await writeFile(file, patterned(size));
          const head = await store.put(bucket, `adopted-${size}`, { adoptFile: file }, { contentLength: size });
          expect(head).toMatchObject({ size, etag: md5(patterned(size)) });
          expect((await bytesOf(await store.get(bucket, `adopted-${size}`))).equals(patterned(size))).toBe(true);
          await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
        }
      });

      it('stores nothing when the body is shorter or longer than stated, or fails on the way', async () => {
        const bucket = await newBucket();
        for (const size of [1000, 200_000]) {
          const bytes = patterned(size);
          const broken = async function* () {
            yield bytes.subarray(0, size / 2);
            throw new LochError('incomplete_body', 'the client left');
          };
          for (const attempt of [
            () => store.put(bucket, 'k', pieces(bytes, 700), { contentLength: size + 1 }),
            () => store.put(bucket, 'k', pieces(bytes, 700), { contentLength: size - 1 }),
            () => store.put(bucket, 'k', bytes, { contentLength: size + 1 }),
            () => store.put(bucket, 'k', broken()),
          ]) {
            expect(await codeOf(attempt())).toBe('incomplete_body');
          }
        }
        expect((await store.list(bucket)).objects).toEqual([]);
      });

      it('stores nothing when a checksum differs, and verifies those told after the last byte', async () => {
        const bucket = await newBucket();
        const wrong = {
          crc32: 'AAAAAA==',
          crc32c: 'AAAAAA==',
          crc64nvme: 'AAAAAAAAAAA=',
          sha1: 'AAAA',
          sha256: 'AAAA',
        };
        for (const size of [100, 200_000]) {
          const bytes = patterned(size);
          for (const [algorithm, value] of Object.entries(wrong)) {
            expect(await codeOf(store.put(bucket, 'k', bytes, { checksums: { [algorithm]: value } }))).toBe(
              'checksum_mismatch',
            );
            const late = { checksums: () => ({ [algorithm]: value }), checksumAlgorithms: [algorithm as 'crc32'] };
            expect(await codeOf(store.put(bucket, 'k', pieces(bytes, 999), late))).toBe('checksum_mismatch');
          }
          expect(await codeOf(store.put(bucket, 'k', bytes, { contentMd5: 'AAAA' }))).toBe('checksum_mismatch');
        }
        expect((await store.list(bucket)).objects).toEqual([]);
        const computed = await store.put(bucket, 'k', Buffer.from('123456789'), {
          checksumAlgorithms: ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'],
          contentMd5: createHash('md5').update('123456789').digest('base64'),
        });
        expect(computed.checksums).toEqual({
          crc32: 'y/Q5Jg==',
          crc32c: '4waSgw==',
          crc64nvme: 'rosUhgp5mIg=',
          sha1: createHash('sha1').update('123456789').digest('base64'),
          sha256: createHash('sha256').update('123456789').digest('base64'),
        });
      });

      it('reads ranges: first, middle, last, beyond the end, and refuses those outside', async () => {
        const bucket = await newBucket();
        for (const size of [1000, 200_000]) {
          const bytes = patterned(size);
          await store.put(bucket, 'k', bytes);
          for (const [range, first, last] of [
            [{ first: 0, last: 0 }, 0, 0],
            [{ first: 10, last: 19 }, 10, 19],
            [{ first: size - 5 }, size - 5, size - 1],
            [{ first: 5, last: size * 2 }, 5, size - 1],
            [{ suffix: 7 }, size - 7, size - 1],
            [{ suffix: size * 2 }, 0, size - 1],
          ] as const) {
            const read = await store.get(bucket, 'k', { range });
            expect(read.range).toEqual({ first, last });
            expect((await bytesOf(read)).equals(bytes.subarray(first, last + 1))).toBe(true);
          }
          for (const range of [{ first: size }, { suffix: 0 }]) {
            expect(await codeOf(store.get(bucket, 'k', { range }))).toBe('range_not_satisfiable');
          }
        }
        await store.put(bucket, 'empty', Buffer.alloc(0));
        expect(await codeOf(store.get(bucket, 'empty', { range: { first: 0 } }))).toBe('range_not_satisfiable');
      });

      it('decides conditional reads as RFC 9110 does', async () => {
        const bucket = await newBucket();
        const { etag, lastModified } = await store.put(bucket, 'k', Buffer.from('x'));
        const code = (options: Parameters<ObjectStore['head']>[2]) => codeOf(store.head(bucket, 'k', options));
        expect(await code({ ifMatch: etag })).toBe('none');
        expect(await code({ ifMatch: '"other"' })).toBe('precondition_failed');
        expect(await code({ ifNoneMatch: etag })).toBe('not_modified');
        expect(await code({ ifNoneMatch: '"other"' })).toBe('none');
        expect(await code({ ifModifiedSince: lastModified })).toBe('not_modified');
        expect(await code({ ifModifiedSince: lastModified - 1000 })).toBe('none');
        expect(await code({ ifUnmodifiedSince: lastModified })).toBe('none');
        expect(await code({ ifUnmodifiedSince: lastModified - 1000 })).toBe('precondition_failed');
        expect(await code({ ifMatch: etag, ifUnmodifiedSince: 0 })).toBe('none');
        expect(await code({ ifNoneMatch: '"other"', ifModifiedSince: lastModified })).toBe('none');
      });

      it('lets exactly one of many racers create a key', async () => {
        const bucket = await newBucket();
        for (const size of [20, 100_000]) {
          const racers = Array.from({ length: 24 }, (_, i) =>
            codeOf(store.put(bucket, `race-${size}`, patterned(size, i + 1), { ifNoneMatch: '*' })),
          );
          const outcomes = await Promise.all(racers);
          expect(outcomes.filter((code) => code === 'none')).toHaveLength(1);
          expect(outcomes.filter((code) => code === 'precondition_failed')).toHaveLength(23);
          const winner = outcomes.indexOf('none');
          const read = await bytesOf(await store.get(bucket, `race-${size}`));
          expect(read.equals(patterned(size, winner + 1))).toBe(true);
        }
      });

      it('overwrites only the version that If-Match names', async () => {
        const bucket = await newBucket();
        const one = await store.put(bucket, 'k', Buffer.from('1'));
        const two = await store.put(bucket, 'k', Buffer.from('2'), { ifMatch: one.etag });
        expect(await codeOf(store.put(bucket, 'k', Buffer.from('3'), { ifMatch: one.etag }))).toBe(
          'precondition_failed',
        );
        expect(await codeOf(store.put(bucket, 'absent', Buffer.from('3'), { ifMatch: one.etag }))).toBe(
          'object_not_found',
        );
        expect(await codeOf(store.delete(bucket, 'k', { ifMatch: one.etag }))).toBe('precondition_failed');
        await store.delete(bucket, 'k', { ifMatch: two.etag });
        expect(await codeOf(store.head(bucket, 'k'))).toBe('object_not_found');
      });

      it('keeps a version for its reader though the key is overwritten and deleted meanwhile', async () => {
        const bucket = await newBucket();
        for (const size of [5000, 3_000_000]) {
          const before = patterned(size, 1);
          await store.put(bucket, 'k', before);
          const read = await store.get(bucket, 'k');
          await store.put(bucket, 'k', patterned(size, 2));
          await store.delete(bucket, 'k');
          expect((await bytesOf(read)).equals(before)).toBe(true);
        }
      });

      it('deletes one or many; what is not there is deleted too', async () => {
        const bucket = await newBucket();
        for (const key of ['a', 'b', 'c']) await store.put(bucket, key, Buffer.from(key));
        await store.delete(bucket, 'nothing');
        await store.deleteMany(bucket, ['a', 'nothing', 'c']);
        expect((await store.list(bucket)).objects.map(({ key }) => key)).toEqual(['b']);
        expect(await codeOf(store.get(bucket, 'a'))).toBe('object_not_found');
      });

      it('copies within and across buckets, with the metadata of the source or its own', async () => {
        const [from, to] = [await newBucket(), await newBucket()];
        for (const size of [30, 150_000]) {
          const options = { contentType: 'text/csv', metadata: { a: '1' }, headers: { 'content-language': 'de' } };
          const source = await store.put(from, 'k', patterned(size), options);
          const same = await store.copy({ bucket: from, key: 'k' }, { bucket: to, key: 'same' });
          expect(same).toMatchObject({ ...options, size, etag: source.etag, bucket: to, key: 'same' });
          const own = await store.copy(
            { bucket: from, key: 'k' },
            { bucket: to, key: 'own' },
            { metadata: {}, contentType: 'x/y' },
          );
          expect(own).toMatchObject({ contentType: 'x/y', metadata: {} });
          await store.delete(from, 'k');
          for (const key of ['same', 'own']) {
            expect((await bytesOf(await store.get(to, key))).equals(patterned(size))).toBe(true);
          }
        }
        expect(await codeOf(store.copy({ bucket: from, key: 'k' }, { bucket: to, key: 'x' }))).toBe('object_not_found');
        const source = { bucket: to, key: 'same' };
        const unlike = { source: { ifMatch: '"other"' } };
        expect(await codeOf(store.copy(source, { bucket: to, key: 'x' }, unlike))).toBe('precondition_failed');
        const { etag } = await store.head(to, 'same');
        const unchanged = { source: { ifNoneMatch: etag } };
        expect(await codeOf(store.copy(source, { bucket: to, key: 'x' }, unchanged))).toBe('precondition_failed');
      });

      it('refuses keys that are empty, longer than 1,024 bytes or not Unicode', async () => {
        const bucket = await newBucket();
        for (const key of ['', 'x'.repeat(1025), 'é'.repeat(513), 'half \ud800']) {
          expect(await codeOf(store.put(bucket, key, Buffer.from('x')))).toBe('invalid_argument');
        }
      });
    });

    describe('keys', () => {
      it('keeps hostile keys apart, small and large, and gives each its own bytes', async () => {
        const bucket = await newBucket();
        for (const [i, key] of HOSTILE_KEYS.entries()) {
          await store.put(bucket, key, i % 2 === 0 ? Buffer.from(key) : patterned(66_000, i));
        }
        for (const [i, key] of HOSTILE_KEYS.entries()) {
          const bytes = await bytesOf(await store.get(bucket, key));
          expect(bytes.equals(i % 2 === 0 ? Buffer.from(key) : patterned(66_000, i)), JSON.stringify(key)).toBe(true);
        }
        expect((await store.list(bucket)).objects.map(({ key }) => key)).toEqual([...HOSTILE_KEYS].sort(byBytes));
      });

      it('orders by UTF-8 bytes: U+FFFD stands before an emoji', async () => {
        const bucket = await newBucket();
        for (const key of ['\u{1F600}', '\uFFFD', '\uE000', 'z']) await store.put(bucket, key, Buffer.from('x'));
        expect((await store.list(bucket)).objects.map(({ key }) => key)).toEqual([
          'z',
          '\uE000',
          '\uFFFD',
          '\u{1F600}',
        ]);
      });

      it('holds a key and keys below it as if it were a folder', async () => {
        const bucket = await newBucket();
        for (const key of ['a', 'a/b', 'a/b/c', 'a/']) await store.put(bucket, key, patterned(70_000));
        await store.delete(bucket, 'a/b');
        expect((await store.list(bucket)).objects.map(({ key }) => key)).toEqual(['a', 'a/', 'a/b/c']);
      });
    });

    describe('listing', () => {
      it('rolls keys up at the delimiter, page by page of any size', async () => {
        const bucket = await newBucket();
        const keys = ['a/1', 'a/2', 'a0', 'b', 'b/x/1', 'b/x/2', 'b/y', 'c/', 'c/d', 'd', '😀/1', '\uFFFD/1', 'z'];
        for (const key of keys) await store.put(bucket, key, Buffer.from('x'));
        const expected = ['a/', 'a0', 'b', 'b/', 'c/', 'd', 'z', '\uFFFD/', '😀/'];
        for (const maxKeys of [1, 2, 3, 4, 1000]) {
          const { merged, pages } = await listAll(store, bucket, { delimiter: '/', maxKeys });
          expect(merged).toEqual(expected);
          expect(pages).toBe(Math.ceil(expected.length / maxKeys));
        }
        const below = await listAll(store, bucket, { prefix: 'b/', delimiter: '/', maxKeys: 1 });
        expect(below).toMatchObject({ keys: ['b/y'], prefixes: ['b/x/'] });
        expect(await listAll(store, bucket, { prefix: 'c/', delimiter: '/' })).toMatchObject({ keys: ['c/', 'c/d'] });
        expect(await listAll(store, bucket, { prefix: 'nothing' })).toMatchObject({ merged: [] });
        expect((await listAll(store, bucket, { startAfter: 'b' })).keys[0]).toBe('b/x/1');
        expect((await listAll(store, bucket, { startAfter: 'b/', delimiter: '/' })).merged[0]).toBe('c/');
        expect((await listAll(store, bucket, { startAfter: 'b/x/1', delimiter: '/' })).merged[0]).toBe('b/');
        expect(await store.list(bucket, { maxKeys: 0 })).toEqual({ objects: [], commonPrefixes: [] });
      });

      it('takes delimiters of several characters and keys that are prefixes of others', async () => {
        const bucket = await newBucket();
        for (const key of ['a', 'aa', 'aab', 'aa--b', 'aa--c', 'aa-', 'b--'])
          await store.put(bucket, key, Buffer.from('x'));
        for (const maxKeys of [1, 2, 100]) {
          const { merged } = await listAll(store, bucket, { delimiter: '--', maxKeys });
          expect(merged).toEqual(['a', 'aa', 'aa-', 'aa--', 'aab', 'b--']);
        }
      });

      it('lists as a plain sort and roll-up of the keys would', async () => {
        const segment = fc.constantFrom('a', 'b', '\uFFFD', '😀', '', 'ab');
        const key = fc
          .array(segment, { minLength: 1, maxLength: 4 })
          .map((parts) => parts.join('/'))
          .filter((text) => text !== '');
        await fc.assert(
          fc.asyncProperty(
            fc.uniqueArray(key, { minLength: 1, maxLength: 25 }),
            fc.constantFrom('', 'a', 'a/', '😀', '/'),
            fc.constantFrom('', '/', 'b'),
            fc.integer({ min: 1, max: 7 }),
            async (keys, prefix, delimiter, maxKeys) => {
              const bucket = await newBucket();
              await Promise.all(keys.map((one) => store.put(bucket, one, Buffer.from(one))));
              const rolled = keys
                .filter((one) => one.startsWith(prefix))
                .map((one) => {
                  const at = delimiter === '' ? -1 : one.indexOf(delimiter, prefix.length);
                  return at === -1 ? one : one.slice(0, at + delimiter.length);
                });
              const expected = [...new Set(rolled)].sort(byBytes);
              const { merged } = await listAll(store, bucket, { prefix, delimiter, maxKeys });
              expect(merged).toEqual(expected);
            },
          ),
          { numRuns: 40 },
        );
      });

      it('never skips a live key while others are deleted between pages', async () => {
        const bucket = await newBucket();
        const keys = Array.from({ length: 40 }, (_, i) => `k${String(i).padStart(3, '0')}`);
        await Promise.all(keys.map((key) => store.put(bucket, key, Buffer.from('x'))));
        const seen: string[] = [];
        let startAfter: string | undefined;
        do {
          const page = await store.list(bucket, { maxKeys: 7, ...(startAfter === undefined ? {} : { startAfter }) });
          seen.push(...page.objects.map(({ key }) => key));
          await store.deleteMany(
            bucket,
            page.objects.map(({ key }) => key),
          );
          startAfter = page.next;
        } while (startAfter !== undefined);
        expect(seen).toEqual(keys);
      });
    });

    multipartSuite({ store: () => store, newBucket });
    versionsSuite({ store: () => store, newBucket, work: () => work });

    describe('files for engines', () => {
      it('opens current versions as files, in order, with their extensions and without characters of patterns', async () => {
        const bucket = await newBucket();
        const keys = ['br[x].csv', 'brx.csv', 'dt=2026/p*?.csv.gz', 'a/b.parquet', 'plain', '\uFFFD/😀.json'];
        for (const [i, key] of keys.entries())
          await store.put(bucket, key, patterned(i % 2 === 0 ? 500 : 80_000, i + 1));
        const directory = join(work, 'open', 'files');
        const paths = await store.openFiles(
          keys.map((key) => ({ bucket, key })),
          directory,
        );
        await store.deleteMany(bucket, keys);
        for (const [i, path] of paths.entries()) {
          expect(path.startsWith(`${directory}/`)).toBe(true);
          expect(basename(path)).not.toMatch(/[*?[\]{}]/);
          expect((await readFile(path)).equals(patterned(i % 2 === 0 ? 500 : 80_000, i + 1))).toBe(true);
        }
        const extensions = paths.map((path) => basename(path).replace(/^[^.]*/, ''));
        expect(extensions).toEqual(['.csv', '.csv', '.csv.gz', '.parquet', '', '.json']);
      });

      it('opens one version twice, also into a folder that has it, and names an object that is missing', async () => {
        const bucket = await newBucket();
        for (const [key, size] of [
          ['s.csv', 10],
          ['l.csv', 90_000],
        ] as const) {
          await store.put(bucket, key, patterned(size));
          const ref = { bucket, key };
          const directory = join(work, `twice-${size}`);
          const [one, two] = await store.openFiles([ref, ref], directory);
          const [three] = await store.openFiles([ref], directory);
          for (const path of [one!, two!, three!]) expect((await readFile(path)).equals(patterned(size))).toBe(true);
        }
        const missing = store.openFiles([{ bucket, key: 'nothing' }], join(work, 'missing'));
        expect(await codeOf(missing)).toBe('object_not_found');
      });
    });
  });
}
