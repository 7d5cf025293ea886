/** Asking the lake as a person would: the official Athena client, and the result file in the result bucket. */
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  type QueryExecution,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { GlueClient, SearchTablesCommand } from '@aws-sdk/client-glue';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RootKey } from '../src/cli/server-file.ts';
import type { Lake } from './lake.ts';

/** The answer to one statement. */
export interface Answer {
  readonly header: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly execution: QueryExecution;
}

/** Runs a statement as `who` (root when left out) and reads the first page of its result. */
export async function ask(lake: Lake, sql: string, who?: RootKey): Promise<Answer> {
  const sdk = () => ({ ...lake.client.sdk, ...(who === undefined ? {} : { credentials: who }) });
  const start = new StartQueryExecutionCommand({ QueryString: sql, QueryExecutionContext: { Database: 'curated' } });
  const { QueryExecutionId } = await lake.through(() => new AthenaClient(sdk()).send(start));
  for (;;) {
    const { QueryExecution: execution } = await lake.through(() =>
      new AthenaClient(sdk()).send(new GetQueryExecutionCommand({ QueryExecutionId })),
    );
    const state = execution?.Status?.State;
    if (state === 'FAILED' || state === 'CANCELLED')
      throw new Error(`${state}: ${execution?.Status?.StateChangeReason}\n${sql}`);
    if (state === 'SUCCEEDED') {
      const { ResultSet } = await lake.through(() =>
        new AthenaClient(sdk()).send(new GetQueryResultsCommand({ QueryExecutionId })),
      );
      const rows = (ResultSet?.Rows ?? []).map((row) => (row.Data ?? []).map((cell) => cell.VarCharValue ?? null));
      return { header: (rows[0] ?? []).map(String), rows: rows.slice(1), execution: execution! };
    }
    await sleep(30);
  }
}

/** SHA-256 over the rows of a table in the order of its key, from the result CSV of the statement. */
export async function tableHash(lake: Lake, table: string, key: string): Promise<{ rows: number; hash: string }> {
  const { execution } = await ask(lake, `SELECT * FROM ${table} ORDER BY ${key}`);
  const location = new URL(execution.ResultConfiguration!.OutputLocation!);
  const { Body } = await lake.through(() =>
    new S3Client(lake.client.sdk).send(
      new GetObjectCommand({ Bucket: location.host, Key: decodeURIComponent(location.pathname.slice(1)) }),
    ),
  );
  const text = await Body!.transformToString();
  return { rows: text.trimEnd().split('\n').length - 1, hash: createHash('sha256').update(text).digest('hex') };
}

/** Names of the tables that a search of the catalog finds. */
export async function search(lake: Lake, text: string): Promise<string[]> {
  const { TableList } = await lake.through(() =>
    new GlueClient(lake.client.sdk).send(new SearchTablesCommand({ SearchText: text })),
  );
  return (TableList ?? []).map((table) => `${table.DatabaseName}.${table.Name}`);
}

/** Events of a user in the audit trail. */
export async function eventsOf(lake: Lake, username: string, eventName: string): Promise<{ errorCode?: string }[]> {
  const { Events } = await lake.through(() =>
    new CloudTrailClient(lake.client.sdk).send(
      new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: 'Username', AttributeValue: username }] }),
    ),
  );
  return (Events ?? [])
    .filter((event) => event.EventName === eventName)
    .map((event) => JSON.parse(event.CloudTrailEvent ?? '{}') as { errorCode?: string });
}
