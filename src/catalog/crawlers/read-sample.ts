/**
 * The beginning of an object as bytes and as text: unpacked, decoded, and bounded at every step, so that neither a large
 * object nor a small one that unpacks to a large one takes more than the sample.
 */
import type { Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { CatalogObjects } from '../databases/parts.ts';
import type { Compression } from './classified.ts';
import { unpackBzip2 } from './packing/bzip2.ts';
import { unpackLz4Frame } from './packing/lz4.ts';
import { unpackSnappyFrames } from './packing/snappy.ts';
import { readMember, type ZipMember } from './packing/zip.ts';

/** How much of a file is unpacked to classify it, and how much when a record does not fit that. **Units**: bytes. */
export const SAMPLE_BYTES = 64 * 1024;
export const LARGE_SAMPLE_BYTES = 1024 * 1024;

export interface ObjectRef {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
}

export interface Sample {
  /** Unpacked bytes. */
  readonly bytes: Buffer;
  /** Whether `bytes` is all there is. */
  readonly whole: boolean;
  readonly compression: Compression;
  /** Bytes read from the store. */
  readonly read: number;
  /** Stored bytes that `bytes` came from: fewer than were read when the sample filled up before. */
  readonly stored: number;
}

/** Formats that say what they are in their first bytes and that no classifier here takes. */
const MAGIC: readonly { readonly bytes: string; readonly name: string }[] = [
  { bytes: '\u00fd7zXZ', name: 'an xz file' },
  { bytes: '7z\u00bc\u00af', name: 'a 7z file' },
  { bytes: '\u001f\u009d', name: 'a file of Unix compress' },
  { bytes: '\u0089LZO', name: 'an lzo file' },
  { bytes: 'SQLite format 3', name: 'an SQLite database' },
  { bytes: '\u00d0\u00cf\u0011\u00e0', name: 'an old Office document; save it as .xlsx' },
  { bytes: '\u00e0\u0001\u0000\u00ea', name: 'binary Ion' },
  { bytes: '%PDF', name: 'a PDF' },
  { bytes: '\u0089PNG', name: 'a PNG image' },
  { bytes: '\u00ff\u00d8\u00ff', name: 'a JPEG image' },
  { bytes: 'ARROW1', name: 'an Arrow file' },
];

/** What the first bytes say it is, of the formats no classifier takes. */
export function foreignFormat(bytes: Buffer): string | undefined {
  const beginning = bytes.subarray(0, 16).toString('latin1');
  return MAGIC.find((magic) => beginning.startsWith(magic.bytes))?.name;
}

/** At most `limit` bytes of a stream; the rest is not read. */
async function collect(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    total += (chunk as Buffer).length;
    if (total >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** Bytes `first` to before `end` of an object. */
export async function readRange(
  objects: CatalogObjects,
  object: ObjectRef,
  first: number,
  end: number,
): Promise<Buffer> {
  if (end <= first) return Buffer.alloc(0);
  const read = await objects.get(object.bucket, object.key, { range: { first, last: end - 1 } });
  return collect(read.body, end - first);
}

/** Unpacks the beginning of packed bytes; what cannot be unpacked any more ends the sample. */
async function unpack(packed: Buffer, stream: zlib.Gunzip | zlib.ZstdDecompress, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  return new Promise((resolve) => {
    const finish = () => {
      stream.removeAllListeners('data');
      stream.on('error', () => {});
      stream.destroy();
      resolve(Buffer.concat(chunks).subarray(0, limit));
    };
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      total += chunk.length;
      if (total >= limit) finish();
    });
    stream.on('end', finish);
    stream.on('error', finish); // the packed bytes are cut off: what came out is the sample
    stream.end(packed);
  });
}

/** How the bytes are packed, by their own first ones. */
function packingOf(bytes: Buffer): Compression {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  if (bytes.length >= 4) {
    const magic = bytes.readUInt32LE(0);
    if (magic === 0xfd2fb528) return 'zstd';
    if (magic === 0x184d2204) return 'lz4';
    if (magic === 0x04034b50) return 'zip';
  }
  const beginning = bytes.subarray(0, 10).toString('latin1');
  if (/^BZh[1-9]/.test(beginning)) return 'bzip2';
  return beginning === '\u00ff\u0006\u0000\u0000sNaPpY' ? 'snappy' : 'none';
}

/**
 * The unpacked beginning of an object. A zip is given as it is: its directory decides what is in it.
 * **Errors**: plain `Error` where the bytes are not what their beginning says.
 */
export async function readSample(objects: CatalogObjects, object: ObjectRef, limit: number): Promise<Sample> {
  const packed = await readRange(objects, object, 0, Math.min(limit, object.size));
  const all = packed.length >= object.size;
  const compression = packingOf(packed);
  const common = { compression, read: packed.length };
  switch (compression) {
    case 'none':
    case 'zip':
    case 'zlib':
      return { ...common, bytes: packed, whole: all, stored: packed.length };
    case 'gzip':
    case 'zstd': {
      const stream =
        compression === 'gzip'
          ? zlib.createGunzip({ finishFlush: zlib.constants.Z_SYNC_FLUSH })
          : zlib.createZstdDecompress({ finishFlush: zlib.constants.ZSTD_e_flush });
      const bytes = await unpack(packed, stream, limit);
      const stored = Math.min(packed.length, stream.bytesWritten);
      return { ...common, bytes, whole: all && bytes.length < limit, stored };
    }
    default: {
      const unpackBeginning = { bzip2: unpackBzip2, lz4: unpackLz4Frame, snappy: unpackSnappyFrames }[compression];
      const bytes = unpackBeginning(packed, limit);
      return { ...common, bytes, whole: all && bytes.length < limit, stored: packed.length };
    }
  }
}

/** The unpacked beginning of a zip's one member. **Errors**: plain `Error`. */
export async function memberSample(
  member: ZipMember,
  read: (first: number, end: number) => Promise<Uint8Array>,
  limit: number,
): Promise<Sample> {
  const bytes = await readMember(member, read, limit);
  const stored = Math.min(member.packedSize, limit);
  return { bytes, whole: bytes.length >= member.size, compression: 'zip', read: 0, stored };
}

/** UTF-16 without a mark: text whose every other byte is mostly zero. */
function unmarkedUtf16(bytes: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  const some = bytes.subarray(0, 1024);
  if (some.length < 16) return undefined;
  const zeros = [0, 0];
  some.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2] = zeros[at % 2]! + 1;
  });
  const half = some.length / 2;
  if (zeros[1]! > half * 0.7 && zeros[0]! < half * 0.1) return 'utf-16le';
  return zeros[0]! > half * 0.7 && zeros[1]! < half * 0.1 ? 'utf-16be' : undefined;
}

/**
 * Bytes as text: by their byte order mark, as UTF-16 where every other byte is zero, as UTF-8 where they are that, else
 * as ISO-8859-1. A character cut off at the end is left out.
 */
export function decodeText(bytes: Buffer): { readonly text: string; readonly encoding: string } {
  const even = bytes.subarray(0, bytes.length & ~1);
  if (bytes[0] === 0xff && bytes[1] === 0xfe) {
    return { text: new TextDecoder('utf-16le').decode(even.subarray(2)), encoding: 'UTF-16LE' };
  }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    return { text: new TextDecoder('utf-16be').decode(even.subarray(2)), encoding: 'UTF-16BE' };
  }
  const unmarked = unmarkedUtf16(bytes);
  if (unmarked !== undefined) {
    return { text: new TextDecoder(unmarked).decode(even), encoding: unmarked.toUpperCase() };
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true }), encoding: 'UTF-8' };
  } catch {
    return { text: new TextDecoder('latin1').decode(bytes), encoding: 'ISO-8859-1' };
  }
}
