import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../core/clock.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { objectStoreSuite, SUITE_MIN_PART_BYTES } from '../../../testing/suites/object-store.ts';
import { localStoreModule, openLocalStore } from './index.ts';

objectStoreSuite('local store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'loch-local-store-'));
  const metadata = await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] });
  const store = await openLocalStore({
    store: metadata,
    directory: join(directory, 'objects'),
    clock: systemClock,
    minPartBytes: SUITE_MIN_PART_BYTES,
  });
  return {
    store,
    close: async () => {
      await store.close();
      await metadata.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
