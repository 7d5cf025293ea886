import { isLochError, LochError } from '../../../core/errors.ts';
import { type ChangeDeps, type ChangeRun, fullName, tableName } from '../deps.ts';
import type { DefinitionStatement } from '../statements.ts';

/**
 * DROP TABLE and DROP VIEW: to the bin, from which a table comes back within seven days with its rows; then its files go.
 * **Errors**: `table_not_found`; `invalid_argument` when it is the other of the two.
 */
export async function dropTable(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<DefinitionStatement, { kind: 'drop_table' | 'drop_view' }>,
): Promise<void> {
  const name = tableName(run, statement.table);
  try {
    const { record } = await deps.catalog.resolveTable(run.context, name);
    const isView = record.format === 'view';
    if (isView !== (statement.kind === 'drop_view')) {
      const verb = isView ? 'DROP VIEW' : 'DROP TABLE';
      throw new LochError(
        'invalid_argument',
        `\`${fullName(name)}\` is a ${isView ? 'view' : 'table'}. Write ${verb}.`,
        {
          context: { table: fullName(name) },
        },
      );
    }
    if (isView) await deps.catalog.dropView(run.context, name);
    else await deps.catalog.deleteTable(run.context, name);
  } catch (error) {
    if (!statement.ifExists || !isLochError(error, 'table_not_found')) throw error;
  }
}
