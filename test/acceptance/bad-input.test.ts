/** Bad input at every door: the door's own clear error, in the trail where somebody was refused, and nothing lost. */
import { AthenaClient, GetQueryExecutionCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { CreateDeliveryStreamCommand, FirehoseClient, PutRecordCommand } from '@aws-sdk/client-firehose';
import { CreateTableCommand, GetTableCommand, GlueClient } from '@aws-sdk/client-glue';
import { CreateRoleCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientOf } from '../../src/cli/api-client.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';

let loch: RunningLoch;
beforeAll(async () => {
  loch = await startLoch();
});
afterAll(() => loch.stop());

const s3 = () => new S3Client(loch.client.sdk);
const put = (Key: string, Body: string | Uint8Array) => s3().send(new PutObjectCommand({ Bucket: 'raw', Key, Body }));
const get = async (Key: string) =>
  (await s3().send(new GetObjectCommand({ Bucket: 'raw', Key }))).Body!.transformToString();

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly $metadata: { readonly httpStatusCode?: number; readonly requestId?: string };
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    return error as Failure;
  }
  throw new Error('It should have failed.');
}

/** What the trail has of a request. */
async function trailOf(requestId: string): Promise<{ eventName: string; errorCode?: string }[]> {
  const { Events } = await new CloudTrailClient(loch.client.sdk).send(new LookupEventsCommand({ MaxResults: 50 }));
  return (Events ?? [])
    .map((event) => JSON.parse(event.CloudTrailEvent!) as { requestID: string; eventName: string; errorCode?: string })
    .filter((event) => event.requestID === requestId);
}

