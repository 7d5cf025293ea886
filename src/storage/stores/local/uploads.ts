/**
 * Multipart uploads: `<root>/.uploads/<upload id>/main` and parts beside it.
 *
 * Invariants
 * - A part is acknowledged when its bytes are synced and its row is committed.
 * - Until the completing transaction has committed, every recorded part stays readable where its row says: the object's
 *   file is a hard link to the main file, or a copy. So a completion that was cut short can be repeated.
 */
import { randomBytes } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../core/clock.ts';
import { isLochError } from '../../../core/errors.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
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
import { BodyMeter, type Measured } from '../body-meter.ts';
import { assemble } from './assemble.ts';
import { type ObjectFiles, removeFile } from './object-files.ts';
import { assertPartNumber, MAX_PART_NUMBER } from '../part-list.ts';
import type { PartRow } from './rows.ts';
import type { Space } from './space.ts';
import objectStore from './store.ts';
import {
  commitCompletion,
  keptOptions,
  partInfo,
  prepareCompletion,
  recordedParts,
  recordedUploads,
  recordUpload,
  stored,
  type Uploads,
} from './upload-rows.ts';
import type { UploadOptions } from './upload-procedures.ts';
import { dataKeyOf, etagOf } from './sealed-file.ts';
import { UploadSlots } from './upload-slots.ts';
import { newVersionId } from '../version-id.ts';
import { writeBody } from './write-all.ts';

const { procedures } = objectStore;

export interface UploadDeps {
  readonly store: MetadataStore;
  readonly files: ObjectFiles;
  readonly space: Space;
  readonly clock: Clock;
  /** Parts but the last have at least so many bytes. */
  readonly minPartBytes: number;
}

/** The multipart part of a local store. */
export class LocalUploads implements Uploads {
  readonly #deps: UploadDeps;
  /** By upload id, while a part or completion runs or ran in this process. */
  readonly #slots = new Map<string, Promise<{ readonly slots: UploadSlots; readonly options: UploadOptions }>>();

  constructor(deps: UploadDeps) {
    this.#deps = deps;
  }

