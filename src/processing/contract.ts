/**
 * Jobs, workflows, rules and data quality.
 *
 * Call rules
 * - A run is a state machine with durable states; a restart resumes from the state. Its id goes into the commit it makes,
 *   so that a repeated step is recognized and changes nothing.
 * - A target becomes visible only by the run's commit; a run reads only what its principal may read.
 * - `StatementRunner` is the query path of consumption, given in by the composition root.
 */
import type { RequestContext } from '../core/caller.ts';
import type { EngineColumn, EngineFile } from '../engines/contract.ts';
import type { TableName } from '../governance/contract.ts';
import type { CatalogColumn } from '../catalog/contract.ts';

/** A SELECT after the trust path, with what it read. */
export interface StatementOutcome {
  readonly columns: readonly EngineColumn[];
  readonly rowCount: number;
  readonly rows: readonly (readonly (string | null)[])[];
  readonly files: readonly EngineFile[];
  readonly tables: readonly {
    readonly name: TableName;
    readonly columns: readonly string[];
    readonly snapshotId?: string;
    /** True: a view of the statement reads it, not the statement itself. */
    readonly inside?: true;
  }[];
  /** Views that the statement reads of which the caller sees all: what they are made of. */
  readonly views?: readonly (Pick<StatementOutcome, 'tables' | 'columnFlows'> & { readonly name: TableName })[];
  /** What each column of the result is made of, where the statement tells it without doubt. */
  readonly columnFlows?: readonly {
    readonly output: string;
    readonly inputs: readonly { readonly table: TableName; readonly column: string }[];
  }[];
  readonly bytesScanned: number;
  readonly planMs: number;
  readonly queueMs: number;
  readonly runMs: number;
}

/**
 * Objects a statement reads besides catalog tables, under a name of the runner's choosing.
 *
 * **Shapes**: besides `columns` (and the partition values of its object) a row carries
 * - `_object` VARCHAR, the key; `_row` BIGINT, the 1-based number of the record in its file as read (header not counted);
 * - `_fault` VARCHAR, NULL for a row that could be read, else `too_few_fields`, `too_many_fields` (CSV), `not_json`,
 *   `not_an_object` (JSON): such a row is never dropped and never an error;
 * - `_rest` VARCHAR, what no column holds: the surplus fields of a CSV row, the text that is not JSON;
 * - `_record` VARCHAR, the whole row as one JSON object text, with every field (computed only where it is asked for).
 *
 * CSV: `columns` are the fields of every given file, in file order (position decides, the header line is skipped); an
 * empty field is the empty string. JSON: columns are taken from the objects by name, nested values as JSON text.
 */
export interface ObjectInput {
  /** The table name in the statement. */
  readonly name: string;
  readonly format: 'csv' | 'json' | 'parquet';
  readonly objects: readonly {
    readonly bucket: string;
    readonly key: string;
    readonly partition?: Readonly<Record<string, string>>;
  }[];
  /** Columns as text unless typed here; CSV and JSON are read as text so that no value is lost to a failed cast. */
  readonly columns: readonly { readonly name: string; readonly type?: string }[];
  /**
   * CSV: `delimiter` (`,`), `quote` (`"`, empty for none), `escape` (`"`), `header` (`true`), `encoding` (`utf-8`).
   * JSON: `layout`: `lines` (one value a line, the default), `array`, or `values` (one after the other, any spacing).
   */
  readonly options?: Readonly<Record<string, string>>;
}

/** Files (Parquet unless `csv` says else) that an earlier statement of the same work left in its own work folder, read as they are. */
export interface StageInput {
  /** The table name in the statement. */
  readonly name: string;
  /** Absolute paths. An empty list is refused: a table without columns cannot be bound. */
  readonly files: readonly string[];
  /**
   * The files are CSV that this layer made itself, with exactly these columns in this order: UTF-8, RFC 4180 with
   * header, NULL an empty field without quotes. A value that is not of its type fails the statement.
   */
  readonly csv?: { readonly columns: readonly { readonly name: string; readonly type: string }[] };
}

