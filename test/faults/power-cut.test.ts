/**
 * Durability, proven: Loch runs under a system-call trace; at each answer the disk is rebuilt with everything unsynced
 * dropped, and Loch is started on it. What was acknowledged until then must be there.
 */
import { CreateUserCommand, IAMClient, ListUsersCommand } from '@aws-sdk/client-iam';
import { CreateDeliveryStreamCommand, FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { parseTrace, STRACE_ARGS, stracePath, TracedDisk } from '../../src/testing/faults/disk-trace.ts';

/** Something acknowledged, by the request id that stands in the answer. */
interface Acknowledged {
  readonly requestId: string;
  readonly check: (loch: RunningLoch) => Promise<void>;
}

const CUTS = 8;

function filesUnder(root: string): Map<string, Buffer> {
  return new Map(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !/\/(work|logs)\//.test(path))
      .map((path) => [path, readFileSync(path)]),
  );
}

async function trace(pid: number, file: string): Promise<() => Promise<void>> {
  const tracer = spawn(stracePath()!, [...STRACE_ARGS, '-o', file, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  tracer.stderr.on('data', (chunk) => {
    said += chunk;
  });
  for (let i = 0; i < 200 && !/attached/.test(said) && tracer.exitCode === null; i++) await sleep(20);
  if (!/attached/.test(said)) throw new Error(`strace: ${said}`);
  return async () => {
    tracer.kill('SIGINT');
    await new Promise((resolve) => tracer.once('close', resolve));
  };
}

async function work(loch: RunningLoch): Promise<Acknowledged[]> {
  const done: Acknowledged[] = [];
  const s3 = new S3Client(loch.client.sdk);
  const sizes = [1, 1000, 60_000, 70_000, 300_000];
  for (let i = 0; i < 15; i++) {
    const body = createHash('sha256')
      .update(String(i))
      .digest('hex')
      .repeat(Math.ceil(sizes[i % 5]! / 64))
      .slice(0, sizes[i % 5]);
    const key = `folder-${i % 4}/object-${i}`;
    const { $metadata } = await s3.send(new PutObjectCommand({ Bucket: 'raw', Key: key, Body: body }));
    done.push({
      requestId: $metadata.requestId!,
      check: async (again) => {
        const { Body } = await new S3Client(again.client.sdk).send(new GetObjectCommand({ Bucket: 'raw', Key: key }));
        expect(await Body!.transformToString(), key).toBe(body);
      },
    });
  }
  const { $metadata: user } = await new IAMClient(loch.client.sdk).send(new CreateUserCommand({ UserName: 'durable' }));
  done.push({
    requestId: user.requestId!,
    check: async (again) => {
      const { Users } = await new IAMClient(again.client.sdk).send(new ListUsersCommand({}));
      expect(Users?.map((entry) => entry.UserName)).toContain('durable');
    },
  });
  const firehose = new FirehoseClient(loch.client.sdk);
  await firehose.send(
    new CreateDeliveryStreamCommand({
      DeliveryStreamName: 'events',
      ExtendedS3DestinationConfiguration: {
        RoleARN: `arn:aws:iam::${loch.server.accountId}:root`,
        BucketARN: 'arn:aws:s3:::raw',
        Prefix: 'events/',
        BufferingHints: { IntervalInSeconds: 1, SizeInMBs: 1 },
      },
    }),
  );
  for (let i = 0; i < 4; i++) {
    const records = Array.from({ length: 50 }, (_, n) => ({ Data: Buffer.from(`batch-${i}-record-${n}\n`) }));
    const { $metadata } = await firehose.send(
      new PutRecordBatchCommand({ DeliveryStreamName: 'events', Records: records }),
    );
    done.push({ requestId: $metadata.requestId!, check: (again) => delivered(again, `batch-${i}-record-`, 50) });
  }
  return done;
}

async function delivered(loch: RunningLoch, prefix: string, count: number): Promise<void> {
  const s3 = new S3Client(loch.client.sdk);
  const seen: string[] = [];
  for (let i = 0; i < 60 && seen.length < count; i++) {
    seen.length = 0;
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'raw', Prefix: 'events/' }));
    for (const { Key } of Contents ?? []) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'raw', Key }));
      seen.push(...(await Body!.transformToString()).split('\n').filter((line) => line.startsWith(prefix)));
    }
    if (seen.length < count) await sleep(100);
  }
  expect(seen.length, prefix).toBe(count);
  expect(new Set(seen).size).toBe(count);
}

function layOut(files: ReadonlyMap<string, Buffer>, from: string): string {
  const target = mkdtempSync(join(tmpdir(), 'loch-cut-'));
  chmodSync(target, 0o700);
  for (const [path, bytes] of files) {
    const file = join(target, relative(from, path));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes, { mode: 0o600 });
  }
  return target;
}

describe.skipIf(stracePath() === undefined)('after a power cut (skipped without strace)', () => {
  it('has everything that was acknowledged before it, wherever the cut falls', async () => {
    const first = await startLoch({ env: { UV_USE_IO_URING: '0' } });
    const traceFile = join(mkdtempSync(join(tmpdir(), 'loch-trace-')), 'trace');
    await sleep(500);
    const before = filesUnder(first.data);
    const stopTrace = await trace(first.server.pid, traceFile);
    const acknowledged = await work(first);
    await stopTrace();
    await first.kill();

    const disk = new TracedDisk(first.data, before);
    const calls = parseTrace(readFileSync(traceFile, 'latin1'));
    const answers = new Map(
      acknowledged.map(({ requestId }, i) => [Buffer.from(requestId).toString('hex').replaceAll(/../g, '\\x$&'), i]),
    );
    const cutAfter = new Set(
      Array.from({ length: CUTS }, (_, i) => Math.floor(((i + 1) * acknowledged.length) / CUTS) - 1),
    );
    const cuts: { readonly last: number; readonly directory: string }[] = [];
    for (const call of calls) {
      if (call.name === 'write' || call.name === 'writev') {
        for (const [id, i] of answers) {
          if (!call.args.includes(id) || /\.db|\/streams\/|\/objects\/|\/logs\//.test(call.args.slice(0, 400)))
            continue;
          // The answer is on its way: the power goes now.
          if (cutAfter.has(i)) cuts.push({ last: i, directory: layOut(disk.afterCut(), first.data) });
          answers.delete(id);
        }
      }
      disk.apply(call);
    }
    expect([...answers.values()], 'answers not found in the trace').toEqual([]);
    expect(cuts.length).toBe(cutAfter.size);
    for (const { last, directory } of cuts) {
      const again = await startLoch({ data: directory });
      try {
        for (const { check } of acknowledged.slice(0, last + 1)) await check(again);
      } finally {
        await again.stop();
      }
    }
    rmSync(first.data, { recursive: true, force: true });
  }, 240_000);
});
