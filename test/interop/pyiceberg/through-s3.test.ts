/** pyiceberg reads a curated table at its metadata location through the S3 door, as far as the grants go. */
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { GetTableCommand, GlueClient } from '@aws-sdk/client-glue';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateDataCellsFilterCommand,
  GrantPermissionsCommand,
  LakeFormationClient,
  type Resource,
} from '@aws-sdk/client-lakeformation';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { type PythonEnvironment, pyicebergEnvironment, runPython } from './environment.ts';

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const READS = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:ListBucket', 'glue:GetTable', 'lakeformation:GetDataAccess'],
      Resource: '*',
    },
  ],
};
const CSV = `id,region,amount\n${Array.from({ length: 500 }, (_, i) => `${i},${i % 3 === 0 ? 'north' : 'south'},${(i * 7) / 4}`).join('\n')}\n`;

describe('pyiceberg through the S3 door', () => {
  let loch: RunningLoch;
  let environment: PythonEnvironment;
  let metadata: string;

  beforeAll(async () => {
    environment = await pyicebergEnvironment();
    if ('missing' in environment) return;
    loch = await startLoch();
    await new S3Client(loch.client.sdk).send(
      new PutObjectCommand({ Bucket: 'raw', Key: 'landing/sales.csv', Body: CSV }),
    );
    const source = { kind: 'objects', bucket: 'raw', keys: ['landing/sales.csv'] };
    const { id } = await loch.client.call<{ id: string }>('POST', '/api/loads', {
      target: { database: 'curated', table: 'sales' },
      source,
      format: 'csv',
    });
    for (let state = 'RUNNING'; state === 'RUNNING'; await sleep(50)) {
      const load = await loch.client.call<{ state: string; error?: string }>('GET', `/api/loads/${id}`);
      state = load.state;
      if (state === 'FAILED') throw new Error(load.error);
    }
    const { Table } = await new GlueClient(loch.client.sdk).send(
      new GetTableCommand({ DatabaseName: 'curated', Name: 'sales' }),
    );
    metadata = Table!.Parameters!.metadata_location!;
  }, 400_000);
  afterAll(() => loch?.stop());

  async function makeUser(name: string, resource: Resource): Promise<Key> {
    const iam = new IAMClient(loch.client.sdk);
    const { User } = await iam.send(new CreateUserCommand({ UserName: name }));
    await iam.send(
      new PutUserPolicyCommand({ UserName: name, PolicyName: 'read', PolicyDocument: JSON.stringify(READS) }),
    );
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
    await new LakeFormationClient(loch.client.sdk).send(
      new GrantPermissionsCommand({
        Principal: { DataLakePrincipalIdentifier: User!.Arn! },
        Resource: resource,
        Permissions: ['SELECT'],
      }),
    );
    return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
  }

  function python(test: TestContext): string {
    if ('missing' in environment) test.skip(environment.missing);
    return (environment as { python: string }).python;
  }

  const read = (interpreter: string, key: Key) =>
    runPython<{ rows?: number; sums?: Record<string, string>; error?: string }>(interpreter, 'read_through_s3.py', {
      metadata,
      endpoint: loch.server.awsUrl,
      region: loch.server.region,
      ...key,
      sums: ['id', 'amount'],
    });

  it('gives the same counts and sums as Athena to a user who holds SELECT on all of the table', async (test) => {
    const interpreter = python(test);
    const key = await makeUser('reader', { Table: { DatabaseName: 'curated', Name: 'sales' } });
    const answer = await read(interpreter, key);
    const athena = new AthenaClient(loch.client.sdk);
    const { QueryExecutionId } = await athena.send(
      new StartQueryExecutionCommand({ QueryString: 'SELECT count(*), sum(id), sum(amount) FROM curated.sales' }),
    );
    for (let state = 'RUNNING'; state !== 'SUCCEEDED'; await sleep(50)) {
      state = (await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution!.Status!.State!;
      expect(state).not.toBe('FAILED');
    }
    const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
    const [rows, ids, amounts] = ResultSet!.Rows![1]!.Data!.map((cell) => cell.VarCharValue);
    expect(answer.error).toBeUndefined();
    expect(String(answer.rows)).toBe(rows);
    expect(answer.sums).toEqual({ id: ids, amount: amounts });
  });

  it('refuses the files to a user whose grant covers some rows only', async (test) => {
    const interpreter = python(test);
    await new LakeFormationClient(loch.client.sdk).send(
      new CreateDataCellsFilterCommand({
        TableData: {
          TableCatalogId: loch.server.accountId,
          DatabaseName: 'curated',
          TableName: 'sales',
          Name: 'north',
          RowFilter: { FilterExpression: "region = 'north'" },
          ColumnWildcard: {},
        },
      }),
    );
    const filter = {
      TableCatalogId: loch.server.accountId,
      DatabaseName: 'curated',
      TableName: 'sales',
      Name: 'north',
    };
    const key = await makeUser('analyst', { DataCellsFilter: filter });
    const answer = await read(interpreter, key);
    expect(answer.rows).toBeUndefined();
    expect(answer.error).toMatch(/ACCESS_DENIED|AccessDenied|Forbidden|denied/i);
  });
});
