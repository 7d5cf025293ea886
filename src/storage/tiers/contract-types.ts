/**
 * Colder places of bytes: types of the storage contract.
 *
 * Rules
 * - A place keeps bytes under a version id. What `write` resolved for is durable; `write` of an id that is there replaces
 *   it with the same bytes. No reader sees half of a write.
 * - `read` verifies what it gives and throws before it gives anything else.
 * - `remove` of what is not there succeeds.
 */
import type { Health } from '../../core/lifecycle.ts';
import type { ObjectHead, VersionName } from '../contract.ts';
import type { PlaceName } from './storage-classes.ts';

/** A place of bytes beside the hot one. */
export interface TierPlace {
  /** Makes it ready while nothing lies there; not called once something does, so that a disk that is away is noticed. */
  begin(): Promise<void>;
  /** As the configuration names it: `cold`, `archive`. */
  readonly name: string;
  /** Where it is, for people. */
  readonly location: string;
  write(id: string, body: AsyncIterable<Uint8Array>, options: TierWriteOptions): Promise<TierWritten>;
  /** The bytes `first` to `last` (inclusive), or all. **Errors**: `data_corrupt`; `unavailable` while its disk is away. */
  read(id: string, range?: { readonly first: number; readonly last: number }): AsyncIterable<Buffer>;
  remove(id: string): Promise<void>;
  /** Everything that lies there, in no order. **Units**: bytes, milliseconds since 1970 UTC. */
  entries(): AsyncIterable<{ readonly id: string; readonly storedBytes: number; readonly changedAt: number }>;
  /** Removes halves of writes that a crash cut short. Called while nobody writes. */
  removeParts(): Promise<number>;
  /** Whether it can be read and written now. */
  check(): Promise<Health>;
  /**
   * Of a place whose every read crosses a network and may cost money: whether it has a version, without reading it.
   * Where there is none, the background scrub reads.
   */
  holds?(id: string): Promise<boolean>;
  /** Lets go of connections. */
  close?(): Promise<void>;
}

export interface TierWriteOptions {
  /** Bytes that will come, where that is known. */
  readonly size?: number;
  readonly signal?: AbortSignal;
}

/** **Units**: bytes as given, and as they lie there. */
export interface TierWritten {
  readonly plainBytes: number;
  readonly storedBytes: number;
}

/** What one round of moving did. */
export interface MoverReport {
  readonly moved: number;
  readonly restored: number;
  /** Restored copies whose time was over. */
  readonly expired: number;
  /** What could not be done now and is tried again. */
  readonly postponed: number;
}

/** A place as `loch status tiers` shows it. **Units**: bytes as clients see them. */
export interface TierStatus {
  readonly name: string;
  readonly location: string;
  readonly storageClasses: readonly string[];
  readonly latency: string;
  readonly medium: 'disk' | 'service';
  /** Copies that Loch keeps of each version there; what is below the file system or the service it does not see. */
  readonly copies: number;
  readonly ok: boolean;
  readonly detail: string;
  /** Not counted in the hot place, where most of them lie. */
  readonly versions?: number;
  readonly bytes?: number;
}

/** Places of bytes and what waits to be moved between them. */
export interface TiersStatus {
  readonly tiers: readonly TierStatus[];
  /** Versions that wait to be moved to where their class belongs, and why they cannot be now. */
  readonly waiting: number;
  readonly failure?: string;
  readonly restoring: number;
  readonly restored: number;
}

/** A version that is kept where its use says. */
export type UsedVersion = Pick<ObjectHead, 'bucket' | 'key' | 'versionId' | 'size' | 'attributes'>;

/** The colder places of a store. */
export interface ObjectTiers {
  /** Names of the places that are configured, `hot` among them. */
  readonly places: ReadonlySet<PlaceName>;
  /**
   * Asks for a copy of an archived version for so many days; of one that is restored, prolongs them. Without days an
   * INTELLIGENT_TIERING object comes back for good.
   * **Errors**: `invalid_object_state`, `restore_in_progress`, `missing_argument`, `object_not_found`.
   */
  restore(name: VersionName, days?: number): Promise<'started' | 'extended'>;
  /** At most `max` versions of INTELLIGENT_TIERING, noncurrent ones too, that come after `after`, in a steady order. */
  versionsByUse(
    max: number,
    after?: Pick<UsedVersion, 'bucket' | 'key' | 'versionId'>,
  ): Promise<readonly UsedVersion[]>;
  /** Moves, restores and expires all that is due. Runs by itself as well. */
  settle(): Promise<MoverReport>;
  status(): Promise<TiersStatus>;
}
