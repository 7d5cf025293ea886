/**
 * The catalog: the one truth of databases, tables, partitions and their versions for Glue, Iceberg REST, SQL and console.
 *
 * Call rules
 * - Names are lower case once stored; lookups fold. A table is one record whatever door made it.
 * - An Iceberg table's schema, partitions and files are those of its metadata file; the record holds the pointer
 *   (`parameters.metadata_location`) and is changed only by `commitTable`. Everything else is changed by `updateTable`.
 * - Every operation takes the caller's context and asks policy itself; hidden and missing answer alike.
 * - `resolveTable` is for planners that apply `policy.tableShape` themselves: it needs DESCRIBE-or-better only.
 */
import type { RequestContext } from '../core/caller.ts';
import type {
  CompactionGroup,
  CompactionOptions,
  DataFile,
  DeltaExported,
  ExpiryOptions,
  FileField,
  ForeignSnapshot,
  IcebergSchema,
  PartitionSpec,
  ScanPredicate,
  TableChange,
  TableMetadata,
  TableRequirement,
  TableUpdate,
} from '../storage/contract.ts';
import type { TableName } from '../governance/contract.ts';
import type { IcebergCatalog, StoredView } from './iceberg-contract.ts';
import type {
  ColumnStatisticsKeeping,
  FunctionKeeping,
  PartitionIndexes,
  PartitionIndexInput,
} from './databases/contract.ts';

export type * from './connections/contract.ts';
export type * from './crawlers/contract.ts';
export * from './search/contract.ts';
export type * from './lineage/contract.ts';
export type * from './changes/contract.ts';
export type * from './databases/contract.ts';
export type * from './iceberg-contract.ts';
export type * from './schemas/contract.ts';
export type * from './settings/contract.ts';