  create(bucket: string, key: string, options: PutOptions): Promise<UploadInfo> {
    return recordUpload(this.#deps, { bucket, key }, options);
  }

  async putPart(upload: UploadRef, number: number, body: ObjectBody, options: PutOptions): Promise<PartInfo> {
    assertPartNumber(number);
    const { slots, options: kept } = await this.#open(upload);
    await this.#deps.space.assertRoom(options.contentLength ?? 0);
    const record = kept.attributes?.encryption;
    const seal = record && { record, key: await dataKeyOf(record, upload, options) };
    const meter = new BodyMeter({
      ...options,
      checksumAlgorithms: [...(options.checksumAlgorithms ?? []), ...(kept.checksumAlgorithms ?? [])],
    });
    const stream = asIterator(body);
    const length = body instanceof Uint8Array ? body.length : options.contentLength;
    const slot = slots.take(number, length === undefined || seal === undefined ? length : sealedSize(length));
    let settled = slot === undefined;
    try {
      const file = slot === undefined ? `${number}-${randomBytes(8).toString('hex')}` : undefined;
      const sealer = seal && new BodySealer(seal.key, number);
      const place = { file: file ?? 'main', position: slot?.offset ?? 0 };
      const { measured, crc } = await this.#writePart(upload, place, stream, meter, { signal: options.signal, sealer });
      const part: PartRow = {
        upload_id: upload.uploadId,
        number,
        size: measured.size,
        md5: etagOf(measured, seal),
        checksums: JSON.stringify(measured.checksums),
        modified_at: this.#deps.clock.now(),
        unit: slot?.unit ?? null,
        file: file ?? null,
        crc,
      };
      await this.#recordPart(upload, part, () => {
        if (slot !== undefined && !settled) slots.release(number, true);
        settled = true;
      });
      return { ...partInfo(part), ...(record === undefined ? {} : { encryption: record }) };
    } finally {
      if (!settled) slots.release(number, false);
    }
  }

  async #recordPart(upload: UploadRef, part: PartRow, settle: () => void): Promise<void> {
    try {
      const replaced = await this.#deps.store.write(procedures.putPart, { upload: stored(upload), part });
      settle();
      if (replaced !== undefined) await removeFile(join(this.#folder(upload), replaced));
    } catch (error) {
      // Refused for sure, or perhaps recorded: then the slot stays taken.
      if (!isLochError(error) || error.kind !== 'user') settle();
      else if (part.file !== null) await removeFile(join(this.#folder(upload), part.file));
      throw error;
    }
  }

  async #writePart(
    upload: UploadRef,
    { file, position }: { readonly file: string; readonly position: number },
    stream: AsyncIterator<Uint8Array>,
    meter: BodyMeter,
    how: { readonly signal: AbortSignal | undefined; readonly sealer: BodySealer | undefined },
  ): Promise<{ readonly measured: Measured; readonly crc: number }> {
    const folder = this.#folder(upload);
    await this.#deps.files.directories.ensure(folder);
    const path = join(folder, file);
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT);
    try {
      const crc = await writeBody(handle, stream, meter, { position, ...how });
      const measured = meter.finish();
      await handle.datasync();
      await this.#deps.files.directories.sync(folder);
      return { measured, crc };
    } catch (error) {
      if (file !== 'main') await removeFile(path);
      throw error;
    } finally {
      await handle.close();
    }
  }

  parts(upload: UploadRef, after: number, max: number): Promise<PartInfo[]> {
    return recordedParts(this.#deps.store, upload, after, max);
  }

  async complete(upload: UploadRef, listed: readonly CompletedPart[], options: PutOptions): Promise<ObjectHead> {
    const { slots, options: kept } = await this.#open(upload);
    const { quiet } = slots.beginCompletion();
    try {
      const versionId = newVersionId(this.#deps.clock.now());
      const completion = await prepareCompletion(this.#deps, upload, { listed, kept, options, versionId });
      const { chosen, rows } = completion;
      const target = this.#deps.files.pathOf(upload.bucket, upload.key, versionId);
      const placed = {
        row: { segment: null, place: null },
        discard: () => this.#deps.files.remove(target),
        decided: () => this.#deps.files.decided(target),
      };
      let head: ObjectHead;
      try {
        const sealed = completion.version.attributes?.encryption !== undefined;
        const bytesOf = (part: PartRow) => (sealed ? sealedSize(part.size) : part.size);
        const folder = this.#folder(upload);
        await assemble(this.#deps.files, { folder, parts: chosen, all: rows, target, quiet, bytesOf });
        head = await commitCompletion(this.#deps.store, upload, completion, placed);
      } finally {
        placed.decided();
      }
      this.#slots.delete(upload.uploadId);
      await rm(this.#folder(upload), { recursive: true, force: true });
      return head;
    } finally {
      slots.endCompletion();
    }
  }

  async abort(upload: UploadRef): Promise<void> {
    await this.#deps.store.write(procedures.abortUpload, { upload: stored(upload) });
    this.#slots.delete(upload.uploadId);
    await rm(this.#folder(upload), { recursive: true, force: true });
  }

  list(bucket: string, options: ListUploadsOptions): Promise<UploadInfo[]> {
    return recordedUploads(this.#deps.store, bucket, options);
  }

  #folder(upload: UploadRef): string {
    return join(this.#deps.files.uploads, upload.uploadId);
  }

  #open(upload: UploadRef) {
    const known = this.#slots.get(upload.uploadId);
    const opened = known ?? this.#restore(upload);
    if (known === undefined) {
      this.#slots.set(upload.uploadId, opened);
      opened.catch(() => this.#slots.delete(upload.uploadId));
    }
    return opened;
  }

  async #restore(upload: UploadRef) {
    const options = await keptOptions(this.#deps.store, upload);
    const slots = new UploadSlots();
    const rows = await this.#deps.store.read(procedures.parts, {
      uploadId: upload.uploadId,
      after: 0,
      max: MAX_PART_NUMBER,
    });
    slots.restore(rows);
    return { slots, options };
  }
}

function asIterator(body: ObjectBody): AsyncIterator<Uint8Array> {
  if (body instanceof Uint8Array) {
    return (async function* () {
      yield body;
    })();
  }
  return 'adoptFile' in body ? createReadStream(body.adoptFile)[Symbol.asyncIterator]() : body[Symbol.asyncIterator]();
}
