/**
 * Keeps the full-text index of tables whole. It changes in the transaction of each table's change; here it is looked at
 * once after a start, and built anew from the tables when it is damaged or someone asks.
 *
 * Invariants
 * - A rebuild goes batch by batch, each a transaction: writers go on between, and the old entries serve until theirs come.
 * - Only a damaged index is emptied first: it could not serve anyway.
 */
import { LochError } from '../../core/errors.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import databaseStore from '../databases/store.ts';

const BATCH = 500;
const LOOK_AFTER_MS = 2_000;

export interface IndexUpkeep {
  /** Looks at the index now and mends it. Returns what was done. */
  check(): Promise<'whole' | 'rebuilt'>;
  /** Writes every entry again while the index serves. Returns how many tables. */
  rebuild(): Promise<number>;
  close(): Promise<void>;
}

/** The upkeep; its first look is soon after the start. `onFailure` is told of damage: an alarm. */
export function openIndexUpkeep(store: MetadataStore, onFailure: (error: unknown) => void): IndexUpkeep {
  const { indexState, emptyIndex, indexTables } = databaseStore.procedures;
  let closed = false;
  let work: Promise<unknown> = Promise.resolve();
  /** One piece of work at a time. */
  const after = <T>(piece: () => Promise<T>): Promise<T> => {
    const next = work.then(piece);
    work = next.catch(() => undefined);
    return next;
  };

  async function fill(): Promise<number> {
    let tables = 0;
    let last = '';
    while (!closed) {
      const batch = await store.write(indexTables, { after: last, limit: BATCH });
      tables += batch.tables;
      if (batch.last === undefined) break;
      last = batch.last;
    }
    return tables;
  }

  async function look(): Promise<'whole' | 'rebuilt'> {
    const { whole, reason } = await store.read(indexState, {});
    if (whole) return 'whole';
    onFailure(
      new LochError(
        'data_corrupt',
        `The search index of the catalog is damaged (${reason}). It is built anew from the tables.`,
      ),
    );
    await store.write(emptyIndex, {});
    await fill();
    return 'rebuilt';
  }

  const timer = setTimeout(() => void after(look).catch(onFailure), LOOK_AFTER_MS);
  timer.unref();
  return {
    check: () => after(look),
    rebuild: () => after(fill),
    async close() {
      closed = true;
      clearTimeout(timer);
      await work;
    },
  };
}
