/** Access logs of buckets: the setting, and what a log says. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';

const Bucket = 'logged';
const TargetBucket = 'logs-of-all';
let lake: S3Lake;
let client: s3.S3Client;

beforeAll(async () => {
  lake = await openS3Lake();
  client = lake.client();
  for (const name of [Bucket, TargetBucket]) await client.send(new s3.CreateBucketCommand({ Bucket: name }));
});
afterAll(() => lake.close());

const set = (LoggingEnabled?: s3.LoggingEnabled) =>
  client.send(
    new s3.PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: { ...(LoggingEnabled && { LoggingEnabled }) } }),
  );
const get = async () => (await client.send(new s3.GetBucketLoggingCommand({ Bucket }))).LoggingEnabled;

async function logs(prefix: string): Promise<{ keys: string[]; lines: string[] }> {
  await lake.accessLog.deliver();
  const { objects } = await lake.objects.list(TargetBucket, { prefix });
  const lines: string[] = [];
  for (const { key } of objects) {
    const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: TargetBucket, Key: key }));
    lines.push(...(await Body!.transformToString()).trim().split('\n'));
  }
  return { keys: objects.map(({ key }) => key), lines };
}

/** The fields of a line: plain words, `[time]` and quoted texts. */
const fields = (line: string): string[] => line.match(/\[[^\]]*\]|"[^"]*"|\S+/g) ?? [];

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return `${(error as s3.S3ServiceException).$metadata?.httpStatusCode} ${(error as Error).name}`;
  }
}

it('test_rm_bucket_logging: is off, on, and off again', async () => {
  expect(await get()).toBeUndefined();
  await set({ TargetBucket, TargetPrefix: 'log/' });
  expect(await get()).toEqual({ TargetBucket, TargetPrefix: 'log/' });
  await set();
  expect(await get()).toBeUndefined();
});

it('refuses a target that is not there', async () => {
  expect(await failure(set({ TargetBucket: 'absent-bucket', TargetPrefix: '' }))).toBe(
    '400 InvalidTargetBucketForLogging',
  );
  expect(await failure(set({ TargetBucket, TargetPrefix: 'x', TargetGrants: [{ Permission: 'READ' }] }))).toBe(
    '501 NotImplemented',
  );
});

it('has a line of each request, its fields in the order of S3', async () => {
  await set({ TargetBucket, TargetPrefix: 'log/' });
  await client.send(new s3.PutObjectCommand({ Bucket, Key: 'a b', Body: 'hello' }));
  const got = await client.send(new s3.GetObjectCommand({ Bucket, Key: 'a b', Range: 'bytes=0-1' }));
  await got.Body!.transformToString();
  await failure(client.send(new s3.GetObjectCommand({ Bucket, Key: 'absent' })));
  await client.send(new s3.ListObjectsV2Command({ Bucket }));
  await client.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'x' }] } }));
  const { keys, lines } = await logs('log/');
  expect(keys[0]).toMatch(/^log\/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}$/);
  const read = lines.map(fields);
  const operations = read.map((line) => `${line[6]} ${line[9]} ${line[10]}`);
  for (const operation of [
    'REST.PUT.OBJECT 200 -',
    'REST.GET.OBJECT 206 -',
    'REST.GET.OBJECT 404 NoSuchKey',
    'REST.GET.BUCKET 200 -',
    'REST.POST.MULTI_OBJECT_DELETE 200 -',
  ]) {
    expect(operations).toContain(operation);
  }
  const range = read.find((line) => line[6] === 'REST.GET.OBJECT' && line[9] === '206')!;
  expect(range).toHaveLength(26);
  expect(range.slice(0, 2)).toEqual([S3_LAKE.accountId, Bucket]);
  expect(range[2]).toMatch(/^\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\]$/);
  expect(range.slice(3, 5)).toEqual(['127.0.0.1', `arn:aws:iam::${S3_LAKE.accountId}:root`]);
  expect(range.slice(7, 9)).toEqual(['a%20b', `"GET /${Bucket}/a%20b?x-id=GetObject HTTP/1.1"`]);
  expect(range.slice(11, 13)).toEqual(['2', '5']);
  expect(range[19]).toBe('SigV4');
  expect(range[21]).toBe('AuthHeader');
});

it('partitions its objects by account, region, bucket and day', async () => {
  const TargetObjectKeyFormat = { PartitionedPrefix: { PartitionDateSource: 'EventTime' as const } };
  await set({ TargetBucket, TargetPrefix: 'parts/', TargetObjectKeyFormat });
  expect(await get()).toEqual({ TargetBucket, TargetPrefix: 'parts/', TargetObjectKeyFormat });
  await client.send(new s3.HeadBucketCommand({ Bucket }));
  const { keys } = await logs('parts/');
  expect(keys[0]).toMatch(
    new RegExp(`^parts/${S3_LAKE.accountId}/us-east-1/${Bucket}/\\d{4}/\\d\\d/\\d\\d/\\d{4}-\\d\\d-\\d\\d-00-00-00-`),
  );
});

it('lets nothing that a client sends begin another field or line', async () => {
  await set({ TargetBucket, TargetPrefix: 'hostile/' });
  await fetch(`${lake.endpoint}/${Bucket}/k`, { headers: { referer: 'a" 200 - "b', 'user-agent': 'x"\ty' } });
  const { lines } = await logs('hostile/');
  const line = lines.map(fields).find((each) => each[15]?.includes('%22'))!;
  expect(line).toHaveLength(26);
  expect(line[9]).toBe('403');
  expect(line[4]).toBe('-');
});
