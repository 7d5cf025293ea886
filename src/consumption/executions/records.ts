import type { QueryExecution, ResultColumn } from '../contract.ts';

/** Who asked, kept so that a query goes on after a restart. */
export interface CallerRecord {
  readonly principalArn: string;
  readonly requestId: string;
  readonly door: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly secure: boolean;
}

/** A query as the store keeps it. */
export interface ExecutionRecord {
  readonly execution: QueryExecution;
  readonly caller: CallerRecord;
  readonly accountId: string;
  readonly dialect: 'athena' | 'duckdb';
  /** How often it was begun. */
  readonly attempt: number;
  readonly columns: readonly ResultColumn[];
  /** Where the result lies; undefined while there is none, and after it was removed by rule. */
  readonly result: ResultFile | undefined;
}

export interface ResultFile {
  readonly bucket: string;
  readonly key: string;
  /** CSV with a header, lines of text, or the names of the files that a statement wrote. */
  readonly form: 'csv' | 'text' | 'manifest';
}

/** What a new query is made of. */
export interface NewExecution {
  readonly id: string;
  readonly sql: string;
  readonly dialect: 'athena' | 'duckdb';
  readonly database: string | null;
  readonly workgroup: string;
  readonly statementType: QueryExecution['statementType'];
  readonly substatementType: string;
  readonly outputLocation: string;
  readonly caller: CallerRecord;
  readonly accountId: string;
  readonly token: string | null;
  /** Digest of what was asked, to tell a repeat from another request with the same token. */
  readonly digest: string;
}

/** What a finished query leaves. */
export interface ExecutionEnd {
  readonly id: string;
  readonly state: 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  readonly stateReason: string | null;
  readonly error: QueryExecution['error'] | null;
  readonly queueMs: number;
  readonly planMs: number;
  readonly runMs: number;
  readonly bytesScanned: number;
  readonly rowCount: number | null;
  readonly columns: readonly ResultColumn[];
  readonly result: ResultFile | null;
  /** JSON of the lineage flows that are to be told of. */
  readonly flows: string | null;
}
