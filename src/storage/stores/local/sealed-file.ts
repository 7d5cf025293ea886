/** Encrypted versions on disk: reads of stored bytes, and what is wrong with them in words. */
import type { FileHandle } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { LochError } from '../../../core/errors.ts';
import { freeMemory, freeOwn } from '../../../core/given-bytes.ts';
import type { DataKeyOf, DirectBody, ObjectHead, ObjectName } from '../../contract.ts';
import { opaqueEtag, openRange, type ReadStored, type SealedLayout, storedSize } from '../../encryption/body-cipher.ts';
import type { ObjectEncryption } from '../../versions.ts';
import type { Measured } from '../body-meter.ts';
import type { ServedRange } from '../ranges.ts';

/** How a version lies in its sealed bodies. */
export const layoutOf = ({ size, partSizes, attributes }: Omit<ObjectHead, 'versioning'>): SealedLayout => ({
  size,
  ...(partSizes === undefined ? {} : { partSizes }),
  ...(attributes.encryption?.partNumbers === undefined ? {} : { partNumbers: attributes.encryption.partNumbers }),
});

/** Bytes of a version on disk. */
export const bytesOnDisk = (head: ObjectHead): number =>
  head.attributes.encryption === undefined ? head.size : storedSize(layoutOf(head));

/** The data key of a record, from whoever has it. **Errors**: `internal` when nobody was named. */
export function dataKeyOf(
  record: ObjectEncryption,
  name: ObjectName,
  options: { readonly dataKey?: DataKeyOf },
): Promise<Uint8Array> {
  if (options.dataKey !== undefined) return options.dataKey(record, name);
  throw new LochError(
    'internal',
    `s3://${name.bucket}/${name.key} is encrypted and was asked for without its data key.`,
  );
}

/** The plain bytes of a range of a version, from stored bytes. **Errors**: `data_corrupt`. */
export function openVersion(
  key: Uint8Array,
  head: ObjectHead,
  range: ServedRange,
  read: ReadStored,
): AsyncGenerator<Buffer> {
  const { bucket, key: name, versionId } = head;
  const corrupt = (why: string, cause?: unknown) =>
    new LochError(
      'data_corrupt',
      `s3://${bucket}/${name} (version ${versionId}) does not decrypt: ${why}. Restore it from a backup.`,
      { context: { bucket, key: name, versionId }, cause },
    );
  return openRange(key, layoutOf(head), range, read, corrupt);
}

const LONG_READ = 64 * 1024;

/** Reads stored bytes of a file; long ones into two buffers in turn, which `free` gives back when no read is under way. */
export function readingFile(handle: FileHandle): ReadStored & { free(): void } {
  const buffers: Buffer[] = [];
  let turn = 0;
  const bufferFor = (length: number): Buffer => {
    if (length < LONG_READ) return Buffer.allocUnsafe(length);
    turn = 1 - turn;
    if ((buffers[turn]?.length ?? 0) < length) buffers[turn] = Buffer.allocUnsafeSlow(length);
    return buffers[turn]!.subarray(0, length);
  };
  const read: ReadStored = async (position, length) => {
    const bytes = bufferFor(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  };
  return Object.assign(read, { free: () => buffers.splice(0).forEach(freeOwn) });
}

/** Reads stored bytes in memory. */
export const readingBytes =
  (bytes: Buffer): ReadStored =>
  async (position, length) =>
    bytes.subarray(position, position + length);

/** The ETag of a body, in hex: its MD5, but for a key that is the customer's or of the key service something opaque. */
export function etagOf(
  measured: Measured,
  seal: { readonly record: ObjectEncryption; readonly key: Uint8Array } | undefined,
): string {
  if (seal === undefined || seal.record.algorithm === 'AES256') return measured.md5.toString('hex');
  return opaqueEtag(seal.key, measured.md5);
}

const READ_CHUNK = 256 * 1024;

/**
 * The plain bytes of a range of a file, as a body that can be sent without a stream between. The file is closed with it,
 * however it ends. (Copying chunks into buffers that are used again cost more than it spared.)
 */
export async function openedFile(
  handle: FileHandle,
  key: Uint8Array,
  head: ObjectHead,
  range: ServedRange,
): Promise<Readable & DirectBody> {
  const reading = readingFile(handle);
  const plain = openVersion(key, head, range, reading);
  // The first chunk is verified before an answer begins.
  const first = await plain.next().catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  const all = async function* () {
    if (first.done !== true) yield first.value;
    yield* plain;
  };
  const body = Readable.from(all(), { objectMode: false, highWaterMark: READ_CHUNK });
  body.once('close', () => void handle.close().catch(() => undefined)); // reading from it is over
  return Object.assign(body, {
    sendTo: async (out: Writable) => {
      try {
        await sendChunks(all(), out);
        reading.free();
      } finally {
        body.destroy();
      }
    },
  });
}

/** Sends chunks, two of them on their way at a time. Each has memory of its own, which is freed once it is taken. */
async function sendChunks(chunks: AsyncGenerator<Buffer>, out: Writable): Promise<void> {
  let giveUp!: (error: Error) => void;
  const gone = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  gone.catch(() => {});
  const onClose = () => giveUp(new Error('The reader of the body has gone.'));
  out.once('close', onClose);
  const taken: Promise<void>[] = [Promise.resolve(), Promise.resolve()];
  try {
    for (let turn = 0; ; turn = 1 - turn) {
      await Promise.race([taken[turn], gone]);
      const next = await chunks.next();
      if (next.done === true) break;
      const { value: chunk } = next;
      const taking = new Promise<void>((resolve, reject) =>
        out.write(chunk, (error) => (error ? reject(error) : resolve(freeMemory(chunk.buffer)))),
      );
      taking.catch(() => {}); // told by the race, or by the end
      taken[turn] = taking;
    }
    await Promise.race([Promise.all(taken), gone]);
    out.removeListener('close', onClose);
    out.end();
    await finished(out);
  } finally {
    out.removeListener('close', onClose);
    await chunks.return(undefined);
  }
}

/** All of a short body. */
export async function wholeOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all.length === 1 ? all[0]! : Buffer.concat(all);
}
