/** Runs of inventories: types of the storage contract. */
import type { RequestContext } from '../../core/caller.ts';

/** A file of a list, as the manifest names it. */
export interface InventoryFile {
  readonly key: string;
  readonly size: number;
  readonly MD5checksum: string;
}

/** The last or running list of a configuration. **Units**: milliseconds since 1970 UTC. */
export interface InventoryRun {
  readonly bucket: string;
  readonly id: string;
  readonly state: 'listing' | 'done';
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Versions listed so far. */
  readonly listed: number;
  readonly files: number;
  /** Where the manifest of the finished list is. */
  readonly manifest?: string;
  /** Why it stands still, until it is tried again. */
  readonly failure?: string;
}

/** Inventories as a caller may see and start them. */
export interface InventoryRuns {
  /**
   * Lists now: for whoever may change the configuration and write its destination. **Errors**: `access_denied`,
   * `bucket_not_found`, `not_found` without the configuration, `concurrent_run`.
   */
  run(context: RequestContext, bucket: string, id: string): Promise<InventoryRun>;
  /** The last run of each configuration the caller may see. */
  list(context: RequestContext): Promise<readonly InventoryRun[]>;
}
