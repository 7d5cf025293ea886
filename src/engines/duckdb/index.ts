import { mkdir, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import type { Engine, EngineResult, EngineStatement } from '../contract.ts';
import type { Lane } from './admission.ts';
import type { WorkerJob, WorkerResult } from './protocol.ts';
import { readTree, writeTree } from './syntax.ts';
import { type Slot, WorkerPool } from './worker-pool.ts';
import { COLLATERAL } from './worker-process.ts';

const MIB = 1024 * 1024;
/** What a process needs beside its statements' memory: Node, DuckDB's code, blank instances. */
const PROCESS_BASE_BYTES = 400 * MIB;
const SHORT_INPUT_BYTES = 8 * MIB;
const SHORT_INPUT_FILES = 64;
const SHORT_RUN_MS = 500;
const SHORT_LOOK_EVERY_MS = 100;

export interface DuckdbEngineOptions {
  /** Spill files and the processes' working directory; wiped at start. */
  readonly workDirectory: string;
  /** Engine processes at most. Default 2. */
  readonly workers?: number;
  /** Memory of all statements together. Default 1 GiB. */
  readonly memoryLimitBytes?: number;
  /** Statements that may wait. Default 1,000. */
  readonly queueLimit?: number;
  /** Spill of one statement at most. Default 20 GiB. */
  readonly spillLimitBytes?: number;
  /** Threads of one statement. Default: the machine's cores. */
  readonly threads?: number;
  /** Statements a process serves before it is replaced. Default 5,000. */
  readonly recycleAfter?: number;
  /** Resident memory beyond which an idle process is replaced. Default: its share of the limit and 256 MiB. */
  readonly recycleRssBytes?: number;
}

/**
 * Opens the embedded engine: DuckDB in child processes, one blank instance per statement.
 * **Cost**: a process (about 120 MB) is started when there is work for it, so the first statement waits for one.
 */
export async function openDuckdbEngine(options: DuckdbEngineOptions): Promise<Engine> {
  const workers = Math.max(1, options.workers ?? 2);
  const memory = options.memoryLimitBytes ?? 1024 * MIB;
  const perWorker = Math.floor(memory / workers);
  const directory = join(options.workDirectory, 'engine');
  const spill = join(directory, 'spill');
  await rm(spill, { recursive: true, force: true });
  await mkdir(spill, { recursive: true, mode: 0o700 });

  const pool = new WorkerPool({
    workers,
    directory,
    queueLimit: options.queueLimit ?? 1_000,
    memoryCapBytes: Math.ceil(perWorker * 1.5) + PROCESS_BASE_BYTES,
    recycleRssBytes: options.recycleRssBytes ?? perWorker + 256 * MIB,
    recycleAfter: options.recycleAfter ?? 5_000,
  });
  let nextStatement = 1;

  const jobOf = (statement: EngineStatement, lane: Lane): WorkerJob => ({
    sql: statement.sql,
    inputs: statement.inputs,
    result: statement.result,
    hideValues: statement.hideValues ?? false,
    settings: statement.settings ?? {},
    preamble: statement.preamble ?? [],
    memoryLimitBytes: Math.min(
      statement.memoryLimitBytes ?? Number.POSITIVE_INFINITY,
      Math.floor(perWorker * (lane === 'long' ? 0.75 : 0.5)),
    ),
    spillLimitBytes: options.spillLimitBytes ?? 20 * 1024 * MIB,
    spillDirectory: join(spill, String(nextStatement++)),
    threads: options.threads ?? availableParallelism(),
  });

  const runIn = async (lane: Lane, statement: EngineStatement, signal: AbortSignal): Promise<EngineResult> => {
    const queuedAt = performance.now();
    const slot = await pool.acquire(lane, statement.fairnessKey ?? '', signal);
    const job = jobOf(statement, lane);
    const startedAt = performance.now();
    const overtime = lane === 'short' ? watchOvertime(pool, slot) : undefined;
    try {
      await slot.process.ready;
      const either = overtime === undefined ? signal : AbortSignal.any([signal, overtime.signal]);
      const result = (await slot.process.request({ kind: 'run', job }, either)) as WorkerResult;
      return { ...result, queueMs: startedAt - queuedAt, runMs: performance.now() - startedAt };
    } catch (error) {
      if (!slot.process.alive) await rm(job.spillDirectory, { recursive: true, force: true });
      if (overtime?.signal.aborted && !signal.aborted) throw new Overtime();
      throw error;
    } finally {
      overtime?.stop();
      slot.release();
    }
  };

  const runOnce = async (statement: EngineStatement, signal: AbortSignal): Promise<EngineResult> => {
    const lane = await laneOf(statement);
    return runIn(lane, statement, signal).catch(async (error: unknown) => {
      if (!(error instanceof Overtime)) throw error;
      await removeOutput(statement);
      return runIn('long', statement, signal);
    });
  };

  const execute = async (statement: EngineStatement, signal: AbortSignal): Promise<EngineResult> => {
    const timeout = new AbortController();
    const timer =
      statement.timeoutMs === undefined ? undefined : setTimeout(() => timeout.abort(), statement.timeoutMs);
    const either = statement.timeoutMs === undefined ? signal : AbortSignal.any([signal, timeout.signal]);
    try {
      return await runOnce(statement, either).catch(async (error: unknown) => {
        // Its process was killed to stop another statement: this one is innocent and is run again, once.
        if (!isLochError(error, 'unavailable') || error.context[COLLATERAL] !== true || either.aborted) throw error;
        await removeOutput(statement);
        return runOnce(statement, either);
      });
    } catch (error) {
      if (timeout.signal.aborted && !signal.aborted) {
        throw new LochError(
          'timeout',
          `The statement ran longer than its limit of ${statement.timeoutMs} ms and was stopped.`,
          { context: { timeoutMs: statement.timeoutMs! } },
        );
      }
      // A process that died while the caller had cancelled was stopped, whatever it died of.
      if (signal.aborted && !isLochError(error, 'statement_cancelled')) {
        throw new LochError('statement_cancelled', 'The statement was cancelled.', { cause: error });
      }
      throw toLochError(error);
    } finally {
      clearTimeout(timer);
    }
  };

  /** Syntax work is repeated once on another process when the first dies of something else. */
  const syntax = async (request: { kind: 'parse'; sql: string } | { kind: 'deparse'; tree: string }) => {
    const once = async () => (await (await pool.any()).request(request)) as string;
    return once().catch((error: unknown) => {
      if (!isLochError(error, 'unavailable')) throw error;
      return once();
    });
  };

  return {
    name: 'duckdb',
    capabilities: { dialect: 'duckdb', writesFiles: true, cancels: true, spills: true },
    execute,
    parse: async (sql) => readTree(await syntax({ kind: 'parse', sql })),
    deparse: (tree) => syntax({ kind: 'deparse', tree: writeTree(tree) }),
    async check() {
      const started = performance.now();
      try {
        await execute(
          { sql: 'SELECT 1', inputs: [], result: { kind: 'rows', maxRows: 1 }, timeoutMs: 5_000 },
          new AbortController().signal,
        );
        return { name: 'engine', ok: true, detail: `SELECT 1 in ${Math.round(performance.now() - started)} ms` };
      } catch (error) {
        return { name: 'engine', ok: false, detail: toLochError(error).message };
      }
    },
    figures: () => pool.figures(),
    close: () => pool.close(),
  };
}

/** A short statement ran too long while others waited for its place: it starts again among the long ones. */
class Overtime extends Error {}

/**
 * Watches a statement in a short place. After half a second it becomes a long one, in place if it can; if it cannot,
 * it is stopped as soon as another short one waits. So no statement without input can keep `SELECT 1` out.
 */
function watchOvertime(pool: WorkerPool, slot: Slot): { readonly signal: AbortSignal; stop(): void } {
  const over = new AbortController();
  let timer: NodeJS.Timeout;
  const look = () => {
    if (slot.promote()) return;
    if (pool.shortWaiting()) over.abort();
    else timer = setTimeout(look, SHORT_LOOK_EVERY_MS);
  };
  timer = setTimeout(look, SHORT_RUN_MS);
  return { signal: over.signal, stop: () => clearTimeout(timer) };
}

/** Little input makes a short statement. */
async function laneOf(statement: EngineStatement): Promise<Lane> {
  if (statement.inputs.length > SHORT_INPUT_FILES) return 'long';
  const sizes = await Promise.all(
    statement.inputs.map((path) =>
      stat(path).then(
        (s) => s.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0) <= SHORT_INPUT_BYTES ? 'short' : 'long';
}

async function removeOutput({ result }: EngineStatement): Promise<void> {
  if (result.kind === 'rows' || result.kind === 'columns') return;
  await rm('directory' in result ? result.directory : result.path, { recursive: true, force: true });
}
