/** Multipart uploads and copies of parts as the public conformance cases have them. */
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patterned } from '../../../src/testing/faults/patterned.ts';
import { failure, MIB, openSuite, raw, type Suite } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const Key = 'mymultipart';
const PART = 5 * MIB;

interface Begun {
  readonly Bucket: string;
  readonly UploadId: string;
}

const begin = async (Bucket: string, more: Partial<CreateMultipartUploadCommandInput> = {}): Promise<Begun> => {
  const { UploadId } = await suite.s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }));
  return { Bucket, UploadId: UploadId! };
};
const part = async (begun: Begun, PartNumber: number, Body: Uint8Array | string, more = {}) => {
  const { ETag } = await suite.s3.send(new UploadPartCommand({ ...begun, Key, PartNumber, Body, ...more }));
  return { PartNumber, ETag: ETag!.replaceAll('"', '') };
};
const complete = (
  begun: Begun,
  Parts: { PartNumber: number; ETag?: string | undefined }[],
  more: Partial<CompleteMultipartUploadCommandInput> = {},
) => suite.s3.send(new CompleteMultipartUploadCommand({ ...begun, Key, MultipartUpload: { Parts }, ...more }));
const abort = (begun: Begun) => suite.s3.send(new AbortMultipartUploadCommand({ ...begun, Key }));
const bytes = async (Bucket: string, more = {}) => {
  const { Body } = await suite.s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from(await Body!.transformToByteArray());
};

/** Uploads `content` in parts of `size`; those of `again` twice. */
async function upload(Bucket: string, content: Buffer, size = PART, more = {}, again: readonly number[] = []) {
  const begun = await begin(Bucket, more);
  const parts = [];
  for (let at = 0, i = 0; at < content.length; at += size, i++) {
    const body = content.subarray(at, at + size);
    parts.push(await part(begun, i + 1, body));
    if (again.includes(i)) await part(begun, i + 1, body);
  }
  return { begun, parts };
}

const content = (size: number) => patterned(size, size);

