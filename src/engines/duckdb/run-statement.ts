/**
 * One statement in one blank instance: box shut, names bound (DESCRIBE), then rows read or written.
 *
 * Invariants
 * - The caller's text runs only inside `( … )` of a SELECT or COPY of ours, after the box is shut.
 * - A file result is named exactly; a folder is opened only for output whose file names the engine chooses.
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LochError } from '../../core/errors.ts';
import type { ColumnStatistics, EngineColumn, EngineFile } from '../contract.ts';
import { athenaText } from './athena-text.ts';
import { engineError, isInterrupt, type Phase } from './engine-error.ts';
import { fieldIdsOption, unquotePath } from './field-ids.ts';
import { type Session, sandboxSettings } from './instance-pool.ts';
import type { WorkerJob, WorkerResult } from './protocol.ts';
import { sqlName, sqlString } from '../../core/sql-text.ts';

/** A flag that outlives an interrupt that came too early, and the connection to interrupt. */
export interface CancelFlag {
  cancelled: boolean;
}

type ParquetResult = Extract<WorkerJob['result'], { kind: 'parquet' }>;
type LinesResult = Extract<WorkerJob['result'], { kind: 'lines' }>;

/** Runs `job` in `session`, which is spent afterwards. **Errors**: as of the engine contract. */
export async function runStatement(session: Session, job: WorkerJob, cancel: CancelFlag): Promise<WorkerResult> {
  let phase: Phase = 'prepare';
  let offset = 0;
  const query = async (prefix: string, sql: string, suffix: string) => {
    if (cancel.cancelled) throw cancelled();
    offset = prefix.length;
    return session.connection.runAndReadAll(`${prefix}${sql}${suffix}`);
  };
  const text = job.sql.replace(/[\s;]+$/, '');
  try {
    const { writable, folder } = await outputOf(job);
    await session.connection.run(sandboxSettings(job, writable, folder));
    for (const statement of job.preamble) await query('', statement, '');
    phase = 'bind';
    const columns = await describe(query, text);
    phase = 'run';
    return { columns, ...(await produce(query, session, job, text, columns)) };
  } catch (error) {
    if (cancel.cancelled || isInterrupt(error)) throw cancelled();
    throw engineError(error, { phase, offset, hideValues: job.hideValues });
  }
}

type Query = (prefix: string, sql: string, suffix: string) => ReturnType<Session['connection']['runAndReadAll']>;

const cancelled = () => new LochError('statement_cancelled', 'The statement was cancelled.');

async function outputOf({ result }: WorkerJob): Promise<{ writable: string[]; folder: string | undefined }> {
  if (result.kind === 'rows' || result.kind === 'columns') return { writable: [], folder: undefined };
  if (result.kind === 'lines') {
    await mkdir(result.directory, { recursive: true });
    const place = linesTarget(result);
    return { writable: [place], folder: isSplit(result) ? place : undefined };
  }
  if (result.kind !== 'parquet') return { writable: [result.path], folder: undefined };
  await mkdir(result.directory, { recursive: true });
  const place = parquetTarget(result);
  return { writable: [place], folder: isFolder(result) ? place : undefined };
}

const isFolder = (result: ParquetResult) => (result.partitionBy?.length ?? 0) > 0 || result.rowsPerFile !== undefined;

const parquetTarget = (result: ParquetResult) =>
  isFolder(result) ? join(result.directory) : join(result.directory, 'part-0.parquet');

const isSplit = (result: LinesResult) => (result.partitionBy?.length ?? 0) > 0;

const LINES_EXTENSION = { none: 'txt', gzip: 'gz', zstd: 'zst' } as const;

const linesTarget = (result: LinesResult) =>
  isSplit(result)
    ? result.directory
    : join(result.directory, `part-0.${LINES_EXTENSION[result.compression ?? 'none']}`);

async function describe(query: Query, sql: string): Promise<EngineColumn[]> {
  const described = await query('DESCRIBE (\n', sql, '\n)');
  return described.getRowsJson().map((row) => ({ name: String(row[0]), type: String(row[1]) }));
}

/** `(sql) AS r(c0, c1, …)`: result columns by position, so that two of one name stay two. */
const source = (columns: readonly EngineColumn[]) => `\n) AS "_r"(${columns.map((_, i) => `"_c${i}"`).join(', ')})`;

async function produce(
  query: Query,
  session: Session,
  job: WorkerJob,
  sql: string,
  columns: readonly EngineColumn[],
): Promise<Omit<WorkerResult, 'columns'>> {
  const { result } = job;
  switch (result.kind) {
    case 'rows': {
      const list = columns.map((_, i) => `CAST("_c${i}" AS VARCHAR)`).join(', ');
      return readRows(session, `SELECT ${list} FROM (\n${sql}${source(columns)}`, result.maxRows);
    }
    case 'csv': {
      const list = columns.map(({ name, type }, i) => `${athenaText(`"_c${i}"`, type)} AS ${sqlName(name)}`);
      const copied = await query(
        `COPY (SELECT ${list.join(', ')} FROM (\n`,
        sql,
        `${source(columns)}) TO ${sqlString(result.path)} (FORMAT csv, HEADER true, FORCE_QUOTE *, USE_TMP_FILE false)`,
      );
      return fileResult(result.path, Number(copied.getRowsJson()[0]![0]));
    }
    case 'json': {
      const copied = await query('COPY (\n', sql, `\n) TO ${sqlString(result.path)} (FORMAT json, USE_TMP_FILE false)`);
      return fileResult(result.path, Number(copied.getRowsJson()[0]![0]));
    }
    case 'parquet':
      return writeParquet(query, result, sql);
    case 'lines':
      return writeLines(query, result, sql);
    case 'columns':
      return { rowCount: 0, rows: [], files: [] };
  }
}

