/**
 * Tables of other formats, read from their own logs: Delta and Hudi. Nothing is written to them.
 *
 * Call rules
 * - A snapshot names files under the table's own location only; a log that leads elsewhere is refused.
 * - What a reader must know and Loch does not (a reader feature, a table version) is refused by its name, never skipped.
 */
import type { IcebergField } from '../tables/contract-types.ts';

export type ForeignKind = 'delta' | 'hudi';

export interface ForeignColumn {
  readonly name: string;
  /** Hive type text. */
  readonly type: string;
  readonly comment?: string;
  /** What the column is called in the files, where that is another name. */
  readonly physicalName?: string;
  /** Its type with the names that nested fields have in the files, where those differ. */
  readonly physicalType?: string;
  /** The field id in the files, where columns are found by id. */
  readonly fieldId?: number;
}

export interface ForeignFile {
  /** `s3://bucket/key`. */
  readonly path: string;
  readonly bytes: number;
  /** By column name; `null` where the value is null. */
  readonly partition: Readonly<Record<string, string | null>>;
  /** Positions of rows that were deleted, ascending. */
  readonly deleted?: () => Promise<readonly number[]>;
}

export interface ForeignSnapshot {
  readonly kind: ForeignKind;
  /** Delta: the version; Hudi: the instant. */
  readonly version: string;
  readonly columns: readonly ForeignColumn[];
  /** Columns whose values stand in the log and not in the files. */
  readonly partitionColumns: readonly ForeignColumn[];
  readonly files: readonly ForeignFile[];
  /** Delta: the schema as its log has it. */
  readonly schemaString?: string;
}

/** Which state of a table: a version (instant), or the last one at a time (ms); the latest without. */
export interface ForeignVersion {
  readonly version?: string;
  readonly asOf?: number;
  /** Hudi merge-on-read: only what was compacted into base files. */
  readonly readOptimised?: boolean;
}

/** What a Delta log says of data files that lie below its table. */
export interface DeltaExport {
  /** Where the content comes from, for the log's own history. */
  readonly source: string;
  readonly fields: readonly IcebergField[];
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
}

export interface DeltaExported {
  readonly version: number;
  readonly added: number;
  readonly removed: number;
}

export interface ForeignTables {
  /**
   * Makes the live files of the Delta log at `location` those given, as one commit; writes the first one when there is
   * no log. **Errors**: `unsupported`, `commit_conflict`.
   */
  exportDelta(location: string, table: DeltaExport): Promise<DeltaExported>;
  /**
   * The state of a table at `location`.
   * **Errors**: `unsupported` naming the reader feature, table version or file that is not read; `data_corrupt` naming the
   * log file; `invalid_argument` for a version that is not there; `not_found` when there is no such table.
   */
  snapshot(kind: ForeignKind, location: string, version?: ForeignVersion): Promise<ForeignSnapshot>;
  /** Whether only the read-optimised view of a table is read: Hudi merge-on-read, whose log files are not merged. */
  readOptimisedOnly(kind: ForeignKind, location: string): Promise<boolean>;
}
