import type { StoreCall } from '../../core/store-call.ts';
import { storeCall } from '../../metadata/contract.ts';
import lifecycleStore from './store.ts';

export { type AccessTimes, openAccessTimes } from './access-times.ts';
export { createLifecycleRuns } from './run-lifecycle.ts';
export { type LifecycleRunner, openLifecycleRunner } from './runner.ts';

/** The store module of runs. */
export const lifecycleModule = new URL('./store.ts', import.meta.url);

/** The call that forgets the run of a bucket, for the transactions that make and delete it. */
export const forgetLifecycleRun = (bucket: string): readonly StoreCall[] => [
  storeCall(lifecycleStore.procedures.forget, { bucket }),
];
