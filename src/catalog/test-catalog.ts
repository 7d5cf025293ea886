/** A catalog on a real metadata store in a temporary folder, for the tests of this layer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fixedClock } from '../core/clock.ts';
import { LochError } from '../core/errors.ts';
import type { Identities, Policy } from '../governance/contract.ts';
import { openSqliteStore } from '../metadata/sqlite/store.ts';
import type { ListPage, ObjectHead } from '../storage/contract.ts';
import { createTableFormat } from '../storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from '../testing/builders/request-context.ts';
import { statedPolicy } from '../testing/builders/stated-policy.ts';
import { type CatalogObjects, catalogStoreModules, openCatalog } from './index.ts';

const compareKeys = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Objects in a map, by `bucket/key`, listed in the order of their UTF-8 bytes. */
export function heldObjects() {
  const held = new Map<string, Buffer>();
  const head = (bucket: string, key: string, size: number): ObjectHead => ({
    bucket,
    key,
    size,
    versionId: '1',
    etag: '"0"',
    lastModified: 0,
    contentType: '',
    metadata: {},
    headers: {},
    checksums: {},
  });
  let listings = 0;
  const objects: CatalogObjects & Parameters<typeof createTableFormat>[0]['objects'] = {
    async put(bucket, key, body) {
      const bytes = Buffer.from(body as Uint8Array);
      held.set(`${bucket}/${key}`, bytes);
      return head(bucket, key, bytes.length);
    },
    async get(bucket, key, options = {}) {
      const bytes = held.get(`${bucket}/${key}`);
      if (bytes === undefined) throw new LochError('object_not_found', `No object \`${key}\`.`);
      const range = options.range;
      const slice =
        range === undefined
          ? bytes
          : 'suffix' in range
            ? bytes.subarray(Math.max(0, bytes.length - range.suffix))
            : bytes.subarray(range.first, range.last === undefined ? undefined : range.last + 1);
      return { head: head(bucket, key, bytes.length), body: Readable.from([slice]) };
    },
    async list(bucket, options = {}): Promise<ListPage> {
      listings++;
      const { prefix = '', startAfter = '', maxKeys = 1000 } = options;
      const keys = [...held.keys()]
        .filter((path) => path.startsWith(`${bucket}/${prefix}`))
        .map((path) => path.slice(bucket.length + 1))
        .filter((key) => compareKeys(key, startAfter) > 0)
        .sort(compareKeys);
      const page = keys.slice(0, maxKeys);
      return {
        objects: page.map((key) => head(bucket, key, held.get(`${bucket}/${key}`)!.length)),
        commonPrefixes: [],
        ...(keys.length > maxKeys ? { next: page.at(-1)! } : {}),
      };
    },
    async delete(bucket, key) {
      held.delete(`${bucket}/${key}`);
    },
  };
  return { held, objects, listings: () => listings };
}

/** Identities of tests: every user name is one. */
const everybody: Identities = {
  accessKey: async () => undefined,
  principal: async (arn) => {
    const name = /(?:user|role)\/(.+)$/.exec(arn)?.[1] ?? (arn.endsWith(':root') ? 'root' : undefined);
    return name === undefined || name.startsWith('nobody') ? undefined : contextOf(name).principal;
  },
};

/** Opens a catalog with its store; `reopen` closes both and opens them again on the same files. */
export async function testCatalog(policy: Policy = statedPolicy({})) {
  const folder = mkdtempSync(join(tmpdir(), 'loch-catalog-'));
  const clock = fixedClock(Date.UTC(2026, 0, 31));
  const files = heldObjects();
  const open = async () => {
    const store = await openSqliteStore({ file: join(folder, 'loch.db'), modules: catalogStoreModules });
    const opened = await openCatalog({
      store,
      objects: files.objects,
      tables: createTableFormat({ objects: files.objects, clock }),
      policy,
      identities: everybody,
      clock,
      accountId: TEST_ACCOUNT,
      region: 'us-east-1',
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
    get crawlers() {
      return current.crawlers;
    },
    get directory() {
      return current.directory;
    },
    get store() {
      return current.store;
    },
    async reopen() {
      await shut();
      current = await open();
    },
    async close() {
      await shut();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
