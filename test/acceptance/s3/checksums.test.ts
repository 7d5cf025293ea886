/** Checksums and attributes of objects as the public conformance cases have them. */
import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import {
  type ChecksumAlgorithm,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  HeadObjectCommand,
  type ObjectAttributes,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDigest } from '../../../src/storage/contract.ts';
import { failure, MIB, openSuite, raw, type Suite } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const Key = 'myobj';
const ALL = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as ObjectAttributes[];
const attributes = (Bucket: string, more = {}) =>
  suite.s3.send(new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ALL, ...more }));
const sumOf = (algorithm: string, bytes: Uint8Array): string => {
  const digest = createDigest(algorithm.toLowerCase() as 'crc32');
  digest.update(bytes);
  return digest.digest().toString('base64');
};
const member = (algorithm: string) => `Checksum${algorithm}` as 'ChecksumSHA256';
const BODY = Buffer.alloc(1024, 'A');

/** Each algorithm with the names of its cases. */
const ALGORITHMS: readonly (readonly [ChecksumAlgorithm, string, string])[] = [
  ['CRC32', 'crc32', 'test_multipart_use_cksum_helper_crc32'],
  ['CRC32C', 'crc32c', 'test_multipart_use_cksum_helper_crc32c'],
  ['CRC64NVME', 'test_object_checksum_crc64nvme', 'test_multipart_use_cksum_helper_crc64nvme'],
  ['SHA1', 'sha1', 'test_multipart_use_cksum_helper_sha1'],
  ['SHA256', 'test_object_checksum_sha256', 'test_multipart_use_cksum_helper_sha256'],
];

describe.each(ALGORITHMS)('%s', (algorithm, ofObject, ofParts) => {
  const sum = sumOf(algorithm, BODY);

  it(`${ofObject}: is verified, kept and told when asked for`, async () => {
    const Bucket = await suite.bucket();
    const put = (value: string) =>
      suite.put(Bucket, Key, BODY, { ChecksumAlgorithm: algorithm, [member(algorithm)]: value });
    expect((await put(sum))[member(algorithm)]).toBe(sum);
    expect((await suite.s3.send(new HeadObjectCommand({ Bucket, Key })))[member(algorithm)]).toBeUndefined();
    const head = await suite.s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({ [member(algorithm)]: sum, ChecksumType: 'FULL_OBJECT' });
    expect(await failure(put('bad'))).toBe('400 BadDigest');
    expect(await failure(put(sumOf(algorithm, Buffer.from('other'))))).toBe('400 BadDigest');
  });

  it('comes in a trailer as well', async () => {
    const Bucket = await suite.bucket();
    const stream = { Body: Readable.from([BODY]), ContentLength: BODY.length, ChecksumAlgorithm: algorithm };
    expect((await suite.put(Bucket, Key, '', stream))[member(algorithm)]).toBe(sum);
  });

  it(`${ofParts}: is made of the parts of an upload, and told with them (test_get_multipart_checksum_object_attributes)`, async () => {
    const Bucket = await suite.bucket();
    const bodies = [Buffer.alloc(5 * MIB, 'a'), Buffer.alloc(5 * MIB, 'b'), Buffer.from('end')];
    const begun = await suite.s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: algorithm }));
    const full = algorithm === 'CRC64NVME';
    expect(begun).toMatchObject({ ChecksumAlgorithm: algorithm, ChecksumType: full ? 'FULL_OBJECT' : 'COMPOSITE' });
    const { UploadId } = begun;
    const Parts: CompletedPart[] = [];
    for (const [i, Body] of bodies.entries()) {
      const input = { Bucket, Key, UploadId, PartNumber: i + 1, Body, ChecksumAlgorithm: algorithm };
      const made = await suite.s3.send(new UploadPartCommand(input));
      expect(made[member(algorithm)]).toBe(sumOf(algorithm, Body));
      Parts.push({ PartNumber: i + 1, ETag: made.ETag, [member(algorithm)]: made[member(algorithm)] });
    }
    const complete = (more = {}) =>
      suite.s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }));
    expect(await failure(complete({ [member(algorithm)]: 'bad' }))).toBe('400 BadDigest');
    const sums = bodies.map((body) => Buffer.from(sumOf(algorithm, body), 'base64'));
    const expected = full
      ? sumOf(algorithm, Buffer.concat(bodies))
      : `${sumOf(algorithm, Buffer.concat(sums))}-${bodies.length}`;
    expect((await complete())[member(algorithm)]).toBe(expected);
    const told = await attributes(Bucket);
    expect(told.Checksum?.[member(algorithm)]).toBe(expected);
    expect(told.ObjectParts!.Parts!.map((one) => one[member(algorithm)])).toEqual(
      bodies.map((body) => sumOf(algorithm, body)),
    );
  });
});