describe('of an object', () => {
  it('test_multipart_upload: makes one object of its parts, readable by ranges', async () => {
    const Bucket = await suite.bucket();
    const whole = content(12 * MIB);
    const own = { ContentType: 'text/bla', Metadata: { foo: 'bar' } };
    const { begun, parts } = await upload(Bucket, whole, PART, own);
    await complete(begun, parts);
    const { Contents } = await suite.s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key }));
    expect(Contents).toMatchObject([{ Key, Size: whole.length }]);
    expect(await suite.s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject(own);
    expect((await bytes(Bucket)).equals(whole)).toBe(true);
    for (const [first, last] of [
      [0, 999_999],
      [PART - 1, PART],
      [4_000_000, 11_999_999],
    ] as const) {
      const read = await bytes(Bucket, { Range: `bytes=${first}-${last}` });
      expect(read.equals(whole.subarray(first, last + 1))).toBe(true);
    }
  });

  it('test_multipart_upload_empty: refuses a completion without parts', async () => {
    const begun = await begin(await suite.bucket());
    expect(await failure(complete(begun, []))).toBe('400 MalformedXML');
  });

  it('test_multipart_upload_small: takes one small part, and a completion that is repeated', async () => {
    const Bucket = await suite.bucket();
    const begun = await begin(Bucket);
    const parts = [await part(begun, 1, 'x')];
    const first = await complete(begun, parts);
    expect((await complete(begun, parts)).ETag).toBe(first.ETag);
    expect((await suite.s3.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength).toBe(1);
  });

  it.each([[[0]], [[1]], [[1, 2]], [[0, 1, 2]]])(
    'test_multipart_upload_resend_part: takes parts %s twice',
    async (again) => {
      const Bucket = await suite.bucket();
      const whole = content(11 * MIB);
      const { begun, parts } = await upload(Bucket, whole, PART, {}, again);
      await complete(begun, parts);
      expect((await bytes(Bucket)).equals(whole)).toBe(true);
    },
  );

  it.each([5, 5.1, 5.6, 10, 10.1, 10.6])('test_multipart_upload_multiple_sizes: takes %s MiB', async (mib) => {
    const Bucket = await suite.bucket();
    const whole = content(Math.floor(mib * MIB));
    const { begun, parts } = await upload(Bucket, whole);
    await complete(begun, parts);
    expect((await bytes(Bucket)).equals(whole)).toBe(true);
  });

  it('test_multipart_upload_size_too_small: refuses small parts in the middle', async () => {
    const { begun, parts } = await upload(await suite.bucket(), content(100 * 1024), 10 * 1024);
    expect(await failure(complete(begun, parts))).toBe('400 EntityTooSmall');
  });

  it('test_multipart_upload_contents, test_multipart_upload_overwrite_existing_object: takes the place of what was there', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, Key, 'before');
    const begun = await begin(Bucket);
    const body = content(PART);
    const parts = [await part(begun, 1, body), await part(begun, 2, body), await part(begun, 3, '123')];
    expect((await complete(begun, parts)).ETag).toMatch(/-3"$/);
    expect((await bytes(Bucket)).equals(Buffer.concat([body, body, Buffer.from('123')]))).toBe(true);
  });

  it('test_atomic_multipart_upload_write: shows nothing of an upload before its completion', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, Key, 'bar');
    const begun = await begin(Bucket);
    await part(begun, 1, 'new');
    expect((await bytes(Bucket)).toString()).toBe('bar');
    await abort(begun);
    expect((await bytes(Bucket)).toString()).toBe('bar');
  });

  it('keeps the part that was finished last', async () => {
    const Bucket = await suite.bucket();
    const begun = await begin(Bucket);
    let second: { PartNumber: number; ETag?: string } | undefined;
    const slow = async function* () {
      yield Buffer.from('AAAA');
      second = await part(begun, 1, 'BBBBBBBB');
      yield Buffer.from('AAAA');
    };
    const input = { ...begun, Key, PartNumber: 1, Body: Readable.from(slow()), ContentLength: 8 };
    const { ETag } = await suite.s3.send(new UploadPartCommand(input));
    expect(await failure(complete(begun, [second!]))).toBe('400 InvalidPart');
    await complete(begun, [{ PartNumber: 1, ETag }]);
    expect((await bytes(Bucket)).toString()).toBe('AAAAAAAA');
  });

  it('test_multipart_upload_missing_part, test_multipart_upload_incorrect_etag: names parts that are not there', async () => {
    const begun = await begin(await suite.bucket());
    const { ETag } = await part(begun, 1, '\0');
    expect(await failure(complete(begun, [{ PartNumber: 9999, ETag }]))).toBe('400 InvalidPart');
    const wrong = [{ PartNumber: 1, ETag: 'f'.repeat(32) }];
    expect(await failure(complete(begun, wrong))).toBe('400 InvalidPart');
    expect(
      await failure(
        complete(begun, [
          { PartNumber: 1, ETag },
          { PartNumber: 1, ETag },
        ]),
      ),
    ).toBe('400 InvalidPartOrder');
  });

  it('reads an object by its parts', async () => {
    const Bucket = await suite.bucket();
    const whole = content(11 * MIB);
    const { begun, parts } = await upload(Bucket, whole, PART, {}, [2]);
    const read = (PartNumber: number) => suite.s3.send(new GetObjectCommand({ Bucket, Key, PartNumber }));
    expect(await failure(read(1))).toBe('404 NoSuchKey');
    await complete(begun, parts);
    for (const [i] of parts.entries()) {
      const answer = await read(i + 1);
      expect(answer.PartsCount).toBe(3);
      const expected = whole.subarray(i * PART, (i + 1) * PART);
      expect(Buffer.from(await answer.Body!.transformToByteArray()).equals(expected)).toBe(true);
    }
    expect(await failure(read(4))).toBe('416 InvalidPartNumber');
    await suite.put(Bucket, Key, 'body');
    expect(await failure(read(2))).toBe('416 InvalidPartNumber');
    const one = await read(1);
    expect([await one.Body!.transformToString(), one.PartsCount]).toEqual(['body', undefined]);
  });
});

describe('conditions', () => {
  const attempt = async (Bucket: string, more: Partial<CompleteMultipartUploadCommandInput>) => {
    const begun = await begin(Bucket);
    return complete(begun, [await part(begun, 1, 'abc')], more);
  };

  it('test_multipart_put_object_if_match, test_multipart_put_current_object_if_match, test_multipart_put_current_object_if_none_match: are decided at completion', async () => {
    for (const versioned of [false, true]) {
      const Bucket = await suite.bucket([], { versioned });
      const outcome = (more: Partial<CompleteMultipartUploadCommandInput>) => failure(attempt(Bucket, more));
      expect(await outcome({ IfMatch: '*' })).toBe('404 NoSuchKey');
      expect(await outcome({ IfMatch: 'badetag' })).toBe('404 NoSuchKey');
      const { ETag } = await attempt(Bucket, { IfNoneMatch: '*' });
      expect(await outcome({ IfNoneMatch: '*' })).toBe('412 PreconditionFailed');
      expect(await outcome({ IfNoneMatch: ETag })).toBe('412 PreconditionFailed');
      expect(await outcome({ IfNoneMatch: 'badetag' })).toBe('none');
      expect(await outcome({ IfMatch: 'badetag' })).toBe('412 PreconditionFailed');
      expect(await outcome({ IfMatch: ETag })).toBe('none');
      await suite.s3.send(new DeleteObjectCommand({ Bucket, Key }));
      expect(await outcome({ IfMatch: '*' })).toBe('404 NoSuchKey');
      expect(await outcome({ IfNoneMatch: ETag })).toBe('none');
    }
  });
});

