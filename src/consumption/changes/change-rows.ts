/**
 * Rows of a table changed or removed: the part that DELETE, UPDATE and MERGE share.
 *
 * 1. The caller's statement is read once, with his rights, into a stage of our own: which rows (file and place), what
 *    happens to each, and the new values. Everything after that reads the stage: a statement with random() means one thing.
 * 2. By the table's mode and for each file: rows are deleted by place (merge-on-read), or the file is written again
 *    without them (copy-on-write); a file of which no row is left goes.
 * 3. One commit, validated against what came since the read. A conflict begins again at 1.
 *
 * **Source**: Iceberg specification v2, "Row-level deletes", "Position Delete Files".
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { sqlName, sqlString, sqlStrings } from '../../core/sql-text.ts';
import type { EngineColumn, EngineFile } from '../../engines/contract.ts';
import type { TableName } from '../../governance/contract.ts';
import { type DeleteFile, formatS3Uri, parseS3Uri, type ScanFile, type TableMetadata } from '../../storage/contract.ts';
import type { ChangedTable, ChangeReadOutcome } from '../queries/read-for-change.ts';
import { engineTypeOfIceberg } from '../queries/secure/engine-types.ts';
import { icebergSource, ROW_FILE, ROW_PLACE, schemaOf } from '../queries/secure/iceberg-source.ts';
import { commitFailed, commitRows } from './commit-rows.ts';
import type { ChangeAnswer, ChangeDeps, ChangeRun } from './deps.ts';
import { asMismatch, byPosition, positional, writtenValue } from './engine-columns.ts';
import { answerOf, dataFileResult } from './read-rows.ts';
import { adoptDataFiles, adoptFile, filePrefix, removeWritten } from './write-files.ts';

/** What happens to a row of the stage. */
export const UPDATED = 1;
export const DELETED = 2;
export const INSERTED = 3;

/** The changed table stands under this name in the SELECT that a statement becomes. */
export const CHANGED = '\u2063changed';

/** A change of rows as a SELECT: `file`, `place`, `action`, then a value for each of `values`. */
export interface RowChange {
  readonly operation: 'delete' | 'update' | 'merge';
  readonly sql: string;
  /** Columns of the table in the order of their values; empty when no row is written. */
  readonly values: readonly string[];
  /** Looks at the stage before anything is made of it; throws what forbids the change. */
  check?(stage: readonly string[]): Promise<void>;
}

/** Attempts at a change that others were in the way of. **Source**: CON-DML-04. */
const ATTEMPTS = 5;

const FILE = '_loch_file';
const PLACE = '_loch_row';
const ACTION = '_loch_action';

/** **Errors**: `commit_conflict` naming the snapshot in the way after the last attempt; those of a SELECT. */
export async function changeRows(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  change: RowChange,
): Promise<ChangeAnswer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptChange(deps, { ...run, folder: join(run.folder, String(attempt)) }, name, change);
    } catch (error) {
      await removeWritten(deps, run);
      if (!isLochError(error, 'commit_conflict')) throw error;
      if (attempt >= ATTEMPTS) throw commitFailed(name, error);
      run.signal.throwIfAborted();
    }
  }
}

