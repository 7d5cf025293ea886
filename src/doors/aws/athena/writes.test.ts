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
let client: athena.AthenaClient;
let closeServer = () => {};

beforeAll(async () => {
  lake = await openQueryLake();
  const { governance, catalog } = lake;
  const useCases = {
    get queries() {
      return lake.consumption.queries;
    },
    catalog,
  };
  const door = createAwsDoor({
    services: [athenaService(useCases)],
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
  const key = await governance.ensureRootKey();
  client = new athena.AthenaClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    maxAttempts: 1,
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() },
  });
});
afterAll(async () => {
  closeServer();
  await lake.close();
});

async function run(sql: string, parameters?: string[]) {
  const { QueryExecutionId } = await client.send(
    new athena.StartQueryExecutionCommand({
      QueryString: sql,
      QueryExecutionContext: { Database: 'bank' },
      ...(parameters === undefined ? {} : { ExecutionParameters: parameters }),
    }),
  );
  for (;;) {
    const { QueryExecution } = await client.send(new athena.GetQueryExecutionCommand({ QueryExecutionId }));
    if (!['QUEUED', 'RUNNING'].includes(QueryExecution!.Status!.State!)) return QueryExecution!;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const resultsOf = (execution: athena.QueryExecution) =>
  client.send(new athena.GetQueryResultsCommand({ QueryExecutionId: execution.QueryExecutionId }));
const rowsOf = async (execution: athena.QueryExecution) =>
  (await resultsOf(execution)).ResultSet!.Rows!.map((row) => row.Data!.map((cell) => cell.VarCharValue));
const nameOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe('Statements that write, at the Athena door', () => {
  it('answer as Athena does: type, count, no rows, and a list of the files they wrote', async () => {
    const made = await run("CREATE TABLE w WITH (table_type = 'ICEBERG') AS SELECT 1 AS id, 'a' AS name");
    expect(made).toMatchObject({
      StatementType: 'DDL',
      SubstatementType: 'CREATE_TABLE_AS_SELECT',
      Status: { State: 'SUCCEEDED' },
    });
    for (const [sql, kind, count] of [
      ["INSERT INTO w VALUES (2, 'b'), (3, 'c')", 'INSERT', 2],
      ["UPDATE w SET name = 'z' WHERE id > 1", 'UPDATE', 2],
      [
        'MERGE INTO w USING (VALUES (9)) AS s(id) ON w.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)',
        'MERGE',
        1,
      ],
      ['DELETE FROM w WHERE id = 1', 'DELETE', 1],
    ] as const) {
      const execution = await run(sql);
      expect(execution, sql).toMatchObject({
        StatementType: 'DML',
        SubstatementType: kind,
        Status: { State: 'SUCCEEDED' },
      });
      expect(execution.Statistics!.DataManifestLocation).toMatch(/^s3:\/\/.*-manifest\.csv$/);
      const results = await resultsOf(execution);
      expect(results.UpdateCount, sql).toBe(count);
      expect(results.ResultSet!.Rows).toEqual([]);
      expect(results.ResultSet!.ResultSetMetadata!.ColumnInfo).toMatchObject([{ Name: 'rows', Type: 'bigint' }]);
    }
    expect(await rowsOf(await run('SELECT id, name FROM w ORDER BY id'))).toEqual([
      ['id', 'name'],
      ['2', 'z'],
      ['3', 'z'],
      ['9', undefined],
    ]);
  });

  it('take parameters as values, never as text', async () => {
    await run('INSERT INTO w VALUES (?, ?)', ['20', "'x'' or 1=1'"]);
    await run('DELETE FROM w WHERE name = ?', ["'y'' or ''1''=''1'"]);
    expect(await rowsOf(await run('SELECT name FROM w WHERE id = ?', ['20']))).toEqual([['name'], ["x' or 1=1"]]);
    expect(await nameOf(run('DELETE FROM w WHERE id = ?', ['20', '30']))).toMatch(
      /^InvalidRequestException: .*1 parameters; 2/,
    );
  });
});

describe('Prepared statements', () => {
  it('are made, run, listed, changed and dropped, by API and by statement', async () => {
    const WorkGroup = 'primary';
    const send = client.send.bind(client);
    await send(
      new athena.CreatePreparedStatementCommand({
        WorkGroup,
        StatementName: 'add_row',
        QueryStatement: 'INSERT INTO w VALUES (?, ?)',
        Description: 'adds',
      }),
    );
    expect(await run("EXECUTE add_row USING 30, 'p'")).toMatchObject({
      SubstatementType: 'INSERT',
      Status: { State: 'SUCCEEDED' },
    });
    expect(await run('EXECUTE add_row', ['31', "'q'"])).toMatchObject({ Status: { State: 'SUCCEEDED' } });
    expect(await run('PREPARE by_id FROM SELECT name FROM w WHERE id = ?')).toMatchObject({
      Status: { State: 'SUCCEEDED' },
    });
    expect(await rowsOf(await run('EXECUTE by_id USING 31'))).toEqual([['name'], ['q']]);
    expect(await nameOf(run('EXECUTE by_id'))).toMatch(/^InvalidRequestException: .*1 parameters; 0/);
    expect(await nameOf(run('EXECUTE nothing'))).toMatch(/^InvalidRequestException: .*`nothing`/);
    const listed = await send(new athena.ListPreparedStatementsCommand({ WorkGroup, MaxResults: 1 }));
    expect(listed.PreparedStatements!.map((one) => one.StatementName)).toEqual(['add_row']);
    const rest = await send(new athena.ListPreparedStatementsCommand({ WorkGroup, NextToken: listed.NextToken }));
    expect(rest.PreparedStatements!.map((one) => one.StatementName)).toEqual(['by_id']);
    await send(
      new athena.UpdatePreparedStatementCommand({ WorkGroup, StatementName: 'add_row', QueryStatement: 'SELECT 1' }),
    );
    const { PreparedStatement } = await send(
      new athena.GetPreparedStatementCommand({ WorkGroup, StatementName: 'add_row' }),
    );
    expect(PreparedStatement).toMatchObject({ QueryStatement: 'SELECT 1', WorkGroupName: WorkGroup });
    const batch = await send(
      new athena.BatchGetPreparedStatementCommand({ WorkGroup, PreparedStatementNames: ['by_id', 'nothing'] }),
    );
    expect(batch.PreparedStatements!.map((one) => one.StatementName)).toEqual(['by_id']);
    expect(batch.UnprocessedPreparedStatementNames).toMatchObject([{ StatementName: 'nothing' }]);
    await run('DEALLOCATE PREPARE by_id');
    await send(new athena.DeletePreparedStatementCommand({ WorkGroup, StatementName: 'add_row' }));
    expect(await nameOf(send(new athena.GetPreparedStatementCommand({ WorkGroup, StatementName: 'by_id' })))).toMatch(
      /^InvalidRequestException/,
    );
    expect(
      await nameOf(
        send(new athena.CreatePreparedStatementCommand({ WorkGroup, StatementName: '1x', QueryStatement: 'SELECT 1' })),
      ),
    ).toMatch(/no name for a prepared statement/);
    await run('PREPARE kept FROM SELECT ?');
    await lake.reopenConsumption();
    expect(await lake.consumption.queries.prepared.get(lake.root, 'kept')).toMatchObject({ sql: 'SELECT ?' });
  });
});
