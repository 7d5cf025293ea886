/** Bits that turn on the disk: what reads give of them, and what the scrub does about it. Over the S3 door and below it. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openS3Lake, type S3Lake } from '../../../testing/builders/s3-lake.ts';
import { patterned } from '../../../testing/faults/patterned.ts';

const Bucket = 'lake';
const LARGE = patterned(2_000_000);
let lake: S3Lake;
let s3: S3Client;

beforeAll(async () => {
  lake = await openS3Lake({ store: { minPartBytes: 1 } });
  s3 = lake.client(undefined, { responseChecksumValidation: 'WHEN_REQUIRED' });
  await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(() => lake.close());

const fileOf = (name: string): string =>
  readdirSync(join(lake.directory, 'objects', Bucket), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.startsWith(`${name}~`))
    .map((entry) => join(entry.parentPath, entry.name))[0]!;

function flip(name: string, place: number): void {
  const path = fileOf(name);
  const bytes = readFileSync(path);
  bytes[place] = bytes[place]! ^ 4;
  rmSync(path);
  writeFileSync(path, bytes);
}

const put = (Key: string, more: object = {}) => s3.send(new PutObjectCommand({ Bucket, Key, Body: LARGE, ...more }));

/** What a client got of an object, and how it ended. */
async function got(Key: string): Promise<{ bytes: number; end: string }> {
  let bytes = 0;
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    for await (const chunk of Body as AsyncIterable<Buffer>) bytes += chunk.length;
    return { bytes, end: 'clean' };
  } catch (error) {
    return { bytes, end: (error as Error & { name: string }).name };
  }
}

async function marked(key: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const { damages } = await lake.objects.scrubber.status();
    if (damages.some((damage) => damage.key === key)) return;
    await sleep(10);
  }
  expect.unreachable(`the scrub never looked at ${key}`);
}

async function inParts(Key: string, more: object = {}): Promise<void> {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }));
  const Parts: { PartNumber: number; ETag: string }[] = [];
  for (const [i, end] of [900_000, 1_500_000, 2_000_000].entries()) {
    const Body = LARGE.subarray([0, 900_000, 1_500_000][i], end);
    const part = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: i + 1, Body }));
    Parts.push({ PartNumber: i + 1, ETag: part.ETag! });
  }
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
}

describe('a read of a whole object whose file has changed', () => {
  it.each([
    ['first', 5, put],
    ['last', LARGE.length - 1, put],
    ['parts', 1_000_000, inParts],
  ])('ends in a broken connection, and the next one in an error (%s)', async (key, place, write) => {
    await write(key);
    expect(await got(key)).toEqual({ bytes: LARGE.length, end: 'clean' });
    flip(key, place);
    const broken = await got(key);
    expect(broken.end).not.toBe('clean');
    expect(broken.bytes).toBeLessThan(LARGE.length);
    await marked(key);
    expect(await got(key)).toEqual({ bytes: 0, end: 'InternalError' });
  });

  it('is the same for whoever reads it as a stream below the door, and for one that is encrypted', async () => {
    await put('stream');
    await put('encrypted', { ServerSideEncryption: 'AES256' });
    flip('stream', 1_999_990);
    const { body } = await lake.objects.get(Bucket, 'stream');
    let bytes = 0;
    const reading = async () => {
      for await (const chunk of body) bytes += (chunk as Buffer).length;
    };
    await expect(reading()).rejects.toMatchObject({ code: 'data_corrupt' });
    expect(bytes).toBeLessThan(LARGE.length);
    await marked('stream');
    flip('encrypted', 1_999_990);
    expect((await got('encrypted')).end).not.toBe('clean');
    await marked('encrypted');
  });
});

describe('the scrub of encrypted versions', () => {
  it('verifies them without their keys, by the checksums of their ciphertexts', async () => {
    await put('sealed', { ServerSideEncryption: 'AES256' });
    await inParts('sealed-parts', { ServerSideEncryption: 'AES256' });
    await put('sealed-small', { Body: 'few', ServerSideEncryption: 'AES256' });
    const before = await lake.objects.scrubber.run(new AbortController().signal);
    expect(before.sealed).toBe(0);
    expect(before.damages.map(({ key }) => key)).not.toContain('sealed');
    flip('sealed', 1_000_000);
    flip('sealed-parts', 1_900_000);
    const { damages } = await lake.objects.scrubber.run(new AbortController().signal);
    expect(damages.map(({ key }) => key)).toEqual(expect.arrayContaining(['sealed', 'sealed-parts']));
  });
});

it('does not carry rot to a colder place', async () => {
  await put('carried');
  flip('carried', 70_000);
  await lake.objects.updateAttributes({ bucket: Bucket, key: 'carried' }, { storageClass: 'STANDARD_IA' });
  expect(await lake.objects.tiers!.settle()).toMatchObject({ moved: 0, postponed: 1 });
  expect(readdirSync(join(lake.directory, 'cold'), { recursive: true })).not.toContainEqual(
    expect.stringMatching(/[0-9a-f]{32}/),
  );
});