export interface CatalogColumn {
  readonly name: string;
  /** Hive/Glue type text. */
  readonly type: string;
  readonly comment?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * Properties that one door knows and the catalog has no word for (skewed info, bucket columns, retention …), as plain
 * JSON under that door's own names. They are kept as they are, whoever changes the rest.
 */
export type ForeignProperties = Readonly<Record<string, unknown>>;

/** What a caller gives to create or change a database. */
export interface DatabaseInput {
  readonly description?: string;
  readonly locationUri?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly foreign?: ForeignProperties;
}

export interface DatabaseRecord {
  readonly name: string;
  readonly description?: string;
  readonly locationUri?: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly accountId: string;
  readonly foreign?: ForeignProperties;
}

export interface StorageDescriptor {
  readonly location: string;
  readonly inputFormat?: string;
  readonly outputFormat?: string;
  readonly serdeLibrary?: string;
  readonly serdeParameters: Readonly<Record<string, string>>;
  readonly compressed?: boolean;
  readonly foreign?: ForeignProperties;
}

/** What a caller gives to create or change a table. */
export interface TableInput {
  readonly name: string;
  readonly description?: string;
  readonly owner?: string;
  /** `EXTERNAL_TABLE`, `MANAGED_TABLE`, `VIRTUAL_VIEW` or a door's own word. */
  readonly tableType?: string;
  readonly columns: readonly CatalogColumn[];
  readonly partitionKeys?: readonly CatalogColumn[];
  readonly storage?: StorageDescriptor;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly viewText?: string;
  readonly foreign?: ForeignProperties;
}

export type TableFormatName = 'iceberg' | 'delta' | 'hudi' | 'csv' | 'json' | 'parquet' | 'view' | 'unknown';

export interface TableRecord extends Required<Pick<TableInput, 'name' | 'columns'>> {
  readonly database: string;
  readonly id: string;
  readonly format: TableFormatName;
  readonly tableType: string;
  readonly description?: string;
  readonly owner?: string;
  readonly partitionKeys: readonly CatalogColumn[];
  readonly storage: StorageDescriptor;
  readonly parameters: Readonly<Record<string, string>>;
  readonly viewText?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly createdBy: string;
  /** Version number; grows by one with each change. */
  readonly version: number;
  /** Who made this version: the ARN. */
  readonly updatedBy?: string;
  /** By which door this version was made: `aws`, `iceberg`, `console` … Unknown for versions of before doors were kept. */
  readonly updatedThrough?: string;
  /** Iceberg: the current metadata file. */
  readonly metadataLocation?: string;
  /** A view that the Iceberg door made or changed. */
  readonly view?: StoredView;
  readonly foreign?: ForeignProperties;
}

/** What is different between two versions of a table. */
export interface TableDifference {
  readonly from: number;
  readonly to: number;
  /** `description`, `location`, `parameters.<name>` …; a side that is absent had or has none. */
  readonly changed: readonly { readonly field: string; readonly from?: string; readonly to?: string }[];
  readonly columnsAdded: readonly CatalogColumn[];
  readonly columnsRemoved: readonly CatalogColumn[];
  readonly columnsChanged: readonly { readonly from: CatalogColumn; readonly to: CatalogColumn }[];
}

export interface PartitionRecord {
  readonly values: readonly string[];
  readonly location: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** The columns of this partition's files where they are not the table's, in file order. */
  readonly columns?: readonly CatalogColumn[];
  readonly foreign?: ForeignProperties;
}

export interface SearchHit {
  readonly database: string;
  readonly table: string;
  readonly description?: string;
  readonly format: TableFormatName;
  /** Columns that matched, of those the caller may see. */
  readonly columns: readonly string[];
  readonly score: number;
}

export interface IcebergTableSpec {
  readonly database: string;
  readonly name: string;
  readonly columns: readonly (CatalogColumn & { readonly required?: boolean })[];
  readonly partition?: readonly { readonly column: string; readonly transform: string }[];
  readonly location?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, string>>;
  /** Instead of `columns` and `partition`: an Iceberg schema and spec, ids to be given anew. */
  readonly schema?: IcebergSchema;
  readonly partitionSpec?: Pick<PartitionSpec, 'fields'>;
  /** A sort order over the ids of `schema`. */
  readonly sortOrder?: { readonly fields: readonly unknown[] };
}

/** A commit as the Iceberg REST catalog spells it. */
export interface TableUpdates {
  /** The version of the record that the updates were made for; another one is a `conflict`. */
  readonly expectedVersion?: number;
  readonly requirements: readonly TableRequirement[];
  readonly updates: readonly TableUpdate[];
}

/** A table as a planner needs it. */
export interface ResolvedTable {
  readonly record: TableRecord;
  /** For Iceberg. */
  readonly metadata?: TableMetadata;
}

/** The files of a table that a statement must read, already pruned. */
export interface TableScan {
  readonly table: ResolvedTable;
  readonly snapshotId?: string;
  /** Delta and Hudi: the state of the table that its log gave, with what its columns are called in the files. */
  readonly foreign?: ForeignSnapshot;
  readonly files: readonly {
    readonly bucket: string;
    readonly key: string;
    readonly bytes: number;
    /** Hive partition values for file tables, by key name; the columns are not in the files. */
    readonly partition: Readonly<Record<string, string | null>>;
    /** File tables: the columns of this file in file order, where its partition differs from the table. */
    readonly columns?: readonly CatalogColumn[];
    /** Delta, and Iceberg by a deletion vector: positions of rows that were deleted. */
    readonly deletedRows?: readonly number[];
    /** Iceberg: delete files that apply, `s3://` paths. */
    readonly deletes?: readonly {
      readonly path: string;
      readonly kind: 'position' | 'equality';
      readonly fieldIds: readonly number[];
    }[];
    /** Iceberg: the columns the file really has, where reading it needs to know. */
    readonly fields?: readonly FileField[];
    /** Iceberg, version 3: what its rows inherit for their id and for when they changed last. */
    readonly lineage?: { readonly firstRowId?: number; readonly sequenceNumber: number };
  }[];
  readonly totalFiles: number;
  readonly bytes: number;
}

export interface CommitOutcome {
  readonly snapshotId: string;
  readonly metadataLocation: string;
  readonly version: number;
  /** True when `runId` had been committed before: nothing was changed now. */
  readonly repeated: boolean;
}

export interface Catalog extends IcebergCatalog, PartitionIndexes, ColumnStatisticsKeeping, FunctionKeeping {
  createDatabase(context: RequestContext, input: DatabaseInput & { readonly name: string }): Promise<DatabaseRecord>;
  updateDatabase(context: RequestContext, name: string, input: DatabaseInput): Promise<DatabaseRecord>;
  /** Without `cascade` a database that holds tables is a `conflict`; with it they go to the bin. Files stay. */
  deleteDatabase(context: RequestContext, name: string, options?: { readonly cascade?: boolean }): Promise<void>;
  getDatabase(context: RequestContext, name: string): Promise<DatabaseRecord>;
  listDatabases(
    context: RequestContext,
    page?: { readonly after?: string; readonly limit?: number },
  ): Promise<readonly DatabaseRecord[]>;

