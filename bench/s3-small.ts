/**
 * Durable puts of 1 KiB over 32 connections, pre-signed. `ratio` is puts per second over `f`, the single-thread
 * fdatasync calls per second of the same disk in the same run. Bar: at least 0.4, and 2,000 puts/s where f allows. Then
 * gets of the same objects.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startLoch } from '../src/testing/builders/running-loch.ts';
import { fdatasyncRate } from './s3/fdatasync-rate.ts';
import { presigner } from './s3/presign.ts';
import { type RawRequest, runLoad } from './s3/raw-load.ts';

const CONNECTIONS = 32;
const WARM = 3_000;
const PUTS = 15_000;

const keyOf = (i: number) => `small/${i % 100}/${i}`;

/** Runs the bench. */
export async function run(): Promise<Record<string, unknown>> {
  const loch = await startLoch();
  try {
    const s3 = new S3Client(loch.client.sdk);
    await s3.send(new CreateBucketCommand({ Bucket: 'bench' }));
    const endpoint = new URL(String(loch.client.sdk.endpoint));
    const { accessKeyId, secretAccessKey } = loch.client.sdk.credentials;
    const presign = presigner({ host: endpoint.host, region: loch.client.sdk.region, accessKeyId, secretAccessKey });
    const body = randomBytes(1024);
    const targets = Array.from({ length: WARM + PUTS }, (_, i) => presign('PUT', 'bench', keyOf(i)));
    const port = Number(endpoint.port);
    let sent = 0;
    const until = (end: number) => (): RawRequest | undefined =>
      sent === end ? undefined : { method: 'PUT', target: targets[sent++]!, body };
    const f = fdatasyncRate(loch.data);
    await runLoad(port, CONNECTIONS, until(WARM));
    const load = await runLoad(port, CONNECTIONS, until(WARM + PUTS));
    const rate = load.requests / load.seconds;
    let read = 0;
    const gets = await runLoad(port, CONNECTIONS, () =>
      read === PUTS ? undefined : { method: 'GET', target: presign('GET', 'bench', keyOf(WARM + read++)) },
    );
    const status = readFileSync(`/proc/${loch.child.pid}/status`, 'utf8');
    return {
      ratio: rate / f,
      bar: 0.4,
      puts_s: rate,
      f_fdatasync_s: f,
      p50_ms: load.p50,
      p99_ms: load.p99,
      puts: load.requests,
      gets_s: gets.requests / gets.seconds,
      get_p50_ms: gets.p50,
      get_p99_ms: gets.p99,
      object_bytes: body.length,
      connections: CONNECTIONS,
      peak_rss_mb: Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024),
      node: process.version,
    };
  } finally {
    await loch.stop();
  }
}
