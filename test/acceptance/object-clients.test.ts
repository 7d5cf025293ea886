/**
 * The programs that people move objects with, by plain HTTP and by TLS under Loch's own authority: the AWS CLI, boto3,
 * rclone and the SDK for JavaScript.
 */
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { request as requestByTls } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trustOf } from '../../src/cli/server-file.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { awsCli, works } from '../../src/testing/clients/python.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';
import { pyicebergEnvironment } from '../interop/pyiceberg/environment.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('./boto3_objects.py', import.meta.url));
const cli = await awsCli();
const python = (await works('python3', '-c', 'import boto3')) ? { python: 'python3' } : await pyicebergEnvironment();
const hasRclone = await works('rclone', 'version');
const reason = (found: object) => ('missing' in found ? ` (skipped: ${String(found.missing)})` : '');

const LARGE = patterned(17 * 1024 * 1024, 3);
/** Names that tell whether a client and we mean the same bytes. */
const TREE: Readonly<Record<string, string>> = {
  'plain.txt': 'plain',
  'folder/deeper/empty': '',
  'folder/with space & plus+.csv': 'a,b\n',
  'ümlaut/日本.txt': 'unicode',
  'percent%2Fname.txt': 'percent',
};

function writeTree(folder: string, tree: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

describe.each(['http', 'https'] as const)('over %s', (scheme) => {
  let folder: string;
  let loch: RunningLoch;
  let large: string;
  let s3: S3Client;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'loch-object-clients-'));
    large = join(folder, 'large.bin');
    writeFileSync(large, LARGE);
    loch = await startLoch(scheme === 'https' ? { settings: ['listen.tls=true'] } : {});
    s3 = new S3Client(loch.client.sdk);
    const { accessKeyId, secretAccessKey } = loch.client.sdk.credentials;
    env = {
      PATH: process.env.PATH,
      HOME: folder,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_DEFAULT_REGION: loch.server.region,
      AWS_MAX_ATTEMPTS: '1',
      AWS_PAGER: '',
      ...(loch.server.tls === undefined ? {} : { AWS_CA_BUNDLE: loch.server.tls.file }),
    };
  });
  afterAll(async () => {
    await loch?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a browser or `curl` gets by a link. */
  async function open(url: string, method = 'GET', body?: string): Promise<{ status: number; body: Buffer }> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent =
        scheme === 'http'
          ? request(url, { method }, resolve)
          : requestByTls(url, { method, ...trustOf(loch.server) }, resolve);
      sent.once('error', reject).end(body);
    });
    return { status: answer.statusCode!, body: await buffer(answer) };
  }

  const keysOf = async (Bucket: string, Prefix = '') =>
    (await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents?.map(({ Key }) => Key!) ?? [];

  it('serves by the scheme it was told', () => {
    expect(loch.server.awsUrl).toMatch(new RegExp(`^${scheme}://127\\.0\\.0\\.1:`));
    expect(loch.consoleLink).toMatch(new RegExp(`^${scheme}://`));
  });

  it('answers the SDK for JavaScript: parts in parallel, checksums, presigned URLs', async () => {
    const object = { Bucket: 'raw', Key: 'sdk/large.bin' };
    await new Upload({
      client: s3,
      params: { ...object, Body: createReadStream(large), ChecksumAlgorithm: 'CRC32' },
      partSize: 5 * 1024 * 1024,
    }).done();
    const got = await s3.send(new GetObjectCommand(object));
    expect(LARGE.equals(Buffer.from(await got.Body!.transformToByteArray()))).toBe(true);
    await s3.send(new PutObjectCommand({ Bucket: 'raw', Key: 'sdk/sum', Body: 'sum', ChecksumAlgorithm: 'SHA256' }));
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'raw', Key: 'sdk/sum', ChecksumMode: 'ENABLED' }));
    expect(head.ChecksumSHA256).toBe(createHash('sha256').update('sum').digest('base64'));

    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket: 'raw', Key: 'sdk/by link.txt' }), {
      expiresIn: 60,
    });
    expect((await open(put, 'PUT', 'by a link')).status).toBe(200);
    const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'raw', Key: 'sdk/by link.txt' }), {
      expiresIn: 60,
    });
    expect((await open(get)).body.toString()).toBe('by a link');
    expect((await open(get.replace(/by%20link/, 'sum'))).status).toBe(403);
  });

  describe.skipIf('missing' in cli)(`the AWS CLI${reason(cli)}`, () => {
    async function aws(...args: string[]): Promise<string> {
      if ('missing' in cli) throw new Error(cli.missing);
      const [program, ...first] = cli.command;
      const all = [...first, ...args, '--endpoint-url', loch.server.awsUrl];
      return (await run(program!, all, { env, maxBuffer: 64 * 1024 * 1024 })).stdout;
    }

    it('copies, lists, presigns and removes, large objects in parts', async () => {
      await aws('s3', 'mb', 's3://cli-bucket');
      await aws('s3', 'cp', '--quiet', large, 's3://cli-bucket/a/large.bin');
      await aws('s3', 'mv', '--quiet', 's3://cli-bucket/a/large.bin', 's3://cli-bucket/b/large.bin');
      expect(await aws('s3', 'ls', '--recursive', 's3://cli-bucket/')).toMatch(/ 17825792 b\/large\.bin\n$/);
      const back = join(folder, 'cli-back.bin');
      await aws('s3', 'cp', '--quiet', 's3://cli-bucket/b/large.bin', back);
      expect(readFileSync(back).equals(LARGE)).toBe(true);
      const link = (await aws('s3', 'presign', 's3://cli-bucket/b/large.bin', '--expires-in', '60')).trim();
      const opened = await open(link);
      expect(opened.status).toBe(200);
      expect(opened.body.equals(LARGE)).toBe(true);
      await aws('s3', 'rb', '--force', 's3://cli-bucket');
      expect(await aws('s3', 'ls')).not.toContain('cli-bucket');
    }, 120_000);

    it('syncs a folder both ways: what is new, what has changed, what is gone', async () => {
      const from = join(folder, 'cli-tree');
      writeTree(from, TREE);
      await aws('s3', 'sync', '--quiet', from, 's3://raw/cli-tree');
      expect((await keysOf('raw', 'cli-tree/')).map((key) => key.slice('cli-tree/'.length)).sort()).toEqual(
        Object.keys(TREE).sort(),
      );
      expect(await aws('s3', 'sync', '--dryrun', from, 's3://raw/cli-tree')).toBe('');
      rmSync(join(from, 'plain.txt'));
      writeFileSync(join(from, 'folder/deeper/empty'), 'no more');
      await aws('s3', 'sync', '--quiet', '--delete', from, 's3://raw/cli-tree');
      const to = join(folder, 'cli-tree-back');
      await aws('s3', 'sync', '--quiet', 's3://raw/cli-tree', to);
      expect(existsSync(join(to, 'plain.txt'))).toBe(false);
      expect(readFileSync(join(to, 'folder/deeper/empty'), 'utf8')).toBe('no more');
      expect(readFileSync(join(to, 'ümlaut/日本.txt'), 'utf8')).toBe('unicode');
    }, 120_000);

    it('calls the API operation by operation', async () => {
      const api = async <T>(...args: string[]) =>
        JSON.parse((await aws('s3api', ...args, '--output', 'json')) || '{}') as T;
      const object = ['--bucket', 'raw', '--key', 'api/object.txt'];
      writeFileSync(join(folder, 'body.txt'), 'one two three');
      await api(
        'put-object',
        ...object,
        '--body',
        join(folder, 'body.txt'),
        '--metadata',
        'made-by=cli',
        '--content-type',
        'text/plain',
      );
      expect(await api('head-object', ...object)).toMatchObject({
        ContentLength: 13,
        ContentType: 'text/plain',
        Metadata: { 'made-by': 'cli' },
      });
      const part = join(folder, 'part.txt');
      await api('get-object', ...object, '--range', 'bytes=4-6', part);
      expect(readFileSync(part, 'utf8')).toBe('two');
      await api('copy-object', '--bucket', 'raw', '--key', 'api/copy.txt', '--copy-source', 'raw/api/object.txt');
      const listed = await api<{ Contents: { Key: string }[] }>(
        'list-objects-v2',
        '--bucket',
        'raw',
        '--prefix',
        'api/',
      );
      expect(listed.Contents.map(({ Key }) => Key)).toEqual(['api/copy.txt', 'api/object.txt']);
      await api('delete-object', ...object);
      await expect(api('get-object', ...object, part)).rejects.toThrow(/NoSuchKey/);
    }, 120_000);
  });

  it.skipIf('missing' in python)(
    `answers boto3${reason(python)}: transfer manager, presigned URLs, pages, batches`,
    async () => {
      const { endpoint, region, credentials } = loch.client.sdk;
      const order = { endpoint, region, ...credentials, bucket: 'boto3-bucket', file: large };
      const { stdout } = await run((python as { python: string }).python, [SCRIPT, JSON.stringify(order)], {
        env: { ...env, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
      });
      const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
      expect(JSON.parse(stdout)).toEqual({
        large: digest(LARGE),
        copied: digest(LARGE),
        range: digest(LARGE.subarray(5_242_870, 5_242_890)),
        metadata: { 'made-by': 'boto3' },
        checksumType: expect.stringMatching(/COMPOSITE|FULL_OBJECT/),
        presignedPut: 200,
        presignedGet: 'by a link',
        secondCreate: 'PreconditionFailed',
        keys: ['copied.bin', 'large.bin'],
        prefixes: ['presigned/', 'sums/'],
        deleted: 6,
        missing: 'NoSuchKey',
      });
    },
    120_000,
  );

  describe.skipIf(!hasRclone)(`rclone${hasRclone ? '' : ' (skipped: it is not installed)'}`, () => {
    async function rclone(...args: string[]): Promise<string> {
      const remote = {
        RCLONE_CONFIG_LOCH_TYPE: 's3',
        RCLONE_CONFIG_LOCH_PROVIDER: 'Other',
        RCLONE_CONFIG_LOCH_ENV_AUTH: 'true',
        RCLONE_CONFIG_LOCH_ENDPOINT: loch.server.awsUrl,
        RCLONE_CONFIG_LOCH_REGION: loch.server.region,
      };
      const trust = loch.server.tls === undefined ? [] : ['--ca-cert', loch.server.tls.file];
      const options = ['--retries', '1', '--low-level-retries', '1', '--config', join(folder, 'no-rclone.conf')];
      // Of this variable older versions say that their transport is of an unsupported type.
      const { AWS_CA_BUNDLE: _, ...plain } = env;
      const { stdout, stderr } = await run('rclone', [...args, ...options, ...trust], { env: { ...plain, ...remote } });
      return stdout + stderr;
    }

    it('syncs both ways and finds no difference, large objects in parts', async () => {
      await s3.send(new CreateBucketCommand({ Bucket: 'rclone-bucket' }));
      const from = join(folder, 'rclone-tree');
      writeTree(from, TREE);
      writeFileSync(join(from, 'large.bin'), LARGE);
      const parts = ['--s3-upload-cutoff', '5M', '--s3-chunk-size', '5M'];
      await rclone('sync', from, 'loch:rclone-bucket/tree', ...parts);
      expect(await rclone('check', from, 'loch:rclone-bucket/tree')).toMatch(/0 differences found/);
      expect(await rclone('check', '--download', from, 'loch:rclone-bucket/tree')).toMatch(/0 differences found/);

      rmSync(join(from, 'plain.txt'));
      writeFileSync(join(from, 'folder/deeper/empty'), 'no more');
      await expect(rclone('check', from, 'loch:rclone-bucket/tree')).rejects.toThrow(/2 differences found/);
      await rclone('sync', from, 'loch:rclone-bucket/tree', ...parts);
      const to = join(folder, 'rclone-back');
      await rclone('sync', 'loch:rclone-bucket/tree', to);
      expect(await rclone('check', to, 'loch:rclone-bucket/tree')).toMatch(/0 differences found/);
      expect(readFileSync(join(to, 'large.bin')).equals(LARGE)).toBe(true);
      expect(readFileSync(join(to, 'folder/with space & plus+.csv'), 'utf8')).toBe('a,b\n');
      expect(existsSync(join(to, 'plain.txt'))).toBe(false);
      await rclone('purge', 'loch:rclone-bucket/tree');
      expect(await keysOf('rclone-bucket')).toEqual([]);
    }, 120_000);
  });
});
