import type { StoreCall } from '../../core/store-call.ts';
import { storeCall } from '../../metadata/contract.ts';
import inventoryStore from './store.ts';

export { createInventoryRuns } from './run-inventory.ts';
export { openInventoryRunner } from './runner.ts';

/** The store module of runs. */
export const inventoryModule = new URL('./store.ts', import.meta.url);

/** The call that forgets the runs of a bucket, for the transactions that make and delete it. */
export const forgetInventories = (bucket: string): readonly StoreCall[] => [
  storeCall(inventoryStore.procedures.forget, { bucket }),
];
