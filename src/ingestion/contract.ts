/**
 * Ways in: full load from databases, delivery streams, and loading of files.
 *
 * Call rules
 * - An acknowledged record is durable (fsync of the log) before the call resolves.
 * - A replication task is a state machine with durable states; a restart goes on after the last finished range.
 */
import type { RequestContext } from '../core/caller.ts';
import type { Secret } from '../core/secret.ts';
import type { TableName } from '../governance/contract.ts';

export interface DeliveryStreamSettings {
  readonly name: string;
  readonly bucket: string;
  /** With `!{timestamp:yyyy/MM/dd/HH}` and the default `yyyy/MM/dd/HH/` of Firehose when there is no expression. */
  readonly prefix: string;
  readonly errorPrefix: string;
  /** MiB before a flush, 1–128. */
  readonly bufferMiB: number;
  /** Seconds before a flush, 0–900; 0 delivers at once. */
  readonly bufferSeconds: number;
  readonly compression: 'UNCOMPRESSED' | 'GZIP' | 'ZSTD';
  readonly roleArn: string;
  /** Appends `\n` after each record that does not end with one (AppendDelimiterToRecord). */
  readonly appendNewline: boolean;
  /** Instead of the extension of the compression, with its dot. */
  readonly fileExtension?: string;
  /** IANA name of the zone of `!{timestamp:…}` and of object names; UTC when absent. */
  readonly timeZone?: string;
}

export interface DeliveryStreamRecord extends DeliveryStreamSettings {
  readonly arn: string;
  readonly status: 'CREATING' | 'ACTIVE' | 'DELETING';
  readonly createdAt: number;
  readonly versionId: number;
  /** Why the last delivery failed, while it is tried again. */
  readonly failure?: string;
}

export interface Delivery {
  create(context: RequestContext, settings: DeliveryStreamSettings): Promise<DeliveryStreamRecord>;
  describe(context: RequestContext, name: string): Promise<DeliveryStreamRecord>;
  list(
    context: RequestContext,
    page?: { readonly after?: string; readonly limit?: number },
  ): Promise<readonly string[]>;
  /**
   * Delivers what waits, then removes the stream. With `force` what cannot be delivered is given up.
   * **Errors**: `conflict` when delivery fails, naming why and how many records wait.
   */
  delete(context: RequestContext, name: string, options?: { readonly force?: boolean }): Promise<void>;
  /**
   * Resolves with the record ids once all records are durable: at most 500 records, 4 MiB together, 1,000 KiB each.
   * **Errors**: `not_found`, `invalid_argument` over a limit, `resource_exhausted`, `disk_full`.
   */
  put(
    context: RequestContext,
    name: string,
    records: readonly Uint8Array[],
    /** The operation whose right the caller needs; `PutRecordBatch` when absent. */
    operation?: 'PutRecord' | 'PutRecordBatch',
  ): Promise<readonly string[]>;
  /** Whether the caller may append to the stream of this ARN. **Errors**: `access_denied`, `not_found`. */
  assertWritable(context: RequestContext, arn: string): Promise<void>;
  /** Delivers what waits now. For tests, shutdown and `loch` commands. */
  flush(name: string): Promise<void>;
  /** Records and bytes that are acknowledged and not yet delivered. **Errors**: `not_found`. */
  backlog(name: string): { readonly records: number; readonly bytes: number };
}

export interface FullLoadTask {
  readonly name: string;
  readonly source: { readonly engine: 'postgres'; readonly url: Secret };
  /** `schema.table` names, `%` wildcards. */
  readonly tables: readonly string[];
  /** Landing: `bucket/prefix/<schema>/<table>/load=<run>/part-<n>.csv.gz`. */
  readonly target: { readonly bucket: string; readonly prefix: string };
  readonly parallel?: number;
  readonly rowsPerFile?: number;
}

export type FullLoadState = 'CREATED' | 'SNAPSHOTTING' | 'LOADING' | 'COMPLETED' | 'FAILED' | 'STOPPED';

export interface FullLoadRun {
  readonly id: string;
  readonly task: string;
  readonly state: FullLoadState;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly tables: readonly {
    readonly table: string;
    readonly rows: number;
    readonly bytes: number;
    readonly objects: readonly string[];
    readonly state: FullLoadState;
    readonly lsn?: string;
  }[];
  readonly error?: string;
  /** What a person should know: that a lost snapshot made tables start anew, that rows are read from a view … */
  readonly notices?: readonly string[];
}

export interface Replication {
  put(context: RequestContext, task: FullLoadTask): Promise<void>;
  list(context: RequestContext): Promise<readonly (Omit<FullLoadTask, 'source'> & { readonly source: string })[]>;
  start(context: RequestContext, name: string): Promise<FullLoadRun>;
  stop(context: RequestContext, runId: string): Promise<void>;
  run(context: RequestContext, runId: string): Promise<FullLoadRun>;
  runs(
    context: RequestContext,
    filter?: { readonly task?: string; readonly limit?: number },
  ): Promise<readonly FullLoadRun[]>;
}

/** `loch load`: a file, folder or database table into an Iceberg table with real types. */
export interface Loader {
  load(
    context: RequestContext,
    request: {
      readonly target: TableName;
      readonly mode: 'create' | 'append' | 'overwrite';
      readonly source:
        | { readonly kind: 'objects'; readonly bucket: string; readonly keys: readonly string[] }
        | { readonly kind: 'postgres'; readonly url: Secret; readonly table: string };
      readonly format?: 'csv' | 'tsv' | 'json' | 'ndjson' | 'parquet';
    },
    progress: (state: { readonly phase: string; readonly rows: number; readonly bytes: number }) => void,
    signal: AbortSignal,
  ): Promise<{
    readonly rows: number;
    readonly files: number;
    readonly bytes: number;
    readonly snapshotId: string;
    readonly columns: readonly { readonly name: string; readonly type: string }[];
  }>;
}
