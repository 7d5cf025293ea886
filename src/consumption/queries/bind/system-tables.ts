/**
 * `information_schema` as virtual tables, made of what the caller may see when he asks.
 * **Source**: Trino's and Athena's information_schema (tables, columns, schemata, views).
 */
import type { Catalog, TableRecord } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import { nearestNames } from '../../../core/suggest.ts';
import type { SyntaxNode } from '../../../engines/contract.ts';
import type { QueryPathDeps } from '../deps.ts';
import type { TableUse } from '../gate/inspect-statement.ts';
import { literalOf } from './literals.ts';

/** A table whose rows are made for the statement. */
export interface SystemTable {
  readonly name: string;
  readonly columns: readonly {
    readonly name: string;
    readonly type: 'VARCHAR' | 'BIGINT' | 'BOOLEAN' | 'TIMESTAMPTZ';
  }[];
  readonly rows: readonly Readonly<Record<string, string | number | boolean | null>>[];
}

const CATALOG_NAME = 'awsdatacatalog';
const PAGE = 500;

interface SystemTableMaker {
  readonly columns: readonly string[];
  readonly rows: (
    catalog: Catalog,
    context: RequestContext,
    database: string | undefined,
  ) => Promise<SystemTable['rows']>;
}

const MAKERS: Readonly<Record<string, SystemTableMaker>> = {
  schemata: {
    columns: ['catalog_name', 'schema_name'],
    rows: async (catalog, context, database) =>
      (await databases(catalog, context, database)).map((name) => ({
        catalog_name: CATALOG_NAME,
        schema_name: name,
      })),
  },
  tables: {
    columns: ['table_catalog', 'table_schema', 'table_name', 'table_type'],
    rows: async (catalog, context, database) =>
      (await tables(catalog, context, database)).map((table) => ({
        ...namesOf(table),
        table_type: table.format === 'view' ? 'VIEW' : 'BASE TABLE',
      })),
  },
  columns: {
    columns: [
      'table_catalog',
      'table_schema',
      'table_name',
      'column_name',
      'ordinal_position',
      'column_default',
      'is_nullable',
      'data_type',
      'comment',
      'extra_info',
    ],
    rows: async (catalog, context, database) =>
      (await tables(catalog, context, database)).flatMap((table) =>
        [...table.columns, ...table.partitionKeys].map((column, i) => ({
          ...namesOf(table),
          column_name: column.name,
          ordinal_position: i + 1,
          column_default: null,
          is_nullable: 'YES',
          data_type: trinoType(column.type),
          comment: column.comment ?? null,
          extra_info: i < table.columns.length ? null : 'partition key',
        })),
      ),
  },
  views: {
    columns: ['table_catalog', 'table_schema', 'table_name', 'view_definition'],
    rows: async (catalog, context, database) =>
      (await tables(catalog, context, database))
        .filter((table) => table.format === 'view')
        .map((table) => ({ ...namesOf(table), view_definition: table.viewText ?? null })),
  },
};

/** The virtual table that `use` names, or undefined. **Errors**: `table_not_found` for another of that schema. */
export async function systemTable(
  deps: QueryPathDeps,
  context: RequestContext,
  use: TableUse,
): Promise<{ readonly kind: 'system'; readonly table: SystemTable } | undefined> {
  if (use.database?.toLowerCase() !== 'information_schema') return undefined;
  const name = use.table.toLowerCase();
  const maker = Object.hasOwn(MAKERS, name) ? MAKERS[name] : undefined;
  if (maker === undefined) {
    const near = nearestNames(name, Object.keys(MAKERS));
    throw new LochError(
      'table_not_found',
      `Table \`information_schema.${use.table}\` does not exist. Known: ${Object.keys(MAKERS).join(', ')}.`,
      { context: { ...(near.length === 0 ? {} : { near }), ...position(use) } },
    );
  }
  const rows = await maker.rows(deps.catalog, context, wantedDatabase(use));
  const columns = maker.columns.map((column) => ({
    name: column,
    type: column === 'ordinal_position' ? ('BIGINT' as const) : ('VARCHAR' as const),
  }));
  return { kind: 'system', table: { name, columns, rows } };
}

const position = (use: TableUse) => (use.position === undefined ? {} : { position: use.position });

/** `WHERE table_schema = 'x'` of a SELECT from this table alone: only that database is listed. */
function wantedDatabase({ select, node }: TableUse): string | undefined {
  if (select === undefined || select.from_table !== node || select.where_clause === null) return undefined;
  const stack = [select.where_clause as SyntaxNode];
  for (let term = stack.pop(); term !== undefined; term = stack.pop()) {
    if (term.type === 'CONJUNCTION_AND') stack.push(...(term.children as SyntaxNode[]));
    if (term.type !== 'COMPARE_EQUAL') continue;
    const left = term.left as SyntaxNode;
    if (left.class !== 'COLUMN_REF') continue;
    const column = (left.column_names as string[]).at(-1)!.toLowerCase();
    const literal = literalOf(term.right as SyntaxNode);
    if (['table_schema', 'schema_name'].includes(column) && literal?.kind === 'string') return literal.text;
  }
  return undefined;
}

const namesOf = (table: TableRecord) => ({
  table_catalog: CATALOG_NAME,
  table_schema: table.database,
  table_name: table.name,
});

async function databases(catalog: Catalog, context: RequestContext, only: string | undefined): Promise<string[]> {
  const names: string[] = [];
  let after: string | undefined;
  do {
    const page = await catalog.listDatabases(context, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    names.push(...page.map((database) => database.name));
    after = page.length < PAGE ? undefined : page.at(-1)!.name;
  } while (after !== undefined);
  return only === undefined ? names : names.filter((name) => name === only);
}

async function tables(catalog: Catalog, context: RequestContext, only: string | undefined): Promise<TableRecord[]> {
  const found: TableRecord[] = [];
  for (const database of await databases(catalog, context, only)) {
    let after: string | undefined;
    do {
      const page = await catalog.listTables(context, database, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      found.push(...page);
      after = page.length < PAGE ? undefined : page.at(-1)!.name;
    } while (after !== undefined);
  }
  return found;
}

/** Hive's type text as Trino writes it. */
export function trinoType(type: string): string {
  const simple: Readonly<Record<string, string>> = {
    string: 'varchar',
    int: 'integer',
    float: 'real',
    binary: 'varbinary',
    timestamp: 'timestamp(3)',
    timestamptz: 'timestamp(3) with time zone',
  };
  const folded = type.trim().toLowerCase();
  if (Object.hasOwn(simple, folded)) return simple[folded]!;
  return folded
    .replaceAll('<', '(')
    .replaceAll('>', ')')
    .replace(/\bstruct\(/g, 'row(')
    .replace(/([a-z0-9_]+):/g, '$1 ')
    .replace(/\bstring\b/g, 'varchar')
    .replace(/\bint\b/g, 'integer');
}
