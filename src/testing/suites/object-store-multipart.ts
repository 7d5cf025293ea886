/** The part of the object-store suite on multipart uploads. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../storage/contract.ts';
import { patterned } from '../faults/patterned.ts';
import { bytesOf, codeOf, md5, pieces } from './object-store-subject.ts';

/** Runs inside the suite: `store` is asked when a test runs. */
export function multipartSuite({
  store,
  newBucket,
}: {
  readonly store: () => ObjectStore;
  readonly newBucket: () => Promise<string>;
}): void {
  describe('multipart', () => {
    const begin = async (options = {}) => store().createUpload(await newBucket(), 'big/file.bin', options);
    const upload = async (ref: Awaited<ReturnType<typeof begin>>, parts: Map<number, Buffer>, order: number[]) => {
      const etags = new Map<number, string>();
      await Promise.all(
        order.map(async (partNumber) => {
          const bytes = parts.get(partNumber)!;
          const info = await store().putPart(ref, partNumber, pieces(bytes, 7001), { contentLength: bytes.length });
          expect(info).toMatchObject({ partNumber, size: bytes.length, etag: md5(bytes) });
          etags.set(partNumber, info.etag);
        }),
      );
      return [...etags].sort(([a], [b]) => a - b).map(([partNumber, etag]) => ({ partNumber, etag }));
    };
    const partsOf = (sizes: Record<number, number>) =>
      new Map(Object.entries(sizes).map(([number, size]) => [Number(number), patterned(size, Number(number))]));

    it.each([
      ['even parts in order', { 1: 50_000, 2: 50_000, 3: 120 }, [1, 2, 3]],
      ['the last part first', { 1: 50_000, 2: 50_000, 3: 120 }, [3, 2, 1]],
      ['parts out of order with gaps in their numbers', { 2: 40_000, 5: 40_000, 9: 39_000 }, [9, 2, 5]],
      ['uneven parts', { 1: 1000, 2: 50_000, 3: 333, 4: 70_000, 5: 1 }, [1, 2, 3, 4, 5]],
      ['a short part in the middle', { 1: 50_000, 2: 49_999, 3: 50_000 }, [1, 2, 3]],
      ['one part', { 1: 5 }, [1]],
      ['an empty last part', { 1: 50_000, 2: 0 }, [1, 2]],
    ] as const)('makes one object of %s', async (_, sizes, order) => {
      const ref = await begin({ contentType: 'a/b', metadata: { m: '1' } });
      const parts = partsOf(sizes);
      const listed = await upload(ref, parts, [...order]);
      expect((await store().parts(ref)).map(({ partNumber }) => partNumber)).toEqual([...parts.keys()]);
      expect(await codeOf(store().head(ref.bucket, ref.key))).toBe('object_not_found');
      const head = await store().completeUpload(ref, listed);
      const whole = Buffer.concat([...parts.values()]);
      const md5s = Buffer.concat([...parts.values()].map((bytes) => createHash('md5').update(bytes).digest()));
      expect(head).toMatchObject({
        size: whole.length,
        contentType: 'a/b',
        metadata: { m: '1' },
        etag: `"${createHash('md5').update(md5s).digest('hex')}-${parts.size}"`,
      });
      expect(head.partSizes?.flatMap(([size, count]) => Array(count).fill(size))).toEqual(Object.values(sizes));
      expect((await bytesOf(await store().get(ref.bucket, ref.key))).equals(whole)).toBe(true);
      expect(await codeOf(store().parts(ref))).toBe('upload_not_found');
    });

    it('takes the last upload of a part, and leaves out parts that are not listed', async () => {
      const ref = await begin();
      await upload(ref, partsOf({ 1: 50_000, 2: 50_000, 3: 50_000, 4: 50_000 }), [1, 2, 3, 4]);
      const second = patterned(50_000, 99);
      const again = await store().putPart(ref, 2, second, {});
      const listed = (await store().parts(ref)).filter(({ partNumber }) => partNumber !== 4);
      expect(listed[1]!.etag).toBe(again.etag);
      await store().completeUpload(ref, listed);
      const whole = Buffer.concat([patterned(50_000, 1), second, patterned(50_000, 3)]);
      expect((await bytesOf(await store().get(ref.bucket, ref.key))).equals(whole)).toBe(true);
    });

    it('keeps recorded parts when a part fails on the way, and takes it again', async () => {
      const ref = await begin();
      await upload(ref, partsOf({ 1: 50_000, 3: 20_000 }), [1, 3]);
      const failed = store().putPart(ref, 2, pieces(patterned(30_000, 7), 1000), { contentLength: 50_000 });
      expect(await codeOf(failed)).toBe('incomplete_body');
      const wrong = store().putPart(ref, 1, patterned(50_000, 8), { contentMd5: 'AAAA' });
      expect(await codeOf(wrong)).toBe('checksum_mismatch');
      await upload(ref, partsOf({ 2: 50_000 }), [2]);
      await store().completeUpload(ref, await store().parts(ref));
      const whole = Buffer.concat([patterned(50_000, 1), patterned(50_000, 2), patterned(20_000, 3)]);
      expect((await bytesOf(await store().get(ref.bucket, ref.key))).equals(whole)).toBe(true);
    });

    it('names what is wrong with a list of parts, and can be completed after that', async () => {
      const ref = await begin();
      const listed = await upload(ref, partsOf({ 1: 100, 2: 5, 3: 100 }), [1, 2, 3]);
      const complete = (parts: typeof listed) => codeOf(store().completeUpload(ref, parts));
      expect(await complete([])).toBe('malformed_request');
      expect(await complete([listed[2]!, listed[0]!])).toBe('invalid_part_order');
      expect(await complete([listed[0]!, listed[0]!])).toBe('invalid_part_order');
      expect(await complete([listed[0]!, { partNumber: 7, etag: '"x"' }])).toBe('invalid_part');
      expect(await complete([{ partNumber: 1, etag: listed[1]!.etag }])).toBe('invalid_part');
      expect(await complete(listed)).toBe('part_too_small');
      expect(await complete([listed[0]!, listed[2]!])).toBe('none');
      expect((await store().head(ref.bucket, ref.key)).size).toBe(200);
    });

    it('answers a repeated completion with the object it made', async () => {
      const ref = await begin();
      const listed = await upload(ref, partsOf({ 1: 100 }), [1]);
      const first = await store().completeUpload(ref, listed);
      expect(await store().completeUpload(ref, listed)).toEqual(first);
      await store().put(ref.bucket, ref.key, Buffer.from('other'));
      expect(await codeOf(store().completeUpload(ref, listed))).toBe('upload_not_found');
    });

    it('decides conditions at completion', async () => {
      const ref = await begin();
      const listed = await upload(ref, partsOf({ 1: 100 }), [1]);
      await store().put(ref.bucket, ref.key, Buffer.from('there'));
      expect(await codeOf(store().completeUpload(ref, listed, { ifNoneMatch: '*' }))).toBe('precondition_failed');
      const { etag } = await store().head(ref.bucket, ref.key);
      await store().completeUpload(ref, listed, { ifMatch: etag });
      expect((await store().head(ref.bucket, ref.key)).size).toBe(100);
    });

    it('gives composite and whole-object checksums of the parts', async () => {
      const parts = partsOf({ 1: 40_000, 2: 12_345 });
      const whole = Buffer.concat([...parts.values()]);
      const plain = await store().put(await newBucket(), 'k', whole, { checksumAlgorithms: ['crc32', 'crc64nvme'] });

      const composite = await begin({ checksumAlgorithms: ['crc32', 'sha256'] });
      const made = await store().completeUpload(composite, await upload(composite, parts, [2, 1]));
      const sums = [...parts.values()].map((bytes) => createHash('sha256').update(bytes).digest());
      expect(made.checksums.sha256).toBe(`${createHash('sha256').update(Buffer.concat(sums)).digest('base64')}-2`);
      expect(made.checksums.crc32).toMatch(/-2$/);

      const full = await begin({ checksumAlgorithms: ['crc32', 'crc64nvme'], checksumType: 'FULL_OBJECT' });
      const listed = await upload(full, parts, [1, 2]);
      const wrong = { checksums: { crc64nvme: 'AAAAAAAAAAA=' } };
      expect(await codeOf(store().completeUpload(full, listed, wrong))).toBe('checksum_mismatch');
      expect((await store().completeUpload(full, listed, { checksums: plain.checksums })).checksums).toEqual(
        plain.checksums,
      );
    });

    it('lists uploads by key and id, and forgets aborted ones', async () => {
      const bucket = await newBucket();
      const made = [];
      for (const key of ['b', 'a/1', 'a/1', 'a/2']) made.push(await store().createUpload(bucket, key));
      const all = await store().uploads(bucket);
      expect(all.map(({ key }) => key)).toEqual(['a/1', 'a/1', 'a/2', 'b']);
      expect((await store().uploads(bucket, { prefix: 'a/' })).map(({ key }) => key)).toEqual(['a/1', 'a/1', 'a/2']);
      const paged = [];
      for (let after: { key: string; uploadId: string } | undefined; ; ) {
        const page = await store().uploads(bucket, { max: 1, ...(after === undefined ? {} : { after }) });
        if (page.length === 0) break;
        paged.push(...page);
        after = page[0]!;
      }
      expect(paged).toEqual(all);
      for (const ref of made) await store().abortUpload(ref);
      expect(await store().uploads(bucket)).toEqual([]);
      expect(await codeOf(store().abortUpload(made[0]!))).toBe('upload_not_found');
      expect(await codeOf(store().putPart(made[0]!, 1, Buffer.from('x')))).toBe('upload_not_found');
      expect(await codeOf(store().completeUpload(made[0]!, [{ partNumber: 1, etag: '"x"' }]))).toBe('upload_not_found');
    });

    it('knows an upload only with its own key, and part numbers only up to 10,000', async () => {
      const ref = await begin();
      expect(await codeOf(store().putPart({ ...ref, key: 'other' }, 1, Buffer.from('x')))).toBe('upload_not_found');
      expect(await codeOf(store().parts({ ...ref, uploadId: '../../x' }))).toBe('upload_not_found');
      for (const number of [0, 10_001, 1.5, -1]) {
        expect(await codeOf(store().putPart(ref, number, Buffer.from('x')))).toBe('invalid_argument');
      }
      expect((await store().putPart(ref, 10_000, Buffer.from('x'))).partNumber).toBe(10_000);
    });
  });
}
