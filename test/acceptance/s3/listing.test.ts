/** Listings as the public conformance cases have them: delimiters, prefixes, markers, tokens, encoding. */
import {
  HeadObjectCommand,
  ListObjectsCommand,
  type ListObjectsCommandInput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, openSuite, raw, type Suite } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const list = (Bucket: string, input: Partial<ListObjectsCommandInput> = {}) =>
  suite.s3.send(new ListObjectsCommand({ Bucket, ...input }));
const listV2 = (Bucket: string, input: Partial<ListObjectsV2CommandInput> = {}) =>
  suite.s3.send(new ListObjectsV2Command({ Bucket, ...input }));

interface Page {
  readonly Contents?: { readonly Key?: string | undefined }[] | undefined;
  readonly CommonPrefixes?: { readonly Prefix?: string | undefined }[] | undefined;
}
const keysOf = ({ Contents = [] }: Page) => Contents.map(({ Key }) => Key);
const prefixesOf = ({ CommonPrefixes = [] }: Page) => CommonPrefixes.map(({ Prefix }) => Prefix);

/** A case of one listing, which both versions of the operation answer alike. */
interface Case {
  /** The names for ListObjects and ListObjectsV2. */
  readonly v1: string;
  readonly v2: string;
  readonly keys: readonly string[];
  readonly input: { readonly Delimiter?: string; readonly Prefix?: string };
  readonly found: readonly string[];
  readonly prefixes?: readonly string[];
  readonly says: string;
}

const PLAIN = ['bar', 'baz', 'cab', 'foo'];
const DEEP = ['foo/bar', 'foo/baz', 'quux'];
const PATHS = ['foo/bar', 'foo/baz/xyzzy', 'quux/thud', 'asdf'];

