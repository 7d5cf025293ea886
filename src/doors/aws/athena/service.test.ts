import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as athena from '@aws-sdk/client-athena';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { createEventBus } from '../../../core/events.ts';
import { openQueryLake, type QueryLake } from '../../../testing/builders/query-lake.ts';
import { TEST_ACCOUNT } from '../../../testing/builders/test-lake.ts';
import { createAwsDoor } from '../index.ts';
import { athenaService } from './service.ts';

let lake: QueryLake;
let root: athena.AthenaClient;
let ann: athena.AthenaClient;
let closeServer = () => {};

beforeAll(async () => {
  lake = await openQueryLake();
  const { governance, catalog } = lake;
  await lake.createTable(
    'bank.leads',
    [
      { name: 'id', type: 'bigint' },
      { name: 'region', type: 'string' },
      { name: 'score', type: 'decimal(10,2)' },
    ],
    "SELECT i::BIGINT AS id, CASE WHEN i % 2 = 0 THEN 'north' END AS region, (i / 4)::DECIMAL(10,2) AS score FROM range(6) t(i)",
  );
  const user = await lake.user('ann');
  await governance.grants.createFilter(lake.root, {
    database: 'bank',
    table: 'leads',
    filter: 'north',
    expression: "region = 'north'",
    exclude: [],
  });
  await governance.grants.grant(lake.root, {
    principal: user.principal.arn,
    resource: { kind: 'filter', database: 'bank', table: 'leads', filter: 'north' },
    permissions: ['SELECT'],
  });
  const door = createAwsDoor({
    services: [
      athenaService({
        get queries() {
          return lake.consumption.queries;
        },
        catalog,
      }),
    ],
    identities: governance.identities,
    audit: governance.audit,
    events: createEventBus((error) => {
      throw error;
    }),
    clock: systemClock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
  });
  const server = createServer((request, response) => void door(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeServer = () => {
    server.closeAllConnections();
    server.close();
  };
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = [await governance.ensureRootKey(), await governance.identity.createAccessKey(lake.root, 'ann')];
  const [asRoot, asAnn] = keys.map(
    (key) =>
      new athena.AthenaClient({
        region: 'us-east-1',
        endpoint,
        maxAttempts: 1,
        credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() },
      }),
  );
  root = asRoot!;
  ann = asAnn!;
});
afterAll(async () => {
  closeServer();
  await lake.close();
});

async function run(client: athena.AthenaClient, sql: string, more: Partial<athena.StartQueryExecutionInput> = {}) {
  const { QueryExecutionId } = await client.send(
    new athena.StartQueryExecutionCommand({
      QueryString: sql,
      QueryExecutionContext: { Database: 'bank', Catalog: 'AwsDataCatalog' },
      ...more,
    }),
  );
  for (;;) {
    const { QueryExecution } = await client.send(new athena.GetQueryExecutionCommand({ QueryExecutionId }));
    const state = QueryExecution!.Status!.State!;
    if (!['QUEUED', 'RUNNING'].includes(state)) return QueryExecution!;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const rowsOf = (results: athena.GetQueryResultsOutput) =>
  results.ResultSet!.Rows!.map((row) => row.Data!.map((cell) => cell.VarCharValue));
const nameOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error: Error) => error.name,
  );

describe('the Athena door', () => {
  it('runs a query: names first, NULL without value, typed columns, statistics', async () => {
    const execution = await run(root, 'SELECT id, region, score FROM leads ORDER BY id LIMIT 3');
    expect(execution).toMatchObject({
      Status: { State: 'SUCCEEDED' },
      StatementType: 'DML',
      WorkGroup: 'primary',
      QueryExecutionContext: { Database: 'bank' },
    });
    expect(execution.Statistics!.DataScannedInBytes).toBeGreaterThan(0);
    expect(execution.ResultConfiguration!.OutputLocation).toMatch(/^s3:\/\/loch-query-results\/[0-9a-f]{32}\/.+\.csv$/);
    const results = await root.send(
      new athena.GetQueryResultsCommand({ QueryExecutionId: execution.QueryExecutionId }),
    );
    expect(rowsOf(results)).toEqual([
      ['id', 'region', 'score'],
      ['0', 'north', '0.00'],
      ['1', undefined, '0.25'],
      ['2', 'north', '0.50'],
    ]);
    expect(
      results.ResultSet!.ResultSetMetadata!.ColumnInfo!.map(({ Name, Type, Precision, Scale }) => [
        Name,
        Type,
        Precision,
        Scale,
      ]),
    ).toEqual([
      ['id', 'bigint', 19, 0],
      ['region', 'varchar', 2147483647, 0],
      ['score', 'decimal', 10, 2],
    ]);
  });

  it('pages so that every row comes once, whatever the page', async () => {
    const { QueryExecutionId } = await run(root, 'SELECT id FROM leads ORDER BY id');
    for (const MaxResults of [1, 2, 3, 7, 1000]) {
      const rows: (string | undefined)[][] = [];
      let NextToken: string | undefined;
      do {
        const page = await root.send(
          new athena.GetQueryResultsCommand({ QueryExecutionId, MaxResults, ...(NextToken ? { NextToken } : {}) }),
        );
        expect(page.ResultSet!.Rows!.length).toBeLessThanOrEqual(MaxResults);
        rows.push(...rowsOf(page));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      expect(rows.flat(), String(MaxResults)).toEqual(['id', '0', '1', '2', '3', '4', '5']);
    }
  });

  it('shows the analyst her rows, and nothing of the queries of others', async () => {
    const hers = await run(ann, 'SELECT count(*) FROM leads');
    const results = await ann.send(new athena.GetQueryResultsCommand({ QueryExecutionId: hers.QueryExecutionId }));
    expect(rowsOf(results)).toEqual([['_col0'], ['3']]);
    await lake.governance.identity.putInlinePolicy(
      lake.root,
      { kind: 'user', name: 'ann' },
      'inline',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['athena:Get*', 'athena:List*', 'athena:St*', 'athena:Batch*', 'glue:*'],
            Resource: '*',
          },
        ],
      }),
    );
    const other = await run(root, 'SELECT 1');
    for (const command of [
      new athena.GetQueryExecutionCommand({ QueryExecutionId: other.QueryExecutionId }),
      new athena.GetQueryResultsCommand({ QueryExecutionId: other.QueryExecutionId }),
      new athena.StopQueryExecutionCommand({ QueryExecutionId: other.QueryExecutionId }),
    ]) {
      expect(await nameOf(ann.send(command as athena.GetQueryExecutionCommand))).toBe('InvalidRequestException');
    }
    const batch = await ann.send(
      new athena.BatchGetQueryExecutionCommand({
        QueryExecutionIds: [hers.QueryExecutionId!, other.QueryExecutionId!],
      }),
    );
    expect(batch.QueryExecutions!.map((e) => e.QueryExecutionId)).toEqual([hers.QueryExecutionId]);
    expect(batch.UnprocessedQueryExecutionIds!.map((e) => e.QueryExecutionId)).toEqual([other.QueryExecutionId]);
    const listed = await ann.send(new athena.ListQueryExecutionsCommand({}));
    expect(listed.QueryExecutionIds).toEqual([hers.QueryExecutionId]);
  });

  it('tells a failure by number and reason', async () => {
    const failed = await run(root, 'SELECT nope FROM leads');
    expect(failed.Status).toMatchObject({
      State: 'FAILED',
      AthenaError: { ErrorCategory: 2, ErrorType: 1004, Retryable: false },
      StateChangeReason: expect.stringContaining('COLUMN_NOT_FOUND: line 1:8'),
    });
    const results = new athena.GetQueryResultsCommand({ QueryExecutionId: failed.QueryExecutionId });
    expect(await nameOf(root.send(results))).toBe('InvalidRequestException');
    const start = (input: athena.StartQueryExecutionInput) =>
      nameOf(root.send(new athena.StartQueryExecutionCommand(input)));
    expect(await start({ QueryString: '' })).toBe('InvalidRequestException');
    expect(await start({ QueryString: 'SELECT 1', WorkGroup: 'none' })).toBe('InvalidRequestException');
    expect(await start({ QueryString: `SELECT '${'x'.repeat(262_144)}'` })).toBe('InvalidRequestException');
    const elsewhere = { QueryString: 'SELECT 1', ResultConfiguration: { OutputLocation: 's3://no-such-bucket/x/' } };
    expect(await start(elsewhere)).toBe('InvalidRequestException');
  });

  it('shows work groups and the catalog', async () => {
    const group = await root.send(new athena.GetWorkGroupCommand({ WorkGroup: 'primary' }));
    expect(group.WorkGroup!.Configuration!.ResultConfiguration!.OutputLocation).toMatch(/^s3:\/\/loch-query-results\//);
    expect((await root.send(new athena.ListWorkGroupsCommand({}))).WorkGroups).toHaveLength(1);
    const databases = await root.send(new athena.ListDatabasesCommand({ CatalogName: 'AwsDataCatalog' }));
    expect(databases.DatabaseList!.map((database) => database.Name)).toEqual(['bank']);
    const tables = await root.send(
      new athena.ListTableMetadataCommand({ CatalogName: 'AwsDataCatalog', DatabaseName: 'bank' }),
    );
    expect(tables.TableMetadataList![0]!.Columns!.map((column) => column.Name)).toEqual(['id', 'region', 'score']);
  });
});