/** Runs SELECT statements of a caller through gate, binding and policy. */
export interface StatementRunner {
  run(
    context: RequestContext,
    request: {
      readonly sql: string;
      readonly dialect: 'athena' | 'duckdb';
      readonly database?: string;
      readonly result:
        | { readonly kind: 'rows'; readonly maxRows: number }
        | { readonly kind: 'csv'; readonly path: string }
        | {
            readonly kind: 'parquet';
            readonly directory: string;
            readonly fieldIds?: Readonly<Record<string, number>>;
            readonly partitionBy?: readonly string[];
            /** Whether the files hold the columns of `partitionBy` as well (the default). */
            readonly partitionColumnsInFiles?: boolean;
          }
        | { readonly kind: 'json'; readonly path: string };
      /** Files of this layer's own, which its use-case has authorized. */
      readonly objects?: readonly ObjectInput[];
      /** Intermediate results of this layer's own. */
      readonly stages?: readonly StageInput[];
      readonly queryId?: string;
    },
    signal: AbortSignal,
  ): Promise<StatementOutcome>;
}

// --------------------------------------------------------------------------------------------------------------- quality
/** A rule of a dataset; a row that fails any rule goes to quarantine with the rules it failed. */
export type QualityRule =
  | { readonly rule: 'complete'; readonly column: string }
  | { readonly rule: 'unique'; readonly columns: readonly string[] }
  | { readonly rule: 'range'; readonly column: string; readonly min?: string; readonly max?: string }
  | { readonly rule: 'pattern'; readonly column: string; readonly pattern: string }
  | { readonly rule: 'values'; readonly column: string; readonly values: readonly string[] }
  | { readonly rule: 'type'; readonly column: string; readonly type: string }
  | { readonly rule: 'iban'; readonly column: string }
  | { readonly rule: 'references'; readonly column: string; readonly table: TableName; readonly key: string };

/** A column of a cleaning job: where it comes from, what it becomes, how it is normalized first. */
export interface CleanColumn {
  readonly name: string;
  readonly from?: string;
  /** Target type text: `string`, `bigint`, `date`, `timestamp`, `decimal(12,2)` … */
  readonly type: string;
  readonly normalize?: readonly ('trim' | 'lower' | 'upper' | 'collapse' | 'digits' | 'empty_to_null')[];
  /** Accepted date/timestamp formats, strptime form, tried in order. */
  readonly formats?: readonly string[];
}

export type JobDefinition =
  | {
      readonly kind: 'clean';
      readonly name: string;
      readonly description?: string;
      /** The raw objects: a prefix; what is new since the last committed run is read (bookmark). */
      readonly source: {
        readonly bucket: string;
        readonly prefix: string;
        readonly format: 'csv' | 'json' | 'parquet';
        readonly options?: Readonly<Record<string, string>>;
      };
      readonly target: TableName;
      readonly columns: readonly CleanColumn[];
      /** One row wins per key: greatest event time, then greatest source position; never by arrival. */
      readonly key: readonly string[];
      readonly eventTime: string;
      readonly sourcePosition?: readonly string[];
      readonly rules: readonly QualityRule[];
      readonly quarantine: { readonly bucket: string; readonly prefix: string };
      readonly partition?: readonly { readonly column: string; readonly transform: string }[];
      readonly maxRetries?: number;
    }
  | {
      readonly kind: 'sql';
      readonly name: string;
      readonly description?: string;
      readonly sql: string;
      readonly dialect: 'athena' | 'duckdb';
      readonly target: TableName;
      readonly mode: 'overwrite' | 'append';
      readonly partition?: readonly { readonly column: string; readonly transform: string }[];
      readonly maxRetries?: number;
    };

export type JobRunState = 'STARTING' | 'RUNNING' | 'COMMITTING' | 'SUCCEEDED' | 'FAILED' | 'STOPPED' | 'WAITING';

/** Counts of a run. For `clean`: rowsIn = rowsCommitted + rowsRejected + rowsDuplicate. */
export interface JobRunCounts {
  readonly objectsIn: number;
  readonly rowsIn: number;
  /** Change of the target's row count. */
  readonly rowsCommitted: number;
  readonly rowsRejected: number;
  readonly rowsDuplicate: number;
  readonly rejectedByRule: Readonly<Record<string, number>>;
}

