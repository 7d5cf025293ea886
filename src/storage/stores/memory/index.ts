import type { Clock } from '../../../core/clock.ts';
import type { ObjectStore } from '../../contract.ts';
import { MemoryStore } from './memory-store.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Parts but the last have at least this size. **Units**: bytes; default 5 MiB. */
  readonly minPartBytes?: number;
}

/** An empty object store in memory, for tests and trials: nothing survives the process, nothing is published. */
export function openMemoryStore(options: MemoryStoreOptions): ObjectStore {
  return new MemoryStore(options.clock, options.minPartBytes ?? 5 * 1024 * 1024);
}
