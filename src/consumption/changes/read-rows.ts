/** Rows of a caller's query, in the shape of the table they go to. */
import { join } from 'node:path';
import { LochError } from '../../core/errors.ts';
import type { EngineColumn } from '../../engines/contract.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StatementOutcome } from '../../processing/contract.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import { type ChangeAnswer, type ChangeDeps, type ChangeRun, fullName } from './deps.ts';
import { asMismatch, byPosition, positional, writtenValue } from './engine-columns.ts';

/** Columns of a table as rows are written into them, types of the engine. */
export interface TargetColumn {
  readonly name: string;
  readonly type: string;
}

/** Reads `sql` in a shape; values of a wrong type are told as such. */
export async function readRows(
  deps: ChangeDeps,
  run: ChangeRun,
  sql: string,
  shape: (columns: readonly EngineColumn[]) => ReturnType<Parameters<ChangeDeps['read']>[1]['shape']>,
) {
  const { context, text, dialect, database, queryId, signal } = run;
  try {
    return await deps.read(context, { sql, text, dialect, database, queryId, shape }, signal);
  } catch (error) {
    throw asMismatch(error);
  }
}

/** Data files of an Iceberg table. */
export async function dataFileShape(
  deps: Pick<ChangeDeps, 'tables'>,
  run: Pick<ChangeRun, 'folder'>,
  metadata: TableMetadata,
  rows: (source: string) => string,
) {
  const layout = deps.tables.writeLayout(metadata);
  return {
    // Built once before anything runs, so that what cannot be written is refused first.
    select: (source: string) => layout.select(rows(source)),
    preamble: layout.preamble,
    result: dataFileResult(layout, join(run.folder, 'data')),
  };
}

/** How the engine writes data files of a table into a folder. */
export function dataFileResult(layout: ReturnType<ChangeDeps['tables']['writeLayout']>, directory: string) {
  return {
    kind: 'parquet' as const,
    directory,
    fieldIds: layout.fieldIds,
    ...(layout.partitionBy.length === 0 ? {} : { partitionBy: layout.partitionBy, partitionColumnsInFiles: false }),
  };
}

/** The rows of a query under the names of the columns they go to. **Errors**: `type_mismatch`, `column_not_found`. */
export function insertedRows(
  source: string,
  columns: readonly EngineColumn[],
  table: TableName,
  targets: readonly TargetColumn[],
  named: readonly string[] | undefined,
): string {
  const places = placesOf(table, targets, named);
  if (columns.length !== places.length) {
    throw new LochError(
      'type_mismatch',
      `Insert query has ${columns.length} columns, but \`${fullName(table)}\` takes ${places.length}: ${places.map((place) => place.name).join(', ')}.`,
      { context: { table: fullName(table), expected: places.length, found: columns.length } },
    );
  }
  return byPosition(
    source,
    columns.length,
    targets.map((target) => {
      const at = places.indexOf(target);
      if (at < 0) return { name: target.name, expression: `CAST(NULL AS ${target.type})` };
      return { name: target.name, expression: writtenValue(positional(at), columns[at]!.type, target) };
    }),
  );
}

/** The columns that a query goes to, in its order. **Errors**: `column_not_found`, `invalid_argument` for one named twice. */
export function placesOf(
  table: TableName,
  targets: readonly TargetColumn[],
  named: readonly string[] | undefined,
): TargetColumn[] {
  if (named === undefined) return [...targets];
  const places = named.map((name) => {
    const target = targets.find((one) => one.name.toLowerCase() === name);
    if (target !== undefined) return target;
    throw new LochError(
      'column_not_found',
      `Insert column \`${name}\` does not exist in \`${fullName(table)}\`. It has: ${targets.map((one) => one.name).join(', ')}.`,
      { context: { name, table: fullName(table) } },
    );
  });
  const twice = places.find((place, i) => places.indexOf(place) !== i);
  if (twice === undefined) return places;
  throw new LochError('invalid_argument', `Insert column \`${twice.name}\` is specified more than once.`, {
    context: { name: twice.name },
  });
}

/** What a statement that read and wrote tells. `into` says which table, and which column of it an output became. */
export function answerOf(
  outcome: StatementOutcome,
  files: readonly { readonly path: string }[],
  into?: { readonly table: TableName; columnOf(output: string): string | undefined },
): ChangeAnswer {
  const { rowCount, bytesScanned, queueMs, planMs, runMs } = outcome;
  const manifest = files.map((file) => file.path);
  const answer = { rowCount, bytesScanned, queueMs, planMs, runMs, manifest };
  return into === undefined ? answer : { ...answer, made: madeOf(outcome, into) };
}

function madeOf(
  { tables, columnFlows, views }: StatementOutcome,
  { table, columnOf }: { readonly table: TableName; columnOf(output: string): string | undefined },
): NonNullable<ChangeAnswer['made']> {
  const isOther = (name: TableName) => fullName(name) !== fullName(table);
  const flows = columnFlows?.flatMap(({ output, inputs }) => {
    const column = columnOf(output);
    return column === undefined ? [] : [{ output: column, inputs: inputs.filter((input) => isOther(input.table)) }];
  });
  return {
    table,
    tables: tables.filter(({ name }) => isOther(name)),
    ...(flows === undefined ? {} : { columnFlows: flows }),
    ...(views === undefined ? {} : { views }),
  };
}

/** The column that an output of a query goes to, by position. */
export const goingTo =
  (sources: readonly EngineColumn[], columns: readonly { readonly name: string }[]) =>
  (output: string): string | undefined =>
    columns[sources.findIndex((source) => source.name.toLowerCase() === output.toLowerCase())]?.name;
