/**
 * Crawlers: what looks at places and describes what it finds as tables, and the classifiers that people add.
 *
 * Call rules: a run is started and goes on by itself; its phases are durable states that a restart goes on from.
 */
import type { RequestContext } from '../../core/caller.ts';
import type { OpenedConnection } from '../connections/contract.ts';
import type { CatalogColumn, ForeignProperties } from '../contract.ts';

export type CrawlerState = 'READY' | 'RUNNING' | 'STOPPING';

/**
 * What a crawl looks at. `s3` (the default): a prefix whose files are classified. `delta`, `hudi`, `iceberg`: the roots
 * of tables at or below a prefix, registered by their own metadata. `catalog`: tables of the crawler's database, `path`
 * being `database/table`. `jdbc`: `path` is `database/schema/table` with `%` as wildcard, over a connection.
 */
export interface CrawlerTarget {
  readonly kind?: 's3' | 'delta' | 'hudi' | 'iceberg' | 'catalog' | 'jdbc';
  readonly path: string;
  /** Globs relative to the path. */
  readonly exclusions: readonly string[];
  /** How many files of a folder are read. */
  readonly sampleSize?: number;
  /** Name of the connection of a `jdbc` target. */
  readonly connection?: string;
  /** How deep below the path roots of `delta`, `hudi`, `iceberg` tables are looked for. */
  readonly maximumDepth?: number;
}

/** How a crawler's schedule stands. `expression` is Glue's `cron(…)`. */
export interface CrawlerSchedule {
  readonly expression: string;
  readonly state: 'SCHEDULED' | 'NOT_SCHEDULED';
}

/** Which tables of a source: `%` stands for any characters. A source without schemas has none here. */
export interface SourceTablePattern {
  readonly database: string;
  readonly schema?: string;
  readonly table: string;
}

/** A table of a source as its own catalog describes it, types as Hive's. */
export interface SourceTableDescription {
  readonly database: string;
  readonly schema?: string;
  readonly name: string;
  readonly kind: 'table' | 'view';
  readonly columns: readonly CatalogColumn[];
  readonly comment?: string;
}

/** Who has the drivers: the tables of a source that its user may read. **Errors**: `source_failed`. */
export type SourceTables = (
  connection: Pick<OpenedConnection, 'engine' | 'url'>,
  pattern: SourceTablePattern,
  signal: AbortSignal,
) => AsyncIterable<SourceTableDescription>;

export type RecrawlPolicy = 'CRAWL_EVERYTHING' | 'CRAWL_NEW_FOLDERS_ONLY' | 'CRAWL_EVENT_MODE';

/** A classifier that people define, asked before the built-in ones. */
export type ClassifierInput = { readonly name: string } & (
  | {
      readonly kind: 'grok';
      readonly classification: string;
      readonly pattern: string;
      /** Lines of `NAME pattern`. */
      readonly customPatterns?: string;
    }
  | { readonly kind: 'xml'; readonly classification: string; readonly rowTag: string }
  | { readonly kind: 'json'; readonly path: string }
  | {
      readonly kind: 'csv';
      readonly delimiter?: string;
      readonly quote?: string;
      readonly header?: 'PRESENT' | 'ABSENT' | 'UNKNOWN';
      readonly names?: readonly string[];
      readonly allowSingleColumn?: boolean;
      readonly disableValueTrimming?: boolean;
      /** Types of the columns, in order: `INT`, `STRING` … */
      readonly datatypes?: readonly string[];
      readonly serde?: 'OpenCSVSerDe' | 'LazySimpleSerDe' | 'None';
    }
);

export type ClassifierRecord = ClassifierInput & {
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: number;
};

/** Custom classifiers. A crawler names them; one that is gone is told in the crawl's messages. */
export interface Classifiers {
  /** **Errors**: `already_exists`; `invalid_argument` naming the field, such as a pattern that does not compile. */
  create(context: RequestContext, input: ClassifierInput): Promise<ClassifierRecord>;
  /** Changes what is given; the kind stays. **Errors**: `not_found`, `invalid_argument`. */
  update(
    context: RequestContext,
    name: string,
    kind: ClassifierInput['kind'],
    changes: Readonly<Record<string, unknown>>,
  ): Promise<ClassifierRecord>;
  get(context: RequestContext, name: string): Promise<ClassifierRecord>;
  list(context: RequestContext): Promise<readonly ClassifierRecord[]>;
  delete(context: RequestContext, name: string): Promise<void>;
}

