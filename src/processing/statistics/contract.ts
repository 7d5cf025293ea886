/** Runs that compute the statistics of a table's columns with the engine and give them to the catalog. */
import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';

export interface StatisticsRun {
  readonly id: string;
  readonly table: TableName;
  /** Absent: every column of a kind that has statistics. */
  readonly columns?: readonly string[];
  readonly role: string;
  readonly state: 'STARTING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'STOPPED';
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt?: number;
  readonly error?: string;
}

export interface StatisticsRuns {
  /**
   * Starts a run and returns at once. It reads as `role`, or as the caller where identities know no such role, and only
   * a table that is seen whole and in clear. **Errors**: `concurrent_run`; `column_not_found`; `access_denied`.
   */
  start(
    context: RequestContext,
    table: TableName,
    options: { readonly role: string; readonly columns?: readonly string[] },
  ): Promise<StatisticsRun>;
  /** **Errors**: `conflict` when none runs. */
  stop(context: RequestContext, table: TableName): Promise<void>;
  run(context: RequestContext, id: string): Promise<StatisticsRun>;
  /** Newest first; of one table, or of all that the caller may know. `after` is the id of a run. */
  runs(
    context: RequestContext,
    query: { readonly table?: TableName; readonly after?: string; readonly limit: number },
  ): Promise<readonly StatisticsRun[]>;
  /** Resolves with the run in its final state. */
  wait(id: string, signal: AbortSignal): Promise<StatisticsRun>;
}
