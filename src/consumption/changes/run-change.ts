import { LochError } from '../../core/errors.ts';
import { createTableAs } from './create-table-as.ts';
import { runDefinition } from './definitions/run-definition.ts';
import { deleteRows } from './delete-rows.ts';
import type { ChangeAnswer, ChangeDeps, ChangeRun } from './deps.ts';
import { insertRows } from './insert-rows.ts';
import { mergeRows } from './merge-rows.ts';
import type { ChangeStatement } from './statements.ts';
import { unload } from './unload.ts';
import { updateRows } from './update-rows.ts';
import { removeWritten } from './write-files.ts';

/** Runs a statement that changes tables or the catalog. What it wrote goes when it fails. **Errors**: as of each statement. */
export async function runChange(deps: ChangeDeps, run: ChangeRun, statement: ChangeStatement): Promise<ChangeAnswer> {
  try {
    switch (statement.kind) {
      case 'insert':
        return await insertRows(deps, run, statement);
      case 'ctas':
        return await createTableAs(deps, run, statement);
      case 'delete':
        return await deleteRows(deps, run, statement);
      case 'update':
        return await updateRows(deps, run, statement);
      case 'merge':
        return await mergeRows(deps, run, statement);
      case 'unload':
        return await unload(deps, run, statement);
      default:
        return { lines: await runDefinition(deps, run, statement) };
    }
  } catch (error) {
    await removeWritten(deps, run);
    throw error;
  }
}

/** A statement that was cut off before its commit. */
export function cutOff(): LochError {
  return new LochError(
    'conflict',
    'The server stopped while the statement ran. Of a statement that writes rows nothing was committed; one about the catalog may have been applied. Run it again.',
  );
}
