/** Runs of lifecycle rules: types of the storage contract. */
import type { RequestContext } from '../../core/caller.ts';

/** What a run has done so far. */
export interface LifecycleCounts {
  /** Versions and uploads looked at. */
  readonly seen: number;
  /** Current versions that went, by a marker where versions are kept. */
  readonly expired: number;
  /** Noncurrent versions and delete markers that were removed for good. */
  readonly removed: number;
  readonly moved: number;
  readonly aborted: number;
  /** Left alone: locked, or changed since they were looked at. */
  readonly kept: number;
}

/** The last or running pass of a bucket's rules. **Units**: milliseconds since 1970 UTC. */
export interface LifecycleRun {
  readonly bucket: string;
  /** `versions` and `uploads` are what it walks; `done` until the next day. */
  readonly state: 'versions' | 'uploads' | 'done';
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly counts: LifecycleCounts;
  /** Why it stands still, until it is tried again. */
  readonly failure?: string;
}

/** Lifecycle as a caller may see and start it. */
export interface LifecycleRuns {
  /** Runs a bucket's rules now. **Errors**: `access_denied`, `bucket_not_found`, `not_found` without rules, `concurrent_run`. */
  run(context: RequestContext, bucket: string): Promise<LifecycleRun>;
  /** The last run of each bucket the caller may see the rules of. */
  list(context: RequestContext): Promise<readonly LifecycleRun[]>;
}
