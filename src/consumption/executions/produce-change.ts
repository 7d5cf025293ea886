/** Statements that change tables and the catalog, as executions. */
import { mkdir } from 'node:fs/promises';
import type { RequestContext } from '../../core/caller.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { ChangeAnswer, ChangeRun } from '../changes/deps.ts';
import { cutOff, runChange } from '../changes/run-change.ts';
import { settleChange } from '../changes/settle-change.ts';
import type { ChangeStatement } from '../changes/statements.ts';
import { DEFAULT_DATABASE } from '../queries/run-statement.ts';
import type { ExecutionDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import type { ExecutionRecord } from './records.ts';
import { flowsOfStatement } from './statement-lineage.ts';
import { resultColumn, textColumn } from './result-types.ts';

interface Work {
  readonly folder: string;
  readonly signal: AbortSignal;
  /** It was running when the server stopped. */
  readonly interrupted: boolean;
}

/** Runs a change, or finds out what became of one. **Errors**: those of the statement; `conflict` for one that was cut off. */
export async function produceChange(
  deps: ExecutionDeps,
  context: RequestContext,
  record: ExecutionRecord,
  statement: ChangeStatement,
  { folder, signal, interrupted }: Work,
): Promise<Outcome> {
  const startedAt = performance.now();
  const { id, sql, database } = record.execution;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const run: ChangeRun = {
    context,
    signal,
    text: sql,
    database: database ?? DEFAULT_DATABASE,
    dialect: record.dialect,
    queryId: id,
    folder,
    written: [],
  };
  // Begun before: its commit may have been made though its end was not told.
  const settled = record.attempt > 1 ? await settleChange(deps.changes, run, statement) : undefined;
  if (settled === undefined && interrupted) throw cutOff();
  const answer = settled ?? (await runChange(deps.changes, run, statement));
  return outcomeOf(deps, record, answer, performance.now() - startedAt);
}

async function outcomeOf(
  deps: ExecutionDeps,
  record: ExecutionRecord,
  answer: ChangeAnswer,
  totalMs: number,
): Promise<Outcome> {
  const { id, outputLocation } = record.execution;
  const { bucket, key } = parseS3Uri(outputLocation);
  const writes = answer.rowCount !== undefined;
  const place = writes ? key.replace(/[^/]*$/, `${id}-manifest.csv`) : key;
  const lines = writes ? (answer.manifest ?? []) : (answer.lines ?? []);
  await deps.objects.put(bucket, place, Buffer.from(lines.map((line) => `${line}\n`).join(''), 'utf8'), {
    contentType: writes ? 'text/csv' : 'text/plain',
    operation: 'QueryResult',
  });
  const planMs = answer.planMs ?? 0;
  const queueMs = answer.queueMs ?? 0;
  return {
    columns: writes ? [resultColumn({ name: 'rows', type: 'BIGINT' })] : lines.length > 0 ? [textColumn('result')] : [],
    result: { bucket, key: place, form: writes ? 'manifest' : 'text' },
    rowCount: answer.rowCount ?? lines.length,
    queueMs,
    planMs,
    runMs: answer.runMs ?? Math.max(0, totalMs - planMs - queueMs),
    bytesScanned: answer.bytesScanned ?? 0,
    flows: flowsOf(answer, id),
  };
}

function flowsOf({ made }: ChangeAnswer, runId: string): string | null {
  if (made === undefined) return null;
  const flows = flowsOfStatement(made, { job: 'statement', runId }, { kind: 'table', ...made.table });
  return flows.length === 0 ? null : JSON.stringify(flows);
}
