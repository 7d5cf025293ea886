import { isLochError, LochError } from '../../../core/errors.ts';
import { type ChangeDeps, type ChangeRun, fullName, tableName } from '../deps.ts';
import type { DefinitionStatement } from '../statements.ts';
import { alterFiles } from './alter-files.ts';
import { alterIceberg } from './alter-iceberg.ts';

/** ALTER TABLE. **Errors**: `unsupported` naming what does not apply to such a table; those of the catalog. */
export async function alterTable(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<DefinitionStatement, { kind: 'alter_table' }>,
): Promise<void> {
  const name = tableName(run, statement.table);
  const { change } = statement;
  try {
    const table = await deps.catalog.resolveTable(run.context, name);
    if (table.record.format === 'view') {
      throw new LochError('invalid_argument', `\`${fullName(name)}\` is a view. Write CREATE OR REPLACE VIEW.`, {
        context: { table: fullName(name) },
      });
    }
    if (change.action === 'rename') {
      const to = tableName({ database: name.database }, change.to);
      await deps.catalog.renameTable(run.context, name, to, 'table');
    } else if (table.metadata === undefined) await alterFiles(deps, run, name, table.record, change);
    else await alterIceberg(deps, run, name, { record: table.record, metadata: table.metadata }, change);
  } catch (error) {
    if (!statement.ifExists || !isLochError(error, 'table_not_found')) throw error;
  }
}
