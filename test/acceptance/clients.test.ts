/**
 * The clients that people have: the AWS CLI and boto3, each as root and as an analyst who was granted the rows of her
 * region with masked e-mail. Each attempt is in the audit.
 */
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateDataCellsFilterCommand,
  GrantPermissionsCommand,
  LakeFormationClient,
} from '@aws-sdk/client-lakeformation';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RootKey } from '../../src/cli/server-file.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { awsCli, works } from '../../src/testing/clients/python.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';
import { pyicebergEnvironment } from '../interop/pyiceberg/environment.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('./boto3_client.py', import.meta.url));
const cli = await awsCli();
const hasCli = 'command' in cli;
/** A Python with boto3: the machine's, or the one of the tests with pyiceberg. */
async function pythonWithBoto3(): Promise<string | undefined> {
  if (await works('python3', '-c', 'import boto3')) return 'python3';
  const environment = await pyicebergEnvironment();
  return 'python' in environment ? environment.python : undefined;
}
const python = await pythonWithBoto3();

const ANALYST = 'nora';
const SQL = 'SELECT region, name, email FROM curated.people ORDER BY name';

let folder: string;
let loch: RunningLoch;
let large: string;
let analyst: RootKey;
/** The key in the bucket `curated` of a data file of the table. */
let dataFile: string;

beforeAll(async () => {
  if (!hasCli && python === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'loch-clients-'));
  large = join(folder, 'large.bin');
  writeFileSync(large, patterned(17 * 1024 * 1024, 3));
  loch = await startLoch();
  await makeTable();
  analyst = await makeAnalyst();
});
afterAll(async () => {
  await loch?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** The CLI in somebody's name; its answer as JSON, or what it printed. */
async function aws<T = unknown>(who: RootKey, ...args: string[]): Promise<T> {
  if (!('command' in cli)) throw new Error(cli.missing);
  const [program, ...first] = cli.command;
  const { stdout } = await run(
    program!,
    [...first, ...args, '--endpoint-url', loch.server.awsUrl, '--output', 'json'],
    {
      maxBuffer: 64 * 1024 * 1024,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        AWS_ACCESS_KEY_ID: who.accessKeyId,
        AWS_SECRET_ACCESS_KEY: who.secretAccessKey,
        AWS_DEFAULT_REGION: loch.server.region,
        AWS_MAX_ATTEMPTS: '1',
        AWS_PAGER: '',
      },
    },
  );
  try {
    return JSON.parse(stdout) as T;
  } catch {
    return stdout as T;
  }
}

const root = () => loch.client.sdk.credentials;

async function makeTable(): Promise<void> {
  const rows =
    'id,region,name,email,income\n1,north,Ada,ada@example.org,10\n2,south,Bo,bo@example.org,20\n3,north,Cy,cy@example.org,30\n';
  const s3 = new S3Client(loch.client.sdk);
  await s3.send(new PutObjectCommand({ Bucket: 'raw', Key: 'landing/people.csv', Body: rows }));
  const { id } = await loch.client.call<{ id: string }>('POST', '/api/loads', {
    target: { database: 'curated', table: 'people' },
    source: { kind: 'objects', bucket: 'raw', keys: ['landing/people.csv'] },
  });
  for (;;) {
    const { state, error } = await loch.client.call<{ state: string; error?: string }>('GET', `/api/loads/${id}`);
    if (state === 'FAILED') throw new Error(error);
    if (state === 'SUCCEEDED') break;
    await sleep(20);
  }
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'curated' }));
  dataFile = Contents!.map(({ Key }) => Key!).find((key) => key.endsWith('.parquet'))!;
}

/** Everything is allowed to her by IAM; the grant of a filter is what she sees. */
async function makeAnalyst(): Promise<RootKey> {
  const iam = new IAMClient(loch.client.sdk);
  await iam.send(new CreateUserCommand({ UserName: ANALYST }));
  const Action = ['athena:*', 'glue:Get*', 's3:GetObject', 's3:ListBucket', 'lakeformation:GetDataAccess'];
  await iam.send(
    new PutUserPolicyCommand({
      UserName: ANALYST,
      PolicyName: 'analysis',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
      }),
    }),
  );
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: ANALYST }));
  const { accountId } = loch.server;
  const lakeFormation = new LakeFormationClient(loch.client.sdk);
  const filter = { TableCatalogId: accountId, DatabaseName: 'curated', TableName: 'people', Name: 'north' };
  await lakeFormation.send(
    new CreateDataCellsFilterCommand({
      TableData: {
        ...filter,
        RowFilter: { FilterExpression: "/* loch:masks email=hash */ region = 'north'" },
        ColumnWildcard: { ExcludedColumnNames: ['income'] },
      },
    }),
  );
  await lakeFormation.send(
    new GrantPermissionsCommand({
      Principal: { DataLakePrincipalIdentifier: `arn:aws:iam::${accountId}:user/${ANALYST}` },
      Resource: { DataCellsFilter: filter },
      Permissions: ['SELECT'],
    }),
  );
  return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
}

