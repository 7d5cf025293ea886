/**
 * Work on objects that a Loch acknowledges, and how to see later that it is there.
 *
 * A cut may fall after later work on the same key: each check asks only for what no later work of ours takes back.
 */
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { TiersStatus } from '../../src/storage/contract.ts';
import type { RunningLoch } from '../../src/testing/builders/running-loch.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';

/** Something that was acknowledged. */
export interface Acknowledged {
  readonly what: string;
  /** Texts that stand together in the answer, and in no other. */
  readonly answer: readonly string[];
  /** Texts that must be on the disk before the answer leaves. */
  readonly carries: readonly string[];
  /** Fails unless it is there. */
  readonly check: (loch: RunningLoch) => Promise<void>;
}

interface Answered {
  readonly $metadata: { readonly requestId?: string | undefined };
}

const MIB = 1024 * 1024;
const TEXT = /[^\x21-\x7e]/g;
const KEPT = 'kept-versions';

/** Bytes of which a piece in printable characters is found again in a trace. */
function bodyOf(seed: number, size: number): { readonly body: Buffer; readonly piece: string } {
  const piece = `body-${seed}-${patterned(64, seed).toString('latin1').replaceAll(TEXT, '')}`.slice(0, 24);
  const body = patterned(size, seed);
  body.write(piece.slice(0, Math.min(piece.length, size)), size > 200 ? Math.floor(size / 2) : 0, 'latin1');
  return { body, piece: piece.slice(0, Math.min(piece.length, size)) };
}

/** What was acknowledged by an answer with a request id, which the transaction keeps. */
function acknowledged(
  what: string,
  { $metadata }: Answered,
  check: Acknowledged['check'],
  pieces: readonly string[] = [],
): Acknowledged {
  const id = $metadata.requestId!;
  return { what, answer: [id], carries: [...pieces, id], check };
}

const s3Of = (loch: RunningLoch) => new S3Client(loch.client.sdk);

async function bytesOf(loch: RunningLoch, from: { Bucket: string; Key: string; VersionId?: string }): Promise<Buffer> {
  const { Body } = await s3Of(loch).send(new GetObjectCommand(from));
  return Buffer.from(await Body!.transformToByteArray());
}

async function objectIs(loch: RunningLoch, Key: string, expected: Buffer, Bucket = 'raw', VersionId?: string) {
  const found = await bytesOf(loch, { Bucket, Key, ...(VersionId === undefined ? {} : { VersionId }) });
  expect(found.equals(expected), `bytes of ${Key}`).toBe(true);
}

async function isGone(loch: RunningLoch, name: string, from: { Bucket: string; Key: string; VersionId?: string }) {
  await expect(bytesOf(loch, from), from.Key).rejects.toMatchObject({ name });
}

/** An object of `size` bytes. */
export async function object(loch: RunningLoch, seed: number, size: number): Promise<Acknowledged> {
  const key = `round-${seed}/folder-${size % 7}/object-${size}.bin`;
  const { body, piece } = bodyOf(seed * 1000 + (size % 997), size);
  const answer = await s3Of(loch).send(new PutObjectCommand({ Bucket: 'raw', Key: key, Body: body }));
  return acknowledged(`PutObject ${key}`, answer, (again) => objectIs(again, key, body), [piece]);
}

/** An upload of three parts that come in this order. Part 2 differs in size from part 1, the last one is small. */
export async function multipart(loch: RunningLoch, seed: number, order: readonly number[]): Promise<Acknowledged[]> {
  const s3 = s3Of(loch);
  const Bucket = 'raw';
  const Key = `multipart/${seed}.bin`;
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const upload = { Bucket, Key, UploadId: UploadId! };
  const parts = [5 * MIB, 5 * MIB + 1, 700_000].map((size, i) => bodyOf(7000 + seed * 10 + i, size));
  const whole = Buffer.concat(parts.map((part) => part.body));
  const told: Acknowledged[] = [];
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const [i, PartNumber] of order.entries()) {
    const { body, piece } = parts[PartNumber - 1]!;
    const { ETag, $metadata } = await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body: body }));
    Parts.push({ PartNumber, ETag });
    told.push({
      what: `UploadPart ${PartNumber} of ${Key}`,
      answer: [$metadata.requestId!],
      carries: [piece],
      check: async (again) => {
        await completeWithListed(s3Of(again), upload);
        const found = await bytesOf(again, { Bucket, Key });
        const has = partsIn(
          found,
          parts.map((part) => part.body),
        );
        expect(has, `parts of ${Key}`).toEqual(expect.arrayContaining(order.slice(0, i + 1)));
      },
    });
  }
  Parts.sort((a, b) => a.PartNumber - b.PartNumber);
  const answer = await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  const pieces = parts.map((part) => part.piece);
  const completed = acknowledged(
    `CompleteMultipartUpload ${Key}`,
    answer,
    (again) => objectIs(again, Key, whole),
    pieces,
  );
  return [...told, { ...completed, answer: [...completed.answer, 'CompleteMultipartUploadResult'] }];
}

