/**
 * Small objects as records in append-only files, so that many of them share one fdatasync.
 *
 * Invariants
 * - A record: `LREC`, length (u32 LE), CRC-32 of the bytes, zero (u32), version id (16 bytes), then the bytes.
 *   Its place is where it begins. Nothing finds a record but a row of the metadata store that names segment and place.
 * - A segment is written by the process that made it and never after a failure or a restart, so a torn tail
 *   stays where no row points to.
 * - A record is verified whenever it is read.
 */
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { LochError } from '../../../core/errors.ts';
import { syncDirectory } from './durable-directories.ts';
import { writeAll } from './write-all.ts';

export interface RecordPlace {
  readonly segment: number;
  readonly place: number;
}

interface Waiting {
  readonly record: readonly [header: Buffer, bytes: Uint8Array];
  readonly resolve: (place: RecordPlace) => void;
  readonly reject: (error: unknown) => void;
}

const MAGIC = 0x4345524c; // "LREC", little endian
const HEADER_BYTES = 32;
const BATCH_BYTES = 8 * 1024 * 1024;
const OPEN_HANDLES = 64;

/** The segments of one store. One instance writes a directory. */
export class Segments {
  readonly #directory: string;
  readonly #rollBytes: number;
  readonly #handles = new Map<number, Promise<FileHandle>>();
  #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;
  #active: { readonly number: number; readonly handle: FileHandle; end: number } | undefined;
  #lastNumber: number;
  /** The segment that gets records, from before its file is made: until it is sealed nobody may take it for empty. */
  #growing: number | undefined;
  /** Records whose transaction is still to come, by segment: such a segment is not told as sealed. */
  readonly #undecided = new Map<number, number>();

  private constructor(directory: string, rollBytes: number, lastNumber: number) {
    this.#directory = directory;
    this.#rollBytes = rollBytes;
    this.#lastNumber = lastNumber;
  }

  /** Opens `directory` (made when missing, durable in its parent by the caller). New records go to a new segment. */
  static async open(directory: string, rollBytes: number): Promise<Segments> {
    await mkdir(directory, { recursive: true });
    const numbers = (await readdir(directory)).map(numberOf).filter((number) => number !== undefined);
    return new Segments(directory, rollBytes, Math.max(0, ...numbers));
  }

  /**
   * Appends a record; resolves when it is on disk. Appends that wait together share one fdatasync. The caller calls
   * `decided` when the transaction that names the record has ended.
   */
  append(versionId: string, bytes: Uint8Array): Promise<RecordPlace> {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(MAGIC, 0);
    header.writeUInt32LE(bytes.length, 4);
    header.writeUInt32LE(crc32(bytes), 8);
    header.write(versionId, 16, 'hex');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record: [header, bytes], resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    // Records of the same turn of the event loop travel together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#write(batch);
      } catch (error) {
        // What a failed write or sync left behind is unknown: never append after it.
        await this.#seal();
        for (const { reject } of batch) reject(error);
      }
    }
    this.#draining = undefined;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && bytes < BATCH_BYTES) bytes += this.#waiting[count++]!.record[1].length;
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return batch;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    if (this.#active !== undefined && this.#active.end >= this.#rollBytes) await this.#seal();
    this.#active ??= await this.#begin();
    const { handle, number } = this.#active;
    let place = this.#active.end;
    const places: number[] = [];
    for (const { record } of batch) {
      places.push(place);
      place += HEADER_BYTES + record[1].length;
    }
    await writeAll(
      handle,
      batch.flatMap(({ record }) => record).filter((part) => part.length > 0),
      this.#active.end,
    );
    await handle.datasync();
    this.#active.end = place;
    this.#undecided.set(number, (this.#undecided.get(number) ?? 0) + batch.length);
    for (const [i, { resolve }] of batch.entries()) resolve({ segment: number, place: places[i]! });
  }

  /** The transaction of a record has ended, whatever its end. */
  decided({ segment }: RecordPlace): void {
    const left = (this.#undecided.get(segment) ?? 1) - 1;
    if (left === 0) this.#undecided.delete(segment);
    else this.#undecided.set(segment, left);
  }

  async #begin() {
    const number = ++this.#lastNumber;
    this.#growing = number;
    const handle = await open(this.#path(number), 'wx');
    await syncDirectory(this.#directory);
    return { number, handle, end: 0 };
  }

  async #seal(): Promise<void> {
    const active = this.#active;
    this.#active = undefined;
    this.#growing = undefined;
    await active?.handle.close().catch(() => undefined); // nothing more is expected of it
  }

  /** The bytes of a record. **Errors**: `data_corrupt` when they are not what was written. */
  async read(place: RecordPlace, size: number, versionId: string): Promise<Buffer> {
    const record = Buffer.allocUnsafe(HEADER_BYTES + size);
    const bytesRead = await this.#readInto(place, record);
    const bytes = record.subarray(HEADER_BYTES);
    const intact =
      bytesRead === record.length &&
      record.readUInt32LE(0) === MAGIC &&
      record.readUInt32LE(4) === size &&
      record.toString('hex', 16, HEADER_BYTES) === versionId &&
      record.readUInt32LE(8) === crc32(bytes);
    if (intact) return bytes;
    throw new LochError(
      'data_corrupt',
      `Version ${versionId} in segment ${place.segment} at ${place.place} is not what was written. Restore it from a backup.`,
      { context: { versionId, segment: place.segment, place: place.place } },
    );
  }

  async #readInto({ segment, place }: RecordPlace, record: Buffer): Promise<number> {
    for (;;) {
      const handle = await this.#handle(segment);
      try {
        return (await handle.read(record, 0, record.length, place)).bytesRead;
      } catch (error) {
        // The handle was closed to make room for others between being found and being used.
        if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error;
      }
    }
  }

  #handle(segment: number): Promise<FileHandle> {
    const known = this.#handles.get(segment);
    this.#handles.delete(segment);
    const handle = known ?? open(this.#path(segment), 'r');
    this.#handles.set(segment, handle);
    if (known === undefined) {
      handle.catch(() => this.#handles.delete(segment));
      if (this.#handles.size > OPEN_HANDLES) this.#release(this.#handles.keys().next().value as number);
    }
    return handle;
  }

  #release(segment: number): void {
    const handle = this.#handles.get(segment);
    this.#handles.delete(segment);
    handle?.then((open) => open.close()).catch(() => undefined); // reading from it is over
  }

  /** Segments that get no more records and whose records are all decided, with size and age. */
  async sealed(): Promise<{ readonly number: number; readonly bytes: number; readonly changedAt: number }[]> {
    const found = [];
    for (const name of await readdir(this.#directory)) {
      const number = numberOf(name);
      if (number === undefined || number === this.#growing || this.#undecided.has(number)) continue;
      const { size, ctimeMs } = await stat(this.#path(number));
      found.push({ number, bytes: size, changedAt: ctimeMs });
    }
    return found.sort((a, b) => a.number - b.number);
  }

  async remove(number: number): Promise<void> {
    this.#release(number);
    await unlink(this.#path(number));
  }

  /** Finishes what waits and closes all files. */
  async close(): Promise<void> {
    await this.#draining;
    await this.#seal();
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) await (await handle.catch(() => undefined))?.close();
  }

  #path(number: number): string {
    return join(this.#directory, `${String(number).padStart(10, '0')}.seg`);
  }
}

function numberOf(name: string): number | undefined {
  const match = /^(\d{10})\.seg$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}