async function attemptChange(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  change: RowChange,
): Promise<ChangeAnswer> {
  await mkdir(run.folder, { recursive: true, mode: 0o700 });
  const outcome = await readStage(deps, run, name, change);
  const stage = outcome.files.map((file) => file.path);
  if (outcome.rowCount === 0) return answerOf(outcome, []);
  await change.check?.(stage);
  const changed = outcome.changed!;
  const metadata = changed.table.metadata!;
  const work = await planWork(deps, run, metadata, changed, stage, modeOf(metadata, change.operation));
  const deletes = await writeDeletes(deps, run, metadata, stage, work);
  const written = await writeRows(deps, run, metadata, stage, work, change.values);
  const files = await adoptDataFiles(deps, run, metadata, written);
  const basedOn = metadata['current-snapshot-id'];
  await commitRows(
    deps,
    run,
    name,
    {
      kind: 'delta',
      files,
      deletes,
      remove: [...work.gone, ...work.rewritten].map(({ file }) => file.path),
      validate: {
        basedOn,
        isolation:
          metadata.properties[`write.${change.operation}.isolation-level`] === 'snapshot' ? 'snapshot' : 'serializable',
        operation: change.operation,
        ...(changed.predicates.length === 0 ? {} : { predicates: changed.predicates }),
      },
    },
    outcome.rowCount,
  );
  const columnOf = (output: string) => change.values[Number(/^_loch_v(\d+)$/.exec(output)?.[1] ?? -1)];
  return answerOf(outcome, [...files, ...deletes], { table: name, columnOf });
}

/** Step 1. **Errors**: `type_mismatch` naming the column. */
async function readStage(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  change: RowChange,
): Promise<ChangeReadOutcome> {
  const { context, text, dialect, database, queryId, signal } = run;
  const shape = async (columns: readonly EngineColumn[], changed: ChangedTable | undefined) => {
    const fields = new Map(schemaOf(changed!.table.metadata!, undefined).fields.map((field) => [field.name, field]));
    const values = change.values.map((column, i) => {
      const type = engineTypeOfIceberg(fields.get(column)!.type);
      const value = writtenValue(positional(i + 3), columns[i + 3]!.type, { name: column, type });
      return { name: valueName(i), expression: `CAST(${value} AS ${type})` };
    });
    const head = [FILE, PLACE, ACTION].map((column, i) => ({
      name: column,
      expression: `CAST(${positional(i)} AS BIGINT)`,
    }));
    return {
      select: (source: string) =>
        `SELECT * FROM (${byPosition(source, columns.length, [...head, ...values])}) WHERE ${ACTION} IS NOT NULL`,
      preamble: [],
      result: { kind: 'parquet' as const, directory: join(run.folder, 'stage') },
    };
  };
  try {
    const changed = { alias: CHANGED, name };
    return await deps.read(context, { sql: change.sql, text, dialect, database, queryId, changed, shape }, signal);
  } catch (error) {
    throw asMismatch(error);
  }
}

const valueName = (i: number) => `_loch_v${i}`;

export type WriteMode = 'copy-on-write' | 'merge-on-read';

/** How the table wants rows to be changed. **Source**: Iceberg, "Write properties"; Athena writes position deletes. */
function modeOf(metadata: TableMetadata, operation: string): WriteMode {
  return metadata.properties[`write.${operation}.mode`] === 'copy-on-write' ? 'copy-on-write' : 'merge-on-read';
}

interface TouchedFile {
  readonly file: ScanFile;
  /** Its number in the stage. */
  readonly number: number;
}

interface Work {
  /** No row of them is left. */
  readonly gone: readonly TouchedFile[];
  /** Written again without their changed rows. */
  readonly rewritten: readonly TouchedFile[];
  /** Rows of them are deleted by place. */
  readonly marked: readonly TouchedFile[];
}

async function planWork(
  deps: ChangeDeps,
  run: ChangeRun,
  metadata: TableMetadata,
  changed: ChangedTable,
  stage: readonly string[],
  mode: WriteMode,
): Promise<Work> {
  const counts = await engineRows(
    deps,
    run,
    `SELECT ${FILE}, count(*) FROM ${staged(stage)} WHERE ${FILE} IS NOT NULL GROUP BY ${FILE} ORDER BY ${FILE}`,
    stage,
  );
  const snapshotId = metadata['current-snapshot-id'];
  const plan = await deps.tables.planScan(metadata, snapshotId === undefined ? {} : { snapshotId });
  const byPath = new Map(plan.files.map((file) => [file.path, file]));
  const touched = counts.map(([number, count]) => {
    const file = byPath.get(formatS3Uri(changed.files[Number(number)]!))!;
    return { file, number: Number(number), count: Number(count) };
  });
  const live = await liveRows(deps, run, metadata, touched);
  const work = { gone: [] as TouchedFile[], rewritten: [] as TouchedFile[], marked: [] as TouchedFile[] };
  for (const { file, number, count } of touched) {
    if (count === live.get(number)) work.gone.push({ file, number });
    // Files of deletes are written under the current partitioning: one of an earlier one is written again instead.
    else if (mode === 'copy-on-write' || file.specId !== metadata['default-spec-id'])
      work.rewritten.push({ file, number });
    else work.marked.push({ file, number });
  }
  return work;
}

