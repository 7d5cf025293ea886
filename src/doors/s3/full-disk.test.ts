/** A disk that is really full: a small file system in memory, mounted where this process may mount. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openS3Lake, type S3Lake } from '../../testing/builders/s3-lake.ts';
import { patterned } from '../../testing/faults/patterned.ts';

const MIB = 1024 * 1024;
const Bucket = 'narrow';

const mount = (directory: string) =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', directory], { stdio: 'ignore' }).status === 0;
const unmount = (directory: string) => spawnSync('umount', [directory], { stdio: 'ignore' });

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const directory = mkdtempSync(join(tmpdir(), 'loch-mount-'));
  const mounted = mount(directory);
  if (mounted) unmount(directory);
  rmSync(directory, { recursive: true, force: true });
  return mounted;
}

describe.skipIf(!canMount())('a disk that is full (skipped where this process may not mount one)', () => {
  let disk: string;
  let lake: S3Lake;
  let s3: S3Client;
  beforeAll(async () => {
    disk = mkdtempSync(join(tmpdir(), 'loch-full-disk-'));
    mount(disk);
    // No watermark: the file system itself refuses.
    lake = await openS3Lake({ store: { directory: join(disk, 'objects'), lowDiskBytes: 0 } });
    s3 = lake.client(undefined, { maxAttempts: 1 });
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(async () => {
    await lake.close();
    unmount(disk);
    rmSync(disk, { recursive: true, force: true });
  });

  const free = () => rmSync(join(disk, 'filler'), { force: true });
  const fill = (leave: number) => {
    free();
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - leave)));
  };
  const files = () =>
    readdirSync(join(disk, 'objects'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.seg'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  const bytesOf = async (Key: string) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from(await Body!.transformToByteArray());
  };
  const FULL = { name: 'SlowDown', $metadata: { httpStatusCode: 503 }, message: expect.stringMatching(/disk/) };

  it('refuses puts, parts, completions and copies by name, keeps what was acknowledged, leaves no half of a write, and takes the same again once there is room', async () => {
    const kept = patterned(3 * MIB, 1);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: kept }));
    await s3.send(
      new PutObjectCommand({ Bucket, Key: 'small', Body: patterned(100, 2), ServerSideEncryption: 'AES256' }),
    );
    const Key = 'parts';
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const upload = { Bucket, Key, UploadId: UploadId! };
    // Of sizes that differ, so that the completion has to put them together.
    const parts = [patterned(5 * MIB, 3), patterned(6 * MIB, 4)];
    const part = (n: number) => s3.send(new UploadPartCommand({ ...upload, PartNumber: n, Body: parts[n - 1]! }));
    const first = await part(1);

    const work = {
      put: () => s3.send(new PutObjectCommand({ Bucket, Key: 'large', Body: patterned(2 * MIB, 5) })),
      overwrite: () => s3.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: patterned(2 * MIB, 6) })),
      sealed: () =>
        s3.send(
          new CopyObjectCommand({
            Bucket,
            Key: 'sealed',
            CopySource: `${Bucket}/kept`,
            ServerSideEncryption: 'AES256',
          }),
        ),
      part: () => part(2),
    };
    const before = files();
    fill(256 * 1024);
    for (const [name, attempt] of Object.entries(work)) await expect(attempt(), name).rejects.toMatchObject(FULL);
    fill(0);
    const tiny = new PutObjectCommand({ Bucket, Key: 'tiny', Body: patterned(30_000, 7) });
    await expect(s3.send(tiny)).rejects.toMatchObject(FULL);
    expect(files()).toEqual(before);

    expect((await bytesOf('kept')).equals(kept)).toBe(true);
    expect((await bytesOf('small')).equals(patterned(100, 2))).toBe(true);
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents?.map(({ Key: key }) => key)).toEqual(['kept', 'small']);
    const { Parts } = await s3.send(new ListPartsCommand(upload));
    expect(Parts?.map(({ ETag }) => ETag)).toEqual([first.ETag]);

    free();
    const second = await part(2);
    const Listed = [first, second].map(({ ETag }, i) => ({ ETag, PartNumber: i + 1 }));
    const complete = () =>
      s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: Listed } }));
    fill(0);
    await expect(complete()).rejects.toMatchObject(FULL);
    free();
    await complete();
    expect((await bytesOf(Key)).equals(Buffer.concat(parts))).toBe(true);
    for (const attempt of [work.put, work.sealed, () => s3.send(tiny)]) await attempt();
    expect((await bytesOf('sealed')).equals(kept)).toBe(true);
    expect((await bytesOf('tiny')).equals(patterned(30_000, 7))).toBe(true);
  });
});
