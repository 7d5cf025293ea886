import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { GrantPermissionsCommand, LakeFormationClient } from '@aws-sdk/client-lakeformation';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { type PythonEnvironment, pyicebergEnvironment, runPython } from './environment.ts';

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

describe('pyiceberg with the REST catalog and the S3 endpoint of a running Loch', () => {
  let environment: PythonEnvironment;
  let loch: RunningLoch;
  beforeAll(async () => {
    environment = await pyicebergEnvironment();
    loch = await startLoch();
  }, 600_000);
  afterAll(() => loch?.stop());

  // biome-ignore lint/suspicious/noExplicitAny: facts are looked at member by member.
  const pyiceberg = (context: TestContext, key: Key, ...steps: string[]): Promise<any> => {
    if ('missing' in environment) return context.skip(environment.missing);
    return runPython(environment.python, 'rest_catalog.py', {
      uri: `${loch.server.consoleUrl}/iceberg`,
      region: loch.server.region,
      key: key.accessKeyId,
      secret: key.secretAccessKey,
      steps,
    });
  };

  async function query(sql: string): Promise<(string | undefined)[]> {
    const athena = new AthenaClient(loch.client.sdk);
    const started = await athena.send(
      new StartQueryExecutionCommand({ QueryString: sql, QueryExecutionContext: { Database: 'curated' } }),
    );
    const { QueryExecutionId } = started;
    for (;;) {
      const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
      if (QueryExecution?.Status?.State === 'SUCCEEDED') break;
      if (QueryExecution?.Status?.State === 'FAILED') throw new Error(QueryExecution.Status.StateChangeReason);
      await sleep(20);
    }
    const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
    return ResultSet!.Rows![1]!.Data!.map((cell) => cell.VarCharValue);
  }

  /** A user whom IAM allows everything, so that grants alone decide. */
  async function user(name: string, columns?: readonly string[]): Promise<Key> {
    const iam = new IAMClient(loch.client.sdk);
    const { User } = await iam.send(new CreateUserCommand({ UserName: name }));
    const Statement = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
    await iam.send(
      new PutUserPolicyCommand({
        UserName: name,
        PolicyName: 'all',
        PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }),
      }),
    );
    const table = { DatabaseName: 'curated', Name: 'visits' };
    await new LakeFormationClient(loch.client.sdk).send(
      new GrantPermissionsCommand({
        Principal: { DataLakePrincipalIdentifier: User!.Arn! },
        Permissions: ['SELECT'],
        Resource:
          columns === undefined ? { Table: table } : { TableWithColumns: { ...table, ColumnNames: [...columns] } },
      }),
    );
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
    return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
  }

  it('writes tables that SQL reads with equal counts and sums', async (context) => {
    const { write, read } = await pyiceberg(context, loch.client.sdk.credentials, 'write', 'read');
    expect(write).toMatchObject({
      namespaces: expect.arrayContaining(['curated', 'raw']),
      tables: ['curated.staged', 'curated.visits'],
      staged_rows: 3,
      properties: { owner: 'interop', reviewed: 'yes' },
    });
    const facts = await query(
      "SELECT count(*), sum(id), sum(amount), count_if(region = 'north' AND id < 100) FROM visits",
    );
    expect(facts).toEqual([String(read.rows), String(read.ids), read.amount, String(read.north_below_100)]);
    expect(read.tagged).toBe(1000);
    expect(await query('SELECT count(*) FROM staged')).toEqual(['3']);
  });

  it('reads for who may select the whole table, and is refused for who may not', async (context) => {
    const analyst = await user('analyst');
    const { read } = await pyiceberg(context, analyst, 'read');
    expect(read.rows).toBeGreaterThan(0);
    const narrow = await user('narrow', ['id', 'region']);
    const { refused } = await pyiceberg(context, narrow, 'refused');
    expect(refused).toMatchObject({ error: 'ForbiddenError', message: expect.stringContaining('SQL') });
  });
});
