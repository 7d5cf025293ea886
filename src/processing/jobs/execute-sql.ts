/** One attempt of a SQL job: a SELECT in the caller's name whose result becomes data files of the target. */
import { join } from 'node:path';
import type { RequestContext } from '../../core/caller.ts';
import type { JobDefinition, JobRunCounts } from '../contract.ts';
import { hiveTypeOf } from './column-type.ts';
import type { CommitPlan } from './commit-run.ts';
import { adoptDataFiles, removeDataFiles } from './data-files.ts';
import type { RunDeps, RunWork } from './execute-run.ts';
import { jobProcedures } from './store.ts';
import { openTarget } from './target-table.ts';

export type SqlDefinition = Extract<JobDefinition, { kind: 'sql' }>;

/** The counts of a SQL job: rows in are the rows of its result, all of them committed. */
export async function executeSql(
  deps: RunDeps,
  context: RequestContext,
  work: RunWork & { readonly definition: SqlDefinition },
): Promise<{ readonly counts: JobRunCounts; readonly commit: CommitPlan }> {
  const { definition, runId, folder } = work;
  const { dialect } = definition;
  const sql = definition.sql.replace(/[\s;]+$/, '');
  const database = definition.target.database;
  await deps.store.write(jobProcedures.pin, { id: runId, objects: [] });
  // No rows, only their types: the target must be there, with its field ids, before a file is written.
  const shape = await deps.runner.run(
    context,
    { sql: `SELECT * FROM (\n${sql}\n) AS result LIMIT 0`, dialect, database, result: { kind: 'rows', maxRows: 1 } },
    context.signal,
  );
  const target = await openTarget(deps, context, {
    name: definition.target,
    columns: shape.columns.map((column) => ({ name: column.name.toLowerCase(), type: hiveTypeOf(column) })),
    otherColumns: definition.mode === 'overwrite' ? 'replace' : 'keep',
    ...(definition.partition === undefined ? {} : { partition: definition.partition }),
    ...(definition.description === undefined ? {} : { description: definition.description }),
  });
  await removeDataFiles(deps.objects, target.location, runId);
  const { expressions, columns } = target.layout;
  const list = ['result.*', ...expressions].join(', ');
  const outcome = await deps.runner.run(
    context,
    {
      sql: expressions.length === 0 ? sql : `SELECT ${list} FROM (\n${sql}\n) AS result`,
      dialect,
      database,
      result: {
        kind: 'parquet',
        directory: join(folder, 'target'),
        fieldIds: target.fieldIds,
        ...(columns.length === 0 ? {} : { partitionBy: columns, partitionColumnsInFiles: false }),
      },
    },
    context.signal,
  );
  const files = await adoptDataFiles(deps.objects, outcome.files, { ...target, runId });
  const ownTable = outcome.tables.find(
    ({ name }) => name.database === target.name.database && name.table === target.name.table,
  );
  return {
    counts: {
      objectsIn: 0,
      rowsIn: outcome.rowCount,
      rowsCommitted: outcome.rowCount,
      rowsRejected: 0,
      rowsDuplicate: 0,
      rejectedByRule: {},
    },
    commit: {
      target: target.name,
      kind: definition.mode,
      files,
      location: target.location,
      lineage: {
        inputs: outcome.tables.filter(({ inside }) => inside !== true).map(({ name }) => ({ kind: 'table', ...name })),
        ...(shape.columnFlows === undefined
          ? {}
          : {
              columns: shape.columnFlows.map(({ output, inputs }) => ({
                output,
                inputs: inputs.map(({ table, column }) => ({ end: { kind: 'table', ...table }, column })),
              })),
            }),
      },
      // A job that reads the table it replaces must not undo what was committed since.
      ...(ownTable === undefined ? {} : { base: { snapshotId: ownTable.snapshotId ?? null } }),
    },
  };
}
