import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineCommand } from 'citty';
import { LochError } from '../../core/errors.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';
import { renderTable } from '../table.ts';

/** Runs one statement through the Athena door and prints its rows. */
export const query = defineCommand({
  meta: { name: 'query', description: 'Run a SQL statement (Athena dialect) and print the rows' },
  args: {
    ...dataFlag,
    sql: { type: 'positional', required: true, description: 'The statement' },
    database: { type: 'string', description: 'Database of unqualified names (default: curated)' },
    dialect: { type: 'string', description: 'athena or duckdb (default: athena)' },
    limit: { type: 'string', description: 'Rows to print (default: 100)' },
    csv: { type: 'boolean', description: 'Print CSV' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const client = clientOf(data, requireServer(data));
      const dialect = args.dialect ?? 'athena';
      if (dialect !== 'athena' && dialect !== 'duckdb') {
        throw new LochError('invalid_argument', `Unknown dialect \`${dialect}\`. Known: athena, duckdb.`);
      }
      const athena = new AthenaClient(client.sdk);
      const database = args.database ?? 'curated';
      const id =
        dialect === 'athena'
          ? (
              await athena.send(
                new StartQueryExecutionCommand({
                  QueryString: args.sql,
                  QueryExecutionContext: { Database: database },
                }),
              )
            ).QueryExecutionId!
          : (await client.call<{ id: string }>('POST', '/api/queries', { sql: args.sql, database, dialect })).id;
      process.once('SIGINT', () => void athena.send(new StopQueryExecutionCommand({ QueryExecutionId: id })));
      const execution = await finished(athena, id);
      const limit = Number(args.limit ?? 100);
      const { header, rows } = await firstRows(athena, id, limit);
      print(args.csv ? toCsv(header, rows) : renderTable(header, rows));
      const { TotalExecutionTimeInMillis, DataScannedInBytes } = execution.Statistics ?? {};
      process.stderr.write(
        `${rows.length} rows${rows.length === limit ? ` (--limit ${limit})` : ''}, ${TotalExecutionTimeInMillis} ms, ${DataScannedInBytes} bytes scanned, query ${id}\n`,
      );
    }),
});

async function finished(athena: AthenaClient, id: string) {
  for (let wait = 10; ; wait = Math.min(500, wait * 1.5)) {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
    const state = QueryExecution?.Status?.State;
    if (state === 'SUCCEEDED') return QueryExecution!;
    if (state === 'FAILED' || state === 'CANCELLED') {
      throw new LochError(
        'statement_failed',
        `${state}: ${QueryExecution?.Status?.StateChangeReason ?? 'no reason given'} (query ${id})`,
      );
    }
    await sleep(wait);
  }
}

async function firstRows(athena: AthenaClient, id: string, limit: number) {
  const rows: (string | null)[][] = [];
  let header: string[] | undefined;
  let token: string | undefined;
  do {
    const page = await athena.send(
      new GetQueryResultsCommand({
        QueryExecutionId: id,
        MaxResults: Math.min(1000, limit + 1),
        ...(token ? { NextToken: token } : {}),
      }),
    );
    const found = (page.ResultSet?.Rows ?? []).map((row) => (row.Data ?? []).map((cell) => cell.VarCharValue ?? null));
    const names = (page.ResultSet?.ResultSetMetadata?.ColumnInfo ?? []).map((column) => column.Name ?? '');
    if (header === undefined) {
      header = names;
      // For SELECT the first row of the first page repeats the names.
      if (found[0]?.every((cell, i) => cell === names[i])) found.shift();
    }
    rows.push(...found);
    token = page.NextToken;
  } while (token !== undefined && rows.length < limit);
  return { header: header ?? [], rows: rows.slice(0, limit) };
}

function toCsv(header: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  const cell = (value: string | null) => (value === null ? '' : `"${value.replaceAll('"', '""')}"`);
  return [header, ...rows].map((row) => row.map(cell).join(',')).join('\n');
}