export interface JobRun {
  readonly id: string;
  readonly job: string;
  readonly state: JobRunState;
  readonly attempt: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly counts?: JobRunCounts;
  readonly snapshotId?: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly workflowRunId?: string;
  readonly startedBy: string;
}

export interface Jobs {
  /** Creates or replaces. **Errors**: `invalid_argument` naming the field. */
  put(context: RequestContext, definition: JobDefinition): Promise<void>;
  get(context: RequestContext, name: string): Promise<JobDefinition>;
  list(context: RequestContext): Promise<readonly JobDefinition[]>;
  delete(context: RequestContext, name: string): Promise<void>;
  /** Forgets what a cleaning job has read: its next run reads the whole prefix again. **Errors**: `concurrent_run`. */
  resetBookmark(context: RequestContext, name: string): Promise<void>;
  /** Starts a run and returns at once. **Errors**: `concurrent_run` naming the run that is under way. */
  start(context: RequestContext, name: string): Promise<JobRun>;
  stop(context: RequestContext, runId: string): Promise<void>;
  run(context: RequestContext, runId: string): Promise<JobRun>;
  /** Resolves with the run in its final state. */
  wait(runId: string, signal: AbortSignal): Promise<JobRun>;
  runs(
    context: RequestContext,
    filter?: { readonly job?: string; readonly workflowRunId?: string; readonly limit?: number },
  ): Promise<readonly JobRun[]>;
}

// -------------------------------------------------------------------------------------------------------------- workflows
export type WorkflowNode =
  | {
      readonly name: string;
      readonly kind: 'job';
      readonly job: string;
      readonly after: readonly string[];
      /** How often a failed node is started anew; 0 when absent. */
      readonly retries?: number;
    }
  | {
      readonly name: string;
      readonly kind: 'crawler';
      readonly crawler: string;
      readonly after: readonly string[];
      readonly retries?: number;
    };

export type WorkflowTrigger =
  | { readonly kind: 'on_demand' }
  /**
   * Starts a run when objects arrive under a prefix, `batchWindowMs` after the first of them. With `detailTypes`, when
   * one of these events of EventBridge (`Object Deleted` …) comes from the bucket, whose EventBridge must be on.
   */
  | {
      readonly kind: 'event';
      readonly bucket: string;
      readonly prefix: string;
      readonly batchWindowMs: number;
      readonly detailTypes?: readonly string[] | undefined;
    };

export interface WorkflowDefinition {
  readonly name: string;
  readonly description?: string;
  readonly nodes: readonly WorkflowNode[];
  readonly triggers: readonly WorkflowTrigger[];
}

export interface WorkflowRun {
  readonly id: string;
  readonly workflow: string;
  readonly state: 'RUNNING' | 'COMPLETED' | 'FAILED' | 'STOPPED';
  readonly trigger: string;
  /** The first of the events that started it, as EventBridge tells it, where the bucket's EventBridge was on. */
  readonly event?: Readonly<Record<string, unknown>>;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly nodes: readonly {
    readonly name: string;
    readonly state: 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'SKIPPED' | 'STOPPED';
    readonly runId?: string;
    readonly startedAt?: number;
    readonly endedAt?: number;
    readonly error?: string;
  }[];
}

export interface Workflows {
  put(context: RequestContext, definition: WorkflowDefinition): Promise<void>;
  get(context: RequestContext, name: string): Promise<WorkflowDefinition>;
  list(context: RequestContext): Promise<readonly WorkflowDefinition[]>;
  delete(context: RequestContext, name: string): Promise<void>;
  start(context: RequestContext, name: string): Promise<WorkflowRun>;
  stop(context: RequestContext, runId: string): Promise<void>;
  run(context: RequestContext, runId: string): Promise<WorkflowRun>;
  /** Resolves with the run in its final state. */
  wait(runId: string, signal: AbortSignal): Promise<WorkflowRun>;
  runs(
    context: RequestContext,
    filter?: { readonly workflow?: string; readonly limit?: number },
  ): Promise<readonly WorkflowRun[]>;
}

export type { CatalogColumn };
export type * from './maintenance/contract.ts';
export type * from './statistics/contract.ts';
