import type { StoreCall } from '../../core/store-call.ts';
import { storeCall } from '../../metadata/contract.ts';
import notificationStore from './store.ts';

export { type Notifier, openNotifier } from './notifier.ts';

/** The store module of messages. */
export const notificationModule = new URL('./store.ts', import.meta.url);

/** The call that forgets messages of a bucket, for the transactions that make and delete it. */
export const forgetMessages = (bucket: string): readonly StoreCall[] => [
  storeCall(notificationStore.procedures.forget, { bucket }),
];
