import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixedClock } from '../../core/clock.ts';
import type { Identities, Policy } from '../../governance/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import type { ListOptions } from '../../storage/contract.ts';
import { openMemoryStore } from '../../storage/stores/memory/index.ts';
import { createForeignTables } from '../../storage/foreign/index.ts';
import { createTableFormat } from '../../storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from './request-context.ts';
import { statedPolicy } from './stated-policy.ts';
import { catalogStoreModules, openCatalog } from '../../catalog/index.ts';

/** The memory store with its buckets, and what tests ask of it. */
export async function testObjects(buckets: readonly string[]) {
  const memory = openMemoryStore({ clock: fixedClock(Date.UTC(2026, 0, 31)) });
  for (const bucket of buckets)
    await memory.createBucket(bucket, { region: 'us-east-1', ownerAccountId: TEST_ACCOUNT });
  let listings = 0;
  const objects = {
    put: memory.put.bind(memory),
    get: memory.get.bind(memory),
    head: memory.head.bind(memory),
    delete: memory.delete.bind(memory),
    list: (bucket: string, options?: ListOptions) => {
      listings++;
      return memory.list(bucket, options);
    },
  };
  const keys = async (bucket: string) =>
    (await memory.list(bucket, { maxKeys: 100_000 })).objects.map(({ key }) => key);
  return {
    objects,
    listings: () => listings,
    keys,
    async clear(bucket: string) {
      await memory.deleteMany(bucket, await keys(bucket));
    },
    close: () => memory.close(),
  };
}

/** Identities of tests: every user name is one. */
const everybody: Identities = {
  accessKey: async () => undefined,
  principal: async (arn) => {
    const name = /(?:user|role)\/(.+)$/.exec(arn)?.[1] ?? (arn.endsWith(':root') ? 'root' : undefined);
    return name === undefined || name.startsWith('nobody') ? undefined : contextOf(name).principal;
  },
};

/** Opens a catalog on a real metadata store in a temporary folder; `reopen` closes both and opens them again on the same files. */
export async function testCatalog(
  policy: Policy = statedPolicy({}),
  ownerOf: (bucket: string, key: string) => Promise<string | undefined> = async () => undefined,
) {
  const failures: unknown[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'loch-catalog-'));
  const clock = fixedClock(Date.UTC(2026, 0, 31));
  const files = await testObjects(['lake', 'raw', 'other', 'third']);
  const open = async () => {
    const store = await openSqliteStore({ file: join(folder, 'loch.db'), modules: catalogStoreModules });
    const opened = await openCatalog({
      store,
      objects: files.objects,
      tables: createTableFormat({ objects: files.objects, clock }),
      foreignTables: createForeignTables({ objects: files.objects }),
      policy,
      identities: everybody,
      clock,
      accountId: TEST_ACCOUNT,
      region: 'us-east-1',
      ownerOf,
      onFailure: (error) => failures.push(error),
    });
    return { ...opened, store };
  };
  let current = await open();
  const shut = async () => {
    await current.close();
    await current.store.close();
  };
  return {
    clock,
    files,
    get catalog() {
      return current.catalog;
    },
    get lineage() {
      return current.lineage;
    },
    get changes() {
      return current.changes;
    },
    get discovery() {
      return current.discovery;
    },
    get crawlers() {
      return current.crawlers;
    },
    get directory() {
      return current.directory;
    },
    get store() {
      return current.store;
    },
    /** Failures of background work. */
    failures,
    /** The metadata database, to be harmed between a close and an open. */
    file: join(folder, 'loch.db'),
    async reopen(between: () => void = () => {}) {
      await shut();
      between();
      current = await open();
    },
    async close() {
      await shut();
      await files.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