const CASES: readonly Case[] = [
  {
    v1: 'test_bucket_list_delimiter_basic',
    v2: 'test_bucket_listv2_delimiter_basic',
    keys: ['foo/bar', 'foo/bar/xyzzy', 'quux/thud', 'asdf'],
    input: { Delimiter: '/' },
    found: ['asdf'],
    prefixes: ['foo/', 'quux/'],
    says: 'rolls keys up at slashes',
  },
  {
    v1: 'test_bucket_list_delimiter_alt',
    v2: 'test_bucket_listv2_delimiter_alt',
    keys: PLAIN,
    input: { Delimiter: 'a' },
    found: ['foo'],
    prefixes: ['ba', 'ca'],
    says: 'rolls keys up at any character',
  },
  {
    v1: 'test_bucket_list_delimiter_percentage',
    v2: 'test_bucket_listv2_delimiter_percentage',
    keys: ['b%ar', 'b%az', 'c%ab', 'foo'],
    input: { Delimiter: '%' },
    found: ['foo'],
    prefixes: ['b%', 'c%'],
    says: 'rolls keys up at a percent sign',
  },
  {
    v1: 'test_bucket_list_delimiter_whitespace',
    v2: 'test_bucket_listv2_delimiter_whitespace',
    keys: ['b ar', 'b az', 'c ab', 'foo'],
    input: { Delimiter: ' ' },
    found: ['foo'],
    prefixes: ['b ', 'c '],
    says: 'rolls keys up at a space',
  },
  {
    v1: 'test_bucket_list_delimiter_dot',
    v2: 'test_bucket_listv2_delimiter_dot',
    keys: ['b.ar', 'b.az', 'c.ab', 'foo'],
    input: { Delimiter: '.' },
    found: ['foo'],
    prefixes: ['b.', 'c.'],
    says: 'rolls keys up at a dot',
  },
  {
    v1: 'test_bucket_list_delimiter_unreadable',
    v2: 'test_bucket_listv2_delimiter_unreadable',
    keys: PLAIN,
    input: { Delimiter: '\n' },
    found: PLAIN,
    says: 'takes a delimiter that cannot be read',
  },
  {
    v1: 'test_bucket_list_delimiter_empty',
    v2: 'test_bucket_listv2_delimiter_empty',
    keys: PLAIN,
    input: { Delimiter: '' },
    found: PLAIN,
    says: 'takes an empty delimiter for none',
  },
  {
    v1: 'test_bucket_list_delimiter_none',
    v2: 'test_bucket_listv2_delimiter_none',
    keys: PLAIN,
    input: {},
    found: PLAIN,
    says: 'rolls nothing up without a delimiter',
  },
  {
    v1: 'test_bucket_list_delimiter_not_exist',
    v2: 'test_bucket_listv2_delimiter_not_exist',
    keys: PLAIN,
    input: { Delimiter: '/' },
    found: PLAIN,
    says: 'lists all keys when none holds the delimiter',
  },
  {
    v1: 'test_bucket_list_delimiter_prefix_ends_with_delimiter',
    v2: 'test_bucket_listv2_delimiter_prefix_ends_with_delimiter',
    keys: ['asdf/'],
    input: { Prefix: 'asdf/', Delimiter: '/' },
    found: ['asdf/'],
    says: 'lists the key that is the prefix itself',
  },
  {
    v1: 'test_bucket_list_prefix_basic',
    v2: 'test_bucket_listv2_prefix_basic',
    keys: DEEP,
    input: { Prefix: 'foo/' },
    found: ['foo/bar', 'foo/baz'],
    says: 'lists below a prefix',
  },
  {
    v1: 'test_bucket_list_prefix_alt',
    v2: 'test_bucket_listv2_prefix_alt',
    keys: ['bar', 'baz', 'foo'],
    input: { Prefix: 'ba' },
    found: ['bar', 'baz'],
    says: 'takes any text as prefix',
  },
  {
    v1: 'test_bucket_list_prefix_empty',
    v2: 'test_bucket_listv2_prefix_empty',
    keys: DEEP,
    input: { Prefix: '' },
    found: DEEP,
    says: 'lists all below an empty prefix',
  },
  {
    v1: 'test_bucket_list_prefix_none',
    v2: 'test_bucket_listv2_prefix_none',
    keys: DEEP,
    input: {},
    found: DEEP,
    says: 'lists all without a prefix',
  },
  {
    v1: 'test_bucket_list_prefix_not_exist',
    v2: 'test_bucket_listv2_prefix_not_exist',
    keys: DEEP,
    input: { Prefix: 'd' },
    found: [],
    says: 'lists nothing below a prefix no key has',
  },
  {
    v1: 'a prefix that cannot be read, version 1',
    v2: 'test_bucket_listv2_prefix_unreadable',
    keys: DEEP,
    input: { Prefix: '\n' },
    found: [],
    says: 'takes a prefix that cannot be read',
  },
  {
    v1: 'test_bucket_list_prefix_delimiter_basic',
    v2: 'test_bucket_listv2_prefix_delimiter_basic',
    keys: PATHS,
    input: { Prefix: 'foo/', Delimiter: '/' },
    found: ['foo/bar'],
    prefixes: ['foo/baz/'],
    says: 'rolls up behind the prefix',
  },
  {
    v1: 'test_bucket_list_prefix_delimiter_alt',
    v2: 'test_bucket_listv2_prefix_delimiter_alt',
    keys: ['bar', 'bazar', 'cab', 'foo'],
    input: { Prefix: 'ba', Delimiter: 'a' },
    found: ['bar'],
    prefixes: ['baza'],
    says: 'looks for the delimiter behind the prefix only',
  },
  {
    v1: 'test_bucket_list_prefix_delimiter_prefix_not_exist',
    v2: 'test_bucket_listv2_prefix_delimiter_prefix_not_exist',
    keys: ['b/a/r', 'b/a/c', 'b/a/g', 'g'],
    input: { Prefix: 'd', Delimiter: '/' },
    found: [],
    says: 'lists nothing below an absent prefix',
  },
  {
    v1: 'test_bucket_list_prefix_delimiter_delimiter_not_exist',
    v2: 'test_bucket_listv2_prefix_delimiter_delimiter_not_exist',
    keys: ['b/a/c', 'b/a/g', 'b/a/r', 'g'],
    input: { Prefix: 'b', Delimiter: 'z' },
    found: ['b/a/c', 'b/a/g', 'b/a/r'],
    says: 'lists plain keys when none below the prefix holds the delimiter',
  },
  {
    v1: 'test_bucket_list_prefix_delimiter_prefix_delimiter_not_exist',
    v2: 'test_bucket_listv2_prefix_delimiter_prefix_delimiter_not_exist',
    keys: ['b/a/c', 'b/a/g', 'b/a/r', 'g'],
    input: { Prefix: 'y', Delimiter: 'z' },
    found: [],
    says: 'lists nothing when neither is there',
  },
];

describe.each(CASES)('$v1', ({ v1, v2, keys, input, found, prefixes = [], says }) => {
  it(`${v1}: ${says}`, async () => {
    const page = await list(await suite.bucket(keys), { ...input, EncodingType: 'url' });
    expect([keysOf(page), prefixesOf(page)].map(decoded)).toEqual([found, prefixes]);
    expect(page.IsTruncated).toBe(false);
  });

  it(`${v2}: ${says}`, async () => {
    const page = await listV2(await suite.bucket(keys), { ...input, EncodingType: 'url' });
    expect([keysOf(page), prefixesOf(page)].map(decoded)).toEqual([found, prefixes]);
    expect(page).toMatchObject({ IsTruncated: false, KeyCount: found.length + prefixes.length });
  });
});

