/** Objects as the public conformance cases have them: bodies, metadata, headers, ranges, conditions, deletes, races. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, MIB, openSuite, raw, type Suite } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const head = (Bucket: string, Key: string, more = {}) => suite.s3.send(new HeadObjectCommand({ Bucket, Key, ...more }));
const get = (Bucket: string, Key: string, more = {}) => suite.s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
const keysIn = async (Bucket: string) =>
  ((await suite.s3.send(new ListObjectsCommand({ Bucket }))).Contents ?? []).map(({ Key }) => Key!);

describe('bodies and metadata', () => {
  it('test_object_write_read_update_read_delete: reads what was written last', async () => {
    const Bucket = await suite.bucket();
    for (const body of ['bar', 'soup']) {
      await suite.put(Bucket, 'foo', body);
      expect(await suite.text(Bucket, 'foo')).toBe(body);
    }
    await suite.s3.send(new DeleteObjectCommand({ Bucket, Key: 'foo' }));
    expect(await keysIn(Bucket)).toEqual([]);
  });

  it('test_object_read_not_exist: names a key that is not there', async () => {
    expect(await failure(get(await suite.bucket(), 'bar'))).toBe('404 NoSuchKey');
  });

  it('test_object_requestid_matches_header_on_error: tells one request id in header and body', async () => {
    const answer = await raw(suite, 'GET', `/${await suite.bucket()}/bar`);
    expect(/<RequestId>([^<]+)</.exec(answer.text)![1]).toBe(answer.headers['x-amz-request-id']);
  });

  it('test_object_head_zero_bytes: tells the size of an empty object', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, 'foo', '');
    expect((await head(Bucket, 'foo')).ContentLength).toBe(0);
  });

  it('test_object_write_check_etag: gives the MD5 of the body as ETag', async () => {
    const { ETag } = await suite.put(await suite.bucket(), 'foo', 'bar');
    expect(ETag).toBe('"37b51d194a7513e45b56f6524f2d51f2"');
  });

  it('test_object_write_cache_control, test_object_write_expires: keeps headers as given', async () => {
    const Bucket = await suite.bucket();
    const CacheControl = 'public, max-age=14400';
    const Expires = new Date(Math.floor(Date.now() / 1000) * 1000 + 6_000_000);
    await suite.put(Bucket, 'foo', 'bar', { CacheControl, Expires });
    expect(await head(Bucket, 'foo')).toMatchObject({ CacheControl, ExpiresString: Expires.toUTCString() });
  });

  it('test_object_write_file: takes bytes', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, 'foo', Buffer.from('bar'));
    expect(await suite.text(Bucket, 'foo')).toBe('bar');
  });

  it.each([
    ['test_object_set_get_metadata_none_to_good', ['mymeta']],
    ['test_object_set_get_metadata_none_to_empty', ['']],
    ['test_object_set_get_metadata_overwrite_to_empty', ['oldmeta', '']],
    ['test_object_set_get_unicode_metadata', ['Hello Worldé']],
  ])('%s: gives back metadata as it was written', async (_, values) => {
    const Bucket = await suite.bucket();
    for (const meta1 of values) {
      // Raw, because clients refuse characters that headers carry as bytes.
      const headers = { 'x-amz-meta-meta1': meta1 };
      const change = { 'x-amz-meta-meta1': Buffer.from(meta1, 'utf8').toString('latin1') };
      expect((await raw(suite, 'PUT', `/${Bucket}/foo`, { body: 'bar', headers, change })).status).toBe(200);
      const answer = await raw(suite, 'GET', `/${Bucket}/foo`);
      expect(Buffer.from(String(answer.headers['x-amz-meta-meta1']), 'latin1').toString()).toBe(meta1);
    }
  });

  it('test_object_metadata_replaced_on_put: forgets metadata with the object it belonged to', async () => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, 'foo', 'bar', { Metadata: { meta1: 'bar' } });
    await suite.put(Bucket, 'foo', 'bar');
    expect((await get(Bucket, 'foo')).Metadata).toEqual({});
  });

  it('test_object_write_with_chunked_transfer_encoding: takes a body without a length', async () => {
    const Bucket = await suite.bucket();
    const change = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
    expect((await raw(suite, 'PUT', `/${Bucket}/foo`, { body: 'bar', change })).status).toBe(200);
    expect(await suite.text(Bucket, 'foo')).toBe('bar');
  });

  it('test_object_content_encoding_aws_chunked: keeps content encodings, but not that of the transfer', async () => {
    const Bucket = await suite.bucket();
    for (const [given, kept] of [
      ['gzip', 'gzip'],
      ['deflate, gzip', 'deflate,gzip'],
      ['gzip, aws-chunked', 'gzip'],
      ['aws-chunked, gzip', 'gzip'],
      ['aws-chunked', undefined],
      ['aws-chunked, aws-chunked', undefined],
    ] as const) {
      const headers = { 'content-encoding': given };
      await raw(suite, 'PUT', `/${Bucket}/foo`, { headers, body: 'x' });
      expect((await raw(suite, 'HEAD', `/${Bucket}/foo`)).headers['content-encoding'], given).toBe(kept);
    }
  });

  it('test_object_raw_response_headers: answers with the headers a link asks for', async () => {
    const Bucket = await suite.bucket(['foo']);
    const wanted = {
      ResponseCacheControl: 'no-cache',
      ResponseContentDisposition: 'bla',
      ResponseContentEncoding: 'aaa',
      ResponseContentLanguage: 'esperanto',
      ResponseContentType: 'foo/bar',
      ResponseExpires: new Date(123_000),
    };
    const url = await getSignedUrl(suite.s3, new GetObjectCommand({ Bucket, Key: 'foo', ...wanted }));
    const { headers } = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('content-disposition')).toBe('bla');
    expect(headers.get('content-encoding')).toBe('aaa');
    expect(headers.get('content-language')).toBe('esperanto');
    expect(headers.get('content-type')).toBe('foo/bar');
    expect(headers.get('expires')).toBe('Thu, 01 Jan 1970 00:02:03 GMT');
  });

  it('test_object_read_unreadable: refuses a path that is not UTF-8', async () => {
    const answer = await raw(suite, 'GET', `/${await suite.bucket()}/%AE%8A-`);
    expect(answer.status).toBe(400);
  });
});

describe('ranges', () => {
  const content = 'testcontent';

  it.each([
    ['test_ranged_request_response_code', 'bytes=4-7', content.slice(4, 8), 'bytes 4-7/11'],
    ['test_ranged_request_skip_leading_bytes_response_code', 'bytes=4-', content.slice(4), 'bytes 4-10/11'],
    ['test_ranged_request_return_trailing_bytes_response_code', 'bytes=-7', content.slice(-7), 'bytes 4-10/11'],
  ])('%s: reads %s', async (_, Range, expected, ContentRange) => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, 'testobj', content);
    const answer = await get(Bucket, 'testobj', { Range });
    expect(await answer.Body!.transformToString()).toBe(expected);
    expect(answer).toMatchObject({ ContentRange, $metadata: { httpStatusCode: 206 } });
  });

  it('test_ranged_big_request_response_code: reads from the middle of a large object', async () => {
    const Bucket = await suite.bucket();
    const bytes = Buffer.alloc(8 * MIB, 'the quick brown fox ');
    await suite.put(Bucket, 'testobj', bytes);
    const answer = await get(Bucket, 'testobj', { Range: 'bytes=3145728-5242880' });
    expect(answer.ContentRange).toBe('bytes 3145728-5242880/8388608');
    const read = Buffer.from(await answer.Body!.transformToByteArray());
    expect(read.equals(bytes.subarray(3145728, 5242881))).toBe(true);
  });

  it.each([
    ['test_ranged_request_invalid_range', content],
    ['test_ranged_request_empty_object', ''],
  ])('%s: refuses a range behind the end', async (_, body) => {
    const Bucket = await suite.bucket();
    await suite.put(Bucket, 'testobj', body);
    expect(await failure(get(Bucket, 'testobj', { Range: 'bytes=40-50' }))).toBe('416 InvalidRange');
  });
});

describe('conditional reads', () => {
  const written = async () => {
    const Bucket = await suite.bucket();
    const { ETag } = await suite.put(Bucket, 'foo', 'bar');
    return { Bucket, ETag };
  };
  const PAST = new Date('1994-10-29T19:43:31Z');
  const FUTURE = new Date('2100-10-29T19:43:31Z');
  const outcome = async (Bucket: string, condition: object) => {
    try {
      return await (await get(Bucket, 'foo', condition)).Body!.transformToString();
    } catch (error) {
      if (error instanceof S3ServiceException) return error.$metadata.httpStatusCode;
      throw error;
    }
  };

  it('test_get_object_ifmatch_good, test_get_object_ifmatch_failed: reads what has the ETag', async () => {
    const { Bucket, ETag } = await written();
    expect(await outcome(Bucket, { IfMatch: ETag })).toBe('bar');
    expect(await outcome(Bucket, { IfMatch: '"ABCORZ"' })).toBe(412);
  });

  it('test_get_object_ifnonematch_good, test_get_object_ifnonematch_failed: reads what has another ETag', async () => {
    const { Bucket, ETag } = await written();
    expect(await outcome(Bucket, { IfNoneMatch: ETag })).toBe(304);
    expect(await outcome(Bucket, { IfNoneMatch: 'ABCORZ' })).toBe('bar');
  });

  it('test_get_object_ifmodifiedsince_good, test_get_object_ifmodifiedsince_failed: reads what is newer', async () => {
    const { Bucket } = await written();
    const { LastModified } = await head(Bucket, 'foo');
    expect(await outcome(Bucket, { IfModifiedSince: PAST })).toBe('bar');
    expect(await outcome(Bucket, { IfModifiedSince: new Date(LastModified!.getTime() + 1000) })).toBe(304);
  });

  it('test_get_object_ifunmodifiedsince_good, test_get_object_ifunmodifiedsince_failed: reads what is not newer', async () => {
    const { Bucket } = await written();
    expect(await outcome(Bucket, { IfUnmodifiedSince: PAST })).toBe(412);
    expect(await outcome(Bucket, { IfUnmodifiedSince: FUTURE })).toBe('bar');
  });
});

describe('conditional writes', () => {
  const write = (Bucket: string, more: Partial<PutObjectCommandInput>) =>
    failure(suite.put(Bucket, 'obj', 'new', more));

  it('test_put_object_ifmatch_good, test_put_object_ifmatch_overwrite_existed_good: overwrites what has the ETag', async () => {
    const Bucket = await suite.bucket();
    const { ETag } = await suite.put(Bucket, 'obj', 'bar');
    expect(await write(Bucket, { IfMatch: ETag })).toBe('none');
    expect(await write(Bucket, { IfMatch: '*' })).toBe('none');
    expect(await suite.text(Bucket, 'obj')).toBe('new');
  });

  it('test_put_object_ifmatch_failed, test_put_object_ifmatch_nonexisted_failed: leaves anything else alone', async () => {
    const Bucket = await suite.bucket();
    expect(await write(Bucket, { IfMatch: '*' })).toBe('404 NoSuchKey');
    expect(await write(Bucket, { IfMatch: 'badetag' })).toBe('404 NoSuchKey');
    await suite.put(Bucket, 'obj', 'bar');
    expect(await write(Bucket, { IfMatch: '"ABCORZ"' })).toBe('412 PreconditionFailed');
    expect(await suite.text(Bucket, 'obj')).toBe('bar');
  });

  it('test_put_object_ifnonmatch_good, test_put_object_ifnonmatch_failed: overwrites what has another ETag', async () => {
    const Bucket = await suite.bucket();
    const { ETag } = await suite.put(Bucket, 'obj', 'bar');
    expect(await write(Bucket, { IfNoneMatch: ETag })).toBe('412 PreconditionFailed');
    expect(await suite.text(Bucket, 'obj')).toBe('bar');
    expect(await write(Bucket, { IfNoneMatch: 'ABCORZ' })).toBe('none');
  });

  it('test_put_object_ifnonmatch_nonexisted_good, test_put_object_ifnonmatch_overwrite_existed_failed: makes a key once', async () => {
    const Bucket = await suite.bucket();
    expect(await write(Bucket, { IfNoneMatch: '*' })).toBe('none');
    expect(await write(Bucket, { IfNoneMatch: '*' })).toBe('412 PreconditionFailed');
  });

  it('test_put_object_if_match, test_put_object_current_if_match: decides by what the key shows, deleted or not', async () => {
    for (const versioned of [false, true]) {
      const Bucket = await suite.bucket([], { versioned });
      const { ETag } = await suite.put(Bucket, 'obj', 'new', { IfNoneMatch: '*' });
      expect(await write(Bucket, { IfNoneMatch: ETag })).toBe('412 PreconditionFailed');
      expect(await write(Bucket, { IfMatch: ETag })).toBe('none');
      await suite.s3.send(new DeleteObjectCommand({ Bucket, Key: 'obj' }));
      expect(await write(Bucket, { IfMatch: '*' })).toBe('404 NoSuchKey');
      expect(await write(Bucket, { IfMatch: 'badetag' })).toBe('404 NoSuchKey');
      expect(await write(Bucket, { IfNoneMatch: ETag })).toBe('none');
      expect(await write(Bucket, { IfMatch: 'badetag' })).toBe('412 PreconditionFailed');
    }
  });

  it('test_put_current_object_if_none_match, test_put_current_object_if_match: looks at the current version alone', async () => {
    const Bucket = await suite.bucket([], { versioned: true });
    const one = await suite.put(Bucket, 'obj', 'data1', { IfNoneMatch: '*' });
    const two = await suite.put(Bucket, 'obj', 'data2', { IfMatch: '*' });
    expect(await write(Bucket, { IfNoneMatch: two.ETag })).toBe('412 PreconditionFailed');
    expect(await write(Bucket, { IfMatch: one.ETag })).toBe('412 PreconditionFailed');
    expect(await write(Bucket, { IfMatch: two.ETag })).toBe('none');
    expect(await write(Bucket, { IfNoneMatch: one.ETag })).toBe('none');
  });
});

describe('conditional deletes', () => {
  const remove = (Bucket: string, more = {}) =>
    failure(suite.s3.send(new DeleteObjectCommand({ Bucket, Key: 'obj', ...more })));
  const removeMany = async (Bucket: string, more = {}) => {
    const Delete = { Objects: [{ Key: 'obj', ...more }] };
    const { Errors = [] } = await suite.s3.send(new DeleteObjectsCommand({ Bucket, Delete }));
    return Errors[0]?.Code ?? 'none';
  };

  it('removes what has the ETag', async () => {
    const Bucket = await suite.bucket();
    for (const work of [
      (ETag?: string) => remove(Bucket, { IfMatch: ETag }),
      (ETag?: string) => removeMany(Bucket, { ETag }),
    ]) {
      const { ETag } = await suite.put(Bucket, 'obj', 'x');
      expect(await work('badetag')).toMatch(/PreconditionFailed/);
      expect(await work(ETag)).toBe('none');
      // S3 names what a condition is asked of and is not there; the suite's other server does not.
      expect(await work('*')).toMatch(/NoSuchKey/);
      expect(await keysIn(Bucket)).toEqual([]);
    }
  });

  it('removes a version that has the ETag', async () => {
    const Bucket = await suite.bucket([], { versioned: true });
    const { ETag, VersionId } = await suite.put(Bucket, 'obj', 'x');
    expect(await remove(Bucket, { VersionId, IfMatch: 'badetag' })).toBe('412 PreconditionFailed');
    expect(await removeMany(Bucket, { VersionId, ETag: 'badetag' })).toBe('PreconditionFailed');
    expect(await remove(Bucket, { VersionId, IfMatch: ETag })).toBe('none');
  });

  it('removes what has the size', async () => {
    const Bucket = await suite.bucket(['obj']);
    expect(await remove(Bucket, { IfMatchSize: 9999 })).toBe('412 PreconditionFailed');
    expect(await removeMany(Bucket, { Size: 9999 })).toBe('PreconditionFailed');
    expect(await removeMany(Bucket, { Size: 3 })).toBe('none');
  });

  it('removes what was modified then', async () => {
    const Bucket = await suite.bucket(['obj']);
    const { LastModified } = await head(Bucket, 'obj');
    const other = new Date('2015-01-01T00:00:00Z');
    expect(await remove(Bucket, { IfMatchLastModifiedTime: other })).toBe('412 PreconditionFailed');
    expect(await removeMany(Bucket, { LastModifiedTime: other })).toBe('PreconditionFailed');
    expect(await remove(Bucket, { IfMatchLastModifiedTime: LastModified })).toBe('none');
  });
});

describe('batch deletes', () => {
  const remove = (Bucket: string, keys: readonly string[], Quiet = false) =>
    suite.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })), Quiet } }));

  it('test_multi_object_delete, test_multi_objectv2_delete: removes keys that are there, and those that are not', async () => {
    const keys = ['key0', 'key1', 'key2'];
    const Bucket = await suite.bucket(keys);
    for (const _ of [1, 2]) {
      const { Deleted, Errors } = await remove(Bucket, keys);
      expect(Deleted).toHaveLength(3);
      expect(Errors).toBeUndefined();
      expect(await keysIn(Bucket)).toEqual([]);
    }
    expect((await remove(Bucket, keys, true)).Deleted).toBeUndefined();
  });

  it('test_multi_object_delete_key_limit, test_multi_objectv2_delete_key_limit: refuses more than 1,000 at once', async () => {
    const keys = Array.from({ length: 1001 }, (_, i) => `key-${i}`);
    const Bucket = await suite.bucket(['key-7']);
    expect(await failure(remove(Bucket, keys))).toBe('400 MalformedXML');
    expect(await keysIn(Bucket)).toEqual(['key-7']);
    expect((await remove(Bucket, keys.slice(1))).Deleted).toHaveLength(1000);
  });

  it('refuses a batch that nothing vouches for, and one that is no XML', async () => {
    const Bucket = await suite.bucket(['foo']);
    const body = '<Delete><Object><Key>foo</Key></Object></Delete>';
    const send = (text: string, headers: Record<string, string> = {}) =>
      raw(suite, 'POST', `/${Bucket}`, { query: { delete: '' }, body: text, headers });
    expect(await send(body)).toMatchObject({ status: 400, code: 'InvalidRequest' });
    expect(await send(body, { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' })).toMatchObject({ code: 'BadDigest' });
    const md5 = (text: string) => ({ 'content-md5': createHash('md5').update(text).digest('base64') });
    for (const bad of ['<Delete>', '<Other/>', '<Delete></Delete>', '<Delete><Object/></Delete>', 'x']) {
      expect(await send(bad, md5(bad)), bad).toMatchObject({ status: 400, code: 'MalformedXML' });
    }
    expect(await keysIn(Bucket)).toEqual(['foo']);
  });
});

describe('races', () => {
  const A = 'A'.charCodeAt(0);
  /** A body of one letter; `halfWay` runs before its last half is sent. */
  function letters(letter: string, size: number, halfWay?: () => Promise<void>): Partial<PutObjectCommandInput> {
    const half = Buffer.alloc(size / 2, letter);
    const body = async function* () {
      yield half;
      await halfWay?.();
      yield half;
    };
    return { Body: Readable.from(body()), ContentLength: size };
  }
  const only = async (Bucket: string, size: number): Promise<string> => {
    const bytes = Buffer.from(await (await get(Bucket, 'testobj')).Body!.transformToByteArray());
    expect(bytes.length).toBe(size);
    expect(bytes.equals(Buffer.alloc(size, bytes[0]))).toBe(true);
    return String.fromCharCode(bytes[0] ?? A);
  };
  const write = (Bucket: string, input: Partial<PutObjectCommandInput>) =>
    suite.s3.send(new PutObjectCommand({ Bucket, Key: 'testobj', ...input }));

  it.each([
    ['test_atomic_read_1mb', 1],
    ['test_atomic_read_4mb', 4],
    ['test_atomic_read_8mb', 8],
  ] as const)('%s: reads one version to its end though another comes meanwhile', async (_, mb) => {
    const size = mb * MIB;
    const Bucket = await suite.bucket();
    await write(Bucket, letters('A', size));
    const reading = await get(Bucket, 'testobj');
    await write(Bucket, letters('B', size));
    const read = Buffer.from(await reading.Body!.transformToByteArray());
    expect(read.equals(Buffer.alloc(size, 'A'))).toBe(true);
    expect(await only(Bucket, size)).toBe('B');
  });

  it.each([
    ['test_atomic_write_1mb', 1],
    ['test_atomic_write_4mb', 4],
    ['test_atomic_write_8mb', 8],
  ] as const)('%s: shows the old version until the new one is whole', async (_, mb) => {
    const size = mb * MIB;
    const Bucket = await suite.bucket();
    await write(Bucket, letters('A', size));
    const seen: string[] = [];
    await write(
      Bucket,
      letters('B', size, async () => void seen.push(await only(Bucket, size))),
    );
    expect([...seen, await only(Bucket, size)]).toEqual(['A', 'B']);
  });

  it.each([
    ['test_atomic_dual_write_1mb', 1],
    ['test_atomic_dual_write_4mb', 4],
    ['test_atomic_dual_write_8mb', 8],
  ] as const)('%s: leaves one of two versions, whole', async (_, mb) => {
    const size = mb * MIB;
    const Bucket = await suite.bucket();
    await write(
      Bucket,
      letters('B', size, async () => void (await write(Bucket, letters('A', size)))),
    );
    expect(await only(Bucket, size)).toBe('B');
  });

  it('test_atomic_conditional_write_1mb: overwrites whatever is there when it is done', async () => {
    const Bucket = await suite.bucket();
    await write(Bucket, letters('A', MIB));
    await write(Bucket, { ...letters('B', MIB), IfMatch: '*' });
    expect(await only(Bucket, MIB)).toBe('B');
  });

  it('test_atomic_dual_conditional_write_1mb: lets one of two conditional writers win', async () => {
    const Bucket = await suite.bucket();
    const { ETag } = await write(Bucket, letters('A', MIB));
    const between = async () => void (await write(Bucket, { ...letters('B', MIB), IfMatch: ETag }));
    const work = write(Bucket, { ...letters('C', MIB, between), IfMatch: ETag });
    expect(await failure(work)).toBe('412 PreconditionFailed');
    expect(await only(Bucket, MIB)).toBe('B');
  });

  it('test_atomic_write_bucket_gone: names a bucket that went while its object came', async () => {
    const Bucket = await suite.bucket();
    const removeBucket = async () => void (await suite.s3.send(new DeleteBucketCommand({ Bucket })));
    expect(await failure(write(Bucket, letters('A', MIB, removeBucket)))).toBe('404 NoSuchBucket');
  });
});

