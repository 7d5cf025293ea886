/** The Iceberg table format (specification versions 2 and 3), as types and one port. Part of the storage contract. */
import type { EngineFile } from '../../engines/contract.ts';

/** Primitive type text of the specification (`long`, `decimal(12,2)`, `timestamptz` …) or a nested type. */
export type IcebergType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly IcebergField[] }
  | {
      readonly type: 'list';
      readonly 'element-id': number;
      readonly element: IcebergType;
      readonly 'element-required': boolean;
    }
  | {
      readonly type: 'map';
      readonly 'key-id': number;
      readonly key: IcebergType;
      readonly 'value-id': number;
      readonly value: IcebergType;
      readonly 'value-required': boolean;
    };

export interface IcebergField {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: IcebergType;
  readonly doc?: string;
  /** Version 3: the value of rows in files that do not have the field, as JSON spells single values. */
  readonly 'initial-default'?: unknown;
  /** Version 3: the value of new rows whose writer names none. */
  readonly 'write-default'?: unknown;
}

export interface IcebergSchema {
  readonly type: 'struct';
  readonly 'schema-id': number;
  readonly fields: readonly IcebergField[];
  readonly 'identifier-field-ids'?: readonly number[];
}

export interface PartitionField {
  readonly 'source-id': number;
  readonly 'field-id': number;
  readonly name: string;
  /** `identity`, `bucket[N]`, `truncate[W]`, `year`, `month`, `day`, `hour`, `void`. */
  readonly transform: string;
}

export interface PartitionSpec {
  readonly 'spec-id': number;
  readonly fields: readonly PartitionField[];
}

/** Ids are decimal text: they exceed 2^53. Written to JSON as numbers, read without loss. */
export interface Snapshot {
  readonly 'snapshot-id': string;
  readonly 'parent-snapshot-id'?: string;
  readonly 'sequence-number': number;
  readonly 'timestamp-ms': number;
  readonly 'manifest-list': string;
  readonly summary: Readonly<Record<string, string>>;
  readonly 'schema-id'?: number;
  /** Version 3: the first row id it gave, and to how many rows. */
  readonly 'first-row-id'?: number;
  readonly 'added-rows'?: number;
}

/** Table metadata as of the specification, with snapshot ids as text. Unknown fields are kept through a rewrite. */
export interface TableMetadata {
  readonly 'format-version': number;
  readonly 'table-uuid': string;
  readonly location: string;
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'last-column-id': number;
  readonly schemas: readonly IcebergSchema[];
  readonly 'current-schema-id': number;
  readonly 'partition-specs': readonly PartitionSpec[];
  readonly 'default-spec-id': number;
  readonly 'last-partition-id': number;
  readonly properties: Readonly<Record<string, string>>;
  readonly 'current-snapshot-id'?: string;
  readonly snapshots: readonly Snapshot[];
  readonly 'snapshot-log': readonly { readonly 'snapshot-id': string; readonly 'timestamp-ms': number }[];
  readonly 'metadata-log': readonly { readonly 'metadata-file': string; readonly 'timestamp-ms': number }[];
  readonly 'sort-orders': readonly { readonly 'order-id': number; readonly fields: readonly unknown[] }[];
  readonly 'default-sort-order-id': number;
  readonly refs: Readonly<Record<string, { readonly 'snapshot-id': string; readonly type: 'branch' | 'tag' }>>;
  readonly [unknown: string]: unknown;
}

/**
 * A data file to be added. Statistics are by field id; bounds are the engine's statistics texts (booleans `0`/`1`, bytes
 * in hexadecimal, timestamps with zone by their offset), converted by us.
 */
export interface DataFile {
  readonly path: string;
  readonly format: 'PARQUET';
  readonly rows: number;
  readonly bytes: number;
  /**
   * Partition values by partition field name, in the engine's text form (of the transformed value); null for null.
   * Temporal transforms in the form of partition paths: year `2026`, month `2026-01`, day `2026-01-31`, hour
   * `2026-01-31-10`; bucket as its number.
   */
  readonly partition: Readonly<Record<string, string | null>>;
  readonly columnBytes?: Readonly<Record<number, number>>;
  readonly valueCounts?: Readonly<Record<number, number>>;
  readonly nullCounts?: Readonly<Record<number, number>>;
  /** NaN values of floating columns; a column that is not named may hold some. */
  readonly nanCounts?: Readonly<Record<number, number>>;
  readonly lower?: Readonly<Record<number, string>>;
  readonly upper?: Readonly<Record<number, string>>;
}