it('test_multipart_checksum_sha256: refuses a checksum of the whole that is another', async () => {
  const Bucket = await suite.bucket();
  const { UploadId } = await suite.s3.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'SHA256' }),
  );
  const ChecksumSHA256 = createHash('sha256').update(BODY).digest('base64');
  const input = { Bucket, Key, UploadId, PartNumber: 1, Body: BODY, ChecksumSHA256 };
  const { ETag } = await suite.s3.send(new UploadPartCommand(input));
  const complete = (whole: string, parts: string) => {
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag, ChecksumSHA256: parts }] };
    const command = new CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId,
      ChecksumSHA256: whole,
      MultipartUpload,
    });
    return failure(suite.s3.send(command));
  };
  const whole = `${createHash('sha256').update(Buffer.from(ChecksumSHA256, 'base64')).digest('base64')}-1`;
  expect(await complete('bad', ChecksumSHA256)).toBe('400 BadDigest');
  expect(await complete(ChecksumSHA256, ChecksumSHA256)).toBe('400 BadDigest');
  expect(await complete(whole, whole.slice(0, -2))).toBe('400 InvalidPart');
  expect(await complete(whole, ChecksumSHA256)).toBe('none');
});

it('makes a checksum of the whole where the upload was begun so, and refuses types that cannot be', async () => {
  const Bucket = await suite.bucket();
  const begin = (input: object) => suite.s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...input }));
  expect(await failure(begin({ ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' }))).toBe('400 InvalidRequest');
  expect(await failure(begin({ ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' }))).toBe(
    '400 InvalidRequest',
  );
  expect(await failure(begin({ ChecksumAlgorithm: 'MD4' }))).toBe('400 InvalidArgument');
  const { UploadId } = await begin({ ChecksumAlgorithm: 'CRC32C', ChecksumType: 'FULL_OBJECT' });
  const bodies = [Buffer.alloc(5 * MIB, 'x'), BODY];
  const Parts: CompletedPart[] = [];
  for (const [i, Body] of bodies.entries()) {
    const input = { Bucket, Key, UploadId, PartNumber: i + 1, Body, ChecksumAlgorithm: 'CRC32C' } as const;
    Parts.push({ PartNumber: i + 1, ETag: (await suite.s3.send(new UploadPartCommand(input))).ETag });
  }
  const complete = (more: object) =>
    suite.s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }));
  expect(await failure(complete({ ChecksumType: 'COMPOSITE' }))).toBe('400 InvalidRequest');
  expect(await complete({ ChecksumType: 'FULL_OBJECT' })).toMatchObject({
    ChecksumCRC32C: sumOf('CRC32C', Buffer.concat(bodies)),
    ChecksumType: 'FULL_OBJECT',
  });
});

describe('attributes', () => {
  it('test_get_checksum_object_attributes, test_get_object_attributes: tells of an object that was put in one piece', async () => {
    const Bucket = await suite.bucket();
    const ChecksumSHA256 = createHash('sha256').update(BODY).digest('base64');
    const { ETag } = await suite.put(Bucket, Key, BODY, { ChecksumSHA256 });
    const told = await attributes(Bucket);
    expect(told).toMatchObject({ ObjectSize: 1024, ETag: ETag!.replaceAll('"', ''), StorageClass: 'STANDARD' });
    expect(told.Checksum?.ChecksumSHA256).toBe(ChecksumSHA256);
    expect([told.ObjectParts, told.VersionId, told.DeleteMarker]).toEqual([undefined, undefined, undefined]);
    expect(told.LastModified).toBeInstanceOf(Date);
    expect((await attributes(Bucket, { ObjectAttributes: ['ObjectSize'] })).ETag).toBeUndefined();
  });

  it('test_get_multipart_object_attributes, test_get_paginated_multipart_object_attributes, test_get_single_multipart_object_attributes: tells of the parts, page by page', async () => {
    const Bucket = await suite.bucket();
    const Body = Buffer.alloc(5 * MIB);
    const upload = async (count: number) => {
      // Raw, without the checksums that clients add.
      const begun = await raw(suite, 'POST', `/${Bucket}/${Key}`, { query: { uploads: '' } });
      const UploadId = /<UploadId>(\w+)</.exec(begun.text)![1]!;
      const Parts = [];
      for (let PartNumber = 1; PartNumber <= count; PartNumber++) {
        const input = {
          Bucket,
          Key,
          UploadId,
          PartNumber,
          Body,
          ContentMD5: createHash('md5').update(Body).digest('base64'),
        };
        Parts.push({ PartNumber, ETag: (await plain.send(new UploadPartCommand(input))).ETag });
      }
      await plain.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
    };
    const plain = suite.lake.client(suite.lake.rootKey, { requestChecksumCalculation: 'WHEN_REQUIRED' });
    await upload(6);
    const all = await attributes(Bucket);
    expect(all).toMatchObject({ ObjectSize: 30 * MIB, ObjectParts: { TotalPartsCount: 6, IsTruncated: false } });
    const numbers = (told: typeof all) => told.ObjectParts!.Parts!.map(({ PartNumber }) => PartNumber);
    expect(numbers(all)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(all.ObjectParts!.Parts![0]).toEqual({ PartNumber: 1, Size: 5 * MIB });
    const page = await attributes(Bucket, { MaxParts: 1, PartNumberMarker: '3' });
    expect(page.ObjectParts).toMatchObject({
      MaxParts: 1,
      PartNumberMarker: '3',
      IsTruncated: true,
      NextPartNumberMarker: '4',
    });
    expect(numbers(page)).toEqual([4]);
    expect(numbers(await attributes(Bucket, { MaxParts: 10, PartNumberMarker: '4' }))).toEqual([5, 6]);
    await upload(1);
    expect(numbers(await attributes(Bucket))).toEqual([1]);
  });

  it('test_get_versioned_object_attributes: tells of a version', async () => {
    const Bucket = await suite.bucket([], { versioned: true });
    const one = await suite.put(Bucket, Key, 'foo');
    expect((await attributes(Bucket)).VersionId).toBe(one.VersionId);
    await suite.put(Bucket, Key, 'other');
    const told = await attributes(Bucket, { VersionId: one.VersionId });
    expect(told).toMatchObject({ VersionId: one.VersionId, ObjectSize: 3 });
  });

  it('refuses attributes that are none', async () => {
    const Bucket = await suite.bucket([Key]);
    expect(await failure(attributes(Bucket, { ObjectAttributes: ['Colour'] }))).toBe('400 InvalidArgument');
    expect(await failure(attributes(Bucket, { Key: 'absent' }))).toBe('404 NoSuchKey');
  });
});

it.each([['SHA512'], ['MD5']] as const)('%s: is verified and kept as its client calculated it', async (algorithm) => {
  const Bucket = await suite.bucket();
  const put = (value: string) => suite.put(Bucket, Key, BODY, { [member(algorithm)]: value });
  const sum = sumOf(algorithm, BODY);
  expect((await put(sum))[member(algorithm)]).toBe(sum);
  const head = await suite.s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
  expect(head).toMatchObject({ [member(algorithm)]: sum, ChecksumType: 'FULL_OBJECT' });
  expect(await failure(put(sumOf(algorithm, Buffer.from('other'))))).toBe('400 BadDigest');
  expect((await attributes(Bucket)).Checksum).toMatchObject({ [member(algorithm)]: sum });
  const create = new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: algorithm });
  const { UploadId } = await suite.s3.send(create);
  const part = { Bucket, Key, UploadId, PartNumber: 1, Body: BODY, [member(algorithm)]: sum };
  const { ETag } = await suite.s3.send(new UploadPartCommand(part));
  const Parts = [{ PartNumber: 1, ETag, [member(algorithm)]: sum }];
  const complete = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } });
  const made = await suite.s3.send(complete);
  expect(made[member(algorithm)]).toBe(`${sumOf(algorithm, Buffer.from(sum, 'base64'))}-1`);
});

it('gives an object a CRC64NVME whose client sends no checksum', async () => {
  const Bucket = await suite.bucket();
  const plain = await raw(suite, 'PUT', `/${Bucket}/${Key}`, { body: '123456789' });
  expect(plain.status).toBe(200);
  const head = await suite.s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
  expect(head).toMatchObject({ ChecksumCRC64NVME: 'rosUhgp5mIg=', ChecksumType: 'FULL_OBJECT' });
});

it('refuses by its name a checksum that nobody would verify', async () => {
  const Bucket = await suite.bucket();
  for (const name of ['xxhash64', 'xxhash3', 'xxhash128']) {
    const headers = { [`x-amz-checksum-${name}`]: 'AAAAAAAAAAA=' };
    const answer = await raw(suite, 'PUT', `/${Bucket}/${Key}`, { body: 'x', headers });
    expect(answer).toMatchObject({ status: 501, code: 'NotImplemented' });
  }
  expect(await failure(suite.s3.send(new HeadObjectCommand({ Bucket, Key })))).toMatch(/^404/);
});