describe('aborting and listing', () => {
  it('test_abort_multipart_upload: leaves nothing', async () => {
    const Bucket = await suite.bucket();
    const { begun } = await upload(Bucket, content(6 * MIB));
    await abort(begun);
    expect((await suite.s3.send(new ListObjectsV2Command({ Bucket }))).Contents).toBeUndefined();
    expect(await failure(part(begun, 1, 'x'))).toBe('404 NoSuchUpload');
  });

  it('test_abort_multipart_upload_not_found: names an upload that is not there', async () => {
    const Bucket = await suite.bucket([Key]);
    expect(await failure(abort({ Bucket, UploadId: '56788' }))).toBe('404 NoSuchUpload');
  });

  it('test_list_multipart_upload: lists uploads by key and id, page by page', async () => {
    const Bucket = await suite.bucket();
    const made = [];
    for (const key of [Key, Key, 'mymultipart2', 'a/1', 'a/2', 'a/2', 'b']) {
      made.push((await suite.s3.send(new CreateMultipartUploadCommand({ Bucket, Key: key }))).UploadId);
    }
    const list = (more = {}) => suite.s3.send(new ListMultipartUploadsCommand({ Bucket, ...more }));
    const all = (await list()).Uploads!;
    expect(all.map(({ UploadId }) => UploadId).sort()).toEqual([...made].sort());
    expect(all.map((one) => one.Key)).toEqual(['a/1', 'a/2', 'a/2', 'b', Key, Key, 'mymultipart2']);
    for (const MaxUploads of [1, 2, 3]) {
      for (const Delimiter of [undefined, '/']) {
        const found: (string | undefined)[] = [];
        let next: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
        for (;;) {
          const page = await list({ MaxUploads, Delimiter, ...next });
          const prefixes = (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix);
          found.push(...[...prefixes, ...(page.Uploads ?? []).map((one) => one.Key)].sort());
          if (!page.IsTruncated) break;
          next = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
        }
        const rest = ['b', Key, Key, 'mymultipart2'];
        expect(found).toEqual(Delimiter === undefined ? ['a/1', 'a/2', 'a/2', ...rest] : ['a/', ...rest]);
      }
    }
    expect((await list({ Prefix: 'a/' })).Uploads).toHaveLength(3);
  });

  it('lists the parts of an upload, page by page', async () => {
    const begun = await begin(await suite.bucket());
    for (const number of [7, 1, 3]) await part(begun, number, `part ${number}`);
    const list = (more = {}) => suite.s3.send(new ListPartsCommand({ ...begun, Key, ...more }));
    expect((await list()).Parts!.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 6],
      [3, 6],
      [7, 6],
    ]);
    const first = await list({ MaxParts: 2 });
    expect(first).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '3' });
    const second = await list({ PartNumberMarker: '3' });
    expect(second.Parts!.map(({ PartNumber }) => PartNumber)).toEqual([7]);
  });
});

