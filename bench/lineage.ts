/**
 * Lineage at a million edges: five hops both ways from tables in the middle, and OpenLineage events at 1,000 a second
 * beside changes of the catalog. `ratio` is the worst of each figure over its bar, so at most 1 holds.
 * **Source** of the bars: five hops 1,000 ms; 1,000 events a second with catalog writes at p95 50 ms.
 */
import lineageStore from '../src/catalog/lineage/store.ts';
import { contextOf } from '../src/testing/builders/request-context.ts';
import { testCatalog } from '../src/testing/builders/test-catalog.ts';

const EDGES = 1_000_000;
const FAN = 10;
const EVENTS = 3_000;
const RATE = 1_000;
const WRITES = 100;

/** Runs the bench. `--edges N` makes it smaller. **Units**: milliseconds. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const asked = args.indexOf('--edges');
  const edges = asked === -1 ? EDGES : Number(args[asked + 1]);
  const tables = Math.ceil(edges / FAN);
  const lake = await testCatalog();
  const root = contextOf('root');
  try {
    await lake.catalog.createDatabase(root, { name: 'big' });
    for (let n = 0; n < 50; n++)
      await lake.catalog.createTable(root, 'big', tableOf(nameOf(n * Math.floor(tables / 50))));
    const filled = performance.now();
    for (let from = 0; from < tables; from += 500) {
      const batch = Array.from({ length: Math.min(500, tables - from) }, (_, i) => from + i).flatMap((table) =>
        Array.from({ length: FAN }, (_, hop) => edge(table, (table * 31 + hop * 7_919 + 1) % tables, hop, tables)),
      );
      await lake.store.write(lineageStore.procedures.addEdges, { edges: batch, events: [] });
    }
    const fillMs = performance.now() - filled;
    const walks: number[] = [];
    const seen: number[] = [];
    for (let n = 0; n < 20; n++) {
      const started = performance.now();
      const table = nameOf((n % 50) * Math.floor(tables / 50));
      const { nodes } = await lake.lineage.graph(root, { database: 'big', table }, { depth: 5 });
      seen.push(nodes.length);
      walks.push(performance.now() - started);
    }
    const { writes, rate } = await underEvents(lake, root, tables);
    const [walk, write] = [share(walks, 0.99), share(writes, 0.95)];
    return {
      ratio: Math.max(walk / 1_000, write / 50, RATE / rate),
      five_hops_p99: walk,
      /** A graph shows 500 things at most, and says when there are more. */
      nodes_walked: share(seen, 0.5),
      write_p95_under_events: write,
      events_per_second: rate,
      edges,
      edges_per_second: (edges / fillMs) * 1_000,
      peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      node: process.version,
    };
  } finally {
    await lake.close();
  }
}

async function underEvents(
  lake: Awaited<ReturnType<typeof testCatalog>>,
  root: ReturnType<typeof contextOf>,
  tables: number,
) {
  const started = performance.now();
  let sent = 0;
  const send = async () => {
    while (sent < EVENTS) {
      const n = sent++;
      await lake.lineage.ingest(root, eventOf(n, tables));
    }
  };
  const writes: number[] = [];
  const change = async () => {
    for (let n = 0; n < WRITES && sent < EVENTS; n++) {
      const begun = performance.now();
      await lake.catalog.createTable(root, 'big', tableOf(`beside_${n}`));
      writes.push(performance.now() - begun);
    }
  };
  await Promise.all([...Array.from({ length: 64 }, send), change()]);
  return { writes, rate: (EVENTS / (performance.now() - started)) * 1_000 };
}

const nameOf = (n: number) => `table_${String(n).padStart(6, '0')}`;
/** The fifty tables where walks begin are in the catalog; the others are things of another system, which everybody sees. */
const endOf = (n: number, tables: number) =>
  n % Math.floor(tables / 50) === 0 ? `table:big.${nameOf(n)}` : `dataset:["bench","${nameOf(n)}"]`;
const edge = (from: number, to: number, hop: number, tables: number) => ({
  source: endOf(from, tables),
  target: endOf(to, tables),
  job: `job/${hop}`,
  run_id: '1',
  at: 1,
  columns: '[["id","id"]]',
});
const tableOf = (name: string) => ({
  name,
  columns: [{ name: 'id', type: 'bigint' }],
  storage: { location: `s3://lake/big/${name}/`, serdeParameters: {} },
  parameters: { classification: 'csv' },
});
const eventOf = (n: number, tables: number) => ({
  eventType: 'COMPLETE',
  eventTime: '2026-01-31T10:00:00Z',
  run: { runId: `run-${n}` },
  job: { namespace: 'bench', name: `job-${n % 500}` },
  inputs: [{ namespace: 'postgres://db', name: `public.t${n % tables}` }],
  outputs: [
    {
      namespace: 'arn:aws:glue:us-east-1:000000000001',
      name: `table/big/${nameOf((n % 50) * Math.floor(tables / 50))}`,
    },
  ],
});

function share(taken: readonly number[], part: number): number {
  return taken.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(taken.length * part) - 1)] ?? 0;
}