const decoded = (names: readonly (string | undefined)[]) => names.map((name) => decodeURIComponent(name!));

it('test_bucket_list_empty: lists nothing of an empty bucket', async () => {
  expect((await list(await suite.bucket())).Contents).toBeUndefined();
});

it('test_bucket_list_distinct: keeps buckets apart', async () => {
  await suite.bucket(['asdf']);
  expect(keysOf(await list(await suite.bucket()))).toEqual([]);
});

it('test_bucket_list_many: goes on behind a marker', async () => {
  const Bucket = await suite.bucket(['foo', 'bar', 'baz']);
  const first = await list(Bucket, { MaxKeys: 2 });
  expect(keysOf(first)).toEqual(['bar', 'baz']);
  expect(first.IsTruncated).toBe(true);
  const second = await list(Bucket, { Marker: 'baz', MaxKeys: 2 });
  expect(keysOf(second)).toEqual(['foo']);
  expect(second.IsTruncated).toBe(false);
});

it('test_bucket_listv2_many: goes on behind a key', async () => {
  const Bucket = await suite.bucket(['foo', 'bar', 'baz']);
  const first = await listV2(Bucket, { MaxKeys: 2 });
  expect(keysOf(first)).toEqual(['bar', 'baz']);
  expect(first.IsTruncated).toBe(true);
  const second = await listV2(Bucket, { StartAfter: 'baz', MaxKeys: 2 });
  expect(keysOf(second)).toEqual(['foo']);
  expect(second.IsTruncated).toBe(false);
});

it('test_basic_key_count: counts the keys of a page', async () => {
  const Bucket = await suite.bucket(['0', '1', '2', '3', '4']);
  expect((await listV2(Bucket)).KeyCount).toBe(5);
});

const ENCODED = ['foo+1/bar', 'foo/bar/xyzzy', 'quux ab/thud', 'asdf+b'];

it('test_bucket_list_encoding_basic: encodes names when asked to', async () => {
  const page = await list(await suite.bucket(ENCODED), { Delimiter: '/', EncodingType: 'url' });
  expect(page).toMatchObject({ Delimiter: '/', EncodingType: 'url' });
  expect(keysOf(page)).toEqual(['asdf%2Bb']);
  expect(prefixesOf(page)).toEqual(['foo%2B1/', 'foo/', 'quux%20ab/']);
});

it('test_bucket_listv2_encoding_basic: encodes names when asked to', async () => {
  const page = await listV2(await suite.bucket(ENCODED), { Delimiter: '/', EncodingType: 'url' });
  expect(page).toMatchObject({ Delimiter: '/', EncodingType: 'url' });
  expect(keysOf(page)).toEqual(['asdf%2Bb']);
  expect(prefixesOf(page)).toEqual(['foo%2B1/', 'foo/', 'quux%20ab/']);
});

/** Pages of a listing by delimiter: their keys, prefixes and whether more follow. */
const PAGES = [
  { prefix: '', max: 1, pages: [['K0'], ['P0'], ['P1']] },
  { prefix: '', max: 2, pages: [['K0', 'P0'], ['P1']] },
  { prefix: 'P0', max: 1, pages: [['P0bar'], ['P0baz/']] },
  { prefix: 'P0', max: 2, pages: [['P0bar', 'P0baz/']] },
] as const;

