/**
 * An object store with names and conditions in the metadata store, and bytes in places: a local disk, or a remote service.
 *
 * Invariants
 * - Bytes are durable and in their final place before a transaction names them; that transaction is the commit point.
 * - A version never changes. Overwriting and deleting only dereference it; its bytes go after the grace.
 * - Memory does not grow with the size of an object.
 */
import { mkdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Clock } from '../../../core/clock.ts';
import { deserializeError, isLochError, LochError, toLochError } from '../../../core/errors.ts';
import type { StoreCall } from '../../../core/store-call.ts';
import { type MetadataStore, storeCall } from '../../../metadata/contract.ts';
import type {
  AttributeChange,
  AttributeOptions,
  BucketInfo,
  BucketVersioning,
  ChecksumAlgorithm,
  CompletedPart,
  CopyOptions,
  DecryptionOptions,
  DeleteName,
  DeleteOptions,
  DeleteOutcome,
  DeleteResult,
  FileColumns,
  GetOptions,
  ListOptions,
  ListPage,
  ListUploadsOptions,
  ListVersionsOptions,
  ObjectBody,
  ObjectHead,
  ObjectName,
  ObjectPart,
  ObjectRead,
  ObjectStore,
  PartInfo,
  PutOptions,
  UploadInfo,
  UploadRef,
  VersionName,
  VersionPage,
} from '../../contract.ts';
import { BodyMeter } from '../body-meter.ts';
import { checkCopySource, checkReadConditions, checkWriteConditions } from '../conditions.ts';
import { assertBucketName, assertVersionId, bucketMissing, keyBytes, objectMissing } from '../names.ts';
import type { BytePlaces, Placed, Seal } from '../places.ts';
import { resolveRange, type ServedRange } from '../ranges.ts';
import { copiedAttributes } from '../copied-attributes.ts';
import { placeOf } from './list-procedure.ts';
import type { NewVersion, PutFacts, RemoveName } from './object-procedures.ts';
import {
  bucketOf,
  type FoundRow,
  formatDetail,
  headOf,
  keyText,
  type ObjectDetail,
  type ObjectRow,
  versionOf,
} from './rows.ts';
import { dataKeyOf, etagOf } from './sealed-file.ts';
import objectStore from './store.ts';
import type { Uploads } from './upload-rows.ts';
import { newVersionId } from '../version-id.ts';

const { procedures } = objectStore;
/** Hard links made at a time. */
const LINKS_AT_ONCE = 16;

export interface LocalStoreParts {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly places: BytePlaces;
  readonly uploads: Uploads;
  readonly withBucket: (bucket: string) => readonly StoreCall[];
  readonly close: () => Promise<void>;
}

/** `ObjectStore` over the parts of this folder. */
export class LocalStore implements ObjectStore {
  readonly #parts: LocalStoreParts;
  #closing: Promise<void> | undefined;

  constructor(parts: LocalStoreParts) {
    this.#parts = parts;
  }

  async createBucket(name: string, options: Parameters<ObjectStore['createBucket']>[1]): Promise<BucketInfo> {
    assertBucketName(name);
    const row = {
      name,
      region: options.region,
      owner_account_id: options.ownerAccountId,
      created_at: this.#parts.clock.now(),
      versioning: options.objectLock === true ? ('Enabled' as const) : null,
      object_lock: options.objectLock === true ? 1 : 0,
    };
    const { store, withBucket } = this.#parts;
    await store.transact([storeCall(procedures.createBucket, row), ...withBucket(name), ...(options.also ?? [])]);
    return bucketOf(row);
  }

  async deleteBucket(name: string): Promise<void> {
    const { store, withBucket } = this.#parts;
    await store.transact([storeCall(procedures.deleteBucket, { name }), ...withBucket(name)]);
  }

  async bucket(name: string): Promise<BucketInfo> {
    const found = await this.#parts.store.read(procedures.bucket, { name });
    if (found === undefined) throw bucketMissing(name);
    return found;
  }

  buckets(): Promise<BucketInfo[]> {
    return this.#parts.store.read(procedures.buckets, {});
  }

  async setVersioning(bucket: string, state: BucketVersioning): Promise<void> {
    await this.#parts.store.write(procedures.setVersioning, { bucket, state });
  }

  async enableObjectLock(bucket: string): Promise<void> {
    await this.#parts.store.write(procedures.enableObjectLock, { bucket });
  }

