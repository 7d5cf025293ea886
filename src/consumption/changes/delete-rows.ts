import type { TableName } from '../../governance/contract.ts';
import { changeRows, countedRows, DELETED } from './change-rows.ts';
import { changedFrom, rowHead, withoutDatabase } from './changed-table-text.ts';
import { commitRows } from './commit-rows.ts';
import { type ChangeAnswer, type ChangeDeps, type ChangeRun, tableName } from './deps.ts';
import { assertSeenWhole } from './seen-whole.ts';
import type { RowStatement } from './statements.ts';
import { icebergMetadata, writableTable } from './write-rights.ts';

/** DELETE FROM. Without WHERE every file goes and none is read. **Errors**: as of `changeRows`. */
export async function deleteRows(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<RowStatement, { kind: 'delete' }>,
): Promise<ChangeAnswer> {
  const name = tableName(run, statement.table);
  const table = await writableTable(deps, run, name, ['DELETE']);
  const metadata = icebergMetadata(name, table, 'DELETE');
  if (statement.where === undefined) {
    await assertSeenWhole(deps, run, name, table.record);
    const { files } = await deps.tables.planScan(metadata, {});
    if (countedRows(files) !== undefined) return deleteAll(deps, run, name);
  }
  const alias = statement.alias ?? statement.table.table;
  const where = statement.where === undefined ? '' : ` WHERE ${withoutDatabase(statement.where, name)}`;
  const sql = `SELECT ${rowHead(alias, String(DELETED)).join(', ')} FROM ${changedFrom(alias)}${where}`;
  return changeRows(deps, run, name, { operation: 'delete', sql, values: [] });
}

/** Every live file of the moment of the commit goes. */
async function deleteAll(deps: ChangeDeps, run: ChangeRun, name: TableName): Promise<ChangeAnswer> {
  let rows = 0;
  await commitRows(
    deps,
    run,
    name,
    async (current) => {
      const { files } = await deps.tables.planScan(current, {});
      rows = files.reduce((sum, file) => sum + file.rows, 0);
      return {
        kind: 'replace',
        operation: 'delete',
        remove: files.map((file) => file.path),
        removeDeletes: [...new Set(files.flatMap((file) => file.deletes.map(({ path }) => path)))],
        files: [],
      };
    },
    () => rows,
  );
  return { rowCount: rows, manifest: [] };
}
