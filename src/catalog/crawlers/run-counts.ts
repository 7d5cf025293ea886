import { type StoreCall, storeCall } from '../../metadata/contract.ts';
import type { Crawl } from './crawler-parts.ts';
import type { RunCounts } from './rows.ts';
import crawlerStore from './store.ts';

/** Counts of the run, as a call for the transaction of what is counted. */
export function counted(crawl: Crawl, counts: Partial<RunCounts>, messages: readonly string[] = []): StoreCall[] {
  return [storeCall(crawlerStore.procedures.countRun, { id: crawl.stored.run.id, counts, messages })];
}
