/**
 * The thread that owns one connection to the SQLite database.
 *
 * Invariants
 * - The writer is the only connection that writes. `synchronous=FULL`: COMMIT returns after the WAL is on disk.
 * - One batch = one transaction; each request of it = one savepoint. Replies leave after the COMMIT, so nothing is
 *   acknowledged, and no event published, that a power cut could take back.
 * - Nothing else in the process opens or copies the database files (closing a second descriptor drops SQLite's locks).
 */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { collectGarbage } from '../../core/collect-garbage.ts';
import { LochError, serializeError } from '../../core/errors.ts';
import type { LochEvent, StoredEvent } from '../../core/events.ts';
import type { AnyProcedure, ProcedureContext, StoreModule } from '../contract.ts';
import { outboxModule } from '../outbox.ts';
import { kyselyOver } from './dialect.ts';
import { migrate } from './migrate.ts';
import type { StoreReply, StoreRequest, ThreadMessage, ThreadOptions } from './protocol.ts';
import { sqliteTextIndex, TEXT_INDEX_SCHEMA } from './text-index.ts';

const MAX_BATCH = 512;
const options = workerData as ThreadOptions;
const port = parentPort!;

const modules: StoreModule[] = [outboxModule];
for (const url of options.modules) {
  const loaded = (await import(url)) as { default: StoreModule };
  modules.push(loaded.default);
}
const procedures = new Map<string, AnyProcedure>();
for (const module of modules) {
  for (const procedure of Object.values(module.procedures)) {
    procedures.set(`${procedure.module}.${procedure.name}`, procedure);
  }
}

const db = new DatabaseSync(options.file, { timeout: 10_000 });
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000;');
if (options.role === 'writer') {
  db.exec(TEXT_INDEX_SCHEMA);
  migrate(db, modules);
} else {
  db.exec('PRAGMA query_only = ON;');
}
const kysely = kyselyOver(db);
const text = sqliteTextIndex(db);
const insertEvent = db.prepare('INSERT INTO outbox (at, name, payload) VALUES (?, ?, ?)');

function storeEvent(now: number, event: LochEvent): StoredEvent {
  const { lastInsertRowid } = insertEvent.run(now, event.name, JSON.stringify(event.payload));
  return { ...event, sequence: Number(lastInsertRowid), at: now };
}

async function runCalls(request: Extract<StoreRequest, { kind: 'transact' }>, now: number, events: StoredEvent[]) {
  const emitted: LochEvent[] = [];
  const context: ProcedureContext = { now, text, emit: (event) => void emitted.push(event) };
  const results: unknown[] = [];
  for (const call of request.calls) {
    const procedure = procedures.get(`${call.module}.${call.procedure}`);
    if (procedure === undefined) {
      throw new LochError('internal', `No store procedure \`${call.module}.${call.procedure}\` is registered.`);
    }
    results.push(await procedure.run(kysely, call.args, context));
  }
  for (const event of emitted) events.push(storeEvent(now, event));
  return results;
}

async function runOne(request: StoreRequest, now: number, events: StoredEvent[]): Promise<StoreReply> {
  if (request.kind !== 'transact') throw new LochError('internal', `\`${request.kind}\` is not part of a batch.`);
  const savepoint = options.role === 'writer';
  const kept = events.length;
  try {
    if (savepoint) db.exec('SAVEPOINT request');
    const results = await runCalls(request, now, events);
    if (savepoint) db.exec('RELEASE request');
    return { id: request.id, ok: true, results };
  } catch (error) {
    events.length = kept;
    // SQLite may have rolled the whole transaction back (full disk, I/O error): then the batch fails as one.
    if (savepoint) {
      if (!db.isTransaction) throw error;
      db.exec('ROLLBACK TO request; RELEASE request');
    }
    return { id: request.id, ok: false, error: serializeError(storeError(error)) };
  }
}

/** SQLite's own failures in Loch's words; everything else as it is. */
function storeError(error: unknown): unknown {
  const code = (error as { errcode?: number } | undefined)?.errcode;
  if (code === undefined) return error;
  const message = (error as Error).message;
  if (code === 13)
    return new LochError('disk_full', `The metadata store has no room: ${message}. Free disk space, then retry.`, {
      cause: error,
    });
  if ((code & 0xff) === 19)
    return new LochError('conflict', `The change breaks a rule of the store: ${message}.`, { cause: error });
  return new LochError('internal', `The metadata store failed: ${message}.`, { cause: error });
}

async function runBatch(batch: readonly StoreRequest[]): Promise<ThreadMessage> {
  const events: StoredEvent[] = [];
  const now = Date.now();
  const replies: StoreReply[] = [];
  try {
    db.exec(options.role === 'writer' ? 'BEGIN IMMEDIATE' : 'BEGIN');
    for (const request of batch) replies.push(await runOne(request, now, events));
    db.exec('COMMIT'); // the commit point: returns after the fsync
    return { replies, events };
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    const failure = serializeError(storeError(error));
    return { replies: batch.map(({ id }) => ({ id, ok: false, error: failure })), events: [] };
  }
}

function runBackup(request: Extract<StoreRequest, { kind: 'backup' }>): StoreReply {
  try {
    db.exec('PRAGMA query_only = OFF'); // VACUUM INTO writes the copy only, yet counts as a write
    db.prepare('VACUUM INTO ?').run(request.path);
    return { id: request.id, ok: true, results: [statSync(request.path).size] };
  } catch (error) {
    return { id: request.id, ok: false, error: serializeError(storeError(error)) };
  } finally {
    db.exec('PRAGMA query_only = ON');
  }
}

let draining = false;
const waiting: StoreRequest[] = [];

async function drain(): Promise<void> {
  if (draining) return;
  draining = true;
  for (;;) {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      waiting.push(...(next.message as StoreRequest[]));
    }
    if (waiting.length === 0) break;
    const special = waiting.findIndex((request) => request.kind !== 'transact');
    const batch = waiting.splice(0, Math.min(MAX_BATCH, special === -1 ? waiting.length : Math.max(special, 1)));
    const first = batch[0]!;
    if (first.kind === 'transact') port.postMessage(await runBatch(batch));
    else if (first.kind === 'backup') port.postMessage({ replies: [runBackup(first)], events: [] });
    else {
      db.close();
      port.postMessage({ replies: [{ id: first.id, ok: true, results: [] }], events: [] });
      port.close();
      return;
    }
  }
  draining = false;
}

port.on('message', (requests: StoreRequest[]) => {
  waiting.push(...requests);
  void drain();
});
collectGarbage(); // of the modules' loading and the migrations
port.postMessage({ replies: [{ id: 0, ok: true, results: [] }], events: [] });
