/** Table optimizers and runs of column statistics through the Glue door, over a real engine. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BatchGetTableOptimizerCommand,
  CreateTableOptimizerCommand,
  DeleteTableOptimizerCommand,
  GetColumnStatisticsForTableCommand,
  GetColumnStatisticsTaskRunCommand,
  GetColumnStatisticsTaskRunsCommand,
  GetTableOptimizerCommand,
  GlueClient,
  ListColumnStatisticsTaskRunsCommand,
  ListTableOptimizerRunsCommand,
  StartColumnStatisticsTaskRunCommand,
  StopColumnStatisticsTaskRunCommand,
  UpdateTableOptimizerCommand,
} from '@aws-sdk/client-glue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { createEventBus } from '../../../core/events.ts';
import { failureOf } from '../../../testing/builders/glue-door.ts';
import { TEST_ACCOUNT } from '../../../testing/builders/test-lake.ts';
import { openTestProcessing } from '../../../testing/builders/test-processing.ts';
import { createAwsDoor } from '../index.ts';
import { glueService } from './service.ts';
import { decimalText } from './statistics-shapes.ts';

let lake: Awaited<ReturnType<typeof openTestProcessing>>;
let server: Server;
let glue: GlueClient;
const at = { CatalogId: TEST_ACCOUNT, DatabaseName: 'd', TableName: 'events' };

beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' });
  await lake.jobs.put(lake.root, {
    kind: 'sql',
    name: 'fill',
    sql: 'SELECT range AS id FROM range(10)',
    dialect: 'duckdb',
    target: { database: 'd', table: 'events' },
    mode: 'append',
  });
  for (let i = 0; i < 3; i++) {
    const { id } = await lake.jobs.start(lake.root, 'fill');
    await lake.jobs.wait(id, lake.root.signal);
  }
  const { identities, audit } = lake.governance;
  const { catalog, crawlers, maintenance, statistics } = lake;
  const door = createAwsDoor({
    services: [glueService({ catalog, crawlers, maintenance, statistics })],
    identities,
    audit,
    events: createEventBus((error) => {
      throw error;
    }),
    clock: systemClock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
  });
  server = createServer((request, response) => void door(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const key = await lake.governance.ensureRootKey();
  glue = new GlueClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await lake.close();
});

it('compacts, tells its runs, is changed and deleted', async () => {
  const roleArn = `arn:aws:iam::${TEST_ACCOUNT}:role/optimizer`;
  await glue.send(
    new CreateTableOptimizerCommand({
      ...at,
      Type: 'compaction',
      TableOptimizerConfiguration: {
        roleArn,
        enabled: true,
        compactionConfiguration: { icebergConfiguration: { strategy: 'binpack', minInputFiles: 2 } },
      },
    }),
  );
  await lake.runDueMaintenance();
  const { TableOptimizer } = await glue.send(new GetTableOptimizerCommand({ ...at, Type: 'compaction' }));
  expect(TableOptimizer).toMatchObject({
    type: 'compaction',
    configuration: {
      roleArn,
      enabled: true,
      compactionConfiguration: {
        icebergConfiguration: { strategy: 'binpack', minInputFiles: 2, deleteFileThreshold: 1 },
      },
    },
    lastRun: {
      eventType: 'completed',
      compactionStrategy: 'binpack',
      compactionMetrics: { IcebergMetrics: { NumberOfFilesCompacted: 3 } },
    },
  });
  const { TableOptimizerRuns } = await glue.send(new ListTableOptimizerRunsCommand({ ...at, Type: 'compaction' }));
  expect(TableOptimizerRuns).toHaveLength(1);
  expect(await lake.rows('SELECT count(*) FROM d.events')).toEqual([['30']]);
  await glue.send(
    new UpdateTableOptimizerCommand({
      ...at,
      Type: 'compaction',
      TableOptimizerConfiguration: { roleArn, enabled: false },
    }),
  );
  const { TableOptimizers, Failures } = await glue.send(
    new BatchGetTableOptimizerCommand({
      Entries: [
        { catalogId: TEST_ACCOUNT, databaseName: 'd', tableName: 'events', type: 'compaction' },
        { catalogId: TEST_ACCOUNT, databaseName: 'd', tableName: 'events', type: 'retention' },
      ],
    }),
  );
  expect(TableOptimizers).toMatchObject([
    { tableName: 'events', tableOptimizer: { configuration: { enabled: false } } },
  ]);
  expect(Failures).toMatchObject([{ type: 'retention', error: { ErrorCode: 'EntityNotFoundException' } }]);
  await glue.send(new DeleteTableOptimizerCommand({ ...at, Type: 'compaction' }));
  const gone = glue.send(new GetTableOptimizerCommand({ ...at, Type: 'compaction' }));
  expect(await failureOf(gone)).toMatchObject({ name: 'EntityNotFoundException' });
});

it('expires snapshots and looks for orphans by its own settings', async () => {
  const make = (Type: 'retention' | 'orphan_file_deletion', TableOptimizerConfiguration: object) =>
    glue.send(new CreateTableOptimizerCommand({ ...at, Type, TableOptimizerConfiguration }));
  await make('retention', {
    enabled: true,
    retentionConfiguration: {
      icebergConfiguration: { snapshotRetentionPeriodInDays: 7, numberOfSnapshotsToRetain: 2, runRateInHours: 12 },
    },
  });
  await make('orphan_file_deletion', {
    enabled: true,
    orphanFileDeletionConfiguration: { icebergConfiguration: { orphanFileRetentionPeriodInDays: 4 } },
  });
  await lake.runDueMaintenance();
  const retention = await glue.send(new GetTableOptimizerCommand({ ...at, Type: 'retention' }));
  expect(retention.TableOptimizer).toMatchObject({
    configuration: {
      retentionConfiguration: {
        icebergConfiguration: {
          snapshotRetentionPeriodInDays: 7,
          numberOfSnapshotsToRetain: 2,
          cleanExpiredFiles: true,
          runRateInHours: 12,
        },
      },
    },
    lastRun: { eventType: 'completed', retentionMetrics: { IcebergMetrics: { NumberOfDataFilesDeleted: 0 } } },
  });
  const orphans = await glue.send(new GetTableOptimizerCommand({ ...at, Type: 'orphan_file_deletion' }));
  expect(orphans.TableOptimizer?.lastRun).toMatchObject({
    eventType: 'completed',
    orphanFileDeletionMetrics: { IcebergMetrics: { NumberOfOrphanFilesDeleted: 0 } },
  });
  expect(await failureOf(make('retention', { enabled: true }))).toMatchObject({ name: 'AlreadyExistsException' });
  const vpc = make('retention', { enabled: true, vpcConfiguration: { glueConnectionName: 'x' } });
  expect(await failureOf(vpc)).toMatchObject({ name: 'OperationNotSupportedException' });
});

describe('runs of column statistics', () => {
  const table = { DatabaseName: 'd', TableName: 'measured' };
  const Role = 'analyst';

  it('compute what all the rows say, for every kind of column', async () => {
    await lake.jobs.put(lake.root, {
      kind: 'sql',
      name: 'measured',
      sql: `SELECT range AS id, CASE WHEN range % 10 = 0 THEN NULL ELSE 'n' || (range % 700) END AS name,
        CAST(range / 4.0 AS DECIMAL(12,2)) AS price, range % 3 = 0 AS flag, DATE '2026-01-01' + CAST(range % 30 AS INTEGER) AS day,
        CASE WHEN range = 5 THEN 'nan'::DOUBLE ELSE range * -1.5 END AS ratio, TIMESTAMP '2026-01-01 00:00:00' + INTERVAL (range) SECOND AS moment,
        encode('ab') AS raw FROM range(2000)`,
      dialect: 'duckdb',
      target: { database: 'd', table: 'measured' },
      mode: 'overwrite',
    });
    const job = await lake.jobs.start(lake.root, 'measured');
    expect((await lake.jobs.wait(job.id, lake.root.signal)).state).toBe('SUCCEEDED');
    const { ColumnStatisticsTaskRunId: id } = await glue.send(
      new StartColumnStatisticsTaskRunCommand({ ...table, Role }),
    );
    await lake.statistics.wait(id!, lake.root.signal);
    const { ColumnStatisticsTaskRun } = await glue.send(
      new GetColumnStatisticsTaskRunCommand({ ColumnStatisticsTaskRunId: id }),
    );
    expect(ColumnStatisticsTaskRun).toMatchObject({ Status: 'SUCCEEDED', TableName: 'measured', Role });
    const ColumnNames = ['id', 'name', 'price', 'flag', 'day', 'ratio', 'moment', 'raw'];
    const { ColumnStatisticsList, Errors } = await glue.send(
      new GetColumnStatisticsForTableCommand({ ...table, ColumnNames }),
    );
    expect(Errors).toEqual([]);
    const found = Object.fromEntries(
      ColumnStatisticsList!.map((one) => [one.ColumnName, Object.values(one.StatisticsData!)[1]]),
    );
    const price = found.price as { MinimumValue: object; MaximumValue: object };
    expect(found).toMatchObject({
      id: { MinimumValue: 0, MaximumValue: 1999, NumberOfNulls: 0, NumberOfDistinctValues: 2000 },
      name: { NumberOfNulls: 200, NumberOfDistinctValues: 630, MaximumLength: 4 },
      price: { NumberOfNulls: 0, NumberOfDistinctValues: 2000 },
      flag: { NumberOfTrues: 667, NumberOfFalses: 1333, NumberOfNulls: 0 },
      day: { MinimumValue: new Date('2026-01-01'), MaximumValue: new Date('2026-01-30'), NumberOfDistinctValues: 30 },
      ratio: { MinimumValue: -2998.5, NumberOfDistinctValues: 2000 },
      moment: { MinimumValue: 1767225600, MaximumValue: 1767227599, NumberOfDistinctValues: 2000 },
      raw: { MaximumLength: 2, AverageLength: 2, NumberOfNulls: 0 },
    });
    expect([decimalText(price.MinimumValue as never), decimalText(price.MaximumValue as never)].map(Number)).toEqual([
      0, 499.75,
    ]);
  });

  it('are listed by table, refused for columns there are none of, and fail by name', async () => {
    const { ColumnStatisticsTaskRuns } = await glue.send(new GetColumnStatisticsTaskRunsCommand(table));
    expect(ColumnStatisticsTaskRuns).toHaveLength(1);
    expect((await glue.send(new ListColumnStatisticsTaskRunsCommand({}))).ColumnStatisticsTaskRunIds).toHaveLength(1);
    const start = (input: object) =>
      failureOf(glue.send(new StartColumnStatisticsTaskRunCommand({ ...table, Role, ...input })));
    expect(await start({ ColumnNameList: ['none'] })).toMatchObject({ name: 'InvalidInputException' });
    expect(await start({ SampleSize: 10 })).toMatchObject({ name: 'OperationNotSupportedException' });
    expect(await start({ TableName: 'absent' })).toMatchObject({ name: 'EntityNotFoundException' });
    const idle = glue.send(new StopColumnStatisticsTaskRunCommand(table));
    expect(await failureOf(idle)).toMatchObject({ name: 'ColumnStatisticsTaskNotRunningException' });
  });

  it('go on after a restart', async () => {
    const run = await lake.statistics.start(
      lake.root,
      { database: 'd', table: 'measured' },
      { role: Role, columns: ['id'] },
    );
    await lake.reopen();
    expect(await lake.statistics.wait(run.id, lake.root.signal)).toMatchObject({ state: 'SUCCEEDED' });
  });
});
