/**
 * Bytes in fixed frames, each compressed by zstd where that helps: what a colder tier keeps. The bytes read back are
 * those written, and any range of them is read by decompressing only its frames.
 *
 * Invariants
 * - A file: the frames, one after the other; the index, eight bytes a frame (stored length with the top bit set when it
 *   is compressed, CRC-32 of what is stored, u32 LE each); the footer.
 * - The footer: `LFRM`, version 1, frame bytes (u32 LE each), plain bytes (u64 LE), number of frames, CRC-32 of all
 *   of the index and the footer before it.
 * - Every frame but the last stands for exactly `frameBytes` plain bytes.
 * - A frame is verified whenever it is read, and so is the index.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { LochError } from '../../core/errors.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const MAGIC = 0x4d52464c; // "LFRM", little endian
const VERSION = 1;
const FOOTER_BYTES = 28;
const ENTRY_BYTES = 8;
const COMPRESSED = 0x80000000;
const MIB = 1024 * 1024;
/** A frame is kept compressed when it loses at least this share. */
const WORTH = 0.9;
/** After so many frames in a row that were not worth it, only every sixteenth is tried. */
const MISSES = 4;
const TRY_EVERY = 16;
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** What a frame file holds. **Units**: bytes. */
export interface FrameFigures {
  readonly plainBytes: number;
  readonly storedBytes: number;
  readonly frames: number;
}

/** One MiB up to 16 GiB; larger objects get larger frames, so that an index stays small. */
export function frameBytesFor(size: number | undefined): number {
  return size === undefined || size <= 16 * 1024 * MIB ? MIB : 16 * MIB;
}

/** Writes `body` to the new file `path` and makes it durable (the name is for the caller). **Cost**: memory of two frames. */
export async function writeFrameFile(
  path: string,
  body: AsyncIterable<Uint8Array>,
  options: FrameOptions,
): Promise<FrameFigures> {
  const handle = await open(path, 'wx');
  try {
    let at = 0;
    const figures = await writeFrames(body, options, async (bytes) => {
      await writeWhole(handle, bytes, at);
      at += bytes.length;
    });
    await handle.datasync();
    return figures;
  } finally {
    await handle.close();
  }
}

/** **Units**: bytes of a frame before it is compressed. */
export interface FrameOptions {
  readonly frameBytes: number;
  readonly signal?: AbortSignal;
}

/**
 * Gives the bytes of a frame file to `take`, one piece after the other, each at the end of those before it. A piece may be
 * overwritten once `take` has resolved. **Cost**: memory of two frames.
 */
export async function writeFrames(
  body: AsyncIterable<Uint8Array>,
  options: FrameOptions,
  take: (bytes: Uint8Array) => Promise<void>,
): Promise<FrameFigures> {
  const writer = new FrameWriter(take, options.frameBytes);
  for await (const chunk of body) {
    options.signal?.throwIfAborted();
    await writer.append(chunk);
  }
  return writer.finish();
}

class FrameWriter {
  readonly #take: (bytes: Uint8Array) => Promise<void>;
  readonly #frame: Buffer;
  #filled = 0;
  #at = 0;
  #plain = 0;
  #misses = 0;
  readonly #index: Buffer[] = [];

  constructor(take: (bytes: Uint8Array) => Promise<void>, frameBytes: number) {
    this.#take = take;
    this.#frame = Buffer.allocUnsafe(frameBytes);
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + this.#frame.length - this.#filled);
      this.#frame.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#frame.length) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const plain = this.#frame.subarray(0, this.#filled);
    const tried = this.#misses < MISSES || this.#index.length % TRY_EVERY === 0;
    const packed = tried ? await compress(plain, LEVEL) : plain;
    const worth = packed.length < plain.length * WORTH;
    if (tried) this.#misses = worth ? 0 : this.#misses + 1;
    const stored = worth ? packed : plain;
    await this.#take(stored);
    const entry = Buffer.alloc(ENTRY_BYTES);
    entry.writeUInt32LE(worth ? stored.length + COMPRESSED : stored.length, 0);
    entry.writeUInt32LE(crc32(stored), 4);
    this.#index.push(entry);
    this.#at += stored.length;
    this.#plain += plain.length;
    this.#filled = 0;
  }

