/**
 * The form of one batch in a log segment.
 *
 * Invariants
 * - A frame is whole or it is not there: the checksum covers everything behind it, and nobody reads past a bad one.
 * - Sequence numbers of a log grow by one per record, through all frames and segments.
 *
 * Layout, little endian: magic u32 · crc32 u32 (of all that follows) · payload bytes u32 · records u32 ·
 * first sequence u64 · arrival u64 (ms since 1970) · length u32 per record · the records one after the other.
 */
import { crc32 } from 'node:zlib';

const MAGIC = 0x31474f4c;
export const FRAME_HEAD_BYTES = 32;
const CHECKED_FROM = 8;
const NEWLINE = 0x0a;

/** What the fixed head of a frame says; not yet checked against its checksum. */
export interface FrameHead {
  readonly crc: number;
  readonly payloadBytes: number;
  readonly records: number;
  readonly first: number;
  readonly arrivedAt: number;
  /** The whole frame, head included. */
  readonly frameBytes: number;
}

/** The frame of `records`. With `newline` each record that does not end with `\n` gets one. */
export function encodeFrame(
  records: readonly Uint8Array[],
  facts: { readonly first: number; readonly arrivedAt: number; readonly newline: boolean },
): Buffer {
  let payloadBytes = 0;
  for (const record of records) payloadBytes += record.length + (facts.newline && needsNewline(record) ? 1 : 0);
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + 4 * records.length + payloadBytes);
  frame.writeUInt32LE(MAGIC, 0);
  frame.writeUInt32LE(payloadBytes, 8);
  frame.writeUInt32LE(records.length, 12);
  frame.writeBigUInt64LE(BigInt(facts.first), 16);
  frame.writeBigUInt64LE(BigInt(facts.arrivedAt), 24);
  let lengthAt = FRAME_HEAD_BYTES;
  let at = FRAME_HEAD_BYTES + 4 * records.length;
  for (const record of records) {
    const start = at;
    frame.set(record, at);
    at += record.length;
    if (facts.newline && needsNewline(record)) frame[at++] = NEWLINE;
    frame.writeUInt32LE(at - start, lengthAt);
    lengthAt += 4;
  }
  frame.writeUInt32LE(crc32(frame.subarray(CHECKED_FROM)), 4);
  return frame;
}

function needsNewline(record: Uint8Array): boolean {
  return record[record.length - 1] !== NEWLINE;
}

/** The head at the start of `bytes`, or undefined when no frame starts there. */
export function decodeHead(bytes: Buffer): FrameHead | undefined {
  if (bytes.length < FRAME_HEAD_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  const payloadBytes = bytes.readUInt32LE(8);
  const records = bytes.readUInt32LE(12);
  return {
    crc: bytes.readUInt32LE(4),
    payloadBytes,
    records,
    first: Number(bytes.readBigUInt64LE(16)),
    arrivedAt: Number(bytes.readBigUInt64LE(24)),
    frameBytes: FRAME_HEAD_BYTES + 4 * records + payloadBytes,
  };
}

/** Whether `frame` (exactly one whole frame) is what was written. */
export function isIntact(frame: Buffer, head: FrameHead): boolean {
  return frame.length === head.frameBytes && crc32(frame.subarray(CHECKED_FROM)) === head.crc;
}

/** The records of a frame, one after the other, as one piece. */
export function payloadOf(frame: Buffer, head: FrameHead): Buffer {
  return frame.subarray(FRAME_HEAD_BYTES + 4 * head.records, head.frameBytes);
}

/** The records of a frame, each by itself. */
export function recordsOf(frame: Buffer, head: FrameHead): Buffer[] {
  const records: Buffer[] = [];
  let at = FRAME_HEAD_BYTES + 4 * head.records;
  for (let i = 0; i < head.records; i++) {
    const length = frame.readUInt32LE(FRAME_HEAD_BYTES + 4 * i);
    records.push(frame.subarray(at, at + length));
    at += length;
  }
  return records;
}
