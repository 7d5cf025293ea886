/**
 * A lake whose objects are in an S3-compatible service, which is a second Loch here: the same answers as a lake on the
 * disk, with only the bytes fetched that a statement needs.
 */
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateDataCellsFilterCommand,
  GrantPermissionsCommand,
  LakeFormationClient,
} from '@aws-sdk/client-lakeformation';
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RootKey } from '../../src/cli/server-file.ts';
import { runCli } from '../../src/testing/builders/run-cli.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';

const TEXTS = 12;
const ROWS = 30_000;
let folder: string;
let service: RunningLoch;
let lake: RunningLoch;
/** Between the two, counting what comes back. */
let wire: Server;
let received = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-remote-'));
  service = await startLoch();
  await new S3Client(service.client.sdk).send(new CreateBucketCommand({ Bucket: 'below' }));
  const { hostname, port } = new URL(service.server.awsUrl);
  wire = createServer((near) => {
    const far = connect(Number(port), hostname);
    near.pipe(far);
    far.on('data', (chunk) => {
      received += chunk.length;
    });
    far.pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve));
  lake = await startLoch({ settings: remoteSettings() });
  writeFileSync(join(folder, 'wide.csv'), wideCsv());
  for (const { data } of [service, lake]) {
    expect(await runCli(['load', join(folder, 'wide.csv'), '--data', data])).toMatchObject({ code: 0 });
  }
});
afterAll(async () => {
  await lake?.stop();
  await service?.stop();
  wire?.close();
  rmSync(folder, { recursive: true, force: true });
});

const remoteSettings = () => [
  'storage.store=s3',
  `storage.s3.endpoint=http://127.0.0.1:${(wire.address() as AddressInfo).port}`,
  'storage.s3.bucket=below',
  'storage.s3.prefix=lake',
  `storage.s3.credentials_file=${join(service.data, 'keys', 'root.json')}`,
];

/** One narrow number, one region, and texts that do not compress. */
function wideCsv(): string {
  const texts = Array.from({ length: TEXTS }, (_, i) => `text${i}`);
  const lines = [`id,region,${texts.join(',')}`];
  const noise = patterned(ROWS * TEXTS * 12, 7).toString('hex');
  for (let row = 0; row < ROWS; row++) {
    const values = texts.map((_, i) => noise.slice((row * TEXTS + i) * 24, (row * TEXTS + i + 1) * 24));
    lines.push(`${row},${row % 3 === 0 ? 'north' : 'south'},${values.join(',')}`);
  }
  return `${lines.join('\n')}\n`;
}

async function ask(loch: RunningLoch, sql: string, who: RootKey = loch.client.sdk.credentials) {
  const athena = new AthenaClient({ ...loch.client.sdk, credentials: who });
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({ QueryString: sql, QueryExecutionContext: { Database: 'curated' } }),
  );
  for (;;) {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { State, StateChangeReason } = QueryExecution!.Status!;
    if (State === 'FAILED') throw new Error(StateChangeReason);
    if (State === 'SUCCEEDED') break;
    await sleep(10);
  }
  const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
  return ResultSet!.Rows!.map(({ Data }) => Data!.map((cell) => cell.VarCharValue ?? null));
}

const dataBytes = async () => {
  const page = await new S3Client(lake.client.sdk).send(new ListObjectsV2Command({ Bucket: 'curated' }));
  return page.Contents!.filter(({ Key }) => Key!.endsWith('.parquet')).reduce((sum, { Size }) => sum + Size!, 0);
};

it('gives the same rows as a lake on the disk and fetches only what the statement touches', async () => {
  const total = await dataBytes();
  expect(total).toBeGreaterThan(4_000_000);
  const before = received;
  const narrow = 'SELECT region, sum(id) AS total FROM wide GROUP BY region ORDER BY region';
  expect(await ask(lake, narrow)).toEqual(await ask(service, narrow));
  const fetched = received - before;
  expect(fetched).toBeLessThan(total / 4);
  expect(fetched).toBeGreaterThan(10_000);
  for (const sql of [
    'SELECT count(*) FROM wide',
    "SELECT 'one' FROM wide LIMIT 1",
    "SELECT count(*) FROM wide WHERE text3 LIKE 'a%'",
    'SELECT id, text5 FROM wide WHERE id = 4711',
    'SELECT a.id, b.text7 FROM wide a JOIN wide b ON a.id = b.id + 1 WHERE a.id IN (5, 29999) ORDER BY a.id',
    'WITH w AS (SELECT * FROM wide WHERE id < 3) SELECT * FROM w ORDER BY id',
    'SELECT w.text1 FROM (SELECT text1, text2 FROM wide) w ORDER BY w.text2 LIMIT 3',
    'SELECT max(text0), min(text11) FROM wide',
  ]) {
    expect(await ask(lake, sql), sql).toEqual(await ask(service, sql));
  }
  // Everything was asked for by now: a repetition needs nothing but its own bookkeeping.
  const after = received;
  await ask(lake, narrow);
  expect(received - after).toBeLessThan(100_000);
}, 120_000);

