/**
 * Engines: files and SQL in, rows and files out. An engine knows no catalog and no policy; whoever calls it has bound
 * every name and secured every scan.
 *
 * Call rules
 * - `execute` runs exactly one statement in a blank instance that is thrown away afterwards; nothing survives it.
 * - The statement reads only `inputs` (local files, made readable for this run) and writes only into `result`'s path.
 * - An aborted signal settles the call with `statement_cancelled` in under a second; the worker is replaced if it must be.
 * - Errors of a statement come as `statement_failed`, `type_mismatch` or `resource_exhausted`; `context.position` is an
 *   offset into `sql` when the engine gave one. With `hideValues` the message holds no text of the engine's own.
 */
import type { Health, Lifecycle } from '../core/lifecycle.ts';

/** What an engine can do, as data: the planner and the console read it, the suite checks it both ways. */
export interface EngineCapabilities {
  readonly dialect: 'duckdb' | 'trino' | 'spark';
  readonly writesFiles: boolean;
  readonly cancels: boolean;
  readonly spills: boolean;
}

export interface EngineColumn {
  readonly name: string;
  /** The engine's type text, e.g. `DECIMAL(12,2)`, `TIMESTAMP WITH TIME ZONE`, `STRUCT(a INTEGER)`. */
  readonly type: string;
}

export type EngineResultKind =
  /** Rows as text or null (engine's VARCHAR form), at most `maxRows`; more is `limit_exceeded`. */
  | { readonly kind: 'rows'; readonly maxRows: number }
  /** CSV by Athena's rules: header, every value quoted, NULL empty and unquoted. */
  | { readonly kind: 'csv'; readonly path: string }
  /** Parquet data files in the new folder `directory`, with field ids and per-file column statistics. */
  | {
      readonly kind: 'parquet';
      readonly directory: string;
      /** Column name → Iceberg field id, nested by path: `{ a: 1, s: 2, 's.x': 3, 'list.element': 5 }`. */
      readonly fieldIds?: Readonly<Record<string, number>>;
      /** Result columns that split the output into folders `c=v/`; kept in the files as well. */
      readonly partitionBy?: readonly string[];
      /** False leaves the columns of `partitionBy` out of the files; true when absent. */
      readonly partitionColumnsInFiles?: boolean;
      readonly rowsPerFile?: number;
    }
  | { readonly kind: 'json'; readonly path: string }
  /** The columns alone: the statement is bound and not run. */
  | { readonly kind: 'columns' }
  /**
   * Lines of text in files of the new folder `directory`: the column `line` of the result, each value one line, as it is.
   * `partitionBy` as of Parquet; its columns are not in the files.
   */
  | {
      readonly kind: 'lines';
      readonly directory: string;
      readonly partitionBy?: readonly string[];
      readonly compression?: 'none' | 'gzip' | 'zstd';
    };

export interface EngineStatement {
  readonly sql: string;
  /** Absolute paths the statement may read: exactly these. */
  readonly inputs: readonly string[];
  readonly result: EngineResultKind;
  /** True when a row filter or mask is inside: the engine's error texts are withheld. */
  readonly hideValues?: boolean;
  /** Session settings by allow-list, e.g. `TimeZone`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Statements of our own making run before `sql` in the same instance (macros); never a caller's text. */
  readonly preamble?: readonly string[];
  readonly memoryLimitBytes?: number;
  readonly timeoutMs?: number;
  /** Waiting statements are admitted one key after the other: a workgroup, a principal. */
  readonly fairnessKey?: string;
}

export interface ColumnStatistics {
  readonly min?: string;
  readonly max?: string;
  readonly nullCount: number;
  readonly valueCount: number;
  readonly columnBytes: number;
  /** Floating columns: whether NaN is among the values; `min` and `max` leave it out. */
  readonly hasNan?: boolean;
}

export interface EngineFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** By column path as the engine names it. Absent for formats without statistics. */
  readonly columns: Readonly<Record<string, ColumnStatistics>>;
  readonly partition: Readonly<Record<string, string | null>>;
}

export interface EngineResult {
  readonly columns: readonly EngineColumn[];
  readonly rowCount: number;
  /** For `rows`. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** For file results. */
  readonly files: readonly EngineFile[];
  readonly queueMs: number;
  readonly runMs: number;
}

/** The engine's own syntax tree of one statement, as it serializes it. */
export type SyntaxNode = { readonly [key: string]: unknown };

export interface Engine extends Lifecycle {
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  execute(statement: EngineStatement, signal: AbortSignal): Promise<EngineResult>;
  /**
   * Parses SELECT statements into syntax trees. **Errors**: `syntax_error` with `context.position`;
   * `statement_refused` for what does not serialize.
   */
  parse(sql: string): Promise<readonly SyntaxNode[]>;
  /** A syntax tree as SQL text of this engine. */
  deparse(tree: readonly SyntaxNode[]): Promise<string>;
  check(): Promise<Health>;
  /** Counts and sizes of now, for metrics and the console. */
  figures(): { readonly workers: number; readonly busy: number; readonly queued: number; readonly rssBytes: number };
}
