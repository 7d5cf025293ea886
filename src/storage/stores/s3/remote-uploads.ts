/**
 * Multipart uploads straight through: an upload of ours is one of the service, part for part.
 *
 * Invariants
 * - A part is acknowledged when the service has taken it and its row is committed.
 * - The service puts the object together before our transaction names it. A completion cut short in between can be
 *   repeated with the same parts; the list that the service was given is durable before it is asked.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../core/clock.ts';
import { LochError } from '../../../core/errors.ts';
import { type MetadataStore, storeCall } from '../../../metadata/contract.ts';
import type {
  CompletedPart,
  ListUploadsOptions,
  ObjectBody,
  ObjectHead,
  PartInfo,
  PutOptions,
  UploadInfo,
  UploadRef,
} from '../../contract.ts';
import { BodySealer, sealedSize } from '../../encryption/body-cipher.ts';
import { BodyMeter } from '../body-meter.ts';
import { removeFile } from '../local/object-files.ts';
import type { PartRow } from '../local/rows.ts';
import objectStore from '../local/store.ts';
import {
  type Completion,
  commitCompletion,
  type KeptOptions,
  keptOptions,
  partInfo,
  prepareCompletion,
  recordedParts,
  recordedUploads,
  recordUpload,
  type RemoteUpload,
  stored,
  type Uploads,
} from '../local/upload-rows.ts';
import { dataKeyOf, etagOf } from '../local/sealed-file.ts';
import { writeBody } from '../local/write-all.ts';
import { uploadMissing } from '../names.ts';
import { assertPartNumber } from '../part-list.ts';
import { newVersionId } from '../version-id.ts';
import { type Intents, remoteName } from './intents.ts';
import { digest, type RemoteObjects, type RemotePart } from './remote-objects.ts';
import { storedChunks } from './remote-places.ts';
import remoteStore from './store.ts';

const { procedures } = objectStore;
const { procedures: own } = remoteStore;

export interface RemoteUploadsDeps {
  readonly store: MetadataStore;
  readonly remote: RemoteObjects;
  readonly intents: Intents;
  readonly clock: Clock;
  readonly minPartBytes: number;
  /** Parts of more bytes wait in a file here on their way. */
  readonly workDirectory: string;
  readonly partBytes: number;
}

interface Opened {
  readonly kept: KeptOptions;
  readonly at: RemoteUpload;
  readonly name: string;
}

/** The multipart part of a remote store. */
export class RemoteUploads implements Uploads {
  readonly #deps: RemoteUploadsDeps;
  /** One part of a number at a time, so that the row and the service mean the same bytes. */
  readonly #lanes = new Map<string, Promise<unknown>>();
  readonly #completing = new Set<string>();

  constructor(deps: RemoteUploadsDeps) {
    this.#deps = deps;
  }

