/** What the catalog keeps of a table beside its definition: partition indexes, statistics of columns; and functions of databases. */
import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';

/** A second order of a table's partitions: by some of its keys. */
export interface PartitionIndexInput {
  readonly name: string;
  readonly keys: readonly string[];
}

export interface PartitionIndexRecord extends PartitionIndexInput {
  /** `CREATING` until every partition that was there is in it. */
  readonly state: 'CREATING' | 'ACTIVE' | 'DELETING';
}

/** Indexes of partitions: three a table. A filter that fixes the first keys of one reads that range alone. */
export interface PartitionIndexes {
  /**
   * Returns once the index is recorded; it fills in the background, and a restart goes on with it.
   * **Errors**: `already_exists`, `limit_exceeded`, `invalid_argument` naming the key.
   */
  createPartitionIndex(context: RequestContext, name: TableName, index: PartitionIndexInput): Promise<void>;
  partitionIndexes(context: RequestContext, name: TableName): Promise<readonly PartitionIndexRecord[]>;
  /** **Errors**: `not_found`. */
  deletePartitionIndex(context: RequestContext, name: TableName, index: string): Promise<void>;
}

export type StatisticsKind = 'BINARY' | 'BOOLEAN' | 'DATE' | 'DECIMAL' | 'DOUBLE' | 'LONG' | 'STRING';

/**
 * What is known of the values of one column. Which members a kind has: all but BINARY, BOOLEAN and STRING `min` and
 * `max`; all but BINARY and BOOLEAN `distinct`; BINARY and STRING the lengths; BOOLEAN `trues` and `falses`.
 *
 * **Shapes**: `min` and `max` as text: a whole number, a number, a decimal with its scale (`-12.50`), for DATE
 * milliseconds since 1970 UTC.
 */
export interface TableColumnStatistics {
  readonly column: string;
  readonly columnType: string;
  readonly kind: StatisticsKind;
  readonly analyzedAt: number;
  readonly nulls: number;
  readonly distinct?: number;
  readonly min?: string;
  readonly max?: string;
  readonly maxLength?: number;
  readonly averageLength?: number;
  readonly trues?: number;
  readonly falses?: number;
}

/** A table, or one partition of it. */
export interface StatisticsTarget extends TableName {
  readonly partition?: readonly string[];
}

/**
 * Statistics of columns, as clients keep and read them. No plan of Loch depends on them: they may be old.
 * A column's smallest and largest value are values of rows: who sees rows filtered or masked sees no statistics.
 */
export interface ColumnStatisticsKeeping {
  /** Replaces what is given, all or nothing. **Errors**: `column_not_found`; `invalid_argument` naming the column. */
  putColumnStatistics(
    context: RequestContext,
    target: StatisticsTarget,
    statistics: readonly TableColumnStatistics[],
  ): Promise<void>;
  /** Those that are there and may be seen. */
  columnStatistics(
    context: RequestContext,
    target: StatisticsTarget,
    columns: readonly string[],
  ): Promise<readonly TableColumnStatistics[]>;
  /** **Errors**: `not_found` when there are none. */
  deleteColumnStatistics(context: RequestContext, target: StatisticsTarget, column: string): Promise<void>;
}

/** What a caller gives to register a function. */
export interface FunctionInput {
  readonly name: string;
  readonly className?: string;
  readonly owner?: string;
  readonly ownerType?: 'USER' | 'ROLE' | 'GROUP';
  readonly functionType?: 'REGULAR_FUNCTION' | 'AGGREGATE_FUNCTION' | 'STORED_PROCEDURE';
  readonly resources: readonly { readonly type: string; readonly uri: string }[];
}

export interface FunctionRecord extends FunctionInput {
  readonly database: string;
  readonly createdAt: number;
}

/** Functions that other engines register and find again; Loch runs none of them. */
export interface FunctionKeeping {
  createFunction(context: RequestContext, database: string, input: FunctionInput): Promise<void>;
  updateFunction(context: RequestContext, database: string, name: string, input: FunctionInput): Promise<void>;
  deleteFunction(context: RequestContext, database: string, name: string): Promise<void>;
  getFunction(context: RequestContext, database: string, name: string): Promise<FunctionRecord>;
  /** By database and name, of one database or of all that the caller may know. `pattern` is Hive's (`*`, `|`, `.*`). */
  listFunctions(
    context: RequestContext,
    query: {
      readonly database?: string;
      readonly pattern?: string;
      readonly functionType?: FunctionInput['functionType'];
      readonly after?: { readonly database: string; readonly name: string };
      readonly limit: number;
    },
  ): Promise<readonly FunctionRecord[]>;
}
