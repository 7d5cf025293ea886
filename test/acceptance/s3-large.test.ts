/**
 * A large object through the S3 door: the memory of the server does not grow with it. 600 MB, or 2 GB with
 * `LOCH_TEST_LARGE=1`.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';

const SIZE = process.env.LOCH_TEST_LARGE === '1' ? 2e9 : 600e6;
const MIB = 1024 * 1024;
/** What the server may take above what it had, however large the object. */
const GROWTH_MIB = 200;

let loch: RunningLoch;
let s3: S3Client;

beforeAll(async () => {
  loch = await startLoch();
  s3 = new S3Client(loch.client.sdk);
  await s3.send(new CreateBucketCommand({ Bucket: 'large' }));
  await s3.send(new PutObjectCommand({ Bucket: 'large', Key: 'warm', Body: patterned(8 * MIB) }));
});
afterAll(async () => {
  s3.destroy();
  await loch.stop();
});

const block = patterned(MIB);

/** `SIZE` bytes, made as they are read, and their hash. */
function generated(): { readonly body: Readable; readonly hash: () => string } {
  const hash = createHash('sha256');
  const make = async function* () {
    for (let left = SIZE; left > 0; left -= MIB) {
      const piece = left >= MIB ? block : block.subarray(0, left);
      hash.update(piece);
      yield piece;
    }
  };
  return { body: Readable.from(make(), { objectMode: false }), hash: () => hash.digest('hex') };
}

/** Runs `work` and tells how many MiB the server's resident memory grew at most meanwhile. */
async function growthDuring(work: () => Promise<void>): Promise<number> {
  const resident = () => {
    const status = readFileSync(`/proc/${loch.child.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
  };
  const before = resident();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, resident());
  }, 20);
  await work();
  clearInterval(timer);
  return Math.round(most - before);
}

async function hashOf(Key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'large', Key }));
  const hash = createHash('sha256');
  for await (const chunk of Body as Readable) hash.update(chunk);
  return hash.digest('hex');
}

it('takes and gives a large object in one request with flat memory', async () => {
  const { body, hash } = generated();
  const put = await growthDuring(async () => {
    await s3.send(new PutObjectCommand({ Bucket: 'large', Key: 'one', Body: body, ContentLength: SIZE }));
  });
  expect((await s3.send(new HeadObjectCommand({ Bucket: 'large', Key: 'one' }))).ContentLength).toBe(SIZE);
  let read = '';
  const get = await growthDuring(async () => {
    read = await hashOf('one');
  });
  expect(read).toBe(hash());
  expect(put).toBeLessThan(GROWTH_MIB);
  expect(get).toBeLessThan(GROWTH_MIB);
});

it('takes a large object in parts with flat memory', async () => {
  const { body, hash } = generated();
  const params = { Bucket: 'large', Key: 'parts', Body: body };
  const put = await growthDuring(async () => {
    await new Upload({ client: s3, params, partSize: 16 * MIB, queueSize: 4 }).done();
  });
  expect(await hashOf('parts')).toBe(hash());
  expect(put).toBeLessThan(GROWTH_MIB);
});
