/**
 * The port of a database that is read as a whole, at one state.
 *
 * Call rules
 * - All reads through one snapshot see the same committed state; it lasts until `close`, or until `lost` resolves.
 * - `copy` may run as often at once as `capabilities.maxParallelReads` allows; the ranges of a table together hold each
 *   row of the snapshot once.
 * - Errors never carry the URL's password. `source_failed` may succeed when tried again.
 */
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Secret } from '../../core/secret.ts';

export interface SourceCapabilities {
  readonly maxParallelReads: number;
  /** How a table is divided for parallel reading. */
  readonly ranges: 'pages' | 'none';
}

export interface SourceColumn {
  readonly name: string;
  /** The source's own type text. */
  readonly sourceType: string;
  /** Hive/Glue type text of a table with real types. */
  readonly type: string;
}

export interface SourceTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  /** What a person should know about reading it, if anything. */
  readonly notice?: string;
}

/** A part of a table, opaque to all but its connector; durable as text. */
export type SourceRange = string;

/** The bytes of a range as CSV with header: RFC 4180, UTF-8, NULL empty and unquoted, `""` the empty string. */
export interface SourceCopy {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The number of rows, once `bytes` is read to its end. */
  rows(): Promise<number>;
}

export interface SourceSnapshot extends Lifecycle {
  /** Where the snapshot stands in the source's log, as text of the source (`0/16B3748`). */
  readonly position: string;
  /** Rejects when the snapshot is gone before `close`; never resolves. */
  readonly lost: Promise<never>;
  /** Tables whose `schema.table` matches a pattern (`%` any text). **Errors**: `not_found` naming the pattern that matches none. */
  tables(patterns: readonly string[]): Promise<readonly SourceTable[]>;
  /** Ranges of about `rowsPerRange` rows, at least one. */
  ranges(table: SourceTable, rowsPerRange: number): Promise<readonly SourceRange[]>;
  copy(table: SourceTable, range: SourceRange, signal: AbortSignal): Promise<SourceCopy>;
  /** The rows of the table in this snapshot. **Cost**: reads the table. */
  count(table: SourceTable): Promise<number>;
}

export interface SourceConnector {
  readonly capabilities: SourceCapabilities;
  /** `url` as it may be shown: `postgres://user:***@host/database`. **Errors**: `invalid_argument`. */
  shownUrl(url: Secret): string;
  /** **Errors**: `source_failed` when it cannot be reached or refuses. */
  openSnapshot(url: Secret): Promise<SourceSnapshot>;
}
