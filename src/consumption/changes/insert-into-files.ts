import type { TableRecord } from '../../catalog/contract.ts';
import { LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import { engineTypeOfHive } from '../queries/secure/engine-types.ts';
import { type ChangeAnswer, type ChangeDeps, type ChangeRun, fullName } from './deps.ts';
import { formatOfTable } from './file-formats.ts';
import { catalogValues, fileShape, placeFiles } from './hive-files.ts';
import { answerOf, goingTo, insertedRows, placesOf, readRows } from './read-rows.ts';
import type { RowStatement } from './statements.ts';

/**
 * INSERT into a table over files: new files only. Files of a partition that is new are seen when the partition is made,
 * after the last of them is there.
 * **Errors**: `unsupported` naming what the table is.
 */
export async function insertIntoFiles(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  record: TableRecord,
  statement: Extract<RowStatement, { kind: 'insert' }>,
): Promise<ChangeAnswer> {
  const format = formatOfTable(record);
  const buckets = record.storage.foreign?.BucketColumns;
  if (Array.isArray(buckets) && buckets.length > 0) {
    throw new LochError('unsupported', `INSERT into the bucketed table \`${fullName(name)}\` is not supported.`, {
      context: { table: fullName(name) },
    });
  }
  const columnOf = (column: { readonly name: string; readonly type: string }) => ({
    name: column.name,
    type: engineTypeOfHive(column.type),
  });
  const columns = record.columns.map(columnOf);
  const keys = record.partitionKeys.map(columnOf);
  const outcome = await readRows(deps, run, statement.query, async (found) =>
    fileShape(run, format, columns, keys, (source) =>
      insertedRows(source, found, name, [...columns, ...keys], statement.columns),
    ),
  );
  const known = new Map<string, string>();
  if (keys.length > 0) {
    let after: readonly string[] | undefined;
    do {
      const page = await deps.catalog.listPartitions(run.context, name, {
        limit: 1000,
        ...(after === undefined ? {} : { after }),
      });
      for (const partition of page) known.set(JSON.stringify(partition.values), partition.location);
      after = page.length < 1000 ? undefined : page.at(-1)!.values;
    } while (after !== undefined);
  }
  const placed = await placeFiles(deps, run, record.storage.location, outcome.files, {
    format,
    keys,
    folderOf: (values) => known.get(JSON.stringify(catalogValues(values))),
  });
  const fresh = new Map<string, { values: string[]; location: string; parameters: Record<string, string> }>();
  for (const file of placed) {
    const values = catalogValues(file.values);
    const key = JSON.stringify(values);
    if (keys.length === 0 || known.has(key)) continue;
    fresh.set(key, { values, location: file.path.replace(/\/[^/]*$/, ''), parameters: {} });
  }
  if (fresh.size > 0 && record.parameters['projection.enabled'] !== 'true') {
    await deps.catalog.createPartitions(run.context, name, [...fresh.values()], { ifNotExists: true });
  }
  run.written.length = 0;
  const into = goingTo(outcome.sourceColumns, placesOf(name, [...columns, ...keys], statement.columns));
  return answerOf(outcome, placed, { table: name, columnOf: into });
}
