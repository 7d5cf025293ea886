/**
 * A crawl of 100,000 CSV objects in 1,000 dated folders on the embedded stores: every object listed, every folder
 * classified by sample, one table with 1,000 partitions written.
 * `ratio` is objects per second of the crawl; the bar is 3,500.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogStoreModules, openCatalog } from '../src/catalog/index.ts';
import { systemClock } from '../src/core/clock.ts';
import { openSqliteStore } from '../src/metadata/sqlite/store.ts';
import type { ObjectStore } from '../src/storage/contract.ts';
import { localStoreModule, openLocalStore } from '../src/storage/stores/local/index.ts';
import { createTableFormat } from '../src/storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from '../src/testing/builders/request-context.ts';
import { statedPolicy } from '../src/testing/builders/stated-policy.ts';

const FOLDERS = 1_000;
const OBJECTS = 100_000;
const WRITERS = 64;

/** Runs the bench. `--objects N` makes it smaller. **Units**: seconds, objects, bytes. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const asked = args.indexOf('--objects');
  const objects = asked === -1 ? OBJECTS : Number(args[asked + 1]);
  const directory = await mkdtemp(join(process.env.LOCH_BENCH_DIR ?? tmpdir(), 'loch-bench-'));
  try {
    return await measure(directory, objects);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(directory: string, objects: number): Promise<Record<string, unknown>> {
  const clock = systemClock;
  const store = await openSqliteStore({
    file: join(directory, 'loch.db'),
    modules: [...catalogStoreModules, localStoreModule],
  });
  const files = await openLocalStore({ store, directory: join(directory, 'objects'), clock });
  const root = contextOf('root');
  const { catalog, crawlers, close } = await openCatalog({
    store,
    objects: files,
    tables: createTableFormat({ objects: files, clock }),
    policy: statedPolicy({}),
    identities: { accessKey: async () => undefined, principal: async () => root.principal },
    clock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
  });
  await files.createBucket('bench', { region: 'us-east-1', ownerAccountId: TEST_ACCOUNT });
  const made = await fill(files, objects);
  await crawlers.create(root, {
    name: 'bench',
    role: root.principal.arn,
    database: 'bench',
    targets: [{ path: 's3://bench/feed/', exclusions: [] }],
  });
  const first = await crawl(crawlers, root);
  const second = await crawl(crawlers, root);
  const table = await catalog.getTable(root, { database: 'bench', table: 'feed' });
  await close();
  await files.close();
  await store.close();
  return {
    ratio: first.run.objects / first.seconds,
    seconds: first.seconds,
    objects: first.run.objects,
    folders: first.run.folders,
    partitions: first.run.partitionsAdded,
    columns: table.columns.length,
    sampled_mb: first.run.bytesRead / 1e6,
    stored_mb: made / 1e6,
    again_seconds: second.seconds,
    again_changed: second.run.tablesUpdated + second.run.partitionsAdded,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    node: process.version,
  };
}

async function crawl(
  crawlers: Awaited<ReturnType<typeof openCatalog>>['crawlers'],
  root: ReturnType<typeof contextOf>,
) {
  const started = performance.now();
  const { id } = await crawlers.start(root, 'bench');
  const run = await crawlers.wait(id, AbortSignal.timeout(600_000));
  if (run.state !== 'COMPLETED') throw new Error(`The crawl ended ${run.state}: ${run.error}`);
  return { run, seconds: (performance.now() - started) / 1000 };
}

/** Puts objects of some fifty rows in dated folders. Returns the bytes. */
async function fill(files: ObjectStore, objects: number): Promise<number> {
  let next = 0;
  let bytes = 0;
  const write = async () => {
    while (next < objects) {
      const n = next++;
      const folder = n % FOLDERS;
      const year = 2024 + Math.floor(folder / 365);
      const day = new Date(Date.UTC(year, 0, 1 + (folder % 365))).toISOString().slice(0, 10).replaceAll('-', '/');
      const rows = Array.from({ length: 50 }, (_, row) => `${n * 50 + row},customer ${row},${row / 4},${day},true`);
      const body = Buffer.from(`id,name,amount,day,active\n${rows.join('\n')}\n`);
      bytes += body.length;
      await files.put('bench', `feed/${day}/part-${n}.csv`, body);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  return bytes;
}
