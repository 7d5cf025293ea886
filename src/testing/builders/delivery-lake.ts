import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { isLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Delivery } from '../../ingestion/contract.ts';
import { openDelivery } from '../../ingestion/delivery/index.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import { localStoreModule, openLocalStore } from '../../storage/stores/local/index.ts';
import { contextOf, TEST_ACCOUNT } from './request-context.ts';
import { statedPolicy } from './stated-policy.ts';

/** Delivery on the real metadata store and the real local object store. */
export interface DeliveryLake extends Lifecycle {
  readonly delivery: Delivery;
  readonly objects: ObjectStore;
}

/** Opens it in `folder`, with a bucket `raw` and a stream `numbers` that delivers at once. */
export async function openDeliveryLake(folder: string): Promise<DeliveryLake> {
  mkdirSync(folder, { recursive: true });
  const store = await openSqliteStore({
    file: join(folder, 'loch.db'),
    modules: [localStoreModule, new URL('../../ingestion/delivery/store.ts', import.meta.url)],
  });
  const objects = await openLocalStore({ store, directory: join(folder, 'objects'), clock: systemClock });
  const there = (error: unknown) => {
    if (!isLochError(error, 'bucket_exists', 'already_exists')) throw error;
  };
  await objects.createBucket('raw', { region: 'us-east-1', ownerAccountId: TEST_ACCOUNT }).catch(there);
  const delivery = await openDelivery({
    store,
    objects,
    policy: statedPolicy({}),
    audit: { recordManagement: async () => {}, recordData: async () => {} },
    clock: systemClock,
    directory: join(folder, 'delivery'),
  });
  await delivery
    .create(contextOf(), {
      name: 'numbers',
      bucket: 'raw',
      prefix: 'numbers/',
      errorPrefix: '',
      bufferMiB: 1,
      bufferSeconds: 0,
      compression: 'UNCOMPRESSED',
      roleArn: `arn:aws:iam::${TEST_ACCOUNT}:role/firehose`,
      appendNewline: false,
    })
    .catch(there);
  return {
    delivery,
    objects,
    async close() {
      await delivery.close();
      await objects.close();
      await store.close();
    },
  };
}
