/** Buckets in the host, as the SDKs' defaults have them: no client is told to put them in the path. */
import * as s3 from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Agent, type ClientRequest, request as send } from 'node:http';
import { connect, type LookupFunction } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { pythonWith, runScript } from '../../src/testing/clients/python.ts';

const Bucket = 'by-host';
const Key = 'deep/ü b+c~.txt';
let loch: RunningLoch;
let port: number;
let client: s3.S3Client;
const hosts = new Set<string>();

/** Names below localhost and those of the test are this machine; not every resolver knows. */
const lookup: LookupFunction = (_host, options, done) =>
  options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
const agent = new Agent({ lookup });

/** What a server answers to a request of one host. */
function fetchAs(url: string | URL, options: { method?: string; headers?: object; body?: Uint8Array } = {}) {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const outgoing: ClientRequest = send(url, { method, agent, headers: { ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode!, text, headers: answer.headers }));
    });
    outgoing.on('error', reject).end(body);
  });
}

beforeAll(async () => {
  loch = await startLoch({ settings: ['s3.bucket_hosts=data.example.com'] });
  port = Number(new URL(loch.client.sdk.endpoint).port);
  const { region, credentials } = loch.client.sdk;
  client = new s3.S3Client({
    endpoint: `http://localhost:${port}`,
    region,
    credentials,
    requestHandler: { httpAgent: agent },
  });
  client.middlewareStack.add(
    (next) => (args) => {
      hosts.add((args.request as { hostname: string }).hostname);
      return next(args);
    },
    { step: 'finalizeRequest' },
  );
  await client.send(new s3.CreateBucketCommand({ Bucket }));
  await client.send(new s3.PutObjectCommand({ Bucket, Key, Body: 'hello' }));
}, 60_000);
afterAll(async () => {
  agent.destroy();
  await loch?.stop();
});

const text = async (answer: s3.GetObjectCommandOutput) => answer.Body!.transformToString();

