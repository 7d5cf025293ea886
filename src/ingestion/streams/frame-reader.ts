import type { FileHandle } from 'node:fs/promises';
import { decodeHead, FRAME_HEAD_BYTES, type FrameHead, isIntact } from './frame.ts';

const BLOCK_BYTES = 1 << 20;

/** A frame and where it lies in its segment. */
export interface PlacedFrame {
  readonly head: FrameHead;
  readonly frame: Buffer;
  readonly offset: number;
}

/**
 * The intact frames of `file` between the offsets `from` and `end`, in order. Returns the offset behind the last intact
 * one: less than `end` when something else stands there. **Cost**: one block of 1 MiB (or the largest frame) in memory.
 */
export async function* readFrames(
  file: FileHandle,
  from: number,
  end: number,
): AsyncGenerator<PlacedFrame, number, void> {
  let window: Buffer = Buffer.alloc(0);
  let windowAt = from;
  let offset = from;
  const bytesAt = async (length: number): Promise<Buffer | undefined> => {
    if (offset + length > end) return undefined;
    if (offset + length > windowAt + window.length) {
      window = await readFully(file, offset, Math.min(end - offset, Math.max(length, BLOCK_BYTES)));
      windowAt = offset;
    }
    const bytes = window.subarray(offset - windowAt, offset - windowAt + length);
    return bytes.length === length ? bytes : undefined;
  };
  for (;;) {
    const start = await bytesAt(FRAME_HEAD_BYTES);
    const head = start && decodeHead(start);
    const frame = head && (await bytesAt(head.frameBytes));
    if (head === undefined || frame === undefined || !isIntact(frame, head)) return offset;
    yield { head, frame, offset };
    offset += head.frameBytes;
  }
}

async function readFully(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
