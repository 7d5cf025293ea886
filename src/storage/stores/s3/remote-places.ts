/**
 * Objects of a remote service as places of bytes. A body up to one part is one request; a larger one is sent in parts
 * as it comes, so that memory does not grow with it.
 */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { MetadataStore } from '../../../metadata/contract.ts';
import type { ObjectBody, PutOptions } from '../../contract.ts';
import { BodySealer, sealedSize } from '../../encryption/body-cipher.ts';
import { BodyMeter, type Measured } from '../body-meter.ts';
import { extensionsOf } from '../local/object-path.ts';
import { plainFileSize, removeFile } from '../local/object-files.ts';
import { headOf, keyText, type ObjectRow } from '../local/rows.ts';
import { bytesOnDisk } from '../local/sealed-file.ts';
import type { BytePlaces, NewName, Placed } from '../places.ts';
import { begunStream, openStored, type StoredRange } from '../stored-stream.ts';
import { type Intents, remoteName } from './intents.ts';
import type { RangeCache } from './range-cache/range-cache.ts';
import { digest, type RemoteObjects, type RemotePart } from './remote-objects.ts';
import remoteStore from './store.ts';

const { procedures } = remoteStore;
const MAX_PARTS = 9_000;
const NO_SEGMENT = { segment: null, place: null } as const;

export interface RemotePlacesParts {
  readonly store: MetadataStore;
  readonly remote: RemoteObjects;
  readonly intents: Intents;
  readonly cache: RangeCache;
  /** Bodies of more bytes are sent in parts of so many. */
  readonly partBytes: number;
}

const nameOfRow = (row: Pick<ObjectRow, 'bucket' | 'key' | 'version_id'>): string =>
  remoteName({ bucket: row.bucket, key: keyText(row.key), versionId: row.version_id });

/** The places of a remote store. */
export function remotePlaces(parts: RemotePlacesParts): BytePlaces {
  const { remote, intents, cache } = parts;

  const placedAt = (name: NewName): Placed => ({
    row: NO_SEGMENT,
    also: [intents.fulfilled(name)],
    discard: async () => {
      await remote.remove(remoteName(name));
      await intents.dropped(name);
    },
    decided: () => intents.decided(name),
  });

  /** Runs `work` under an intent; what failed leaves nothing behind, or its intent. */
  const under = async <T>(name: NewName, work: () => Promise<T>): Promise<T> => {
    try {
      await intents.begin(name);
      return await work();
    } catch (error) {
      await placedAt(name)
        .discard()
        .catch(() => undefined); // the intent stays, and the sweep tries again
      intents.decided(name);
      throw error;
    }
  };

  return {
    async place(name, body, options, beforeLarge, seal) {
      const source = await sourceOf(body, options);
      const meter = new BodyMeter(options);
      const sealer = seal && new BodySealer(seal.key);
      const bytes = source.size === undefined || sealer === undefined ? source.size : sealedSize(source.size);
      const partBytes = Math.max(parts.partBytes, Math.ceil((bytes ?? 0) / MAX_PARTS));
      const stored = storedChunks(source.chunks, meter, sealer, options.signal);
      const pieces = piecesOf(stored, partBytes);
      const first = await pieces.next();
      const begun = first.done === true ? Buffer.alloc(0) : first.value;
      let measured: Measured;
      if (begun.length < partBytes) {
        measured = meter.finish();
        const md5 = sealer === undefined ? measured.md5 : digest(begun);
        await under(name, () => remote.put(remoteName(name), begun, md5));
      } else {
        try {
          await beforeLarge();
        } catch (error) {
          await pieces.return(undefined);
          throw error;
        }
        measured = await under(name, () => sendParts(parts, name, begun, pieces, meter));
      }
      if (source.adopted !== undefined) await removeFile(source.adopted);
      return { measured, ...placedAt(name) };
    },

    async copy(source, name) {
      await under(name, () => remote.copy(nameOfRow(source), remoteName(name), bytesOnDisk(headOf(source))));
      return placedAt(name);
    },

    async read(row, range, dataKey) {
      if (dataKey === undefined) return remote.read(nameOfRow(row), range.first, range.last);
      return begunStream(openStored(dataKey, headOf(row), range, storedAt(remote, row)));
    },

    openFile(row, key, directory, columns, dataKey) {
      const version = { versionId: row.version_id, size: row.size, extensions: extensionsOf(key) };
      if (dataKey === undefined) {
        const read = (first: number, last: number) => remote.read(nameOfRow(row), first, last);
        return cache.open({ ...version, read }, directory, columns);
      }
      // Plain bytes of an encrypted version are for this statement alone, and go with its files.
      const read = async (first: number, last: number) =>
        Readable.from(openStored(dataKey, headOf(row), { first, last }, storedAt(remote, row)), { objectMode: false });
      return cache.openOwn({ ...version, read }, directory, columns);
    },
  };
}

