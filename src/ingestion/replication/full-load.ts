/**
 * One run of a full load: `CREATED → SNAPSHOTTING → LOADING → COMPLETED | FAILED | STOPPED`.
 *
 * Invariants
 * - All ranges of a table are read under one snapshot. A range that is landed is not read again while that snapshot
 *   lives; when it is lost, tables that are not complete start anew under a fresh one, and the run says so.
 * - A range is one object; it counts when its object and its row in the store are durable. A table counts when the rows
 *   of its ranges are the rows of the snapshot.
 */
import { createGzip, constants } from 'node:zlib';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import { s3Arn } from '../../core/arn.ts';
import type { Secret } from '../../core/secret.ts';
import type { Audit } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ObjectHead, ObjectStore } from '../../storage/contract.ts';
import type { FullLoadTask } from '../contract.ts';
import { pipeThrough } from '../streams/pipe-through.ts';
import type { SourceConnector, SourceSnapshot, SourceTable } from '../connectors/source.ts';
import store, { type PlannedTable, type RunTable } from './store.ts';

export interface FullLoadDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly audit: Audit;
  readonly connector: SourceConnector;
}

export interface FullLoadRequest {
  readonly runId: string;
  readonly task: Omit<FullLoadTask, 'source'>;
  readonly url: Secret;
  /** The one who started the run. */
  readonly context: RequestContext;
}

const DEFAULT_PARALLEL = 2;
const DEFAULT_ROWS_PER_FILE = 250_000;
const SNAPSHOT_ATTEMPTS = 3;
const RANGE_ATTEMPTS = 3;

interface RangeWork {
  readonly table: SourceTable;
  readonly name: string;
  readonly number: number;
  readonly range: string;
  readonly key: string;
}

/** Runs to a final state and never throws, unless `signal` is aborted: then the run keeps its state for a restart. */
export async function runFullLoad(deps: FullLoadDeps, request: FullLoadRequest, signal: AbortSignal): Promise<void> {
  const { runId } = request;
  for (let attempt = 1; ; attempt++) {
    try {
      await loadUnderOneSnapshot(deps, request, signal);
      await deps.store.write(store.procedures.setState, { id: runId, state: 'COMPLETED' });
      return;
    } catch (error) {
      if (signal.aborted) return;
      const failure = toLochError(error);
      if (failure.retryable && attempt < SNAPSHOT_ATTEMPTS) {
        const notices = [`Attempt ${attempt} broke off: ${failure.message}`];
        await deps.store.write(store.procedures.setState, { id: runId, state: 'SNAPSHOTTING', notices });
        await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
        continue;
      }
      await deps.store.write(store.procedures.setState, { id: runId, state: 'FAILED', error: failure.message });
      return;
    }
  }
}

async function loadUnderOneSnapshot(deps: FullLoadDeps, request: FullLoadRequest, signal: AbortSignal): Promise<void> {
  const { runId, task } = request;
  await deps.store.write(store.procedures.setState, { id: runId, state: 'SNAPSHOTTING' });
  const snapshot = await deps.connector.openSnapshot(request.url);
  const stop = new AbortController();
  const work = AbortSignal.any([signal, stop.signal]);
  snapshot.lost.catch((error: unknown) => stop.abort(error));
  try {
    const planned = await plan(deps, request, snapshot);
    const tables = new Map(planned.map((table) => [table.name, table]));
    const left = new Map(planned.map((table) => [table.name, table.ranges.length]));
    const queue: RangeWork[] = planned.flatMap((table) =>
      table.ranges.map(({ sourceRange, objectKey }, number) => ({
        table: JSON.parse(table.sourceTable) as SourceTable,
        name: table.name,
        number,
        range: sourceRange,
        key: objectKey,
      })),
    );
    const rows = new Map<string, number>();
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const landed = await landRange(deps, request, snapshot, next, work);
        rows.set(next.name, (rows.get(next.name) ?? 0) + landed);
        left.set(next.name, left.get(next.name)! - 1);
        if (left.get(next.name) === 0)
          await finishTable(deps, runId, snapshot, tables.get(next.name)!, rows.get(next.name)!);
      }
    };
    const most = Math.min(deps.connector.capabilities.maxParallelReads, task.parallel ?? DEFAULT_PARALLEL);
    const workers = Array.from({ length: Math.max(1, most) }, worker);
    try {
      await Promise.all(workers);
    } catch (error) {
      stop.abort(error);
      await Promise.allSettled(workers);
      throw signal.aborted ? signal.reason : error;
    }
  } finally {
    await snapshot.close();
  }
}

