import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { Secret } from '../../core/secret.ts';
import type { EngineFile } from '../../engines/contract.ts';
import type { SourceSnapshot, SourceTable } from '../connectors/source.ts';
import { columnNames } from './column-names.ts';
import { engineTypeOf } from './detect-types.ts';
import type { LoaderDeps, LoadWork, WrittenRows } from './index.ts';
import { sqlName } from '../../core/sql-text.ts';
import { columnsFor, layoutFor } from './target-table.ts';

const INPUT = 'loaded';
const ROWS_PER_RANGE = 500_000;
/** Some ranges are copied while others are converted. */
const RANGES_AT_ONCE = 3;

/** Writes the rows of a database table, read under one snapshot, as data files of the target. */
export async function writePostgres(
  deps: LoaderDeps,
  context: RequestContext,
  work: LoadWork,
  source: { readonly url: Secret; readonly table: string },
): Promise<WrittenRows> {
  const { progress, target } = work;
  progress({ phase: 'connecting', rows: 0, bytes: 0 });
  const snapshot = await deps.connector.openSnapshot(source.url);
  try {
    const table = await findTable(snapshot, source.table);
    const names = columnNames(table.columns.map(({ name }) => name));
    const offered = table.columns.map(({ type }, i) => ({ name: names[i]!, type }));
    const columns = columnsFor(target, offered);
    const { layout } = layoutFor(deps, target, columns);
    const own = new Set(names);
    const sql = layout.select(
      `SELECT ${columns.map(({ name }) => (own.has(name) ? sqlName(name) : `NULL AS ${sqlName(name)}`)).join(', ')} FROM ${INPUT}`,
    );
    const csv = { columns: offered.map(({ name, type }) => ({ name, type: engineTypeOf(type) ?? 'VARCHAR' })) };
    const ranges = await snapshot.ranges(table, ROWS_PER_RANGE);
    const files: EngineFile[][] = ranges.map(() => []);
    let rows = 0;
    let bytes = 0;
    const stop = new AbortController();
    const signal = AbortSignal.any([work.signal, stop.signal]);
    snapshot.lost.catch((error: unknown) => stop.abort(error));
    let next = 0;
    const worker = async () => {
      while (next < ranges.length) {
        const number = next++;
        const range = await copyRange(
          snapshot,
          table,
          ranges[number]!,
          join(work.folder, `range-${number}.csv`),
          signal,
        );
        bytes += range.bytes;
        progress({ phase: 'copying', rows, bytes });
        const outcome = await deps.runner.run(
          context,
          {
            sql,
            dialect: 'duckdb',
            result: {
              kind: 'parquet',
              directory: join(work.folder, `rows-${number}`),
              fieldIds: layout.fieldIds,
              ...(layout.partitionBy.length === 0
                ? {}
                : { partitionBy: layout.partitionBy, partitionColumnsInFiles: false }),
            },
            stages: [{ name: INPUT, files: [range.path], csv }],
          },
          signal,
        );
        await rm(range.path, { force: true });
        assertComplete(table, range.rows, outcome.rowCount);
        files[number] = [...outcome.files];
        rows += outcome.rowCount;
        progress({ phase: 'writing', rows, bytes });
      }
    };
    const workers = Array.from({ length: RANGES_AT_ONCE }, worker);
    try {
      await Promise.all(workers);
    } catch (error) {
      stop.abort(error);
      await Promise.allSettled(workers);
      throw work.signal.aborted ? work.signal.reason : error;
    }
    return { columns, files: files.flat(), rows };
  } finally {
    await snapshot.close();
  }
}

async function findTable(snapshot: SourceSnapshot, name: string): Promise<SourceTable> {
  const full = name.includes('.') ? name : `public.${name}`;
  const tables = await snapshot.tables([full]);
  if (tables.length > 1) {
    throw new LochError('invalid_argument', `\`${name}\` names ${tables.length} tables. Load them one by one.`, {
      context: { tables: tables.map((table) => `${table.schema}.${table.name}`) },
    });
  }
  return tables[0]!;
}

async function copyRange(
  snapshot: SourceSnapshot,
  table: SourceTable,
  range: string,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly path: string; readonly rows: number; readonly bytes: number }> {
  const copy = await snapshot.copy(table, range, signal);
  const file = await open(path, 'wx', 0o600);
  let bytes = 0;
  try {
    for await (const piece of copy.bytes) {
      for (let at = 0; at < piece.length; ) at += (await file.write(piece, at)).bytesWritten;
      bytes += piece.length;
    }
  } finally {
    await file.close();
  }
  return { path, rows: await copy.rows(), bytes };
}

function assertComplete(table: SourceTable, copied: number, read: number): void {
  if (copied === read) return;
  throw new LochError(
    'data_corrupt',
    `${copied} rows of ${table.schema}.${table.name} were copied, and ${read} were read from the copy. Nothing was loaded. Report this.`,
    { context: { copied, read } },
  );
}
