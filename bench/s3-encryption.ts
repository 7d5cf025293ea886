/**
 * Put and get of 8 MiB objects over 8 connections, pre-signed, into a bucket that encrypts (SSE-S3) and into one that
 * does not, in alternating rounds of one run. `ratio` is the lower of encrypted over plain, of puts and of gets.
 * Bar: at least 0.65 (encryption costs at most 35 %). `--kms` encrypts by a key of the key service with a bucket key.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, PutBucketEncryptionCommand, S3Client } from '@aws-sdk/client-s3';
import { startLoch } from '../src/testing/builders/running-loch.ts';
import { presigner } from './s3/presign.ts';
import { type LoadResult, runLoad } from './s3/raw-load.ts';

const SIZE = 8 * 1024 * 1024;
const OBJECTS = 40;
const ROUNDS = 5;
const CONNECTIONS = 8;
const MIB = 1024 * 1024;
const BUCKETS = ['plain', 'sealed'] as const;

/** Runs the bench. */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({ args: [...args], options: { kms: { type: 'boolean', default: false } } });
  const loch = await startLoch();
  try {
    const s3 = new S3Client(loch.client.sdk);
    for (const Bucket of BUCKETS) await s3.send(new CreateBucketCommand({ Bucket }));
    const applied = values.kms
      ? { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: await newKey(new KMSClient(loch.client.sdk)) }
      : { SSEAlgorithm: 'AES256' as const };
    await s3.send(
      new PutBucketEncryptionCommand({
        Bucket: 'sealed',
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: applied, BucketKeyEnabled: values.kms }],
        },
      }),
    );
    const endpoint = new URL(String(loch.client.sdk.endpoint));
    const { accessKeyId, secretAccessKey } = loch.client.sdk.credentials;
    const presign = presigner({ host: endpoint.host, region: loch.client.sdk.region, accessKeyId, secretAccessKey });
    const load = (method: 'GET' | 'PUT', bucket: string, round: string) => {
      let sent = 0;
      const next = () =>
        sent === OBJECTS
          ? undefined
          : { method, target: presign(method, bucket, `${round}-${sent++}`), ...(method === 'PUT' ? { body } : {}) };
      return runLoad(Number(endpoint.port), CONNECTIONS, next);
    };
    const found: Record<string, LoadResult[]> = {};
    for (let i = -1; i < ROUNDS; i++) {
      for (const bucket of i % 2 === 0 ? BUCKETS : BUCKETS.toReversed()) {
        for (const method of ['PUT', 'GET'] as const) {
          const result = await load(method, bucket, `r${i}`);
          const name = `${method} ${bucket}`;
          if (i >= 0) found[name] = [...(found[name] ?? []), result]; // the first round warms up
        }
      }
    }
    const rate = (name: string) => median(found[name]!.map((one) => one.bytes / MIB / one.seconds));
    const put = rate('PUT sealed') / rate('PUT plain');
    const get = rate('GET sealed') / rate('GET plain');
    return {
      ratio: Math.min(put, get),
      bar: 0.65,
      put_ratio: put,
      get_ratio: get,
      put_mib_s: rate('PUT sealed'),
      get_mib_s: rate('GET sealed'),
      plain_put_mib_s: rate('PUT plain'),
      plain_get_mib_s: rate('GET plain'),
      put_p99_ms: median(found['PUT sealed']!.map((one) => one.p99)),
      get_p99_ms: median(found['GET sealed']!.map((one) => one.p99)),
      object_bytes: SIZE,
      connections: CONNECTIONS,
      node: process.version,
    };
  } finally {
    await loch.stop();
  }
}

const body = randomBytes(SIZE);

async function newKey(kms: KMSClient): Promise<string> {
  return (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
