import type {
  BatchGetTableOptimizerRequest,
  BatchGetTableOptimizerResponse,
  CreateTableOptimizerRequest,
  DeleteTableOptimizerRequest,
  GetTableOptimizerRequest,
  GetTableOptimizerResponse,
  ListTableOptimizerRunsRequest,
  ListTableOptimizerRunsResponse,
  TableOptimizer,
  TableOptimizerConfiguration,
  TableOptimizerRun,
  UpdateTableOptimizerRequest,
} from '@aws-sdk/client-glue';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import type {
  OptimizerConfiguration,
  OptimizerRecord,
  OptimizerRun,
  OptimizerType,
  TableMaintenance,
} from '../../../processing/contract.ts';
import type { OperationSpec } from '../service.ts';
import { errorDetail } from './errors.ts';
import { checkBatch, checkCatalog, isText, pageSize, positionOf, tokenOf } from './pages.ts';

const PAGE = 100;
const HOUR_MS = 3_600_000;

/** **Errors**: `unsupported` naming what would not be heeded. */
function toConfiguration(given: TableOptimizerConfiguration): OptimizerConfiguration {
  if (given.vpcConfiguration !== undefined) {
    throw new LochError('unsupported', '`vpcConfiguration` is not supported: there is no VPC here. Leave it out.');
  }
  const compaction = given.compactionConfiguration?.icebergConfiguration;
  const retention = given.retentionConfiguration?.icebergConfiguration;
  const orphans = given.orphanFileDeletionConfiguration?.icebergConfiguration;
  const rate = retention?.runRateInHours ?? orphans?.runRateInHours;
  return {
    enabled: given.enabled !== false,
    ...(given.roleArn === undefined ? {} : { role: given.roleArn }),
    ...(compaction === undefined
      ? {}
      : {
          compaction: {
            ...(compaction.strategy === undefined ? {} : { strategy: compaction.strategy as 'binpack' | 'sort' }),
            ...(compaction.minInputFiles === undefined ? {} : { minFiles: compaction.minInputFiles }),
            ...(compaction.deleteFileThreshold === undefined
              ? {}
              : { deleteFileThreshold: compaction.deleteFileThreshold }),
          },
        }),
    ...(retention === undefined
      ? {}
      : {
          retention: {
            ...(retention.snapshotRetentionPeriodInDays === undefined
              ? {}
              : { snapshotDays: retention.snapshotRetentionPeriodInDays }),
            ...(retention.numberOfSnapshotsToRetain === undefined
              ? {}
              : { snapshotsKept: retention.numberOfSnapshotsToRetain }),
            ...(retention.cleanExpiredFiles === undefined ? {} : { cleanFiles: retention.cleanExpiredFiles }),
          },
        }),
    ...(orphans === undefined
      ? {}
      : {
          orphans: {
            ...(orphans.orphanFileRetentionPeriodInDays === undefined
              ? {}
              : { olderThanDays: orphans.orphanFileRetentionPeriodInDays }),
            ...(orphans.location === undefined ? {} : { location: orphans.location }),
          },
        }),
    ...(rate === undefined ? {} : { everyHours: rate }),
  };
}

function fromConfiguration(record: OptimizerRecord): TableOptimizerConfiguration {
  const { configuration, type } = record;
  const rate = configuration.everyHours ?? 24;
  return {
    enabled: configuration.enabled,
    roleArn: configuration.role ?? record.actsAs,
    ...(type !== 'compaction'
      ? {}
      : {
          compactionConfiguration: {
            icebergConfiguration: {
              strategy: configuration.compaction?.strategy ?? 'binpack',
              minInputFiles: configuration.compaction?.minFiles ?? 100,
              deleteFileThreshold: configuration.compaction?.deleteFileThreshold ?? 1,
            },
          },
        }),
    ...(type !== 'retention'
      ? {}
      : {
          retentionConfiguration: {
            icebergConfiguration: {
              snapshotRetentionPeriodInDays: configuration.retention?.snapshotDays ?? 5,
              numberOfSnapshotsToRetain: configuration.retention?.snapshotsKept ?? 1,
              cleanExpiredFiles: configuration.retention?.cleanFiles ?? true,
              runRateInHours: rate,
            },
          },
        }),
    ...(type !== 'orphan_file_deletion'
      ? {}
      : {
          orphanFileDeletionConfiguration: {
            icebergConfiguration: {
              orphanFileRetentionPeriodInDays: configuration.orphans?.olderThanDays ?? 3,
              ...(configuration.orphans?.location === undefined ? {} : { location: configuration.orphans.location }),
              runRateInHours: rate,
            },
          },
        }),
  };
}

const EVENTS = { STARTING: 'starting', IN_PROGRESS: 'in_progress', COMPLETED: 'completed', FAILED: 'failed' } as const;

