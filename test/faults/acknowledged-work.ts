/** Work of every kind that a Loch acknowledges, and how to see later that it is there. */
import { CreateDeliveryStreamCommand, FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';
import { CreateTableCommand, GetTableCommand, GlueClient } from '@aws-sdk/client-glue';
import {
  CreateRoleCommand,
  CreateUserCommand,
  GetUserCommand,
  IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GrantPermissionsCommand, LakeFormationClient, ListPermissionsCommand } from '@aws-sdk/client-lakeformation';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RunningLoch } from '../../src/testing/builders/running-loch.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';

/** Something that was acknowledged. */
export interface Acknowledged {
  readonly what: string;
  /** Texts that stand together in the answer, and in no other. */
  readonly answer: readonly string[];
  /** Texts that must be on the disk before the answer leaves. */
  readonly carries: readonly string[];
  /** Fails unless it is there. */
  readonly check: (loch: RunningLoch) => Promise<void>;
}

const MIB = 1024 * 1024;
const TEXT = /[^\x21-\x7e]/g;

/** Bytes of which a piece in printable characters is found again in a trace. */
function bodyOf(seed: number, size: number): { readonly body: Buffer; readonly piece: string } {
  const piece = `body-${seed}-${patterned(64, seed).toString('latin1').replaceAll(TEXT, '')}`.slice(0, 24);
  const body = patterned(size, seed);
  body.write(piece.slice(0, Math.min(piece.length, size)), size > 200 ? Math.floor(size / 2) : 0, 'latin1');
  return { body, piece: piece.slice(0, Math.min(piece.length, size)) };
}

async function objectIs(loch: RunningLoch, key: string, expected: Buffer): Promise<void> {
  const { Body } = await new S3Client(loch.client.sdk).send(new GetObjectCommand({ Bucket: 'raw', Key: key }));
  const found = Buffer.from(await Body!.transformToByteArray());
  expect(found.equals(expected), `bytes of ${key}`).toBe(true);
}

/** Does all of the work below on `loch`, a little of each in turn, so that a cut falls between anything and anything. */
export async function acknowledgedWork(loch: RunningLoch): Promise<Acknowledged[]> {
  const done: Acknowledged[] = [];
  const stream = await deliveryStream(loch);
  for (let round = 0; round < 4; round++) {
    done.push(await records(loch, stream, round));
    for (const size of [40, 1000, 60_000, 70_000, 1_300_000]) done.push(await object(loch, round, size));
    done.push(await user(loch, `durable-${round}`));
    done.push(await table(loch, `durable_${round}`));
    done.push(await grant(loch, `durable-${round}`, `durable_${round}`));
    if (round === 1) done.push(...(await multipart(loch, round)));
    if (round % 2 === 0) done.push(await load(loch, round));
  }
  done.push(...(await Promise.all(Array.from({ length: 12 }, (_, i) => object(loch, 100 + i, i % 3 ? 900 : 100_000)))));
  return done;
}

async function object(loch: RunningLoch, seed: number, size: number): Promise<Acknowledged> {
  const key = `round-${seed}/folder-${size % 7}/object-${size}.bin`;
  const { body, piece } = bodyOf(seed * 1000 + (size % 997), size);
  const { $metadata } = await new S3Client(loch.client.sdk).send(
    new PutObjectCommand({ Bucket: 'raw', Key: key, Body: body }),
  );
  const id = $metadata.requestId!;
  return { what: `PutObject ${key}`, answer: [id], carries: [piece, id], check: (again) => objectIs(again, key, body) };
}

