/**
 * The metadata store: every fact Loch keeps about itself, in transactions that are durable before they are acknowledged.
 *
 * A layer declares its tables, migrations and procedures in one `store.ts` whose default export is a `StoreModule`.
 * Procedures are registered code that runs beside the database: a transaction is a list of calls, never a conversation.
 *
 * Call rules
 * - A procedure body awaits only `db` and `context.text`; no timers, no I/O of its own, no state outside its arguments:
 *   it may run again after a restart, and it shares its commit with strangers.
 * - A body that throws undoes its own transaction only. `write` resolves after the commit is on disk.
 * - Times, ids and random values come in as arguments or from `context`, so that a replay gives the same rows.
 * - `read` procedures see only committed rows and must not write.
 */
import type { Kysely } from 'kysely';
import type { LochEvent, StoredEvent } from '../core/events.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { StoreCall } from '../core/store-call.ts';

export type { StoreCall } from '../core/store-call.ts';

/** One numbered step of a module's schema. Idempotent statements in the common SQL subset of SQLite and PostgreSQL. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/** What a procedure has besides the database. */
export interface ProcedureContext {
  /** Milliseconds since 1970 UTC, one value for the whole transaction. */
  readonly now: number;
  /** Puts `event` in the outbox of this transaction; published after the commit. */
  emit(event: LochEvent): void;
  /** The full-text index, in the same transaction. */
  readonly text: TextIndex;
}

/** Full-text search port: documents of an index, with strong fields (names) ranked over weak ones (descriptions). */
export interface TextIndex {
  put(index: string, id: string, fields: { readonly strong: string; readonly weak: string }): void;
  remove(index: string, id: string): void;
  /**
   * Ids whose documents hold every word and every `"quoted phrase"` of `query`, best first. The last word is a prefix, but
   * with `whole`; `among` looks at these ids alone.
   */
  search(
    index: string,
    query: string,
    limit: number,
    options?: { readonly whole?: boolean; readonly among?: readonly string[] },
  ): { readonly id: string; readonly score: number }[];
  /** How many documents an index has; undefined where its parts do not agree: it is damaged. */
  count(index: string): number | undefined;
  /** Forgets all documents of all indexes and makes the index anew, damaged or not. */
  empty(): void;
  /** Stems of all indexes that a mistyped word may stand for, nearest first. They are of documents anybody may not see. */
  near(word: string, limit: number): string[];
}

export type ProcedureBody<Tables, Args, Result> = (
  db: Kysely<Tables>,
  args: Args,
  context: ProcedureContext,
) => Promise<Result>;

/** A registered procedure: its address, and its body for the side that owns the database. */
export interface Procedure<Args, Result> {
  readonly kind: 'read' | 'write';
  readonly module: string;
  readonly name: string;
  readonly run: (db: Kysely<unknown>, args: Args, context: ProcedureContext) => Promise<Result>;
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds procedures of all argument types; callers see exact ones.
export type AnyProcedure = Procedure<any, any>;

export interface StoreModule<P extends Record<string, AnyProcedure> = Record<string, AnyProcedure>> {
  readonly name: string;
  readonly migrations: readonly Migration[];
  readonly procedures: P;
}

/** Makers of typed procedures over the tables of one layer: `const { read, write } = proceduresOver<CatalogTables>()`. */
export function proceduresOver<Tables>() {
  const make =
    (kind: 'read' | 'write') =>
    <Args, Result>(body: ProcedureBody<Tables, Args, Result>): Procedure<Args, Result> => ({
      kind,
      module: '',
      name: '',
      run: body as unknown as Procedure<Args, Result>['run'],
    });
  return { read: make('read'), write: make('write') };
}

/** A store module with its procedures addressed by `name`. Export it as default from the layer's `store.ts`. */
export function defineStoreModule<P extends Record<string, AnyProcedure>>(
  name: string,
  parts: { readonly migrations: readonly Migration[]; readonly procedures: P },
): StoreModule<P> {
  const procedures = Object.fromEntries(
    Object.entries(parts.procedures).map(([key, procedure]) => [key, { ...procedure, module: name, name: key }]),
  ) as unknown as P;
  return { name, migrations: parts.migrations, procedures };
}

/** A call as data, to be put in one transaction with calls of other layers. */
export function storeCall<Args>(procedure: Procedure<Args, unknown>, args: Args): StoreCall {
  return { module: procedure.module, procedure: procedure.name, args };
}

export interface MetadataStore extends Lifecycle {
  /** Runs a read procedure on committed rows. Arguments and result cross a thread: plain data, bigint and bytes. */
  read<Args, Result>(procedure: Procedure<Args, Result>, args: Args): Promise<Result>;
  /** Runs one write procedure as a transaction. **Cost**: one shared fsync. **Errors**: what the body threw. */
  write<Args, Result>(procedure: Procedure<Args, Result>, args: Args): Promise<Result>;
  /** Runs several calls as one transaction, in order; all or nothing. Resolves with the results in the same order. */
  transact(calls: readonly StoreCall[]): Promise<unknown[]>;
  /** Calls `listener` with the events of each transaction after its commit, in commit order. Returns the unsubscribe. */
  onCommitted(listener: (events: readonly StoredEvent[]) => void): () => void;
  /** Events of the outbox after `sequence`, oldest first. */
  readOutbox(after: number, limit: number): Promise<StoredEvent[]>;
  /** Where a named consumer of the outbox stands; 0 at first. From then on events wait for it, while this process runs. */
  consumerPosition(consumer: string): Promise<number>;
  /** Where a named reader of another numbered log stands, moved by `advanceConsumer` too; no event waits for it. */
  readerPosition(reader: string): Promise<number>;
  /** A call that moves a consumer forward, to share the transaction of what the consumer did. */
  advanceConsumer(consumer: string, sequence: number): StoreCall;
  /**
   * Removes events older than `before` (ms) that every consumer of this process has passed, and resolves with their number.
   * Those of a consumer that nobody runs any more do not stay for it. **Cost**: several short transactions.
   */
  trimOutbox(before: number): Promise<number>;
  /** Writes a consistent copy to the new file `path` while running, and returns its size in bytes. */
  backup(path: string): Promise<number>;
}
