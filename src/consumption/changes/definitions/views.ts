/** Views as Athena keeps them: the statement and its columns in a comment of the record, which every door reads. */
import { isLochError, LochError } from '../../../core/errors.ts';
import type { EngineColumn } from '../../../engines/contract.ts';
import type { TableName } from '../../../governance/contract.ts';
import { type ChangeDeps, type ChangeRun, fullName, tableName } from '../deps.ts';
import { assertNames } from '../new-tables.ts';
import { hiveTypeOfColumn } from '../engine-columns.ts';
import { readRows } from '../read-rows.ts';
import type { DefinitionStatement } from '../statements.ts';

/**
 * CREATE [OR REPLACE] VIEW. The query is bound with the rights of who makes it, and read with those of who selects.
 * **Errors**: `already_exists`; `invalid_argument` for a view of itself; those of a SELECT.
 */
export async function createView(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<DefinitionStatement, { kind: 'create_view' }>,
): Promise<void> {
  const name = tableName(run, statement.table);
  const known = await existing(deps, run, name);
  if (known !== undefined && (!statement.replace || known.format !== 'view')) {
    throw new LochError(
      'already_exists',
      `\`${fullName(name)}\` exists already${known.format === 'view' ? '. Write CREATE OR REPLACE VIEW' : ' and is a table. Choose another name'}.`,
      { context: { table: fullName(name) } },
    );
  }
  // Nothing is run: the columns are asked for, and an empty result written nowhere that stays.
  const outcome = await readRows(deps, run, statement.query, async (columns) => {
    assertNames(named(columns, statement.columns));
    return { select: (source) => `SELECT * FROM (\n${source}\n) LIMIT 0`, preamble: [], result: { kind: 'columns' } };
  });
  if (outcome.tables.some((table) => fullName(table.name) === fullName(name))) {
    throw new LochError('invalid_argument', `View \`${fullName(name)}\` cannot read itself.`, {
      context: { table: fullName(name), errorName: 'VIEW_IS_RECURSIVE' },
    });
  }
  const columns = named(outcome.sourceColumns, statement.columns).map((column) => ({
    name: column.name.toLowerCase(),
    type: hiveTypeOfColumn(column),
  }));
  const sql = statement.columns === undefined ? statement.query : withNames(statement.query, statement.columns);
  const input = {
    name: name.table,
    tableType: 'VIRTUAL_VIEW',
    columns,
    viewText: prestoView({ sql, database: run.database, columns }),
    parameters: { ...known?.parameters, presto_view: 'true', comment: 'Presto View' },
    ...(statement.comment === undefined ? {} : { description: statement.comment }),
  };
  if (known === undefined) await deps.catalog.createTable(run.context, name.database, input);
  else await deps.catalog.updateTable(run.context, name.database, input, { expectedVersion: known.version });
}

async function existing(deps: ChangeDeps, run: ChangeRun, name: TableName) {
  try {
    return (await deps.catalog.resolveTable(run.context, name)).record;
  } catch (error) {
    if (isLochError(error, 'table_not_found')) return undefined;
    throw error;
  }
}

/** **Errors**: `invalid_argument` for another number of names. */
function named(columns: readonly EngineColumn[], names: readonly string[] | undefined): readonly EngineColumn[] {
  if (names === undefined) return columns;
  if (names.length !== columns.length) {
    throw new LochError('invalid_argument', `The view names ${names.length} columns; its query has ${columns.length}.`);
  }
  return columns.map((column, i) => ({ ...column, name: names[i]! }));
}

const withNames = (query: string, names: readonly string[]) =>
  `SELECT * FROM (\n${query}\n) AS "view" (${names.map((name) => `"${name.replaceAll('"', '""')}"`).join(', ')})`;

const TRINO: Readonly<Record<string, string>> = {
  string: 'varchar',
  int: 'integer',
  binary: 'varbinary',
  float: 'real',
  timestamptz: 'timestamp(6) with time zone',
  timestamp: 'timestamp(3)',
};

/** **Source**: Trino, `ConnectorViewDefinition` as the Hive connector writes it. */
function prestoView(view: {
  readonly sql: string;
  readonly database: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}): string {
  const definition = {
    originalSql: view.sql,
    catalog: 'awsdatacatalog',
    schema: view.database,
    columns: view.columns.map(({ name, type }) => ({ name, type: TRINO[type] ?? type })),
  };
  return `/* Presto View: ${Buffer.from(JSON.stringify(definition), 'utf8').toString('base64')} */`;
}