const ALL_ROWS = [
  ['region', 'name', 'email'],
  ['north', 'Ada', 'ada@example.org'],
  ['south', 'Bo', 'bo@example.org'],
  ['north', 'Cy', 'cy@example.org'],
];

/** Her rows: one region, e-mail masked. Which hash it is, the mask's own tests tell. */
function expectHerRows(rows: readonly (readonly (string | null)[])[]): void {
  expect(rows.map((row) => row.slice(0, 2))).toEqual([
    ['region', 'name'],
    ['north', 'Ada'],
    ['north', 'Cy'],
  ]);
  const masked = rows.slice(1).map((row) => row[2]);
  expect(new Set(masked).size).toBe(2);
  for (const email of masked) expect(email).toMatch(/^[0-9a-f]{64}$/);
}

interface Trail {
  readonly eventName: string;
  readonly errorCode?: string;
  readonly userAgent: string;
}

/** What LookupEvents has of somebody, asked by a client of this agent. */
async function attemptsOf(userName: string, agent: RegExp): Promise<Trail[]> {
  const page = await new CloudTrailClient(loch.client.sdk).send(
    new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: 'Username', AttributeValue: userName }] }),
  );
  return (page.Events ?? [])
    .map((event) => JSON.parse(event.CloudTrailEvent!) as Trail)
    .filter((event) => agent.test(event.userAgent));
}

interface DataEvent {
  readonly eventName: string;
  readonly resource: string;
  readonly columns: readonly string[];
  readonly errorCode?: string;
}

async function dataEventsOf(principal: string): Promise<DataEvent[]> {
  const arn = encodeURIComponent(`arn:aws:iam::${loch.server.accountId}:${principal}`);
  return (await loch.client.call<{ events: DataEvent[] }>('GET', `/api/audit/data-events?principal=${arn}`)).events;
}

