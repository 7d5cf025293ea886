/**
 * Files of remote objects for engines: sparse, with only the bytes fetched that were asked for.
 *
 * Invariants
 * - A byte of a file that is not in its recorded ranges is a hole; whoever opens a file gets it after every range he
 *   needs was written. Ranges are recorded after their bytes are in the file.
 * - Versions never change, so a fetched byte stays right. Files belong to this process and are gone with it.
 * - Eviction removes the cache's name of a file; statements hold theirs, so what runs reads on.
 */
import { type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { FileColumns } from '../../../contract.ts';
import { linkOrCopy } from '../../file-links.ts';
import { Intervals, type Interval } from './intervals.ts';
import { FOOTER_GUESS, footerLength, parquetRanges } from './parquet-ranges.ts';

/** A version of an object, as far as its bytes go. */
export interface CachedVersion {
  readonly versionId: string;
  readonly size: number;
  /** Of the key, kept in file names: `.parquet`, `.csv.gz`. */
  readonly extensions: string;
  /** Reads bytes `first` to `last`, inclusive. */
  readonly read: (first: number, last: number) => Promise<Readable>;
}

export interface RangeCacheOptions {
  readonly directory: string;
  /** Fetched bytes kept; the longest unused go first. **Units**: bytes. */
  readonly limitBytes: number;
}

/** Pieces nearer than this are fetched in one request: asking again costs more than the bytes between. */
const JOIN_GAP = 128 * 1024;
/** Requests of one file at a time. */
const FETCHES = 4;

interface Entry {
  readonly path: string;
  readonly fetched: Intervals;
  /** The last piece of work on this file; the next waits for it. */
  work: Promise<unknown>;
  users: number;
}

/** The cache. Entries are in the order of their last use. */
export class RangeCache {
  readonly #options: RangeCacheOptions;
  readonly #entries = new Map<string, Entry>();
  #ready: Promise<unknown> | undefined;

  constructor(options: RangeCacheOptions) {
    this.#options = options;
  }

  /** Bytes of all entries. */
  get bytes(): number {
    let sum = 0;
    for (const { fetched } of this.#entries.values()) sum += fetched.size;
    return sum;
  }

  /**
   * Puts the version into `directory` as a file of the right length that holds what a reader of `columns` touches; every
   * byte when there are none, or the file is not Parquet. Returns its path.
   */
  async open(version: CachedVersion, directory: string, columns: FileColumns | undefined): Promise<string> {
    const entry = await this.#entry(version);
    entry.users++;
    try {
      const work = entry.work.then(() => this.#fill(entry, version, columns));
      entry.work = work.catch(() => undefined);
      await work;
      return await this.#link(entry, version, directory);
    } finally {
      entry.users--;
      await this.#evict();
    }
  }

  /** As `open`, but as a file of `directory` alone: nothing of it is kept. */
  async openOwn(version: CachedVersion, directory: string, columns: FileColumns | undefined): Promise<string> {
    for (let copy = 1; ; copy++) {
      const path = join(directory, nameOf(version, copy));
      try {
        await (await open(path, 'wx', 0o600)).close();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw error;
      }
      const entry = { path, fetched: new Intervals(), work: Promise.resolve(), users: 1 };
      await this.#fill(entry, version, columns);
      return path;
    }
  }

  /** A file that was evicted and fetched again has other ranges than the one a statement may hold: it gets another name. */
  async #link(entry: Entry, version: CachedVersion, directory: string): Promise<string> {
    const { ino } = await stat(entry.path);
    for (let copy = 1; ; copy++) {
      const path = join(directory, nameOf(version, copy));
      const there = await stat(path).catch(() => undefined);
      if (there !== undefined && there.ino !== ino) continue;
      await linkOrCopy(entry.path, path);
      return path;
    }
  }

  async #entry(version: CachedVersion): Promise<Entry> {
    this.#ready ??= mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    await this.#ready;
    const known = this.#entries.get(version.versionId);
    const entry = known ?? {
      path: join(this.#options.directory, version.versionId),
      fetched: new Intervals(),
      work: Promise.resolve(),
      users: 0,
    };
    this.#entries.delete(version.versionId);
    this.#entries.set(version.versionId, entry); // the last used is last
    return entry;
  }

  async #fill(entry: Entry, version: CachedVersion, columns: FileColumns | undefined): Promise<void> {
    const handle = await open(entry.path, entry.fetched.size === 0 ? 'w+' : 'r+', 0o600);
    try {
      if (entry.fetched.size === 0) await handle.truncate(version.size);
      const wanted = columns === undefined ? undefined : await this.#ranges(entry, handle, version, columns);
      await this.#fetch(entry, handle, version, wanted ?? [{ start: 0, end: version.size }]);
    } finally {
      await handle.close();
    }
  }

  /** What a reader of some columns needs, or undefined for everything. */
  async #ranges(
    entry: Entry,
    handle: FileHandle,
    version: CachedVersion,
    columns: FileColumns,
  ): Promise<Interval[] | undefined> {
    if (!/\.parquet$/i.test(version.extensions)) return undefined;
    const { size } = version;
    const tailOf = async (length: number) => {
      const start = Math.max(0, size - length);
      await this.#fetch(entry, handle, version, [{ start, end: size }]);
      const tail = Buffer.alloc(size - start);
      await handle.read(tail, 0, tail.length, start);
      return tail;
    };
    const guess = await tailOf(FOOTER_GUESS);
    const length = footerLength(guess, size);
    if (length === undefined) return undefined;
    return parquetRanges(length <= guess.length ? guess.subarray(-length) : await tailOf(length), size, columns);
  }

  async #fetch(entry: Entry, handle: FileHandle, version: CachedVersion, wanted: readonly Interval[]): Promise<void> {
    const pieces = entry.fetched.missing(wanted, JOIN_GAP);
    let next = 0;
    const lanes = Array.from({ length: Math.min(FETCHES, pieces.length) }, async () => {
      for (let piece = pieces[next++]; piece !== undefined; piece = pieces[next++]) {
        let at = piece.start;
        for await (const chunk of (await version.read(piece.start, piece.end - 1)) as AsyncIterable<Buffer>) {
          await writeFully(handle, chunk, at);
          at += chunk.length;
        }
        entry.fetched.add({ start: piece.start, end: at });
      }
    });
    const ends = await Promise.allSettled(lanes);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #evict(): Promise<void> {
    let bytes = this.bytes;
    for (const [versionId, entry] of this.#entries) {
      if (bytes <= this.#options.limitBytes) return;
      if (entry.users > 0) continue;
      this.#entries.delete(versionId);
      bytes -= entry.fetched.size;
      await rm(entry.path, { force: true });
    }
  }

  /** Removes every file. */
  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ work }) => work));
    this.#entries.clear();
    await rm(this.#options.directory, { recursive: true, force: true });
  }
}

const nameOf = ({ versionId, extensions }: CachedVersion, copy: number): string =>
  `${versionId}${copy === 1 ? '' : `-${copy}`}${extensions}`;

async function writeFully(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}