/** Plans what is not complete yet: at first all that the patterns match, later the tables that an earlier snapshot left. */
async function plan(deps: FullLoadDeps, request: FullLoadRequest, snapshot: SourceSnapshot): Promise<PlannedTable[]> {
  const { runId, task } = request;
  const before = await deps.store.read(store.procedures.tablesOf, { runId });
  const unfinished = before.filter(({ state }) => state !== 'COMPLETED');
  const sources =
    before.length === 0
      ? await snapshot.tables(task.tables)
      : unfinished.map(({ sourceTable }) => JSON.parse(sourceTable) as SourceTable);
  await removeLanded(deps, task.target.bucket, unfinished);
  const planned: PlannedTable[] = [];
  for (const table of sources) {
    const ranges = await snapshot.ranges(table, task.rowsPerFile ?? DEFAULT_ROWS_PER_FILE);
    planned.push({
      name: `${table.schema}.${table.name}`,
      sourceTable: JSON.stringify(table),
      lsn: snapshot.position,
      ranges: ranges.map((sourceRange, number) => ({ sourceRange, objectKey: landingKey(request, table, number) })),
    });
  }
  await deps.store.write(store.procedures.planTables, { runId, tables: planned });
  const notices =
    unfinished.length > 0
      ? [
          `The snapshot at ${unfinished[0]!.lsn} was lost. ${unfinished.map(({ name }) => name).join(', ')}: read anew under the snapshot at ${snapshot.position}.`,
        ]
      : sources.flatMap(({ notice }) => notice ?? []);
  await deps.store.write(store.procedures.setState, { id: runId, state: 'LOADING', notices });
  return planned;
}

/** What an earlier snapshot landed of tables that start anew: the new ranges may be fewer. */
async function removeLanded(deps: FullLoadDeps, bucket: string, tables: readonly RunTable[]): Promise<void> {
  const keys = tables.flatMap(({ ranges }) => ranges.map(({ objectKey }) => objectKey));
  for (let i = 0; i < keys.length; i += 1000) await deps.objects.deleteMany(bucket, keys.slice(i, i + 1000));
}

/** `prefix/<schema>/<table>/load=<run>/part-<n>.csv.gz`. */
function landingKey(request: FullLoadRequest, table: SourceTable, number: number): string {
  const prefix = request.task.target.prefix.replace(/\/+$/, '');
  const path = [table.schema, table.name].map(encodeURIComponent).join('/');
  const part = `part-${String(number).padStart(5, '0')}.csv.gz`;
  return `${prefix === '' ? '' : `${prefix}/`}${path}/load=${request.runId}/${part}`;
}

async function landRange(
  deps: FullLoadDeps,
  request: FullLoadRequest,
  snapshot: SourceSnapshot,
  work: RangeWork,
  signal: AbortSignal,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await landOnce(deps, request, snapshot, work, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (attempt === RANGE_ATTEMPTS || !isLochError(error, 'source_failed')) throw error;
    }
  }
}

async function landOnce(
  deps: FullLoadDeps,
  request: FullLoadRequest,
  snapshot: SourceSnapshot,
  work: RangeWork,
  signal: AbortSignal,
): Promise<number> {
  const { bucket } = request.task.target;
  const copy = await snapshot.copy(work.table, work.range, signal);
  const body = pipeThrough(copy.bytes, createGzip({ level: constants.Z_BEST_SPEED }));
  let head: ObjectHead;
  try {
    head = await deps.objects.put(bucket, work.key, body, {
      contentType: 'text/csv',
      operation: 'FullLoad',
      metadata: { 'loch-run': request.runId, 'loch-source-table': encodeURIComponent(work.name) },
      signal,
    });
  } finally {
    body.destroy();
  }
  const rows = await copy.rows();
  await deps.audit.recordData(request.context, [
    {
      eventSource: 's3.amazonaws.com',
      eventName: 'PutObject',
      resource: s3Arn(bucket, work.key),
      rows,
      bytes: head.size,
    },
  ]);
  await deps.store.write(store.procedures.finishRange, {
    runId: request.runId,
    table: work.name,
    number: work.number,
    rows,
    bytes: head.size,
  });
  return rows;
}

async function finishTable(
  deps: FullLoadDeps,
  runId: string,
  snapshot: SourceSnapshot,
  table: PlannedTable,
  landed: number,
): Promise<void> {
  const expected = await snapshot.count(JSON.parse(table.sourceTable) as SourceTable);
  if (expected !== landed) {
    throw new LochError(
      'data_corrupt',
      `${table.name} has ${expected} rows in the snapshot at ${table.lsn}, and ${landed} were landed. Start the load again and report this.`,
      { context: { table: table.name, expected, landed } },
    );
  }
  await deps.store.write(store.procedures.finishTable, { runId, table: table.name });
}