/** The numbers of the parts of which, in this order, `bytes` are made. Fails when they are made of anything else. */
function partsIn(bytes: Buffer, parts: readonly Buffer[]): number[] {
  let at = 0;
  const found = parts.flatMap((part, i) => {
    if (!bytes.subarray(at, at + part.length).equals(part)) return [];
    at += part.length;
    return [i + 1];
  });
  expect(at, 'bytes that are no part').toBe(bytes.length);
  return found;
}

/** What a client does that was cut off: it asks which parts are there and completes the upload with them. */
async function completeWithListed(
  s3: S3Client,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
): Promise<void> {
  try {
    const { Parts } = await s3.send(new ListPartsCommand(upload));
    const listed = (Parts ?? []).map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: listed } }));
  } catch (error) {
    if ((error as Error).name !== 'NoSuchUpload') throw error; // completed before
  }
}

/** Versions of a key, a delete marker, a copy of an older version over another key, the removal of a version, tags. */
export async function keptVersions(loch: RunningLoch, seed: number): Promise<Acknowledged[]> {
  const s3 = s3Of(loch);
  const Bucket = `${KEPT}-${seed}`;
  const Key = 'covered.bin';
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const told: Acknowledged[] = [];
  const put = async (key: string, bodySeed: number, size: number) => {
    const { body, piece } = bodyOf(bodySeed, size);
    const answer = await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: body }));
    const { VersionId } = answer;
    const check = (again: RunningLoch) => objectIs(again, key, body, Bucket, VersionId);
    return {
      body,
      VersionId: VersionId!,
      put: acknowledged(`version of ${Bucket}/${key}, ${size}`, answer, check, [piece]),
    };
  };
  const first = await put(Key, 40_000 + seed, 300);
  const second = await put(Key, 41_000 + seed, 90_000);
  told.push(first.put, second.put);

  const marker = await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  told.push(
    acknowledged(`delete marker of ${Bucket}/${Key}`, marker, async (again) => {
      const { DeleteMarkers } = await s3Of(again).send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }));
      expect(DeleteMarkers?.find(({ IsLatest }) => IsLatest)?.VersionId).toBe(marker.VersionId);
      await isGone(again, 'NoSuchKey', { Bucket, Key });
    }),
  );

  const CopySource = `${Bucket}/${Key}?versionId=${second.VersionId}`;
  const copied = await s3.send(new CopyObjectCommand({ Bucket, Key: 'restored.bin', CopySource }));
  told.push(
    acknowledged(`copy of a version of ${Bucket}/${Key}`, copied, (again) =>
      objectIs(again, 'restored.bin', second.body, Bucket, copied.VersionId),
    ),
  );

  const victim = await put('pruned.bin', 42_000 + seed, 80_000);
  const newest = await put('pruned.bin', 43_000 + seed, 200);
  told.push(newest.put);
  const removedVersion = { Bucket, Key: 'pruned.bin', VersionId: victim.VersionId };
  const removed = await s3.send(new DeleteObjectCommand(removedVersion));
  told.push(
    acknowledged(`removal of a version of ${Bucket}/pruned.bin`, removed, (again) =>
      isGone(again, 'NoSuchVersion', removedVersion),
    ),
  );

  const TagSet = [{ Key: 'seed', Value: `tag-${seed}` }];
  const tagged = await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'pruned.bin', Tagging: { TagSet } }));
  told.push(
    acknowledged(`tags of ${Bucket}/pruned.bin`, tagged, async (again) => {
      const found = await s3Of(again).send(new GetObjectTaggingCommand({ Bucket, Key: 'pruned.bin' }));
      expect(found.TagSet).toEqual(TagSet);
    }),
  );
  return told;
}