describe.skipIf(!hasCli)(`the AWS CLI${'missing' in cli ? ` (skipped: ${cli.missing})` : ''}`, () => {
  const AGENT = /aws-cli/;

  it('puts, lists and gets objects, large ones in parts', async () => {
    await aws(root(), 's3', 'cp', '--quiet', large, 's3://raw/cli/large.bin');
    await aws(root(), 's3', 'cp', '--quiet', SCRIPT, 's3://raw/cli/folder/small.py');
    const listing = await aws<string>(root(), 's3', 'ls', 's3://raw/cli/');
    expect(listing).toMatch(/PRE folder\/\n.* 17825792 large\.bin/);
    const head = await aws<{ ETag: string; ContentLength: number }>(
      root(),
      's3api',
      'head-object',
      '--bucket',
      'raw',
      '--key',
      'cli/large.bin',
    );
    expect(head).toMatchObject({ ContentLength: 17 * 1024 * 1024, ETag: expect.stringMatching(/-3"$/) });
    const back = join(folder, 'back.bin');
    await aws(root(), 's3', 'cp', '--quiet', 's3://raw/cli/large.bin', back);
    expect(readFileSync(back).equals(readFileSync(large))).toBe(true);
    await aws(root(), 's3', 'rm', '--quiet', '--recursive', 's3://raw/cli/');
    expect(await aws<string>(root(), 's3', 'ls', 's3://raw/').then(String)).not.toContain('cli/');
  });

  it('shows the tables of the catalog, to the analyst without the columns she may not see', async () => {
    interface Tables {
      TableList: { Name: string; StorageDescriptor: { Columns: { Name: string }[] } }[];
    }
    const columns = async (who: RootKey) =>
      (await aws<Tables>(who, 'glue', 'get-tables', '--database-name', 'curated')).TableList.map((table) => [
        table.Name,
        ...table.StorageDescriptor.Columns.map(({ Name }) => Name),
      ]);
    expect(await columns(root())).toEqual([['people', 'id', 'region', 'name', 'email', 'income']]);
    expect(await columns(analyst)).toEqual([['people', 'id', 'region', 'name', 'email']]);
  });

  async function athena(who: RootKey): Promise<(string | null)[][]> {
    const { QueryExecutionId: id } = await aws<{ QueryExecutionId: string }>(
      who,
      'athena',
      'start-query-execution',
      '--query-string',
      SQL,
      '--query-execution-context',
      'Database=curated',
    );
    for (;;) {
      const { QueryExecution } = await aws<{
        QueryExecution: { Status: { State: string; StateChangeReason?: string } };
      }>(who, 'athena', 'get-query-execution', '--query-execution-id', id);
      const { State, StateChangeReason } = QueryExecution.Status;
      if (State === 'SUCCEEDED') break;
      if (State === 'FAILED') throw new Error(StateChangeReason);
    }
    const { ResultSet } = await aws<{ ResultSet: { Rows: { Data: { VarCharValue?: string }[] }[] } }>(
      who,
      'athena',
      'get-query-results',
      '--query-execution-id',
      id,
    );
    return ResultSet.Rows.map(({ Data }) => Data.map((cell) => cell.VarCharValue ?? null));
  }

  it('runs one statement as root and as the analyst, with the rows that each may see', async () => {
    expect(await athena(root())).toEqual(ALL_ROWS);
    expectHerRows(await athena(analyst));
    const file = ['s3api', 'get-object', '--bucket', 'curated', '--key', dataFile];
    await aws(root(), ...file, join(folder, 'data.parquet'));
    await expect(aws(analyst, ...file, join(folder, 'refused.parquet'))).rejects.toThrow(/AccessDenied/);
    expect(existsSync(join(folder, 'refused.parquet'))).toBe(false);

    const hers = await attemptsOf(ANALYST, AGENT);
    expect(hers.map(({ eventName }) => eventName)).toEqual(
      expect.arrayContaining(['GetTables', 'StartQueryExecution', 'GetQueryResults']),
    );
    expect(hers).toContainEqual(expect.objectContaining({ eventName: 'GetObject', errorCode: 'AccessDenied' }));
    const read = (await dataEventsOf(`user/${ANALYST}`)).find(({ resource }) =>
      /table\/curated\/people$/.test(resource),
    );
    expect(read?.columns).toEqual(expect.arrayContaining(['region', 'name', 'email']));
    const roots = await dataEventsOf('root');
    expect(roots.some(({ eventName, resource }) => eventName === 'GetObject' && resource.endsWith(dataFile))).toBe(
      true,
    );
  }, 120_000);
});

describe.skipIf(python === undefined)('boto3 (skipped where there is no Python with it)', () => {
  interface Answer {
    readonly rows: (string | null)[][];
    readonly dataFile: string;
    readonly tables: string[];
    readonly caller: string;
    readonly s3: { small: string; sha256: string; etag: string; keys: string[]; missing: string };
  }

  async function boto3(who: RootKey, more: object = {}): Promise<Answer> {
    const order = { endpoint: loch.server.awsUrl, region: loch.server.region, ...who, sql: SQL, dataFile, ...more };
    const { stdout } = await run(python!, [SCRIPT, JSON.stringify(order)], {
      env: { PATH: process.env.PATH, HOME: folder, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
    });
    return JSON.parse(stdout) as Answer;
  }

  it('moves objects, large ones in parts, and asks Glue and Athena as root', async () => {
    const answer = await boto3(root(), { file: large });
    expect(answer.s3).toEqual({
      small: 'small',
      sha256: createHash('sha256').update(readFileSync(large)).digest('hex'),
      etag: expect.stringMatching(/^"[0-9a-f]{32}-4"$/),
      keys: ['boto3/large.bin', 'boto3/small.txt'],
      missing: 'NoSuchKey',
    });
    expect(answer.rows).toEqual(ALL_ROWS);
    expect(answer.tables).toEqual(['people']);
    expect(answer.caller).toBe(`arn:aws:iam::${loch.server.accountId}:root`);
    expect(answer.dataFile).toBe('allowed');
  }, 120_000);

  it('shows the analyst her rows, refuses her the files, and each attempt is in the audit', async () => {
    const answer = await boto3(analyst);
    expectHerRows(answer.rows);
    expect(answer.dataFile).toBe('AccessDenied');
    const hers = await attemptsOf(ANALYST, /Boto3/);
    expect(hers.map(({ eventName }) => eventName)).toEqual(
      expect.arrayContaining(['StartQueryExecution', 'GetQueryExecution', 'GetQueryResults']),
    );
    expect(hers).toContainEqual(expect.objectContaining({ eventName: 'GetObject', errorCode: 'AccessDenied' }));
  }, 120_000);
});
