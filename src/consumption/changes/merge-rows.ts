import { LochError } from '../../core/errors.ts';
import { sqlName } from '../../core/sql-text.ts';
import type { TableName } from '../../governance/contract.ts';
import type { IcebergField } from '../../storage/contract.ts';
import { ROW_PLACE, schemaOf } from '../queries/secure/iceberg-source.ts';
import { changeRows, DELETED, INSERTED, rowsTwice, UPDATED } from './change-rows.ts';
import { changedFrom, fieldNamed, rowHead, withoutDatabase } from './changed-table-text.ts';
import { type ChangeAnswer, type ChangeDeps, type ChangeRun, fullName, tableName } from './deps.ts';
import type { MergeClause, RowStatement } from './statements.ts';
import { assertOnce } from './update-rows.ts';
import { icebergMetadata, writableTable } from './write-rights.ts';

/**
 * MERGE INTO: the first clause that fits a row decides.
 * **Errors**: `invalid_argument` when two source rows change one row of the table; as of `changeRows`.
 */
export async function mergeRows(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<RowStatement, { kind: 'merge' }>,
): Promise<ChangeAnswer> {
  const name = tableName(run, statement.table);
  const writes = statement.clauses.some((clause) => clause.action !== 'delete');
  const removes = statement.clauses.some((clause) => clause.action !== 'insert');
  const table = await writableTable(deps, run, name, [
    ...(writes ? (['INSERT'] as const) : []),
    ...(removes ? (['DELETE'] as const) : []),
  ]);
  const { fields } = schemaOf(icebergMetadata(name, table, 'MERGE'), undefined);
  const alias = statement.alias ?? statement.table.table;
  const clauses = statement.clauses.map((clause) => bound(clause, fields, name, alias));
  const cases = (of: (clause: BoundClause) => string | undefined) => {
    const branches = clauses.flatMap((clause) => {
      const value = of(clause);
      return [`WHEN ${clause.when} THEN ${value ?? 'NULL'}`];
    });
    return `CASE ${branches.join(' ')} END`;
  };
  const action = cases((clause) => String(clause.action));
  const columns = writes
    ? fields.map((field, i) => `${cases((clause) => clause.values.get(field.name))} AS "_loch_v${i}"`)
    : [];
  const join = statement.clauses.some((clause) => !clause.matched) ? 'LEFT JOIN' : 'JOIN';
  const sql = `SELECT ${[...rowHead(alias, action), ...columns].join(', ')} FROM ${statement.source} ${join} ${changedFrom(alias)} ON (${withoutDatabase(statement.on, name)})`;
  return changeRows(deps, run, name, {
    operation: 'merge',
    sql,
    values: writes ? fields.map((field) => field.name) : [],
    async check(stage) {
      const twice = await rowsTwice(deps, run, stage);
      if (twice === 0) return;
      throw new LochError(
        'invalid_argument',
        `One MERGE target row matched more than one source row: ${twice} of \`${fullName(name)}\` did. Nothing was changed. Make the source unique by the ON columns.`,
        { context: { table: fullName(name), rows: twice, errorName: 'MERGE_TARGET_ROW_MULTIPLE_MATCHES' } },
      );
    },
  });
}

interface BoundClause {
  readonly when: string;
  readonly action: number;
  /** By column. */
  readonly values: ReadonlyMap<string, string>;
}

function bound(clause: MergeClause, fields: readonly IcebergField[], name: TableName, alias: string): BoundClause {
  const place = `${sqlName(alias)}.${sqlName(ROW_PLACE)}`;
  const fits = clause.matched ? `${place} IS NOT NULL` : `${place} IS NULL`;
  const when = clause.and === undefined ? fits : `${fits} AND (${withoutDatabase(clause.and, name)})`;
  if (clause.action === 'delete') return { when, action: DELETED, values: new Map() };
  if (clause.action === 'insert') return { when, action: INSERTED, values: insertedValues(clause, fields, name) };
  assertOnce(clause.set);
  const values = new Map(fields.map((field) => [field.name, `${sqlName(alias)}.${sqlName(field.name)}`]));
  for (const { column, value } of clause.set) {
    values.set(fieldNamed(fields, column, name).name, `(${withoutDatabase(value, name)})`);
  }
  return { when, action: UPDATED, values };
}

function insertedValues(
  clause: Extract<MergeClause, { action: 'insert' }>,
  fields: readonly IcebergField[],
  name: TableName,
): ReadonlyMap<string, string> {
  const columns = clause.columns?.map((column) => fieldNamed(fields, column, name)) ?? fields;
  if (columns.length !== clause.values.length) {
    throw new LochError(
      'type_mismatch',
      `INSERT of the MERGE has ${clause.values.length} values for ${columns.length} columns: ${columns.map((field) => field.name).join(', ')}.`,
      { context: { expected: columns.length, found: clause.values.length } },
    );
  }
  return new Map(columns.map((field, i) => [field.name, `(${clause.values[i]!})`]));
}