/** Rows that are left of each file, by its number: counted where some are deleted already. */
async function liveRows(
  deps: ChangeDeps,
  run: ChangeRun,
  metadata: TableMetadata,
  touched: readonly TouchedFile[],
): Promise<ReadonlyMap<number, number>> {
  const rows = new Map(touched.map(({ file, number }) => [number, file.rows]));
  const unsure = touched.filter(({ file }) => file.deletes.length > 0);
  if (unsure.length === 0) return rows;
  const local = await openLocal(deps, run, metadata, unsure, 'counted');
  const { sql } = icebergSource(metadata, undefined, local.files, { identified: true });
  const counted = await engineRows(
    deps,
    run,
    `SELECT ${ROW_FILE}, count(*) FROM (${sql}) GROUP BY ${ROW_FILE}`,
    local.paths,
  );
  for (const [number, count] of counted) rows.set(Number(number), Number(count));
  return rows;
}

/** A file of deleted places for each marked data file, so that a commit can tell which ones it speaks of. */
async function writeDeletes(
  deps: ChangeDeps,
  run: ChangeRun,
  metadata: TableMetadata,
  stage: readonly string[],
  { marked }: Work,
): Promise<DeleteFile[]> {
  if (marked.length === 0) return [];
  const names = marked.map(({ file, number }) => `(${number}, ${sqlString(file.path)})`).join(', ');
  const { files } = await deps.engine.execute(
    {
      sql: `SELECT f.path AS file_path, s.${PLACE} AS pos, s.${FILE} AS ${FILE} FROM ${staged(stage)} AS s JOIN (VALUES ${names}) AS f(number, path) ON s.${FILE} = f.number ORDER BY s.${FILE}, s.${PLACE}`,
      inputs: stage,
      result: {
        kind: 'parquet',
        directory: join(run.folder, 'deletes'),
        fieldIds: { file_path: 2147483546, pos: 2147483545 },
        partitionBy: [FILE],
        partitionColumnsInFiles: false,
      },
      fairnessKey: run.context.principal.arn,
    },
    run.signal,
  );
  const deletes: DeleteFile[] = [];
  for (const written of files) {
    const { file } = marked.find(({ number }) => String(number) === written.partition[FILE])!;
    const location = `${filePrefix(metadata.location, run.queryId)}${run.written.length}-${newId().slice(0, 8)}-deletes.parquet`;
    await adoptFile(deps, run, written.path, location);
    const { rows, bytes } = written;
    deletes.push({ path: location, kind: 'position', rows, bytes, partition: file.partition, dataFile: file.path });
  }
  return deletes;
}

