/**
 * Places of bytes with colder ones below: what is written is hot, what has been moved is read from where it lies.
 *
 * Invariants
 * - A row without a segment and with a `place` lies in the tier of that number; every other row is the hot place's.
 * - An archived version is read only while it is restored, wherever its bytes happen to be.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LochError } from '../../core/errors.ts';
import type { ObjectHead } from '../contract.ts';
import { extensionsOf } from '../stores/local/object-path.ts';
import { headOf, type ObjectDetail, type ObjectRow } from '../stores/local/rows.ts';
import { bytesOnDisk } from '../stores/local/sealed-file.ts';
import { begunStream, openStored } from '../stores/stored-stream.ts';
import type { BytePlaces } from '../stores/places.ts';
import type { TierPlace } from './contract-types.ts';
import { traitsOf } from './storage-classes.ts';

/** The tiers of a store by the numbers that stand in its rows. */
export interface NumberedTiers {
  /** **Errors**: `unavailable` for a number that no configured tier has. */
  byNumber(number: number): TierPlace;
  /** Where restored copies lie. */
  readonly restored: TierPlace;
}

/** The number of the tier a row lies in, or undefined when it is hot. */
export const tierOf = (row: Pick<ObjectRow, 'segment' | 'place'>): number | undefined =>
  row.segment === null && row.place !== null ? row.place : undefined;

/** `hot` with `tiers` below. `now` is asked for whether a restored copy is still there. */
export function tieredPlaces(hot: BytePlaces, tiers: NumberedTiers, now: () => number): BytePlaces {
  /** Where the bytes of a row are to be read from; undefined for the hot place. */
  const placeOf = (row: ObjectRow): TierPlace | undefined => {
    assertUndamaged(row);
    const number = tierOf(row);
    if (number === undefined && !row.detail.includes('"storageClass"')) return undefined;
    const restored = assertReadable(headOf(row), now());
    if (number === undefined) return undefined;
    return restored ? tiers.restored : tiers.byNumber(number);
  };

  return {
    place: (...args) => hot.place(...args),
    async copy(source, name) {
      const place = placeOf(source);
      if (place === undefined) return hot.copy(source, name);
      const bytes = Readable.from(place.read(source.version_id));
      return hot.place(name, bytes, { contentLength: bytesOnDisk(headOf(source)) }, async () => undefined);
    },
    async read(row, range, dataKey) {
      const place = placeOf(row);
      if (place === undefined) return hot.read(row, range, dataKey);
      if (dataKey === undefined) return begunStream(place.read(row.version_id, range));
      return begunStream(
        openStored(dataKey, headOf(row), range, (first, last) => place.read(row.version_id, { first, last })),
      );
    },
    async openFile(row, key, directory, columns, dataKey) {
      const place = placeOf(row);
      if (place === undefined) return hot.openFile(row, key, directory, columns, dataKey);
      const path = join(directory, `${row.version_id}${extensionsOf(key)}`);
      const whole = { first: 0, last: row.size - 1 };
      const bytes =
        dataKey === undefined
          ? place.read(row.version_id)
          : openStored(dataKey, headOf(row), whole, (first, last) => place.read(row.version_id, { first, last }));
      await pipeline(Readable.from(bytes), createWriteStream(path, { mode: 0o600 }));
      return path;
    },
  };
}

/** **Errors**: `data_corrupt` for a version that the scrub has found damaged. */
function assertUndamaged(row: ObjectRow): void {
  if (!row.detail.includes('"damaged":')) return;
  const { damaged } = JSON.parse(row.detail) as ObjectDetail;
  if (damaged === undefined) return;
  const { bucket, key, versionId } = headOf(row);
  throw new LochError(
    'data_corrupt',
    `s3://${bucket}/${key} (version ${versionId}) is ${damaged}: the scrub found that its bytes are not what was written. Restore it from a backup.`,
    { context: { bucket, key, versionId } },
  );
}

/** Whether the version is read from its restored copy. **Errors**: `invalid_object_state` when it is archived and has none. */
export function assertReadable(head: ObjectHead, now: number): boolean {
  const { storageClass, accessTier, restore } = head.attributes;
  if (traitsOf(head.attributes).online) return false;
  if (restore !== undefined && !restore.ongoing && (restore.until ?? 0) > now) return true;
  throw new LochError(
    'invalid_object_state',
    `The operation is not valid for the object's storage class: \`${head.key}\` is archived in ${storageClass}. Restore it first (RestoreObject).`,
    {
      context: {
        bucket: head.bucket,
        key: head.key,
        storageClass: storageClass ?? 'STANDARD',
        ...(accessTier === undefined ? {} : { accessTier }),
      },
    },
  );
}
