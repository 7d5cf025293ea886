import type {
  ColumnError,
  ColumnStatistics,
  ColumnStatisticsError,
  DeleteColumnStatisticsForPartitionRequest,
  DeleteColumnStatisticsForTableRequest,
  GetColumnStatisticsForPartitionRequest,
  GetColumnStatisticsForTableRequest,
  GetColumnStatisticsForTableResponse,
  UpdateColumnStatisticsForPartitionRequest,
  UpdateColumnStatisticsForTableRequest,
  UpdateColumnStatisticsForTableResponse,
} from '@aws-sdk/client-glue';
import type { Catalog, StatisticsTarget } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { errorDetail } from './errors.ts';
import { checkBatch, checkCatalog } from './pages.ts';
import { fromStatistics, toStatistics } from './statistics-shapes.ts';

const MOST_UPDATES = 25;
const MOST_NAMES = 100;

interface Named {
  readonly CatalogId?: string | undefined;
  readonly DatabaseName: string | undefined;
  readonly TableName: string | undefined;
  readonly PartitionValues?: string[] | undefined;
}

function targetOf(context: RequestContext, input: Named): StatisticsTarget {
  checkCatalog(context, input.CatalogId);
  return {
    database: input.DatabaseName!,
    table: input.TableName!,
    ...(input.PartitionValues === undefined ? {} : { partition: input.PartitionValues }),
  };
}

/** All in one transaction; when one is refused, each alone, so that every column has its own answer. */
async function update(
  catalog: Catalog,
  context: RequestContext,
  input: Named & { readonly ColumnStatisticsList: ColumnStatistics[] | undefined },
): Promise<UpdateColumnStatisticsForTableResponse> {
  const target = targetOf(context, input);
  const given = input.ColumnStatisticsList ?? [];
  checkBatch(given, MOST_UPDATES, 'ColumnStatisticsList');
  try {
    await catalog.putColumnStatistics(context, target, given.map(toStatistics));
    return { Errors: [] };
  } catch (error) {
    if (!isLochError(error, 'column_not_found', 'invalid_argument', 'missing_argument')) throw error;
  }
  const failed: ColumnStatisticsError[] = [];
  for (const one of given) {
    try {
      await catalog.putColumnStatistics(context, target, [toStatistics(one)]);
    } catch (error) {
      if (!isLochError(error, 'column_not_found', 'invalid_argument', 'missing_argument')) throw error;
      failed.push({ ColumnStatistics: one, Error: errorDetail(error) });
    }
  }
  return { Errors: failed };
}

async function get(
  catalog: Catalog,
  context: RequestContext,
  input: Named & { readonly ColumnNames: string[] | undefined },
): Promise<GetColumnStatisticsForTableResponse> {
  const target = targetOf(context, input);
  const names = input.ColumnNames ?? [];
  checkBatch(names, MOST_NAMES, 'ColumnNames');
  const found = await catalog.columnStatistics(context, target, names);
  const known = new Set(found.map((one) => one.column));
  const missing: ColumnError[] = names
    .filter((name) => !known.has(name.toLowerCase()))
    .map((name) => ({
      ColumnName: name,
      Error: errorDetail(new LochError('not_found', `Column \`${name}\` has no statistics.`)),
    }));
  return { ColumnStatisticsList: found.map(fromStatistics), Errors: missing };
}

/** Operations on the statistics of columns. */
export function statisticsOperations(catalog: Catalog): Record<string, OperationSpec> {
  const remove = async (context: RequestContext, input: Named & { readonly ColumnName: string | undefined }) => {
    await catalog.deleteColumnStatistics(context, targetOf(context, input), input.ColumnName!);
    return {};
  };
  return {
    UpdateColumnStatisticsForTable: {
      run: (context, input: UpdateColumnStatisticsForTableRequest) => update(catalog, context, input),
    },
    GetColumnStatisticsForTable: {
      readOnly: true,
      run: (context, input: GetColumnStatisticsForTableRequest) => get(catalog, context, input),
    },
    DeleteColumnStatisticsForTable: {
      run: (context, input: DeleteColumnStatisticsForTableRequest) => remove(context, input),
    },
    UpdateColumnStatisticsForPartition: {
      run: (context, input: UpdateColumnStatisticsForPartitionRequest) => update(catalog, context, input),
    },
    GetColumnStatisticsForPartition: {
      readOnly: true,
      run: (context, input: GetColumnStatisticsForPartitionRequest) => get(catalog, context, input),
    },
    DeleteColumnStatisticsForPartition: {
      run: (context, input: DeleteColumnStatisticsForPartitionRequest) => remove(context, input),
    },
  };
}
