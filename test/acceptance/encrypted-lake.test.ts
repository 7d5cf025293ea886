/**
 * An encrypted lake as its owner runs it: buckets encrypted by default, tables made and queried, killed while it writes,
 * started again, and its directory searched for what was written. Black box, through doors only.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { works } from '../../src/testing/clients/python.ts';
import { pyicebergEnvironment } from '../interop/pyiceberg/environment.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('./boto3_encryption.py', import.meta.url));
const TMPFS = 0x0102_1994;
/** Memory, where there is a file system of it. */
const shm = existsSync('/dev/shm') && statfsSync('/dev/shm').type === TMPFS ? '/dev/shm' : undefined;

let work: string;
let data: string;
let loch: RunningLoch;
let keyArn: string;
const canary = `canary-${randomBytes(10).toString('hex')}`;

const settings = () => [
  `work_dir=${work}`,
  ...(shm === undefined ? ['work_dir_encrypted=true'] : []),
  's3.customer_keys_over_http=true',
];
const s3 = () => new S3Client(loch.client.sdk);
const kms = () => new KMSClient(loch.client.sdk);

beforeAll(async () => {
  work = mkdtempSync(join(shm ?? tmpdir(), 'loch-encrypted-work-'));
  data = mkdtempSync(join(tmpdir(), 'loch-encrypted-'));
  loch = await startLoch({ data, settings: settings() });
});

afterAll(async () => {
  await loch?.stop();
  rmSync(work, { recursive: true, force: true });
  rmSync(data, { recursive: true, force: true });
});

async function query(sql: string): Promise<(string | undefined)[][]> {
  const athena = new AthenaClient(loch.client.sdk);
  const QueryExecutionContext = { Database: 'curated' };
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({ QueryString: sql, QueryExecutionContext }),
  );
  for (;;) {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { State, StateChangeReason } = QueryExecution!.Status!;
    if (State === 'FAILED' || State === 'CANCELLED') throw new Error(StateChangeReason);
    if (State === 'SUCCEEDED') break;
    await sleep(20);
  }
  const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
  return ResultSet!.Rows!.slice(1).map((row) => row.Data!.map((cell) => cell.VarCharValue));
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}
const holdersOf = (text: string) => [...filesBelow(data)].filter((file) => readFileSync(file).includes(text));

async function load(table: string, bucket: string, key: string): Promise<void> {
  const target = { database: 'curated', table };
  const { id } = await loch.client.call<{ id: string }>('POST', '/api/loads', {
    target,
    source: { kind: 'objects', bucket, keys: [key] },
  });
  for (;;) {
    const { state, error } = await loch.client.call<{ state: string; error?: string }>('GET', `/api/loads/${id}`);
    if (state === 'FAILED') throw new Error(error);
    if (state === 'SUCCEEDED') return;
    await sleep(20);
  }
}

