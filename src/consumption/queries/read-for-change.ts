/** What a statement that changes tables asks the query path for: the rows of a SELECT, in a shape of our own. */
import type { ResolvedTable, TableScan } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { EngineColumn, EngineResultKind } from '../../engines/contract.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StatementOutcome } from '../../processing/contract.ts';
import type { ScanPredicate } from '../../storage/contract.ts';

/** How the rows are written: engine text of our own around the statement. */
export interface RowShape {
  /** The statement that is run; `source` is a SELECT in the engine's dialect. */
  select(source: string): string;
  readonly preamble: readonly string[];
  readonly result: EngineResultKind;
}

/** The table whose rows are changed, as it was read. */
export interface ChangedTable {
  readonly table: ResolvedTable;
  /** The files that were read; `ROW_FILE` is a position in this list. */
  readonly files: TableScan['files'];
  /** What of the table was read: all, without predicates. */
  readonly predicates: readonly ScanPredicate[];
}

/** A SELECT of the caller, run with his rights. */
export interface ChangeRead {
  readonly sql: string;
  /** The caller's whole statement, of which `sql` was made: errors tell places in it. */
  readonly text: string;
  readonly dialect: 'athena' | 'duckdb';
  readonly database: string;
  readonly queryId: string;
  /** The table that is changed, under the name the statement reads it by: its rows have `ROW_FILE` and `ROW_PLACE`. */
  readonly changed?: { readonly alias: string; readonly name: TableName };
  /** Asked once, when the columns are known and before anything is run. */
  shape(columns: readonly EngineColumn[], changed: ChangedTable | undefined): Promise<RowShape>;
}

/** What was read. */
export interface ChangeReadOutcome extends StatementOutcome {
  /** Columns of the statement itself, before it was shaped. */
  readonly sourceColumns: readonly EngineColumn[];
  readonly changed?: ChangedTable;
}

/**
 * Reads for a change, through gate, binding and policy like any SELECT.
 * **Errors**: those of a SELECT; `access_denied` for a changed table that is not seen whole; `unsupported` for one
 * that is not an Iceberg table.
 */
export type ReadForChange = (
  context: RequestContext,
  request: ChangeRead,
  signal: AbortSignal,
) => Promise<ChangeReadOutcome>;
