/** Resources and principals between the wire's shapes and the use-cases'. */
import type { DataLakePrincipal, Permission, Resource } from '@aws-sdk/client-lakeformation';
import { LochError } from '../../../core/errors.ts';
import type { LakePermission, LakeResource } from '../../../governance/contract.ts';

/** **Errors**: `unsupported` for the catalog of another account. */
export function assertOwnCatalog(catalogId: string | undefined, accountId: string): void {
  if (catalogId === undefined || catalogId === accountId) return;
  throw new LochError('unsupported', `CatalogId ${catalogId}: catalogs of other accounts are not supported.`, {
    context: { argument: 'CatalogId' },
  });
}

const invalid = (message: string): LochError =>
  new LochError('invalid_argument', message, { context: { argument: 'Resource' } });

type TableWithColumns = NonNullable<Resource['TableWithColumns']>;

/** The resource of a request. **Errors**: `invalid_argument`, `unsupported` for LF-Tags. */
export function readResource(resource: Resource | undefined, accountId: string): LakeResource {
  const given = Object.entries(resource ?? {}).filter(([, value]) => value !== undefined && value !== null);
  const [kind, value] = given[0] ?? [];
  if (resource === undefined || given.length !== 1 || kind === undefined) {
    throw invalid(`Name exactly one resource, not ${given.length}.`);
  }
  const shape = value as { CatalogId?: string; TableCatalogId?: string; Id?: string };
  assertOwnCatalog(shape.CatalogId ?? shape.TableCatalogId ?? shape.Id, accountId);
  if (resource.Catalog !== undefined) return { kind: 'catalog' };
  if (resource.Database !== undefined)
    return { kind: 'database', database: named(resource.Database.Name, 'Database.Name') };
  if (resource.Table !== undefined) return readTable(resource.Table);
  if (resource.TableWithColumns !== undefined) return readColumns(resource.TableWithColumns);
  if (resource.DataLocation !== undefined) {
    return { kind: 'location', arn: named(resource.DataLocation.ResourceArn, 'DataLocation.ResourceArn') };
  }
  if (resource.DataCellsFilter !== undefined) {
    const { DatabaseName, TableName, Name } = resource.DataCellsFilter;
    return {
      kind: 'filter',
      database: named(DatabaseName, 'DataCellsFilter.DatabaseName'),
      table: named(TableName, 'DataCellsFilter.TableName'),
      filter: named(Name, 'DataCellsFilter.Name'),
    };
  }
  throw new LochError('unsupported', `Grants on ${kind} (LF-Tags) are not supported. Grant on the resource itself.`, {
    context: { argument: 'Resource' },
  });
}

function readTable(table: NonNullable<Resource['Table']>): LakeResource {
  const database = named(table.DatabaseName, 'Table.DatabaseName');
  if (table.TableWildcard === undefined) return { kind: 'table', database, table: named(table.Name, 'Table.Name') };
  if (table.Name !== undefined) throw invalid('Table takes Name or TableWildcard, not both.');
  return { kind: 'tables', database };
}

function readColumns(table: TableWithColumns): LakeResource {
  const name = {
    database: named(table.DatabaseName, 'TableWithColumns.DatabaseName'),
    table: named(table.Name, 'TableWithColumns.Name'),
  };
  const lists = readColumnLists(table);
  if (lists.include === undefined && lists.exclude === undefined) {
    throw invalid('TableWithColumns takes ColumnNames or ColumnWildcard.');
  }
  return { kind: 'columns', ...name, ...lists };
}

/** The column lists of a request. **Errors**: `invalid_argument` when both are given. */
export function readColumnLists(shape: {
  readonly ColumnNames?: readonly string[] | undefined;
  readonly ColumnWildcard?: { readonly ExcludedColumnNames?: readonly string[] | undefined } | undefined;
}): { include?: readonly string[]; exclude?: readonly string[] } {
  // The JSON form of old clients carries the empty list beside the wildcard.
  const include = shape.ColumnNames !== undefined && shape.ColumnNames.length > 0 ? shape.ColumnNames : undefined;
  if (include !== undefined && shape.ColumnWildcard !== undefined) {
    throw invalid('Give ColumnNames or ColumnWildcard, not both.');
  }
  if (shape.ColumnWildcard !== undefined) return { exclude: shape.ColumnWildcard.ExcludedColumnNames ?? [] };
  return include === undefined ? {} : { include };
}

function named(value: string | undefined, member: string): string {
  if (value !== undefined && value !== '') return value;
  throw new LochError('missing_argument', `\`Resource.${member}\` is missing.`, { context: { argument: 'Resource' } });
}

/** A resource as the wire shows it. */
export function writeResource(resource: LakeResource, accountId: string): Resource {
  switch (resource.kind) {
    case 'catalog':
      return { Catalog: {} };
    case 'database':
      return { Database: { CatalogId: accountId, Name: resource.database } };
    case 'tables':
      return { Table: { CatalogId: accountId, DatabaseName: resource.database, TableWildcard: {} } };
    case 'table':
      return { Table: { CatalogId: accountId, DatabaseName: resource.database, Name: resource.table } };
    case 'columns':
      return {
        TableWithColumns: {
          CatalogId: accountId,
          DatabaseName: resource.database,
          Name: resource.table,
          ...writeColumnLists(resource),
        },
      };
    case 'filter':
      return {
        DataCellsFilter: {
          TableCatalogId: accountId,
          DatabaseName: resource.database,
          TableName: resource.table,
          Name: resource.filter,
        },
      };
    case 'location':
      return { DataLocation: { CatalogId: accountId, ResourceArn: resource.arn } };
  }
}

/** Column lists as the wire shows them. */
export function writeColumnLists(lists: {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}): { ColumnNames?: string[]; ColumnWildcard?: { ExcludedColumnNames?: string[] } } {
  if (lists.include !== undefined) return { ColumnNames: [...lists.include] };
  const exclude = lists.exclude ?? [];
  return { ColumnWildcard: exclude.length === 0 ? {} : { ExcludedColumnNames: [...exclude] } };
}

/** **Errors**: `missing_argument`. */
export function readPrincipal(principal: DataLakePrincipal | undefined): string {
  const identifier = principal?.DataLakePrincipalIdentifier;
  if (identifier !== undefined && identifier !== '') return identifier;
  throw new LochError('missing_argument', '`Principal.DataLakePrincipalIdentifier` is missing.', {
    context: { argument: 'Principal' },
  });
}

/** Permissions as the use-case checks them; it names those that do not fit. */
export const readPermissions = (permissions: readonly Permission[] | undefined): LakePermission[] =>
  (permissions ?? []) as LakePermission[];