describe('an encrypted lake', () => {
  it('takes, stores and queries tables whose every byte on disk is encrypted', async () => {
    const { KeyMetadata } = await kms().send(new CreateKeyCommand({ Description: 'the lake' }));
    keyArn = KeyMetadata!.Arn!;
    const { Buckets } = await s3().send(new ListBucketsCommand({}));
    for (const { Name } of Buckets!) {
      const rule = {
        ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: keyArn },
        BucketKeyEnabled: true,
      } as const;
      await s3().send(
        new PutBucketEncryptionCommand({ Bucket: Name, ServerSideEncryptionConfiguration: { Rules: [rule] } }),
      );
    }
    const rows = ['id,note', ...Array.from({ length: 5000 }, (_, i) => `${i},${canary}-${i}`)].join('\n');
    await s3().send(new PutObjectCommand({ Bucket: 'raw', Key: 'landing/notes.csv', Body: rows }));
    await load('notes', 'raw', 'landing/notes.csv');
    expect(await query('SELECT count(*), max(id) FROM notes')).toEqual([['5000', '4999']]);
    expect(await query('SELECT note FROM notes WHERE id = 7')).toEqual([[`${canary}-7`]]);
    const { Contents } = await s3().send(new ListObjectsV2Command({ Bucket: 'curated' }));
    for (const { Key } of Contents!) {
      const head = await s3().send(new HeadObjectCommand({ Bucket: 'curated', Key }));
      expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: keyArn });
    }
    expect(Contents!.length).toBeGreaterThan(3);
    expect(holdersOf(canary)).toEqual([]);
  });

  it('reads plain objects in place beside a work directory on another file system', async () => {
    await s3().send(new CreateBucketCommand({ Bucket: 'plain' }));
    const rows = ['id,word', ...Array.from({ length: 20_000 }, (_, i) => `${i},word-${i}`)].join('\n');
    await s3().send(new PutObjectCommand({ Bucket: 'plain', Key: 'words.csv', Body: rows }));
    await load('words', 'plain', 'words.csv');
    expect(await query('SELECT count(*) FROM words')).toEqual([['20000']]);
  });

  it('stops when its key is disabled and goes on when it is enabled', async () => {
    await kms().send(new DisableKeyCommand({ KeyId: keyArn }));
    await expect(query('SELECT count(*) FROM notes')).rejects.toThrow(/disabled/);
    await expect(s3().send(new GetObjectCommand({ Bucket: 'raw', Key: 'landing/notes.csv' }))).rejects.toMatchObject({
      name: 'KMS.DisabledException',
    });
    await kms().send(new EnableKeyCommand({ KeyId: keyArn }));
    expect(await query('SELECT count(*) FROM notes')).toEqual([['5000']]);
  });

  it('killed while it writes, has every acknowledged object whole and nothing of the others in the clear', async () => {
    const bodies = new Map<string, Buffer>();
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      const client = new S3Client({ ...loch.client.sdk, maxAttempts: 1 });
      for (let i = 0; ; i++) {
        const key = `kill/${writer}-${i}`;
        const body = Buffer.concat([Buffer.from(`${canary}-${key}`), randomBytes(i % 3 === 0 ? 300_000 : 500)]);
        try {
          await client.send(new PutObjectCommand({ Bucket: 'raw', Key: key, Body: body }));
        } catch {
          return; // the server was killed
        }
        bodies.set(key, body);
      }
    });
    while (bodies.size < 60) await sleep(5);
    await loch.kill();
    await Promise.all(writers);
    expect(holdersOf(canary)).toEqual([]);
    loch = await startLoch({ data, settings: settings() });
    for (const [Key, body] of bodies) {
      const { Body } = await s3().send(new GetObjectCommand({ Bucket: 'raw', Key }));
      expect(Buffer.from(await Body!.transformToByteArray()).equals(body)).toBe(true);
    }
  });

  it('serves boto3 with keys of the key service and of the customer', async ({ skip }) => {
    const environment = (await works('python3', '-c', 'import boto3'))
      ? { python: 'python3' }
      : await pyicebergEnvironment();
    if (!('python' in environment)) return skip(environment.missing);
    const { credentials, endpoint, region } = loch.client.sdk;
    const { accessKeyId, secretAccessKey } = credentials;
    const order = JSON.stringify({ endpoint, region, accessKeyId, secretAccessKey, bucket: 'raw' });
    const { stdout } = await run(environment.python, [SCRIPT, order], {
      env: { PATH: process.env.PATH, HOME: work, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
    });
    expect(JSON.parse(stdout)).toEqual({
      decrypted: 'quiet',
      wrongContext: 'InvalidCiphertextException',
      disabled: 'DisabledException',
      aliases: ['alias/boto3'],
      verified: true,
      kms: ['aws:kms', true],
      customer: ['AES256', true],
      withoutKey: '400',
      large: true,
    });
  });

  it('refuses statements over encrypted tables where plain bytes may lie nowhere, naming work_dir; wipes what it had', async () => {
    await loch.stop({ remove: false });
    expect(readdirSync(work)).toEqual([]);
    loch = await startLoch({ data, settings: ['work_dir_encrypted=false'] });
    await expect(query('SELECT count(*) FROM notes')).rejects.toThrow(/work_dir/);
    const read = await s3().send(new GetObjectCommand({ Bucket: 'raw', Key: 'landing/notes.csv' }));
    expect(await read.Body!.transformToString()).toContain(canary);
    expect(holdersOf(canary)).toEqual([]);
  });
});
