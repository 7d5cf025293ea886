/**
 * When versions were last read, for buckets whose rules ask for it.
 *
 * Invariants
 * - A read waits for nothing: times gather in memory and are written together. What a crash loses makes an object look
 *   idle for a few seconds longer than it is.
 * - A bucket's times begin with the first pass that asks for them: before, nothing is known and nothing is done.
 */
import type { Clock } from '../../core/clock.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { BucketSettings, LifecycleConfiguration, ObjectAccess } from '../contract.ts';
import type { LastAccesses } from './runner.ts';
import lifecycleStore from './store.ts';

const { procedures } = lifecycleStore;
const WRITE_EVERY_MS = 5_000;
/** Versions noted before they are written at once. */
const GATHERED = 10_000;

export interface AccessTimes extends LastAccesses, Lifecycle {
  /** `access` that notes what is read through it. */
  noting(access: ObjectAccess): ObjectAccess;
  /** Writes what was noted. */
  flush(): Promise<void>;
}

/** Whether rules ask when objects were read. */
export const asksForAccess = ({ rules }: LifecycleConfiguration): boolean =>
  rules.some(
    ({ expiration, transitions = [] }) =>
      expiration?.daysSinceAccess !== undefined || transitions.some((move) => move.daysSinceAccess !== undefined),
  );

/** Opens the times. `close` writes what was noted. */
export function openAccessTimes(deps: {
  readonly store: MetadataStore;
  readonly settings: BucketSettings;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}): AccessTimes {
  const { store, settings, clock } = deps;
  let noted = new Map<string, { bucket: string; at: number }>();
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    if (noted.size === 0) return;
    const taken = noted;
    noted = new Map();
    const times = [...taken].map(([versionId, { bucket, at }]) => ({ versionId, bucket, at }));
    await store.write(procedures.noteAccesses, { times });
  };
  const flush = (): Promise<void> => {
    writing = writing.then(write, write);
    return writing;
  };
  const inBackground = () => void flush().catch(deps.onFailure);
  const timer = setInterval(inBackground, WRITE_EVERY_MS).unref();

  const note = async (bucket: string, versionId: string): Promise<void> => {
    const rules = await settings.get(bucket, 'lifecycle');
    if (rules === undefined || !asksForAccess(rules)) return;
    noted.set(versionId, { bucket, at: clock.now() });
    if (noted.size >= GATHERED) inBackground();
  };

  return {
    flush,
    noting: (access) => ({
      ...access,
      async getObject(...args) {
        const read = await access.getObject(...args);
        // It must not fail a read that has succeeded.
        await note(read.head.bucket, read.head.versionId).catch(deps.onFailure);
        return read;
      },
    }),
    async of(bucket, versions) {
      const rules = await settings.get(bucket, 'lifecycle');
      if (rules === undefined || !asksForAccess(rules)) return versions.map(() => undefined);
      await flush();
      const ids = versions.map(({ versionId }) => versionId);
      const { since, times } = await store.write(procedures.accesses, { bucket, ids, now: clock.now() });
      return versions.map(({ versionId, lastModified }) => times[versionId] ?? Math.max(since, lastModified));
    },
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