async function multipart(loch: RunningLoch, seed: number): Promise<Acknowledged[]> {
  const s3 = new S3Client(loch.client.sdk);
  const Bucket = 'raw';
  const Key = `multipart/${seed}.bin`;
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  // Part 2 differs in size from part 1, so it waits beside the main file.
  const parts = [5 * MIB, 5 * MIB + 1, 700_000].map((size, i) => bodyOf(7000 + seed * 10 + i, size));
  const acknowledged: Acknowledged[] = [];
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const [i, { body, piece }] of parts.entries()) {
    const { ETag, $metadata } = await s3.send(
      new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: i + 1, Body: body }),
    );
    Parts.push({ PartNumber: i + 1, ETag });
    acknowledged.push({
      what: `UploadPart ${i + 1} of ${Key}`,
      answer: [$metadata.requestId!],
      carries: [piece],
      check: async (again) => {
        const whole = Buffer.concat(parts.map((part) => part.body));
        const client = new S3Client(again.client.sdk);
        await completeWithListed(client, { Bucket, Key, UploadId: UploadId! });
        const end = parts.slice(0, i + 1).reduce((sum, part) => sum + part.body.length, 0);
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        const found = Buffer.from(await Body!.transformToByteArray());
        expect(found.subarray(0, end).equals(whole.subarray(0, end)), `parts 1 to ${i + 1} of ${Key}`).toBe(true);
      },
    });
  }
  const { $metadata } = await s3.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
  );
  const id = $metadata.requestId!;
  acknowledged.push({
    what: `CompleteMultipartUpload ${Key}`,
    answer: [id, 'CompleteMultipartUploadResult'],
    carries: [...parts.map((part) => part.piece), id],
    check: (again) => objectIs(again, Key, Buffer.concat(parts.map((part) => part.body))),
  });
  return acknowledged;
}

/** What a client does that was cut off: it asks which parts are there and completes the upload with them. */
async function completeWithListed(
  s3: S3Client,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
): Promise<void> {
  try {
    const { Parts } = await s3.send(new ListPartsCommand(upload));
    const listed = (Parts ?? []).map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: listed } }));
  } catch (error) {
    if ((error as Error).name !== 'NoSuchUpload') throw error; // completed before
  }
}

async function user(loch: RunningLoch, name: string): Promise<Acknowledged> {
  const { $metadata } = await new IAMClient(loch.client.sdk).send(new CreateUserCommand({ UserName: name }));
  const id = $metadata.requestId!;
  return {
    what: `CreateUser ${name}`,
    answer: [id],
    carries: [name, id],
    check: async (again) => {
      const { User } = await new IAMClient(again.client.sdk).send(new GetUserCommand({ UserName: name }));
      expect(User?.UserName).toBe(name);
    },
  };
}

async function table(loch: RunningLoch, name: string): Promise<Acknowledged> {
  const { $metadata } = await new GlueClient(loch.client.sdk).send(
    new CreateTableCommand({
      DatabaseName: 'curated',
      TableInput: {
        Name: name,
        StorageDescriptor: { Columns: [{ Name: 'id', Type: 'bigint' }], Location: `s3://raw/${name}/` },
      },
    }),
  );
  const id = $metadata.requestId!;
  return {
    what: `CreateTable curated.${name}`,
    answer: [id],
    carries: [name, id],
    check: async (again) => {
      const { Table } = await new GlueClient(again.client.sdk).send(
        new GetTableCommand({ DatabaseName: 'curated', Name: name }),
      );
      expect(Table?.StorageDescriptor?.Columns?.[0]?.Name).toBe('id');
    },
  };
}

async function grant(loch: RunningLoch, userName: string, tableName: string): Promise<Acknowledged> {
  const { accountId } = loch.server;
  const DataLakePrincipalIdentifier = `arn:aws:iam::${accountId}:user/${userName}`;
  const Resource = { Table: { CatalogId: accountId, DatabaseName: 'curated', Name: tableName } };
  const { $metadata } = await new LakeFormationClient(loch.client.sdk).send(
    new GrantPermissionsCommand({ Principal: { DataLakePrincipalIdentifier }, Resource, Permissions: ['SELECT'] }),
  );
  const id = $metadata.requestId!;
  return {
    what: `GrantPermissions on curated.${tableName}`,
    answer: [id],
    carries: [id],
    check: async (again) => {
      const { PrincipalResourcePermissions: found } = await new LakeFormationClient(again.client.sdk).send(
        new ListPermissionsCommand({ Principal: { DataLakePrincipalIdentifier }, Resource }),
      );
      expect(found?.flatMap((entry) => entry.Permissions)).toContain('SELECT');
    },
  };
}

const STREAM = 'durable-events';

