/**
 * Fills new partition indexes and empties dropped ones, in bounded transactions beside everybody else's.
 *
 * Invariants
 * - The state stands in the store: a stop loses nothing, and the next start goes on.
 * - One index at a time; a batch that fails is told to `onFailure` and tried again with the next wake-up.
 */
import type { MetadataStore } from '../../metadata/contract.ts';
import databaseStore from './store.ts';

const BATCH = 1_000;

export interface IndexFiller {
  /** Looks for work and does it; returns at once. */
  wake(): void;
  /** Resolves when no work is left that was there. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the filler and lets it look for work that a stop left. */
export function openIndexFiller(store: MetadataStore, onFailure: (error: unknown) => void): IndexFiller {
  let closed = false;
  let running: Promise<void> = Promise.resolve();
  const { unfinishedIndexes, fillPartitionIndex, emptyPartitionIndex } = databaseStore.procedures;

  const work = async (): Promise<void> => {
    for (const index of await store.read(unfinishedIndexes, {})) {
      const step = index.state === 'DELETING' ? emptyPartitionIndex : fillPartitionIndex;
      let more = true;
      while (more && !closed) {
        ({ more } = await store.write(step, { tableId: index.table_id, name: index.name, limit: BATCH }));
      }
    }
  };
  const wake = () => {
    if (closed) return;
    running = running.then(work).catch(onFailure);
  };
  // A changed partition key sends its indexes back to CREATING.
  const unsubscribe = store.onCommitted((events) => {
    if (events.some((event) => event.name === 'catalogTableChanged' && event.payload.change === 'updated')) wake();
  });
  wake();
  return {
    wake,
    settled: () => running,
    async close() {
      closed = true;
      unsubscribe();
      await running;
    },
  };
}
