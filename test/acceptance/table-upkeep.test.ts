/** OPTIMIZE and VACUUM through the Athena door of a running Loch: each leaves the runs that Glue shows. */
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from '@aws-sdk/client-athena';
import {
  CreateDatabaseCommand,
  CreateTableCommand,
  GetTableCommand,
  GlueClient,
  ListTableOptimizerRunsCommand,
} from '@aws-sdk/client-glue';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';

let loch: RunningLoch;
let athena: AthenaClient;
let glue: GlueClient;
beforeAll(async () => {
  loch = await startLoch();
  const common = { region: loch.server.region, endpoint: loch.server.awsUrl, credentials: loch.client.sdk.credentials };
  athena = new AthenaClient(common);
  glue = new GlueClient(common);
  const s3 = new S3Client({ ...common, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: 'upkeep' }));
  s3.destroy();
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'kept', LocationUri: 's3://upkeep/kept/' } }));
  await glue.send(
    new CreateTableCommand({
      DatabaseName: 'kept',
      TableInput: {
        Name: 'events',
        TableType: 'EXTERNAL_TABLE',
        StorageDescriptor: { Columns: [{ Name: 'id', Type: 'bigint' }], Location: 's3://upkeep/kept/events' },
      },
      OpenTableFormatInput: { IcebergInput: { MetadataOperation: 'CREATE', Version: '2' } },
    }),
  );
}, 60_000);
afterAll(() => loch?.stop());

async function query(QueryString: string) {
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({ QueryString, QueryExecutionContext: { Database: 'kept' } }),
  );
  for (;;) {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { State, StateChangeReason } = QueryExecution!.Status!;
    if (State === 'FAILED' || State === 'CANCELLED') return { state: State, reason: StateChangeReason };
    if (State === 'SUCCEEDED') {
      const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
      return { state: State, kind: QueryExecution!.SubstatementType, rows: ResultSet!.Rows!.length };
    }
    await sleep(20);
  }
}

it('OPTIMIZE and VACUUM run over Athena, and refuse by name what they do not do', async () => {
  expect(await query('OPTIMIZE kept.events REWRITE DATA USING BIN_PACK')).toMatchObject({
    state: 'SUCCEEDED',
    kind: 'OPTIMIZE',
  });
  expect(await query('vacuum events')).toMatchObject({ state: 'SUCCEEDED', kind: 'VACUUM' });
  await glue.send(
    new CreateTableCommand({
      DatabaseName: 'kept',
      TableInput: {
        Name: 'plain',
        Parameters: { classification: 'csv' },
        StorageDescriptor: { Columns: [{ Name: 'a', Type: 'int' }], Location: 's3://upkeep/kept/plain/' },
      },
    }),
  );
  expect((await query('VACUUM plain')).reason).toContain('Iceberg');
  expect((await query('VACUUM nothing')).reason).toContain('nothing');
  const narrowed = query('OPTIMIZE events REWRITE DATA USING BIN_PACK WHERE id = 1').catch((error: Error) => ({
    reason: error.message,
  }));
  expect((await narrowed).reason).toContain('WHERE');
  const { Table } = await glue.send(new GetTableCommand({ DatabaseName: 'kept', Name: 'events' }));
  for (const Type of ['compaction', 'retention', 'orphan_file_deletion'] as const) {
    const { TableOptimizerRuns } = await glue.send(
      new ListTableOptimizerRunsCommand({
        CatalogId: Table!.CatalogId,
        DatabaseName: 'kept',
        TableName: 'events',
        Type,
      }),
    );
    expect(TableOptimizerRuns?.map((run) => run.eventType)).toEqual(['completed']);
  }
});
