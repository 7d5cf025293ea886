/**
 * Makes the bytes of a new version durable, before any transaction names them: a record in a segment up to the limit,
 * a file above it.
 */
import { createReadStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { ObjectBody, PutOptions } from '../../contract.ts';
import { BodySealer, sealBody } from '../../encryption/body-cipher.ts';
import { BodyMeter, type Measured } from '../body-meter.ts';
import type { NewName, PlacedBody, Seal } from '../places.ts';
import { type ObjectFiles, plainFileSize, removeFile, syncFile } from './object-files.ts';
import type { Segments } from './segments.ts';
import type { Space } from './space.ts';
import { writeBody } from './write-all.ts';

export interface BodyPlaces {
  readonly files: ObjectFiles;
  readonly segments: Segments;
  readonly space: Space;
  /** Objects of more bytes are files. */
  readonly segmentLimit: number;
}

/**
 * Places `body`, sealed when there is a `seal`. `beforeLarge` runs once it is known to be a file, before the first byte
 * is written: what can be refused early is refused there. **Errors**: as `BodyMeter`; `disk_full`.
 */
export async function placeBody(
  places: BodyPlaces,
  name: NewName,
  body: ObjectBody,
  options: PutOptions,
  beforeLarge: () => Promise<void>,
  seal?: Seal,
): Promise<PlacedBody> {
  const meter = new BodyMeter(options);
  if (body instanceof Uint8Array) {
    if (body.length <= places.segmentLimit) {
      meter.update(body);
      return placeRecord(places, name, [body], meter, seal);
    }
    return placeFile(places, name, oneChunk(body), [], meter, options, beforeLarge, seal);
  }
  if ('adoptFile' in body) return adoptFile(places, name, body.adoptFile, meter, options, beforeLarge, seal);

  const chunks = body[Symbol.asyncIterator]();
  const begun: Uint8Array[] = [];
  let bytes = 0;
  try {
    while (bytes <= places.segmentLimit) {
      const next = await chunks.next();
      if (next.done === true) return await placeRecord(places, name, begun, meter, seal);
      options.signal?.throwIfAborted();
      meter.update(next.value);
      begun.push(next.value);
      bytes += next.value.length;
    }
  } catch (error) {
    await chunks.return?.();
    throw error;
  }
  return placeFile(places, name, chunks, begun, meter, options, beforeLarge, seal);
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function placeRecord(
  places: BodyPlaces,
  name: NewName,
  chunks: readonly Uint8Array[],
  meter: BodyMeter,
  seal: Seal | undefined,
): Promise<PlacedBody> {
  const measured = meter.finish();
  await places.space.assertRoom(measured.size);
  const plain = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  const bytes = seal === undefined ? plain : sealBody(seal.key, plain);
  const at = await places.segments.append(name.versionId, bytes);
  const { segment, place } = at;
  // A record without a name goes with its segment.
  const discard = () => Promise.resolve();
  return { measured, row: { segment, place }, discard, decided: () => places.segments.decided(at) };
}

async function placeFile(
  places: BodyPlaces,
  name: NewName,
  chunks: AsyncIterator<Uint8Array>,
  begun: readonly Uint8Array[],
  meter: BodyMeter,
  options: PutOptions,
  beforeLarge: () => Promise<void>,
  seal: Seal | undefined,
): Promise<PlacedBody> {
  try {
    await beforeLarge();
    await places.space.assertRoom(options.contentLength ?? 0);
    return await places.files.withTemporary(async (temporary) => {
      const handle = await open(temporary, 'wx');
      let measured: Measured;
      let crc: number;
      try {
        const sealer = seal && new BodySealer(seal.key);
        crc = await writeBody(handle, chunks, meter, { position: 0, begun, signal: options.signal, sealer });
        measured = meter.finish();
        await handle.datasync();
      } finally {
        await handle.close();
      }
      return publishFile(places, name, temporary, measured, crc);
    });
  } catch (error) {
    await chunks.return?.();
    throw error;
  }
}

async function publishFile(
  places: BodyPlaces,
  name: NewName,
  source: string,
  measured: Measured,
  crc: number,
): Promise<PlacedBody> {
  const path = places.files.pathOf(name.bucket, name.key, name.versionId);
  const decided = () => places.files.decided(path);
  try {
    await places.files.publish(source, path, 'rename');
  } catch (error) {
    decided();
    throw error;
  }
  return { measured, crc, row: { segment: null, place: null }, discard: () => places.files.remove(path), decided };
}

/** Takes a finished file over by rename; one on another file system, a small one, or one to be sealed is copied and removed. */
async function adoptFile(
  places: BodyPlaces,
  name: NewName,
  source: string,
  meter: BodyMeter,
  options: PutOptions,
  beforeLarge: () => Promise<void>,
  seal: Seal | undefined,
): Promise<PlacedBody> {
  const size = await plainFileSize(source);
  if (size <= places.segmentLimit || seal !== undefined) {
    const placed = await placeBody(places, name, createReadStream(source), options, beforeLarge, seal);
    await removeFile(source);
    return placed;
  }
  await beforeLarge();
  try {
    return await places.files.withTemporary(async (temporary) => {
      await rename(source, temporary);
      let crc = 0;
      for await (const chunk of createReadStream(temporary, { highWaterMark: 1024 * 1024 })) {
        options.signal?.throwIfAborted();
        crc = crc32(chunk as Buffer, crc);
        meter.update(chunk as Buffer);
      }
      const measured = meter.finish();
      await syncFile(temporary);
      return publishFile(places, name, temporary, measured, crc);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const chunks = createReadStream(source)[Symbol.asyncIterator]();
    const copied = await placeFile(places, name, chunks, [], meter, options, beforeLarge, seal);
    await removeFile(source);
    return copied;
  }
}
