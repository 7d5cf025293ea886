import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { freeMemory, freeOwn, isGiven } from '../../../core/given-bytes.ts';
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
 * `begun` are chunks that were taken from the body and measured before. With a `sealer` what is written is sealed.
 * Memory that was given away is freed as soon as what was in it is written. Returns the CRC-32 of what is
 * written.
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
  let batch = new Batch();
  const gather = (chunk: Uint8Array) => {
    batch.follow(chunk);
    if (sealer === undefined) batch.add([chunk]);
    else batch.addOwn(sealer.push(chunk));
  };
  for (const chunk of options.begun ?? []) gather(chunk);
  let writing: Promise<void> = Promise.resolve();
  const issue = async () => {
    await writing;
    const full = batch;
    const at = position;
    position += full.bytes;
    batch = full.next();
    for (const chunk of full.chunks) crc = crc32(chunk, crc);
    writing = writeAll(handle, full.chunks, at).then(() => full.free());
    // A failure is told by the next `await writing`; until then it must not count as unhandled.
    writing.catch(() => undefined);
  };
  try {
    for (let next = await body.next(); next.done !== true; next = await body.next()) {
      options.signal?.throwIfAborted();
      meter.update(next.value);
      gather(next.value);
      if (batch.bytes >= GATHER_BYTES) await issue();
    }
    if (sealer !== undefined) batch.addOwn(sealer.finish());
    if (batch.bytes > 0) await issue();
    await writing;
    return crc;
  } catch (error) {
    await writing.catch(() => undefined);
    await body.return?.();
    throw error;
  }
}

/** Chunks that are written together, and the memory that nobody needs once they and all before them are written. */
class Batch {
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  readonly #own: Uint8Array[] = [];
  readonly #passed: ArrayBufferLike[] = [];
  /** Given memory that later chunks may lie in too. */
  #latest: ArrayBufferLike | undefined;

  /** Takes note that `chunk` came: what was given before it is not looked at by its source any more. */
  follow(chunk: Uint8Array): void {
    if (chunk.buffer === this.#latest) return;
    if (this.#latest !== undefined) this.#passed.push(this.#latest);
    this.#latest = isGiven(chunk) ? chunk.buffer : undefined;
  }

  add(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.chunks.push(chunk);
      this.bytes += chunk.length;
    }
  }

  /** Adds chunks that were made for this body alone. */
  addOwn(chunks: readonly Uint8Array[]): void {
    this.add(chunks);
    this.#own.push(...chunks);
  }

  next(): Batch {
    const next = new Batch();
    next.#latest = this.#latest;
    return next;
  }

  /** Called once, when this batch and those before it are written. */
  free(): void {
    for (const memory of this.#passed) freeMemory(memory);
    for (const chunk of this.#own) freeOwn(chunk);
  }
}
