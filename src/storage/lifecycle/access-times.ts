/**
 * When versions were last used, for buckets whose rules ask for it and for objects that are kept where their use says
 * (INTELLIGENT_TIERING).
 *
 * Invariants
 * - A read waits for nothing: times gather in memory and are written together. What a crash loses makes an object look
 *   idle for a few seconds longer than it is.
 * - A bucket's times begin with the first pass that asks for them: before, nothing is known and nothing is done.
 * - The use of an object in a colder tier brings it up again after its time is written, so that the next pass leaves it.
 */
import type { Clock } from '../../core/clock.ts';
import { isLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type {
  BucketSettings,
  LifecycleConfiguration,
  ObjectAccess,
  ObjectHead,
  ObjectStore,
  VersionName,
} from '../contract.ts';
import type { UsedVersion } from '../tiers/contract-types.ts';
import { traitsOf } from '../tiers/storage-classes.ts';
import { setTier } from '../tiering/tier-by-use.ts';
import type { LastAccesses } from './runner.ts';
import lifecycleStore from './store.ts';

const { procedures } = lifecycleStore;
const WRITE_EVERY_MS = 5_000;
/** Versions noted before they are written at once. */
const GATHERED = 10_000;
/** Objects brought up, or looked up, at a time. */
const AT_ONCE = 50;

export interface AccessTimes extends LastAccesses, Lifecycle {
  /** `access` that notes what is read through it. */
  noting(access: ObjectAccess): ObjectAccess;
  /** `objects` that notes what engines open through it. */
  notingFiles<Store extends ObjectStore>(objects: Store): Store;
  /** When each was last used, from now on if nobody noted it before. `pass` marks them as seen. **Units**: milliseconds since 1970 UTC. */
  usesOf(versions: readonly UsedVersion[], pass: number): Promise<readonly number[]>;
  /** Forgets the times of versions that passes have seen and this one has not: they are gone. */
  forgetUnseen(pass: number): Promise<void>;
  /** Writes what was noted. */
  flush(): Promise<void>;
}

/** Whether rules ask when objects were read. */
export const asksForAccess = ({ rules }: LifecycleConfiguration): boolean =>
  rules.some(
    ({ expiration, transitions = [] }) =>
      expiration?.daysSinceAccess !== undefined || transitions.some((move) => move.daysSinceAccess !== undefined),
  );

interface Noted {
  readonly bucket: string;
  readonly key: string;
  readonly at: number;
  /** It lies in a colder tier of INTELLIGENT_TIERING, out of which reads bring it. */
  readonly rises: boolean;
}

const byUse = ({ attributes }: Pick<ObjectHead, 'attributes'>): boolean =>
  attributes.storageClass === 'INTELLIGENT_TIERING';

/** Opens the times. `close` writes what was noted. */
export function openAccessTimes(deps: {
  readonly store: MetadataStore;
  readonly objects: Pick<ObjectStore, 'head' | 'updateAttributes'>;
  readonly settings: BucketSettings;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}): AccessTimes {
  const { store, objects, settings, clock } = deps;
  let noted = new Map<string, Noted>();
  /** Used by name: which version that was is asked when times are written. */
  let named = new Map<string, { readonly name: VersionName; readonly at: number }>();
  /** Buckets in which a pass has found objects that are kept by use. */
  const watched = new Set<string>();
  let writing: Promise<void> = Promise.resolve();

  const asked = async (bucket: string): Promise<boolean> => {
    const rules = await settings.get(bucket, 'lifecycle');
    return rules !== undefined && asksForAccess(rules);
  };

  const noteHead = async (head: ObjectHead, at: number): Promise<void> => {
    const { bucket, key, versionId, attributes } = head;
    const intelligent = byUse(head);
    if (!intelligent && !(await asked(bucket))) return;
    const rises = intelligent && attributes.accessTier !== undefined && traitsOf(attributes).online;
    noted.set(versionId, { bucket, key, at, rises });
  };

  const resolveNames = async (): Promise<void> => {
    const taken = [...named.values()];
    named = new Map();
    for (let i = 0; i < taken.length; i += AT_ONCE) {
      await Promise.all(
        taken.slice(i, i + AT_ONCE).map(async ({ name: { bucket, key, versionId }, at }) => {
          try {
            await noteHead(await objects.head(bucket, key, versionId === undefined ? {} : { versionId }), at);
          } catch (error) {
            // It went after it was used.
            if (!isLochError(error, 'object_not_found', 'version_not_found', 'bucket_not_found', 'version_is_marker')) {
              throw error;
            }
          }
        }),
      );
    }
  };

  const write = async (): Promise<void> => {
    await resolveNames();
    if (noted.size === 0) return;
    const taken = noted;
    noted = new Map();
    const times = [...taken].map(([versionId, { bucket, at }]) => ({ versionId, bucket, at }));
    await store.write(procedures.noteAccesses, { times });
    const rising = [...taken].filter(([, { rises }]) => rises);
    for (let i = 0; i < rising.length; i += AT_ONCE) {
      const batch = rising.slice(i, i + AT_ONCE);
      await Promise.all(
        batch.map(([versionId, { bucket, key }]) => setTier(objects, { bucket, key, versionId }, 'FREQUENT')),
      );
    }
  };
  const flush = (): Promise<void> => {
    writing = writing.then(write, write);
    return writing;
  };
  const inBackground = () => void flush().catch(deps.onFailure);
  const timer = setInterval(inBackground, WRITE_EVERY_MS).unref();
  const writeIfMany = () => {
    if (noted.size + named.size >= GATHERED) inBackground();
  };

  const noteNames = async (names: readonly VersionName[]): Promise<void> => {
    for (const name of names) {
      const { bucket, key, versionId = '' } = name;
      if (!watched.has(bucket) && !(await asked(bucket))) continue;
      named.set(JSON.stringify([bucket, key, versionId]), { name, at: clock.now() });
    }
    writeIfMany();
  };
  /** Notes a use that has succeeded, which it must not fail. */
  const aside = (note: Promise<void>): Promise<void> => note.catch(deps.onFailure);

  return {
    flush,
    noting: (access) => ({
      ...access,
      async getObject(...args) {
        const read = await access.getObject(...args);
        await aside(noteHead(read.head, clock.now()));
        writeIfMany();
        return read;
      },
      async copyObject(context, from, to, options) {
        const head = await access.copyObject(context, from, to, options);
        await aside(noteNames([from]));
        return head;
      },
      async copyPart(context, upload, number, from, range, options) {
        const part = await access.copyPart(context, upload, number, from, range, options);
        await aside(noteNames([from]));
        return part;
      },
      async selectObject(context, name, input) {
        const events = await access.selectObject(context, name, input);
        await aside(noteNames([name]));
        return events;
      },
      async restoreObject(context, name, days) {
        const outcome = await access.restoreObject(context, name, days);
        const { bucket, key, versionId } = name;
        const note = async () => {
          await noteHead(await objects.head(bucket, key, versionId === undefined ? {} : { versionId }), clock.now());
          // At once: without its time the next pass would archive it again.
          await flush();
        };
        await aside(note());
        return outcome;
      },
    }),
    notingFiles: (inner) =>
      new Proxy(inner, {
        get(target, name) {
          if (name === 'openFiles') {
            const openFiles: ObjectStore['openFiles'] = async (refs, ...rest) => {
              const files = await target.openFiles(refs, ...rest);
              await aside(noteNames(refs));
              return files;
            };
            return openFiles;
          }
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      }),
    async of(bucket, versions) {
      if (!(await asked(bucket))) return versions.map(() => undefined);
      await flush();
      const ids = versions.map(({ versionId }) => versionId);
      const { since, times } = await store.write(procedures.accesses, { bucket, ids, now: clock.now() });
      return versions.map(({ versionId, lastModified }) => times[versionId] ?? Math.max(since, lastModified));
    },
    async usesOf(versions, pass) {
      await flush();
      for (const { bucket } of versions) watched.add(bucket);
      const seen = versions.map(({ versionId, bucket }) => ({ versionId, bucket }));
      const times = await store.write(procedures.seeVersions, { seen, pass, now: clock.now() });
      return seen.map(({ versionId }) => times[versionId]!);
    },
    async forgetUnseen(pass) {
      while ((await store.write(procedures.forgetUnseen, { pass, limit: GATHERED })) === GATHERED);
    },
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
