/**
 * The catalog at 50,000 tables of one database, as root and as a user who may see twelve of them, through the use-cases
 * with real grants and policies on the embedded store. `ratio` is the worst of each p99 over its bar, so at most 1 holds.
 * **Source** of the bars: GetTable 10 ms, GetTables page 50 ms (100 ms for the twelve of 50,000), createTable and
 * updateTable 50 ms, search 300 ms (p95 50 ms for who sees a hundredth), names of databases 10 ms.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogStoreModules, openCatalog } from '../src/catalog/index.ts';
import type { RequestContext } from '../src/core/caller.ts';
import { systemClock } from '../src/core/clock.ts';
import { createEventBus } from '../src/core/events.ts';
import { governanceStoreModules, openGovernance } from '../src/governance/index.ts';
import { openSqliteStore } from '../src/metadata/sqlite/store.ts';
import { createSealer } from '../src/platform/sealer.ts';
import { openMemoryStore } from '../src/storage/stores/memory/index.ts';
import { createTableFormat } from '../src/storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from '../src/testing/builders/test-lake.ts';

const TABLES = 50_000;
const VISIBLE = 12;
const BARS = {
  get: 10,
  page: 50,
  pageOfFew: 100,
  create: 50,
  update: 50,
  search: 300,
  searchOfFew: 300,
  searchOfHundredth: 50,
  namespaces: 10,
  miss: 10,
};

type Catalog = Awaited<ReturnType<typeof openCatalog>>['catalog'];

/** Runs the bench. `--tables N` makes it smaller. **Units**: milliseconds. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const asked = args.indexOf('--tables');
  const tables = asked === -1 ? TABLES : Number(args[asked + 1]);
  const directory = await mkdtemp(join(process.env.LOCH_BENCH_DIR ?? tmpdir(), 'loch-bench-'));
  try {
    return await measure(directory, tables);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(directory: string, tables: number): Promise<Record<string, unknown>> {
  const clock = systemClock;
  const common = { clock, accountId: TEST_ACCOUNT, region: 'us-east-1' };
  const modules = [...governanceStoreModules, ...catalogStoreModules];
  const store = await openSqliteStore({ file: join(directory, 'loch.db'), modules });
  let opened: Awaited<ReturnType<typeof openCatalog>> | undefined;
  const governance = await openGovernance({
    ...common,
    store,
    sealer: createSealer(Buffer.alloc(32, 1)),
    events: createEventBus(() => {}),
    directory: () => opened!.directory,
  });
  const { policy, identities } = governance;
  const objects = openMemoryStore({ clock });
  opened = await openCatalog({
    ...common,
    store,
    objects,
    tables: createTableFormat({ objects, clock }),
    policy,
    identities,
  });
  const { catalog } = opened;
  const root = contextOf((await identities.principal(`arn:aws:iam::${TEST_ACCOUNT}:root`))!);
  await catalog.createDatabase(root, { name: 'big' });
  const filled = await timed(() => fill(catalog, root, tables));
  const few = await userOf(governance, root, { name: 'few', tables, visible: VISIBLE });
  const hundredth = await userOf(governance, root, { name: 'hundredth', tables, visible: Math.ceil(tables / 100) });
  const p99: Record<keyof typeof BARS, number> = {
    get: await p99Of(500, (n) => catalog.getTable(root, { database: 'big', table: nameOf((n * 97) % tables) })),
    page: await p99Of(200, (n) => catalog.listTables(root, 'big', { after: nameOf((n * 97) % tables), limit: 100 })),
    pageOfFew: await p99Of(100, () => catalog.listTables(few, 'big', { limit: 100 })),
    create: await p99Of(200, (n) => catalog.createTable(root, 'big', tableOf(`new_${n}`))),
    update: await p99Of(200, (n) => catalog.updateTable(root, 'big', { ...tableOf(`new_${n}`), description: 'again' })),
    search: await p99Of(50, (n) => catalog.search(root, { text: `customer number${(n * 131) % tables}` })),
    searchOfFew: await p99Of(20, () => catalog.search(few, { text: 'customer email' })),
    searchOfHundredth: await p99Of(40, () => catalog.search(hundredth, { text: 'customer email' }), 0.95),
    namespaces: await p99Of(200, () => catalog.listDatabases(root)),
    miss: await p99Of(200, (n) => catalog.getTable(root, { database: 'big', table: `nothing_${n}` }).catch(() => {})),
  };
  await opened.close();
  const reopened = await timed(async () => {
    opened = await openCatalog({
      ...common,
      store,
      objects,
      tables: createTableFormat({ objects, clock }),
      policy,
      identities,
    });
  });
  await opened.close();
  await governance.close();
  await store.close();
  return {
    ratio: Math.max(...Object.entries(BARS).map(([name, bar]) => p99[name as keyof typeof BARS] / bar)),
    ...Object.fromEntries(Object.entries(p99).map(([name, ms]) => [`${name}_p99`, ms])),
    tables,
    created_per_second: (tables / filled) * 1000,
    open_ms: reopened,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    node: process.version,
  };
}

const nameOf = (n: number) => `table_${String(n).padStart(6, '0')}`;
const tableOf = (name: string) => ({
  name,
  description: `What is known of customer ${name.replace(/\D*0*/, 'number')}`,
  columns: ['id', 'customer_email', 'amount', 'booked_at', 'region'].map((column) => ({
    name: column,
    type: 'string',
  })),
  storage: { location: `s3://lake/big/${name}/`, serdeParameters: {} },
  parameters: { classification: 'csv' },
});

async function fill(catalog: Catalog, root: RequestContext, tables: number): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < tables) await catalog.createTable(root, 'big', tableOf(nameOf(next++)));
  };
  await Promise.all(Array.from({ length: 64 }, work));
}

async function userOf(
  governance: Awaited<ReturnType<typeof openGovernance>>,
  root: RequestContext,
  { name, tables, visible }: { readonly name: string; readonly tables: number; readonly visible: number },
): Promise<RequestContext> {
  const { arn } = await governance.identity.createEntity(root, 'user', { name });
  const Statement = [{ Effect: 'Allow', Action: 'glue:*', Resource: '*' }];
  const document = JSON.stringify({ Version: '2012-10-17', Statement });
  await governance.identity.putInlinePolicy(root, { kind: 'user', name }, 'all', document);
  const principal = (await governance.identities.principal(arn))!;
  for (let n = 0; n < visible; n++) {
    const table = nameOf(Math.floor((n * tables) / visible));
    await governance.grants.grant(root, {
      principal: arn,
      resource: { kind: 'table', database: 'big', table },
      permissions: ['SELECT'],
    });
  }
  return contextOf(principal);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function p99Of(times: number, work: (n: number) => Promise<unknown>, share = 0.99): Promise<number> {
  for (let n = 0; n < 3; n++) await work(times + n);
  const taken: number[] = [];
  for (let n = 0; n < times; n++) {
    const started = performance.now();
    await work(n);
    taken.push(performance.now() - started);
  }
  return taken.sort((a, b) => a - b)[Math.ceil(times * share) - 1]!;
}
