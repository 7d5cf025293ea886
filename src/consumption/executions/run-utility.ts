/** SHOW and DESCRIBE: what the catalog tells this caller, as lines of text; and the upkeep of tables by statement. */
import type { Catalog, TableRecord } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { TableMaintenance } from '../../processing/contract.ts';
import type { TableRef } from '../changes/statements.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import { describeTable } from './describe-table.ts';
import type { UtilityStatement } from './statement-kind.ts';
import { createStatement } from './table-ddl.ts';

/** Columns and rows of a statement's answer. */
export interface UtilityAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const PAGE = 500;
/** From so many small files on OPTIMIZE joins them. **Source**: Athena, `optimize_rewrite_data_file_threshold`. */
const OPTIMIZE_FILES = 5;

/** **Errors**: `table_not_found`, `database_not_found`, as the catalog gives them. */
export async function runUtility(
  catalog: Catalog,
  context: RequestContext,
  statement: UtilityStatement,
  defaultDatabase: string,
  upkeep: TableMaintenance | undefined,
): Promise<UtilityAnswer> {
  switch (statement.kind) {
    case 'optimize':
    case 'vacuum':
      await maintain(upkeep, context, nameOf(statement.table, defaultDatabase), statement.kind);
      return { columns: [], rows: [] };
    case 'databases': {
      const names = await everyPage((after) => catalog.listDatabases(context, { limit: PAGE, ...after }));
      return { columns: ['database_name'], rows: matching(names, statement.like) };
    }
    case 'tables':
    case 'views': {
      const database = statement.database ?? defaultDatabase;
      const tables = await everyPage((after) => catalog.listTables(context, database, { limit: PAGE, ...after }));
      const wanted = statement.kind === 'views' ? tables.filter((table) => table.format === 'view') : tables;
      const column = statement.kind === 'views' ? 'views' : 'tab_name';
      return { columns: [column], rows: matching(wanted, statement.like) };
    }
    case 'partitions': {
      const name = nameOf(statement.table, defaultDatabase);
      const { partitionKeys, format } = await catalog.getTable(context, name);
      if (format === 'iceberg') {
        const { rows: partitions } = await catalog.metadataTable(context, name, 'partitions');
        return { columns: ['partition'], rows: partitions.map(({ partition }) => [folderOf(String(partition))]) };
      }
      const rows: string[][] = [];
      let after: readonly string[] | undefined;
      do {
        const page = await catalog.listPartitions(context, name, {
          limit: PAGE,
          ...(after === undefined ? {} : { after }),
        });
        for (const { values } of page) {
          rows.push([partitionKeys.map((key, i) => `${key.name}=${values[i] ?? ''}`).join('/')]);
        }
        after = page.length < PAGE ? undefined : page.at(-1)!.values;
      } while (after !== undefined);
      return { columns: ['partition'], rows };
    }
    case 'columns': {
      const table = await catalog.getTable(context, nameOf(statement.table, defaultDatabase));
      return { columns: ['field'], rows: [...table.columns, ...table.partitionKeys].map((column) => [column.name]) };
    }
    case 'properties': {
      const { table, metadata } = await described(catalog, context, nameOf(statement.table, defaultDatabase));
      const all = propertiesOf(table, metadata);
      if (statement.property === undefined) return { columns: ['prpt_name', 'prpt_value'], rows: all };
      const value = all.find(([name]) => name === statement.property)?.[1];
      return { columns: ['prpt_value'], rows: value === undefined ? [] : [[value]] };
    }
    case 'create': {
      const { table, metadata } = await described(catalog, context, nameOf(statement.table, defaultDatabase));
      return { columns: ['createtab_stmt'], rows: createStatement(table, metadata).map((line) => [line]) };
    }
    case 'describe': {
      const { table, metadata } = await described(catalog, context, nameOf(statement.table, defaultDatabase));
      return { columns: ['col_name', 'data_type', 'comment'], rows: describeTable(table, metadata, statement.form) };
    }
  }
}

/** A table with the columns its reader may see, and the metadata of an Iceberg table. */
async function described(catalog: Catalog, context: RequestContext, name: TableName) {
  const table = await catalog.getTable(context, name);
  if (table.format !== 'iceberg') return { table, metadata: undefined };
  const { metadata } = await catalog.resolveTable(context, name);
  return { table, metadata };
}

/** VACUUM expires snapshots and then looks for orphans, as Athena does; both by the table's own properties. */
async function maintain(
  upkeep: TableMaintenance | undefined,
  context: RequestContext,
  name: TableName,
  kind: 'optimize' | 'vacuum',
): Promise<void> {
  if (upkeep === undefined) {
    throw new LochError('unsupported', `${kind.toUpperCase()} is not supported here: there is no upkeep of tables.`);
  }
  const types = kind === 'optimize' ? (['compaction'] as const) : (['retention', 'orphan_file_deletion'] as const);
  for (const type of types) {
    const settings = type === 'compaction' ? { compaction: { minFiles: OPTIMIZE_FILES } } : {};
    const run = await upkeep.runNow(context, name, type, settings);
    const ended = await upkeep.wait(run.id, context.signal);
    if (ended.state === 'COMPLETED') continue;
    throw new LochError('statement_failed', ended.error ?? `${kind.toUpperCase()} was cut off. Run it again.`, {
      context: { run: run.id },
    });
  }
}

/** The properties of a table: its own, and those of an Iceberg table's metadata. */
function propertiesOf(table: TableRecord, metadata: TableMetadata | undefined): [string, string][] {
  const { metadata_location: _place, ...parameters } = { ...table.parameters, ...metadata?.properties };
  return Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The values of a partition as Hive prints them. */
function folderOf(partition: string): string {
  const values = Object.entries(JSON.parse(partition) as Record<string, unknown>);
  return values.map(([name, value]) => `${name}=${value === null ? 'null' : String(value)}`).join('/');
}

const nameOf = ({ database, table }: TableRef, defaultDatabase: string) => ({
  database: database ?? defaultDatabase,
  table,
});

async function everyPage<T extends { readonly name: string }>(
  page: (after: { readonly after?: string }) => Promise<readonly T[]>,
): Promise<T[]> {
  const all: T[] = [];
  let after: string | undefined;
  do {
    const next = await page(after === undefined ? {} : { after });
    all.push(...next);
    after = next.length < PAGE ? undefined : next.at(-1)!.name;
  } while (after !== undefined);
  return all;
}

const escaped = (text: string) => text.replace(/[.+?^${}()[\]\\/]/g, '\\$&');

/** Names that a Hive pattern (`*`, `.*`, `%` and `|`) matches; all without one. */
function matching(items: readonly { readonly name: string }[], like: string | undefined): string[][] {
  const names = items.map((item) => item.name);
  if (like === undefined) return names.map((name) => [name]);
  const parts = like.split('|').map((part) =>
    part
      .split(/\.\*|\*|%/)
      .map(escaped)
      .join('.*'),
  );
  const pattern = new RegExp(`^(${parts.join('|')})$`, 'i');
  return names.filter((name) => pattern.test(name)).map((name) => [name]);
}