/** Stored bytes of a version. */
const storedAt = (remote: RemoteObjects, row: ObjectRow): StoredRange =>
  async function* (first, last) {
    yield* await remote.read(nameOfRow(row), first, last);
  };

interface Source {
  readonly chunks: AsyncIterator<Uint8Array>;
  readonly size: number | undefined;
  /** A file that is ours once its bytes are placed. */
  readonly adopted?: string;
}

async function sourceOf(body: ObjectBody, options: PutOptions): Promise<Source> {
  if (body instanceof Uint8Array) return { chunks: oneChunk(body), size: body.length };
  if ('adoptFile' in body) {
    const size = await plainFileSize(body.adoptFile);
    return { chunks: createReadStream(body.adoptFile)[Symbol.asyncIterator](), size, adopted: body.adoptFile };
  }
  return { chunks: body[Symbol.asyncIterator](), size: options.contentLength };
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A body as it is to be stored, measured as it is. */
export async function* storedChunks(
  chunks: AsyncIterator<Uint8Array>,
  meter: BodyMeter,
  sealer: BodySealer | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let ended = false;
  try {
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      signal?.throwIfAborted();
      meter.update(next.value);
      if (sealer === undefined) yield next.value;
      else yield* sealer.push(next.value);
    }
    ended = true;
    if (sealer !== undefined) yield* sealer.finish();
  } finally {
    if (!ended) await chunks.return?.();
  }
}

/** Bytes in pieces of exactly `size`, but for the last. */
async function* piecesOf(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  size: number,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (bytes + rest.length >= size) {
      const taken = size - bytes;
      yield Buffer.concat([...held, rest.subarray(0, taken)]);
      rest = rest.subarray(taken);
      held = [];
      bytes = 0;
    }
    if (rest.length === 0) continue;
    held.push(rest);
    bytes += rest.length;
  }
  if (bytes > 0) yield Buffer.concat(held);
}

/** Sends the pieces as parts, one under way while the next is read; nothing is seen before every byte was verified. */
async function sendParts(
  { store, remote }: RemotePlacesParts,
  name: NewName,
  begun: Buffer,
  pieces: AsyncGenerator<Buffer, void, undefined>,
  meter: BodyMeter,
): Promise<Measured> {
  const key = remoteName(name);
  const uploadId = await remote.begin(key);
  try {
    await store.write(procedures.uploadBegun, { versionId: name.versionId, remoteUploadId: uploadId });
    const sent: RemotePart[] = [];
    let stored = 0;
    const send = (bytes: Buffer, number: number) => {
      stored += bytes.length;
      return remote.putPart(key, uploadId, number, { size: bytes.length, md5: digest(bytes), open: () => bytes });
    };
    let under: Promise<RemotePart> = send(begun, 1);
    under.catch(() => undefined); // told where it is awaited
    for await (const piece of pieces) {
      sent.push(await under);
      under = send(piece, sent.length + 1);
      under.catch(() => undefined);
    }
    sent.push(await under);
    const measured = meter.finish();
    const completed = await remote.complete(key, uploadId, sent);
    if (!completed && (await remote.head(key))?.size !== stored) throw remote.strange(key, 'lost an upload');
    return measured;
  } catch (error) {
    await pieces.return(undefined);
    await remote.abort(key, uploadId).catch(() => undefined); // the intent stays, and the sweep tries again
    throw error;
  }
}
