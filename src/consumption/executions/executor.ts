/**
 * Brings queries to their end.
 *
 * Invariants
 * - What runs is written in the store before it begins and when it has ended; this object holds only what can be lost.
 * - A result is durable under its final name before the query is SUCCEEDED.
 * - `close` aborts what runs and leaves it RUNNING: the next start queues it again. SELECTs change nothing; of a statement
 *   that changes something the next start finds out whether it was committed, and never begins it again.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DoorName, RequestContext } from '../../core/caller.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { PreparedStatements, QueryExecution } from '../contract.ts';
import { DEFAULT_DATABASE } from '../queries/run-statement.ts';
import { athenaError } from './athena-error.ts';
import type { ExecutionDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import { preparedCommand } from './prepared-statements.ts';
import { produceChange } from './produce-change.ts';
import { producePrepared } from './produce-prepared.ts';
import type { ExecutionEnd, ExecutionRecord } from './records.ts';
import { resultColumn, textColumn } from './result-types.ts';
import { RepeatedReads } from './repeated-reads.ts';
import { runUtility } from './run-utility.ts';
import { statementKind, type UtilityStatement } from './statement-kind.ts';
import { flowsOfStatement, queryEnd } from './statement-lineage.ts';
import { executionProcedures } from './store.ts';

export interface Executor extends Lifecycle {
  /** Queues again every query that a stop or crash left. Called once, at start. */
  resume(): Promise<void>;
  /** Takes on a query that stands in the store as QUEUED. */
  take(id: string): void;
  /** Stops a query if it is not in a final state; resolves when its state says so. */
  stop(id: string): Promise<void>;
  /** The query in its final state. */
  finished(id: string, signal: AbortSignal): Promise<QueryExecution>;
}

/** Times a query may be begun: a fault of the engine puts it back once. */
const MAX_ATTEMPTS = 2;

class Closing extends Error {}
class TimedOut extends Error {}