/** A file of deleted rows to be added: positions in data files, or values of columns. */
export interface DeleteFile {
  readonly path: string;
  readonly kind: 'position' | 'equality';
  readonly rows: number;
  readonly bytes: number;
  /** The partition it applies to, as of `DataFile`. */
  readonly partition: Readonly<Record<string, string | null>>;
  /** Equality: ids of the columns compared. */
  readonly fieldIds?: readonly number[];
  /** Position: the only data file it speaks of, when it is one. */
  readonly dataFile?: string;
}

/** What must hold of the commits since a row-level change was computed. **Source**: Iceberg's `RowDelta` validations. */
export interface DeltaValidation {
  /** The snapshot the change was computed from; undefined for an empty table. */
  readonly basedOn: string | undefined;
  /**
   * `serializable`: no row that the statement would have read was added since. `snapshot`: rows that were added since
   * are left alone; rows it changes must not have been changed by others.
   */
  readonly isolation: 'serializable' | 'snapshot';
  /** What the statement does: a `delete` of rows that others deleted too is no conflict, a change of such rows is. */
  readonly operation: 'delete' | 'update' | 'merge';
  /** Which rows it read; without predicates, all. */
  readonly predicates?: readonly ScanPredicate[];
}

/** What a commit does to the files of a table. */
export type TableChange =
  | {
      readonly kind: 'append';
      readonly files: readonly DataFile[];
      /** Adds the files that this snapshot of the table appended as well: one that was staged, or of another branch. */
      readonly pick?: string;
      readonly summary?: Readonly<Record<string, string>>;
    }
  /** Replaces every live file. */
  | {
      readonly kind: 'overwrite';
      readonly files: readonly DataFile[];
      readonly summary?: Readonly<Record<string, string>>;
    }
  /** Replaces exactly the named live files; a named file that is gone is a `commit_conflict`. */
  | {
      readonly kind: 'replace';
      readonly remove: readonly string[];
      readonly files: readonly DataFile[];
      readonly operation: 'overwrite' | 'replace' | 'delete';
      /**
       * Data sequence number of the added files, for a rewrite of the same rows: delete files that came after it still
       * apply to them. Absent: the commit's own.
       */
      readonly sequenceNumber?: number;
      /** The snapshot the removed files were read from: rows of theirs that were deleted since are a `commit_conflict`. */
      readonly basedOn?: string;
      /** Delete files that apply to nothing once the named files are gone; one that is gone already is passed over. */
      readonly removeDeletes?: readonly string[];
      /** Joins all small manifests, however few there are. */
      readonly mergeManifests?: true;
      readonly summary?: Readonly<Record<string, string>>;
    }
  /** Adds rows and deletes rows by delete files; a `dataFile` that is gone is a `commit_conflict`. */
  | {
      readonly kind: 'delta';
      readonly files: readonly DataFile[];
      readonly deletes: readonly DeleteFile[];
      /** Live data files that go, for a change that copies what it keeps of them. */
      readonly remove?: readonly string[];
      /** Checked against the commits since; a rival change is a `commit_conflict`. */
      readonly validate?: DeltaValidation;
      readonly summary?: Readonly<Record<string, string>>;
    };

/** A change of metadata as the Iceberg REST catalog spells it: `action` and its own members, snapshot ids as text. */
export interface TableUpdate {
  readonly action: string;
  readonly [member: string]: unknown;
}

