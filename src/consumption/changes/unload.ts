import { LochError } from '../../core/errors.ts';
import { engineTypeOfHive } from '../queries/secure/engine-types.ts';
import type { ChangeAnswer, ChangeDeps, ChangeRun } from './deps.ts';
import { hiveTypeOfColumn } from './engine-columns.ts';
import { formatOf } from './file-formats.ts';
import { fileShape, placeFiles } from './hive-files.ts';
import { answerOf, insertedRows, readRows } from './read-rows.ts';
import { assertEmpty, authorizeWriting } from './new-tables.ts';
import { assertKnown, listOf } from './property-values.ts';
import type { RowStatement } from './statements.ts';

const KNOWN = new Set(['format', 'compression', 'compression_level', 'field_delimiter', 'partitioned_by']);

/** UNLOAD: the rows of a query as files at a place that is empty. **Errors**: `invalid_argument`, `access_denied`, `unsupported`. */
export async function unload(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<RowStatement, { kind: 'unload' }>,
): Promise<ChangeAnswer> {
  assertKnown(statement.properties, KNOWN, 'UNLOAD');
  const format = formatOf(statement.properties);
  const partitioned = listOf(statement.properties, 'partitioned_by').map((key) => key.toLowerCase());
  await authorizeWriting(deps, run, statement.location);
  await assertEmpty(deps, statement.location);
  let keys: { readonly name: string; readonly type: string }[] = [];
  const outcome = await readRows(deps, run, statement.query, async (columns) => {
    const all = columns.map((column) => ({ name: column.name, type: engineTypeOfHive(hiveTypeOfColumn(column)) }));
    keys = partitioned.map((key) => {
      const column = all.find((one) => one.name.toLowerCase() === key);
      if (column !== undefined) return column;
      throw new LochError('column_not_found', `The partition column \`${key}\` is not in the query.`, {
        context: { name: key },
      });
    });
    const rest = all.filter((column) => !keys.includes(column));
    return fileShape(run, format, rest, keys, (source) =>
      insertedRows(source, columns, { database: 'unload', table: 'query' }, all, undefined),
    );
  });
  const placed = await placeFiles(deps, run, statement.location, outcome.files, { format, keys });
  run.written.length = 0;
  return answerOf(outcome, placed);
}
