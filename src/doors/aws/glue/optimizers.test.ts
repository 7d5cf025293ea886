/** Table optimizers through the Glue door, over a real engine. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BatchGetTableOptimizerCommand,
  CreateTableOptimizerCommand,
  DeleteTableOptimizerCommand,
  GetTableOptimizerCommand,
  GlueClient,
  ListTableOptimizerRunsCommand,
  UpdateTableOptimizerCommand,
} from '@aws-sdk/client-glue';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { createEventBus } from '../../../core/events.ts';
import { failureOf } from '../../../testing/builders/glue-door.ts';
import { TEST_ACCOUNT } from '../../../testing/builders/test-lake.ts';
import { openTestProcessing } from '../../../testing/builders/test-processing.ts';
import { createAwsDoor } from '../index.ts';
import { glueService } from './service.ts';

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
  const { catalog, crawlers, maintenance } = lake;
  const door = createAwsDoor({
    services: [glueService({ catalog, crawlers, maintenance })],
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
