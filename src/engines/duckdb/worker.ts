/**
 * The program of an engine process: takes jobs from the server, runs each in its own blank instance, and parses
 * statements. It holds no store, no catalog and no policy; all it can touch are the files its jobs name.
 */
import { mkdir, rm } from 'node:fs/promises';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { LochError, serializeError } from '../../core/errors.ts';
import { createInstancePool, type Session } from './instance-pool.ts';
import { type FromWorker, OVER_MEMORY_EXIT, type ToWorker, type WorkerJob, type WorkerResult } from './protocol.ts';
import { type CancelFlag, runStatement } from './run-statement.ts';

const INTERRUPT_EVERY_MS = 5;
const WATCH_EVERY_MS = 100;

const pool = createInstancePool(4);
const running = new Map<number, { readonly flag: CancelFlag; interrupt: () => void }>();
let parser: Promise<DuckDBConnection> | undefined;

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

/** Runs a job. What it leaves behind is cleared once the answer is under way: nobody waits for that. */
async function run(id: number, job: WorkerJob): Promise<WorkerResult> {
  const flag: CancelFlag = { cancelled: false };
  const entry = { flag, interrupt: () => {} };
  running.set(id, entry);
  const session = await pool.take();
  // An interrupt that comes between two queries is lost, so it is repeated until the statement has settled.
  let repeat: NodeJS.Timeout | undefined;
  entry.interrupt = () => {
    repeat ??= setInterval(() => session.connection.interrupt(), INTERRUPT_EVERY_MS);
    session.connection.interrupt();
  };
  if (flag.cancelled) entry.interrupt();
  try {
    await mkdir(job.spillDirectory, { recursive: true });
    return await runStatement(session, job, flag);
  } finally {
    clearInterval(repeat);
    running.delete(id);
    setImmediate(() => clear(session, job));
  }
}

function clear(session: Session, job: WorkerJob): void {
  session.close();
  // The server wipes the folder of spills at its start, should this one stay.
  rm(job.spillDirectory, { recursive: true, force: true }).catch(() => {});
  if (running.size === 0) pool.refill();
}

function cancel(id: number): void {
  const entry = running.get(id);
  if (entry === undefined) return;
  entry.flag.cancelled = true;
  entry.interrupt();
}

async function openParser(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '128MB' });
  const connection = await instance.connect();
  await connection.run('SET enable_external_access = false; SET lock_configuration = true;');
  return connection;
}

/** Syntax work touches no file and evaluates nothing: one instance serves every caller. */
async function syntax(request: Extract<ToWorker, { kind: 'parse' | 'deparse' }>): Promise<string> {
  parser ??= openParser();
  const connection = await parser;
  const [call, argument] =
    request.kind === 'parse'
      ? ['SELECT json_serialize_sql($1::VARCHAR)', request.sql]
      : ['SELECT json_deserialize_sql($1::VARCHAR::JSON)', request.tree];
  try {
    const answer = await connection.runAndReadAll(call, [argument]);
    return String(answer.getRowsJson()[0]![0]);
  } catch (error) {
    throw new LochError(
      'statement_refused',
      `The statement cannot be analysed, so it is not run: ${(error as Error).message}`,
    );
  }
}

async function answer(id: number, work: Promise<unknown>): Promise<void> {
  try {
    const value = await work;
    send({ kind: 'done', id, value, rssBytes: process.memoryUsage.rss() });
  } catch (error) {
    send({ kind: 'failed', id, error: serializeError(error), rssBytes: process.memoryUsage.rss() });
  }
}

process.on('message', (message: ToWorker) => {
  if (message.kind === 'cancel') cancel(message.id);
  else if (message.kind === 'run') void answer(message.id, run(message.id, message.job));
  else void answer(message.id, syntax(message));
});
// The server is gone: nobody waits for an answer.
process.on('disconnect', () => process.exit(0));
// A terminal's Ctrl-C reaches the whole group; the server decides when its engines stop.
process.on('SIGINT', () => {});
const memoryCap = Number(process.env.LOCH_ENGINE_MEMORY_CAP ?? Number.POSITIVE_INFINITY);
// Where the system cannot limit the data segment, the process gives itself up before it endangers its neighbours.
setInterval(() => {
  if (process.memoryUsage.rss() > memoryCap) process.exit(OVER_MEMORY_EXIT);
}, WATCH_EVERY_MS).unref();
parser = openParser();
await parser;
send({ kind: 'ready' });
