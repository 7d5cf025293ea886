import type { StoreCall } from '../../core/store-call.ts';
import { storeCall } from '../../metadata/contract.ts';
import figureStore from './store.ts';

export { openFigureRunner } from './runner.ts';
export { createStorageFigures } from './storage-figures.ts';

/** The store module of figures. */
export const figureModule = new URL('./store.ts', import.meta.url);

/** The call that forgets the figures of a bucket, for the transactions that make and delete it. */
export const forgetFigures = (bucket: string): readonly StoreCall[] => [
  storeCall(figureStore.procedures.forget, { bucket }),
];