it('lets exactly one of 64 writers make a key, and one of 64 replace what all have read', async () => {
  const Bucket = await suite.bucket();
  const race = (condition: (body: string) => object, bodies: readonly string[]) =>
    Promise.all(
      bodies.map(async (Body) => {
        const put = new PutObjectCommand({ Bucket, Key: 'raced', Body, ...condition(Body) });
        return { Body, outcome: await failure(suite.s3.send(put)) };
      }),
    );
  const bodies = Array.from({ length: 64 }, (_, i) => `writer ${i}`);
  const made = await race(() => ({ IfNoneMatch: '*' }), bodies);
  expect(new Set(made.map(({ outcome }) => outcome))).toEqual(new Set(['none', '412 PreconditionFailed']));
  const [first, ...others] = made.filter(({ outcome }) => outcome === 'none');
  expect(others).toEqual([]);
  expect(await suite.text(Bucket, 'raced')).toBe(first!.Body);
  const { ETag } = await suite.s3.send(new HeadObjectCommand({ Bucket, Key: 'raced' }));
  const replaced = await race(
    () => ({ IfMatch: ETag }),
    bodies.map((body) => `${body} again`),
  );
  const winners = replaced.filter(({ outcome }) => outcome === 'none');
  expect(winners).toHaveLength(1);
  expect(await suite.text(Bucket, 'raced')).toBe(winners[0]!.Body);
});

it('is a lock, as the native one of Terraform: made by one, seen by all, gone when it is given back', async () => {
  const Bucket = await suite.bucket();
  const Key = 'states/prod.tfstate.tflock';
  const lock = (Body: string) =>
    failure(
      suite.s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json', IfNoneMatch: '*' })),
    );
  for (const round of [1, 2]) {
    const outcomes = await Promise.all([lock('{"ID":"a"}'), lock('{"ID":"b"}'), lock('{"ID":"c"}')]);
    expect(
      outcomes.filter((outcome) => outcome === 'none'),
      `round ${round}`,
    ).toHaveLength(1);
    expect(JSON.parse(await suite.text(Bucket, Key))).toEqual({ ID: 'abc'[outcomes.indexOf('none')] });
    await suite.s3.send(new DeleteObjectCommand({ Bucket, Key }));
  }
});
