import type { StageInput } from '../../processing/contract.ts';
import { sqlString, sqlStrings } from '../../core/sql-text.ts';

/** The SELECT over the files of a stage, as they are. CSV is cast to its stated types: a misfit fails the statement. */
export function stageScanSql({ files, csv }: StageInput): string {
  if (csv === undefined) return `SELECT * FROM read_parquet(${sqlStrings(files)}, hive_partitioning = false)`;
  const columns = csv.columns.map(({ name, type }) => `${sqlString(name)}: ${sqlString(type)}`).join(', ');
  return `SELECT * FROM read_csv(${sqlStrings(files)}, auto_detect = false, header = true, delim = ',', quote = '"',
    escape = '"', columns = {${columns}}, nullstr = '', allow_quoted_nulls = false, strict_mode = true,
    max_line_size = 8388608, buffer_size = 16777216, compression = 'uncompressed', hive_partitioning = false)`;
}
