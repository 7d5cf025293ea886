/** Figures of what is stored: types of the storage contract. */
import type { RequestContext } from '../../core/caller.ts';

/** What a bucket or a first-level prefix of it holds. **Units**: bytes, unless named otherwise. */
export interface StorageCounts {
  /** Versions with bytes, current and noncurrent. */
  readonly versions: number;
  readonly currentObjects: number;
  readonly deleteMarkers: number;
  readonly bytes: number;
  readonly noncurrentBytes: number;
  readonly encryptedVersions: number;
  readonly encryptedBytes: number;
  /** Of the largest version. */
  readonly largest: number;
  readonly uploads: number;
  /** Of parts of uploads that are not complete. */
  readonly uploadBytes: number;
  /** By storage class. */
  readonly classes: Readonly<Record<string, { readonly versions: number; readonly bytes: number }>>;
}

/** A first-level prefix (up to its first slash), or keys without a slash under the empty one. */
export interface PrefixFigures {
  readonly prefix: string;
  readonly counts: StorageCounts;
}

/** What is known of a bucket. **Units**: milliseconds since 1970 UTC. */
export interface BucketFigures {
  readonly bucket: string;
  readonly state: 'never' | 'counting' | 'done';
  /** When the walk that these figures are of began and ended; absent before the first. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly total?: StorageCounts;
  /** The prefixes with the most bytes, the largest first. */
  readonly prefixes: readonly PrefixFigures[];
  /** All other prefixes together, where there are more. */
  readonly others?: { readonly prefixes: number; readonly counts: StorageCounts };
  /** Why counting stands still, until it is tried again. */
  readonly failure?: string;
}

/** Figures as a caller may see them and have them counted: of the buckets whose versions he may list. */
export interface StorageFigures {
  list(context: RequestContext): Promise<readonly BucketFigures[]>;
  /** Counts now; one bucket, or all. **Errors**: `access_denied`, `bucket_not_found`, `concurrent_run`. */
  count(context: RequestContext, bucket?: string): Promise<readonly BucketFigures[]>;
}
