import type { PropertyPredicate, SearchTablesRequest, SearchTablesResponse, SortCriterion } from '@aws-sdk/client-glue';
import type { Catalog, TableRecord } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { checkCatalog, isCount, pageSize, positionOf, tokenOf } from './pages.ts';
import { fromTable } from './shapes.ts';

const PAGE = 1000;
/** How many tables a search without words, or with filters, looks through. */
const MOST = 10_000;

/** What a filter or a sort may name. */
const PROPERTIES: Readonly<Record<string, (table: TableRecord) => string | number | undefined>> = {
  Name: (table) => table.name,
  DatabaseName: (table) => table.database,
  Description: (table) => table.description,
  Owner: (table) => table.owner,
  TableType: (table) => table.tableType,
  Classification: (table) => table.parameters.classification ?? table.format,
  CreateTime: (table) => table.createdAt,
  UpdateTime: (table) => table.updatedAt,
};

function propertyOf(key: string | undefined): (table: TableRecord) => string | number | undefined {
  const wanted = Object.keys(PROPERTIES).find((name) => name.toLowerCase() === key?.toLowerCase());
  if (wanted !== undefined) return PROPERTIES[wanted]!;
  throw new LochError(
    'invalid_argument',
    `\`${key}\` is not a property of tables. Known: ${Object.keys(PROPERTIES).join(', ')}.`,
  );
}

function filterOf(filter: PropertyPredicate): (table: TableRecord) => boolean {
  const property = propertyOf(filter.Key);
  const value = filter.Value ?? '';
  const time = /Time$/i.test(filter.Key ?? '') ? Number(value) || Date.parse(value) : undefined;
  if (time !== undefined && Number.isNaN(time)) {
    throw new LochError(
      'invalid_argument',
      `\`${value}\` is not a time for \`${filter.Key}\`. Write 2026-01-31T00:00:00Z.`,
    );
  }
  return (table) => {
    const found = property(table);
    if (found === undefined) return false;
    if (typeof found === 'string') return found.toLowerCase() === value.toLowerCase();
    switch (filter.Comparator) {
      case 'GREATER_THAN':
        return found > time!;
      case 'GREATER_THAN_EQUALS':
        return found >= time!;
      case 'LESS_THAN':
        return found < time!;
      case 'LESS_THAN_EQUALS':
        return found <= time!;
      default:
        return found === time;
    }
  };
}

function sorted(tables: TableRecord[], criteria: readonly SortCriterion[]): TableRecord[] {
  const [first] = criteria;
  if (first === undefined) return tables;
  const property = propertyOf(first.FieldName);
  const sign = first.Sort === 'DESC' ? -1 : 1;
  return tables.sort((a, b) => {
    const left = property(a) ?? '';
    const right = property(b) ?? '';
    return left < right ? -sign : left > right ? sign : 0;
  });
}

async function byWords(catalog: Catalog, context: RequestContext, text: string): Promise<TableRecord[]> {
  const tables: TableRecord[] = [];
  for (const hit of await catalog.search(context, { text, limit: PAGE })) {
    try {
      tables.push(await catalog.getTable(context, hit));
    } catch (error) {
      if (!isLochError(error, 'table_not_found', 'database_not_found', 'access_denied')) throw error;
    }
  }
  return tables;
}

async function everyTable(catalog: Catalog, context: RequestContext): Promise<TableRecord[]> {
  const tables: TableRecord[] = [];
  for (const database of await catalog.listDatabases(context)) {
    tables.push(...(await catalog.listTables(context, database.name, { limit: MOST - tables.length })));
    if (tables.length >= MOST) break;
  }
  return tables;
}

async function searchTables(
  catalog: Catalog,
  context: RequestContext,
  input: SearchTablesRequest,
): Promise<SearchTablesResponse> {
  checkCatalog(context, input.CatalogId);
  const limit = pageSize(input.MaxResults, PAGE);
  const from = positionOf(input.NextToken, isCount) ?? 0;
  const filters = (input.Filters ?? []).map(filterOf);
  const text = (input.SearchText ?? '').trim();
  const all = text === '' ? await everyTable(catalog, context) : await byWords(catalog, context, text);
  const found = sorted(
    all.filter((table) => filters.every((filter) => filter(table))),
    input.SortCriteria ?? [],
  );
  return {
    TableList: found.slice(from, from + limit).map((table) => fromTable(table, context.accountId)),
    ...(found.length > from + limit ? { NextToken: tokenOf(from + limit) } : {}),
  };
}

/** The search operation. */
export function searchOperations(catalog: Catalog): Record<string, OperationSpec> {
  return {
    SearchTables: {
      readOnly: true,
      partial: 'quotes do not make a phrase; the first 1,000 hits, the first sort criterion; no ResourceShareType',
      run: (context, input: SearchTablesRequest) => searchTables(catalog, context, input),
    },
  };
}
