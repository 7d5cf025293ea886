/**
 * The far ends of object operations: 100 parallel ranges of one object (`--gib 10`) against its hash and the time to
 * their first byte, an upload of `--parts 10000`, 1,000 keys deleted in one request, and `--versions 100000` of one key.
 * `ratio` is the p99 of the first byte of a range over its bar of 15 ms, one range at a time. `--only ranges,parts,…`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { startLoch } from '../src/testing/builders/running-loch.ts';

const MIB = 1024 * 1024;
const PART = 16 * MIB;
const SMALL_PART = 5 * MIB;
const RANGES = 100;
const KEYS = 1000;
const AT_ONCE = 16;
const FIRST_BYTE_BAR_MS = 15;
const Bucket = 'bench';

/** Runs the bench. **Units**: milliseconds, seconds, MiB. */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      gib: { type: 'string', default: '1' },
      parts: { type: 'string', default: '1000' },
      versions: { type: 'string', default: '10000' },
      only: { type: 'string', default: 'ranges,parts,deletes,versions' },
    },
  });
  const wanted = new Set(values.only.split(','));
  const loch = await startLoch();
  const s3 = new S3Client({
    ...loch.client.sdk,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    // Ranges are read in order, so all of them must have a connection.
    requestHandler: { httpAgent: { maxSockets: RANGES + AT_ONCE } },
  });
  try {
    await s3.send(new CreateBucketCommand({ Bucket }));
    const ranges = wanted.has('ranges') ? await readRanges(s3, Number(values.gib)) : undefined;
    return {
      ...(ranges === undefined ? {} : { ratio: ranges.first_byte_p99_ms / FIRST_BYTE_BAR_MS, ...ranges }),
      ...(wanted.has('parts') ? await manyParts(s3, Number(values.parts)) : {}),
      ...(wanted.has('deletes') ? await deleteKeys(s3) : {}),
      ...(wanted.has('versions') ? await manyVersions(s3, Number(values.versions)) : {}),
      node: process.version,
    };
  } finally {
    s3.destroy();
    await loch.stop();
  }
}

async function inParallel(count: number, work: (i: number) => Promise<void>): Promise<number> {
  let next = 0;
  const began = performance.now();
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (performance.now() - began) / 1000;
}

/** An object of parts that all differ, and the hash of all of it. */
async function upload(s3: S3Client, Key: string, count: number, size: number) {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const seed = randomBytes(size);
  const hash = createHash('sha256');
  const done: { PartNumber: number; ETag: string }[] = [];
  const began = performance.now();
  for (let PartNumber = 1; PartNumber <= count; PartNumber++) {
    seed.writeUInt32BE(PartNumber, 0);
    hash.update(seed);
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: seed }));
    done.push({ PartNumber, ETag: ETag! });
  }
  const sent = performance.now();
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: done } }));
  return { hash: hash.digest('hex'), seconds: (sent - began) / 1000, completion: (performance.now() - sent) / 1000 };
}

async function readRanges(s3: S3Client, gib: number) {
  const parts = Math.max(1, Math.round((gib * 1024 * MIB) / PART));
  const made = await upload(s3, 'large', parts, PART);
  const size = parts * PART;
  const rangeOf = (i: number) => {
    const [first, end] = [Math.floor((size * i) / RANGES), Math.floor((size * (i + 1)) / RANGES)];
    return { first, last: end - 1 };
  };
  const get = async ({ first, last }: { first: number; last: number }) =>
    (await s3.send(new GetObjectCommand({ Bucket, Key: 'large', Range: `bytes=${first}-${last}` }))).Body!;
  const times: number[] = [];
  for (let i = 0; i < 3 * RANGES; i++) {
    const { first } = rangeOf(i % RANGES);
    const began = performance.now();
    const body = (await get({ first, last: first + MIB - 1 })) as AsyncIterable<Uint8Array>;
    let seen = false;
    for await (const _ of body) {
      if (!seen) times.push(performance.now() - began);
      seen = true;
    }
  }
  // A hash takes its bytes in order: each range waits for those before it, and is read by back-pressure meanwhile.
  const whole = createHash('sha256');
  const began = performance.now();
  const bodies = await Promise.all(Array.from({ length: RANGES }, (_, i) => get(rangeOf(i))));
  for (const body of bodies) for await (const chunk of body as AsyncIterable<Uint8Array>) whole.update(chunk);
  const seconds = (performance.now() - began) / 1000;
  if (whole.digest('hex') !== made.hash) throw new Error('The ranges together are not the object that was written.');
  times.sort((a, b) => a - b);
  return {
    object_gib: size / MIB / 1024,
    parallel_ranges: RANGES,
    hashes_equal: true,
    ranges_mib_s: size / MIB / seconds,
    first_byte_p50_ms: times[Math.floor(times.length / 2)]!,
    first_byte_p99_ms: times[Math.floor(times.length * 0.99)]!,
  };
}

async function manyParts(s3: S3Client, parts: number) {
  const made = await upload(s3, 'parts', parts, SMALL_PART);
  const last = await s3.send(new GetObjectCommand({ Bucket, Key: 'parts', PartNumber: parts }));
  const bytes = await last.Body!.transformToByteArray();
  if (bytes.length !== SMALL_PART || last.PartsCount !== parts) throw new Error('The last part is not what was sent.');
  return { parts, part_mib: SMALL_PART / MIB, parts_s: parts / made.seconds, completion_s: made.completion };
}

async function deleteKeys(s3: S3Client) {
  const keyOf = (i: number) => `delete/${i}`;
  await inParallel(KEYS, async (i) => void (await s3.send(new PutObjectCommand({ Bucket, Key: keyOf(i), Body: 'x' }))));
  const Objects = Array.from({ length: KEYS }, (_, i) => ({ Key: keyOf(i) }));
  const began = performance.now();
  const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  if (Deleted?.length !== KEYS) throw new Error(`${Deleted?.length ?? 0} of ${KEYS} keys were deleted.`);
  return { delete_1000_s: (performance.now() - began) / 1000 };
}

async function manyVersions(s3: S3Client, versions: number) {
  const Status = 'Enabled';
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
  const Key = 'versions';
  const put = async () => void (await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })));
  const tenth = Math.max(1, Math.floor(versions / 10));
  const first = tenth / (await inParallel(tenth, put));
  await inParallel(Math.max(0, versions - 2 * tenth), put);
  const last = tenth / (await inParallel(tenth, put));
  const times: Record<string, number> = {};
  const timed = async (name: string, work: () => Promise<unknown>) => {
    const began = performance.now();
    for (let i = 0; i < 50; i++) await work();
    times[name] = (performance.now() - began) / 50;
  };
  const page = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }));
  const VersionId = page.Versions!.at(-1)!.VersionId!;
  await timed('current_get_ms', async () =>
    (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString(),
  );
  await timed('version_get_ms', async () =>
    (await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }))).Body!.transformToString(),
  );
  await timed('versions_page_ms', () => s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key })));
  return { versions, version_puts_s_first_tenth: first, version_puts_s_last_tenth: last, ...times };
}