  async put(bucket: string, key: string, body: ObjectBody, options: PutOptions = {}): Promise<ObjectHead> {
    const bytes = keyBytes(key);
    const name = { bucket, key, versionId: newVersionId(this.#parts.clock.now()) };
    const seal = await this.#sealOf({ bucket, key }, options);
    const placed = await inDiskWords(
      this.#parts.places.place(name, body, options, () => this.#refuseEarly({ bucket, key }, options), seal),
    );
    const { contentType, metadata, headers, attributes } = options;
    const detail = formatDetail({
      ...(contentType === undefined ? {} : { contentType }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(headers === undefined ? {} : { headers }),
      ...(attributes === undefined ? {} : { attributes }),
      checksums: placed.measured.checksums,
      ...(placed.crc === undefined ? {} : { crc: placed.crc }),
    });
    const row: NewVersion['row'] = {
      bucket,
      key: bytes,
      version_id: name.versionId,
      size: placed.measured.size,
      etag: `"${etagOf(placed.measured, seal)}"`,
      modified_at: options.replica?.modifiedAt ?? this.#parts.clock.now(),
      ...shownAs(options),
      ...placed.row,
      detail,
    };
    return this.#once(name, options, async () =>
      headOf({ ...row, ...(await this.#commit(row, placed, options, 'PutObject')) }),
    );
  }

  /** What `write` makes; of a replica that is there already, that one. */
  async #once(
    { bucket, key }: ObjectName,
    { replica }: PutOptions,
    write: () => Promise<ObjectHead>,
  ): Promise<ObjectHead> {
    try {
      return await write();
    } catch (error) {
      if (replica === undefined || !isLochError(error, 'already_exists')) throw error;
      return headOf(await this.#row({ bucket, key, versionId: replica.versionId }));
    }
  }

  async #sealOf(name: ObjectName, options: PutOptions): Promise<Seal | undefined> {
    const record = options.attributes?.encryption;
    if (record === undefined) return undefined;
    return { record, key: await dataKeyOf(record, name, options) };
  }

  /** What the transaction would refuse anyway, before gigabytes are taken. The transaction decides. */
  async #refuseEarly(ref: VersionName, options: PutOptions): Promise<void> {
    await this.bucket(ref.bucket);
    if (options.ifMatch === undefined && options.ifNoneMatch === undefined) return;
    const [row] = await this.#rows([ref]);
    checkWriteConditions(ref, row?.etag, options);
  }

  async #commit(row: NewVersion['row'], placed: Placed, options: PutOptions, operation: string): Promise<PutFacts> {
    try {
      const args = {
        row,
        ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
        operation: options.operation ?? operation,
        ...(options.ifMatch === undefined ? {} : { ifMatch: options.ifMatch }),
        ...(options.ifNoneMatch === undefined ? {} : { ifNoneMatch: options.ifNoneMatch }),
        ...(options.replica === undefined ? {} : { replica: options.replica }),
      };
      const { store } = this.#parts;
      const [facts] = await store.transact([storeCall(procedures.put, args), ...(placed.also ?? [])]); // the commit point
      return facts as PutFacts;
    } catch (error) {
      // Only a refusal is certain; after any other failure the row may be there, and the recovery scan will know.
      const refused = isLochError(error) && error.kind === 'user';
      if (refused) await placed.discard();
      throw error;
    } finally {
      placed.decided();
    }
  }

  async get(bucket: string, key: string, options: GetOptions = {}): Promise<ObjectRead> {
    for (let attempt = 1; ; attempt++) {
      const row = await this.#row(refOf(bucket, key, options));
      const head = headOf(row);
      checkReadConditions(head, options);
      const range = options.range === undefined ? undefined : resolveRange(options.range, head.size);
      const record = head.attributes.encryption;
      const dataKey = record && (await dataKeyOf(record, head, options));
      try {
        const body = await this.#open(row, range ?? { first: 0, last: head.size - 1 }, dataKey);
        return { head, body, ...(range === undefined ? {} : { range }) };
      } catch (error) {
        // Replaced and swept between looking it up and opening it: possible only with a grace of nearly nothing.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        if (attempt === 3) throw fileMissing(row, error);
      }
    }
  }

  async #open(row: ObjectRow, range: ServedRange, dataKey: Uint8Array | undefined): Promise<Readable> {
    return range.last < range.first ? Readable.from([]) : this.#parts.places.read(row, range, dataKey);
  }

  async head(bucket: string, key: string, options: GetOptions = {}): Promise<ObjectHead> {
    const head = headOf(await this.#row(refOf(bucket, key, options)));
    checkReadConditions(head, options);
    return head;
  }

  async list(bucket: string, options: ListOptions = {}): Promise<ListPage> {
    const { rows, prefixes, next } = await this.#parts.store.read(procedures.list, {
      bucket,
      prefix: Buffer.from(options.prefix ?? ''),
      delimiter: Buffer.from(options.delimiter ?? ''),
      after: Buffer.from(options.startAfter ?? ''),
      limit: options.maxKeys ?? 1000,
    });
    return {
      objects: rows.map(headOf),
      commonPrefixes: prefixes.map(keyText),
      ...(next === undefined ? {} : { next: keyText(next) }),
    };
  }

