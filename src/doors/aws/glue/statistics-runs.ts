import type {
  GetColumnStatisticsTaskRunRequest,
  GetColumnStatisticsTaskRunResponse,
  GetColumnStatisticsTaskRunsRequest,
  GetColumnStatisticsTaskRunsResponse,
  ColumnStatisticsTaskRun as GlueRun,
  ListColumnStatisticsTaskRunsRequest,
  ListColumnStatisticsTaskRunsResponse,
  StartColumnStatisticsTaskRunRequest,
  StartColumnStatisticsTaskRunResponse,
  StopColumnStatisticsTaskRunRequest,
} from '@aws-sdk/client-glue';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { StatisticsRun, StatisticsRuns } from '../../../processing/contract.ts';
import type { OperationSpec } from '../service.ts';
import { checkBatch, checkCatalog, isText, pageSize, positionOf, tokenOf } from './pages.ts';

const PAGE = 100;

const fromRun = (run: StatisticsRun, accountId: string): GlueRun => ({
  CustomerId: accountId,
  CatalogID: accountId,
  ColumnStatisticsTaskRunId: run.id,
  DatabaseName: run.table.database,
  TableName: run.table.table,
  ...(run.columns === undefined ? {} : { ColumnNameList: [...run.columns] }),
  Role: run.role,
  SampleSize: 100,
  ComputationType: 'FULL',
  Status: run.state,
  CreationTime: new Date(run.createdAt),
  StartTime: new Date(run.createdAt),
  LastUpdated: new Date(run.updatedAt),
  ...(run.endedAt === undefined ? {} : { EndTime: new Date(run.endedAt) }),
  ...(run.error === undefined ? {} : { ErrorMessage: run.error }),
});

async function page(
  runs: StatisticsRuns,
  context: RequestContext,
  input: { readonly MaxResults?: number | undefined; readonly NextToken?: string | undefined },
  table: { readonly database: string; readonly table: string } | undefined,
) {
  const limit = pageSize(input.MaxResults, PAGE);
  const after = positionOf(input.NextToken, isText);
  const found = await runs.runs(context, {
    limit: limit + 1,
    ...(table === undefined ? {} : { table }),
    ...(after === undefined ? {} : { after }),
  });
  return { shown: found.slice(0, limit), next: found.length > limit ? tokenOf(found[limit - 1]!.id) : undefined };
}

/** Operations on runs that compute column statistics. */
export function statisticsRunOperations(runs: StatisticsRuns): Record<string, OperationSpec> {
  const nameOf = (
    context: RequestContext,
    input: { DatabaseName: string | undefined; TableName: string | undefined; CatalogID?: string | undefined },
  ) => {
    checkCatalog(context, input.CatalogID);
    return { database: input.DatabaseName!, table: input.TableName! };
  };
  return {
    StartColumnStatisticsTaskRun: {
      partial: 'of the whole table: no sample; distinct values are counted exactly',
      async run(
        context: RequestContext,
        input: StartColumnStatisticsTaskRunRequest,
      ): Promise<StartColumnStatisticsTaskRunResponse> {
        if (input.SampleSize !== undefined && input.SampleSize !== 100) {
          throw new LochError('unsupported', '`SampleSize` is not supported: the whole table is read. Leave it out.');
        }
        if (input.SecurityConfiguration !== undefined) {
          throw new LochError('unsupported', '`SecurityConfiguration` is not supported. Leave it out.');
        }
        checkBatch(input.ColumnNameList, 100, 'ColumnNameList');
        const run = await runs.start(context, nameOf(context, input), {
          role: input.Role!,
          ...(input.ColumnNameList === undefined ? {} : { columns: input.ColumnNameList }),
        });
        return { ColumnStatisticsTaskRunId: run.id };
      },
    },
    StopColumnStatisticsTaskRun: {
      async run(context: RequestContext, input: StopColumnStatisticsTaskRunRequest) {
        await runs.stop(context, nameOf(context, input));
        return {};
      },
    },
    GetColumnStatisticsTaskRun: {
      readOnly: true,
      async run(
        context: RequestContext,
        input: GetColumnStatisticsTaskRunRequest,
      ): Promise<GetColumnStatisticsTaskRunResponse> {
        const run = await runs.run(context, input.ColumnStatisticsTaskRunId!);
        return { ColumnStatisticsTaskRun: fromRun(run, context.accountId) };
      },
    },
    GetColumnStatisticsTaskRuns: {
      readOnly: true,
      async run(
        context: RequestContext,
        input: GetColumnStatisticsTaskRunsRequest,
      ): Promise<GetColumnStatisticsTaskRunsResponse> {
        const { shown, next } = await page(runs, context, input, nameOf(context, input));
        return {
          ColumnStatisticsTaskRuns: shown.map((run) => fromRun(run, context.accountId)),
          ...(next === undefined ? {} : { NextToken: next }),
        };
      },
    },
    ListColumnStatisticsTaskRuns: {
      readOnly: true,
      async run(
        context: RequestContext,
        input: ListColumnStatisticsTaskRunsRequest,
      ): Promise<ListColumnStatisticsTaskRunsResponse> {
        const { shown, next } = await page(runs, context, input, undefined);
        return {
          ColumnStatisticsTaskRunIds: shown.map((run) => run.id),
          ...(next === undefined ? {} : { NextToken: next }),
        };
      },
    },
  };
}
