import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { setTimeout as sleep } from 'node:timers/promises';

/** The first page of rows of a statement through the Athena API, without the header. **Errors**: why it failed. */
export async function athenaRows(
  sdk: NonNullable<ConstructorParameters<typeof AthenaClient>[0]>,
  sql: string,
  database: string,
): Promise<readonly (readonly (string | undefined)[])[]> {
  const athena = new AthenaClient(sdk);
  const request = { QueryString: sql, QueryExecutionContext: { Database: database } };
  const { QueryExecutionId } = await athena.send(new StartQueryExecutionCommand(request));
  for (;;) {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const state = QueryExecution?.Status?.State;
    if (state === 'SUCCEEDED') break;
    if (state === 'FAILED' || state === 'CANCELLED') throw new Error(QueryExecution?.Status?.StateChangeReason);
    await sleep(20);
  }
  const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
  return (ResultSet?.Rows ?? []).slice(1).map((row) => row.Data!.map((cell) => cell.VarCharValue));
}
