/** Whether the bytes of a version are those that were acknowledged. */
import { createReadStream } from 'node:fs';
import { isLochError } from '../../../core/errors.ts';
import type { TierPlace } from '../../tiers/contract-types.ts';
import { tierOf } from '../../tiers/tiered-places.ts';
import type { ObjectFiles } from './object-files.ts';
import { headOf, keyText, type ObjectRow } from './rows.ts';
import { bytesOnDisk } from './sealed-file.ts';
import type { Segments } from './segments.ts';
import { EtagSum, storedCheckOf } from './stored-check.ts';

const READ_CHUNK = 1024 * 1024;

export type Verdict =
  /** Every byte was read and its checksum holds. */
  | { readonly kind: 'sound'; readonly bytes: number }
  /** Every byte was read; nothing that is stored tells whether they are right without the object's key: it is of before Loch kept checksums of ciphertexts. */
  | { readonly kind: 'sealed'; readonly bytes: number }
  | { readonly kind: 'corrupt' | 'missing'; readonly detail: string };

export interface VersionBytes {
  readonly files: ObjectFiles;
  readonly segments: Segments;
  /** **Errors**: `unavailable` for a tier that is not configured. */
  readonly tier: (number: number) => TierPlace;
}

/** The stored bytes of a version, from where its row says that they lie. */
export function storedBytes(places: VersionBytes, row: ObjectRow): AsyncIterable<Uint8Array> {
  const number = tierOf(row);
  if (number !== undefined) return places.tier(number).read(row.version_id);
  if (row.segment !== null) return recordOf(places.segments, row);
  const path = places.files.pathOf(row.bucket, keyText(row.key), row.version_id);
  return createReadStream(path, { highWaterMark: READ_CHUNK });
}

async function* recordOf(segments: Segments, row: ObjectRow): AsyncGenerator<Uint8Array> {
  yield await segments.read({ segment: row.segment!, place: row.place! }, bytesOnDisk(headOf(row)), row.version_id);
}

/**
 * Reads a version whole and compares it with its ETag: the MD5 of its bytes, or of its parts' MD5s.
 * **Errors**: `unavailable` when its place cannot be read at all (a disk that is away); abort.
 */
export async function verifyVersion(
  source: AsyncIterable<Uint8Array>,
  row: ObjectRow,
  options: { readonly signal?: AbortSignal; readonly onBytes?: (bytes: number) => Promise<void> | void } = {},
): Promise<Verdict> {
  const head = headOf(row);
  const sealed = head.attributes.encryption !== undefined;
  const sum = new EtagSum(head.partSizes);
  const check = sealed ? storedCheckOf(row) : undefined;
  let bytes = 0;
  try {
    for await (const chunk of source) {
      options.signal?.throwIfAborted();
      bytes += chunk.length;
      if (!sealed) sum.update(chunk);
      check?.update(chunk);
      await options.onBytes?.(chunk.length);
    }
  } catch (error) {
    if (isLochError(error, 'data_corrupt')) return { kind: 'corrupt', detail: error.message };
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'missing', detail: 'Its file is gone from the disk.' };
    if (code === 'EIO') return { kind: 'corrupt', detail: 'The disk fails to read it (EIO).' };
    throw error;
  }
  const expected = bytesOnDisk(head);
  if (bytes !== expected) {
    return { kind: 'corrupt', detail: `It has ${bytes} bytes; ${expected} were acknowledged.` };
  }
  if (check !== undefined) {
    const detail = 'Its stored bytes do not have the checksum that was recorded of them.';
    return check.holds() ? { kind: 'sound', bytes } : { kind: 'corrupt', detail };
  }
  // Records and frames have checksums of their own, which were verified on the way.
  if (sealed) return { kind: row.segment === null && tierOf(row) === undefined ? 'sealed' : 'sound', bytes };
  const etag = row.etag.replaceAll('"', '');
  const found = sum.etag();
  if (found === undefined) return { kind: 'sealed', bytes };
  if (found === etag) return { kind: 'sound', bytes };
  return { kind: 'corrupt', detail: `Its bytes have the checksum ${found}; ${etag} was acknowledged.` };
}
