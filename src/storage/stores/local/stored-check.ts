/**
 * Checksums of the bytes of a version as they lie, known to its row: the CRC-32 that was taken when it was written, sealed
 * or not, or the MD5s that its ETag is made of. Seen on one core: 2,600 MB/s for the one, 500 for the other.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { LochError } from '../../../core/errors.ts';
import { headOf, type ObjectDetail, type ObjectRow } from './rows.ts';

/** Takes the bytes of a version, from the first to the last, and then says whether they are right. */
export interface StoredCheck {
  update(chunk: Uint8Array): void;
  holds(): boolean;
}

/** The check of a version's stored bytes, or undefined where nothing is known of them. */
export function storedCheckOf(row: ObjectRow): StoredCheck | undefined {
  const { crc } = JSON.parse(row.detail) as ObjectDetail;
  if (crc !== undefined) {
    let sum = 0;
    return {
      update(chunk) {
        sum = crc32(chunk, sum);
      },
      holds: () => sum === crc,
    };
  }
  const head = headOf(row);
  if (head.attributes.encryption !== undefined) return undefined;
  const etag = row.etag.replaceAll('"', '');
  const sum = new EtagSum(head.partSizes);
  return {
    update: (chunk) => sum.update(chunk),
    holds() {
      const found = sum.etag();
      return found === undefined || found === etag;
    },
  };
}

/** What a read says whose last bytes are held back, because all of them together are not what was written. */
export function rotten({ bucket, key, versionId }: ReturnType<typeof headOf>): LochError {
  return new LochError(
    'data_corrupt',
    `The bytes of s3://${bucket}/${key} (version ${versionId}) are not those that were written. The scrub looks at it now; what cannot be mended must be restored from a backup.`,
    { context: { bucket, key, versionId } },
  );
}

/** The bytes of `source`, but for the end of those that are not right. **Errors**: `data_corrupt`, before the last chunk. */
export async function* checked(
  source: AsyncIterable<Buffer>,
  check: StoredCheck,
  wrong: () => LochError,
): AsyncGenerator<Buffer> {
  let held: Buffer | undefined;
  for await (const chunk of source) {
    check.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (!check.holds()) throw wrong();
  if (held !== undefined) yield held;
}

/** The ETag of bytes as they come, by the sizes of the parts they were uploaded in. */
export class EtagSum {
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
