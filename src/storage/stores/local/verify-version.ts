/** Whether the bytes of a version are those that were acknowledged. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { isLochError } from '../../../core/errors.ts';
import type { TierPlace } from '../../tiers/contract-types.ts';
import { tierOf } from '../../tiers/tiered-places.ts';
import type { ObjectFiles } from './object-files.ts';
import { headOf, keyText, type ObjectRow } from './rows.ts';
import { bytesOnDisk } from './sealed-file.ts';
import type { Segments } from './segments.ts';

const READ_CHUNK = 1024 * 1024;

export type Verdict =
  /** Every byte was read and its checksum holds. */
  | { readonly kind: 'sound'; readonly bytes: number }
  /** Every byte was read; nothing that is stored tells whether they are right without the object's key. */
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
  let bytes = 0;
  try {
    for await (const chunk of source) {
      options.signal?.throwIfAborted();
      bytes += chunk.length;
      if (!sealed) sum.update(chunk);
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
  if (sealed) return { kind: 'sealed', bytes };
  const etag = row.etag.replaceAll('"', '');
  const found = sum.etag();
  if (found === undefined) return { kind: 'sealed', bytes };
  if (found === etag) return { kind: 'sound', bytes };
  return { kind: 'corrupt', detail: `Its bytes have the checksum ${found}; ${etag} was acknowledged.` };
}

/** The ETag of bytes as they come, by the sizes of the parts they were uploaded in. */
class EtagSum {
  readonly #runs: (readonly [number, number])[] | undefined;
  #hash = createHash('md5');
  readonly #all = createHash('md5');
  #left: number;
  #run = 0;
  #partsLeft: number;
  #parts = 0;

  constructor(partSizes: readonly (readonly [number, number])[] | undefined) {
    this.#runs = partSizes === undefined ? undefined : [...partSizes];
    this.#left = partSizes?.[0]?.[0] ?? Number.POSITIVE_INFINITY;
    this.#partsLeft = partSizes?.[0]?.[1] ?? 1;
  }

  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + Math.min(chunk.length - at, this.#left));
      this.#hash.update(part);
      at += part.length;
      this.#left -= part.length;
      while (this.#runs !== undefined && this.#left === 0) this.#endPart();
    }
  }

  #endPart(): void {
    this.#all.update(this.#hash.digest());
    this.#parts++;
    this.#hash = createHash('md5');
    this.#partsLeft--;
    if (this.#partsLeft === 0) {
      this.#run++;
      this.#partsLeft = this.#runs![this.#run]?.[1] ?? 1;
    }
    this.#left = this.#runs![this.#run]?.[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Undefined when the parts do not add up. */
  etag(): string | undefined {
    if (this.#runs === undefined) return this.#hash.digest('hex');
    const expected = this.#runs.reduce((total, [, count]) => total + count, 0);
    // A last part without bytes ends with none.
    while (this.#parts < expected && this.#left === 0) this.#endPart();
    return this.#parts === expected ? `${this.#all.digest('hex')}-${expected}` : undefined;
  }
}