/** New rows, and what is kept of the files that are written again. */
async function writeRows(
  deps: ChangeDeps,
  run: ChangeRun,
  metadata: TableMetadata,
  stage: readonly string[],
  { rewritten }: Work,
  values: readonly string[],
): Promise<readonly EngineFile[]> {
  const fields = schemaOf(metadata, undefined).fields;
  const parts: string[] = [];
  const inputs = [...stage];
  if (values.length > 0) {
    const list = fields.map((field) => {
      const at = values.indexOf(field.name);
      return `${at < 0 ? `CAST(NULL AS ${engineTypeOfIceberg(field.type)})` : valueName(at)} AS ${sqlName(field.name)}`;
    });
    parts.push(`SELECT ${list.join(', ')} FROM ${staged(stage)} WHERE ${ACTION} IN (${UPDATED}, ${INSERTED})`);
  }
  if (rewritten.length > 0) {
    const local = await openLocal(deps, run, metadata, rewritten, 'kept');
    inputs.push(...local.paths);
    const list = fields.map((field) => `k.${sqlName(`_f${field.id}`)} AS ${sqlName(field.name)}`);
    parts.push(
      `SELECT ${list.join(', ')} FROM (${icebergSource(metadata, undefined, local.files, { identified: true }).sql}) AS k WHERE NOT EXISTS (SELECT 1 FROM ${staged(stage)} AS s WHERE s.${FILE} = k.${ROW_FILE} AND s.${PLACE} = k.${ROW_PLACE})`,
    );
  }
  if (parts.length === 0) return [];
  const layout = deps.tables.writeLayout(metadata);
  const { files } = await deps.engine.execute(
    {
      sql: layout.select(parts.map((part) => `(${part})`).join(' UNION ALL ')),
      preamble: layout.preamble,
      inputs,
      settings: { TimeZone: 'UTC' },
      result: dataFileResult(layout, join(run.folder, 'data')),
      fairnessKey: run.context.principal.arn,
    },
    run.signal,
  );
  return files;
}

async function openLocal(
  deps: ChangeDeps,
  run: ChangeRun,
  metadata: TableMetadata,
  touched: readonly TouchedFile[],
  name: string,
) {
  const open = async (part: string, locations: readonly string[]) => {
    if (locations.length === 0) return [];
    const folder = join(run.folder, part);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return deps.objects.openFiles(locations.map(parseS3Uri), folder, undefined, { caller: run.context });
  };
  const deletes = [...new Set(touched.flatMap(({ file }) => file.deletes.map(({ path }) => path)))];
  const paths = await open(
    name,
    touched.map(({ file }) => file.path),
  );
  const deletePaths = await open(`${name}-deletes`, deletes);
  const own = await deps.tables.fileFields(
    metadata,
    touched.map(({ file }) => file),
  );
  return {
    paths: [...paths, ...deletePaths],
    files: touched.map(({ file, number }, i) => ({
      path: paths[i]!,
      location: file.path,
      deletes: file.deletes.map((one) => ({ ...one, path: deletePaths[deletes.indexOf(one.path)]! })),
      fields: own?.[i],
      number,
    })),
  };
}

const staged = (paths: readonly string[]) => `read_parquet(${sqlStrings(paths)}, hive_partitioning = false)`;

/** Rows of a statement of our own over a stage. */
export async function engineRows(
  deps: Pick<ChangeDeps, 'engine'>,
  run: Pick<ChangeRun, 'signal' | 'context'>,
  sql: string,
  inputs: readonly string[],
): Promise<readonly (readonly (string | null)[])[]> {
  const result = { kind: 'rows', maxRows: 10_000_000 } as const;
  return (await deps.engine.execute({ sql, inputs, result, fairnessKey: run.context.principal.arn }, run.signal)).rows;
}

/** Places of target rows that more than one row of the stage speaks of. */
export async function rowsTwice(
  deps: Pick<ChangeDeps, 'engine'>,
  run: Pick<ChangeRun, 'signal' | 'context'>,
  stage: readonly string[],
): Promise<number> {
  const rows = await engineRows(
    deps,
    run,
    `SELECT count(*) FROM (SELECT 1 FROM ${staged(stage)} WHERE ${FILE} IS NOT NULL GROUP BY ${FILE}, ${PLACE} HAVING count(*) > 1)`,
    stage,
  );
  return Number(rows[0]![0]);
}

/** Rows a table has now; undefined when that needs reading them. */
export function countedRows(files: readonly ScanFile[]): number | undefined {
  if (files.some((file) => file.deletes.length > 0)) return undefined;
  return files.reduce((sum, file) => sum + file.rows, 0);
}
