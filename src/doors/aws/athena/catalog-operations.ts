import type {
  GetDatabaseInput,
  GetDataCatalogInput,
  GetTableMetadataInput,
  ListDatabasesInput,
  ListTableMetadataInput,
} from '@aws-sdk/client-athena';
import type { Catalog, CatalogColumn, DatabaseRecord, TableRecord } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';

const NAME = 'AwsDataCatalog';
const PAGE = 50;

function requireCatalog(name: string | undefined): void {
  if (name === undefined || name.toLowerCase() === NAME.toLowerCase()) return;
  throw new LochError('invalid_argument', `Data catalog \`${name}\` does not exist. Known: ${NAME}.`, {
    context: { catalog: name },
  });
}

const databaseShape = (database: DatabaseRecord) => ({
  Name: database.name,
  Parameters: { ...database.parameters },
  ...(database.description === undefined ? {} : { Description: database.description }),
});

const columnShape = (column: CatalogColumn) => ({
  Name: column.name,
  Type: column.type,
  ...(column.comment === undefined ? {} : { Comment: column.comment }),
});

const tableShape = (table: TableRecord) => ({
  Name: table.name,
  CreateTime: new Date(table.createdAt),
  TableType: table.tableType,
  Columns: table.columns.map(columnShape),
  PartitionKeys: table.partitionKeys.map(columnShape),
  Parameters: { ...table.parameters, location: table.storage.location },
});

function pageSize(asked: number | undefined): number {
  const size = asked ?? PAGE;
  if (size >= 1 && size <= PAGE) return size;
  throw new LochError('invalid_argument', `\`MaxResults\` must be from 1 to ${PAGE}, and is ${size}.`, {
    context: { argument: 'MaxResults' },
  });
}

/** A page of named records and the token of the next. */
function paged<T extends { readonly name: string }>(
  found: readonly T[],
  size: number,
): { readonly shown: readonly T[]; readonly next?: string } {
  const shown = found.slice(0, size);
  return found.length > size ? { shown, next: shown.at(-1)!.name } : { shown };
}

/** The catalog as Athena's clients look at it. */
export function catalogOperations(catalog: Catalog): Readonly<Record<string, OperationSpec>> {
  return {
    ListDataCatalogs: {
      readOnly: true,
      run: async () => ({ DataCatalogsSummary: [{ CatalogName: NAME, Type: 'GLUE', Status: 'CREATE_COMPLETE' }] }),
    },
    GetDataCatalog: {
      readOnly: true,
      run: async (_context, input: GetDataCatalogInput) => {
        requireCatalog(input.Name);
        return { DataCatalog: { Name: NAME, Type: 'GLUE', Description: 'The catalog of this lake' } };
      },
    },
    ListDatabases: {
      readOnly: true,
      run: async (context, input: ListDatabasesInput) => {
        requireCatalog(input.CatalogName);
        const size = pageSize(input.MaxResults);
        const { shown, next } = paged(
          await catalog.listDatabases(context, {
            limit: size + 1,
            ...(input.NextToken === undefined ? {} : { after: input.NextToken }),
          }),
          size,
        );
        return { DatabaseList: shown.map(databaseShape), ...(next === undefined ? {} : { NextToken: next }) };
      },
    },
    GetDatabase: {
      readOnly: true,
      run: async (context, input: GetDatabaseInput) => {
        requireCatalog(input.CatalogName);
        return { Database: databaseShape(await catalog.getDatabase(context, input.DatabaseName ?? '')) };
      },
    },
    ListTableMetadata: {
      readOnly: true,
      run: async (context, input: ListTableMetadataInput) => {
        requireCatalog(input.CatalogName);
        const size = pageSize(input.MaxResults);
        const found = await catalog.listTables(context, input.DatabaseName ?? '', {
          limit: size + 1,
          ...(input.NextToken === undefined ? {} : { after: input.NextToken }),
          ...(input.Expression === undefined ? {} : { expression: input.Expression }),
        });
        const { shown, next } = paged(found, size);
        return { TableMetadataList: shown.map(tableShape), ...(next === undefined ? {} : { NextToken: next }) };
      },
    },
    GetTableMetadata: {
      readOnly: true,
      run: async (context, input: GetTableMetadataInput) => {
        requireCatalog(input.CatalogName);
        return {
          TableMetadata: tableShape(
            await catalog.getTable(context, { database: input.DatabaseName ?? '', table: input.TableName ?? '' }),
          ),
        };
      },
    },
  };
}
