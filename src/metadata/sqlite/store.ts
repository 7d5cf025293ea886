import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { deserializeError, LochError } from '../../core/errors.ts';
import type { StoredEvent } from '../../core/events.ts';
import { type MetadataStore, type StoreCall, storeCall } from '../contract.ts';
import { outboxModule, TRIM_BATCH } from '../outbox.ts';
import type { StoreRequest, ThreadMessage, ThreadOptions } from './protocol.ts';

export interface SqliteStoreOptions {
  /** The database file; made with its folder when it is not there. */
  readonly file: string;
  /** File URLs of the modules (`new URL('…/store.ts', import.meta.url)`), each default-exporting a `StoreModule`. */
  readonly modules: readonly URL[];
}

type RequestBody = StoreRequest extends infer R ? (R extends StoreRequest ? Omit<R, 'id'> : never) : never;

/** One database thread as promises. Requests of one macrotask travel as one message, so they share a commit. */
class DatabaseThread {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(results: readonly unknown[]): void; reject(error: unknown): void }>();
  readonly #onEvents: (events: readonly StoredEvent[]) => void;
  #outgoing: StoreRequest[] = [];
  #nextId = 1;
  #failure: unknown;

  constructor(options: ThreadOptions, onEvents: (events: readonly StoredEvent[]) => void) {
    this.#onEvents = onEvents;
    this.#worker = new Worker(new URL(import.meta.resolve('./thread.ts')), {
      workerData: options,
      // Procedures leave little behind: a small nursery, collected often, keeps an idle server small.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.ready = new Promise((resolve, reject) => this.#waiting.set(0, { resolve: () => resolve(), reject }));
    this.#worker.on('message', (message: ThreadMessage) => this.#receive(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () =>
      this.#fail(new LochError('unavailable', 'The metadata store is closed. Start Loch again.')),
    );
  }

  request(body: RequestBody): Promise<readonly unknown[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    if (this.#outgoing.length === 0) setImmediate(() => this.#send());
    this.#outgoing.push({ ...body, id } as StoreRequest);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    await this.request({ kind: 'close' });
    await this.#worker.terminate();
  }

  #send(): void {
    const batch = this.#outgoing;
    this.#outgoing = [];
    try {
      this.#worker.postMessage(batch);
    } catch {
      // One request that cannot be cloned must not fail its neighbours: send them one by one.
      for (const request of batch) {
        try {
          this.#worker.postMessage([request]);
        } catch (error) {
          this.#waiting.get(request.id)?.reject(error);
          this.#waiting.delete(request.id);
        }
      }
    }
  }

  #receive(message: ThreadMessage): void {
    if (message.events.length > 0) this.#onEvents(message.events);
    for (const reply of message.replies) {
      const waiter = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.ok) waiter?.resolve(reply.results);
      else waiter?.reject(deserializeError(reply.error));
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const waiter of this.#waiting.values()) waiter.reject(this.#failure);
    this.#waiting.clear();
  }
}

/**
 * Opens (and migrates) the embedded metadata store: SQLite in WAL mode, one writer thread with group commit, one reader.
 * **Errors**: `configuration` when a newer program wrote the database; `disk_full`.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<MetadataStore> {
  mkdirSync(dirname(options.file), { recursive: true, mode: 0o700 });
  const listeners = new Set<(events: readonly StoredEvent[]) => void>();
  const publish = (events: readonly StoredEvent[]) => {
    for (const listener of listeners) listener(events);
  };
  const shared = { file: options.file, modules: options.modules.map((url) => url.href) };
  const writer = new DatabaseThread({ ...shared, role: 'writer' }, publish);
  await writer.ready;
  const reader = new DatabaseThread({ ...shared, role: 'reader' }, publish);
  await reader.ready;

  const one = async (thread: DatabaseThread, call: StoreCall) =>
    (await thread.request({ kind: 'transact', calls: [call] }))[0];

  /** Consumers of the outbox that this process runs. */
  const consumers = new Set<string>();
  const positionOf = (consumer: string) =>
    one(reader, storeCall(outboxModule.procedures.position, { consumer })) as Promise<number>;

  return {
    read: (procedure, args) => {
      if (procedure.kind !== 'read') {
        throw new LochError('internal', `\`${procedure.module}.${procedure.name}\` writes; call it by \`write\`.`);
      }
      return one(reader, storeCall(procedure, args)) as Promise<never>;
    },
    write: (procedure, args) => one(writer, storeCall(procedure, args)) as Promise<never>,
    transact: async (calls) => [...(await writer.request({ kind: 'transact', calls }))],
    onCommitted(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    readOutbox: (after, limit) =>
      one(reader, storeCall(outboxModule.procedures.after, { after, limit })) as Promise<StoredEvent[]>,
    consumerPosition: (consumer) => {
      consumers.add(consumer);
      return positionOf(consumer);
    },
    readerPosition: positionOf,
    advanceConsumer: (consumer, sequence) => storeCall(outboxModule.procedures.advance, { consumer, sequence }),
    async trimOutbox(before) {
      let removed = 0;
      for (;;) {
        const call = storeCall(outboxModule.procedures.trim, { before, consumers: [...consumers] });
        const count = (await one(writer, call)) as number;
        removed += count;
        if (count < TRIM_BATCH) return removed;
      }
    },
    backup: async (path) => (await reader.request({ kind: 'backup', path }))[0] as number,
    async close() {
      await reader.close();
      await writer.close();
    },
  };
}