/** Where no versions are kept: objects written over, copied, and deleted alone and together. */
export async function replaced(loch: RunningLoch, seed: number): Promise<Acknowledged[]> {
  const s3 = s3Of(loch);
  const Bucket = 'raw';
  const told: Acknowledged[] = [];
  for (const [i, size] of [500, 400_000].entries()) {
    const Key = `replaced/${seed}-${size}.bin`;
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: patterned(size, 50_000 + seed) }));
    const { body, piece } = bodyOf(51_000 + seed * 10 + i, size);
    const over = await s3.send(new PutObjectCommand({ Bucket, Key, Body: body }));
    told.push(acknowledged(`PutObject over ${Key}`, over, (again) => objectIs(again, Key, body), [piece]));

    const copy = `copied/${seed}-${size}.bin`;
    const copied = await s3.send(new CopyObjectCommand({ Bucket, Key: copy, CopySource: `${Bucket}/${Key}` }));
    told.push(acknowledged(`CopyObject ${copy}`, copied, (again) => objectIs(again, copy, body)));
  }
  const doomed = [1, 2, 3].map((n) => ({ Bucket, Key: `deleted/${seed}-${n}.bin` }));
  for (const [i, name] of doomed.entries()) {
    await s3.send(new PutObjectCommand({ ...name, Body: patterned(i === 1 ? 300 : 100_000, 52_000 + seed) }));
  }
  const [alone, ...together] = doomed;
  const one = await s3.send(new DeleteObjectCommand(alone!));
  told.push(acknowledged(`DeleteObject ${alone!.Key}`, one, (again) => isGone(again, 'NoSuchKey', alone!)));
  const Objects = together.map(({ Key }) => ({ Key }));
  const many = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  told.push(
    acknowledged(`DeleteObjects ${Objects[0]!.Key}`, many, async (again) => {
      for (const name of together) await isGone(again, 'NoSuchKey', name);
    }),
  );
  return told;
}

/** Encrypted objects: what lies on the disk is not what was sent, and its key lies beside it. */
export async function encrypted(loch: RunningLoch, seed: number): Promise<Acknowledged[]> {
  const s3 = s3Of(loch);
  const Bucket = 'raw';
  const told: Acknowledged[] = [];
  const sealed: Partial<PutObjectCommandInput> = { ServerSideEncryption: 'AES256' };
  for (const size of [700, 900_000]) {
    const Key = `encrypted/${seed}-${size}.bin`;
    const body = patterned(size, 60_000 + seed);
    const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body: body, ...sealed }));
    expect(put.ServerSideEncryption).toBe('AES256');
    told.push(acknowledged(`encrypted PutObject ${Key}`, put, (again) => objectIs(again, Key, body)));
  }
  const Key = `encrypted/${seed}-parts.bin`;
  const parts = [5 * MIB, 1000].map((size, i) => patterned(size, 61_000 + seed * 10 + i));
  const begun = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ServerSideEncryption: 'AES256' }));
  const upload = { Bucket, Key, UploadId: begun.UploadId! };
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const PartNumber of [2, 1]) {
    const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body: parts[PartNumber - 1]! }));
    Parts.unshift({ PartNumber, ETag });
  }
  const done = await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  const completed = acknowledged(`encrypted CompleteMultipartUpload ${Key}`, done, (again) =>
    objectIs(again, Key, Buffer.concat(parts)),
  );
  told.push({ ...completed, answer: [...completed.answer, 'CompleteMultipartUploadResult'] });
  return told;
}

/** An object that is moved to the cold tier some time after its answer. */
export async function moved(loch: RunningLoch, seed: number): Promise<Acknowledged> {
  const Key = `moved/${seed}.bin`;
  const { body, piece } = bodyOf(70_000 + seed, 500_000);
  const put = await s3Of(loch).send(
    new PutObjectCommand({ Bucket: 'raw', Key, Body: body, StorageClass: 'STANDARD_IA' }),
  );
  return acknowledged(`PutObject ${Key}`, put, (again) => objectIs(again, Key, body), [piece]);
}

/** Resolves when nothing waits to be moved any more. */
export async function untilMoved(loch: RunningLoch): Promise<void> {
  for (;;) {
    const { tiers, waiting } = await loch.client.call<TiersStatus>('GET', '/api/tiers');
    if (waiting === 0 && tiers.some(({ name, versions }) => name === 'cold' && (versions ?? 0) > 0)) return;
    await sleep(100);
  }
}
