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
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RunningLoch } from '../../src/testing/builders/running-loch.ts';
import {
  type Acknowledged,
  encrypted,
  keptVersions,
  moved,
  multipart,
  object,
  replaced,
  untilMoved,
} from './acknowledged-objects.ts';

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
    if (round === 0) done.push(await moved(loch, round));
    if (round === 1) done.push(...(await multipart(loch, round, [1, 2, 3])));
    if (round === 2) done.push(...(await multipart(loch, round, [3, 1, 2])));
    if (round !== 1) done.push(...(await keptVersions(loch, round)), ...(await replaced(loch, round)));
    if (round % 2 === 1) done.push(...(await encrypted(loch, round)));
    if (round % 2 === 0) done.push(await load(loch, round));
  }
  await untilMoved(loch);
  done.push(...(await Promise.all(Array.from({ length: 12 }, (_, i) => object(loch, 100 + i, i % 3 ? 900 : 100_000)))));
  return done;
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
