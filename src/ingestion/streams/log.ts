/**
 * A segmented append log in one directory.
 *
 * Invariants
 * - `append` resolves after the fdatasync that covers its frame: what resolved is read again after any crash, in order.
 * - All appends that wait while a sync runs share the next one (group commit).
 * - A frame that is not whole ends the last segment at open and is cut off; nothing acknowledged can stand behind it.
 * - A failed write or sync takes nothing: the file is cut back to the last acknowledged byte, or the log refuses from
 *   then on. After a failed sync the pages' state is unknown, so the next append starts a new segment.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { LochError, toLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { encodeFrame, FRAME_HEAD_BYTES } from './frame.ts';
import { type PlacedFrame, readFrames } from './frame-reader.ts';
import { listSegments, makeDirectory, removeSegments, type Segment, segmentPath, syncDirectory } from './segments.ts';

export interface LogOptions {
  readonly directory: string;
  /** A segment that reached this is followed by a new one. **Units**: bytes; default 64 MiB. */
  readonly segmentBytes?: number;
  /** Bytes of appends that may wait for a sync; more is refused. Default 64 MiB. */
  readonly maxWaitingBytes?: number;
  /** The next record gets at least this sequence number. */
  readonly startAt?: number;
  /** How a segment is made durable; fdatasync when absent. For fault tests. */
  readonly sync?: (file: FileHandle) => Promise<void>;
}

/** A place between two frames. */
export interface LogCursor {
  readonly segment: number;
  readonly offset: number;
}

/** A durable batch: its records have the sequence numbers `first` to `until - 1`. */
export interface Appended {
  readonly first: number;
  readonly until: number;
  readonly payloadBytes: number;
  readonly arrivedAt: number;
  readonly start: LogCursor;
}

interface ActiveSegment {
  readonly first: number;
  readonly file: FileHandle;
  /** The end of what is acknowledged. */
  bytes: number;
}

interface Waiting {
  readonly records: readonly Uint8Array[];
  readonly newline: boolean;
  readonly arrivedAt: number;
  readonly bytes: number;
  resolve(appended: Appended): void;
  reject(error: unknown): void;
}

const MAX_GROUP_BYTES = 16 << 20;
/** A segment whose records all have passed stays as it is up to this size. */
const KEPT_BYTES = 1 << 20;

/** The log of one directory; nobody else writes there. */
export class AppendLog implements Lifecycle {
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #maxWaitingBytes: number;
  readonly #sync: (file: FileHandle) => Promise<void>;
  /** Finished segments, oldest first. */
  #finished: Segment[] = [];
  #active: ActiveSegment | undefined;
  #next = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #failure: LochError | undefined;

  private constructor(options: LogOptions) {
    this.#directory = options.directory;
    this.#segmentBytes = options.segmentBytes ?? 64 << 20;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? 64 << 20;
    this.#sync = options.sync ?? ((file) => file.datasync());
  }

  /** Opens the log, made when it is not there. **Cost**: reads the last segment. */
  static async open(options: LogOptions): Promise<AppendLog> {
    const log = new AppendLog(options);
    await makeDirectory(options.directory);
    await log.#recover();
    await log.#continueAt(options.startAt ?? 0);
    return log;
  }

  /** The sequence number that the next record gets. */
  get next(): number {
    return this.#next;
  }