/** What a crawl does to tables whose data changed or went away. */
export interface SchemaChangePolicy {
  readonly update: 'UPDATE_IN_DATABASE' | 'LOG';
  readonly delete: 'DEPRECATE_IN_DATABASE' | 'DELETE_FROM_DATABASE' | 'LOG';
}

/** What a caller gives to create a crawler. */
export interface CrawlerInput {
  readonly name: string;
  /** Name or ARN of whom the crawler acts as. One that identities do not know is kept, and its maker acts. */
  readonly role: string;
  readonly database: string;
  readonly targets: readonly CrawlerTarget[];
  readonly tablePrefix?: string;
  readonly description?: string;
  readonly schemaChange?: SchemaChangePolicy;
  readonly recrawl?: RecrawlPolicy;
  /** Glue's configuration JSON, kept as it is; what it says of grouping, output and partition indexes is heeded. */
  readonly configuration?: string;
  /** Names of custom classifiers, in the order they are asked. */
  readonly classifiers?: readonly string[];
  /** Glue's `cron(…)`, in UTC. An empty text takes the schedule away. */
  readonly schedule?: string;
  readonly foreign?: ForeignProperties;
}

export interface CrawlerRecord {
  readonly name: string;
  readonly role: string;
  /** The ARN of whom it acts as. */
  readonly actsAs: string;
  readonly database: string;
  readonly targets: readonly CrawlerTarget[];
  readonly tablePrefix: string;
  readonly description?: string;
  readonly schemaChange: SchemaChangePolicy;
  readonly recrawl: RecrawlPolicy;
  readonly configuration?: string;
  readonly classifiers?: readonly string[];
  readonly schedule?: CrawlerSchedule;
  readonly foreign?: ForeignProperties;
  readonly state: CrawlerState;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: number;
  readonly lastRun?: CrawlerRun;
}

export interface CrawlerRun {
  readonly id: string;
  readonly crawler: string;
  readonly state: 'RUNNING' | 'COMPLETED' | 'FAILED' | 'STOPPED';
  /** What a running crawl does now: the durable states a restart goes on from. */
  readonly phase: 'LISTING' | 'CLASSIFYING' | 'WRITING' | 'DONE';
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly objects: number;
  readonly folders: number;
  /** Bytes read to classify: headers, footers and samples. */
  readonly bytesRead: number;
  readonly tablesCreated: number;
  readonly tablesUpdated: number;
  /** Tables deleted or marked deprecated. */
  readonly tablesDeleted: number;
  readonly partitionsAdded: number;
  /** What was refused, and which classifier saw what; what was skipped and why. */
  readonly messages: readonly string[];
  readonly error?: string;
}

export interface Crawlers {
  /** **Errors**: `already_exists`; `invalid_argument` naming the field. */
  create(context: RequestContext, input: CrawlerInput): Promise<CrawlerRecord>;
  /** Changes what is given. **Errors**: `concurrent_run` while it runs. */
  update(context: RequestContext, name: string, input: Partial<Omit<CrawlerInput, 'name'>>): Promise<CrawlerRecord>;
  get(context: RequestContext, name: string): Promise<CrawlerRecord>;
  list(context: RequestContext): Promise<readonly CrawlerRecord[]>;
  /** **Errors**: `concurrent_run` while it runs. */
  delete(context: RequestContext, name: string): Promise<void>;
  /** Starts a run and returns at once. **Errors**: `concurrent_run`. */
  start(context: RequestContext, name: string): Promise<CrawlerRun>;
  /** Asks the run to stop; it does at its next step. **Errors**: `conflict` when none runs. */
  stop(context: RequestContext, name: string): Promise<void>;
  /** Starts or stops the schedule. **Errors**: `conflict` when it is so already; `invalid_argument` without one. */
  setSchedule?(context: RequestContext, name: string, state: CrawlerSchedule['state']): Promise<void>;
  /** Newest first. */
  runs(context: RequestContext, name: string): Promise<readonly CrawlerRun[]>;
  /** Resolves with the finished run. */
  wait(runId: string, signal: AbortSignal): Promise<CrawlerRun>;
}
