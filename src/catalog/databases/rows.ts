/** The catalog's tables in the metadata store, and rows as records and back. */
import { searchedWords } from '../search/business-words.ts';
import type {
  CatalogColumn,
  DatabaseRecord,
  PartitionRecord,
  StoredView,
  TableInput,
  TableRecord,
} from '../contract.ts';

/** Columns are JSON where they hold more than one fact; ids and versions of one table keep their rows when it is dropped. */
export interface DatabaseTables {
  catalog_database: { name: string; account_id: string; record: string; created_at: number };
  catalog_table: TableRow;
  catalog_table_version: {
    table_id: string;
    version: number;
    definition: string;
    metadata_location: string | null;
    updated_at: number;
    updated_by: string;
    updated_door: string | null;
  };
  catalog_partition: PartitionRow;
  catalog_partition_index: {
    table_id: string;
    name: string;
    index_keys: string;
    state: string;
    /** Ordering of the last partition that the backfill has taken. */
    progress: Uint8Array | null;
    created_at: number;
  };
  catalog_partition_entry: { table_id: string; index_name: string; ordering: Uint8Array; partition: Uint8Array };
  catalog_column_statistics: { table_id: string; partition: Uint8Array; column_name: string; detail: string };
  catalog_function: { database: string; name: string; detail: string; created_at: number };
  /** What partitions were until they were changed or removed. */
  catalog_partition_past: Omit<PartitionRow, 'outside'> & { until: number };
  catalog_commit: {
    table_id: string;
    run_id: string;
    snapshot_id: string;
    metadata_location: string;
    version: number;
    at: number;
  };
}

export interface TableRow {
  id: string;
  database: string;
  name: string;
  version: number;
  definition: string;
  metadata_location: string | null;
  previous_metadata_location: string | null;
  created_at: number;
  created_by: string;
  updated_at: number;
  updated_by: string;
  updated_door: string | null;
  dropped_at: number | null;
  dropped_by: string | null;
  purge_at: number | null;
}

export interface PartitionRow {
  table_id: string;
  /** The values in UTF-8, joined by a zero byte: partitions come in the order of their values. */
  ordering: Uint8Array;
  partition_values: string;
  location: string;
  /** 1 when the location is not under the table's. */
  outside: number;
  detail: string;
  created_at: number;
}

/** What a version of a table says, without the facts that stand in columns of their own. */
export interface TableDefinition extends Omit<TableInput, 'name' | 'tableType'> {
  readonly tableType: string;
  readonly format: TableRecord['format'];
  readonly partitionKeys: readonly CatalogColumn[];
  readonly storage: TableRecord['storage'];
  readonly parameters: Readonly<Record<string, string>>;
  /** For the search alone: column names before they were folded. */
  readonly spelling?: string;
  readonly view?: StoredView;
}

export interface DatabaseDetail {
  readonly description?: string;
  readonly locationUri?: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly foreign?: Readonly<Record<string, unknown>>;
}

/** A database as its callers see it. */
export function databaseOf(row: DatabaseTables['catalog_database']): DatabaseRecord {
  const detail = JSON.parse(row.record) as DatabaseDetail;
  return { name: row.name, accountId: row.account_id, createdAt: row.created_at, ...detail };
}

/** Iceberg's pointer as the parameters every client looks for. */
function pointerParameters(metadata: string | null, previous: string | null): Record<string, string> {
  if (metadata === null) return {};
  return {
    table_type: 'ICEBERG',
    metadata_location: metadata,
    ...(previous === null ? {} : { previous_metadata_location: previous }),
  };
}

/** A table as its callers see it, Iceberg’s pointer among its parameters. */
export function tableOf(row: TableRow): TableRecord {
  const { spelling: _, ...definition } = JSON.parse(row.definition) as TableDefinition;
  return {
    ...definition,
    parameters: {
      ...definition.parameters,
      ...pointerParameters(row.metadata_location, row.previous_metadata_location),
    },
    name: row.name,
    database: row.database,
    id: row.id,
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
    ...(row.updated_door === null ? {} : { updatedThrough: row.updated_door }),
    version: row.version,
    ...(row.metadata_location === null ? {} : { metadataLocation: row.metadata_location }),
  };
}

/** A record as it was at an archived version. */
export function tableAtVersion(row: TableRow, archived: DatabaseTables['catalog_table_version']): TableRecord {
  return tableOf({
    ...row,
    version: archived.version,
    definition: archived.definition,
    metadata_location: archived.metadata_location,
    previous_metadata_location: null,
    updated_at: archived.updated_at,
    updated_by: archived.updated_by,
    updated_door: archived.updated_door,
  });
}

const utf8 = new TextEncoder();

/** Statistics of the table itself stand under no bytes; those of a partition under a one and its ordering. */
export const statisticsKey = (partition: readonly string[] | undefined): Uint8Array =>
  partition === undefined ? new Uint8Array() : Uint8Array.of(1, ...orderingOf(partition));

export const orderingOf = (values: readonly string[]): Uint8Array => utf8.encode(values.join('\u0000'));

/** The half-open range of orderings whose first values are `leading`, longer tuples only. */
export function orderingRange(leading: readonly string[]): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const prefix = orderingOf(leading);
  return { from: Uint8Array.of(...prefix, 0), to: Uint8Array.of(...prefix, 1) };
}

/** A partition as its callers see it. */
export function partitionOf(row: Omit<PartitionRow, 'outside'>): PartitionRecord {
  return {
    values: JSON.parse(row.partition_values) as string[],
    location: row.location,
    createdAt: row.created_at,
    ...(JSON.parse(row.detail) as Pick<PartitionRecord, 'parameters' | 'columns' | 'foreign'>),
  };
}

/** `s3://bucket/key` without the slash at the end, so that two spellings of a folder are one. */
export const folderOf = (location: string): string => location.replace(/\/+$/, '');

/** Whether a partition lies elsewhere than under its table. */
export function isOutside(location: string, tableLocation: string): boolean {
  const table = folderOf(tableLocation);
  const own = folderOf(location);
  return own !== '' && own !== table && !own.startsWith(`${table}/`);
}

/** Name and columns are strong words of a table in the full-text index; the rest is weak. */
export function searchFields(database: string, name: string, definition: TableDefinition) {
  const columns = [...definition.columns, ...definition.partitionKeys];
  return {
    strong: [name, ...columns.map((column) => column.name), definition.spelling ?? ''].join(' '),
    weak: [
      database,
      definition.description ?? '',
      ...columns.map((column) => column.comment ?? ''),
      searchedWords({ ...definition, database }),
    ].join(' '),
  };
}

export const TEXT_INDEX = 'catalog.table';
