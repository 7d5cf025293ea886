/**
 * The beginning of an object as bytes and as text: unpacked, decoded, and bounded at every step, so that neither a large
 * object nor a small one that unpacks to a large one takes more than the sample.
 */
import type { Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { CatalogObjects } from '../databases/parts.ts';
import type { Classified } from './classified.ts';

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
  readonly compression: Classified['compression'];
  /** Bytes read from the store. */
  readonly read: number;
  /** Stored bytes that `bytes` came from: fewer than were read when the sample filled up before. */
  readonly stored: number;
}

/** Formats that say what they are in their first bytes and that no classifier here takes. */
const MAGIC: readonly { readonly bytes: string; readonly name: string }[] = [
  { bytes: 'Obj\u0001', name: 'an Avro container' },
  { bytes: 'ORC', name: 'an ORC file' },
  { bytes: 'BZh', name: 'a bzip2 file' },
  { bytes: 'PK\u0003\u0004', name: 'a zip file' },
  { bytes: '\u00fd7zXZ', name: 'an xz file' },
  { bytes: '\u0004"M\u0018', name: 'an lz4 file' },
  { bytes: '\u00ff\u0006\u0000\u0000sNaPpY', name: 'a framed snappy file' },
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

/** The unpacked beginning of an object. */
export async function readSample(objects: CatalogObjects, object: ObjectRef, limit: number): Promise<Sample> {
  const packed = await readRange(objects, object, 0, Math.min(limit, object.size));
  const all = packed.length >= object.size;
  const compression =
    packed[0] === 0x1f && packed[1] === 0x8b
      ? 'gzip'
      : packed.length >= 4 && packed.readUInt32LE(0) === 0xfd2fb528
        ? 'zstd'
        : 'none';
  if (compression === 'none')
    return { bytes: packed, whole: all, compression, read: packed.length, stored: packed.length };
  const stream =
    compression === 'gzip'
      ? zlib.createGunzip({ finishFlush: zlib.constants.Z_SYNC_FLUSH })
      : zlib.createZstdDecompress({ finishFlush: zlib.constants.ZSTD_e_flush });
  const bytes = await unpack(packed, stream, limit);
  const stored = Math.min(packed.length, stream.bytesWritten);
  return { bytes, whole: all && bytes.length < limit, compression, read: packed.length, stored };
}

/** Bytes as text by their byte order mark; UTF-8 without one. A character cut off at the end is left out. */
export function decodeText(bytes: Buffer): { readonly text: string; readonly encoding: string } {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) {
    return { text: new TextDecoder('utf-16le').decode(bytes.subarray(2, bytes.length & ~1)), encoding: 'UTF-16LE' };
  }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    return { text: new TextDecoder('utf-16be').decode(bytes.subarray(2, bytes.length & ~1)), encoding: 'UTF-16BE' };
  }
  const text = new TextDecoder('utf-8').decode(bytes, { stream: true });
  return { text, encoding: 'UTF-8' };
}
