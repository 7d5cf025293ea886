/**
 * A PostgreSQL table into a new Iceberg table of a running Loch, against reading the same table by `COPY … TO STDOUT`
 * from the same server in the same run.
 * `ratio` is our rows a second over those of COPY (one connection, bytes thrown away); the bar is 0.5 with at most
 * 300 MB resident in the server. `peak_rss_mb` counts the engine's workers as well. Options: rows (1,000,000).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Secret } from '../src/core/secret.ts';
import { postgresConnector } from '../src/ingestion/connectors/postgres/connector.ts';
import { type RunningLoch, startLoch } from '../src/testing/builders/running-loch.ts';
import { type PostgresServer, startPostgres } from '../src/testing/clients/postgres-server.ts';

const SETTINGS = ['engine.workers=2', 'engine.memory_limit_mib=128'];

interface LoadState {
  readonly state: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  readonly error?: string;
  readonly result?: { readonly rows: number; readonly bytes: number; readonly files: number };
}

/** Runs the bench. **Units**: rows a second, MB. */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const rows = Number(args[0] ?? 1_000_000);
  const data = await mkdtemp(join(process.env.LOCH_BENCH_DIR ?? tmpdir(), 'loch-bench-'));
  const postgres = await startPostgres(['-c', 'max_wal_size=4GB']);
  if (typeof postgres === 'string') return { ratio: null, reason: postgres };
  try {
    await fill(postgres, rows);
    const copied = await copyOut(postgres.url, rows);
    const loch = await startLoch({ data, settings: SETTINGS });
    try {
      const loaded = await load(loch, postgres.url);
      if (loaded.rows !== rows) throw new Error(`${loaded.rows} of ${rows} rows were loaded.`);
      return {
        ratio: copied.seconds / loaded.seconds,
        bar: 0.5,
        rows,
        rows_per_second: rows / loaded.seconds,
        copy_rows_per_second: rows / copied.seconds,
        copy_mb: Math.round(copied.bytes / 1e6),
        table_mb: Math.round(loaded.bytes / 1e6),
        files: loaded.files,
        peak_rss_mb: loaded.peakRssMb,
        peak_rss_server_mb: loaded.peakServerMb,
        idle_rss_mb: loaded.idleRssMb,
        node: process.version,
      };
    } finally {
      await loch.stop({ remove: true });
    }
  } finally {
    await postgres.stop();
    await rm(data, { recursive: true, force: true });
  }
}

async function fill(postgres: PostgresServer, rows: number): Promise<void> {
  await postgres.query(`CREATE UNLOGGED TABLE payments AS SELECT i::bigint AS id, 'A' || lpad((i * 7919 % 80000)::text, 9, '0')
    AS account, ((i * 31 % 100000) / 100.0)::numeric(12,2) AS amount, timestamp '2025-01-01' + i * interval '1 second' AS at,
    date '2025-01-01' + (i % 365)::int AS day, i % 3 = 0 AS card, md5(i::text) AS reference
    FROM generate_series(1::bigint, ${rows}) i`);
  await postgres.query('VACUUM ANALYZE payments');
}

async function copyOut(url: string, rows: number): Promise<{ readonly seconds: number; readonly bytes: number }> {
  const snapshot = await postgresConnector.openSnapshot(new Secret(url));
  const [table] = await snapshot.tables(['public.payments']);
  let best = { seconds: Number.POSITIVE_INFINITY, bytes: 0 };
  for (let round = 0; round < 2; round++) {
    const from = performance.now();
    const copy = await snapshot.copy(table!, 'true', new AbortController().signal);
    let bytes = 0;
    for await (const chunk of copy.bytes) bytes += chunk.length;
    if ((await copy.rows()) !== rows) throw new Error('COPY did not give all rows.');
    const seconds = (performance.now() - from) / 1000;
    if (seconds < best.seconds) best = { seconds, bytes };
  }
  await snapshot.close();
  return best;
}

async function load(loch: RunningLoch, url: string) {
  const { client } = loch;
  const idleRssMb = rssOf(loch.child.pid!).total;
  let peakRssMb = 0;
  let peakServerMb = 0;
  const from = performance.now();
  const { id } = await client.call<{ id: string }>('POST', '/api/loads', {
    target: { database: 'curated', table: 'payments' },
    source: { kind: 'postgres', url, table: 'payments' },
  });
  for (;;) {
    const state = await client.call<LoadState>('GET', `/api/loads/${id}`);
    if (state.state === 'FAILED') throw new Error(state.error);
    if (state.state === 'SUCCEEDED') {
      return { ...state.result!, seconds: (performance.now() - from) / 1000, peakRssMb, peakServerMb, idleRssMb };
    }
    const { total, own } = rssOf(loch.child.pid!);
    peakRssMb = Math.max(peakRssMb, total);
    peakServerMb = Math.max(peakServerMb, own);
    await sleep(250);
  }
}

/** Resident memory of a process and of its children, shared pages counted once. **Source**: proc(5), smaps_rollup. */
function rssOf(pid: number): { readonly own: number; readonly total: number } {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid);
  const sizes = [String(pid), ...children].map(
    (each) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${each}/smaps_rollup`))?.[1] ?? 0) / 1024,
  );
  return { own: Math.round(sizes[0]!), total: Math.round(sizes.reduce((sum, size) => sum + size, 0)) };
}

const parentOf = (pid: string) =>
  Number(
    read(`/proc/${pid}/stat`)
      .replace(/^.*\) \S /s, '')
      .split(' ')[0],
  );

/** The text of a file of /proc; empty when its process has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
