/**
 * Rows as files of tables without transactions, and of UNLOAD: Parquet, JSON lines, delimited text, quoted CSV.
 *
 * Partition values travel in folder names of the engine's, told by their first letter (`v…` a value, `n` none), and get
 * Hive's own spelling where the files are put.
 */
import { join } from 'node:path';
import { LochError } from '../../core/errors.ts';
import { sqlName, sqlString } from '../../core/sql-text.ts';
import type { EngineFile } from '../../engines/contract.ts';
import type { RowShape } from '../queries/read-for-change.ts';
import type { ChangeDeps, ChangeRun } from './deps.ts';
import { adoptFile } from './write-files.ts';

/** How rows lie in files. */
export type FileFormat =
  | { readonly kind: 'parquet'; readonly compression?: 'zstd' | 'snappy' | 'gzip' | 'none' }
  | { readonly kind: 'json'; readonly compression?: 'gzip' | 'zstd' | 'none' }
  | {
      readonly kind: 'text';
      readonly delimiter: string;
      readonly nullText: string;
      readonly escape?: string;
      readonly compression?: 'gzip' | 'zstd' | 'none';
    }
  | { readonly kind: 'csv'; readonly delimiter: string; readonly compression?: 'gzip' | 'zstd' | 'none' };

export interface FileColumn {
  readonly name: string;
  /** Of the engine. */
  readonly type: string;
}

const NULL_PARTITION = '__HIVE_DEFAULT_PARTITION__';
/** Of CTAS, INSERT and UNLOAD. **Source**: Athena, "Considerations and limitations for CTAS". */
export const MAX_PARTITIONS = 100;

const keyAlias = (i: number) => `_loch_p${i}`;

/** The shape that writes `rows` (a SELECT with these columns, by name) as files split by `keys`. */
export function fileShape(
  run: Pick<ChangeRun, 'folder'>,
  format: FileFormat,
  columns: readonly FileColumn[],
  keys: readonly FileColumn[],
  rows: (source: string) => string,
): RowShape {
  const partitions = keys.map(
    ({ name }, i) => `coalesce('v' || CAST("_loch_s".${sqlName(name)} AS VARCHAR), 'n') AS ${sqlName(keyAlias(i))}`,
  );
  const partitionBy = keys.map((_, i) => keyAlias(i));
  const split = partitionBy.length === 0 ? {} : { partitionBy };
  const directory = join(run.folder, 'files');
  const compression = format.compression === undefined ? {} : { compression: format.compression };
  const values =
    format.kind === 'parquet'
      ? columns.map(({ name, type }) => `CAST("_loch_s".${sqlName(name)} AS ${type}) AS ${sqlName(name)}`)
      : [`${lineOf(format, columns)} AS line`];
  return {
    select: (source) => `SELECT ${[...values, ...partitions].join(', ')} FROM (\n${rows(source)}\n) AS "_loch_s"`,
    preamble: [],
    result:
      format.kind === 'parquet'
        ? {
            kind: 'parquet',
            directory,
            ...split,
            ...compression,
            ...(keys.length === 0 ? {} : { partitionColumnsInFiles: false }),
          }
        : { kind: 'lines', directory, ...split, compression: format.compression ?? 'none' },
  };
}

function lineOf(format: Exclude<FileFormat, { kind: 'parquet' }>, columns: readonly FileColumn[]): string {
  const cell = ({ name, type }: FileColumn) => `CAST("_loch_s".${sqlName(name)} AS ${type})`;
  if (format.kind === 'json') {
    const members = columns.map((column) => `${sqlName(column.name)} := ${cell(column)}`);
    return `CAST(to_json(struct_pack(${members.join(', ')})) AS VARCHAR)`;
  }
  const cells = columns.map((column) => textCell(format, column, cell(column)));
  return `array_to_string([${cells.join(', ')}], ${sqlString(format.delimiter)})`;
}