it('fetches the columns of a row filter though nobody asked for them, and hides the rows as on the disk', async () => {
  const { accountId } = lake.server;
  const iam = new IAMClient(lake.client.sdk);
  await iam.send(new CreateUserCommand({ UserName: 'nora' }));
  const statement = {
    Effect: 'Allow',
    Action: ['athena:*', 'glue:Get*', 'lakeformation:GetDataAccess'],
    Resource: '*',
  };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await iam.send(new PutUserPolicyCommand({ UserName: 'nora', PolicyName: 'analysis', PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'nora' }));
  const grants = new LakeFormationClient(lake.client.sdk);
  const filter = { TableCatalogId: accountId, DatabaseName: 'curated', TableName: 'wide', Name: 'some' };
  const RowFilter = { FilterExpression: "region = 'north' AND text9 > 'a'" };
  const TableData = { ...filter, RowFilter, ColumnNames: ['id', 'region'] };
  await grants.send(new CreateDataCellsFilterCommand({ TableData }));
  const Principal = { DataLakePrincipalIdentifier: `arn:aws:iam::${accountId}:user/nora` };
  await grants.send(
    new GrantPermissionsCommand({ Principal, Resource: { DataCellsFilter: filter }, Permissions: ['SELECT'] }),
  );
  // A lake that starts has fetched nothing yet.
  await lake.stop({ remove: false });
  lake = await startLoch({ data: lake.data, settings: remoteSettings() });
  const nora = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
  const [, [seen]] = (await ask(lake, 'SELECT count(id) FROM wide', nora)) as [unknown, [string]];
  const [, [all]] = (await ask(service, "SELECT count(id) FROM wide WHERE region = 'north' AND text9 > 'a'")) as [
    unknown,
    [string],
  ];
  expect(Number(seen)).toBeGreaterThan(1000);
  expect(seen).toBe(all);
}, 120_000);

it('keeps what was acknowledged when it is killed in the middle of uploads', async () => {
  const s3 = new S3Client(lake.client.sdk);
  const told = new Map<string, Buffer>();
  let killed = false;
  const writers = Array.from({ length: 4 }, async (_, lane) => {
    for (let i = 0; !killed; i++) {
      const key = `killed/${lane}-${i}`;
      const body = patterned(i % 3 === 0 ? 9_000_000 : 2_000, lane * 1000 + i);
      try {
        await new Upload({ client: s3, params: { Bucket: 'raw', Key: key, Body: body } }).done();
        told.set(key, body);
      } catch (error) {
        if (!killed) throw error;
      }
    }
  });
  while (told.size < 12) await sleep(20);
  killed = true;
  await lake.kill();
  await Promise.all(writers);
  lake = await startLoch({ data: lake.data, settings: remoteSettings() });
  const again = new S3Client(lake.client.sdk);
  for (const [Key, body] of told) {
    const { Body } = await again.send(new GetObjectCommand({ Bucket: 'raw', Key }));
    expect(Buffer.from(await Body!.transformToByteArray()).equals(body), Key).toBe(true);
  }
  expect(readdirSync(join(lake.data, 'objects'))).toEqual([]);
}, 120_000);

it('tells in its status where the objects are, and that the service does not answer when it does not', async () => {
  expect((await runCli(['status', '--data', lake.data])).stdout).toMatch(
    /storage .*buckets in http:.* \(below\/lake\)/,
  );
  const other = ['storage.store=local', 'listen.aws_port=0', 'listen.console_port=0'].join(',');
  await lake.stop({ remove: false });
  const refused = await runCli(['up', '--data', lake.data, '--set', other]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('`storage.store` to s3') });
  lake = await startLoch({ data: lake.data, settings: remoteSettings() });
  await service.kill();
  const status = await runCli(['status', '--data', lake.data]);
  expect(status).toMatchObject({ code: 1, stdout: expect.stringMatching(/FAIL storage .*remote store http/) });
});
