/** Statements that change tables and the catalog, as they were read from their text. */

/** A table as a statement names it; without a database it is the session's. */
export interface TableRef {
  readonly database?: string;
  readonly table: string;
}

/** A value of a property list: a text, a list of texts, or a bare word. */
export type PropertyValue = string | readonly string[];
export type Properties = Readonly<Record<string, PropertyValue>>;

/** A column of a definition. */
export interface ColumnSpec {
  readonly name: string;
  /** Hive type text. */
  readonly type: string;
  readonly comment?: string;
  readonly required?: boolean;
}

/** `day(ts)`, `bucket(16, id)`, or a column alone (`identity`). */
export interface PartitionTransform {
  readonly column: string;
  readonly transform: string;
  readonly name?: string;
}

export type MergeClause =
  | { readonly matched: true; readonly and?: string; readonly action: 'delete' }
  | { readonly matched: true; readonly and?: string; readonly action: 'update'; readonly set: readonly Assignment[] }
  | {
      readonly matched: false;
      readonly and?: string;
      readonly action: 'insert';
      readonly columns?: readonly string[];
      readonly values: readonly string[];
    };

export interface Assignment {
  readonly column: string;
  /** SQL text of the caller. */
  readonly value: string;
}

/** Statements that write rows. Parts that are SQL of the caller stay text: the query path judges them. */
export type RowStatement =
  | { readonly kind: 'insert'; readonly table: TableRef; readonly columns?: readonly string[]; readonly query: string }
  | {
      readonly kind: 'ctas';
      readonly table: TableRef;
      readonly ifNotExists: boolean;
      readonly comment?: string;
      readonly properties: Properties;
      readonly query: string;
      readonly withData: boolean;
    }
  | { readonly kind: 'delete'; readonly table: TableRef; readonly alias?: string; readonly where?: string }
  | {
      readonly kind: 'update';
      readonly table: TableRef;
      readonly alias?: string;
      readonly set: readonly Assignment[];
      readonly where?: string;
    }
  | {
      readonly kind: 'merge';
      readonly table: TableRef;
      readonly alias?: string;
      /** With its alias. */
      readonly source: string;
      readonly on: string;
      readonly clauses: readonly MergeClause[];
    }
  | {
      readonly kind: 'unload';
      readonly query: string;
      readonly location: string;
      readonly properties: Properties;
    };

export type CreateTableAs = Extract<RowStatement, { kind: 'ctas' }>;

/** A partition as Hive's statements name it: values by key, and for ADD its place. */
export interface PartitionRef {
  readonly values: Readonly<Record<string, string>>;
  readonly location?: string;
}

export type RowFormat =
  | { readonly kind: 'delimited'; readonly parameters: Readonly<Record<string, string>> }
  | { readonly kind: 'serde'; readonly library: string; readonly parameters: Readonly<Record<string, string>> };

export interface CreateTable {
  readonly kind: 'create_table';
  readonly table: TableRef;
  readonly external: boolean;
  readonly ifNotExists: boolean;
  readonly columns: readonly ColumnSpec[];
  readonly comment?: string;
  /** Hive's keys have types; those of an Iceberg table are transforms of its columns. */
  readonly partitionedBy: readonly (ColumnSpec | PartitionTransform)[];
  readonly clusteredBy?: { readonly columns: readonly string[]; readonly buckets: number };
  readonly rowFormat?: RowFormat;
  readonly storedAs?: string;
  readonly inputFormat?: string;
  readonly outputFormat?: string;
  readonly location?: string;
  readonly properties: Readonly<Record<string, string>>;
}

export interface SortKey {
  readonly column: string;
  readonly transform: string;
  readonly direction: 'asc' | 'desc';
  readonly nulls: 'first' | 'last';
}

export type TableAlteration =
  | { readonly action: 'add_columns'; readonly columns: readonly ColumnSpec[] }
  | { readonly action: 'replace_columns'; readonly columns: readonly ColumnSpec[] }
  | { readonly action: 'drop_column'; readonly columns: readonly string[] }
  | { readonly action: 'rename_column'; readonly from: string; readonly to: string }
  | {
      readonly action: 'change_column';
      readonly from: string;
      readonly column: ColumnSpec;
      readonly place?: { readonly first: true } | { readonly after: string };
    }
  | { readonly action: 'alter_type'; readonly column: string; readonly type: string }
  | { readonly action: 'drop_not_null'; readonly column: string }
  | { readonly action: 'set_properties'; readonly properties: Readonly<Record<string, string>> }
  | { readonly action: 'unset_properties'; readonly names: readonly string[]; readonly ifExists: boolean }
  | { readonly action: 'set_location'; readonly location: string; readonly partition?: PartitionRef }
  | { readonly action: 'rename'; readonly to: TableRef }
  | { readonly action: 'add_partitions'; readonly ifNotExists: boolean; readonly partitions: readonly PartitionRef[] }
  | { readonly action: 'drop_partitions'; readonly ifExists: boolean; readonly partitions: readonly PartitionRef[] }
  | { readonly action: 'rename_partition'; readonly from: PartitionRef; readonly to: PartitionRef }
  | { readonly action: 'add_partition_field'; readonly field: PartitionTransform }
  | { readonly action: 'drop_partition_field'; readonly field: PartitionTransform }
  | { readonly action: 'replace_partition_field'; readonly from: PartitionTransform; readonly to: PartitionTransform }
  | { readonly action: 'write_order'; readonly keys: readonly SortKey[] }
  | {
      readonly action: 'reference';
      readonly type: 'branch' | 'tag';
      readonly verb: 'create' | 'replace' | 'create_or_replace' | 'drop';
      readonly name: string;
      /** `IF NOT EXISTS` of a creation, `IF EXISTS` of a drop. */
      readonly lenient: boolean;
      readonly snapshotId?: string;
      readonly maxRefAgeMs?: number;
      readonly maxSnapshotAgeMs?: number;
      readonly minSnapshotsToKeep?: number;
    }
  | { readonly action: 'fast_forward'; readonly name: string; readonly to: string }
  /** Publishes what a staged snapshot appended. */
  | { readonly action: 'cherry_pick'; readonly snapshotId: string };

/** Statements about the catalog. */
export type DefinitionStatement =
  | {
      readonly kind: 'create_database';
      readonly database: string;
      readonly ifNotExists: boolean;
      readonly comment?: string;
      readonly location?: string;
      readonly properties: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'alter_database';
      readonly database: string;
      readonly properties: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'drop_database'; readonly database: string; readonly ifExists: boolean; readonly cascade: boolean }
  | CreateTable
  | {
      readonly kind: 'alter_table';
      readonly table: TableRef;
      readonly ifExists: boolean;
      readonly change: TableAlteration;
    }
  | { readonly kind: 'drop_table'; readonly table: TableRef; readonly ifExists: boolean }
  | { readonly kind: 'repair_table'; readonly table: TableRef }
  | {
      readonly kind: 'create_view';
      readonly table: TableRef;
      readonly replace: boolean;
      readonly comment?: string;
      readonly columns?: readonly string[];
      readonly query: string;
    }
  | { readonly kind: 'drop_view'; readonly table: TableRef; readonly ifExists: boolean };

export type ChangeStatement = RowStatement | DefinitionStatement;
