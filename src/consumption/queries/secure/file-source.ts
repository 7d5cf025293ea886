/**
 * The rows of a table over CSV, JSON or Parquet files.
 *
 * Invariants
 * - The file list, the columns and their types are the catalog's; nothing is sniffed, nothing is taken from a path.
 * - CSV and JSON are read as text and converted with TRY_CAST: a value that is not of its type is NULL, as Athena's
 *   serdes have it, and no error can print it.
 */
import type { CatalogColumn, TableRecord } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';
import { sqlName, sqlString, sqlStrings } from '../../../core/sql-text.ts';
import { engineTypeOfHive } from './engine-types.ts';
import type { ScanSource, SourceColumn } from './secured-scan.ts';

/** A file as it lies in the statement's folder. */
export interface LocalTableFile {
  readonly path: string;
  readonly key: string;
  /** As it is stored, packed or not. */
  readonly bytes: number;
  readonly partition: Readonly<Record<string, string | null>>;
  /** The columns of this file in file order, where its partition differs from the table. */
  readonly columns?: readonly CatalogColumn[] | undefined;
}

/** Up to so many groups of files the partition values stand in the SQL as constants; beyond, in a joined list. */
const CONSTANT_GROUPS = 32;
/** A reader of JSON holds buffers for each of its threads: a table is read by one of them. */
const JSON_GROUPS = 1;
const MIB = 1024 * 1024;
/** JSON objects up to this size are read. */
const LARGEST_OBJECT = 32 * MIB;

/** The columns of a table over files, partition keys last. */
export function fileColumns(record: TableRecord): SourceColumn[] {
  return [...record.columns, ...record.partitionKeys].map((column, i) => ({
    inner: `_c${i}`,
    name: column.name,
    policyName: column.name,
    type: engineTypeOfHive(column.type),
  }));
}

/** The rows of `files` as a table. **Errors**: `unsupported` naming the format or compression. */
export function fileSource(record: TableRecord, files: readonly LocalTableFile[]): ScanSource {
  const columns = fileColumns(record);
  if (files.length === 0) {
    const list = columns.map((column) => `CAST(NULL AS ${column.type}) AS ${sqlName(column.inner)}`);
    return { sql: `SELECT ${list.join(', ')} WHERE false`, columns };
  }
  const groups = groupFiles(record, files);
  const parts =
    groups.length <= (record.format === 'json' ? JSON_GROUPS : CONSTANT_GROUPS)
      ? groups.map((group) => scanGroup(record, columns, group, (key) => constant(group[0]!.partition[key])))
      : groupsByShape(files).map((group) => joinedScan(record, columns, group));
  return { sql: balanced(parts), columns };
}

const constant = (value: string | null | undefined) =>
  value === null || value === undefined ? 'CAST(NULL AS VARCHAR)' : sqlString(value);

/** Files that one reader call can take: the same packing and the same columns. */
const shapeKey = (file: LocalTableFile) => `${packing(file.key)}\u0000${JSON.stringify(file.columns ?? null)}`;

function groupsByShape(files: readonly LocalTableFile[]): LocalTableFile[][] {
  return grouped(files, shapeKey);
}

