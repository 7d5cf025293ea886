/** What `aws s3 mv` and `aws s3 sync` do between buckets, with the AWS CLI itself. */
import * as s3 from '@aws-sdk/client-s3';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { awsCli } from '../../src/testing/clients/python.ts';

const run = promisify(execFile);
const cli = await awsCli();
const skipped = 'missing' in cli ? ` (skipped: ${cli.missing})` : '';
const [FROM, TO] = ['cli-from', 'cli-to'];
/** Beyond what the CLI copies in one piece. */
const LARGE = Buffer.alloc(9 * 1024 * 1024, 'loch');

describe.skipIf('missing' in cli)(`The AWS CLI between buckets${skipped}`, () => {
  let loch: RunningLoch;
  let client: s3.S3Client;
  beforeAll(async () => {
    loch = await startLoch();
    client = new s3.S3Client(loch.client.sdk);
    for (const Bucket of [FROM, TO]) await client.send(new s3.CreateBucketCommand({ Bucket }));
    const more = { ContentType: 'text/csv', CacheControl: 'no-cache', Metadata: { source: 'erp' }, Tagging: 'a=b' };
    await client.send(new s3.PutObjectCommand({ Bucket: FROM, Key: 'in/small.csv', Body: 'a,b\n', ...more }));
    await client.send(new s3.PutObjectCommand({ Bucket: FROM, Key: 'in/large.csv', Body: LARGE, ...more }));
  }, 120_000);
  afterAll(() => loch?.stop());

  const aws = async (...args: readonly string[]) => {
    const [program, ...before] = (cli as { command: readonly string[] }).command;
    const { endpoint, region, credentials } = loch.client.sdk;
    const { stdout } = await run(program!, [...before, 's3', ...args, '--endpoint-url', endpoint], {
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_DEFAULT_REGION: region,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    });
    return stdout;
  };
  const keys = async (Bucket: string) =>
    ((await client.send(new s3.ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);

  it('syncs what differs and nothing again, and moves with what an object says of itself', async () => {
    expect(await aws('sync', `s3://${FROM}/in`, `s3://${TO}/synced`)).toMatch(/small\.csv/);
    expect(await keys(TO)).toEqual(['synced/large.csv', 'synced/small.csv']);
    expect(await aws('sync', `s3://${FROM}/in`, `s3://${TO}/synced`)).toBe('');
    await aws('mv', `s3://${FROM}/in/`, `s3://${TO}/moved/`, '--recursive');
    expect(await keys(FROM)).toEqual([]);
    // Of what it copies in parts, this version of the CLI takes the bytes alone along.
    for (const name of ['synced/small.csv', 'moved/small.csv']) {
      const head = await client.send(new s3.HeadObjectCommand({ Bucket: TO, Key: name }));
      expect(head, name).toMatchObject({
        ContentType: 'text/csv',
        CacheControl: 'no-cache',
        Metadata: { source: 'erp' },
      });
    }
    const moved = await client.send(new s3.GetObjectCommand({ Bucket: TO, Key: 'moved/large.csv' }));
    expect(Buffer.from(await moved.Body!.transformToByteArray()).equals(LARGE)).toBe(true);
    const tags = await client.send(new s3.GetObjectTaggingCommand({ Bucket: TO, Key: 'moved/small.csv' }));
    expect(tags.TagSet).toEqual([{ Key: 'a', Value: 'b' }]);
  }, 300_000);
});