  async finish(): Promise<FrameFigures> {
    if (this.#filled > 0) await this.#flush();
    const index = Buffer.concat(this.#index);
    const footer = Buffer.alloc(FOOTER_BYTES);
    footer.writeUInt32LE(MAGIC, 0);
    footer.writeUInt32LE(VERSION, 4);
    footer.writeUInt32LE(this.#frame.length, 8);
    footer.writeBigUInt64LE(BigInt(this.#plain), 12);
    footer.writeUInt32LE(this.#index.length, 20);
    footer.writeUInt32LE(crc32(footer.subarray(0, 24), crc32(index)), 24);
    await this.#take(Buffer.concat([index, footer]));
    const storedBytes = this.#at + index.length + footer.length;
    return { plainBytes: this.#plain, storedBytes, frames: this.#index.length };
  }
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

interface Frame {
  readonly at: number;
  readonly length: number;
  readonly compressed: boolean;
  readonly crc: number;
}

/** Where the frames of a file are. */
export interface FrameIndex {
  readonly frameBytes: number;
  readonly plainBytes: number;
  readonly frames: readonly Frame[];
}

/** The stored bytes of a frame file, wherever they are. */
export interface FrameSource {
  /** How people find it. */
  readonly label: string;
  /** Its last bytes, `atLeast` of them where there are so many, and its size. */
  end(atLeast: number): Promise<{ readonly bytes: Buffer; readonly size: number }>;
  /** Stored pieces of these lengths, one after the other from `position` on; undefined for one that ends early. */
  pieces(position: number, lengths: readonly number[]): AsyncIterable<Buffer | undefined>;
}

const corrupt = (label: string, what: string): LochError =>
  new LochError(
    'data_corrupt',
    `${what} of the cold file ${label} is not what was written. Restore it from a backup.`,
    { context: { path: label } },
  );

/** **Errors**: `data_corrupt`. */
export async function readFrameIndex(source: FrameSource): Promise<FrameIndex> {
  const { label } = source;
  let tail = await source.end(FOOTER_BYTES);
  const { size } = tail;
  const footer = tail.bytes.subarray(-FOOTER_BYTES);
  if (footer.length < FOOTER_BYTES || footer.readUInt32LE(0) !== MAGIC || footer.readUInt32LE(4) !== VERSION) {
    throw corrupt(label, 'The footer');
  }
  const count = footer.readUInt32LE(20);
  const indexBytes = count * ENTRY_BYTES;
  const begin = size - FOOTER_BYTES - indexBytes;
  if (begin < 0) throw corrupt(label, 'The index');
  if (tail.bytes.length < indexBytes + FOOTER_BYTES) tail = await source.end(indexBytes + FOOTER_BYTES);
  const index = tail.bytes.subarray(tail.bytes.length - FOOTER_BYTES - indexBytes, tail.bytes.length - FOOTER_BYTES);
  if (crc32(footer.subarray(0, 24), crc32(index)) !== footer.readUInt32LE(24)) throw corrupt(label, 'The index');
  const frames: Frame[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const stored = index.readUInt32LE(i * ENTRY_BYTES);
    const compressed = stored >= COMPRESSED;
    const length = compressed ? stored - COMPRESSED : stored;
    frames.push({ at, length, compressed, crc: index.readUInt32LE(i * ENTRY_BYTES + 4) });
    at += length;
  }
  const frameBytes = footer.readUInt32LE(8);
  const plainBytes = Number(footer.readBigUInt64LE(12));
  if (at !== begin || Math.ceil(plainBytes / frameBytes) !== count) throw corrupt(label, 'The index');
  return { frameBytes, plainBytes, frames };
}

/** The plain bytes `first` to `last` (inclusive), frame by frame. **Errors**: `data_corrupt`, before any byte of the frame at fault is given. */
export async function* readFrames(
  source: FrameSource,
  { frameBytes, plainBytes, frames }: FrameIndex,
  range?: { readonly first: number; readonly last: number },
): AsyncGenerator<Buffer, void, void> {
  const first = range?.first ?? 0;
  const last = Math.min(range?.last ?? plainBytes - 1, plainBytes - 1);
  if (last < first) return;
  const from = Math.floor(first / frameBytes);
  const wanted = frames.slice(from, Math.floor(last / frameBytes) + 1);
  let i = from;
  for await (const stored of source.pieces(
    wanted[0]!.at,
    wanted.map(({ length }) => length),
  )) {
    const begin = i * frameBytes;
    const plain = await openFrame(source.label, frames[i]!, stored, Math.min(frameBytes, plainBytes - begin));
    yield plain.subarray(Math.max(0, first - begin), Math.min(plain.length, last - begin + 1));
    i++;
  }
}

async function openFrame(
  label: string,
  frame: Frame,
  stored: Buffer | undefined,
  plainLength: number,
): Promise<Buffer> {
  if (stored === undefined || crc32(stored) !== frame.crc) throw corrupt(label, `The frame at byte ${frame.at}`);
  const plain = frame.compressed ? await decompress(stored, { maxOutputLength: plainLength }) : stored;
  if (plain.length !== plainLength) throw corrupt(label, `The frame at byte ${frame.at}`);
  return plain;
}

async function readWhole(handle: FileHandle, length: number, position: number): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, length - at, position + at);
    if (bytesRead === 0) return undefined;
    at += bytesRead;
  }
  return bytes;
}

function sourceOf(handle: FileHandle, path: string): FrameSource {
  return {
    label: path,
    async end(atLeast) {
      const { size } = await handle.stat();
      const length = Math.min(size, atLeast);
      return { bytes: (await readWhole(handle, length, size - length)) ?? Buffer.alloc(0), size };
    },
    async *pieces(position, lengths) {
      let at = position;
      for (const length of lengths) {
        yield await readWhole(handle, length, at);
        at += length;
      }
    },
  };
}

/**
 * The plain bytes `first` to `last` (inclusive) of a frame file, frame by frame. The file is opened with the first call
 * of `next` and closed with the last. **Errors**: `data_corrupt`, before any byte of the frame at fault is given.
 */
export async function* readFrameFile(
  path: string,
  range?: { readonly first: number; readonly last: number },
): AsyncGenerator<Buffer, void, void> {
  const handle = await open(path, 'r');
  try {
    const source = sourceOf(handle, path);
    yield* readFrames(source, await readFrameIndex(source), range);
  } finally {
    await handle.close();
  }
}