describe('a wrong signature', () => {
  const wrong = () => ({
    ...loch.client.sdk,
    credentials: { ...loch.client.sdk.credentials, secretAccessKey: 'not-the-secret' },
  });

  it('is refused by the S3 door, stores nothing, and is in the trail', async () => {
    const command = new PutObjectCommand({ Bucket: 'raw', Key: 'never', Body: 'x' });
    const failure = await failureOf(new S3Client(wrong()).send(command));
    expect(failure.name).toBe('SignatureDoesNotMatch');
    expect(failure.$metadata.httpStatusCode).toBe(403);
    expect(await trailOf(failure.$metadata.requestId!)).toMatchObject([
      { eventName: 'PutObject', errorCode: 'SignatureDoesNotMatch' },
    ]);
    expect((await failureOf(s3().send(new HeadObjectCommand({ Bucket: 'raw', Key: 'never' })))).name).toBe('NotFound');
  });

  it('is refused by the doors of the AWS services, each in its protocol, and is in the trail', async () => {
    const iam = await failureOf(new IAMClient(wrong()).send(new CreateUserCommand({ UserName: 'never' })));
    expect(iam.name).toBe('SignatureDoesNotMatch');
    const glue = await failureOf(
      new GlueClient(wrong()).send(new CreateTableCommand({ DatabaseName: 'raw', TableInput: { Name: 'never' } })),
    );
    expect(glue.name).toBe('InvalidSignatureException');
    expect(await trailOf(iam.$metadata.requestId!)).toMatchObject([{ eventName: 'CreateUser' }]);
    expect(await trailOf(glue.$metadata.requestId!)).toMatchObject([{ eventName: 'CreateTable' }]);
  });

  it('is refused by the own API, without a signature too, and is in the trail', async () => {
    const unsigned = await fetch(new URL('/api/backups', loch.server.consoleUrl), { method: 'POST', body: '{}' });
    expect(unsigned.status).toBe(401);
    const { requestId, code } = (await unsigned.json()) as { requestId: string; code: string };
    expect(code).toBe('missing_credentials');
    expect(await trailOf(requestId)).toMatchObject([{ errorCode: 'missing_credentials' }]);
    const forger = clientOf(loch.data, { ...loch.server, region: 'eu-nowhere-1' });
    await expect(forger.call('GET', '/api/users')).resolves.toBeDefined(); // the region of the own API is free
    const signed = await fetch(new URL('/api/users', loch.server.consoleUrl), {
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=${loch.client.sdk.credentials.accessKeyId}/20260101/us-east-1/loch/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`,
        'x-amz-date': '20260101T000000Z',
      },
    });
    expect(signed.status).toBe(403);
  });
});

it('refuses a presigned address that has expired, and says so', async () => {
  await put('presigned', 'content');
  const command = new GetObjectCommand({ Bucket: 'raw', Key: 'presigned' });
  const valid = await fetch(await getSignedUrl(s3(), command, { expiresIn: 60 }));
  expect(await valid.text()).toBe('content');
  const signingDate = new Date(Date.now() - 120_000);
  const expired = await fetch(await getSignedUrl(s3(), command, { expiresIn: 60, signingDate }));
  expect(expired.status).toBe(403);
  const body = await expired.text();
  expect(body).toContain('<Code>AccessDenied</Code>');
  expect(body).toMatch(/expired/i);
  expect(await trailOf(expired.headers.get('x-amz-request-id')!)).toMatchObject([
    { eventName: 'GetObject', errorCode: 'AccessDenied' },
  ]);
});

describe('a statement', () => {
  async function athena(sql: string): Promise<string> {
    const client = new AthenaClient(loch.client.sdk);
    const QueryExecutionContext = { Database: 'curated' };
    let id: string | undefined;
    try {
      id = (await client.send(new StartQueryExecutionCommand({ QueryString: sql, QueryExecutionContext })))
        .QueryExecutionId;
    } catch (error) {
      return (error as Error).message;
    }
    for (;;) {
      const { QueryExecution } = await client.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
      const { State, StateChangeReason } = QueryExecution!.Status!;
      if (State === 'FAILED') return StateChangeReason!;
      if (State === 'SUCCEEDED') throw new Error('It should have failed.');
      await sleep(20);
    }
  }

  beforeAll(async () => {
    await put('landing/customers.csv', 'id,name\n1,a\n2,b\n');
    await load(['landing/customers.csv'], 'customers');
  });

  it('on an unknown table is answered with the names that are near', async () => {
    const reason = await athena('SELECT * FROM costumers');
    expect(reason).toMatch(/costumers/);
    expect(reason).toMatch(/customers/);
  });

  it('on an unknown column is answered with the names that are near', async () => {
    expect(await athena('SELECT nam FROM customers')).toMatch(/nam\b.*name/s);
  });

  it('that cannot be parsed is answered with the position', async () => {
    expect(await athena('SELECT id,\n  FROM WHERE customers')).toMatch(/line 2:\d+/);
  });
});

async function load(keys: string[], table: string): Promise<{ state: string; error?: string; rows: number }> {
  const { id } = await loch.client.call<{ id: string }>('POST', '/api/loads', {
    target: { database: 'curated', table },
    source: { kind: 'objects', bucket: 'raw', keys },
  });
  for (;;) {
    const now = await loch.client.call<{ state: string; error?: string; rows: number }>('GET', `/api/loads/${id}`);
    if (now.state !== 'RUNNING') return now;
    await sleep(20);
  }
}

it('loads nothing of a CSV with a ragged row, and names file, line and numbers of columns', async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => `${i},name-${i},${i * 2}`);
  rows[4321] = '4321,too,many,fields';
  await put('landing/ragged.csv', `id,name,amount\n${rows.join('\n')}\n`);
  const { state, error } = await load(['landing/ragged.csv'], 'ragged');
  expect(state).toBe('FAILED');
  expect(error).toMatch(/ragged\.csv/);
  expect(error).toMatch(/line 4323/);
  expect(error).toMatch(/expected 3 columns, found 4/);
  const found = await failureOf(
    new GlueClient(loch.client.sdk).send(new GetTableCommand({ DatabaseName: 'curated', Name: 'ragged' })),
  );
  expect(found.name).toBe('EntityNotFoundException');
});

describe('a body that is not what its headers say', () => {
  /** Sends `body` under `headers` by hand and returns the whole answer. */
  async function send(
    url: string,
    headers: Record<string, string | number>,
    body: string,
    then: 'wait' | 'leave' | 'vanish',
  ): Promise<string> {
    const { hostname, port, pathname, search } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const lines = Object.entries({ host: `${hostname}:${port}`, connection: 'close', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.write(`PUT ${pathname}${search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    if (then === 'vanish') {
      await sleep(50);
      socket.destroy();
      return '';
    }
    if (then === 'leave') socket.end();
    return text(socket);
  }

  const presigned = (key: string, extra: object = {}) =>
    getSignedUrl(s3(), new PutObjectCommand({ Bucket: 'raw', Key: key, ...extra }), { expiresIn: 60 });

  it('leaves the old object as it is: shorter, longer, or another than was told', async () => {
    await put('lying', 'the old content');
    const short = await send(await presigned('lying'), { 'content-length': 1000 }, 'too short', 'leave');
    expect(short).toMatch(/^HTTP\/1\.1 400/);
    expect(await get('lying')).toBe('the old content');

    await send(await presigned('lying'), { 'content-length': 200_000 }, 'x'.repeat(100_000), 'vanish');
    await sleep(100);
    expect(await get('lying')).toBe('the old content');

    const md5 = createHash('md5').update('another body').digest('base64');
    const other = await send(await presigned('lying'), { 'content-length': 4, 'content-md5': md5 }, 'body', 'wait');
    expect(other).toMatch(/^HTTP\/1\.1 400/);
    expect(other).toContain('<Code>BadDigest</Code>');
    expect(await get('lying')).toBe('the old content');

    // What comes after the stated length is no part of the object. (The connection is broken off, perhaps before the answer.)
    const extra = 'newX this is more';
    const long = await send(await presigned('lying'), { connection: 'keep-alive', 'content-length': 4 }, extra, 'wait');
    expect(long).toMatch(/HTTP\/1\.1 400/);
    expect(['the old content', 'newX']).toContain(await get('lying'));
  });

  it('is refused when the chunks are not as many bytes as was told', async () => {
    const url = await presigned('chunked');
    const headers = {
      'content-encoding': 'aws-chunked',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': 10,
    };
    const framed = '4\r\nbody\r\n0\r\n\r\n';
    const answer = await send(url, { ...headers, 'content-length': framed.length }, framed, 'wait');
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/);
    const { Contents } = await s3().send(new ListObjectsV2Command({ Bucket: 'raw', Prefix: 'chunked' }));
    expect(Contents ?? []).toEqual([]);
  });
});

describe('a disk that is nearly full', () => {
  const full = ['storage.low_disk_mib=1000000000'];

  it('takes no more writes, says so at each door, and keeps and reads what is there', async () => {
    const data = mkdtempSync(join(tmpdir(), 'loch-full-'));
    const before = await startLoch({ data });
    const small = 'kept before the disk was full';
    const large = patterned(200_000);
    const send = (running: RunningLoch, Key: string, Body: string | Uint8Array) =>
      new S3Client({ ...running.client.sdk, maxAttempts: 1 }).send(new PutObjectCommand({ Bucket: 'raw', Key, Body }));
    await send(before, 'small', small);
    await send(before, 'large', large);
    const { UploadId } = await new S3Client(before.client.sdk).send(
      new CreateMultipartUploadCommand({ Bucket: 'raw', Key: 'parts' }),
    );
    await makeStream(before);
    await before.stop({ remove: false });

    const after = await startLoch({ data, settings: full });
    try {
      const sdk = { ...after.client.sdk, maxAttempts: 1 };
      for (const attempt of [
        () => send(after, 'small', 'new'),
        () => send(after, 'new', patterned(200_000)),
        () =>
          new S3Client(sdk).send(
            new UploadPartCommand({ Bucket: 'raw', Key: 'parts', UploadId, PartNumber: 1, Body: patterned(100_000) }),
          ),
        () => new S3Client(sdk).send(new CopyObjectCommand({ Bucket: 'raw', Key: 'copy', CopySource: 'raw/large' })),
      ]) {
        const failure = await failureOf(attempt());
        expect(failure.name).toBe('SlowDown');
        expect(failure.$metadata.httpStatusCode).toBe(503);
        expect(failure.message).toMatch(/disk .* bytes free; writes stop at .*Free space/);
      }
      const record = await failureOf(
        new FirehoseClient(sdk).send(
          new PutRecordCommand({ DeliveryStreamName: 'events', Record: { Data: Buffer.from('refused') } }),
        ),
      );
      expect(record.name).toBe('ServiceUnavailableException');
      expect(record.message).toMatch(/bytes free/);
      const read = async (Key: string) =>
        (await new S3Client(sdk).send(new GetObjectCommand({ Bucket: 'raw', Key }))).Body!.transformToByteArray();
      expect(Buffer.from(await read('small')).toString()).toBe(small);
      expect(Buffer.from(await read('large')).equals(large)).toBe(true);
      const { Contents } = await new S3Client(sdk).send(new ListObjectsV2Command({ Bucket: 'raw' }));
      expect(Contents?.map(({ Key }) => Key)).toEqual(['large', 'small']);
      await new S3Client(sdk).send(new DeleteObjectCommand({ Bucket: 'raw', Key: 'large' })); // makes room
    } finally {
      await after.stop();
    }
  });

  async function makeStream(running: RunningLoch): Promise<void> {
    const trust = { Effect: 'Allow', Principal: { Service: 'firehose.amazonaws.com' }, Action: 'sts:AssumeRole' };
    await new IAMClient(running.client.sdk).send(
      new CreateRoleCommand({
        RoleName: 'delivery',
        AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
      }),
    );
    await new FirehoseClient(running.client.sdk).send(
      new CreateDeliveryStreamCommand({
        DeliveryStreamName: 'events',
        ExtendedS3DestinationConfiguration: {
          RoleARN: `arn:aws:iam::${running.server.accountId}:role/delivery`,
          BucketARN: 'arn:aws:s3:::raw',
        },
      }),
    );
  }
});
