/**
 * Planning a scan over 10,000 data files (another number as argument: `scan-planning 100000`), against pyiceberg planning the same metadata in the same run.
 * `ratio` is our time over pyiceberg's, both medians; ours with nothing cached (metadata file read, every manifest
 * decoded). Bar: at most 0.5. Without Python the ratio is null and says why.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/core/clock.ts';
import type { DataFile, TableMetadata } from '../src/storage/contract.ts';
import { createTableFormat } from '../src/storage/tables/index.ts';
import { pyicebergEnvironment, runPython } from '../test/interop/pyiceberg/environment.ts';
import { folderObjects } from '../test/interop/pyiceberg/table-writer.ts';

const COMMITS = 50;
/** Runs at 10,000 files; fewer of larger tables. */
const RUNS = 9;
const PREDICATE = [{ column: 'day', op: '=' as const, values: ['2026-02-10'] }];

/** Runs the bench. **Units**: milliseconds. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const size = Number(args[0] ?? 10_000);
  const runs = Math.max(3, Math.round((RUNS * 10_000) / size));
  const root = await mkdtemp(join(tmpdir(), 'loch-bench-'));
  try {
    const location = await makeTable(root, size);
    const full = await repeat(runs, () => plan(root, location, {}));
    const pruned = await repeat(runs, () => plan(root, location, { predicates: PREDICATE }));
    const format = createTableFormat({ objects: folderObjects(root), clock: systemClock });
    const metadata = await format.readMetadata(location);
    const cached = await repeat(runs, () => format.planScan(metadata, {}).then((scan) => scan.files.length));
    const python = await pyicebergTimes(root, location, runs);
    return {
      ratio: typeof python === 'string' ? null : median(full.times) / median(python.full),
      bar: 0.5,
      ours_ms: median(full.times),
      ours_pruned_ms: median(pruned.times),
      ours_cached_ms: median(cached.times),
      pyiceberg_ms: typeof python === 'string' ? python : median(python.full),
      pyiceberg_pruned_ms: typeof python === 'string' ? python : median(python.pruned),
      files: full.files,
      pruned_files: pruned.files,
      pyiceberg_files: typeof python === 'string' ? null : python.files,
      peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      node: process.version,
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function plan(root: string, location: string, request: { readonly predicates?: typeof PREDICATE }) {
  const format = createTableFormat({ objects: folderObjects(root), clock: systemClock });
  const scan = await format.planScan(await format.readMetadata(location), request);
  return scan.files.length;
}

async function repeat(
  runs: number,
  work: () => Promise<number>,
): Promise<{ readonly times: number[]; readonly files: number }> {
  const times: number[] = [];
  let files = 0;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    files = await work();
    times.push(performance.now() - start);
  }
  return { times, files };
}

async function makeTable(root: string, size: number): Promise<string> {
  const format = createTableFormat({ objects: folderObjects(root), clock: systemClock });
  let metadata: TableMetadata = format.newTable({
    location: 's3://bench/planning',
    schema: format.schemaFromColumns([
      { name: 'id', type: 'bigint' },
      { name: 'day', type: 'date' },
      { name: 'customer', type: 'string' },
      { name: 'amount', type: 'decimal(12,2)' },
      { name: 'at', type: 'timestamp' },
      { name: 'ratio', type: 'double' },
      { name: 'region', type: 'string' },
      { name: 'note', type: 'string' },
    ]),
    partition: [
      { column: 'day', transform: 'identity' },
      { column: 'region', transform: 'identity' },
    ],
  });
  const perCommit = Math.ceil(size / COMMITS);
  let location = '';
  for (let commit = 0; commit < COMMITS; commit++) {
    const files = Array.from({ length: perCommit }, (_, i) => dataFile(commit * perCommit + i));
    const staged = await format.stage(metadata, { kind: 'append', files }, { version: commit + 1 });
    metadata = staged.metadata;
    location = staged.metadataLocation!;
  }
  return location;
}

function dataFile(i: number): DataFile {
  const day = new Date(Date.UTC(2026, 0, 1) + (i % 100) * 86_400_000).toISOString().slice(0, 10);
  const region = ['north', 'south', 'east', 'west'][i % 4]!;
  const each = <T>(make: (id: number) => T) => Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((id) => [id, make(id)]));
  return {
    path: `s3://bench/planning/data/day=${day}/region=${region}/${String(i).padStart(6, '0')}-0b5c2d6e.parquet`,
    format: 'PARQUET',
    rows: 100_000,
    bytes: 12_345_678,
    partition: { day, region },
    columnBytes: each((id) => 1_000_000 + id * i),
    valueCounts: each(() => 100_000),
    nullCounts: each((id) => (id === 8 ? 50 : 0)),
    nanCounts: { 6: 0 },
    lower: {
      1: String(i * 100_000),
      2: day,
      3: `customer-${i}`,
      4: '0.01',
      5: `${day} 00:00:00`,
      6: '0.5',
      7: region,
      8: 'a',
    },
    upper: {
      1: String(i * 100_000 + 99_999),
      2: day,
      3: `customer-${i + 1}`,
      4: '99999.99',
      5: `${day} 23:59:59`,
      6: '9.5',
      7: region,
      8: 'z',
    },
  };
}

async function pyicebergTimes(root: string, metadata: string, runs: number) {
  const environment = await pyicebergEnvironment();
  if ('missing' in environment) return environment.missing;
  return runPython<{ readonly full: number[]; readonly pruned: number[]; readonly files: number }>(
    environment.python,
    'plan_table.py',
    { root, metadata, runs, filter: "day = '2026-02-10'" },
  );
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}