describe('A bucket in the host', () => {
  it('is the same bucket as in the path, for the JavaScript SDK as it comes', async () => {
    expect([...hosts]).toEqual([`${Bucket}.localhost`]);
    const byPath = new s3.S3Client(loch.client.sdk);
    expect(await text(await byPath.send(new s3.GetObjectCommand({ Bucket, Key })))).toBe('hello');
    expect(await text(await client.send(new s3.GetObjectCommand({ Bucket, Key })))).toBe('hello');
    const { Contents } = await client.send(new s3.ListObjectsV2Command({ Bucket, Prefix: 'deep/' }));
    expect(Contents!.map((entry) => entry.Key)).toEqual([Key]);
    expect((await client.send(new s3.HeadBucketCommand({ Bucket }))).BucketRegion).toBe('us-east-1');
    const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key: 'parts' }));
    const part = { Bucket, Key: 'parts', UploadId, PartNumber: 1 };
    const { ETag } = await client.send(new s3.UploadPartCommand({ ...part, Body: 'whole' }));
    const Parts = [{ PartNumber: 1, ETag }];
    const complete = new s3.CompleteMultipartUploadCommand({ ...part, MultipartUpload: { Parts } });
    expect((await client.send(complete)).Location).toBe(`http://${Bucket}.localhost:${port}/parts`);
    await client.send(new s3.CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/parts` }));
    await client.send(
      new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'copy' }, { Key: 'parts' }] } }),
    );
    expect((await client.send(new s3.ListObjectsV2Command({ Bucket }))).KeyCount).toBe(1);
  });

  it('is presigned for, and is posted to by forms', async () => {
    const url = await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key }), { expiresIn: 60 });
    expect(new URL(url).hostname).toBe(`${Bucket}.localhost`);
    expect(await fetchAs(url)).toMatchObject({ status: 200, text: 'hello' });
    const elsewhere = url.replace(`${Bucket}.localhost`, 'other-bucket.localhost');
    expect(await fetchAs(elsewhere)).toMatchObject({
      status: 403,
      text: expect.stringContaining('SignatureDoesNotMatch'),
    });
    const post = await createPresignedPost(client, { Bucket, Key: 'posted', Fields: { success_action_status: '201' } });
    expect(new URL(post.url).hostname).toBe(`${Bucket}.localhost`);
    const form = new FormData();
    for (const [name, value] of Object.entries(post.fields)) form.append(name, value);
    form.append('file', new Blob(['by form']));
    const encoded = new Response(form);
    const body = new Uint8Array(await encoded.arrayBuffer());
    const headers = { 'content-type': encoded.headers.get('content-type')! };
    const answer = await fetchAs(post.url, { method: 'POST', headers, body });
    expect(answer).toMatchObject({ status: 201, headers: { location: `http://${Bucket}.localhost:${port}/posted` } });
    expect(await text(await client.send(new s3.GetObjectCommand({ Bucket, Key: 'posted' })))).toBe('by form');
  });

  it('may be the whole host, where the owner says so', async () => {
    await client.send(new s3.CreateBucketCommand({ Bucket: 'data.example.com' }));
    await client.send(new s3.PutObjectCommand({ Bucket: 'data.example.com', Key: 'k', Body: 'own domain' }));
    const { region, credentials } = loch.client.sdk;
    const own = new s3.S3Client({
      endpoint: `http://data.example.com:${port}`,
      bucketEndpoint: true,
      region,
      credentials,
      requestHandler: { httpAgent: agent },
    });
    const read = new s3.GetObjectCommand({ Bucket: `http://data.example.com:${port}`, Key: 'k' });
    expect(await text(await own.send(read))).toBe('own domain');
    // Nobody becomes a host of the lake by making a bucket of its name.
    await client.send(new s3.CreateBucketCommand({ Bucket: 'taken.example.org' }));
    const answer = await fetchAs(`http://taken.example.org:${port}/${Bucket}/${encodeURI(Key)}`);
    expect(answer).toMatchObject({ status: 403, text: expect.stringContaining(`arn:aws:s3:::${Bucket}/deep`) });
  });

  it('is refused when the host names no bucket, and the server lives on', async () => {
    const raw = (lines: string) =>
      new Promise<string>((resolve, reject) => {
        let said = '';
        const socket = connect(port, '127.0.0.1', () => socket.write(lines));
        socket.setEncoding('latin1').on('data', (chunk) => {
          said += String(chunk);
        });
        socket.on('error', reject).on('close', () => resolve(said));
      });
    for (const host of [
      '..localhost',
      'a..b.localhost',
      '../by-host.localhost',
      'by-host%2f.localhost',
      'x.localhost',
    ]) {
      const said = await raw(`GET /${Key.slice(0, 4)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(said, host).toMatch(/^HTTP\/1\.1 400 .*<Code>InvalidBucketName<\/Code>/s);
    }
    for (const lines of [
      'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: ${'a'.repeat(20_000)}.localhost\r\nConnection: close\r\n\r\n`,
      'GET / HTTP/1.1\r\nHost: by-host.localhost\r\nHost: other.localhost\r\nConnection: close\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: by-host.localhost\0.evil\r\nConnection: close\r\n\r\n',
    ]) {
      expect(await raw(lines), lines.slice(0, 60)).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    expect(await text(await client.send(new s3.GetObjectCommand({ Bucket, Key })))).toBe('hello');
  });

  it('is where boto3 with virtual addressing finds it, by requests and links, and no account before S3 Control', async (context) => {
    const environment = await pythonWith(['boto3==1.44.5']);
    if ('missing' in environment) return context.skip(environment.missing);
    const { credentials } = loch.client.sdk;
    const said = await runScript(environment.python, join(import.meta.dirname, 'virtual_hosts.py'), {
      endpoint: `http://localhost:${port}`,
      account: loch.server.accountId,
      key: credentials.accessKeyId,
      secret: credentials.secretAccessKey,
    });
    expect(said).toEqual({
      keys: ['a/ü b+c~.txt', 'parts'],
      body: 'hello',
      size: 9_000_000,
      link: 'hello',
      linkHost: `by-boto.host.localhost:${port}`,
      oldLink: 'hello',
      region: '400 400',
      regionOfList: 'done', // told the region by the refusal, it signs anew

      missing: '404 NoSuchBucket',
      tags: [{ Key: 'a', Value: 'b' }],
      controlHosts: [`${loch.server.accountId}.localhost:${port}`],
      hosts: [`by-boto.host.localhost:${port}`, `no-such-bucket.localhost:${port}`],
    });
  }, 300_000);
});