function fromRun(run: OptimizerRun): TableOptimizerRun {
  const { metrics = {} } = run;
  const hours = { JobDurationInHour: ((run.endedAt ?? run.startedAt) - run.startedAt) / HOUR_MS };
  const measured = run.metrics === undefined ? undefined : run.type;
  return {
    eventType: EVENTS[run.state],
    startTimestamp: new Date(run.startedAt),
    ...(run.endedAt === undefined ? {} : { endTimestamp: new Date(run.endedAt) }),
    ...(run.error === undefined ? {} : { error: run.error }),
    ...(run.strategy === undefined ? {} : { compactionStrategy: run.strategy }),
    ...(measured !== 'compaction'
      ? {}
      : {
          compactionMetrics: {
            IcebergMetrics: {
              NumberOfBytesCompacted: metrics.bytesCompacted ?? 0,
              NumberOfFilesCompacted: metrics.filesCompacted ?? 0,
              ...hours,
            },
          },
        }),
    ...(measured !== 'retention'
      ? {}
      : {
          retentionMetrics: {
            IcebergMetrics: {
              NumberOfDataFilesDeleted: metrics.dataFilesDeleted ?? 0,
              NumberOfManifestFilesDeleted: metrics.manifestsDeleted ?? 0,
              NumberOfManifestListsDeleted: metrics.manifestListsDeleted ?? 0,
              ...hours,
            },
          },
        }),
    ...(measured !== 'orphan_file_deletion'
      ? {}
      : {
          orphanFileDeletionMetrics: {
            IcebergMetrics: { NumberOfOrphanFilesDeleted: metrics.orphansDeleted ?? 0, ...hours },
          },
        }),
  };
}

const fromOptimizer = (record: OptimizerRecord): TableOptimizer => ({
  type: record.type,
  configuration: fromConfiguration(record),
  ...(record.lastRun === undefined ? {} : { lastRun: fromRun(record.lastRun) }),
  configurationSource: 'table',
});

interface Named {
  readonly CatalogId: string | undefined;
  readonly DatabaseName: string | undefined;
  readonly TableName: string | undefined;
}

function nameOf(context: RequestContext, input: Named) {
  checkCatalog(context, input.CatalogId);
  return { database: input.DatabaseName!, table: input.TableName! };
}

async function batchGet(
  maintenance: TableMaintenance,
  context: RequestContext,
  input: BatchGetTableOptimizerRequest,
): Promise<BatchGetTableOptimizerResponse> {
  checkBatch(input.Entries, 100, 'Entries');
  const TableOptimizers: NonNullable<BatchGetTableOptimizerResponse['TableOptimizers']> = [];
  const Failures: NonNullable<BatchGetTableOptimizerResponse['Failures']> = [];
  for (const entry of input.Entries ?? []) {
    const { catalogId, databaseName = '', tableName = '', type } = entry;
    const named = { ...(catalogId === undefined ? {} : { catalogId }), databaseName, tableName };
    try {
      checkCatalog(context, catalogId);
      const name = { database: databaseName, table: tableName };
      const record = await maintenance.get(context, name, type as OptimizerType);
      TableOptimizers.push({ ...named, tableOptimizer: fromOptimizer(record) });
    } catch (error) {
      if (!isLochError(error) || error.kind === 'internal') throw error;
      Failures.push({ ...named, ...(type === undefined ? {} : { type }), error: errorDetail(error) });
    }
  }
  return { TableOptimizers, Failures };
}

/** Operations on optimizers: the upkeep of tables. */
export function optimizerOperations(maintenance: TableMaintenance): Record<string, OperationSpec> {
  return {
    CreateTableOptimizer: {
      partial: 'no VPC; strategies binpack and sort',
      async run(context: RequestContext, input: CreateTableOptimizerRequest) {
        const configuration = toConfiguration(input.TableOptimizerConfiguration ?? {});
        await maintenance.create(context, nameOf(context, input), input.Type!, configuration);
        return {};
      },
    },
    UpdateTableOptimizer: {
      partial: 'as CreateTableOptimizer',
      async run(context: RequestContext, input: UpdateTableOptimizerRequest) {
        const configuration = toConfiguration(input.TableOptimizerConfiguration ?? {});
        await maintenance.update(context, nameOf(context, input), input.Type!, configuration);
        return {};
      },
    },
    DeleteTableOptimizer: {
      async run(context: RequestContext, input: DeleteTableOptimizerRequest) {
        await maintenance.delete(context, nameOf(context, input), input.Type!);
        return {};
      },
    },
    GetTableOptimizer: {
      readOnly: true,
      async run(context: RequestContext, input: GetTableOptimizerRequest): Promise<GetTableOptimizerResponse> {
        const record = await maintenance.get(context, nameOf(context, input), input.Type!);
        return {
          CatalogId: context.accountId,
          DatabaseName: record.table.database,
          TableName: record.table.table,
          TableOptimizer: fromOptimizer(record),
        };
      },
    },
    BatchGetTableOptimizer: {
      readOnly: true,
      run: (context, input: BatchGetTableOptimizerRequest) => batchGet(maintenance, context, input),
    },
    ListTableOptimizerRuns: {
      readOnly: true,
      async run(
        context: RequestContext,
        input: ListTableOptimizerRunsRequest,
      ): Promise<ListTableOptimizerRunsResponse> {
        const limit = pageSize(input.MaxResults, PAGE);
        const after = positionOf(input.NextToken, isText);
        const name = nameOf(context, input);
        const found = await maintenance.runs(context, name, input.Type!, {
          limit: limit + 1,
          ...(after === undefined ? {} : { after }),
        });
        const page = found.slice(0, limit);
        return {
          CatalogId: context.accountId,
          DatabaseName: name.database,
          TableName: name.table,
          TableOptimizerRuns: page.map(fromRun),
          ...(found.length > limit ? { NextToken: tokenOf(page.at(-1)!.id) } : {}),
        };
      },
    },
  };
}
