/**
 * The upkeep of Iceberg tables as background work: compaction, retention of snapshots, removal of orphans.
 *
 * Call rules
 * - A run is a durable record before it begins; a restart goes on with one that was under way, from its beginning: every
 *   step of it is a commit of its own or removes what nothing leads to.
 * - Writers win: a group of files that somebody else changed meanwhile is left to the next run.
 * - A run acts as the optimizer's role, or as who made the optimizer, with his rights as they are then.
 */
import type { ResolvedTable } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';
import type { CompactionGroup, DataFile } from '../../storage/contract.ts';

export type OptimizerType = 'compaction' | 'retention' | 'orphan_file_deletion';

/** What an optimizer does; members of other types than its own are not there. */
export interface OptimizerConfiguration {
  readonly enabled: boolean;
  /** Name or ARN of whom it acts as. */
  readonly role?: string;
  readonly compaction?: {
    /** `sort` by the table's sort order; without one that is refused. Default `binpack`. */
    readonly strategy?: 'binpack' | 'sort';
    /** Default 100. */
    readonly minFiles?: number;
    /** Default 1. */
    readonly deleteFileThreshold?: number;
  };
  readonly retention?: {
    /** Default: the table's own, 5 days. */
    readonly snapshotDays?: number;
    readonly snapshotsKept?: number;
    /** Whether files of expired snapshots go as well. Default true. */
    readonly cleanFiles?: boolean;
  };
  readonly orphans?: {
    /** Default 3. */
    readonly olderThanDays?: number;
    /** A folder under the table's location. */
    readonly location?: string;
  };
  /** Retention and orphans: how often. Default 24. */
  readonly everyHours?: number;
}

export interface OptimizerRecord {
  readonly table: TableName;
  readonly type: OptimizerType;
  readonly configuration: OptimizerConfiguration;
  readonly actsAs: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastRun?: OptimizerRun;
}

export interface OptimizerRun {
  readonly id: string;
  readonly table: TableName;
  readonly type: OptimizerType;
  readonly state: 'STARTING' | 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly strategy?: 'binpack' | 'sort';
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly error?: string;
  readonly metrics?: {
    readonly bytesCompacted?: number;
    readonly filesCompacted?: number;
    readonly filesWritten?: number;
    readonly deleteFilesRemoved?: number;
    readonly manifestsMerged?: number;
    readonly snapshotsExpired?: number;
    readonly dataFilesDeleted?: number;
    readonly manifestListsDeleted?: number;
    readonly manifestsDeleted?: number;
    readonly orphansDeleted?: number;
    readonly orphanBytes?: number;
  };
}

export interface TableMaintenance {
  /** **Errors**: `already_exists`; `invalid_argument`; `unsupported` for tables that are not Iceberg. */
  create(
    context: RequestContext,
    table: TableName,
    type: OptimizerType,
    configuration: OptimizerConfiguration,
  ): Promise<void>;
  update(
    context: RequestContext,
    table: TableName,
    type: OptimizerType,
    configuration: OptimizerConfiguration,
  ): Promise<void>;
  delete(context: RequestContext, table: TableName, type: OptimizerType): Promise<void>;
  /** **Errors**: `not_found`. */
  get(context: RequestContext, table: TableName, type: OptimizerType): Promise<OptimizerRecord>;
  /** Newest first. `after` is the id of a run. */
  runs(
    context: RequestContext,
    table: TableName,
    type: OptimizerType,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly OptimizerRun[]>;
  /** Runs once, now, by the caller, with or without an optimizer. Resolves when the run stands in the store. */
  runNow(
    context: RequestContext,
    table: TableName,
    type: OptimizerType,
    configuration?: Omit<OptimizerConfiguration, 'enabled' | 'role' | 'everyHours'>,
  ): Promise<OptimizerRun>;
  /** What a removal of orphans would take; nothing is changed. */
  orphans(
    context: RequestContext,
    table: TableName,
    options?: { readonly olderThanDays?: number },
  ): Promise<{ readonly files: readonly string[]; readonly bytes: number }>;
  /** Resolves with the run in its final state. */
  wait(runId: string, signal: AbortSignal): Promise<OptimizerRun>;
}

/**
 * Writes the live rows of some files of a table as new files under its current schema and partition spec, in the object
 * store but in no snapshot. Only for who sees the whole table in clear: a filtered rewrite would lose rows.
 * **Errors**: `access_denied`.
 */
export type FileRewriter = (
  context: RequestContext,
  table: ResolvedTable,
  group: CompactionGroup,
  options: {
    /** The files are `data/<name>-<n>.parquet`. */
    readonly name: string;
    readonly sorted: boolean;
  },
) => Promise<readonly DataFile[]>;
