/**
 * Governed SQL against the raw engine: TPC-H-shaped data by our own seeded generator, 22 queries over Iceberg tables
 * through the whole query path (Athena dialect, durable execution, CSV result) and by DuckDB alone on the same files with
 * the same threads and memory. `--scale 0.1` makes it smaller, `--runs 5` steadier.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { openQueryLake, type QueryLake } from '../src/testing/builders/query-lake.ts';
import { TPCH_QUERIES } from './tpch/queries.ts';
import { TPCH_TABLES } from './tpch/tables.ts';

const MIB = 1024 * 1024;
const MEMORY = 4096 * MIB;
/** What the engine gives a statement of one of two workers. */
const STATEMENT_MEMORY = Math.floor((MEMORY / 2) * 0.75);

/** Runs the bench; `ratio` is the geometric mean of (governed − fixed) / raw. */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scale: { type: 'string', default: '1' },
      runs: { type: 'string', default: '5' },
      threads: { type: 'string', default: '2' },
      only: { type: 'string' },
      // The least of the runs instead of their median: for machines that do other work meanwhile.
      best: { type: 'boolean', default: false },
    },
  });
  const scale = Number(values.scale);
  const runs = Number(values.runs);
  const threads = Number(values.threads);
  const lake = await openQueryLake({ memoryLimitBytes: MEMORY, threads });
  const folder = mkdtempSync(join(tmpdir(), 'loch-bench-'));
  try {
    const loadedAt = performance.now();
    for (const { name, columns, select } of TPCH_TABLES) {
      await lake.createTable(`bank.${name}`, columns, select(scale), { rowsPerFile: 1_000_000 });
    }
    const loadSeconds = (performance.now() - loadedAt) / 1000;
    const raw = await openRaw(lake, join(folder, 'raw'), threads);
    const fixedTimes: number[] = [];
    for (let i = 0; i < 60; i++) fixedTimes.push(await timed(() => governed(lake, 'SELECT 1')));
    const fixed = values.best ? Math.min(...fixedTimes) : middle(fixedTimes);
    const chosen = Object.entries(TPCH_QUERIES).filter(([name]) => values.only === undefined || values.only === name);
    const queries: Record<string, { governed: number; raw: number; ratio: number }> = {};
    for (const [name, sql] of chosen) {
      await assertEqual(lake, raw, name, sql);
      const times = { governed: [] as number[], raw: [] as number[] };
      // In turns, so that what else the machine does falls on both.
      for (let i = 0; i < runs; i++) {
        times.raw.push(await timed(() => raw.rows(sql)));
        times.governed.push(await timed(() => governed(lake, sql)));
      }
      const of = values.best ? (all: readonly number[]) => Math.min(...all) : middle;
      const [ours, bare] = [of(times.governed), of(times.raw)];
      queries[name] = { governed: ours, raw: bare, ratio: Math.max(ours - fixed, 0.1) / bare };
      process.stderr.write(
        `${name}: governed ${ours.toFixed(1)} ms, raw ${bare.toFixed(1)} ms, ratio ${queries[name].ratio.toFixed(3)}\n`,
      );
    }
    await raw.close();
    const ratios = Object.values(queries).map(({ ratio }) => ratio);
    return {
      ratio: Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length),
      fixedMs: fixed,
      statistic: values.best ? 'least' : 'median',
      bar: 1.15,
      fixedBarMs: 30,
      scale,
      runs,
      threads,
      loadSeconds,
      governedSeconds: Object.values(queries).reduce((sum, q) => sum + q.governed, 0) / 1000,
      rawSeconds: Object.values(queries).reduce((sum, q) => sum + q.raw, 0) / 1000,
      engineRssBytes: lake.engine.figures().rssBytes,
      serverRssBytes: process.memoryUsage.rss(),
      worst: Object.entries(queries).sort((a, b) => b[1].ratio - a[1].ratio)[0],
      node: process.version,
      duckdb: raw.version,
    };
  } finally {
    await lake.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One query from its submission to its final state, by the use-cases a door calls. */
async function governed(lake: QueryLake, sql: string): Promise<string> {
  const { queries } = lake.consumption;
  const id = await queries.start(lake.root, { sql, database: 'bank', dialect: 'athena' });
  const execution = await queries.wait(id, AbortSignal.timeout(600_000));
  if (execution.state !== 'SUCCEEDED') throw new Error(`${execution.stateReason}\n${sql}`);
  return id;
}

interface Raw {
  readonly version: string;
  rows(sql: string): Promise<string[][]>;
  close(): Promise<void>;
}

/** DuckDB alone over the same files: one instance, views over the tables' data files. */
async function openRaw(lake: QueryLake, folder: string, threads: number): Promise<Raw> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: `${STATEMENT_MEMORY}B`,
    temp_directory: join(folder, 'spill'),
  });
  const connection: DuckDBConnection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'; SET integer_division = true");
  for (const { name, columns } of TPCH_TABLES) {
    const table = await lake.catalog.resolveTable(lake.root, { database: 'bank', table: name });
    const scan = await lake.catalog.planTableScan(table, {});
    const own = join(folder, name);
    await mkdir(own, { recursive: true });
    const files = await lake.objects.openFiles(scan.files, own);
    await connection.run(
      `CREATE VIEW ${name} AS SELECT ${columns.map((c) => c.name).join(', ')} FROM read_parquet([${files.map((f) => `'${f}'`).join(', ')}])`,
    );
  }
  const version = (await connection.runAndReadAll('SELECT version()')).getRowsJson()[0]![0] as string;
  return {
    version,
    async rows(sql) {
      return (await connection.runAndReadAll(sql)).getRowsJson() as string[][];
    },
    async close() {
      connection.closeSync();
      instance.closeSync();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A bench of wrong answers is worth nothing: row counts and number sums must agree before anything is timed. */
async function assertEqual(lake: QueryLake, raw: Raw, name: string, sql: string): Promise<void> {
  const id = await governed(lake, sql);
  const page = await lake.consumption.queries.results(lake.root, id);
  const bare = await raw.rows(sql);
  const digest = (rows: readonly (readonly unknown[])[]) =>
    rows
      .slice(0, 1000)
      .reduce((sum: number, row) => sum + row.reduce((cells: number, cell) => cells + (Number(cell) || 0), 0), 0);
  const [ours, theirs] = [digest(page.rows), digest(bare)];
  const rows = page.next === undefined ? page.rows.length : 1000;
  if (rows !== Math.min(1000, bare.length) || Math.abs(ours - theirs) > 1e-6 * Math.abs(theirs) + 0.01) {
    throw new Error(`${name} answers otherwise: ${rows} rows, ${ours}; the raw engine ${bare.length} rows, ${theirs}.`);
  }
  if (bare.length === 0) process.stderr.write(`${name} answers no rows at this scale\n`);
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const at = performance.now();
  await work();
  return performance.now() - at;
};

const middle = (times: readonly number[]) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