function groupFiles(record: TableRecord, files: readonly LocalTableFile[]): LocalTableFile[][] {
  return grouped(
    files,
    (file) => `${shapeKey(file)}\u0000${JSON.stringify(record.partitionKeys.map((key) => file.partition[key.name]))}`,
  );
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function scanGroup(
  record: TableRecord,
  columns: readonly SourceColumn[],
  group: readonly LocalTableFile[],
  partitionValue: (key: string) => string,
): string {
  const reader = readerOf(record, columns, group, false);
  const keys = record.partitionKeys.map((key, i) => {
    const column = columns[record.columns.length + i]!;
    return `TRY_CAST(${partitionValue(key.name)} AS ${column.type}) AS ${sqlName(column.inner)}`;
  });
  return `SELECT ${[...reader.values, ...keys].join(', ')} FROM ${reader.from}`;
}

/** Many partitions: their values come from a list joined by file. */
function joinedScan(record: TableRecord, columns: readonly SourceColumn[], group: readonly LocalTableFile[]): string {
  const reader = readerOf(record, columns, group, true);
  const names = record.partitionKeys.map((_, i) => `_p${i}`);
  const rows = group.map(
    (file) =>
      `(${[sqlString(file.path), ...record.partitionKeys.map((key) => constant(file.partition[key.name]))].join(', ')})`,
  );
  const keys = record.partitionKeys.map((_, i) => {
    const column = columns[record.columns.length + i]!;
    return `TRY_CAST("_k"."_p${i}" AS ${column.type}) AS ${sqlName(column.inner)}`;
  });
  return `SELECT ${[...reader.values, ...keys].join(', ')} FROM ${reader.from} AS "_d" JOIN (VALUES ${rows.join(', ')}) AS "_k"("_path", ${names.join(', ')}) ON "_d"."_file" = "_k"."_path"`;
}

interface Reader {
  readonly from: string;
  /** The table's own columns, named as inside the scan. */
  readonly values: readonly string[];
}

function readerOf(
  record: TableRecord,
  columns: readonly SourceColumn[],
  group: readonly LocalTableFile[],
  withFile: boolean,
): Reader {
  const paths = sqlStrings(group.map((file) => file.path));
  const options = `hive_partitioning = false${withFile ? `, filename = '_file'` : ''}`;
  switch (record.format) {
    case 'parquet':
      return parquetReader(record, columns, paths, options);
    case 'csv':
      return csvReader(record, columns, group[0]!, paths, options);
    case 'json':
      return jsonReader(record, columns, group, paths, options);
    default:
      throw new LochError(
        'unsupported',
        `The table \`${record.database}.${record.name}\` is of format ${record.parameters.classification ?? record.format}, which SQL does not read. Readable: csv, json, parquet, iceberg, delta, hudi.`,
        { context: { format: record.parameters.classification ?? record.format } },
      );
  }
}

function parquetReader(record: TableRecord, columns: readonly SourceColumn[], paths: string, options: string): Reader {
  const map = record.columns.map(
    (column, i) =>
      `${sqlString(column.name)}: {name: ${sqlString(columns[i]!.inner)}, type: ${sqlString(columns[i]!.type)}, default_value: NULL}`,
  );
  return {
    from: `read_parquet(${paths}, schema = MAP {${map.join(', ')}}, ${options})`,
    values: record.columns.map((_, i) => sqlName(columns[i]!.inner)),
  };
}

function csvReader(
  record: TableRecord,
  columns: readonly SourceColumn[],
  first: LocalTableFile,
  paths: string,
  options: string,
): Reader {
  const setting = (...names: string[]) => settingOf(record, ...names);
  const delimiter = characterOf(setting('field.delim', 'separatorChar', 'delimiter', 'serialization.format') ?? ',');
  const lazy = /LazySimpleSerDe/.test(record.storage.serdeLibrary ?? '');
  const quote = characterOf(setting('quoteChar', 'quote.char') ?? (lazy ? '' : '"'));
  const stated = setting('loch.csv.escape') === 'backslash' ? '\\' : undefined;
  const escaping = quote === '' ? '' : (stated ?? escapeOf(setting('escapeChar', 'escape.delim'), quote));
  const nullText = setting('serialization.null.format') ?? '\\N';
  const skip = Number(setting('skip.header.line.count') ?? 0);
  // The file's own columns, by position; the table's are found among them by name.
  const inFile = first.columns ?? record.columns;
  const read = inFile.map((_, i) => `${sqlString(`_r${i}`)}: 'VARCHAR'`);
  const values = record.columns.map((column, i) => {
    const at = inFile.findIndex((other) => other.name.toLowerCase() === column.name.toLowerCase());
    const value = at < 0 ? 'NULL' : `"_r${at}"`;
    return `${converted(value, columns[i]!.type)} AS ${sqlName(columns[i]!.inner)}`;
  });
  return {
    from: `read_csv(${paths}, auto_detect = false, header = false, skip = ${skip}, delim = ${sqlString(delimiter)}, quote = ${sqlString(quote)}, escape = ${sqlString(escaping)}, nullstr = ${sqlString(nullText)}, encoding = ${sqlString(encodingOf(setting('serialization.encoding')))}, columns = {${read.join(', ')}}, null_padding = true, strict_mode = false, parallel = false, compression = ${sqlString(packing(first.key))}, ${options})`,
    values,
  };
}

/** A backslash is the serde's default though files double their quotes; another character is meant. */
function escapeOf(given: string | undefined, quote: string): string {
  if (given === undefined || given === '\\' || given === '\\\\') return quote;
  return characterOf(given);
}

function jsonReader(
  record: TableRecord,
  columns: readonly SourceColumn[],
  files: readonly LocalTableFile[],
  paths: string,
  options: string,
): Reader {
  const steps = recordPath(record);
  const read: string[] = [];
  const values = record.columns.map((column, i) => {
    const { type, inner } = columns[i]!;
    const nested = /\[\]$|^(STRUCT|MAP)\(/.test(type);
    const member = settingOf(record, `mapping.${column.name}`) ?? column.name;
    read.push(`${sqlString(member)}: '${nested ? 'JSON' : 'VARCHAR'}'`);
    const value =
      steps === undefined
        ? sqlName(member)
        : `${nested ? 'json_extract' : 'json_extract_string'}("_j", ${sqlString(`$.${sqlName(member)}`)})`;
    return `${converted(value, type)} AS ${sqlName(inner)}`;
  });
  const lenient = settingOf(record, 'ignore.malformed.json')?.toLowerCase() === 'true';
  const reader = (members: readonly string[]) =>
    `read_json(${paths}, format = 'auto', auto_detect = false, columns = {${members.join(', ')}}, ignore_errors = ${lenient}, maximum_object_size = ${largestObject(files)}, compression = ${sqlString(packing(files[0]!.key))}, ${options})`;
  if (steps === undefined) return { from: reader(read), values };
  const [top, ...rest] = steps;
  const inside = rest.map((step) => `.${sqlName(step)}`).join('');
  const records = `unnest(json_extract(${sqlName(top!)}, ${sqlString(`$${inside}[*]`)})) AS "_j"`;
  return {
    from: `(SELECT * EXCLUDE (${sqlName(top!)}), ${records} FROM ${reader([`${sqlString(top!)}: 'JSON'`])})`,
    values,
  };
}

/**
 * The size of JSON object that a reader makes room for, in bytes. It holds a buffer of twice that for each thread, so it is
 * asked for no more than the largest of its files can hold: few small ones must not exhaust a statement's memory.
 */
function largestObject(files: readonly LocalTableFile[]): number {
  if (packing(files[0]!.key) !== 'uncompressed') return LARGEST_OBJECT;
  const largest = files.reduce((most, file) => Math.max(most, file.bytes), 0);
  return Math.min(LARGEST_OBJECT, Math.max(MIB, largest));
}

/**
 * The members that lead to the array of records where `jsonPath` says that records lie inside of objects; undefined when
 * they are the objects themselves. **Errors**: `unsupported` for a path that is not read.
 */
function recordPath(record: TableRecord): string[] | undefined {
  const path = (settingOf(record, 'jsonPath') ?? '$').trim();
  if (/^\$?(?:\[\*\])?$/.test(path)) return undefined;
  const text = path.replace(/^\$/, '').replace(/\[\*\]$/, '');
  const steps = [...text.matchAll(/\.([A-Za-z_][\w-]*)|\['([^'"]+)'\]|\["([^'"]+)"\]/g)];
  if (steps.length > 0 && steps.map(([all]) => all).join('') === text) {
    return steps.map((step) => step[1] ?? step[2] ?? step[3]!);
  }
  throw new LochError(
    'unsupported',
    `The JSON path \`${path}\` of \`${record.database}.${record.name}\` is not read by SQL. Read are \`$[*]\` and \`$.a.b[*]\`.`,
    { context: { path } },
  );
}

function converted(value: string, type: string): string {
  return type === 'VARCHAR' ? `CAST(${value} AS VARCHAR)` : `TRY_CAST(${value} AS ${type})`;
}

function settingOf(record: TableRecord, ...names: readonly string[]): string | undefined {
  for (const source of [record.storage.serdeParameters, record.parameters]) {
    for (const name of names) {
      const value = source[name];
      if (value !== undefined) return value;
    }
  }
  return undefined;
}

/** `\t`, `\u0001`, and Hive's control characters by number. */
function characterOf(text: string): string {
  if (text === '\\t') return '\t';
  if (/^[0-9]$/.test(text)) return String.fromCharCode(Number(text));
  const unicode = /^\\u([0-9a-f]{4})$/i.exec(text)?.[1];
  if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode, 16));
  const octal = /^\\([0-7]{3})$/.exec(text)?.[1];
  return octal === undefined ? text : String.fromCharCode(Number.parseInt(octal, 8));
}

function encodingOf(name: string | undefined): string {
  const folded = (name ?? 'utf-8').toLowerCase();
  if (/^utf-?8$/.test(folded)) return 'utf-8';
  if (/^(iso-?8859-?1|latin-?1|windows-1252)$/.test(folded)) return 'latin-1';
  if (/^utf-?16/.test(folded)) return 'utf-16';
  throw new LochError('unsupported', `The encoding \`${name}\` is not read. Readable: UTF-8, ISO-8859-1, UTF-16.`);
}

function packing(key: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(key)?.[1]?.toLowerCase();
  if (extension === 'gz' || extension === 'gzip') return 'gzip';
  if (extension === 'zst' || extension === 'zstd') return 'zstd';
  if (['bz2', 'lz4', 'snappy', 'deflate', 'xz', 'lzo'].includes(extension ?? '')) {
    throw new LochError('unsupported', `Files packed as .${extension} are not read. Readable: plain, .gz, .zst.`, {
      context: { key },
    });
  }
  return 'uncompressed';
}

/** UNION ALL as a balanced tree: a long chain would exceed the parser's depth. */
export function balanced(selects: readonly string[]): string {
  if (selects.length === 1) return selects[0]!;
  const half = Math.ceil(selects.length / 2);
  return `(${balanced(selects.slice(0, half))}) UNION ALL (${balanced(selects.slice(half))})`;
}
