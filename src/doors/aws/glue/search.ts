import type { PropertyPredicate, SearchTablesRequest, SearchTablesResponse, SortCriterion } from '@aws-sdk/client-glue';
import type { Catalog, TableRecord } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { checkCatalog, isCount, pageSize, positionOf, tokenOf } from './pages.ts';
import { fromTable } from './shapes.ts';

const PAGE = 1000;
/** How many tables a search by words looks through, and how many can be sorted. */
const MOST = 10_000;
const SHARES = new Set(['ALL', 'FOREIGN', 'FEDERATED']);

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

function sorted(tables: readonly TableRecord[], criteria: readonly SortCriterion[]): readonly TableRecord[] {
  if (criteria.length === 0) return tables;
  const keys = criteria.map(({ FieldName, Sort }) => ({
    property: propertyOf(FieldName),
    sign: Sort === 'DESC' ? -1 : 1,
  }));
  return tables.toSorted((a, b) => {
    for (const { property, sign } of keys) {
      const left = property(a) ?? '';
      const right = property(b) ?? '';
      if (left !== right) return left < right ? -sign : sign;
    }
    return 0;
  });
}

/** Every table the caller sees, by database and name, page after page. */
async function* everyTable(catalog: Catalog, context: RequestContext): AsyncGenerator<TableRecord> {
  for (const { name } of await catalog.listDatabases(context)) {
    let after: string | undefined;
    for (;;) {
      const page = await catalog.listTables(context, name, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      yield* page;
      if (page.length < PAGE) break;
      after = page.at(-1)!.name;
    }
  }
}

/** The tables of a search up to `most`, in the order they are found. */
async function found(
  catalog: Catalog,
  context: RequestContext,
  text: string,
  keep: (table: TableRecord) => boolean,
  most: number,
): Promise<TableRecord[]> {
  if (text !== '') {
    const hits = await catalog.searchRecords(context, { text, limit: MOST, whole: true });
    return hits.filter(keep).slice(0, most);
  }
  const tables: TableRecord[] = [];
  for await (const table of everyTable(catalog, context)) {
    if (keep(table)) tables.push(table);
    if (tables.length >= most) break;
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
  const share = input.ResourceShareType ?? 'ALL';
  if (!SHARES.has(share)) {
    throw new LochError('invalid_argument', `\`${share}\` is no ResourceShareType. Known: ${[...SHARES].join(', ')}.`);
  }
  // Nothing is shared with this account: what is foreign is none.
  if (share === 'FOREIGN' || share === 'FEDERATED') return { TableList: [] };
  const criteria = input.SortCriteria ?? [];
  const keep = (table: TableRecord) => filters.every((filter) => filter(table));
  const most = criteria.length > 0 ? MOST + 1 : from + limit + 1;
  const tables = await found(catalog, context, (input.SearchText ?? '').trim(), keep, most);
  if (criteria.length > 0 && tables.length > MOST) {
    throw new LochError(
      'limit_exceeded',
      `More than ${MOST} tables would have to be sorted. Narrow the search by words or filters, or leave SortCriteria out.`,
      { context: { limit: MOST } },
    );
  }
  const page = sorted(tables, criteria);
  return {
    TableList: page.slice(from, from + limit).map((table) => fromTable(table, context.accountId)),
    ...(page.length > from + limit ? { NextToken: tokenOf(from + limit) } : {}),
  };
}

/** The search operation. */
export function searchOperations(catalog: Catalog): Record<string, OperationSpec> {
  return {
    SearchTables: {
      readOnly: true,
      partial:
        'no tables of other accounts (ResourceShareType FOREIGN is empty); a search by words sees its best 10,000 hits',
      run: (context, input: SearchTablesRequest) => searchTables(catalog, context, input),
    },
  };
}