/** The executor of queries. Nothing runs before `resume` or `take`. */
export function createExecutor(deps: ExecutionDeps, prepared: PreparedStatements): Executor {
  const { store, concurrency } = deps;
  const folder = join(deps.workDirectory, 'results');
  const active = new Map<string, { readonly abort: AbortController; readonly over: Promise<void> }>();
  const waiting: string[] = [];
  const reads = new RepeatedReads();
  /** They were running when the server stopped. */
  const interrupted = new Set<string>();
  let running = 0;
  let closed = false;

  const run = async (id: string, abort: AbortController): Promise<void> => {
    const queued = await store.read(executionProcedures.get, { id });
    if (queued === undefined || queued.execution.state !== 'QUEUED') return;
    if (abort.signal.aborted) return finish(queued, abort.signal.reason, performance.now());
    const record: ExecutionRecord = { ...queued, attempt: queued.attempt + 1 };
    // The state is written while the statement is planned; nothing ends before it is.
    const begun = store.write(executionProcedures.begin, { id, attempt: record.attempt });
    begun.catch(() => {});
    const begunAt = performance.now();
    const waitedMs = Math.max(0, deps.clock.now() - record.execution.submittedAt);
    const limit = setTimeout(() => abort.abort(new TimedOut()), deps.queryTimeoutMs);
    try {
      const cut = interrupted.delete(id);
      const outcome = await produce({ deps, reads, prepared }, record, {
        folder,
        signal: abort.signal,
        interrupted: cut,
      });
      if ((await begun) === undefined) return;
      await end(ended(record, 'SUCCEEDED', { ...outcome, queueMs: outcome.queueMs + waitedMs }));
    } catch (error) {
      await begun;
      await finish(record, abort.signal.aborted ? (abort.signal.reason ?? error) : error, begunAt);
    } finally {
      clearTimeout(limit);
      await rm(join(folder, id), { recursive: true, force: true });
    }
  };

  /** What a failed attempt ends in: nothing at a close, the queue once more after a fault, else a final state. */
  const finish = async (record: ExecutionRecord, error: unknown, begunAt: number): Promise<void> => {
    if (error instanceof Closing) return;
    const { id } = record.execution;
    if (isLochError(error, 'unavailable') && record.attempt < MAX_ATTEMPTS) {
      await store.write(executionProcedures.requeue, { id });
      again.add(id);
      return;
    }
    const known = error instanceof TimedOut ? timedOut(deps.queryTimeoutMs) : toLochError(error);
    const { error: numbered, reason } = athenaError(known);
    const cancelled = known.code === 'statement_cancelled';
    const runMs = performance.now() - begunAt;
    await end(ended(record, cancelled ? 'CANCELLED' : 'FAILED', { stateReason: reason, error: numbered, runMs }));
  };
  const again = new Set<string>();

  const end = (last: ExecutionEnd) => store.write(executionProcedures.end, last);

  const pump = (): void => {
    while (!closed && running < concurrency && waiting.length > 0) {
      const id = waiting.shift()!;
      const abort = new AbortController();
      running++;
      const over = run(id, abort)
        .catch((error: unknown) => deps.onFailure(error))
        .finally(() => {
          running--;
          active.delete(id);
          if (again.delete(id)) waiting.push(id);
          pump();
        });
      active.set(id, { abort, over });
    }
  };

  return {
    async resume() {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const { execution } of await store.read(executionProcedures.unfinished, undefined)) {
        if (execution.state === 'RUNNING') {
          interrupted.add(execution.id);
          await store.write(executionProcedures.requeue, { id: execution.id });
        }
        waiting.push(execution.id);
      }
      pump();
    },
    take(id) {
      waiting.push(id);
      pump();
    },
    async stop(id) {
      const cancelled = new LochError('statement_cancelled', 'Query was cancelled by user.');
      const entry = active.get(id);
      if (entry !== undefined) {
        entry.abort.abort(cancelled);
        await entry.over;
        return;
      }
      const at = waiting.indexOf(id);
      if (at < 0) return;
      waiting.splice(at, 1);
      const record = await store.read(executionProcedures.get, { id });
      if (record !== undefined) await finish(record, cancelled, performance.now());
    },
    finished: (id, signal) => finished(deps, id, signal),
    async close() {
      closed = true;
      for (const { abort } of active.values()) abort.abort(new Closing());
      await Promise.all([...active.values()].map(({ over }) => over));
    },
  };
}

function ended(record: ExecutionRecord, state: ExecutionEnd['state'], rest: Partial<ExecutionEnd>): ExecutionEnd {
  return {
    id: record.execution.id,
    state,
    stateReason: null,
    error: null,
    queueMs: 0,
    planMs: 0,
    runMs: 0,
    bytesScanned: 0,
    rowCount: null,
    columns: [],
    result: null,
    flows: null,
    ...rest,
  };
}

function timedOut(limitMs: number): LochError {
  return new LochError('timeout', `The query ran longer than its limit of ${limitMs} ms and was stopped.`, {
    context: { timeoutMs: limitMs },
  });
}

/** Runs a query and puts its result where it belongs. */
async function produce(
  {
    deps,
    reads,
    prepared,
  }: { readonly deps: ExecutionDeps; readonly reads: RepeatedReads; readonly prepared: PreparedStatements },
  record: ExecutionRecord,
  work: { readonly folder: string; readonly signal: AbortSignal; readonly interrupted: boolean },
): Promise<Outcome> {
  const context = await contextOf(deps, record, work.signal);
  const command = preparedCommand(record.execution.sql);
  if (command !== undefined) return producePrepared(deps, prepared, context, record, command);
  const { utility, change } = statementKind(record.execution.sql);
  if (utility !== undefined) return produceText(deps, context, record, utility);
  const folder = join(work.folder, record.execution.id);
  if (change !== undefined) return produceChange(deps, context, record, change, { ...work, folder });
  return produceCsv(deps, reads, context, record, folder, work.signal);
}