function textCell(format: Extract<FileFormat, { kind: 'text' | 'csv' }>, column: FileColumn, value: string): string {
  if (/\]$|^(STRUCT|MAP)\(/.test(column.type)) {
    throw new LochError(
      'unsupported',
      `Column \`${column.name}\` (${column.type}) is not written as text. Choose PARQUET or JSON, or cast it to varchar.`,
      { context: { column: column.name } },
    );
  }
  const text = column.type === 'BLOB' ? `to_base64(${value})` : `CAST(${value} AS VARCHAR)`;
  if (format.kind === 'csv') {
    return `CASE WHEN ${value} IS NULL THEN '' ELSE '"' || replace(${text}, '"', '""') || '"' END`;
  }
  const { delimiter, escape: escaping, nullText } = format;
  if (escaping !== undefined) {
    const doubled = `replace(${text}, ${sqlString(escaping)}, ${sqlString(escaping + escaping)})`;
    return `coalesce(replace(${doubled}, ${sqlString(delimiter)}, ${sqlString(escaping + delimiter)}), ${sqlString(nullText)})`;
  }
  if (column.type !== 'VARCHAR') return `coalesce(${text}, ${sqlString(nullText)})`;
  // A text table has no way to tell such a value from two: better no file than a wrong one.
  const broken = `contains(${text}, ${sqlString(delimiter)}) OR contains(${text}, chr(10))`;
  const refusal = `A value of column ${column.name} holds the field delimiter or a line end, which a text file cannot tell. Choose PARQUET or JSON.`;
  return `CASE WHEN ${value} IS NULL THEN ${sqlString(nullText)} WHEN ${broken} THEN CAST(error(${sqlString(refusal)}) AS VARCHAR) ELSE ${text} END`;
}

/** A file that was put, with the values of its partition (null for none). */
export interface PlacedFile {
  readonly path: string;
  readonly values: readonly (string | null)[];
}

/** Puts the engine's files under `location`, one folder a partition. **Errors**: `limit_exceeded` for too many partitions. */
export async function placeFiles(
  deps: ChangeDeps,
  run: ChangeRun,
  location: string,
  files: readonly EngineFile[],
  options: {
    readonly format: FileFormat;
    readonly keys: readonly FileColumn[];
    readonly folderOf?: (values: readonly (string | null)[]) => string | undefined;
  },
): Promise<PlacedFile[]> {
  const { format, keys } = options;
  const valuesOf = (file: EngineFile) =>
    keys.map((_, i) => {
      const text = file.partition[keyAlias(i)] ?? 'n';
      return text === 'n' ? null : text.slice(1);
    });
  const partitions = new Set(files.map((file) => JSON.stringify(valuesOf(file))));
  if (partitions.size > MAX_PARTITIONS) {
    throw new LochError(
      'limit_exceeded',
      `The statement writes ${partitions.size} partitions; at most ${MAX_PARTITIONS} are open at once. Write them by several statements.`,
      { context: { limit: MAX_PARTITIONS, errorName: 'HIVE_TOO_MANY_OPEN_PARTITIONS' } },
    );
  }
  const placed: PlacedFile[] = [];
  const root = location.replace(/\/+$/, '');
  for (const [i, file] of files.entries()) {
    const values = valuesOf(file);
    const folders = keys.map((key, k) => `${key.name}=${hivePath(values[k] ?? NULL_PARTITION)}`);
    const folder = options.folderOf?.(values)?.replace(/\/+$/, '') ?? [root, ...folders].join('/');
    const path = `${folder}/${run.queryId}-${i}${extensionOf(format)}`;
    await adoptFile(deps, run, file.path, path);
    placed.push({ path, values });
  }
  return placed;
}

function extensionOf(format: FileFormat): string {
  if (format.kind === 'parquet') return '.parquet';
  const packed = { gzip: '.gz', zstd: '.zst', none: '' }[format.compression ?? 'none'];
  return `${{ json: '.json', text: '.txt', csv: '.csv' }[format.kind]}${packed}`;
}

const ESCAPED = new Set('"#%\'*/:=?\\{}[]^');

/** A partition value as Hive writes it in a folder name. **Source**: Hive, `FileUtils.escapePathName`. */
export function hivePath(value: string): string {
  const escaped = [...value]
    .map((c) =>
      ESCAPED.has(c) || c < ' ' || c === '\u007f'
        ? `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
        : c,
    )
    .join('');
  return escaped === '' ? NULL_PARTITION : escaped;
}

/** Values as the catalog keeps them. */
export const catalogValues = (values: readonly (string | null)[]): string[] =>
  values.map((value) => (value === null || value === '' ? NULL_PARTITION : value));
