/** Names and documents made to do harm: each is an object like any other, or refused by S3's own error. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectsCommand, ListObjectsV2Command, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patterned } from '../../../src/testing/faults/patterned.ts';
import { failure, openSuite, raw, type Suite } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const KEYS = [
  '../../../etc/passwd',
  '../up',
  'a/../../b',
  './x',
  '.',
  '..',
  '/',
  '//',
  'a//b',
  'a/',
  'a/b/',
  'a',
  'a/b',
  'a/b/c',
  '%2F',
  '%2e%2e%2f',
  '..%2f..%2f',
  'nul\0byte',
  'new\nline',
  'tab\tand\rreturn',
  'back\\slash',
  '~',
  '^2e',
  '*?[x]{a,b}',
  '&amp;<key>"\'',
  ']]>',
  '+ plus',
  'é',
  'e\u0301',
  '\uFFFD',
  '\u{1F600}',
  '\u{10FFFF}',
  '.segments/0000000001.seg',
  '.uploads/x',
  'k'.repeat(1024),
  '😀'.repeat(256),
  '/'.repeat(1024),
];

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const pathOf = (key: string) => encodeURIComponent(key).replaceAll('%2F', '/');

describe('keys', () => {
  it('are kept apart, listed in order and removed, and none leaves the folder of its bucket', async () => {
    const Bucket = await suite.bucket([], { versioned: true });
    for (const [i, key] of KEYS.entries()) {
      const body = i % 2 === 0 ? key : patterned(70_000, i).toString('latin1');
      const answer = await raw(suite, 'PUT', `/${Bucket}/${pathOf(key)}`, { body });
      expect(answer.status, JSON.stringify(key)).toBe(200);
      expect((await raw(suite, 'GET', `/${Bucket}/${pathOf(key)}`)).text, JSON.stringify(key)).toBe(body);
    }
    const { Contents } = await suite.s3.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' }));
    expect(Contents!.map(({ Key }) => decodeURIComponent(Key!))).toEqual([...KEYS].sort(byBytes));
    const outside = await readdir(join(suite.lake.directory, 'objects'));
    expect(outside.filter((name) => !name.startsWith('.')).every((name) => name.startsWith('case-'))).toBe(true);
    expect((await readdir(suite.lake.directory)).sort()).toEqual(expect.arrayContaining(['objects']));
    expect(await readdir(join(suite.lake.directory, '..'))).not.toContain('up');
  });

  it('are refused when they are longer than 1,024 bytes or no UTF-8', async () => {
    const Bucket = await suite.bucket();
    for (const key of ['x'.repeat(1025), 'é'.repeat(513)]) {
      expect(await raw(suite, 'PUT', `/${Bucket}/${pathOf(key)}`, { body: 'x' })).toMatchObject({
        status: 400,
        code: 'KeyTooLongError',
      });
    }
    for (const path of ['%ff', '%C3%28', '%ED%A0%80']) {
      expect((await raw(suite, 'PUT', `/${Bucket}/${path}`, { body: 'x' })).status, path).toBe(400);
    }
    expect((await suite.s3.send(new ListObjectsV2Command({ Bucket }))).Contents).toBeUndefined();
  });

  it('of control characters are listed by versions when names are encoded', async () => {
    const Bucket = await suite.bucket([], { versioned: true });
    await suite.put(Bucket, 'a\u0001b', 'x');
    const { Versions } = await suite.s3.send(new ListObjectVersionsCommand({ Bucket, EncodingType: 'url' }));
    expect(decodeURIComponent(Versions![0]!.Key!)).toBe('a\u0001b');
    const { Errors } = await suite.s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'ok' }, { Key: 'x'.repeat(1025) }] } }),
    );
    expect(Errors).toMatchObject([{ Code: 'InvalidArgument' }]);
  });
});

describe('documents', () => {
  const bomb = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">${Array.from(
    { length: 9 },
    (_, i) => `<!ENTITY ${'bcdefghij'[i]} "&${'abcdefghi'[i]};&${'abcdefghi'[i]};&${'abcdefghi'[i]};">`,
  ).join('')}]>`;
  const ATTACKS: readonly (readonly [string, (root: string) => string, string])[] = [
    ['entities that grow', (root) => `${bomb}<${root}>&j;</${root}>`, 'MalformedXML'],
    [
      'an entity from a file',
      (root) => `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><${root}>&f;</${root}>`,
      'MalformedXML',
    ],
    ['depth', (root) => `<${root}>${'<a>'.repeat(10_000)}`, 'MalformedXML'],
    ['no end', (root) => `<${root}><a>`, 'MalformedXML'],
    ['an unknown entity', (root) => `<${root}>&nothing;</${root}>`, 'MalformedXML'],
    ['size', (root) => `<${root}>${' '.repeat(5 * 1024 * 1024)}</${root}>`, 'EntityTooLarge'],
  ];
  const DOCUMENTS = [
    ['PUT', 'tagging', 'Tagging', true],
    ['PUT', 'versioning', 'VersioningConfiguration', false],
    ['PUT', 'object-lock', 'ObjectLockConfiguration', false],
    ['PUT', 'retention', 'Retention', true],
    ['POST', 'delete', 'Delete', false],
  ] as const;

  it.each(ATTACKS)('with %s are refused wherever a document is taken', async (_, attack, code) => {
    const Bucket = await suite.bucket(['k'], { locked: true });
    for (const [method, sub, root, ofObject] of DOCUMENTS) {
      const body = attack(root);
      const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
      const path = ofObject ? `/${Bucket}/k` : `/${Bucket}`;
      const answer = await raw(suite, method, path, { query: { [sub]: '' }, body, headers });
      expect(answer, sub).toMatchObject({ status: 400, code });
      expect(answer.text).not.toContain('root:');
    }
    expect(await suite.text(Bucket, 'k')).toBe('k');
  });
});

it('takes a body neither for longer nor for shorter than it is, nor for another', async () => {
  const Bucket = await suite.bucket();
  const sha = createHash('sha256').update('other').digest('base64');
  expect(await failure(suite.put(Bucket, 'k', 'body', { ChecksumSHA256: sha }))).toBe('400 BadDigest');
  expect(await failure(suite.put(Bucket, 'k', 'body', { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }))).toBe(
    '400 BadDigest',
  );
  const decoded = { 'x-amz-decoded-content-length': '5', 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' };
  const chunked = await raw(suite, 'PUT', `/${Bucket}/k`, { body: '3\r\nabc\r\n0\r\n\r\n', headers: decoded });
  expect(chunked).toMatchObject({ status: 400, code: 'IncompleteBody' });
  expect((await suite.s3.send(new ListObjectsV2Command({ Bucket }))).Contents).toBeUndefined();
});