  async create(bucket: string, key: string, options: PutOptions): Promise<UploadInfo> {
    const { store, remote, intents, clock } = this.#deps;
    const name = { bucket, key, versionId: newVersionId(clock.now()) };
    const { versionId } = name;
    await store.read(procedures.uploads, { bucket, ...NOTHING }); // the bucket must be there before the service is asked
    await intents.begin(name);
    try {
      const uploadId = await remote.begin(remoteName(name));
      await store.write(own.uploadBegun, { versionId, remoteUploadId: uploadId });
      return await recordUpload(this.#deps, { bucket, key }, options, { uploadId, versionId }, (ours) => [
        storeCall(own.uploadRecorded, { versionId, uploadId: ours }),
      ]);
    } finally {
      intents.decided(name);
    }
  }

  async putPart(upload: UploadRef, number: number, body: ObjectBody, options: PutOptions): Promise<PartInfo> {
    assertPartNumber(number);
    const { kept, at, name } = await this.#open(upload);
    const meter = new BodyMeter({
      ...options,
      checksumAlgorithms: [...(options.checksumAlgorithms ?? []), ...(kept.checksumAlgorithms ?? [])],
    });
    const record = kept.attributes?.encryption;
    const seal = record && { record, key: await dataKeyOf(record, upload, options) };
    const held = await this.#hold(body, meter, options, seal && new BodySealer(seal.key, number));
    try {
      const measured = meter.finish();
      const part = { size: held.size, md5: held.md5 ?? measured.md5, open: held.open };
      return await this.#alone(`${upload.uploadId}/${number}`, async () => {
        const { etag } = await this.#deps.remote.putPart(name, at.uploadId, number, part);
        const row: PartRow = {
          upload_id: upload.uploadId,
          number,
          size: measured.size,
          md5: etagOf(measured, seal),
          checksums: JSON.stringify(measured.checksums),
          modified_at: this.#deps.clock.now(),
          unit: null,
          file: etag,
          crc: null,
        };
        await this.#deps.store.write(procedures.putPart, { upload: stored(upload), part: row });
        return { ...partInfo(row), ...(record === undefined ? {} : { encryption: record }) };
      });
    } finally {
      await held.release();
    }
  }

  parts(upload: UploadRef, after: number, max: number): Promise<PartInfo[]> {
    return recordedParts(this.#deps.store, upload, after, max);
  }

  async complete(upload: UploadRef, listed: readonly CompletedPart[], options: PutOptions): Promise<ObjectHead> {
    if (this.#completing.has(upload.uploadId)) {
      throw new LochError('conflict', 'The upload is being completed by another request. Wait for its answer.');
    }
    this.#completing.add(upload.uploadId);
    try {
      const { kept, at, name } = await this.#open(upload);
      const asked = { listed, kept, options, versionId: at.versionId };
      const completion = await prepareCompletion(this.#deps, upload, asked);
      await this.#assemble(name, at, completion);
      return await commitCompletion(this.#deps.store, upload, completion, {
        row: { segment: null, place: null },
        also: [this.#deps.intents.fulfilled(at)],
        discard: async () => undefined, // the upload goes on to hold its bytes, put together as they are
        decided: () => undefined,
      });
    } finally {
      this.#completing.delete(upload.uploadId);
    }
  }

  /** Has the service put the parts together; nothing to do when it did so before. */
  async #assemble(name: string, at: RemoteUpload, { chosen, version }: Completion): Promise<void> {
    const { store, remote } = this.#deps;
    const parts: RemotePart[] = chosen.map((part) => ({ number: part.number, etag: part.file! }));
    const list = JSON.stringify(parts.map(({ number, etag }) => [number, etag]));
    const before = (await store.read(own.intent, { versionId: at.versionId }))?.parts ?? undefined;
    if (before !== undefined && before !== list && (await remote.head(name)) !== undefined) {
      throw new LochError(
        'invalid_part',
        'The parts of this upload were put together by a completion that failed afterwards. Complete it with the same parts, or abort it.',
      );
    }
    if (before !== list) await store.write(own.completing, { versionId: at.versionId, parts: list });
    if (await remote.complete(name, at.uploadId, parts)) return;
    const sealed = version.attributes?.encryption !== undefined;
    const size = chosen.reduce((sum, part) => sum + (sealed ? sealedSize(part.size) : part.size), 0);
    if ((await remote.head(name))?.size !== size) throw remote.strange(name, 'lost an upload');
  }

  async abort(upload: UploadRef): Promise<void> {
    const { at, name } = await this.#open(upload);
    await this.#deps.store.write(procedures.abortUpload, { upload: stored(upload) });
    // From here the intent is one without an upload: should this fail, the sweep does it.
    await this.#deps.remote.abort(name, at.uploadId);
    await this.#deps.remote.remove(name);
    await this.#deps.intents.dropped(at);
  }

  list(bucket: string, options: ListUploadsOptions): Promise<UploadInfo[]> {
    return recordedUploads(this.#deps.store, bucket, options);
  }

  async #open(upload: UploadRef): Promise<Opened> {
    const kept = await keptOptions(this.#deps.store, upload);
    if (kept.remote === undefined) throw uploadMissing(upload);
    return { kept, at: kept.remote, name: remoteName({ ...upload, versionId: kept.remote.versionId }) };
  }

  /** The stored bytes of a part, to be read as often as it takes: in memory, or in a file when there are many. */
  async #hold(
    body: ObjectBody,
    meter: BodyMeter,
    options: PutOptions,
    sealer: BodySealer | undefined,
  ): Promise<HeldPart> {
    const length = body instanceof Uint8Array ? body.length : options.contentLength;
    const stored = storedChunks(chunksOf(body), meter, sealer, options.signal);
    if ((length ?? Number.POSITIVE_INFINITY) <= this.#deps.partBytes) {
      const held: Uint8Array[] = [];
      for await (const chunk of stored) held.push(chunk);
      const bytes = held.length === 1 ? held[0]! : Buffer.concat(held);
      const sealed = sealer === undefined ? {} : { md5: digest(bytes) };
      return { size: bytes.length, ...sealed, open: () => bytes, release: async () => undefined };
    }
    const { workDirectory } = this.#deps;
    await mkdir(workDirectory, { recursive: true, mode: 0o700 });
    const path = join(workDirectory, `part-${randomBytes(12).toString('hex')}`);
    const release = () => removeFile(path);
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        const written = new BodyMeter({});
        await writeBody(file, stored, written, { position: 0 });
        const { size, md5 } = written.finish();
        return { size, md5, open: () => createReadStream(path), release };
      } finally {
        await file.close();
      }
    } catch (error) {
      await release();
      throw error;
    }
  }

  #alone<T>(lane: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.#lanes.get(lane) ?? Promise.resolve()).then(work, work);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#lanes.set(lane, settled);
    void settled.then(() => {
      if (this.#lanes.get(lane) === settled) this.#lanes.delete(lane);
    });
    return mine;
  }
}

interface HeldPart {
  /** Of the stored bytes. */
  readonly size: number;
  /** Of the stored bytes, where it is not that of the plain ones. */
  readonly md5?: Buffer;
  readonly open: () => Uint8Array | Readable;
  readonly release: () => Promise<void>;
}

function chunksOf(body: ObjectBody): AsyncIterator<Uint8Array> {
  if (body instanceof Uint8Array) {
    return (async function* () {
      yield body;
    })();
  }
  return 'adoptFile' in body ? createReadStream(body.adoptFile)[Symbol.asyncIterator]() : body[Symbol.asyncIterator]();
}

const NOTHING = { prefix: Buffer.alloc(0), after: Buffer.alloc(0), afterUploadId: '', max: 0 };
