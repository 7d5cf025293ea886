import { LochError } from '../../core/errors.ts';
import { sqlName } from '../../core/sql-text.ts';
import { schemaOf } from '../queries/secure/iceberg-source.ts';
import { changeRows, UPDATED } from './change-rows.ts';
import { changedFrom, fieldNamed, rowHead, withoutDatabase } from './changed-table-text.ts';
import { type ChangeAnswer, type ChangeDeps, type ChangeRun, tableName } from './deps.ts';
import type { Assignment, RowStatement } from './statements.ts';
import { icebergMetadata, writableTable } from './write-rights.ts';

/** UPDATE. **Errors**: `column_not_found`, `type_mismatch` naming the column; as of `changeRows`. */
export async function updateRows(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<RowStatement, { kind: 'update' }>,
): Promise<ChangeAnswer> {
  const name = tableName(run, statement.table);
  const table = await writableTable(deps, run, name, ['INSERT', 'DELETE']);
  const { fields } = schemaOf(icebergMetadata(name, table, 'UPDATE'), undefined);
  const alias = statement.alias ?? statement.table.table;
  assertOnce(statement.set);
  for (const { column } of statement.set) fieldNamed(fields, column, name);
  const values = fields.map((field, i) => {
    const set = statement.set.find(({ column }) => column === field.name.toLowerCase());
    const value =
      set === undefined ? `${sqlName(alias)}.${sqlName(field.name)}` : `(${withoutDatabase(set.value, name)})`;
    return `${value} AS "_loch_v${i}"`;
  });
  const where = statement.where === undefined ? '' : ` WHERE ${withoutDatabase(statement.where, name)}`;
  const sql = `SELECT ${[...rowHead(alias, String(UPDATED)), ...values].join(', ')} FROM ${changedFrom(alias)}${where}`;
  return changeRows(deps, run, name, { operation: 'update', sql, values: fields.map((field) => field.name) });
}

/** **Errors**: `invalid_argument` for a column that is set twice. */
export function assertOnce(set: readonly Assignment[]): void {
  const twice = set.find(({ column }, i) => set.findIndex((other) => other.column === column) !== i);
  if (twice === undefined) return;
  throw new LochError('invalid_argument', `Column \`${twice.column}\` is set twice. Set it once.`, {
    context: { name: twice.column },
  });
}
