import pg from 'pg';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { Secret } from '../../../core/secret.ts';
import type { SourceCopy } from '../source.ts';
import { clientConfig, shownUrl } from './config.ts';
import { CopyOut } from './copy-out.ts';

/** Settings that make COPY's text independent of the server's. */
const SESSION = `SET client_encoding = 'UTF8'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601';
  SET timezone = 'UTC'; SET bytea_output = 'hex'; SET extra_float_digits = 3; SET statement_timeout = 0;
  SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0`;
const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/** A connection inside its read-only transaction. */
export class PostgresReader {
  readonly #client: pg.Client;
  readonly #shown: string;
  #ended = false;
  /** Rejects when the connection breaks before `close`. */
  readonly lost: Promise<never>;

  private constructor(client: pg.Client, shown: string) {
    this.#client = client;
    this.#shown = shown;
    this.lost = new Promise((_, reject) => {
      const broken = (cause?: unknown) => {
        if (!this.#ended) reject(this.#failure(cause ?? new Error('the connection was closed')));
        this.#ended = true;
      };
      client.on('error', broken);
      client.on('end', () => broken());
    });
    this.lost.catch(() => {
      // Told to whoever waits for it; a connection nobody waits for may break unheard.
    });
  }

  /** Connects, and begins a transaction of its own or in an exported snapshot. **Errors**: `source_failed`. */
  static async open(url: Secret, snapshotId?: string): Promise<PostgresReader> {
    const client = new pg.Client(clientConfig(url));
    const reader = new PostgresReader(client, shownUrl(url));
    try {
      await client.connect();
      await client.query(SESSION);
      await client.query(BEGIN);
      if (snapshotId !== undefined) await client.query(`SET TRANSACTION SNAPSHOT ${pg.escapeLiteral(snapshotId)}`);
      return reader;
    } catch (error) {
      await reader.close();
      throw reader.#failure(error);
    }
  }

  /** Rows as text or null. **Errors**: `source_failed`. */
  async rows(sql: string, values: readonly unknown[] = []): Promise<Record<string, string | null>[]> {
    try {
      const { rows } = await this.#client.query<Record<string, unknown>>(sql, [...values]);
      return rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)])),
      );
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Starts `COPY (select) TO STDOUT`. On an aborted signal the connection is broken off. */
  copy(select: string, signal: AbortSignal): SourceCopy {
    signal.throwIfAborted();
    const copy = new CopyOut(`COPY (${select}) TO STDOUT (FORMAT csv, HEADER true)`);
    this.#client.query(copy);
    const breakOff = () => void this.close();
    signal.addEventListener('abort', breakOff, { once: true });
    const failure = (error: unknown) => (signal.aborted ? signal.reason : this.#failure(error));
    return {
      bytes: (async function* () {
        try {
          yield* copy.bytes();
        } catch (error) {
          throw failure(error);
        } finally {
          signal.removeEventListener('abort', breakOff);
        }
      })(),
      rows: () => copy.rows().catch((error: unknown) => Promise.reject(failure(error))),
    };
  }

  /** Ends the connection at once. */
  async close(): Promise<void> {
    this.#ended = true;
    // `end` would wait for a running COPY; the server rolls a broken transaction back.
    const { connection } = this.#client as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
  }

  #failure(error: unknown): LochError {
    if (isLochError(error)) return error;
    const { message, code } = error as { message?: string; code?: string };
    return new LochError('source_failed', `PostgreSQL at ${this.#shown}: ${message ?? String(error)}.`, {
      context: { source: this.#shown, ...(code === undefined ? {} : { sqlState: code }) },
    });
  }
}
