/**
 * One attempt of a cleaning run: pinned objects → staged rows → contest with the target → new data files and quarantine,
 * with every row accounted for: in = committed + rejected + duplicate. Nothing is visible before the commit.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestContext } from '../../core/caller.ts';
import { s3Arn } from '../../core/arn.ts';
import { LochError } from '../../core/errors.ts';
import type { JobRunCounts, StageInput, StatementOutcome } from '../contract.ts';
import { type CleanDefinition, type CleanPlan, compileClean } from './clean-plan.ts';
import {
  addedSql,
  CONFLICTS,
  CONTEST,
  conflictsSql,
  contestCountsSql,
  contestSql,
  mergedSql,
  rejectedByRuleSql,
  rejectedSql,
  STAGED,
} from './clean-sql.ts';
import { type CommitPlan, StaleBase } from './commit-run.ts';
import { adoptDataFiles, removeDataFiles } from './data-files.ts';
import type { RunDeps, RunWork } from './execute-run.ts';
import { authorizeListing, authorizeReads, authorizeWrite } from './authorize-objects.ts';
import { changedObjects, pinObjects } from './pin-objects.ts';
import { sqlTable } from './sql-table.ts';
import { stageObjects } from './stage-objects.ts';
import { assertSeesAll, openTarget, type Target } from './target-table.ts';
import { jobProcedures } from './store.ts';

interface Attempt {
  readonly deps: RunDeps;
  readonly context: RequestContext;
  readonly runId: string;
  readonly definition: CleanDefinition;
  readonly plan: CleanPlan;
  readonly folder: string;
  readonly target: Target;
}

/** What a run without new objects, or without new rows, leaves: counts and no commit. */
export async function executeClean(
  deps: RunDeps,
  context: RequestContext,
  work: RunWork & { readonly definition: CleanDefinition },
): Promise<{ readonly counts: JobRunCounts; readonly commit?: CommitPlan }> {
  const { definition, runId, folder } = work;
  const plan = compileClean(definition);
  await authorizeListing(deps, context, definition.source);
  const known = work.resumed ? await deps.store.read(jobProcedures.pinned, { id: runId }) : [];
  const stale = known.length > 0 ? await changedObjects(deps.objects, definition, known) : [];
  const pinned = known.length > 0 && stale.length === 0 ? known : await pinObjects(deps, runId, definition);
  if (pinned.length === 0) return { counts: noRows };
  await authorizeReads(deps, context, pinned);
  const columns = plan.columns.map(({ name, kind }) => ({ name, type: kind.hive }));
  const target = await openTarget(deps, context, {
    name: definition.target,
    columns,
    otherColumns: 'keep',
    ...(definition.partition === undefined ? {} : { partition: definition.partition }),
    ...(definition.description === undefined ? {} : { description: definition.description }),
  });
  await assertSeesAll(deps, context, definition.target, columns);
  await removeDataFiles(deps.objects, target.location, runId);
  const reading: Attempt = { deps, context, runId, definition, plan, folder, target };

  const staged = await stageObjects(deps, context, { definition, plan, folder }, pinned);
  // The runner reads current versions: only if none changed meanwhile were the pinned ones read.
  if ((await changedObjects(deps.objects, definition, pinned)).length > 0) throw new StaleBase();
  if (staged.rows === 0) return { counts: { ...noRows, objectsIn: pinned.length } };
  const [attempt, stages] = await judgeUnique(reading, { name: STAGED, files: staged.files });
  const rejected = await quarantine(attempt, stages);
  const won = await contest(attempt, stages);
  const { commit, change } = await writeRows(attempt, won);
  const counts: JobRunCounts = {
    objectsIn: pinned.length,
    rowsIn: staged.rows,
    rowsCommitted: change,
    rowsRejected: rejected.rows,
    rowsDuplicate: won.duplicates,
    rejectedByRule: rejected.byRule,
  };
  assertReconciled(counts);
  return commit === undefined ? { counts } : { counts, commit };
}

const noRows: JobRunCounts = {
  objectsIn: 0,
  rowsIn: 0,
  rowsCommitted: 0,
  rowsRejected: 0,
  rowsDuplicate: 0,
  rejectedByRule: {},
};

function assertReconciled(counts: JobRunCounts): void {
  const accounted = counts.rowsCommitted + counts.rowsRejected + counts.rowsDuplicate;
  if (accounted === counts.rowsIn) return;
  throw new LochError(
    'data_corrupt',
    `Of ${counts.rowsIn} rows read ${accounted} are accounted for (${counts.rowsCommitted} committed, ${counts.rowsRejected} rejected, ${counts.rowsDuplicate} duplicate). Nothing was committed; report this with the run's id.`,
    { context: { rowsIn: counts.rowsIn, accounted } },
  );
}

/** The attempt and its stages after uniqueness: without conflicts there is no stage of them, and no rule to ask. */
async function judgeUnique(attempt: Attempt, staged: StageInput): Promise<[Attempt, readonly StageInput[]]> {
  if (attempt.plan.rules.unique.length === 0) return [attempt, [staged]];
  const outcome = await stage(attempt, 'conflicts', conflictsSql(attempt.plan, attempt.target.name), [staged]);
  if (outcome.rowCount === 0) {
    return [{ ...attempt, plan: { ...attempt.plan, rules: { ...attempt.plan.rules, unique: [] } } }, [staged]];
  }
  return [attempt, [staged, { name: CONFLICTS, files: outcome.files.map((file) => file.path) }]];
}

interface Contest {
  readonly stages: readonly StageInput[];
  readonly won: number;
  readonly displaced: number;
  readonly duplicates: number;
}