async function deliveryStream(loch: RunningLoch): Promise<string> {
  const iam = new IAMClient(loch.client.sdk);
  const statement = (rest: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...rest }] });
  await iam.send(
    new CreateRoleCommand({
      RoleName: 'delivery',
      AssumeRolePolicyDocument: statement({
        Principal: { Service: 'firehose.amazonaws.com' },
        Action: 'sts:AssumeRole',
      }),
    }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: 'delivery',
      PolicyName: 'raw',
      PolicyDocument: statement({ Action: 's3:*', Resource: ['arn:aws:s3:::raw', 'arn:aws:s3:::raw/*'] }),
    }),
  );
  await new FirehoseClient(loch.client.sdk).send(
    new CreateDeliveryStreamCommand({
      DeliveryStreamName: STREAM,
      ExtendedS3DestinationConfiguration: {
        RoleARN: `arn:aws:iam::${loch.server.accountId}:role/delivery`,
        BucketARN: 'arn:aws:s3:::raw',
        Prefix: 'events/',
        BufferingHints: { IntervalInSeconds: 1, SizeInMBs: 1 },
      },
    }),
  );
  return STREAM;
}

async function records(loch: RunningLoch, stream: string, seed: number): Promise<Acknowledged> {
  const lines = Array.from({ length: 50 }, (_, n) => `batch-${seed}-record-${n}-end`);
  const { $metadata } = await new FirehoseClient(loch.client.sdk).send(
    new PutRecordBatchCommand({
      DeliveryStreamName: stream,
      Records: lines.map((line) => ({ Data: Buffer.from(`${line}\n`) })),
    }),
  );
  return {
    what: `PutRecordBatch ${seed}`,
    answer: [$metadata.requestId!],
    carries: [lines[0]!, lines[24]!, lines[49]!],
    check: (again) => delivered(again, lines),
  };
}

async function delivered(loch: RunningLoch, lines: readonly string[]): Promise<void> {
  const s3 = new S3Client(loch.client.sdk);
  let missing = new Set(lines);
  for (let i = 0; i < 80 && missing.size > 0; i++) {
    if (i > 0) await sleep(100);
    missing = new Set(lines);
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'raw', Prefix: 'events/' }));
    for (const { Key } of Contents ?? []) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'raw', Key }));
      for (const line of (await Body!.transformToString()).split('\n')) missing.delete(line);
    }
  }
  expect([...missing]).toEqual([]);
}

/** An Iceberg commit: rows of a CSV object become a table. */
async function load(loch: RunningLoch, seed: number): Promise<Acknowledged> {
  const name = `loaded_${seed}`;
  const rows = Array.from({ length: 20_000 }, (_, i) => `${i},${(i * 7919 * (seed + 1)) % 100_003},name-${i}`);
  const key = `landing/${name}.csv`;
  await new S3Client(loch.client.sdk).send(
    new PutObjectCommand({ Bucket: 'raw', Key: key, Body: `id,amount,name\n${rows.join('\n')}\n` }),
  );
  const { id } = await loch.client.call<{ id: string }>('POST', '/api/loads', {
    target: { database: 'curated', table: name },
    source: { kind: 'objects', bucket: 'raw', keys: [key] },
  });
  for (;;) {
    const { state, error } = await loch.client.call<{ state: string; error?: string }>('GET', `/api/loads/${id}`);
    if (state === 'SUCCEEDED') break;
    if (state === 'FAILED') throw new Error(`load: ${error}`);
    await sleep(30);
  }
  return {
    what: `load into curated.${name}`,
    answer: [id, '"SUCCEEDED"'],
    carries: [name],
    check: async (again) => {
      const sum = rows.reduce((total, row) => total + Number(row.split(',')[1]), 0);
      const [found] = await query(again, `SELECT count(*), sum(amount) FROM curated.${name}`);
      expect(found).toEqual([String(rows.length), String(sum)]);
    },
  };
}

/** Rows of a statement as root. */
export async function query(loch: RunningLoch, sql: string): Promise<(string | null)[][]> {
  const { id } = await loch.client.call<{ id: string }>('POST', '/api/queries', { sql, dialect: 'duckdb' });
  for (;;) {
    const { state, error } = await loch.client.call<{ state: string; error?: unknown }>('GET', `/api/queries/${id}`);
    if (state === 'FAILED' || state === 'CANCELLED') throw new Error(JSON.stringify(error));
    if (state === 'SUCCEEDED') break;
    await sleep(20);
  }
  return (await loch.client.call<{ rows: (string | null)[][] }>('GET', `/api/queries/${id}/results`)).rows;
}