describe.each([
  {
    v1: 'test_bucket_list_delimiter_prefix',
    v2: 'test_bucket_listv2_delimiter_prefix',
    names: { K0: 'asdf', P0: 'boo/', P1: 'cquux/' },
  },
  {
    v1: 'test_bucket_list_delimiter_prefix_underscore',
    v2: 'test_bucket_listv2_delimiter_prefix_underscore',
    names: { K0: '_obj1_', P0: '_under1/', P1: '_under2/' },
  },
])('$v1', ({ v1, v2, names }) => {
  const text = (sign: string) => sign.replace(/^(K0|P0|P1)/, (one) => names[one as keyof typeof names]);
  const keys = [names.K0, `${names.P0}bar`, `${names.P0}baz/xyzzy`, `${names.P1}thud`, `${names.P1}bla`];

  it(`${v1}: pages by marker through keys and common prefixes`, async () => {
    const Bucket = await suite.bucket(keys);
    for (const { prefix, max, pages } of PAGES) {
      let Marker = '';
      for (const [i, signs] of pages.entries()) {
        const expected = signs.map(text);
        const page = await list(Bucket, { Prefix: text(prefix), Delimiter: '/', MaxKeys: max, Marker });
        expect([...keysOf(page), ...prefixesOf(page)]).toEqual(expected);
        const more = i < pages.length - 1;
        expect(page.IsTruncated).toBe(more);
        expect(page.NextMarker).toBe(more ? expected.at(-1) : undefined);
        Marker = page.NextMarker ?? '';
      }
    }
  });

  it(`${v2}: pages by token through keys and common prefixes`, async () => {
    const Bucket = await suite.bucket(keys);
    for (const { prefix, max, pages } of PAGES) {
      let ContinuationToken: string | undefined;
      for (const [i, signs] of pages.entries()) {
        const input = { Prefix: text(prefix), Delimiter: '/', MaxKeys: max, ContinuationToken };
        const page: Awaited<ReturnType<typeof listV2>> = await listV2(Bucket, input);
        expect([...keysOf(page), ...prefixesOf(page)]).toEqual(signs.map(text));
        expect(page.IsTruncated).toBe(i < pages.length - 1);
        ContinuationToken = page.NextContinuationToken;
      }
      expect(ContinuationToken).toBeUndefined();
    }
  });
});

it('test_bucket_list_delimiter_not_skip_special: skips no key that sorts between those of a prefix', async () => {
  const below = Array.from({ length: 60 }, (_, i) => `0/${1000 + i}`);
  const between = ['1999', '1999#', '1999+', '2000'];
  const page = await list(await suite.bucket([...below, ...between]), { Delimiter: '/' });
  expect(keysOf(page)).toEqual(between);
  expect(prefixesOf(page)).toEqual(['0/']);
});

it('test_bucket_listv2_fetchowner_notempty: tells owners when asked to', async () => {
  const page = await listV2(await suite.bucket(['foo/bar']), { FetchOwner: true });
  expect(page.Contents![0]!.Owner?.ID).toMatch(/.+/);
});

it('test_bucket_listv2_fetchowner_defaultempty, test_bucket_listv2_fetchowner_empty: tells no owners otherwise', async () => {
  const Bucket = await suite.bucket(['foo/bar']);
  expect((await listV2(Bucket)).Contents![0]!.Owner).toBeUndefined();
  expect((await listV2(Bucket, { FetchOwner: false })).Contents![0]!.Owner).toBeUndefined();
});

const FOUR = ['bar', 'baz', 'foo', 'quxx'];

it('test_bucket_list_maxkeys_one: gives pages of one key', async () => {
  const Bucket = await suite.bucket(FOUR);
  const first = await list(Bucket, { MaxKeys: 1 });
  expect([keysOf(first), first.IsTruncated]).toEqual([['bar'], true]);
  const rest = await list(Bucket, { Marker: 'bar' });
  expect([keysOf(rest), rest.IsTruncated]).toEqual([['baz', 'foo', 'quxx'], false]);
});

it('test_bucket_listv2_maxkeys_one: gives pages of one key', async () => {
  const Bucket = await suite.bucket(FOUR);
  const first = await listV2(Bucket, { MaxKeys: 1 });
  expect([keysOf(first), first.IsTruncated]).toEqual([['bar'], true]);
  const rest = await listV2(Bucket, { StartAfter: 'bar' });
  expect([keysOf(rest), rest.IsTruncated]).toEqual([['baz', 'foo', 'quxx'], false]);
});

it('test_bucket_list_maxkeys_zero: gives an empty page, and says that nothing follows', async () => {
  const page = await list(await suite.bucket(FOUR), { MaxKeys: 0 });
  expect([keysOf(page), page.IsTruncated]).toEqual([[], false]);
});

it('test_bucket_listv2_maxkeys_zero: gives an empty page, and says that nothing follows', async () => {
  const page = await listV2(await suite.bucket(FOUR), { MaxKeys: 0 });
  expect([keysOf(page), page.IsTruncated]).toEqual([[], false]);
});

it('test_bucket_list_maxkeys_none: gives up to 1,000 keys', async () => {
  const page = await list(await suite.bucket(FOUR));
  expect([keysOf(page), page.IsTruncated, page.MaxKeys]).toEqual([FOUR, false, 1000]);
});

it('test_bucket_listv2_maxkeys_none: gives up to 1,000 keys', async () => {
  const page = await listV2(await suite.bucket(FOUR));
  expect([keysOf(page), page.IsTruncated, page.MaxKeys]).toEqual([FOUR, false, 1000]);
});

