/**
 * Batches of 500 records of 1 KiB through the Firehose door of a running server that is pinned to one core, each
 * acknowledged after it is durable; what is delivered meanwhile is part of the server's work.
 * `ratio` is the records acknowledged a second; the bar is 50,000. The load is raw sockets with requests signed before.
 * Options: seconds of measuring (10), connections (4).
 */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateDeliveryStreamCommand, FirehoseClient } from '@aws-sdk/client-firehose';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningLoch, startLoch } from '../src/testing/builders/running-loch.ts';

const BATCH = 500;
const RECORD_BYTES = 1024;
const BUCKET = 'bench-delivery';
const STREAM = 'bench';
const WARM_UP_MS = 3000;
const SYNCS = 200;

/** Runs the bench. **Units**: records a second, milliseconds. */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const seconds = Number(args[0] ?? 10);
  const connections = Number(args[1] ?? 4);
  const data = await mkdtemp(join(process.env.LOCH_BENCH_DIR ?? tmpdir(), 'loch-bench-'));
  const syncs = await fdatasyncRate(data);
  const loch = await startLoch({ data });
  try {
    await prepare(loch);
    const pinned = pin(loch.child.pid!, 0) && pin(process.pid, availableParallelism() - 1);
    const request = await signedRequest(loch);
    const load = new Load(loch, request, connections);
    await sleep(WARM_UP_MS);
    load.times.length = 0;
    const cpuBefore = cpuSeconds(loch.child.pid!);
    const from = performance.now();
    await sleep(seconds * 1000);
    const elapsed = (performance.now() - from) / 1000;
    const batches = load.times.length;
    const cpu = cpuSeconds(loch.child.pid!) - cpuBefore;
    await load.stop();
    const rate = (batches * BATCH) / elapsed;
    return {
      ratio: rate,
      bar: 50_000,
      records_per_second: rate,
      mib_per_second: (rate * RECORD_BYTES) / 2 ** 20,
      p50: quantile(load.times, 0.5),
      p99: quantile(load.times, 0.99),
      connections,
      seconds: elapsed,
      server_cpu_share: cpu / elapsed,
      pinned_to_one_core: pinned,
      peak_rss_mb: peakRssMb(loch.child.pid!),
      fdatasync_per_second: syncs,
      node: process.version,
    };
  } finally {
    await loch.stop({ remove: true });
    await rm(data, { recursive: true, force: true });
  }
}

async function prepare({ client }: RunningLoch): Promise<void> {
  const s3 = new S3Client(client.sdk);
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  s3.destroy();
  const firehose = new FirehoseClient(client.sdk);
  await firehose.send(
    new CreateDeliveryStreamCommand({
      DeliveryStreamName: STREAM,
      ExtendedS3DestinationConfiguration: {
        RoleARN: 'arn:aws:iam::000000000001:role/bench',
        BucketARN: `arn:aws:s3:::${BUCKET}`,
        Prefix: 'bench/',
        BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 60 },
      },
    }),
  );
  firehose.destroy();
}

/** One PutRecordBatch as the bytes on the wire; its signature holds for minutes, so that it is sent again and again. */
async function signedRequest({ client }: RunningLoch): Promise<Buffer> {
  const url = new URL(client.sdk.endpoint);
  const record = () => ({ Data: randomBytes(RECORD_BYTES).toString('base64') });
  const body = JSON.stringify({ DeliveryStreamName: STREAM, Records: Array.from({ length: BATCH }, record) });
  const signer = new SignatureV4({
    service: 'firehose',
    region: client.sdk.region,
    credentials: client.sdk.credentials,
    sha256: Sha256,
  });
  const signed = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname: url.hostname,
    port: Number(url.port),
    path: '/',
    query: {},
    headers: {
      host: url.host,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'Firehose_20150804.PutRecordBatch',
      'content-length': String(Buffer.byteLength(body)),
    },
    body,
  });
  const head = Object.entries(signed.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST / HTTP/1.1\r\n${head.join('')}\r\n${body}`);
}

/** Connections that send the request, wait for the answer, and send it again. */
class Load {
  /** Milliseconds of each answered batch. */
  readonly times: number[] = [];
  readonly #sockets: Socket[];
  #stopping = false;
  #failure: Error | undefined;

  constructor({ client }: RunningLoch, request: Buffer, connections: number) {
    const url = new URL(client.sdk.endpoint);
    this.#sockets = Array.from({ length: connections }, () => this.#open(Number(url.port), url.hostname, request));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await sleep(500);
    for (const socket of this.#sockets) socket.destroy();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #open(port: number, host: string, request: Buffer): Socket {
    const socket = connect({ port, host, noDelay: true });
    let sentAt = 0;
    let answer = Buffer.alloc(0);
    const send = () => {
      sentAt = performance.now();
      answer = Buffer.alloc(0);
      socket.write(request);
    };
    socket.on('connect', send);
    socket.on('error', (error) => {
      this.#failure ??= error;
    });
    socket.on('data', (chunk) => {
      answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk]);
      const end = answer.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(answer.toString('latin1', 0, Math.max(0, end)))?.[1] ?? -1);
      if (end === -1 || answer.length < end + 4 + length) return;
      if (!answer.toString('latin1', 0, 15).startsWith('HTTP/1.1 200')) {
        this.#failure ??= new Error(answer.toString('utf8', 0, 2000));
        return;
      }
      this.times.push(performance.now() - sentAt);
      if (!this.#stopping) send();
    });
    return socket;
  }
}

/** Puts every thread of a process on one core. */
function pin(pid: number, core: number): boolean {
  return spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)]).status === 0;
}

/** User and system time of all threads. **Source**: proc(5), fields 14 and 15 of stat, 100 ticks a second. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function peakRssMb(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

async function fdatasyncRate(directory: string): Promise<number> {
  const file = await open(join(directory, 'sync'), 'w');
  const from = performance.now();
  for (let i = 0; i < SYNCS; i++) {
    await file.write(randomBytes(4096), 0, 4096, i * 4096);
    await file.datasync();
  }
  const rate = SYNCS / ((performance.now() - from) / 1000);
  await file.close();
  await rm(join(directory, 'sync'));
  return rate;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
