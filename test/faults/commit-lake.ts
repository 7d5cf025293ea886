/** The embedded catalog over local stores in one folder, for tests and benches of commits. */
import { join } from 'node:path';
import { catalogStoreModules, openCatalog } from '../../src/catalog/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { openSqliteStore } from '../../src/metadata/sqlite/store.ts';
import type { DataFile } from '../../src/storage/contract.ts';
import { localStoreModule, openLocalStore } from '../../src/storage/stores/local/index.ts';
import { createTableFormat } from '../../src/storage/tables/index.ts';
import { TEST_ACCOUNT } from '../../src/testing/builders/request-context.ts';
import { statedPolicy } from '../../src/testing/builders/stated-policy.ts';

export const TABLE = { database: 'lake', table: 'events' };

/** Opens (or makes) the stores and the catalog in `folder`. */
export async function openCommitLake(folder: string) {
  const clock = systemClock;
  const store = await openSqliteStore({
    file: join(folder, 'loch.db'),
    modules: [...catalogStoreModules, localStoreModule],
  });
  const objects = await openLocalStore({ store, directory: join(folder, 'objects'), clock });
  const tables = createTableFormat({ objects, clock });
  const opened = await openCatalog({
    store,
    objects,
    tables,
    policy: statedPolicy({}),
    identities: { accessKey: async () => undefined, principal: async () => undefined },
    clock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
  });
  return {
    catalog: opened.catalog,
    objects,
    tables,
    async close() {
      await opened.close();
      await objects.close();
      await store.close();
    },
  };
}

/** The data file of run number `run`. */
export function fileOfRun(run: number): DataFile {
  return { path: `s3://lake/events/data/${run}.parquet`, format: 'PARQUET', rows: run, bytes: 10, partition: {} };
}