it('test_bucket_list_maxkeys_invalid: refuses a page size that is no number', async () => {
  const Bucket = await suite.bucket(FOUR);
  const answer = await raw(suite, 'GET', `/${Bucket}`, { query: { 'max-keys': 'blah' } });
  expect(answer).toMatchObject({ status: 400, code: 'InvalidArgument' });
});

it('test_bucket_list_marker_none: tells an empty marker when none was given', async () => {
  expect((await list(await suite.bucket(FOUR))).Marker).toBe('');
});

it('test_bucket_list_marker_empty: begins at the beginning for an empty marker', async () => {
  const page = await list(await suite.bucket(FOUR), { Marker: '' });
  expect([keysOf(page), page.Marker, page.IsTruncated]).toEqual([FOUR, '', false]);
});

it('test_bucket_listv2_continuationtoken_empty: begins at the beginning for an empty token', async () => {
  const Bucket = await suite.bucket(FOUR);
  const query = { 'list-type': '2', 'continuation-token': '' };
  const { status, text } = await raw(suite, 'GET', `/${Bucket}`, { query });
  expect(status).toBe(200);
  expect(text).toContain('<ContinuationToken></ContinuationToken>');
  expect(text.match(/<Key>/g)).toHaveLength(4);
});

it('test_bucket_listv2_continuationtoken: goes on with the token of the page before', async () => {
  const Bucket = await suite.bucket(FOUR);
  const ContinuationToken = (await listV2(Bucket, { MaxKeys: 1 })).NextContinuationToken;
  const rest = await listV2(Bucket, { ContinuationToken });
  expect(rest).toMatchObject({ ContinuationToken, IsTruncated: false });
  expect(keysOf(rest)).toEqual(['baz', 'foo', 'quxx']);
});

it('test_bucket_listv2_both_continuationtoken_startafter: lets the token decide', async () => {
  const Bucket = await suite.bucket(FOUR);
  const StartAfter = 'bar';
  const ContinuationToken = (await listV2(Bucket, { StartAfter, MaxKeys: 1 })).NextContinuationToken;
  const rest = await listV2(Bucket, { StartAfter, ContinuationToken });
  expect(rest).toMatchObject({ ContinuationToken, StartAfter, IsTruncated: false });
  expect(keysOf(rest)).toEqual(['foo', 'quxx']);
});

it.each([
  ['test_bucket_list_marker_unreadable, test_bucket_listv2_startafter_unreadable', '\n', FOUR],
  ['test_bucket_list_marker_not_in_list, test_bucket_listv2_startafter_not_in_list', 'blah', ['foo', 'quxx']],
  ['test_bucket_list_marker_after_list, test_bucket_listv2_startafter_after_list', 'zzz', []],
])('%s: begins behind what it names', async (_, place, found) => {
  const Bucket = await suite.bucket(FOUR);
  const EncodingType = 'url';
  const first = await list(Bucket, { Marker: place, EncodingType });
  expect([keysOf(first), first.IsTruncated, decodeURIComponent(first.Marker!)]).toEqual([found, false, place]);
  const second = await listV2(Bucket, { StartAfter: place, EncodingType });
  expect([keysOf(second), second.IsTruncated, decodeURIComponent(second.StartAfter!)]).toEqual([found, false, place]);
});

it('test_bucket_list_return_data: tells of each key what its head tells', async () => {
  const Bucket = await suite.bucket(['bar', 'baz', 'foo']);
  for (const entry of (await list(Bucket)).Contents!) {
    const head = await suite.s3.send(new HeadObjectCommand({ Bucket, Key: entry.Key! }));
    expect(entry).toMatchObject({ ETag: head.ETag, Size: head.ContentLength, StorageClass: 'STANDARD' });
    expect(Math.floor(entry.LastModified!.getTime() / 1000)).toBe(head.LastModified!.getTime() / 1000);
    expect(entry.Owner?.ID).toMatch(/.+/);
  }
});

it('test_bucket_notexist, test_bucketv2_notexist: names a bucket that is not there', async () => {
  expect(await failure(list('no-such-bucket'))).toBe('404 NoSuchBucket');
  expect(await failure(listV2('no-such-bucket'))).toBe('404 NoSuchBucket');
});

it('test_bucket_list_special_prefix: lists below a prefix that begins with an underscore', async () => {
  const keys = ['_bla/1', '_bla/2', '_bla/3', '_bla/4', 'abcd'];
  const Bucket = await suite.bucket(keys);
  expect(keysOf(await list(Bucket))).toEqual(keys);
  expect(keysOf(await list(Bucket, { Prefix: '_bla/' }))).toEqual(keys.slice(0, 4));
});
