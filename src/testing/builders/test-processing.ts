/** Jobs and workflows over a real store, catalog and engine in a temporary folder, for the tests of this layer. */
import { link, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { catalogStoreModules, openCatalog } from '../../catalog/index.ts';
import { systemClock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import type { Audit, DataEvent, Identities, Policy } from '../../governance/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import { createTableFormat } from '../../storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from './request-context.ts';
import { statedPolicy } from './stated-policy.ts';
import type { Catalog, Crawlers } from '../../catalog/contract.ts';
import type { StatementRunner } from '../../processing/contract.ts';
import { openProcessing, processingStoreModules } from '../../processing/index.ts';
import { testRunner } from './test-runner.ts';

/** Opens them; `reopen` closes and opens again on the same folder, as a restart does. */
export async function openTestProcessing(
  options: {
    policy?: Policy;
    wrapRunner?: (r: StatementRunner) => StatementRunner;
    wrapCatalog?: (c: Catalog) => Catalog;
    wrapObjects?: (o: ObjectStore) => ObjectStore;
  } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'loch-processing-'));
  const engine = await openDuckdbEngine({
    workDirectory: join(folder, 'engine'),
    workers: 1,
    memoryLimitBytes: 512 * 1024 * 1024,
  });
  const objects = fileObjects(join(folder, 'objects'));
  const audited: DataEvent[] = [];
  const audit: Audit = {
    recordManagement: async () => {},
    recordData: async (_, events) => void audited.push(...events),
  } as Audit;
  const identities: Identities = {
    accessKey: async () => undefined,
    principal: async (arn) => contextOf(/user\/(.+)$/.exec(arn)?.[1] ?? 'root').principal,
  };
  const policy = options.policy ?? statedPolicy({});
  const open = async () => {
    const store = await openSqliteStore({
      file: join(folder, 'loch.db'),
      modules: [...catalogStoreModules, ...processingStoreModules],
    });
    const catalog = await openCatalog({
      store,
      objects,
      tables: createTableFormat({ objects, clock: systemClock }),
      policy,
      identities,
      clock: systemClock,
      accountId: TEST_ACCOUNT,
      region: 'us-east-1',
    });
    const runner = testRunner(engine, catalog.catalog, objects, folder);
    const processing = await openProcessing({
      store,
      catalog: options.wrapCatalog?.(catalog.catalog) ?? catalog.catalog,
      crawlers: {} as Crawlers,
      directory: catalog.directory,
      policy,
      audit,
      identities,
      objects: options.wrapObjects?.(objects) ?? objects,
      runner: options.wrapRunner?.(runner) ?? runner,
      clock: systemClock,
      workDirectory: join(folder, 'work'),
      accountId: TEST_ACCOUNT,
      region: 'us-east-1',
      retryPauseMs: 1,
    });
    return {
      store,
      catalog: catalog.catalog,
      processing,
      runner,
      shut: async () => {
        await processing.close();
        await catalog.close();
        await store.close();
      },
    };
  };
  let current = await open();
  const root = contextOf();
  return {
    folder,
    objects,
    audited,
    root,
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
    get runner() {
      return current.runner;
    },
    async rows(sql: string) {
      return (
        await current.runner.run(
          root,
          { sql, dialect: 'duckdb', result: { kind: 'rows', maxRows: 100_000 } },
          root.signal,
        )
      ).rows;
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
