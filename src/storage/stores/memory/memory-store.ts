import { createReadStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '../../../core/clock.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import type {
  AttributeChange,
  AttributeOptions,
  BucketInfo,
  BucketVersioning,
  CompletedPart,
  CopyOptions,
  DeleteName,
  DeleteOptions,
  DeleteOutcome,
  DeleteResult,
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
import { BodyMeter, type Measured } from '../body-meter.ts';
import { checkCopySource, checkReadConditions, checkWriteConditions } from '../conditions.ts';
import { assertBucketName, assertVersionId, bucketMissing, keyBytes, uploadMissing } from '../names.ts';
import { assertLockable } from '../object-lock.ts';
import {
  assertPartNumber,
  chooseParts,
  expectCompletion,
  multipartEtag,
  objectChecksums,
  partSizeRuns,
} from '../part-list.ts';
import { copiedAttributes } from '../copied-attributes.ts';
import { resolveRange } from '../ranges.ts';
import { newVersionId } from '../version-id.ts';
import { KeyVersions, type Stored } from './key-versions.ts';
import { SortedKeys } from './sorted-keys.ts';

interface Part {
  readonly number: number;
  readonly size: number;
  readonly md5: string;
  readonly checksums: string;
  readonly at: number;
  readonly bytes: Buffer;
}
interface Upload {
  readonly info: UploadInfo;
  readonly options: PutOptions;
  readonly parts: Map<number, Part>;
}
interface Bucket {
  info: BucketInfo;
  /** Keys with at least one version. */
  readonly objects: SortedKeys<KeyVersions>;
  readonly uploads: Map<string, Upload>;
}

/** `ObjectStore` in memory. */
export class MemoryStore implements ObjectStore {
  readonly #clock: Clock;
  readonly #minPartBytes: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, minPartBytes: number) {
    this.#clock = clock;
    this.#minPartBytes = minPartBytes;
  }

  async createBucket(name: string, options: Parameters<ObjectStore['createBucket']>[1]): Promise<BucketInfo> {
    const { region, ownerAccountId, objectLock, also = [] } = options;
    assertBucketName(name);
    if (also.length > 0) throw new LochError('unsupported', 'A store in memory takes no calls of the metadata store.');
    const there = this.#buckets.get(name);
    if (there !== undefined) {
      throw new LochError('bucket_exists', `The bucket \`${name}\` exists already. Choose another name.`, {
        context: { bucket: name, ownerAccountId: there.info.ownerAccountId },
      });
    }
    const locks = objectLock === true ? { versioning: 'Enabled' as const, objectLock } : {};
    const info = { name, createdAt: this.#clock.now(), region, ownerAccountId, ...locks };
    this.#buckets.set(name, { info, objects: new SortedKeys(), uploads: new Map() });
    return info;
  }

  async deleteBucket(name: string): Promise<void> {
    if (this.#bucket(name).objects.size > 0) {
      throw new LochError('bucket_not_empty', `The bucket \`${name}\` holds objects. Delete them first.`, {
        context: { bucket: name },
      });
    }
    this.#buckets.delete(name);
  }

  async setVersioning(name: string, versioning: BucketVersioning): Promise<void> {
    const bucket = this.#bucket(name);
    if (bucket.info.objectLock === true && versioning !== 'Enabled') {
      throw new LochError(
        'invalid_bucket_state',
        `The bucket \`${name}\` has object lock: its versions stay enabled.`,
        {
          context: { bucket: name },
        },
      );
    }
    bucket.info = { ...bucket.info, versioning };
  }

  async enableObjectLock(name: string): Promise<void> {
    const bucket = this.#bucket(name);
    if (bucket.info.versioning !== 'Enabled') {
      throw new LochError('invalid_bucket_state', `Enable versioning of the bucket \`${name}\` before object lock.`, {
        context: { bucket: name },
      });
    }
    bucket.info = { ...bucket.info, objectLock: true };
  }

  async bucket(name: string): Promise<BucketInfo> {
    return this.#bucket(name).info;
  }

  async buckets(): Promise<BucketInfo[]> {
    return [...this.#buckets.values()].map(({ info }) => info).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async put(bucket: string, key: string, body: ObjectBody, options: PutOptions = {}): Promise<ObjectHead> {
    keyBytes(key);
    const { bytes, measured } = await take(body, options);
    const { md5, checksums } = measured;
    return this.#store({ bucket, key }, bytes, options, { etag: `"${md5.toString('hex')}"`, checksums });
  }

  #store(
    { bucket, key }: ObjectName,
    bytes: Buffer,
    options: PutOptions,
    facts: Pick<ObjectHead, 'etag' | 'checksums' | 'partSizes'>,
    made: Pick<Stored, 'uploadId' | 'parts'> = {},
  ): ObjectHead {
    const { objects, info } = this.#bucket(bucket);
    checkWriteConditions({ bucket, key }, objects.get(key)?.current?.head.etag, options);
    assertLockable(bucket, info.objectLock === true, options.attributes);
    const head: ObjectHead = {
      ...this.#newVersion(info, key),
      attributes: options.attributes ?? {},
      size: bytes.length,
      contentType: options.contentType ?? 'binary/octet-stream',
      metadata: options.metadata ?? {},
      headers: options.headers ?? {},
      ...facts,
    };
    this.#versions(bucket, key).push({ head, bytes, marker: false, ...made }, info, head.lastModified);
    return found(info, head);
  }

  #newVersion(info: BucketInfo, key: string) {
    return {
      bucket: info.name,
      key,
      versionId: newVersionId(this.#clock.now()),
      lastModified: this.#clock.now(),
      ...(info.versioning === 'Enabled' ? {} : { isNull: true as const }),
    };
  }

  #marker(info: BucketInfo, key: string): Stored {
    const nothing = { size: 0, etag: '', contentType: '', metadata: {}, headers: {}, checksums: {}, attributes: {} };
    return { head: { ...this.#newVersion(info, key), ...nothing }, bytes: Buffer.alloc(0), marker: true };
  }

  /** The versions of a key, to write to. */
  #versions(bucket: string, key: string): KeyVersions {
    const { objects } = this.#bucket(bucket);
    const there = objects.get(key) ?? new KeyVersions({ bucket, key });
    objects.set(key, there);
    return there;
  }

  async get(bucket: string, key: string, options: GetOptions = {}): Promise<ObjectRead> {
    const { bytes, ...stored } = this.#object({ bucket, key }, options.versionId);
    const head = found(this.#bucket(bucket).info, stored.head);
    checkReadConditions(head, options);
    if (options.range === undefined) return { head, body: Readable.from([bytes], { objectMode: false }) };
    const range = resolveRange(options.range, head.size);
    return { head, range, body: Readable.from([bytes.subarray(range.first, range.last + 1)], { objectMode: false }) };
  }

  async head(bucket: string, key: string, options: GetOptions = {}): Promise<ObjectHead> {
    const { head } = this.#object({ bucket, key }, options.versionId);
    checkReadConditions(head, options);
    return found(this.#bucket(bucket).info, head);
  }

  async list(bucket: string, options: ListOptions = {}): Promise<ListPage> {
    const { prefix = '', delimiter = '', startAfter = '', maxKeys = 1000 } = options;
    const shown = (entry: KeyVersions) => (entry.current === undefined ? [] : [entry.current.head]);
    const page = this.#walk(bucket, { prefix, delimiter, max: maxKeys }, { key: startAfter }, shown);
    const { rows, commonPrefixes, next } = page;
    return { objects: rows, commonPrefixes, ...(next === undefined ? {} : { next: next.key }) };
  }

  async listVersions(bucket: string, options: ListVersionsOptions = {}): Promise<VersionPage> {
    const { prefix = '', delimiter = '', after = { key: '' }, max = 1000 } = options;
    const { rows, ...page } = this.#walk(bucket, { prefix, delimiter, max }, after, (entry) => entry.listed());
    return { versions: rows, ...page };
  }

  #walk<Row extends ObjectHead>(
    bucket: string,
    { prefix, delimiter, max }: { prefix: string; delimiter: string; max: number },
    after: { readonly key: string; readonly versionId?: string },
    rowsOf: (entry: KeyVersions) => readonly Row[],
  ): { rows: Row[]; commonPrefixes: string[]; next?: { key: string; versionId?: string } } {
    const { objects } = this.#bucket(bucket);
    const rows: Row[] = [];
    const commonPrefixes: string[] = [];
    let last: { key: string; versionId?: string } | undefined;
    const start = Buffer.from(after.key);
    const below = Buffer.compare(start, Buffer.from(prefix)) < 0;
    const keys = below ? objects.from(Buffer.from(prefix), false) : objects.from(start, after.versionId === undefined);
    for (const bytes of keys) {
      const key = bytes.toString();
      if (!key.startsWith(prefix)) break;
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const common = at === -1 ? undefined : key.slice(0, at + delimiter.length);
      // Told as the last common prefix, on this page or the page before.
      if (common !== undefined && (common === commonPrefixes.at(-1) || common === after.key)) continue;
      const listed = behind(rowsOf(objects.get(key)!), !below && key === after.key ? after.versionId : undefined);
      for (const row of common === undefined ? listed : listed.slice(0, 1)) {
        if (rows.length + commonPrefixes.length === max) {
          return { rows, commonPrefixes, ...(last === undefined ? {} : { next: last }) };
        }
        last = common === undefined ? { key, versionId: row.versionId } : { key: common };
        if (common === undefined) rows.push(row);
        else commonPrefixes.push(common);
      }
    }
    return { rows, commonPrefixes };
  }

  async delete(bucket: string, key: string, options: DeleteOptions = {}): Promise<DeleteResult> {
    return this.#remove(bucket, { ...options, key }, options);
  }

  async deleteMany(
    bucket: string,
    names: readonly (string | DeleteName)[],
    options: Pick<DeleteOptions, 'bypassGovernance'> = {},
  ): Promise<DeleteOutcome[]> {
    this.#bucket(bucket);
    const wanted = names.map((name) => (typeof name === 'string' ? { key: name } : name));
    for (const { key } of wanted) keyBytes(key);
    return wanted.map((name) => {
      const told = {
        key: name.key,
        ...(name.versionId === undefined ? {} : { requestedVersionId: name.versionId }),
      };
      try {
        return { ...told, ...this.#remove(bucket, name, options) };
      } catch (error) {
        if (!isLochError(error)) throw error;
        return { ...told, error };
      }
    });
  }

  #remove(bucket: string, name: DeleteName, options: Pick<DeleteOptions, 'bypassGovernance'>): DeleteResult {
    const { key, versionId } = name;
    keyBytes(key);
    if (versionId !== undefined) assertVersionId(versionId);
    const { objects, info } = this.#bucket(bucket);
    const versions = this.#versions(bucket, key);
    const { bypassGovernance = false } = options;
    try {
      const asking = { now: this.#clock.now(), bypassGovernance };
      return versions.remove(name, info, () => this.#marker(info, key), asking);
    } finally {
      if (versions.isEmpty) objects.delete(key);
    }
  }

  async updateAttributes(
    { bucket, key, versionId }: VersionName,
    change: AttributeChange,
    { bypassGovernance = false }: AttributeOptions = {},
  ): Promise<ObjectHead> {
    if (versionId !== undefined) assertVersionId(versionId);
    const { objects, info } = this.#bucket(bucket);
    const versions = objects.get(key) ?? new KeyVersions({ bucket, key });
    const asking = { now: this.#clock.now(), bypassGovernance };
    return found(info, versions.update(versionId, change, info, asking));
  }

  async objectParts(
    { bucket, key, versionId }: VersionName,
    options: { after?: number; max?: number } = {},
  ): Promise<ObjectPart[]> {
    const { parts = [] } = this.#object({ bucket, key }, versionId);
    const { after = 0, max = 1000 } = options;
    return parts.filter(({ partNumber }) => partNumber > after).slice(0, max);
  }

  async copy(from: VersionName, to: ObjectName, options: CopyOptions = {}): Promise<ObjectHead> {
    keyBytes(to.key);
    const { head, bytes } = this.#object(from, from.versionId);
    checkCopySource(head, options);
    const { contentType, metadata, headers, etag, partSizes } = head;
    const wanted = (options.checksumAlgorithms ?? []).filter((name) => !/^[^-]+$/.test(head.checksums[name] ?? '-'));
    const meter = new BodyMeter({ checksumAlgorithms: wanted });
    meter.update(bytes);
    const checksums = { ...head.checksums, ...meter.finish().checksums };
    const attributes = copiedAttributes(head, options);
    const facts = { etag, checksums, ...(partSizes === undefined ? {} : { partSizes }) };
    return this.#store(to, bytes, { contentType, metadata, headers, ...options, attributes }, facts);
  }

  async createUpload(bucket: string, key: string, options: PutOptions = {}): Promise<UploadInfo> {
    keyBytes(key);
    const { uploads } = this.#bucket(bucket);
    const { checksumAlgorithms, checksumType, attributes } = options;
    const [checksumAlgorithm] = checksumAlgorithms ?? [];
    const info = {
      bucket,
      key,
      uploadId: newId().replaceAll('-', ''),
      startedAt: this.#clock.now(),
      ...(checksumAlgorithm === undefined ? {} : { checksumAlgorithm }),
      ...(checksumType === undefined ? {} : { checksumType }),
      ...(attributes === undefined ? {} : { attributes }),
    };
    uploads.set(info.uploadId, { info, options, parts: new Map() });
    return info;
  }

  async putPart(upload: UploadRef, partNumber: number, body: ObjectBody, options: PutOptions = {}): Promise<PartInfo> {
    assertPartNumber(partNumber);
    const kept = this.#upload(upload).options.checksumAlgorithms ?? [];
    const checksumAlgorithms = [...(options.checksumAlgorithms ?? []), ...kept];
    const { bytes, measured } = await take(body, { ...options, checksumAlgorithms });
    const part = {
      number: partNumber,
      size: bytes.length,
      md5: measured.md5.toString('hex'),
      checksums: JSON.stringify(measured.checksums),
      at: this.#clock.now(),
      bytes,
    };
    this.#upload(upload).parts.set(partNumber, part);
    return partInfo(part);
  }

  async parts(upload: UploadRef, options: { after?: number; max?: number } = {}): Promise<PartInfo[]> {
    return sortedParts(this.#upload(upload))
      .filter((part) => part.number > (options.after ?? 0))
      .slice(0, options.max ?? 1000)
      .map(partInfo);
  }

  async completeUpload(
    ref: UploadRef,
    listed: readonly CompletedPart[],
    options: PutOptions = {},
  ): Promise<ObjectHead> {
    const { objects, uploads, info } = this.#bucket(ref.bucket);
    const made = objects.get(ref.key)?.current;
    if (!uploads.has(ref.uploadId) && made?.uploadId === ref.uploadId) return found(info, made.head);
    const upload = this.#upload(ref);
    const parts = chooseParts(sortedParts(upload), listed, this.#minPartBytes);
    const checksums = objectChecksums(parts, upload.options.checksumType);
    expectCompletion(upload.options, options, parts, checksums);
    const facts = { etag: multipartEtag(parts), checksums, partSizes: partSizeRuns(parts) };
    const bytes = Buffer.concat(parts.map((part) => part.bytes));
    const attributes = { ...options.attributes, ...upload.options.attributes };
    const told = parts.map(({ number, size, checksums: own }) => ({
      partNumber: number,
      size,
      checksums: JSON.parse(own) as Record<string, string>,
    }));
    const origin = { uploadId: ref.uploadId, parts: told };
    const head = this.#store(ref, bytes, { ...upload.options, ...options, attributes }, facts, origin);
    uploads.delete(ref.uploadId);
    return head;
  }

  async abortUpload(ref: UploadRef): Promise<void> {
    this.#upload(ref);
    this.#bucket(ref.bucket).uploads.delete(ref.uploadId);
  }

  async uploads(bucket: string, options: ListUploadsOptions = {}): Promise<UploadInfo[]> {
    const { prefix = '', after, max = 1000 } = options;
    const beyond = (info: UploadInfo) => {
      if (after === undefined) return true;
      const order = Buffer.compare(Buffer.from(info.key), Buffer.from(after.key));
      return order > 0 || (order === 0 && after.uploadId !== undefined && info.uploadId > after.uploadId);
    };
    return [...this.#bucket(bucket).uploads.values()]
      .map(({ info }) => info)
      .filter((info) => info.key.startsWith(prefix) && beyond(info))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || (a.uploadId < b.uploadId ? -1 : 1))
      .slice(0, max);
  }

  async openFiles(refs: readonly VersionName[], directory: string): Promise<string[]> {
    await mkdir(directory, { recursive: true });
    const paths: string[] = [];
    for (const ref of refs) {
      const { head, bytes } = this.#object(ref, ref.versionId);
      const extensions = /(?:\.[A-Za-z0-9]{1,12}){1,2}$/.exec(ref.key)?.[0] ?? '';
      const path = join(directory, `${head.versionId}${extensions}`);
      await writeFile(path, bytes);
      paths.push(path);
    }
    return paths;
  }

  async close(): Promise<void> {
    this.#buckets.clear();
  }

  #bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw bucketMissing(name);
    return bucket;
  }

  #object({ bucket, key }: ObjectName, versionId?: string): Stored {
    if (versionId !== undefined) assertVersionId(versionId);
    const versions = this.#bucket(bucket).objects.get(key) ?? new KeyVersions({ bucket, key });
    return versions.require(versionId);
  }

  #upload(ref: UploadRef): Upload {
    const upload = this.#bucket(ref.bucket).uploads.get(ref.uploadId);
    if (upload?.info.key !== ref.key) throw uploadMissing(ref);
    return upload;
  }
}

/** A head as a read finds it. */
const found = (info: BucketInfo, head: ObjectHead): ObjectHead =>
  info.versioning === undefined ? head : { ...head, versioning: info.versioning };

/** The rows that follow a version; one that is gone follows from the ids, which order by age. */
function behind<Row extends ObjectHead>(rows: readonly Row[], versionId: string | undefined): readonly Row[] {
  if (versionId === undefined) return rows;
  const at = rows.findIndex((row) => (versionId === 'null' ? row.isNull === true : row.versionId === versionId));
  return at === -1 ? rows.filter((row) => row.versionId < versionId) : rows.slice(at + 1);
}

const sortedParts = (upload: Upload): Part[] => [...upload.parts.values()].sort((a, b) => a.number - b.number);

const partInfo = (part: Part): PartInfo => ({
  partNumber: part.number,
  size: part.size,
  etag: `"${part.md5}"`,
  lastModified: part.at,
  checksums: JSON.parse(part.checksums) as Record<string, string>,
});

async function take(body: ObjectBody, options: PutOptions): Promise<{ bytes: Buffer; measured: Measured }> {
  const meter = new BodyMeter(options);
  const chunks: Uint8Array[] = [];
  const adopted = !(body instanceof Uint8Array) && 'adoptFile' in body ? body.adoptFile : undefined;
  const source: AsyncIterable<Uint8Array> | Iterable<Uint8Array> =
    body instanceof Uint8Array
      ? [body]
      : 'adoptFile' in body
        ? (createReadStream(body.adoptFile) as AsyncIterable<Buffer>)
        : body;
  for await (const chunk of source) {
    options.signal?.throwIfAborted();
    meter.update(chunk);
    chunks.push(chunk);
  }
  const measured = meter.finish();
  if (adopted !== undefined) await rm(adopted);
  return { bytes: Buffer.concat(chunks), measured };
}