async function produceCsv(
  deps: ExecutionDeps,
  reads: RepeatedReads,
  context: RequestContext,
  record: ExecutionRecord,
  folder: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const { id, sql, database, outputLocation } = record.execution;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'result.csv');
  const outcome = await deps.runner.run(
    context,
    {
      sql,
      dialect: record.dialect,
      database: database ?? DEFAULT_DATABASE,
      result: { kind: 'csv', path },
      queryId: id,
    },
    signal,
  );
  signal.throwIfAborted();
  const flows = flowsOfStatement(
    outcome,
    { job: 'query', runId: id },
    queryEnd({ principal: context.principal.arn, sql }),
  );
  const { bucket, key } = parseS3Uri(outputLocation);
  await deps.objects.put(bucket, key, { adoptFile: path }, { contentType: 'text/csv', operation: 'QueryResult' });
  return {
    columns: outcome.columns.map(resultColumn),
    result: { bucket, key, form: 'csv' },
    rowCount: outcome.rowCount,
    queueMs: outcome.queueMs,
    planMs: outcome.planMs,
    runMs: outcome.runMs,
    bytesScanned: outcome.bytesScanned,
    flows: flows.length === 0 || reads.isRepeat(flows, deps.clock.now()) ? null : JSON.stringify(flows),
  };
}

async function produceText(
  deps: ExecutionDeps,
  context: RequestContext,
  record: ExecutionRecord,
  utility: UtilityStatement,
): Promise<Outcome> {
  const startedAt = performance.now();
  const { database, outputLocation } = record.execution;
  const { columns, rows } = await runUtility(
    deps.catalog,
    context,
    utility,
    database ?? DEFAULT_DATABASE,
    deps.upkeep?.(),
  );
  const { bucket, key } = parseS3Uri(outputLocation);
  const text = rows.map((row) => `${row.join('\t')}\n`).join('');
  await deps.objects.put(bucket, key, Buffer.from(text, 'utf8'), {
    contentType: 'text/plain',
    operation: 'QueryResult',
  });
  return {
    columns: columns.map(textColumn),
    result: { bucket, key, form: 'text' },
    rowCount: rows.length,
    queueMs: 0,
    planMs: performance.now() - startedAt,
    runMs: 0,
    bytesScanned: 0,
    flows: null,
  };
}

/** The caller as of now: a user who is gone or changed counts as he is now. **Errors**: `access_denied` when gone. */
async function contextOf(deps: ExecutionDeps, record: ExecutionRecord, signal: AbortSignal): Promise<RequestContext> {
  const { caller, execution } = record;
  const principal = await deps.identities.principal(caller.principalArn);
  if (principal === undefined) {
    throw new LochError('access_denied', `\`${caller.principalArn}\`, who asked this, is gone.`, {
      context: { principal: caller.principalArn },
    });
  }
  return {
    requestId: caller.requestId,
    principal,
    accountId: record.accountId,
    region: deps.region,
    door: caller.door as DoorName,
    sourceIp: caller.sourceIp,
    userAgent: caller.userAgent,
    secure: caller.secure,
    signal,
    startedAt: execution.submittedAt,
    operation: 'athena:StartQueryExecution',
  };
}

const FINAL = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']);

/** Waits for the event that tells the final state; asks the store first, since it may have been told before. */
async function finished(deps: ExecutionDeps, id: string, signal: AbortSignal): Promise<QueryExecution> {
  const current = async () => {
    const record = await deps.store.read(executionProcedures.get, { id });
    if (record === undefined) throw new LochError('not_found', `QueryExecution ${id} was not found.`);
    return FINAL.has(record.execution.state) ? record.execution : undefined;
  };
  return new Promise((resolve, reject) => {
    const look = () =>
      void current().then((execution) => {
        if (execution === undefined) return;
        settle();
        resolve(execution);
      }, fail);
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const settle = () => {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
    };
    const unsubscribe = deps.store.onCommitted((events) => {
      const told = events.some(
        (event) =>
          event.name === 'consumptionQueryChanged' && event.payload.queryId === id && FINAL.has(event.payload.state),
      );
      if (told) look();
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else look();
  });
}