describe('copies of parts', () => {
  const source = 'source';
  const copyPart = (begun: Begun, CopySource: string, more: { CopySourceRange?: string; PartNumber?: number } = {}) =>
    suite.s3.send(new UploadPartCopyCommand({ ...begun, Key, PartNumber: 1, CopySource, ...more }));

  /** Copies the first `size` bytes of a source in parts of 5 MiB. */
  async function copied(CopySource: string, size: number): Promise<string> {
    const Bucket = await suite.bucket();
    const begun = await begin(Bucket);
    const parts = [];
    for (let first = 0, PartNumber = 1; first < size; first += PART, PartNumber++) {
      const CopySourceRange = `bytes=${first}-${Math.min(first + PART, size) - 1}`;
      const { CopyPartResult } = await copyPart(begun, CopySource, { CopySourceRange, PartNumber });
      parts.push({ PartNumber, ETag: CopyPartResult!.ETag });
    }
    await complete(begun, parts);
    return Bucket;
  }

  it('test_multipart_copy_small, test_multipart_copy_multiple_sizes: copies ranges of an object', async () => {
    const from = await suite.bucket();
    const whole = content(11 * MIB);
    await suite.put(from, source, whole);
    for (const size of [1, PART, PART + 600 * 1024, 10 * MIB + 100 * 1024]) {
      const Bucket = await copied(`${from}/${source}`, size);
      expect((await bytes(Bucket)).equals(whole.subarray(0, size))).toBe(true);
    }
  });

  it('test_multipart_copy_without_range: copies all of it', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, source, '0123456789');
    const begun = await begin(Bucket);
    const { CopyPartResult } = await copyPart(begun, `${Bucket}/${source}`);
    await complete(begun, [{ PartNumber: 1, ETag: CopyPartResult!.ETag }]);
    expect((await bytes(Bucket)).toString()).toBe('0123456789');
  });

  it('test_multipart_copy_invalid_range, test_multipart_copy_improper_range: refuses ranges that are none of the source', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, source, '01234');
    const begun = await begin(Bucket);
    const outcome = (CopySourceRange: string) => failure(copyPart(begun, `${Bucket}/${source}`, { CopySourceRange }));
    for (const range of ['bytes=0-21', 'bytes=5-5', 'bytes=9-12'])
      expect(await outcome(range)).toBe('416 InvalidRange');
    for (const bad of ['0-2', 'bytes=0', 'bytes=hello-world', 'bytes=0-bar', 'bytes=hello-', 'bytes=0-2,3-5']) {
      expect(await outcome(bad), bad).toBe('400 InvalidArgument');
    }
  });

  it('test_multipart_copy_special_names: copies from keys of odd names', async () => {
    const from = await suite.bucket();
    for (const key of [' ', '_', '__', '?versionId']) {
      await suite.put(from, key, `body of ${key}`);
      const Bucket = await copied(`${from}/${encodeURIComponent(key)}`, 1);
      expect((await bytes(Bucket)).toString()).toBe('b');
    }
  });

  it('test_multipart_copy_versioned: copies from a version', async () => {
    const from = await suite.bucket([], { versioned: true });
    for (const letter of ['a', 'b', 'c']) await suite.put(from, source, Buffer.alloc(6 * MIB, letter));
    for (const [i, id] of (await suite.versions(from)).versions.entries()) {
      const Bucket = await copied(`${from}/${source}?versionId=${id}`, 6 * MIB);
      expect((await bytes(Bucket)).equals(Buffer.alloc(6 * MIB, 'cba'[i]))).toBe(true);
    }
  });

  it('test_upload_part_copy_percent_encoded_key: takes an encoded key for what it stands for', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, 'anyfilename%25.txt', 'foo');
    const begun = await begin(Bucket);
    expect(await failure(copyPart(begun, `${Bucket}/anyfilename%25.txt`))).toBe('404 NoSuchKey');
    await copyPart(begun, `${Bucket}/anyfilename%2525.txt`);
  });
});

it('takes tags with an upload', async () => {
  const Bucket = await suite.bucket();
  const begun = await begin(Bucket, { Tagging: 'a=1&b=2' });
  await complete(begun, [await part(begun, 1, 'x')]);
  expect((await suite.s3.send(new HeadObjectCommand({ Bucket, Key }))).TagCount).toBe(2);
  expect(await failure(begin(Bucket, { Tagging: 'a=1&a=2' }))).toBe('400 InvalidTag');
});

it('refuses numbers of parts that are none, and a completion that is no XML', async () => {
  const begun = await begin(await suite.bucket());
  for (const number of [0, 10_001]) expect(await failure(part(begun, number, 'x'))).toBe('400 InvalidArgument');
  const query = { uploadId: begun.UploadId };
  for (const body of ['', 'x', '<Other/>', '<CompleteMultipartUpload><Part/></CompleteMultipartUpload>']) {
    const answer = await raw(suite, 'POST', `/${begun.Bucket}/${Key}`, { query, body });
    expect(answer, body).toMatchObject({ status: 400, code: 'MalformedXML' });
  }
});

it('names a size of the whole that is another', async () => {
  const Bucket = await suite.bucket();
  const begun = await begin(Bucket);
  const parts = [await part(begun, 1, 'abc')];
  expect(await failure(complete(begun, parts, { MpuObjectSize: 4 }))).toBe('400 InvalidRequest');
  await complete(begun, parts, { MpuObjectSize: 3 });
  expect(await failure(suite.s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', IfNoneMatch: '*' })))).toBe(
    '412 PreconditionFailed',
  );
});
