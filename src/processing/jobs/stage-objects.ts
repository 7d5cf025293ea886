import { join } from 'node:path';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError } from '../../core/errors.ts';
import type { ObjectInput, StatementRunner } from '../contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import type { CleanDefinition, CleanPlan } from './clean-plan.ts';
import { RAW, stageSql, unreadableSql } from './clean-sql.ts';
import { groupByFields, type ObjectGroup } from './object-fields.ts';
import type { PinnedObject } from './records.ts';

export interface StageDeps {
  readonly objects: ObjectStore;
  readonly runner: StatementRunner;
}

export interface Stage {
  readonly files: readonly string[];
  readonly rows: number;
}

/**
 * Reads raw objects into typed rows with the rules they break, as Parquet in `folder`. An object that cannot be read at
 * all (not UTF-8, broken gzip) becomes one row of its own that says so; a statement that fails on readable objects fails.
 */
export async function stageObjects(
  deps: StageDeps,
  context: RequestContext,
  job: { readonly definition: CleanDefinition; readonly plan: CleanPlan; readonly folder: string },
  pinned: readonly PinnedObject[],
): Promise<Stage> {
  const groups = await groupByFields(deps.objects, job.definition, job.plan, pinned, context.signal);
  const files: string[] = [];
  let rows = 0;
  let next = 0;
  const write = async (sql: string, objects: readonly ObjectInput[]) => {
    const result = { kind: 'parquet' as const, directory: join(job.folder, `stage-${next++}`) };
    const outcome = await deps.runner.run(context, { sql, dialect: 'duckdb', result, objects }, context.signal);
    files.push(...outcome.files.map((file) => file.path));
    rows += outcome.rowCount;
  };
  const read = async (group: ObjectGroup): Promise<void> => {
    try {
      await write(stageSql(job.plan, group.fields), [inputOf(job.definition, group)]);
    } catch (error) {
      if (!isLochError(error, 'statement_failed')) throw error;
      if (await isReadable(deps, context, job.definition, group)) throw error;
      if (group.objects.length > 1) {
        for (const object of group.objects) await read({ ...group, objects: [object] });
        return;
      }
      const other = asLines(group);
      if (other !== undefined) return read(other);
      await write(unreadableSql(job.plan, group.objects[0]!.key, firstLine(error.message)), []);
    }
  };
  for (const group of groups) {
    if (group.damage === undefined) await read(group);
    else for (const { key } of group.objects) await write(unreadableSql(job.plan, key, group.damage), []);
  }
  return { files, rows };
}

function inputOf(definition: CleanDefinition, group: ObjectGroup): ObjectInput {
  return {
    name: RAW,
    format: definition.source.format,
    objects: group.objects.map(({ bucket, key }) => ({ bucket, key })),
    columns: group.fields.map((name) => ({ name })),
    options: group.options,
  };
}

/** JSON that is neither an array nor a row of values is read line by line, where every line may be faulty. */
function asLines(group: ObjectGroup): ObjectGroup | undefined {
  const layout = group.options.layout;
  if (layout === undefined || layout === 'lines') return undefined;
  return { ...group, options: { ...group.options, layout: 'lines' } };
}

/** Whether the engine can read every value of these objects: then a failure is the job's and not theirs. */
async function isReadable(
  deps: StageDeps,
  context: RequestContext,
  definition: CleanDefinition,
  group: ObjectGroup,
): Promise<boolean> {
  try {
    await deps.runner.run(
      context,
      {
        sql: `SELECT sum(length("_record")), sum(length("_rest")) FROM ${RAW}`,
        dialect: 'duckdb',
        result: { kind: 'rows', maxRows: 1 },
        objects: [inputOf(definition, group)],
      },
      context.signal,
    );
    return true;
  } catch (error) {
    if (isLochError(error, 'statement_failed')) return false;
    throw error;
  }
}

/** The engine's reason without its settings and our paths, which follow in further lines. */
const firstLine = (message: string): string => message.split('\n', 1)[0]!.slice(0, 300);
