import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { BodySealer } from '../../encryption/body-cipher.ts';
import type { BodyMeter } from '../body-meter.ts';

/** Bytes gathered before a write is issued; at most twice as many are held. */
const GATHER_BYTES = 1024 * 1024;

/** Writes all of `buffers` at `position`, however many calls it takes. **Cost**: one call when the disk has room. */
export async function writeAll(handle: FileHandle, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = [...buffers];
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest as NodeJS.ArrayBufferView[], at);
    at += bytesWritten;
    let passed = bytesWritten;
    while (rest.length > 0 && passed >= rest[0]!.length) passed -= rest.shift()!.length;
    if (rest.length > 0 && passed > 0) rest = [rest[0]!.subarray(passed), ...rest.slice(1)];
    else if (rest.length > 0 && bytesWritten === 0) {
      throw Object.assign(new Error('the disk took no more bytes'), { code: 'ENOSPC' });
    }
  }
}

/**
 * Writes a body at `position`, measuring it on the way; hashing and writing overlap. Nothing is synced.
 * `begun` are chunks that were taken from the body and measured before. With a `sealer` what is written is sealed. Returns the CRC-32 of
 * what is written.
 */
export async function writeBody(
  handle: FileHandle,
  body: AsyncIterator<Uint8Array>,
  meter: BodyMeter,
  options: {
    readonly position: number;
    readonly begun?: readonly Uint8Array[];
    readonly signal?: AbortSignal | undefined;
    readonly sealer?: BodySealer | undefined;
  },
): Promise<number> {
  const { sealer } = options;
  let crc = 0;
  let position = options.position;
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  const gather = (chunks: readonly Uint8Array[]) => {
    for (const chunk of chunks) {
      gathered.push(chunk);
      bytes += chunk.length;
    }
  };
  for (const chunk of options.begun ?? []) gather(sealer === undefined ? [chunk] : sealer.push(chunk));
  let writing: Promise<void> = Promise.resolve();
  const issue = async () => {
    await writing;
    const batch = gathered;
    const at = position;
    position += bytes;
    gathered = [];
    bytes = 0;
    for (const chunk of batch) crc = crc32(chunk, crc);
    writing = writeAll(handle, batch, at);
    // A failure is told by the next `await writing`; until then it must not count as unhandled.
    writing.catch(() => undefined);
  };
  try {
    for (let next = await body.next(); next.done !== true; next = await body.next()) {
      options.signal?.throwIfAborted();
      meter.update(next.value);
      gather(sealer === undefined ? [next.value] : sealer.push(next.value));
      if (bytes >= GATHER_BYTES) await issue();
    }
    if (sealer !== undefined) gather(sealer.finish());
    if (bytes > 0) await issue();
    await writing;
    return crc;
  } catch (error) {
    await writing.catch(() => undefined);
    await body.return?.();
    throw error;
  }
}
