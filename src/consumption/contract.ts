/**
 * Queries as of Athena: submitted, watched, fetched, stopped, kept.
 *
 * Call rules
 * - States go QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED; a final state never changes.
 * - A result belongs to its owner: the principal that asked, and administrators of the workgroup.
 */
import type { RequestContext } from '../core/caller.ts';
import type { EngineColumn } from '../engines/contract.ts';
import type { TableName } from '../governance/contract.ts';

export type QueryState = 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

export interface QueryExecution {
  readonly id: string;
  readonly sql: string;
  readonly database?: string;
  readonly workgroup: string;
  readonly statementType: 'DML' | 'DDL' | 'UTILITY';
  readonly substatementType: string;
  readonly state: QueryState;
  readonly stateReason?: string;
  readonly error?: {
    readonly category: number;
    readonly type: number;
    readonly retryable: boolean;
    readonly message: string;
  };
  readonly submittedAt: number;
  readonly endedAt?: number;
  readonly queueMs: number;
  readonly planMs: number;
  readonly runMs: number;
  readonly totalMs: number;
  readonly bytesScanned: number;
  readonly rowCount?: number;
  readonly outputLocation: string;
  /** Of a statement that wrote rows: the list of the files it wrote. */
  readonly manifestLocation?: string;
  readonly principalArn: string;
}

export interface ResultColumn extends EngineColumn {
  /** Athena's type name: `varchar`, `bigint`, `decimal`, `timestamp` … */
  readonly athenaType: string;
  readonly precision: number;
  readonly scale: number;
}

export interface ResultPage {
  readonly columns: readonly ResultColumn[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly next?: string;
  /** Of a statement that wrote rows: how many it wrote, changed or removed; it has no rows of its own. */
  readonly updateCount?: number;
}

/** A group of queries with settings of its own. */
export interface Workgroup {
  readonly name: string;
  /** Where the caller's results go when he names no place, as `s3://bucket/prefix/`. */
  readonly outputLocation: string;
}

/** A statement kept under a name, with `?` for its parameters. */
export interface PreparedStatement {
  readonly name: string;
  readonly sql: string;
  readonly description?: string;
  readonly updatedAt: number;
}

/** Prepared statements of a workgroup. Those of another are `not_found`. */
export interface PreparedStatements {
  put(
    context: RequestContext,
    statement: {
      readonly name: string;
      readonly sql: string;
      readonly description?: string;
      readonly workgroup?: string;
      /** What may be there before. **Errors**: `already_exists`, `not_found`. */
      readonly mode: 'create' | 'update' | 'either';
    },
  ): Promise<void>;
  get(context: RequestContext, name: string, workgroup?: string): Promise<PreparedStatement>;
  /** By name, after the one called `after`. */
  list(
    context: RequestContext,
    page: { readonly workgroup?: string; readonly after?: string; readonly limit?: number },
  ): Promise<readonly PreparedStatement[]>;
  delete(context: RequestContext, name: string, workgroup?: string): Promise<void>;
}

export interface Queries {
  readonly prepared: PreparedStatements;
  /** **Errors**: `invalid_argument` for a name there is not; `access_denied`. */
  workgroup(context: RequestContext, name: string): Promise<Workgroup>;
  workgroups(context: RequestContext): Promise<readonly Workgroup[]>;
  start(
    context: RequestContext,
    request: {
      readonly sql: string;
      readonly database?: string;
      readonly workgroup?: string;
      readonly outputLocation?: string;
      readonly clientRequestToken?: string;
      readonly dialect?: 'athena' | 'duckdb';
      readonly parameters?: readonly string[];
    },
  ): Promise<string>;
  get(context: RequestContext, id: string): Promise<QueryExecution>;
  list(
    context: RequestContext,
    options?: {
      readonly workgroup?: string;
      readonly limit?: number;
      readonly after?: string;
      readonly everyone?: boolean;
    },
  ): Promise<readonly QueryExecution[]>;
  stop(context: RequestContext, id: string): Promise<void>;
  /** **Errors**: `invalid_argument` while the query has no result. */
  results(
    context: RequestContext,
    id: string,
    options?: { readonly limit?: number; readonly next?: string },
  ): Promise<ResultPage>;
  /** Resolves when the query has reached a final state. */
  wait(id: string, signal: AbortSignal): Promise<QueryExecution>;
}

/** What a column looks like to one viewer. */
export interface ColumnProfile {
  readonly name: string;
  readonly type: string;
  readonly nulls: number;
  readonly nullShare: number;
  /** How many values are different. */
  readonly distinct?: number;
  readonly min?: string;
  readonly max?: string;
  readonly top: readonly { readonly value: string; readonly count: number }[];
  /** Masked for this viewer: no value is told. */
  readonly masked: boolean;
}

export interface TableProfile {
  /** Of those the viewer may see. */
  readonly rows: number;
  /** False: numbers of different values are estimates. */
  readonly exact: boolean;
  readonly columns: readonly ColumnProfile[];
  /** Columns that are not profiled: hidden from the viewer, or beyond the first forty. */
  readonly left: number;
}

export interface Profiles {
  /** **Errors**: those of a SELECT on the table. */
  profile(context: RequestContext, name: TableName, signal: AbortSignal): Promise<TableProfile>;
}