/** What must hold of the table for a commit to apply, as the Iceberg REST catalog spells it. */
export interface TableRequirement {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** What an expiry keeps; absent members are the table's own properties or the format's defaults (5 days, 1 snapshot). */
export interface ExpiryOptions {
  readonly maxAgeMs?: number;
  readonly minKept?: number;
}

export interface CompactionOptions {
  /** Default: the table's `write.target-file-size-bytes`, 512 MiB. **Units**: bytes. */
  readonly targetBytes?: number;
  /** Files a group must have to be worth it, unless rows of it are deleted. Default 5. */
  readonly minFiles?: number;
  /** Delete files from which on a file is written again whatever its size. Default 1. */
  readonly deleteFileThreshold?: number;
  /** Stops after the group that reaches it; the rest is left to another run. **Units**: bytes. */
  readonly maxBytes?: number;
}

/** Files of one partition to be written again as one, with their deletes applied. */
export interface CompactionGroup {
  readonly partition: Readonly<Record<string, string | null>>;
  readonly files: readonly ScanFile[];
  readonly bytes: number;
  /** What the replacement says of itself, so that deletes made meanwhile are not lost. */
  readonly basedOn: string;
  readonly sequenceNumber: number;
}

/** Locations of the files a table is made of: of its metadata, and those with rows that are live in any snapshot. */
export interface ReachableFiles {
  readonly metadata: readonly string[];
  readonly data: readonly string[];
}

/** How the engine must write data files of a table, in DuckDB's dialect. */
export interface WriteLayout {
  /** Column path → field id, for the engine's writer. */
  readonly fieldIds: Readonly<Record<string, number>>;
  /** Macros the expressions use: the statement's `preamble`. */
  readonly preamble: readonly string[];
  /** Columns of `select` to split the output by, without keeping them in the files. Empty when not partitioned. */
  readonly partitionBy: readonly string[];
  /**
   * The statement that gives the rows of `source` (a SELECT whose columns bear the table's names) as they must be
   * written: the table's columns in order, cast to its types, and those of `partitionBy`.
   */
  select(source: string): string;
}

/** A commit whose files are written and whose metadata is not yet the table's: only the pointer swap is missing. */
export interface StagedCommit {
  readonly metadata: TableMetadata;
  readonly snapshotId: string;
  /** Files written for this attempt (manifests, manifest list), to be removed if it is given up. */
  readonly written: readonly string[];
  /** Where the metadata file was written, when `stage` was asked to. */
  readonly metadataLocation?: string;
  /** Manifests of the change's own files: a further attempt uses them again. */
  readonly addedManifests: readonly string[];
  /** With `defer`: settles when what was `written` is on disk. Nothing may lead to it before. */
  readonly durable?: Promise<void>;
}

export interface StageOptions {
  /** Writes the metadata file of this version too, beside the manifests: one round of writes for the whole commit. */
  readonly version?: number;
  /** Where `base` was read from; goes into the metadata log. */
  readonly baseLocation?: string;
  /** The attempt that lost: its snapshot id and the manifests of its own files are used again. */
  readonly reuse?: StagedCommit;
  /** The branch that moves; `main` by default. **Errors**: `not_found` for one that is not there. */
  readonly branch?: string;
  /** Resolves before the files are on disk, with `durable`: further changes can be staged upon this one meanwhile. */
  readonly defer?: true;
}

/**
 * A literal predicate of a query that may prune: a conjunction of these. On doubt a file is kept. The comparison must be
 * one of the column's own values: leave out a predicate whose column the engine would cast (`text_column = 5`), fold or
 * collate first.
 */
export interface ScanPredicate {
  readonly column: string;
  readonly op: '=' | '<' | '<=' | '>' | '>=' | 'in' | 'is_null' | 'not_null';
  /** Literal texts in the engine's form (`2026-01-31`, `12.50`, `north`); several for `in`. */
  readonly values: readonly string[];
}

/** A filter that prunes: a tree of predicates. `true` stands for what cannot be judged. */
export type ScanFilter =
  | { readonly op: 'and' | 'or'; readonly terms: readonly ScanFilter[] }
  | { readonly op: 'true' | 'false' }
  | ScanPredicate;

export interface ScanRequest {
  readonly snapshotId?: string;
  /** Milliseconds since 1970: the snapshot that was current then. */
  readonly asOf?: number;
  /** A branch or tag. */
  readonly ref?: string;
  readonly predicates?: readonly ScanPredicate[];
  /** Beside `predicates`. */
  readonly filter?: ScanFilter;
}

/** A data or delete file with everything its manifest says, values as JSON spells single values. */
export interface ContentFile {
  readonly content: 'data' | 'position-deletes' | 'equality-deletes';
  readonly path: string;
  readonly format: string;
  readonly specId: number;
  /** In the order of the spec's fields. */
  readonly partition: readonly unknown[];
  readonly rows: number;
  readonly bytes: number;
  readonly columnBytes?: readonly (readonly [id: number, value: number])[];
  readonly valueCounts?: readonly (readonly [id: number, value: number])[];
  readonly nullCounts?: readonly (readonly [id: number, value: number])[];
  readonly nanCounts?: readonly (readonly [id: number, value: number])[];
  readonly lower?: readonly (readonly [id: number, value: unknown])[];
  readonly upper?: readonly (readonly [id: number, value: unknown])[];
  readonly splitOffsets?: readonly number[];
  readonly sortOrderId?: number;
  readonly equalityIds?: readonly number[];
  readonly referencedDataFile?: string;
  /** Version 3. */
  readonly firstRowId?: number;
  readonly contentOffset?: number;
  readonly contentBytes?: number;
}

/** A scan planned for an engine of its own. */
export interface ScanTaskRequest extends ScanRequest {
  /** Only what append commits added after this snapshot, up to the scanned one. */
  readonly startSnapshotId?: string;
  /** Only the data files of these manifests, as `scanManifests` named them. */
  readonly manifests?: readonly string[];
  /** Field ids whose statistics are given; none when absent. */
  readonly statistics?: ReadonlySet<number>;
}

/** Files to scan; `deletes` of a task are positions in `deleteFiles`. */
export interface ScanTasks {
  readonly deleteFiles: readonly ContentFile[];
  readonly tasks: readonly { readonly file: ContentFile; readonly deletes: readonly number[] }[];
}

/**
 * The tables about a table; `all_…` are of every snapshot it keeps. Those from `manifests` on tell of files and their
 * bounds: only for who may see every row and column.
 */
export type MetadataTableName =
  | 'snapshots'
  | 'history'
  | 'refs'
  | 'properties'
  | 'metadata_log_entries'
  | 'manifests'
  | 'files'
  | 'partitions'
  | 'entries'
  | 'data_files'
  | 'delete_files'
  | 'all_manifests'
  | 'all_files'
  | 'all_data_files'
  | 'all_delete_files'
  | 'all_entries';

/** Rows about a table. Nested values are JSON texts. */
export interface MetadataTable {
  readonly columns: readonly {
    readonly name: string;
    readonly type: 'VARCHAR' | 'BIGINT' | 'BOOLEAN' | 'TIMESTAMPTZ';
  }[];
  readonly rows: readonly Readonly<Record<string, string | number | boolean | null>>[];
}

export interface ScanFile {
  readonly path: string;
  /** The partition spec it was written under. */
  readonly specId: number;
  readonly rows: number;
  readonly bytes: number;
  readonly partition: Readonly<Record<string, string | null>>;
  /** Position- and equality-delete files that apply; empty for most. */
  readonly deletes: readonly {
    readonly path: string;
    readonly kind: 'position' | 'equality';
    readonly fieldIds: readonly number[];
  }[];
  /** Version 3: where the positions of its deleted rows stand; read them with `deletedRows`. */
  readonly vector?: DeletionVector;
  /** Version 3: the row id of its first row, and the sequence number of rows that tell none of their own. */
  readonly firstRowId?: number;
  readonly sequenceNumber: number;
}

/** A deletion vector in a Puffin file. */
export interface DeletionVector {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  /** How many rows it deletes. */
  readonly rows: number;
}

/** A column as a data file has it. Inside: of a list its element, of a map key and value, of a struct its fields. */
export interface FileField {
  readonly name: string;
  /** The table's field; absent for one the table does not know. */
  readonly id?: number;
  readonly children: readonly FileField[];
}

export interface ScanPlan {
  readonly snapshotId?: string;
  readonly schema: IcebergSchema;
  readonly files: readonly ScanFile[];
  readonly totalFiles: number;
  readonly bytes: number;
}

/**
 * Iceberg on an object store. Stateless: the catalog holds the pointer to the current metadata file, and nothing
 * here makes a change visible. All locations are `s3://bucket/key`.
 */
export interface TableFormat {
  /** Metadata of a new empty table; field ids are assigned afresh. Written by `writeMetadata`. */
  newTable(options: {
    readonly location: string;
    readonly schema: IcebergSchema;
    readonly partition?: readonly { readonly column: string; readonly transform: string; readonly name?: string }[];
    readonly properties?: Readonly<Record<string, string>>;
    /** Over the ids that `schema` came with. */
    readonly sortOrder?: { readonly fields: readonly unknown[] };
  }): TableMetadata;
  /** **Errors**: `data_corrupt` naming the file and what is wrong with it. */
  readMetadata(location: string): Promise<TableMetadata>;
  /** Writes `metadata` as the file of version `version` under the table's `metadata/` and returns its location. */
  writeMetadata(metadata: TableMetadata, version: number): Promise<string>;
  /** Writes manifests and manifest list of a change on top of `base`. Visible to nobody until the pointer moves. */
  stage(base: TableMetadata, change: TableChange, options?: StageOptions): Promise<StagedCommit>;
  /**
   * The metadata after `updates`; nothing is written.
   * **Errors**: `invalid_argument`, `unsupported` naming the action, `commit_conflict` for a snapshot that comes too late.
   */
  applyUpdates(base: TableMetadata, updates: readonly TableUpdate[]): TableMetadata;
  /** **Errors**: `commit_conflict` naming the requirement. `base` is undefined for a table that is not there. */
  assertRequirements(base: TableMetadata | undefined, requirements: readonly TableRequirement[]): void;
  /**
   * The updates that give the table these columns, matched by name (add, drop, reorder, widen, comments); none when it
   * has them. **Errors**: `type_mismatch` for a change that could lose values; `invalid_argument`; `unsupported`.
   */
  schemaUpdates(
    base: TableMetadata,
    columns: readonly { readonly name: string; readonly type: string; readonly comment?: string }[],
  ): readonly TableUpdate[];
  /** Writes metadata without new manifests as the file of `version`. */
  stageMetadata(
    base: TableMetadata,
    metadata: TableMetadata,
    options: { readonly version: number; readonly baseLocation: string },
  ): Promise<StagedCommit>;
  /** Removes what an attempt wrote. With `keep`, not what the attempt after it uses again. Never rejects. */
  discard(staged: StagedCommit, keep?: StagedCommit): Promise<void>;
  /** Locations of every file that `snapshot` brings to a table beside those of its current snapshot. */
  snapshotFiles(base: TableMetadata, snapshot: Snapshot): Promise<readonly string[]>;
  /** Removes files that no reader can reach any more. Never rejects: what stays is an orphan for maintenance. */
  removeFiles(locations: readonly string[]): Promise<void>;
  /**
   * The updates that expire snapshots and references; none when all are kept.
   * **Errors**: `unsupported` when the table says `gc.enabled=false`.
   */
  expiryUpdates(metadata: TableMetadata, options: ExpiryOptions): readonly TableUpdate[];
  /** How many manifests the current snapshot has. */
  manifestCount(metadata: TableMetadata): Promise<number>;
  /** Groups of files worth writing again; commit each as a `replace` with the group's numbers. */
  compactionGroups(metadata: TableMetadata, options: CompactionOptions): Promise<readonly CompactionGroup[]>;
  /** Every file that the metadata read from `location` leads to, over all its snapshots. */
  reachableFiles(metadata: TableMetadata, location?: string): Promise<ReachableFiles>;
  planScan(metadata: TableMetadata, request: ScanRequest): Promise<ScanPlan>;
  /**
   * The columns that each of these data files really has, where reading them needs to know: a nested column has changed,
   * or files may lack field ids. Undefined where it does not.
   */
  fileFields(
    metadata: TableMetadata,
    files: readonly { readonly path: string; readonly bytes: number }[],
  ): Promise<readonly (readonly FileField[])[] | undefined>;
  /** The positions a deletion vector takes away, ascending. **Errors**: `data_corrupt` naming file and offset. */
  deletedRows(vector: DeletionVector): Promise<readonly number[]>;
  /** The manifests a scan must read, with how many files they name: units of work for `scanTasks`. */
  scanManifests(
    metadata: TableMetadata,
    request: ScanTaskRequest,
  ): Promise<readonly { readonly path: string; readonly files: number }[]>;
  /** The files of a scan as an engine of its own needs them. **Errors**: as of `planScan`; `invalid_argument`. */
  scanTasks(metadata: TableMetadata, request: ScanTaskRequest): Promise<ScanTasks>;
  /**
   * Rows about the table: of its metadata alone, or (manifests, files, partitions, entries) of the files of a snapshot.
   * **Cost**: the latter reads the manifest list, all but `manifests` every manifest.
   */
  metadataTable(metadata: TableMetadata, name: MetadataTableName, request?: ScanRequest): Promise<MetadataTable>;
  /** Writes a JSON document beside a table's files (the metadata of a view), ids without loss. */
  writeDocument(location: string, value: unknown): Promise<void>;
  /** **Errors**: `data_corrupt` naming the file. */
  readDocument(location: string): Promise<unknown>;
  /** How to write data files under the current spec; give the engine `partitionColumnsInFiles: false`. */
  writeLayout(metadata: TableMetadata): WriteLayout;
  /** A file the engine wrote by `writeLayout`, once it lies at `location`, as a data file of the table. */
  dataFile(metadata: TableMetadata, file: EngineFile, location: string): DataFile;
  /** That fields a caller sent have the shape of fields at every depth. **Errors**: `invalid_argument` naming where not. */
  assertFields(fields: unknown): void;
  /** Column name path → field id of the current schema, for the engine's writer. */
  fieldIds(schema: IcebergSchema): Readonly<Record<string, number>>;
  /** A table of Glue/Hive column types as an Iceberg schema, ids from 1. **Errors**: `unsupported` naming the type. */
  schemaFromColumns(
    columns: readonly {
      readonly name: string;
      readonly type: string;
      readonly comment?: string;
      readonly required?: boolean;
    }[],
  ): IcebergSchema;
  /** The reverse: Glue/Hive type texts of a schema. */
  columnsFromSchema(
    schema: IcebergSchema,
  ): readonly { readonly name: string; readonly type: string; readonly comment?: string }[];
}
