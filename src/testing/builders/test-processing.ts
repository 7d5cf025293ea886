/** Jobs and workflows over a real store, catalog, governance, query path and engine in a temporary folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Catalog } from '../../catalog/contract.ts';
import { catalogStoreModules, openCatalog } from '../../catalog/index.ts';
import { createQueryPath } from '../../consumption/queries/index.ts';
import { createFileRewriter } from '../../consumption/queries/rewrite-files.ts';
import type { RequestContext } from '../../core/caller.ts';
import { systemClock } from '../../core/clock.ts';
import { createEventBus } from '../../core/events.ts';
import { Secret } from '../../core/secret.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import type { TableDirectory } from '../../governance/contract.ts';
import { governanceStoreModules, openGovernance } from '../../governance/index.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { createSealer } from '../../platform/sealer.ts';
import type { StatementRunner } from '../../processing/contract.ts';
import { openProcessing, processingStoreModules } from '../../processing/index.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import { localStoreModule, openLocalStore } from '../../storage/stores/local/index.ts';
import { createTableFormat } from '../../storage/tables/index.ts';
import { testCrawlers } from './test-crawlers.ts';
import { contextOf, TEST_ACCOUNT } from './test-lake.ts';

/** What a test puts between processing and the layers it works with. */
export interface TestProcessingOptions {
  readonly wrapRunner?: (runner: StatementRunner) => StatementRunner;
  readonly wrapCatalog?: (catalog: Catalog) => Catalog;
  readonly wrapObjects?: (objects: ObjectStore) => ObjectStore;
  /** A folder that is there before and after, for processes that are killed. */
  readonly folder?: string;
  /** The catalog's crawlers instead of those that the test ends itself. */
  readonly realCrawlers?: boolean;
}

/** Opens them; `reopen` closes and opens again on the same folder, as a restart does. */
export async function openTestProcessing(options: TestProcessingOptions = {}) {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'loch-processing-')));
  const place = { accountId: TEST_ACCOUNT, region: 'us-east-1', clock: systemClock };
  const memoryLimitBytes = 512 * 1024 * 1024;
  const engine = await openDuckdbEngine({ workDirectory: join(folder, 'engine'), workers: 1, memoryLimitBytes });
  const failures: unknown[] = [];
  const crawls = testCrawlers();
  const open = async () => {
    const store = await openSqliteStore({
      file: join(folder, 'loch.db'),
      modules: [...governanceStoreModules, ...catalogStoreModules, ...processingStoreModules, localStoreModule],
    });
    const objects = await openLocalStore({
      store,
      directory: join(folder, 'objects'),
      clock: systemClock,
      sweepEveryMs: 0,
    });
    let directory: TableDirectory | undefined;
    const governance = await openGovernance({
      ...place,
      store,
      sealer: createSealer(Buffer.alloc(32, 5)),
      events: createEventBus((error) => failures.push(error)),
      directory: () => directory!,
    });
    const { policy, audit, identities } = governance;
    const tables = createTableFormat({ objects, clock: systemClock });
    const opened = await openCatalog({ ...place, store, objects, tables, policy, identities });
    directory = opened.directory;
    const path = await createQueryPath({
      catalog: opened.catalog,
      policy,
      audit,
      engine,
      objects,
      clock: systemClock,
      statementDirectory: join(folder, 'statements'),
      maskKey: new Secret('key of masks'),
    });
    const rewriter = createFileRewriter({
      policy,
      audit,
      engine,
      objects,
      tables,
      statementDirectory: join(folder, 'statements'),
    });
    const processing = await openProcessing({
      ...place,
      store,
      catalog: options.wrapCatalog?.(opened.catalog) ?? opened.catalog,
      lineage: opened.lineage,
      crawlers: options.realCrawlers === true ? opened.crawlers : crawls.crawlers,
      directory,
      ownerOf: async (_, key) => (key.startsWith('results/of-nobody/') ? 'arn:aws:iam::1:user/nobody' : undefined),
      policy,
      audit,
      identities,
      objects: options.wrapObjects?.(objects) ?? objects,
      runner: options.wrapRunner?.(path.runner) ?? path.runner,
      workDirectory: join(folder, 'work'),
      retryPauseMs: 1,
      upkeep: { tables, rewriter, everyMs: 0 },
      onFailure: (error) => failures.push(error),
    });
    const shut = async () => {
      await processing.close();
      await path.close();
      await opened.close();
      await governance.close();
      await objects.close();
      await store.close();
    };
    return {
      store,
      objects,
      governance,
      crawlers: opened.crawlers,
      catalog: opened.catalog,
      lineage: opened.lineage,
      runner: path.runner,
      tables,
      rewriter,
      processing,
      shut,
    };
  };
  let current = await open();
  const known = new Set((await current.objects.buckets()).map((bucket) => bucket.name));
  for (const bucket of ['raw', 'lake'].filter((name) => !known.has(name))) {
    await current.objects.createBucket(bucket, { region: place.region, ownerAccountId: place.accountId });
  }
  const { identities } = current.governance;
  const root = contextOf((await identities.principal(`arn:aws:iam::${TEST_ACCOUNT}:root`))!);
  const context = async (arn: string): Promise<RequestContext> =>
    contextOf((await current.governance.identities.principal(arn))!);
  return {
    folder,
    root,
    engine,
    crawls,
    get lineage() {
      return current.lineage;
    },
    get objects() {
      return current.objects;
    },
    /** Puts a raw object. */
    async land(key: string, content: string | Uint8Array) {
      await current.objects.put('raw', key, Buffer.from(content as string));
    },
    /** Failures of background work. */
    failures,
    get jobs() {
      return current.processing.jobs;
    },
    get workflows() {
      return current.processing.workflows;
    },
    get statistics() {
      return current.processing.statistics;
    },
    get maintenance() {
      return current.processing.maintenance!;
    },
    runDueMaintenance: () => current.processing.runDueMaintenance(),
    get catalog() {
      return current.catalog;
    },
    get tables() {
      return current.tables;
    },
    get rewriter() {
      return current.rewriter;
    },
    get crawlers() {
      return current.crawlers;
    },
    get store() {
      return current.store;
    },
    get governance() {
      return current.governance;
    },
    /** A user with these statements in an inline policy. */
    async user(name: string, ...Statement: object[]): Promise<RequestContext> {
      const { identity } = current.governance;
      const { arn } = await identity.createEntity(root, 'user', { name });
      const document = JSON.stringify({ Version: '2012-10-17', Statement });
      await identity.putInlinePolicy(root, { kind: 'user', name }, 'inline', document);
      return context(arn);
    },
    /** Rows of a statement in the engine's own dialect, as root. */
    async rows(sql: string) {
      const result = { kind: 'rows', maxRows: 100_000 } as const;
      return (await current.runner.run(root, { sql, dialect: 'duckdb', result }, root.signal)).rows;
    },
    async reopen() {
      await current.shut();
      current = await open();
    },
    /** As `reopen`, but nothing is told to stop: the store goes away under whatever runs. */
    async crash() {
      await current.store.close();
      current = await open();
    },
    async close() {
      await current.shut();
      await engine.close();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