  /**
   * Appends one batch of at least one record, all or nothing; resolves when it is durable.
   * **Errors**: `resource_exhausted` when too much waits already, `disk_full`, `internal` for a failing disk.
   */
  append(records: readonly Uint8Array[], facts: { arrivedAt: number; newline: boolean }): Promise<Appended> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const bytes = records.reduce((sum, record) => sum + record.length + 5, FRAME_HEAD_BYTES);
    if (this.#waitingBytes + bytes > this.#maxWaitingBytes) {
      const limit = this.#maxWaitingBytes;
      return Promise.reject(
        new LochError('resource_exhausted', `More than ${limit} bytes wait for the disk. Send again later.`, {
          context: { limit },
        }),
      );
    }
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, ...facts, bytes, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /**
   * The acknowledged frames from `cursor` on, up to those acknowledged at the call. Without cursor from the beginning.
   * **Errors**: `data_corrupt` naming the segment and the offset.
   */
  async *read(cursor?: LogCursor): AsyncGenerator<PlacedFrame & { readonly start: LogCursor }> {
    const active = this.#active;
    const segments: Segment[] = this.#finished.filter((segment) => segment.first >= (cursor?.segment ?? 0));
    if (active !== undefined) {
      segments.push({ first: active.first, path: segmentPath(this.#directory, active.first), bytes: active.bytes });
    }
    for (const { first, path, bytes } of segments) {
      const from = first === cursor?.segment ? cursor.offset : 0;
      if (from === bytes) continue;
      const file = await open(path, 'r');
      try {
        const frames = readFrames(file, from, bytes);
        for (let next = await frames.next(); ; next = await frames.next()) {
          if (next.done !== true) {
            yield { ...next.value, start: { segment: first, offset: next.value.offset } };
            continue;
          }
          if (next.value !== bytes) {
            throw new LochError(
              'data_corrupt',
              `The log segment ${path} is damaged at byte ${next.value} of ${bytes}. Restore it from a backup.`,
              { context: { path, offset: next.value } },
            );
          }
          break;
        }
      } finally {
        await file.close();
      }
    }
  }

  /** Removes the segments that hold only records below `sequence`; the last one too when it has grown. */
  async trim(sequence: number): Promise<void> {
    const idle = this.#writing === undefined && sequence >= this.#next;
    if (idle && (this.#active?.bytes ?? 0) >= KEPT_BYTES) await this.#finishSegment();
    const all = [...this.#finished.map(({ first }) => first), this.#active?.first ?? this.#next];
    const passed = this.#finished.filter((_, i) => all[i + 1]! <= sequence);
    this.#finished = this.#finished.slice(passed.length);
    await removeSegments(
      this.#directory,
      passed.map(({ path }) => path),
    );
  }

  /** Waits for what is being written, then closes. Later appends are refused. */
  async close(): Promise<void> {
    this.#failure ??= new LochError('unavailable', 'The log is closed. Send again when Loch has started.');
    await this.#writing;
    await this.#active?.file.close();
    this.#active = undefined;
  }

  async #recover(): Promise<void> {
    const firsts = await listSegments(this.#directory);
    for (const [i, first] of firsts.entries()) {
      const path = segmentPath(this.#directory, first);
      const file = await open(path, 'r+');
      if (i < firsts.length - 1) {
        const { size } = await file.stat();
        this.#finished.push({ first, path, bytes: size });
        await file.close();
        continue;
      }
      const { end, next } = await scanTail(file, first);
      await file.truncate(end);
      // What a crash left in the page cache counts from here on, so it must be on disk.
      await file.sync();
      this.#active = { first, bytes: end, file };
      this.#next = next;
    }
  }

  async #continueAt(sequence: number): Promise<void> {
    if (this.#next >= sequence) return;
    await this.#finishSegment();
    this.#next = sequence;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        const appended = await this.#write(group);
        group.forEach((each, i) => {
          each.resolve(appended[i]!);
        });
      } catch (error) {
        const failure = toLochError(error);
        await this.#undo(failure);
        for (const each of group) each.reject(failure);
      }
      for (const each of group) this.#waitingBytes -= each.bytes;
    }
    this.#writing = undefined;
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || bytes + this.#waiting[count]!.bytes <= MAX_GROUP_BYTES)) {
      bytes += this.#waiting[count++]!.bytes;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(group: readonly Waiting[]): Promise<Appended[]> {
    if (this.#active !== undefined && this.#active.bytes >= this.#segmentBytes) await this.#finishSegment();
    this.#active ??= await this.#startSegment();
    const active = this.#active;
    let sequence = this.#next;
    let offset = active.bytes;
    const frames: Buffer[] = [];
    const appended = group.map(({ records, arrivedAt, newline }): Appended => {
      const frame = encodeFrame(records, { first: sequence, arrivedAt, newline });
      const entry = {
        first: sequence,
        until: sequence + records.length,
        payloadBytes: frame.length - FRAME_HEAD_BYTES - 4 * records.length,
        arrivedAt,
        start: { segment: active.first, offset },
      };
      frames.push(frame);
      sequence = entry.until;
      offset += frame.length;
      return entry;
    });
    await writeFully(active.file, frames, active.bytes);
    await this.#sync(active.file); // the commit point: what follows may be told
    active.bytes = offset;
    this.#next = sequence;
    return appended;
  }

  async #startSegment(): Promise<ActiveSegment> {
    const file = await open(segmentPath(this.#directory, this.#next), 'w+', 0o600);
    try {
      await syncDirectory(this.#directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    return { first: this.#next, bytes: 0, file };
  }

  async #finishSegment(): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    this.#active = undefined;
    const path = segmentPath(this.#directory, active.first);
    if (active.bytes > 0) this.#finished.push({ first: active.first, path, bytes: active.bytes });
    await active.file.close();
  }

  /** After a failure: nothing of the group may be found again. */
  async #undo(failure: LochError): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    try {
      await active.file.truncate(active.bytes);
      await active.file.sync();
      await this.#finishSegment();
    } catch (error) {
      this.#failure = new LochError(
        'unavailable',
        `The log in ${this.#directory} cannot be written: ${failure.message} Mend the disk, then restart Loch.`,
        { cause: error },
      );
      for (const each of this.#waiting.splice(0)) each.reject(this.#failure);
    }
  }
}

async function scanTail(file: FileHandle, first: number): Promise<{ end: number; next: number }> {
  const { size } = await file.stat();
  let next = first;
  const frames = readFrames(file, 0, size);
  for (let found = await frames.next(); ; found = await frames.next()) {
    if (found.done === true) return { end: found.value, next };
    if (found.value.head.first !== next) return { end: found.value.offset, next };
    next += found.value.head.records;
  }
}

const SMALL_FRAME_BYTES = 64 << 10;

async function writeFully(file: FileHandle, frames: readonly Buffer[], at: number): Promise<void> {
  let position = at;
  for (const piece of joinSmall(frames)) {
    let written = 0;
    while (written < piece.length) {
      const { bytesWritten } = await file.write(piece, written, piece.length - written, position + written);
      written += bytesWritten;
    }
    position += piece.length;
  }
}

/** Neighbouring small frames as one buffer: a write call costs more than the copy. */
function joinSmall(frames: readonly Buffer[]): Buffer[] {
  const pieces: Buffer[][] = [];
  let small: Buffer[] = [];
  for (const frame of frames) {
    if (frame.length > SMALL_FRAME_BYTES) {
      pieces.push(small, [frame]);
      small = [];
    } else small.push(frame);
  }
  pieces.push(small);
  return pieces
    .filter((piece) => piece.length > 0)
    .map((piece) => (piece.length === 1 ? piece[0]! : Buffer.concat(piece)));
}
