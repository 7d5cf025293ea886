/**
 * Iceberg append commits by one writer, then by sixteen at once, to a table of 100 snapshots and more, then by one writer
 * for each of fifty tables, through the catalog's use-case on the embedded stores: manifest, manifest list and metadata file durable, then the pointer swap.
 * `ratio` is the p50 over the bar of 10 ms and ten fdatasyncs of the same disk, so at most 1 holds the bar.
 */
import { open } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCommitLake } from '../test/faults/commit-lake.ts';
import type { DataFile } from '../src/storage/contract.ts';
import { contextOf, TEST_ACCOUNT } from '../src/testing/builders/request-context.ts';

const BEFORE = 100;
const MEASURED = 200;
const WRITERS = 16;
const TABLES = 50;
const COMMITS_PER_TABLE = 6;
const SYNCS = 300;
const TABLE = { database: 'bench', table: 'events' };

/** Runs the bench. **Units**: milliseconds. */
export async function run(): Promise<Record<string, unknown>> {
  const directory = await mkdtemp(join(process.env.LOCH_BENCH_DIR ?? tmpdir(), 'loch-bench-'));
  try {
    const before = await fdatasyncRate(directory);
    const { times, snapshots, together, manyTablesPerSecond } = await commits(directory);
    const rate = (before + (await fdatasyncRate(directory))) / 2;
    const bar = 10 + 10_000 / rate;
    const p50 = quantile(times, 0.5);
    return {
      ratio: p50 / bar,
      bar_ms: bar,
      p50,
      p99: quantile(times, 0.99),
      max: quantile(times, 1),
      commits_per_second: 1000 / (times.reduce((sum, ms) => sum + ms, 0) / times.length),
      writers_16_p50: quantile(together.times, 0.5),
      writers_16_p99: quantile(together.times, 0.99),
      writers_16_commits_per_second: together.perSecond,
      tables_50_commits_per_second: manyTablesPerSecond,
      snapshots,
      fdatasync_per_second: rate,
      peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      node: process.version,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function commits(directory: string): Promise<{
  readonly times: number[];
  readonly snapshots: number;
  readonly together: { readonly times: number[]; readonly perSecond: number };
  readonly manyTablesPerSecond: number;
}> {
  const lake = await openCommitLake(directory);
  const root = contextOf('root');
  const { catalog } = lake;
  await lake.objects.createBucket('bench', { region: 'us-east-1', ownerAccountId: TEST_ACCOUNT });
  await catalog.createDatabase(root, { name: TABLE.database, locationUri: 's3://bench/' });
  await catalog.createIcebergTable(root, {
    database: TABLE.database,
    name: TABLE.table,
    columns: ['bigint', 'string', 'decimal(12,2)', 'timestamp', 'string', 'double'].map((type, i) => ({
      name: `c${i + 1}`,
      type,
    })),
  });
  const times: number[] = [];
  for (let i = 0; i < BEFORE + MEASURED; i++) {
    const start = performance.now();
    await catalog.commitTable(root, TABLE, { kind: 'append', files: [dataFile(i)] }, { runId: `run-${i}` });
    if (i >= BEFORE) times.push(performance.now() - start);
  }
  const { length } = await catalog.snapshots(root, TABLE);
  const together: number[] = [];
  const started = performance.now();
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      for (let i = 0; i < MEASURED / 10; i++) {
        const start = performance.now();
        const file = dataFile(1_000_000 + writer * 1_000 + i);
        await catalog.commitTable(root, TABLE, { kind: 'append', files: [file] }, { runId: `w${writer}-${i}` });
        together.push(performance.now() - start);
      }
    }),
  );
  const perSecond = (together.length * 1000) / (performance.now() - started);
  const manyTablesPerSecond = await manyTables(catalog);
  await lake.close();
  return { times, snapshots: length, together: { times: together, perSecond }, manyTablesPerSecond };
}

async function manyTables(catalog: Awaited<ReturnType<typeof openCommitLake>>['catalog']): Promise<number> {
  const root = contextOf('root');
  const names = Array.from({ length: TABLES }, (_, i) => `many${i}`);
  const columns = Array.from({ length: 6 }, (_, i) => ({ name: `c${i + 1}`, type: i === 0 ? 'bigint' : 'string' }));
  for (const name of names) {
    await catalog.createIcebergTable(root, { database: TABLE.database, name, columns });
  }
  const started = performance.now();
  await Promise.all(
    names.map(async (table) => {
      for (let i = 0; i < COMMITS_PER_TABLE; i++) {
        const file = { ...dataFile(i), lower: {}, upper: {}, path: `s3://bench/${table}/data/${i}.parquet` };
        await catalog.commitTable(root, { ...TABLE, table }, { kind: 'append', files: [file] });
      }
    }),
  );
  return (TABLES * COMMITS_PER_TABLE * 1000) / (performance.now() - started);
}

function dataFile(i: number): DataFile {
  const each = <T>(make: (id: number) => T) => Object.fromEntries([1, 2, 3, 4, 5, 6].map((id) => [id, make(id)]));
  return {
    path: `s3://bench/events/data/${String(i).padStart(6, '0')}-4e0e9c0f.parquet`,
    format: 'PARQUET',
    rows: 10_000,
    bytes: 1_234_567,
    partition: {},
    columnBytes: each((id) => 100_000 * id),
    valueCounts: each(() => 10_000),
    nullCounts: each(() => 0),
    lower: { 1: String(i * 10_000), 2: 'a', 3: '0.01', 4: '2026-01-31 00:00:00', 5: 'east', 6: '0.5' },
    upper: { 1: String(i * 10_000 + 9_999), 2: 'z', 3: '9999.99', 4: '2026-01-31 23:59:59', 5: 'west', 6: '9.5' },
  };
}

/** Single-thread fdatasyncs a second after writes of 4 KiB to a file of the same disk. */
async function fdatasyncRate(directory: string): Promise<number> {
  const file = await open(join(directory, 'sync'), 'w');
  const block = Buffer.alloc(4096, 1);
  const start = performance.now();
  for (let i = 0; i < SYNCS; i++) {
    await file.write(block);
    await file.datasync();
  }
  const seconds = (performance.now() - start) / 1000;
  await file.close();
  return SYNCS / seconds;
}

function quantile(times: readonly number[], q: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;
}