  createTable(
    context: RequestContext,
    database: string,
    input: TableInput,
    options?: { readonly partitionIndexes?: readonly PartitionIndexInput[] },
  ): Promise<TableRecord>;
  updateTable(
    context: RequestContext,
    database: string,
    input: TableInput,
    options?: { readonly expectedVersion?: number; readonly skipArchive?: boolean },
  ): Promise<TableRecord>;
  /** Moves the table to the bin; `restoreTable` brings it back within seven days. */
  deleteTable(context: RequestContext, name: TableName): Promise<void>;
  droppedTables(context: RequestContext): Promise<
    readonly {
      readonly database: string;
      readonly table: string;
      readonly id: string;
      readonly droppedAt: number;
      readonly purgeAt: number;
    }[]
  >;
  restoreTable(context: RequestContext, id: string): Promise<TableRecord>;
  /** With only the columns the caller may see. */
  getTable(context: RequestContext, name: TableName): Promise<TableRecord>;
  listTables(
    context: RequestContext,
    database: string,
    page?: { readonly after?: string; readonly limit?: number; readonly expression?: string },
  ): Promise<readonly TableRecord[]>;
  tableVersions(context: RequestContext, name: TableName): Promise<readonly TableRecord[]>;
  /** What changed between two versions, of what the caller may see. **Errors**: `not_found` naming those that are kept. */
  diffTableVersions(
    context: RequestContext,
    name: TableName,
    versions: { readonly from: number; readonly to: number },
  ): Promise<TableDifference>;
  /**
   * Makes an earlier version the newest one, as a version of its own. **Errors**: `not_found`; `unsupported` for Iceberg
   * tables, which roll back to snapshots; `conflict`.
   */
  restoreTableVersion(context: RequestContext, name: TableName, version: number): Promise<TableRecord>;
  /** Forgets archived versions; returns those that were there. **Errors**: `invalid_argument` for the current one. */
  deleteTableVersions(
    context: RequestContext,
    name: TableName,
    versions: readonly number[],
  ): Promise<readonly number[]>;
  search(
    context: RequestContext,
    query: { readonly text: string; readonly limit?: number; readonly database?: string },
  ): Promise<readonly SearchHit[]>;
  /** The tables of a search as the caller sees them. With `whole`, words stand for themselves alone. */
  searchRecords(
    context: RequestContext,
    query: { readonly text: string; readonly limit?: number; readonly whole?: boolean },
  ): Promise<readonly TableRecord[]>;

  /** Adds partitions in one transaction. With `ifNotExists` those that are there are left as they are. */
  createPartitions(
    context: RequestContext,
    name: TableName,
    partitions: readonly Omit<PartitionRecord, 'createdAt'>[],
    options?: { readonly ifNotExists?: boolean },
  ): Promise<void>;
  updatePartition(
    context: RequestContext,
    name: TableName,
    values: readonly string[],
    partition: Omit<PartitionRecord, 'createdAt'>,
  ): Promise<void>;
  deletePartition(context: RequestContext, name: TableName, values: readonly string[]): Promise<void>;
  getPartition(context: RequestContext, name: TableName, values: readonly string[]): Promise<PartitionRecord>;
  /** `expression` is Glue's SQL-like partition filter; `asOf` asks for those of a time within the last 30 days. */
  listPartitions(
    context: RequestContext,
    name: TableName,
    options?: {
      readonly expression?: string;
      readonly after?: readonly string[];
      readonly limit?: number;
      readonly asOf?: number;
    },
  ): Promise<readonly PartitionRecord[]>;

  /** **Errors**: `table_not_found` with the nearest names the caller may see; `database_not_found`. */
  resolveTable(context: RequestContext, name: TableName): Promise<ResolvedTable>;
  /** The files to read now (or as of a snapshot), pruned by predicates. No policy: the caller has the shape already. */
  planTableScan(
    table: ResolvedTable,
    options: { readonly predicates?: readonly ScanPredicate[]; readonly snapshotId?: string; readonly asOf?: number },
  ): Promise<TableScan>;

