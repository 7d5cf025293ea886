import type {
  CreateDataCellsFilterRequest,
  DataCellsFilter as FilterShape,
  DeleteDataCellsFilterRequest,
  GetDataCellsFilterRequest,
  ListDataCellsFilterRequest,
  UpdateDataCellsFilterRequest,
} from '@aws-sdk/client-lakeformation';
import { LochError } from '../../../core/errors.ts';
import type { DataCellsFilter, DataCellsFilterInput, FilterName, LakeFormation } from '../../../governance/contract.ts';
import type { OperationSpec } from '../service.ts';
import { assertOwnCatalog, readColumnLists, writeColumnLists } from './resource-shape.ts';

function nameOf(input: GetDataCellsFilterRequest | DeleteDataCellsFilterRequest, accountId: string): FilterName {
  assertOwnCatalog(input.TableCatalogId, accountId);
  return {
    database: required(input.DatabaseName, 'DatabaseName'),
    table: required(input.TableName, 'TableName'),
    filter: required(input.Name, 'Name'),
  };
}

function required(value: string | undefined, argument: string): string {
  if (value !== undefined && value !== '') return value;
  throw new LochError('missing_argument', `\`${argument}\` is missing.`, { context: { argument } });
}

function inputOf(shape: FilterShape | undefined, accountId: string): DataCellsFilterInput {
  const table = shape ?? ({} as FilterShape);
  const rows = table.RowFilter;
  if (rows?.FilterExpression !== undefined && rows.AllRowsWildcard !== undefined) {
    throw new LochError('invalid_argument', 'RowFilter takes FilterExpression or AllRowsWildcard, not both.', {
      context: { argument: 'RowFilter' },
    });
  }
  return {
    ...nameOf(table, accountId),
    ...(rows?.FilterExpression === undefined ? {} : { expression: rows.FilterExpression }),
    ...readColumnLists(table),
  };
}

/** A filter as the wire shows it; masks stand in the header of the expression. */
function filterShape(filter: DataCellsFilter, accountId: string): FilterShape {
  return {
    TableCatalogId: accountId,
    DatabaseName: filter.database,
    TableName: filter.table,
    Name: filter.filter,
    RowFilter: filter.text === undefined ? { AllRowsWildcard: {} } : { FilterExpression: filter.text },
    ...writeColumnLists(filter),
    VersionId: filter.versionId,
  };
}

/** The operations on data cells filters. */
export function filterOperations(lake: LakeFormation): Readonly<Record<string, OperationSpec>> {
  return {
    CreateDataCellsFilter: {
      async run(context, input: CreateDataCellsFilterRequest) {
        await lake.createFilter(context, inputOf(input.TableData, context.accountId));
        return {};
      },
    },
    UpdateDataCellsFilter: {
      async run(context, input: UpdateDataCellsFilterRequest) {
        const versionId = input.TableData?.VersionId;
        await lake.updateFilter(context, {
          ...inputOf(input.TableData, context.accountId),
          ...(versionId === undefined ? {} : { versionId }),
        });
        return {};
      },
    },
    GetDataCellsFilter: {
      readOnly: true,
      async run(context, input: GetDataCellsFilterRequest) {
        const filter = await lake.getFilter(context, nameOf(input, context.accountId));
        return { DataCellsFilter: filterShape(filter, context.accountId) };
      },
    },
    DeleteDataCellsFilter: {
      async run(context, input: DeleteDataCellsFilterRequest) {
        await lake.deleteFilter(context, nameOf(input, context.accountId));
        return {};
      },
    },
    ListDataCellsFilter: {
      readOnly: true,
      async run(context, input: ListDataCellsFilterRequest) {
        assertOwnCatalog(input.Table?.CatalogId, context.accountId);
        const { filters, nextToken } = await lake.listFilters(context, {
          ...(input.Table === undefined
            ? {}
            : {
                table: {
                  database: required(input.Table.DatabaseName, 'Table.DatabaseName'),
                  table: required(input.Table.Name, 'Table.Name'),
                },
              }),
          ...(input.MaxResults === undefined ? {} : { max: input.MaxResults }),
          ...(input.NextToken === undefined ? {} : { nextToken: input.NextToken }),
        });
        return {
          DataCellsFilters: filters.map((filter) => filterShape(filter, context.accountId)),
          ...(nextToken === undefined ? {} : { NextToken: nextToken }),
        };
      },
    },
  };
}
