/**
 * S3's storage classes and where each of them lies here, as data: doors, lifecycle, the mover of bytes and the console
 * read it. **Source**: Amazon S3 User Guide, "Understanding and managing Amazon S3 storage classes".
 */
import { LochError } from '../../core/errors.ts';

/** The places of bytes: `hot` is the store's own, the others are tiers of the configuration. */
export type PlaceName = 'hot' | 'cold' | 'archive';

interface ClassTraits {
  readonly place: PlaceName;
  /** Whether reads are answered at once; else RestoreObject comes first. */
  readonly online: boolean;
  /** What a person may expect of a first byte. */
  readonly latency: string;
}

const hot = { place: 'hot', online: true, latency: 'milliseconds' } as const;
const cold = { place: 'cold', online: true, latency: 'milliseconds, plus decompressing one frame' } as const;
const archive = { place: 'archive', online: false, latency: 'after RestoreObject' } as const;

/** Every class a client may ask for. */
export const STORAGE_CLASSES = {
  STANDARD: hot,
  REDUCED_REDUNDANCY: hot,
  /** Its bytes move by use; see `INTELLIGENT_PLACES`. */
  INTELLIGENT_TIERING: hot,
  STANDARD_IA: cold,
  ONEZONE_IA: cold,
  GLACIER_IR: cold,
  GLACIER: archive,
  DEEP_ARCHIVE: archive,
} as const satisfies Record<string, ClassTraits>;

export type StorageClass = keyof typeof STORAGE_CLASSES;

/** Where an INTELLIGENT_TIERING object lies in each of its access tiers. */
export const INTELLIGENT_PLACES = {
  FREQUENT: hot,
  INFREQUENT: cold,
  ARCHIVE_INSTANT: cold,
  ARCHIVE_ACCESS: archive,
  DEEP_ARCHIVE_ACCESS: archive,
} as const satisfies Record<string, ClassTraits>;

export type AccessTier = keyof typeof INTELLIGENT_PLACES;

export const isStorageClass = (name: string): name is StorageClass => Object.hasOwn(STORAGE_CLASSES, name);

/** What tells where a version belongs. */
export interface Placement {
  /** Absent: STANDARD. */
  readonly storageClass?: string;
  /** Of INTELLIGENT_TIERING; absent: FREQUENT. */
  readonly accessTier?: string;
}

/** The traits of the place a version belongs to. A class we do not know (of another version of Loch) is hot. */
export function traitsOf({ storageClass, accessTier }: Placement): ClassTraits {
  if (storageClass === undefined || !isStorageClass(storageClass)) return hot;
  if (storageClass !== 'INTELLIGENT_TIERING') return STORAGE_CLASSES[storageClass];
  return accessTier !== undefined && Object.hasOwn(INTELLIGENT_PLACES, accessTier)
    ? INTELLIGENT_PLACES[accessTier as AccessTier]
    : hot;
}

/**
 * The class, if it is one and has a place here. **Errors**: `invalid_argument` with S3's InvalidStorageClass, naming the
 * classes that can be used.
 */
export function assertStorageClass(name: string, places: ReadonlySet<PlaceName>): StorageClass {
  if (isStorageClass(name) && places.has(STORAGE_CLASSES[name].place)) return name;
  const usable = Object.entries(STORAGE_CLASSES).flatMap(([known, { place }]) => (places.has(place) ? [known] : []));
  const why = isStorageClass(name)
    ? `has no tier here: set \`storage.tiers.${STORAGE_CLASSES[name].place}\` to a directory`
    : 'is not one that S3 has';
  throw new LochError(
    'invalid_argument',
    `The storage class you specified is not valid: \`${name}\` ${why}. Usable: ${usable.join(', ')}.`,
    { context: { s3_code: 'InvalidStorageClass', storageClass: name } },
  );
}