async function contest(attempt: Attempt, stages: readonly StageInput[]): Promise<Contest> {
  const outcome = await stage(attempt, 'contest', contestSql(attempt.plan, attempt.target.name), stages);
  if (outcome.rowCount === 0) return { stages: [], won: 0, displaced: 0, duplicates: 0 };
  const contested = [{ name: CONTEST, files: outcome.files.map((file) => file.path) }];
  const [row] = (await rows(attempt, contestCountsSql(), contested, 1)).rows;
  const [won, displaced, duplicates] = row!.map(Number) as [number, number, number];
  return { stages: contested, won, displaced, duplicates };
}

/** Writes and hands over the data files. New keys only: append. Otherwise the merged table replaces the old one. */
async function writeRows(attempt: Attempt, won: Contest): Promise<{ change: number; commit?: CommitPlan }> {
  if (won.won === 0) return { change: 0 };
  const { plan, target, deps, runId } = attempt;
  const { expressions, columns } = target.layout;
  const merge = won.displaced > 0;
  const sql = merge ? mergedSql(plan, target.name, expressions) : addedSql(plan, expressions);
  const outcome = await deps.runner.run(
    attempt.context,
    {
      sql,
      dialect: 'duckdb',
      stages: won.stages,
      result: {
        kind: 'parquet',
        directory: join(attempt.folder, 'target'),
        fieldIds: target.fieldIds,
        ...(columns.length === 0 ? {} : { partitionBy: columns, partitionColumnsInFiles: false }),
      },
    },
    attempt.context.signal,
  );
  assertBase(attempt, outcome);
  const before = merge ? await countTarget(attempt) : 0;
  const files = await adoptDataFiles(deps.objects, outcome.files, { ...target, runId });
  return {
    change: outcome.rowCount - before,
    commit: {
      target: target.name,
      kind: merge ? 'overwrite' : 'append',
      files,
      base: { snapshotId: target.snapshotId ?? null },
      location: target.location,
      lineage: lineageOf(attempt.definition),
    },
  };
}

/** Each column comes from the field of its name, or of the name that it is taken from. */
function lineageOf({ source, columns }: CleanDefinition): NonNullable<CommitPlan['lineage']> {
  const end = { kind: 'objects', bucket: source.bucket, prefix: source.prefix } as const;
  return {
    inputs: [end],
    columns: columns.map(({ name, from }) => ({ output: name, inputs: [{ end, column: from ?? name }] })),
  };
}

async function countTarget(attempt: Attempt): Promise<number> {
  const outcome = await rows(attempt, `SELECT count(*) FROM ${sqlTable(attempt.target.name)}`, [], 1);
  return Number(outcome.rows[0]![0]);
}

/** Writes rejected rows as one NDJSON object, named by job and run: a repeat replaces it. */
async function quarantine(
  attempt: Attempt,
  stages: readonly StageInput[],
): Promise<{ readonly rows: number; readonly byRule: Record<string, number> }> {
  const { deps, context, definition, runId } = attempt;
  const { bucket, key } = quarantineObject(definition, runId);
  const path = join(attempt.folder, 'rejected.json');
  const outcome = await deps.runner.run(
    context,
    {
      sql: rejectedSql(attempt.plan, definition.name, runId),
      dialect: 'duckdb',
      result: { kind: 'json', path },
      stages,
    },
    context.signal,
  );
  if (outcome.rowCount === 0) {
    await deps.objects.delete(bucket, key);
    return { rows: 0, byRule: {} };
  }
  await authorizeWrite(deps, context, { bucket, key });
  await deps.objects.put(
    bucket,
    key,
    { adoptFile: path },
    { contentType: 'application/x-ndjson', operation: 'Quarantine' },
  );
  const byRule = await rows(attempt, rejectedByRuleSql(attempt.plan), stages, 10_000);
  await deps.audit.recordData(context, [
    { eventSource: 's3.amazonaws.com', eventName: 'PutObject', resource: s3Arn(bucket, key), rows: outcome.rowCount },
  ]);
  return { rows: outcome.rowCount, byRule: Object.fromEntries(byRule.rows.map(([rule, n]) => [rule!, Number(n)])) };
}

/** Where a run's rejected rows are. */
export function quarantineObject(definition: CleanDefinition, runId: string): { bucket: string; key: string } {
  const { bucket, prefix } = definition.quarantine;
  return { bucket, key: `${prefix}${definition.name}/run=${runId}/part-0.json` };
}

async function stage(
  attempt: Attempt,
  name: string,
  sql: string,
  stages: readonly StageInput[],
): Promise<StatementOutcome> {
  const directory = join(attempt.folder, name);
  await rm(directory, { recursive: true, force: true });
  const outcome = await attempt.deps.runner.run(
    attempt.context,
    { sql, dialect: 'duckdb', result: { kind: 'parquet', directory }, stages },
    attempt.context.signal,
  );
  assertBase(attempt, outcome);
  return outcome;
}

async function rows(
  attempt: Attempt,
  sql: string,
  stages: readonly StageInput[],
  maxRows: number,
): Promise<StatementOutcome> {
  const outcome = await attempt.deps.runner.run(
    attempt.context,
    { sql, dialect: 'duckdb', result: { kind: 'rows', maxRows }, stages },
    attempt.context.signal,
  );
  assertBase(attempt, outcome);
  return outcome;
}

/** All statements of an attempt must have read the same snapshot of the target. */
function assertBase(attempt: Attempt, outcome: StatementOutcome): void {
  const { database, table } = attempt.target.name;
  for (const read of outcome.tables) {
    if (read.name.database !== database || read.name.table !== table) continue;
    if (read.snapshotId !== attempt.target.snapshotId) throw new StaleBase();
  }
}
