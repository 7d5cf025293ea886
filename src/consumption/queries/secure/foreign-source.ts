/**
 * The rows of a Delta or Hudi table as a table.
 *
 * Invariants
 * - Names and types are the catalog's; what a column is called in the files comes from the table's own log, by field id
 *   where the log maps by id. A column that this state of the table lacks is NULL.
 * - Values of partition columns come from the log, never from a path. Deleted positions are left out per file.
 */
import type { TableRecord } from '../../../catalog/contract.ts';
import { sqlName, sqlString, sqlStrings } from '../../../core/sql-text.ts';
import type { ForeignColumn, ForeignSnapshot } from '../../../storage/contract.ts';
import { engineTypeOfHive } from './engine-types.ts';
import { balanced, fileColumns } from './file-source.ts';
import type { ScanSource, SourceColumn } from './secured-scan.ts';
import { rebuiltValue } from './rebuilt-value.ts';

/** A file as it lies in the statement's folder. */
export interface LocalForeignFile {
  readonly path: string;
  readonly partition: Readonly<Record<string, string | null>>;
  /** A local file of one position a line: the rows that were deleted. */
  readonly deletedRows?: string;
}

/** The rows of `files`, which are those of `snapshot` or some of them. */
export function foreignSource(
  record: TableRecord,
  snapshot: ForeignSnapshot,
  files: readonly LocalForeignFile[],
): ScanSource {
  const columns = fileColumns(record);
  const nulls = () => columns.map((column) => `CAST(NULL AS ${column.type}) AS ${sqlName(column.inner)}`);
  if (files.length === 0) return { sql: `SELECT ${nulls().join(', ')} WHERE false`, columns };
  const groups = new Map<string, LocalForeignFile[]>();
  for (const file of files) {
    const key = file.deletedRows ?? JSON.stringify(Object.entries(file.partition).sort());
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return { sql: balanced([...groups.values()].map((group) => scanOf(columns, snapshot, group))), columns };
}

function scanOf(
  columns: readonly SourceColumn[],
  snapshot: ForeignSnapshot,
  group: readonly LocalForeignFile[],
): string {
  const [first] = group;
  const partition = new Map(Object.entries(first!.partition).map(([name, value]) => [name.toLowerCase(), value]));
  const inFiles = new Map(snapshot.columns.map((column) => [column.name.toLowerCase(), column]));
  const read: string[] = [];
  const values = columns.map((column) => {
    const own = inFiles.get(column.name);
    if (own !== undefined) {
      read.push(readEntry(own, column));
      return `${readValue(own, column)} AS ${sqlName(column.inner)}`;
    }
    const value = partition.get(column.name);
    const literal = value === undefined || value === null ? 'CAST(NULL AS VARCHAR)' : sqlString(value);
    return `TRY_CAST(${literal} AS ${column.type}) AS ${sqlName(column.inner)}`;
  });
  const deleted = first!.deletedRows;
  const paths = sqlStrings(group.map((file) => file.path));
  const schema = read.length === 0 ? '' : `, schema = MAP {${read.join(', ')}}`;
  const rows = `read_parquet(${paths}${schema}, hive_partitioning = false)`;
  if (deleted === undefined) return `SELECT ${values.join(', ')} FROM ${rows}`;
  // The engine's own row numbers do not go with a schema by names; a window without order numbers in file order.
  const numbered = `(SELECT *, row_number() OVER () - 1 AS "_position" FROM ${rows})`;
  return `SELECT ${values.join(', ')} FROM ${numbered} WHERE "_position" NOT IN (SELECT pos FROM read_csv(${sqlString(deleted)}, auto_detect = false, header = false, columns = {'pos': 'BIGINT'}, compression = 'uncompressed', hive_partitioning = false))`;
}

/** How a column is found in the files, and as what it is read. */
function readEntry(own: ForeignColumn, column: SourceColumn): string {
  const key = own.fieldId === undefined ? sqlString(own.physicalName ?? own.name) : String(own.fieldId);
  const type = own.physicalType === undefined ? column.type : engineTypeOfHive(own.physicalType);
  return `${key}: {name: ${sqlString(column.inner)}, type: ${sqlString(type)}, default_value: NULL}`;
}

function readValue(own: ForeignColumn, column: SourceColumn): string {
  const value = sqlName(column.inner);
  if (own.physicalType === undefined) return value;
  return `CAST(${rebuiltValue(value, own.physicalType, own.type)} AS ${column.type})`;
}
