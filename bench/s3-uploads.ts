/**
 * Memory while many large uploads run at once: 32 multipart uploads of 1 GiB in parts of 16 MiB. `ratio` is the server's
 * peak resident memory over the bar of 400 MiB. `--mib 128` makes each upload smaller where the disk is.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { startLoch } from '../src/testing/builders/running-loch.ts';

const MIB = 1024 * 1024;
const PART = 16 * MIB;
const BAR_MIB = 400;

/** Runs the bench. */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: { uploads: { type: 'string', default: '32' }, mib: { type: 'string', default: '1024' } },
  });
  const uploads = Number(values.uploads);
  const parts = Math.max(1, Math.round((Number(values.mib) * MIB) / PART));
  const loch = await startLoch();
  const s3 = new S3Client({ ...loch.client.sdk, requestChecksumCalculation: 'WHEN_REQUIRED' });
  try {
    await s3.send(new CreateBucketCommand({ Bucket: 'bench' }));
    const body = randomBytes(PART);
    const began = performance.now();
    await Promise.all(Array.from({ length: uploads }, (_, i) => upload(s3, `large-${i}`, body, parts)));
    const seconds = (performance.now() - began) / 1000;
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'bench', Key: 'large-0' }));
    const status = readFileSync(`/proc/${loch.child.pid}/status`, 'utf8');
    const peak = Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024);
    return {
      ratio: peak / BAR_MIB,
      bar_mib: BAR_MIB,
      peak_rss_mib: peak,
      uploads,
      object_mib: head.ContentLength! / MIB,
      parts,
      mib_s: (uploads * parts * PART) / MIB / seconds,
      seconds,
      node: process.version,
    };
  } finally {
    s3.destroy();
    await loch.stop();
  }
}

async function upload(s3: S3Client, Key: string, Body: Buffer, parts: number): Promise<void> {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'bench', Key }));
  const done: { PartNumber: number; ETag: string }[] = [];
  for (let PartNumber = 1; PartNumber <= parts; PartNumber++) {
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket: 'bench', Key, UploadId, PartNumber, Body }));
    done.push({ PartNumber, ETag: ETag! });
  }
  await s3.send(
    new CompleteMultipartUploadCommand({ Bucket: 'bench', Key, UploadId, MultipartUpload: { Parts: done } }),
  );
}
