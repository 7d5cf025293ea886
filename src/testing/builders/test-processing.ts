/** Jobs and workflows over a real store, catalog, governance, query path and engine in a temporary folder. */
import { link, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import type { Catalog, Crawlers } from '../../catalog/contract.ts';
import { catalogStoreModules, openCatalog } from '../../catalog/index.ts';
import { createQueryPath } from '../../consumption/queries/index.ts';
import type { RequestContext } from '../../core/caller.ts';
import { systemClock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { createEventBus } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import { Secret } from '../../core/secret.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import type { TableDirectory } from '../../governance/contract.ts';
import { governanceStoreModules, openGovernance } from '../../governance/index.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { createSealer } from '../../platform/sealer.ts';
import type { StatementRunner } from '../../processing/contract.ts';
import { openProcessing, processingStoreModules } from '../../processing/index.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import { createTableFormat } from '../../storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from './test-lake.ts';

/** What a test puts between processing and the layers it works with. */
export interface TestProcessingOptions {
  readonly wrapRunner?: (runner: StatementRunner) => StatementRunner;
  readonly wrapCatalog?: (catalog: Catalog) => Catalog;
  readonly wrapObjects?: (objects: ObjectStore) => ObjectStore;
}

/** Opens them; `reopen` closes and opens again on the same folder, as a restart does. */
export async function openTestProcessing(options: TestProcessingOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'loch-processing-'));
  const place = { accountId: TEST_ACCOUNT, region: 'us-east-1', clock: systemClock };
  const memoryLimitBytes = 512 * 1024 * 1024;
  const engine = await openDuckdbEngine({ workDirectory: join(folder, 'engine'), workers: 1, memoryLimitBytes });
  const objects = fileObjects(join(folder, 'objects'));
  const failures: unknown[] = [];
  const open = async () => {
    const store = await openSqliteStore({
      file: join(folder, 'loch.db'),
      modules: [...governanceStoreModules, ...catalogStoreModules, ...processingStoreModules],
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
    const processing = await openProcessing({
      ...place,
      store,
      catalog: options.wrapCatalog?.(opened.catalog) ?? opened.catalog,
      crawlers: {} as Crawlers,
      directory,
      policy,
      audit,
      identities,
      objects: options.wrapObjects?.(objects) ?? objects,
      runner: options.wrapRunner?.(path.runner) ?? path.runner,
      workDirectory: join(folder, 'work'),
      retryPauseMs: 1,
      onFailure: (error) => failures.push(error),
    });
    const shut = async () => {
      await processing.close();
      await path.close();
      await opened.close();
      await governance.close();
      await store.close();
    };
    return { store, governance, catalog: opened.catalog, runner: path.runner, processing, shut };
  };
  let current = await open();
  const { identities } = current.governance;
  const root = contextOf((await identities.principal(`arn:aws:iam::${TEST_ACCOUNT}:root`))!);
  const context = async (arn: string): Promise<RequestContext> =>
    contextOf((await current.governance.identities.principal(arn))!);
  return {
    folder,
    objects,
    root,
    /** Failures of background work. */
    failures,
    get jobs() {
      return current.processing.jobs;
    },
    get workflows() {
      return current.processing.workflows;
    },
    get catalog() {
      return current.catalog;
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
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function fileObjects(folder: string): ObjectStore {
  const held = new Map<string, { path: string; size: number; versionId: string }>();
  const head = (bucket: string, key: string) => {
    const h = held.get(`${bucket}/${key}`);
    if (!h) throw new LochError('object_not_found', key);
    return {
      bucket,
      key,
      size: h.size,
      versionId: h.versionId,
      etag: '"x"',
      lastModified: 0,
      contentType: '',
      metadata: {},
      headers: {},
      checksums: {},
    };
  };
  return {
    async put(bucket: string, key: string, body: Uint8Array | { adoptFile: string }) {
      await mkdir(folder, { recursive: true });
      const path = join(folder, `${newId()}-${basename(key)}`);
      if ('adoptFile' in body) await rename(body.adoptFile, path);
      else await writeFile(path, body);
      held.set(`${bucket}/${key}`, { path, size: (await stat(path)).size, versionId: newId() });
      return head(bucket, key);
    },
    async get(
      bucket: string,
      key: string,
      options?: { range?: { first: number; last?: number } | { suffix: number } },
    ) {
      const h = head(bucket, key);
      let bytes = await readFile(held.get(`${bucket}/${key}`)!.path);
      const r = options?.range;
      if (r)
        bytes =
          'suffix' in r
            ? bytes.subarray(Math.max(0, bytes.length - r.suffix))
            : bytes.subarray(r.first, r.last === undefined ? undefined : r.last + 1);
      return { head: h, body: Readable.from([bytes]) };
    },
    head: async (bucket: string, key: string) => head(bucket, key),
    async list(bucket: string, options: { prefix?: string; startAfter?: string; maxKeys?: number } = {}) {
      const keys = [...held.keys()]
        .filter((k) => k.startsWith(`${bucket}/${options.prefix ?? ''}`))
        .map((k) => k.slice(bucket.length + 1))
        .filter((k) => k > (options.startAfter ?? ''))
        .sort();
      const page = keys.slice(0, options.maxKeys ?? 1000);
      return {
        objects: page.map((k) => head(bucket, k)),
        commonPrefixes: [],
        ...(keys.length > page.length ? { next: page.at(-1) } : {}),
      };
    },
    delete: async (bucket: string, key: string) => void held.delete(`${bucket}/${key}`),
    deleteMany: async (bucket: string, keys: string[]) => {
      for (const k of keys) held.delete(`${bucket}/${k}`);
    },
    async openFiles(refs: { bucket: string; key: string }[], directory: string) {
      await mkdir(directory, { recursive: true });
      return Promise.all(
        refs.map(async ({ bucket, key }, i) => {
          head(bucket, key);
          const p = join(directory, `${i}-${basename(key)}`);
          await link(held.get(`${bucket}/${key}`)!.path, p);
          return p;
        }),
      );
    },
    close: async () => {},
  } as unknown as ObjectStore;
}