  async listVersions(bucket: string, options: ListVersionsOptions = {}): Promise<VersionPage> {
    const { after } = options;
    const { rows, prefixes, next } = await this.#parts.store.read(procedures.listVersions, {
      bucket,
      prefix: Buffer.from(options.prefix ?? ''),
      delimiter: Buffer.from(options.delimiter ?? ''),
      after: Buffer.from(after?.key ?? ''),
      ...(after?.versionId === undefined ? {} : { afterVersion: after.versionId }),
      limit: options.max ?? 1000,
    });
    const last = rows.at(-1);
    const endsInVersion = next !== undefined && last !== undefined && Buffer.compare(next, last.key) === 0;
    return {
      versions: rows.map(versionOf),
      commonPrefixes: prefixes.map(keyText),
      ...(next === undefined
        ? {}
        : { next: { key: keyText(next), ...(endsInVersion ? { versionId: placeOf(last) } : {}) } }),
    };
  }

  async delete(bucket: string, key: string, options: DeleteOptions = {}): Promise<DeleteResult> {
    const name = this.#removeName({ ...options, key });
    const { replica } = options;
    const facts = { ...this.#removeFacts(options, 'DeleteObject'), ...(replica === undefined ? {} : { replica }) };
    try {
      return await this.#parts.store.write(procedures.remove, { bucket, name, ...facts });
    } catch (error) {
      if (replica === undefined || !isLochError(error, 'already_exists')) throw error;
      return { versionId: replica.versionId, deleteMarker: true };
    }
  }

  async deleteMany(
    bucket: string,
    names: readonly (string | DeleteName)[],
    options: Pick<DeleteOptions, 'bypassGovernance' | 'operation'> = {},
  ): Promise<DeleteOutcome[]> {
    const wanted = names.map((name) => (typeof name === 'string' ? { key: name } : name));
    const removed = await this.#parts.store.write(procedures.removeMany, {
      bucket,
      names: wanted.map((name) => this.#removeName(name)),
      ...this.#removeFacts(options, 'DeleteObjects'),
    });
    return removed.map(({ error, ...facts }, i) => ({
      key: wanted[i]!.key,
      ...(wanted[i]!.versionId === undefined ? {} : { requestedVersionId: wanted[i]!.versionId }),
      ...facts,
      ...(error === undefined ? {} : { error: deserializeError(error) }),
    }));
  }

  #removeName({ key, versionId, ifMatch, ifModifiedAt, ifSize }: DeleteName): RemoveName {
    if (versionId !== undefined) assertVersionId(versionId);
    return {
      key: keyBytes(key),
      markerId: newVersionId(this.#parts.clock.now()),
      ...(versionId === undefined ? {} : { versionId }),
      ...(ifMatch === undefined ? {} : { ifMatch }),
      ...(ifModifiedAt === undefined ? {} : { ifModifiedAt }),
      ...(ifSize === undefined ? {} : { ifSize }),
    };
  }

  #removeFacts(options: Pick<DeleteOptions, 'bypassGovernance' | 'operation'>, operation: string) {
    return {
      at: this.#parts.clock.now(),
      operation: options.operation ?? operation,
      bypassGovernance: options.bypassGovernance === true,
    };
  }

  async updateAttributes(
    name: VersionName,
    change: AttributeChange,
    options: AttributeOptions = {},
  ): Promise<ObjectHead> {
    const { bucket, key, versionId } = name;
    if (versionId !== undefined) assertVersionId(versionId);
    const row = await this.#parts.store.write(procedures.update, {
      bucket,
      key: keyBytes(key),
      ...(versionId === undefined ? {} : { versionId }),
      change,
      now: this.#parts.clock.now(),
      bypassGovernance: options.bypassGovernance === true,
      operation: options.operation ?? 'UpdateObjectAttributes',
    });
    return headOf(row);
  }

  async objectParts(name: VersionName, options: { after?: number; max?: number } = {}): Promise<ObjectPart[]> {
    const row = await this.#row(name);
    const text = await this.#parts.store.read(procedures.versionParts, { versionId: row.version_id });
    const parts = text === undefined ? partsOfSizes(headOf(row)) : (JSON.parse(text) as StoredPart[]);
    return parts
      .filter(([partNumber]) => partNumber > (options.after ?? 0))
      .slice(0, options.max ?? 1000)
      .map(([partNumber, size, checksums]) => ({ partNumber, size, checksums }));
  }

  async copy(from: VersionName, to: ObjectName, options: CopyOptions = {}): Promise<ObjectHead> {
    const key = keyBytes(to.key);
    const source = await this.#row(from);
    const head = headOf(source);
    checkCopySource(head, options);
    if (options.replica !== undefined) {
      const [there] = await this.#rows([{ ...to, versionId: options.replica.versionId }]);
      if (there !== undefined && there.is_marker !== 1) return headOf(there);
    }
    const versionId = newVersionId(this.#parts.clock.now());
    await this.bucket(to.bucket);
    const checksums = await this.#copiedChecksums(source, options.checksumAlgorithms ?? [], options);
    const placed = await inDiskWords(this.#parts.places.copy(source, { ...to, versionId }));
    const attributes = copiedAttributes(head, options);
    const { crc } = JSON.parse(source.detail) as ObjectDetail;
    const row: NewVersion['row'] = {
      ...placed.row,
      bucket: to.bucket,
      key,
      version_id: versionId,
      size: source.size,
      etag: source.etag,
      modified_at: options.replica?.modifiedAt ?? this.#parts.clock.now(),
      ...shownAs(options),
      detail: formatDetail({
        contentType: options.contentType ?? head.contentType,
        metadata: options.metadata ?? head.metadata,
        headers: options.headers ?? head.headers,
        checksums,
        attributes,
        ...(head.partSizes === undefined ? {} : { partSizes: head.partSizes }),
        ...(crc === undefined ? {} : { crc }),
      }),
    };
    return this.#once(to, options, async () =>
      headOf({ ...row, ...(await this.#commit(row, placed, { ...options, attributes }, 'CopyObject')) }),
    );
  }

  /** Those of the source, and those asked for over the whole object: they cost a pass over its bytes. */
  async #copiedChecksums(
    source: FoundRow,
    wanted: readonly ChecksumAlgorithm[],
    options: CopyOptions,
  ): Promise<Record<string, string>> {
    const head = headOf(source);
    const { checksums, size } = head;
    const missing = wanted.filter((name) => checksums[name] === undefined || /-\d+$/.test(checksums[name]!));
    if (missing.length === 0) return checksums;
    const meter = new BodyMeter({ checksumAlgorithms: missing });
    const record = head.attributes.encryption;
    const dataKey = record && (await dataKeyOf(record, head, options));
    const body = await this.#open(source, { first: 0, last: size - 1 }, dataKey);
    for await (const chunk of body) meter.update(chunk as Buffer);
    return { ...checksums, ...meter.finish().checksums };
  }

  createUpload(bucket: string, key: string, options: PutOptions = {}): Promise<UploadInfo> {
    return this.#parts.uploads.create(bucket, key, options);
  }

  putPart(upload: UploadRef, partNumber: number, body: ObjectBody, options: PutOptions = {}): Promise<PartInfo> {
    return inDiskWords(this.#parts.uploads.putPart(upload, partNumber, body, options));
  }

  parts(upload: UploadRef, options: { after?: number; max?: number } = {}): Promise<PartInfo[]> {
    return this.#parts.uploads.parts(upload, options.after ?? 0, options.max ?? 1000);
  }

  async completeUpload(
    upload: UploadRef,
    parts: readonly CompletedPart[],
    options: PutOptions = {},
  ): Promise<ObjectHead> {
    try {
      return await inDiskWords(this.#parts.uploads.complete(upload, parts, options));
    } catch (error) {
      if (isLochError(error, 'already_exists')) return this.#replicaOf(upload, error);
      if (!isLochError(error, 'upload_not_found')) throw error;
      // The answer to a first completion may have been lost; the object tells which upload made it.
      const [row] = await this.#rows([upload]);
      const made = row === undefined ? undefined : (JSON.parse(row.detail) as { uploadId?: string }).uploadId;
      if (row === undefined || made !== upload.uploadId) throw error;
      return headOf(row);
    }
  }

  /** The replica that an upload was to become and that is there already: the upload goes. */
  async #replicaOf(upload: UploadRef, error: LochError): Promise<ObjectHead> {
    const versionId = String(error.context.versionId);
    await this.#parts.uploads.abort(upload);
    return headOf(await this.#row({ bucket: upload.bucket, key: upload.key, versionId }));
  }

  abortUpload(upload: UploadRef): Promise<void> {
    return this.#parts.uploads.abort(upload);
  }

  uploads(bucket: string, options: ListUploadsOptions = {}): Promise<UploadInfo[]> {
    return this.#parts.uploads.list(bucket, options);
  }

  async openFiles(
    refs: readonly VersionName[],
    directory: string,
    columns?: FileColumns,
    options: DecryptionOptions = {},
  ): Promise<string[]> {
    await mkdir(directory, { recursive: true });
    const rows = await this.#rows(refs);
    const paths: string[] = [];
    for (let i = 0; i < rows.length; i += LINKS_AT_ONCE) {
      const batch = rows.slice(i, i + LINKS_AT_ONCE).map(async (row, j) => {
        const ref = refs[i + j]!;
        const found = row === undefined || row.is_marker === 1 ? await this.#row(ref) : row;
        const head = headOf(found);
        const record = head.attributes.encryption;
        const dataKey = record && (await dataKeyOf(record, head, options));
        return this.#parts.places.openFile(found, ref.key, directory, columns, dataKey);
      });
      paths.push(...(await inDiskWords(Promise.all(batch))));
    }
    return paths;
  }

  async #rows(refs: readonly VersionName[]): Promise<(FoundRow | undefined)[]> {
    const wanted = refs.map(({ bucket, key, versionId }) => {
      if (versionId !== undefined) assertVersionId(versionId);
      return { bucket, key: keyBytes(key), ...(versionId === undefined ? {} : { versionId }) };
    });
    return this.#parts.store.read(procedures.objects, { refs: wanted });
  }

  async #row(ref: VersionName): Promise<FoundRow> {
    for (let attempt = 1; ; attempt++) {
      const [row] = await this.#rows([ref]);
      if (row !== undefined && row.is_marker !== 1) return row;
      const { bucket, key, versionId } = ref;
      const wanted = { bucket, key: keyBytes(key), ...(versionId === undefined ? {} : { versionId }) };
      await this.#parts.store.read(procedures.explainMissing, wanted);
      // It came between the two questions.
      if (attempt === 3) throw objectMissing(bucket, key);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#parts.close();
    return this.#closing;
  }
}

type StoredPart = [number: number, size: number, checksums: Record<string, string>];

/** Parts without checksums are kept as sizes alone. */
const partsOfSizes = ({ partSizes = [] }: ObjectHead): StoredPart[] =>
  partSizes.flatMap(([size, count]) => Array<number>(count).fill(size)).map((size, i) => [i + 1, size, {}]);

/** The id of the source of a replica, as it stands in its row. */
const shownAs = ({ replica }: PutOptions): Pick<NewVersion['row'], 'shown_id'> =>
  replica === undefined ? {} : { shown_id: replica.versionId };

const refOf = (bucket: string, key: string, { versionId }: GetOptions): VersionName => ({
  bucket,
  key,
  ...(versionId === undefined ? {} : { versionId }),
});

function fileMissing(row: ObjectRow, cause: unknown): LochError {
  const key = keyText(row.key);
  return new LochError(
    'data_corrupt',
    `The bytes of s3://${row.bucket}/${key} (version ${row.version_id}) are gone from where they were kept. Restore them from a backup.`,
    { context: { bucket: row.bucket, key, versionId: row.version_id }, cause },
  );
}

/** Failures of the disk as LochErrors; a full one is `disk_full`. */
async function inDiskWords<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw code === 'ENOSPC' || code === 'EDQUOT' ? toLochError(error) : error;
  }
}
