/**
 * Compaction of one table of many small files (200, or the number given: `compaction 500`), through the catalog and with
 * its commits, against the engine's own rewrite of the same files into one in the same run.
 * `ratio` is our MB/s over the engine's, both medians of input bytes over time.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '../src/core/ids.ts';
import { type DataFile, parseS3Uri } from '../src/storage/contract.ts';
import { openTestProcessing } from '../src/testing/builders/test-processing.ts';

const RUNS = 3;
const ROWS_PER_FILE = 20_000;
const MB = 1_000_000;

type Lake = Awaited<ReturnType<typeof openTestProcessing>>;

/** Runs the bench. **Units**: MB per second. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const files = Number(args[0] ?? 200);
  const folder = await mkdtemp(join(tmpdir(), 'loch-bench-'));
  const lake = await openTestProcessing({ folder });
  try {
    await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' });
    const ours: number[] = [];
    const engine: number[] = [];
    let bytes = 0;
    for (let i = 0; i < RUNS; i++) {
      const table = { database: 'd', table: `t${i}` };
      const made = await makeTable(lake, table, files);
      bytes = made.reduce((sum, file) => sum + file.bytes, 0);
      engine.push(bytes / MB / (await seconds(() => engineRewrite(lake, made))));
      ours.push(bytes / MB / (await seconds(() => compact(lake, table))));
    }
    return {
      ratio: median(ours) / median(engine),
      ours_mb_s: median(ours),
      engine_mb_s: median(engine),
      files,
      mb: Math.round(bytes / MB),
      rows: files * ROWS_PER_FILE,
      peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      node: process.version,
    };
  } finally {
    await lake.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeTable(lake: Lake, table: { database: string; table: string }, count: number) {
  const { metadata } = await lake.catalog.createIcebergTable(lake.root, {
    database: table.database,
    name: table.table,
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'day', type: 'date' },
      { name: 'customer', type: 'string' },
      { name: 'amount', type: 'decimal(12,2)' },
      { name: 'note', type: 'string' },
    ],
  });
  const layout = lake.tables.writeLayout(metadata!);
  const { bucket, key } = parseS3Uri(metadata!.location);
  const made: DataFile[] = [];
  for (let i = 0; i < count; i++) {
    const from = i * ROWS_PER_FILE;
    const source = `SELECT range AS id, DATE '2026-01-01' + CAST(range % 365 AS INTEGER) AS day, 'c' || (hash(range) % 50000) AS customer,
      CAST((hash(range) % 1000000) / 100.0 AS DECIMAL(12,2)) AS amount, md5(CAST(range AS VARCHAR)) AS note FROM range(${from}, ${from + ROWS_PER_FILE})`;
    const { files } = await lake.engine.execute(
      {
        sql: layout.select(source),
        preamble: layout.preamble,
        inputs: [],
        result: { kind: 'parquet', directory: join(lake.folder, 'made', newId()), fieldIds: layout.fieldIds },
      },
      lake.root.signal,
    );
    const name = `${key}/data/${newId()}.parquet`;
    await lake.objects.put(bucket, name, { adoptFile: files[0]!.path });
    made.push(lake.tables.dataFile(metadata!, files[0]!, `s3://${bucket}/${name}`));
  }
  await lake.catalog.commitTable(lake.root, table, { kind: 'append', files: made });
  return made;
}

/** What is measured against: the same files read and written as one, and nothing else. */
async function engineRewrite(lake: Lake, files: readonly DataFile[]): Promise<void> {
  const folder = join(lake.folder, 'plain', newId());
  await mkdir(folder, { recursive: true });
  const inputs = await lake.objects.openFiles(
    files.map((file) => parseS3Uri(file.path)),
    folder,
  );
  const list = inputs.map((path) => `'${path}'`).join(', ');
  await lake.engine.execute(
    {
      sql: `SELECT * FROM read_parquet([${list}])`,
      inputs,
      result: { kind: 'parquet', directory: join(folder, 'out') },
    },
    lake.root.signal,
  );
  await rm(folder, { recursive: true, force: true });
}

async function compact(lake: Lake, table: { database: string; table: string }): Promise<void> {
  const run = await lake.maintenance.runNow(lake.root, table, 'compaction', { compaction: { minFiles: 2 } });
  const ended = await lake.maintenance.wait(run.id, lake.root.signal);
  if (ended.state !== 'COMPLETED') throw new Error(`The compaction failed: ${ended.error}`);
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