async function readRows(session: Session, sql: string, maxRows: number): Promise<Omit<WorkerResult, 'columns'>> {
  const reader = await session.connection.streamAndReadUntil(sql, maxRows + 1);
  const rows = reader.getRowsJson() as (string | null)[][];
  if (rows.length > maxRows) {
    throw new LochError(
      'limit_exceeded',
      `The result has more than ${maxRows} rows. Add a LIMIT, or write the result to a file.`,
      { context: { maxRows } },
    );
  }
  return { rowCount: rows.length, rows, files: [] };
}

async function fileResult(path: string, rows: number): Promise<Omit<WorkerResult, 'columns'>> {
  const { size } = await stat(path);
  return { rowCount: rows, rows: [], files: [{ path, rows, bytes: size, columns: {}, partition: {} }] };
}

async function writeParquet(query: Query, result: ParquetResult, sql: string): Promise<Omit<WorkerResult, 'columns'>> {
  const options = ['FORMAT parquet', 'COMPRESSION zstd', 'COMPRESSION_LEVEL 1', 'RETURN_STATS true'];
  if (result.fieldIds !== undefined) options.push(`FIELD_IDS ${fieldIdsOption(result.fieldIds)}`);
  // Numbered names collide (and spoil the file) where NULL and the word for NULL share a folder: names are random.
  if (isFolder(result)) options.push("FILENAME_PATTERN 'part-{uuid}'", 'OVERWRITE_OR_IGNORE true');
  if (result.partitionBy?.length) {
    options.push(`PARTITION_BY (${result.partitionBy.map(sqlName).join(', ')})`);
    options.push(`WRITE_PARTITION_COLUMNS ${result.partitionColumnsInFiles ?? true}`);
  } else if (result.rowsPerFile !== undefined) {
    options.push(
      'PER_THREAD_OUTPUT true',
      'ROW_GROUPS_PER_FILE 1',
      `ROW_GROUP_SIZE ${Math.max(2048, result.rowsPerFile)}`,
    );
  }
  const copied = await query('COPY (\n', sql, `\n) TO ${sqlString(parquetTarget(result))} (${options.join(', ')})`);
  const written = copied.getRowsJson().map((row) => parquetFile(row as unknown[], result.partitionBy ?? []));
  const files = written.filter((file) => file.rows > 0);
  await Promise.all(written.filter((file) => file.rows === 0).map((file) => rm(file.path, { force: true })));
  return { rowCount: files.reduce((sum, file) => sum + file.rows, 0), rows: [], files };
}

/** The engine tells no files of texts: what it wrote is what lies in the folder, one level for each partition column. */
async function writeLines(query: Query, result: LinesResult, sql: string): Promise<Omit<WorkerResult, 'columns'>> {
  const compression = result.compression ?? 'none';
  const partitionBy = result.partitionBy ?? [];
  // No value holds the delimiter: a line that is one column is written as it is.
  const options = [
    'FORMAT csv',
    'HEADER false',
    "DELIMITER '\x02'",
    "QUOTE ''",
    "ESCAPE ''",
    `COMPRESSION ${compression}`,
  ];
  if (partitionBy.length > 0) {
    options.push(`PARTITION_BY (${partitionBy.map(sqlName).join(', ')})`, 'OVERWRITE_OR_IGNORE true');
    options.push("FILENAME_PATTERN 'part-{uuid}'", "FILE_EXTENSION 'txt'");
  }
  const copied = await query('COPY (\n', sql, `\n) TO ${sqlString(linesTarget(result))} (${options.join(', ')})`);
  const rowCount = Number(copied.getRowsJson()[0]![0]);
  const files: EngineFile[] = [];
  const visit = async (folder: string, partition: Record<string, string | null>): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        const at = entry.name.indexOf('=');
        const value = decodeURIComponent(entry.name.slice(at + 1));
        await visit(path, { ...partition, [entry.name.slice(0, at)]: value });
      } else {
        files.push({ path, rows: 0, bytes: (await stat(path)).size, columns: {}, partition });
      }
    }
  };
  if (rowCount > 0) await visit(result.directory, {});
  return { rowCount, rows: [], files };
}

type Entries = readonly { readonly key: string; readonly value: unknown }[];

/** A row of RETURN_STATS: filename, count, bytes, footer bytes, column statistics, partition keys. */
function parquetFile(row: readonly unknown[], partitionBy: readonly string[]): EngineFile {
  const rows = Number(row[1]);
  const columns: Record<string, ColumnStatistics> = {};
  for (const { key, value } of (row[4] as Entries | null) ?? []) {
    columns[unquotePath(key)] = columnStatistics(value as Entries);
  }
  const values = new Map(((row[5] as Entries | null) ?? []).map(({ key, value }) => [key, value]));
  const partition: Record<string, string | null> = {};
  for (const name of partitionBy) {
    const value = values.get(name) ?? null;
    // The engine writes null as a word that could be a value as well; the statistics tell them apart.
    const isNull = value === null || (rows > 0 && columns[name]?.nullCount === rows);
    partition[name] = isNull ? null : String(value);
  }
  return { path: String(row[0]), rows, bytes: Number(row[2]), columns, partition };
}

function columnStatistics(entries: Entries): ColumnStatistics {
  const of = new Map(entries.map(({ key, value }) => [key, String(value)]));
  const min = of.get('min');
  const max = of.get('max');
  return {
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    nullCount: Number(of.get('null_count') ?? 0),
    valueCount: Number(of.get('num_values') ?? 0),
    columnBytes: Number(of.get('column_size_bytes') ?? 0),
    ...(of.has('has_nan') ? { hasNan: of.get('has_nan') === 'true' } : {}),
  };
}