  /** Writes a Delta log beside an Iceberg table. **Errors**: `unsupported` naming what Delta cannot say. */
  exportDelta?(context: RequestContext, name: TableName): Promise<DeltaExported>;
  createIcebergTable(context: RequestContext, spec: IcebergTableSpec): Promise<ResolvedTable>;
  /** Metadata of a table that `createIcebergTable` would make; nothing is kept. `commitUpdates` can make it. */
  draftIcebergTable(context: RequestContext, spec: IcebergTableSpec): Promise<TableMetadata>;
  /**
   * An Iceberg table for an engine that reads its files itself: only for who may see all columns, and all rows of those
   * selected, in clear. **Errors**: `access_denied` naming the doors that enforce a filter; `table_not_found`.
   */
  openForEngine(context: RequestContext, name: TableName): Promise<ResolvedTable>;
  /**
   * Commits updates that such an engine prepared. With the requirement `assert-create` the table is made.
   * **Errors**: `commit_conflict` naming the requirement; `invalid_argument` for files outside the table's location;
   * `commit_state_unknown`.
   */
  commitUpdates(context: RequestContext, name: TableName, change: TableUpdates): Promise<ResolvedTable>;
  /**
   * Stages `change` on the current metadata and swaps the pointer in one transaction; on a conflict stages again on
   * the newer metadata (`replace` re-checks its files). `runId` makes a repeat recognizable: it is written into the
   * snapshot summary as `loch.run-id`, and a second commit with it changes nothing.
   * **Errors**: `commit_conflict`, `commit_state_unknown`.
   */
  commitTable(
    context: RequestContext,
    name: TableName,
    change: TableChange | ((current: TableMetadata) => Promise<TableChange>),
    options?: { readonly runId?: string; readonly permission?: 'INSERT' | 'DELETE'; readonly branch?: string },
  ): Promise<CommitOutcome>;
  /** Replaces the schema by `columns` (add, drop, widen by name) as a metadata-only commit. */
  evolveSchema(context: RequestContext, name: TableName, columns: readonly CatalogColumn[]): Promise<ResolvedTable>;
  snapshots(
    context: RequestContext,
    name: TableName,
  ): Promise<
    readonly {
      readonly snapshotId: string;
      readonly at: number;
      readonly operation: string;
      readonly summary: Readonly<Record<string, string>>;
      readonly current: boolean;
    }[]
  >;
  /** Expires snapshots and removes the files that only they had (unless `keepFiles`). Needs ALTER and DELETE. */
  expireSnapshots(
    context: RequestContext,
    name: TableName,
    options?: ExpiryOptions & { readonly keepFiles?: boolean },
  ): Promise<{
    readonly snapshots: number;
    readonly files: number;
    /** Of `files`. */
    readonly dataFiles?: number;
    readonly manifestLists?: number;
  }>;
  /**
   * Removes files under the table's location (or `under` a folder of it) that no snapshot leads to and that are older
   * than `olderThanMs` (3 days, never less than one hour: a commit in flight has files nobody knows yet). Needs ALTER
   * and DELETE.
   */
  removeOrphanFiles(
    context: RequestContext,
    name: TableName,
    options?: { readonly olderThanMs?: number; readonly dryRun?: boolean; readonly under?: string },
  ): Promise<{ readonly files: readonly string[]; readonly bytes: number }>;
  /**
   * Writes small files again as fewer, group by group, each one a commit that loses against any other writer. `rewrite`
   * gives the live rows of a group as new files. Delete files that apply to nothing any more go as well. Needs INSERT
   * and DELETE.
   */
  compactTable(
    context: RequestContext,
    name: TableName,
    rewrite: (table: ResolvedTable, group: CompactionGroup) => Promise<readonly DataFile[]>,
    options?: CompactionOptions,
  ): Promise<{
    readonly groups: number;
    readonly filesBefore: number;
    readonly filesAfter: number;
    readonly bytes: number;
    readonly deleteFiles: number;
  }>;
  /** Joins the small manifests of a table in one commit. Needs INSERT and DELETE. */
  rewriteManifests(
    context: RequestContext,
    name: TableName,
  ): Promise<{ readonly before: number; readonly after: number }>;
  /** Makes an earlier snapshot the current one again. Needs INSERT and DELETE. **Errors**: `not_found`. */
  rollbackTable(context: RequestContext, name: TableName, snapshotId: string): Promise<CommitOutcome>;
}

export type { DataFile };
