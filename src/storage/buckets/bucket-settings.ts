/**
 * Settings of buckets in memory, read through from the store.
 *
 * Invariants
 * - A committed change forgets what is known of its bucket before the call that made it is answered.
 * - What was read before a change is never remembered after it: every change opens a new generation.
 */
import { isLochError, LochError } from '../../core/errors.ts';
import type { StoredEvent } from '../../core/events.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import type { StoreCall } from '../../core/store-call.ts';
import type { ObjectStore } from '../contract.ts';
import type { BucketDefaults, BucketSetting, BucketSettingKind, BucketSettings } from './contract.ts';
import { SETTING_KINDS } from './setting-kinds.ts';
import bucketSettingStore from './store.ts';

const { procedures } = bucketSettingStore;
const CAPACITY = 10_000;
/** Of kinds of which a bucket has many. **Source**: Amazon S3 API Reference, "TooManyConfigurations". */
const MAX_OF_A_KIND = 1_000;
/** So many may change one setting at once before one of them is told to try again. */
const CHANGE_ATTEMPTS = 10;
const EVENTS = new Set<StoredEvent['name']>([
  'storageBucketSettingChanged',
  'storageBucketCreated',
  'storageBucketDeleted',
]);

/** Values by kind and id; `undefined` stands for a default that was taken away. */
type Known = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** The call that takes all settings of a bucket away, for the transactions that make and delete it. */
export const forgetSettings = (bucket: string): readonly StoreCall[] => [storeCall(procedures.forget, { bucket })];

/** Opens the settings over the store; `close` stops listening to it. */
export function openBucketSettings(deps: {
  readonly store: MetadataStore;
  readonly objects: Pick<ObjectStore, 'bucket'>;
  readonly defaults: BucketDefaults;
}): BucketSettings {
  const { store } = deps;
  const owners = new Map<string, string>();
  const defaults = defaultValues(deps.defaults);
  const memory = new Map<string, Known>();
  let generation = 0;
  const forget = store.onCommitted((events) => {
    for (const event of events) {
      if (!EVENTS.has(event.name)) continue;
      generation++;
      const { bucket } = event.payload as { bucket: string };
      memory.delete(bucket);
      if (event.name !== 'storageBucketSettingChanged') owners.delete(bucket);
    }
  });

  const known = async (bucket: string): Promise<Known> => {
    const there = memory.get(bucket);
    if (there !== undefined) return there;
    const started = generation;
    const rows = await store.read(procedures.all, { bucket });
    const found = new Map<string, Map<string, unknown>>();
    for (const { kind, id, value } of rows) {
      const ofKind = found.get(kind) ?? new Map<string, unknown>();
      found.set(kind, ofKind.set(id, value === null ? undefined : parse(kind, value)));
    }
    if (started !== generation) return found;
    if (memory.size >= CAPACITY) memory.delete(memory.keys().next().value as string);
    memory.set(bucket, found);
    return found;
  };

  return {
    defaults: deps.defaults,
    async ownerOf(bucket) {
      const there = owners.get(bucket);
      if (there !== undefined) return there;
      const started = generation;
      try {
        const { ownerAccountId } = await deps.objects.bucket(bucket);
        if (started === generation && owners.size < CAPACITY) owners.set(bucket, ownerAccountId);
        return ownerAccountId;
      } catch (error) {
        if (isLochError(error, 'bucket_not_found', 'invalid_bucket_name')) return undefined;
        throw error;
      }
    },
    async get<K extends BucketSettingKind>(bucket: string, kind: K, id = '') {
      const ofKind = (await known(bucket)).get(kind);
      return (ofKind?.has(id) ? ofKind.get(id) : defaults[kind]) as BucketSetting<K> | undefined;
    },
    async list<K extends BucketSettingKind>(bucket: string, kind: K) {
      const ofKind = (await known(bucket)).get(kind) ?? new Map<string, unknown>();
      return [...ofKind].map(([id, value]) => ({ id, value: value as BucketSetting<K> }));
    },
    async put(bucket, kind, value, id = '') {
      const limit = id === '' ? {} : { limit: MAX_OF_A_KIND };
      await store.write(procedures.put, { bucket, kind, id, value: format(kind, value), ...limit });
    },
    async change(bucket, kind, next) {
      for (let attempt = 1; ; attempt++) {
        const was = await store.read(procedures.one, { bucket, kind, id: '' });
        const value = next(was === null ? undefined : (parse(kind, was) as BucketSetting<typeof kind>));
        const text = value === undefined ? null : format(kind, value);
        try {
          await store.write(procedures.put, { bucket, kind, id: '', value: text, was });
          return;
        } catch (error) {
          if (!isLochError(error, 'conflict') || attempt === CHANGE_ATTEMPTS) throw error;
        }
      }
    },
    async remove(bucket, kind, id = '') {
      // A bucket without encryption of its own has the lake's, as in S3.
      if (defaults[kind] === undefined || kind === 'encryption')
        await store.write(procedures.remove, { bucket, kind, id });
      else await store.write(procedures.put, { bucket, kind, id, value: null });
    },
    putCall: (bucket, kind, value, id = '') =>
      storeCall(procedures.put, { bucket, kind, id, value: format(kind, value) }),
    close: async () => forget(),
  };
}

function defaultValues(defaults: BucketDefaults): { readonly [K in BucketSettingKind]?: BucketSetting<K> } {
  const blocked = defaults.publicAccessBlock;
  return {
    ownership: { objectOwnership: defaults.objectOwnership },
    ...(defaults.encryption && { encryption: defaults.encryption }),
    ...(blocked && {
      publicAccessBlock: {
        blockPublicAcls: true,
        ignorePublicAcls: true,
        blockPublicPolicy: true,
        restrictPublicBuckets: true,
      },
    }),
  };
}

function format(kind: BucketSettingKind, value: unknown): string {
  const parsed = SETTING_KINDS[kind].value.safeParse(value);
  if (parsed.success) {
    const { check } = SETTING_KINDS[kind];
    check?.(parsed.data as never);
    return JSON.stringify(parsed.data);
  }
  const { path, message } = parsed.error.issues[0]!;
  throw new LochError('invalid_argument', `The setting \`${kind}\` of a bucket: ${path.join('.')}: ${message}.`, {
    context: { setting: kind },
  });
}

function parse(kind: string, text: string): unknown {
  if (Object.hasOwn(SETTING_KINDS, kind)) {
    const parsed = SETTING_KINDS[kind as BucketSettingKind].value.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  }
  throw new LochError('data_corrupt', `The stored setting \`${kind}\` of a bucket cannot be read.`, {
    context: { setting: kind },
  });
}
