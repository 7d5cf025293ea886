import { createReadStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '../../../core/clock.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import type {
  BucketInfo,
  CompletedPart,
  CopyOptions,
  GetOptions,
  ListOptions,
  ListPage,
  ListUploadsOptions,
  ObjectBody,
  ObjectHead,
  ObjectRead,
  ObjectStore,
  PartInfo,
  PutOptions,
  UploadInfo,
  UploadRef,
} from '../../contract.ts';
import { BodyMeter, type Measured } from '../body-meter.ts';
import { checkReadConditions, checkWriteConditions } from '../conditions.ts';
import { assertBucketName, bucketMissing, keyBytes, objectMissing, uploadMissing } from '../names.ts';
import {
  assertPartNumber,
  chooseParts,
  expectChecksums,
  multipartEtag,
  objectChecksums,
  partSizeRuns,
} from '../part-list.ts';
import { resolveRange } from '../ranges.ts';
import { SortedKeys } from './sorted-keys.ts';

interface Ref {
  readonly bucket: string;
  readonly key: string;
}
interface Stored {
  readonly head: ObjectHead;
  readonly bytes: Buffer;
  readonly uploadId?: string;
}
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
  readonly info: BucketInfo;
  readonly objects: SortedKeys<Stored>;
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
    const { region, ownerAccountId, also = [] } = options;
    assertBucketName(name);
    if (also.length > 0) throw new LochError('unsupported', 'A store in memory takes no calls of the metadata store.');
    const there = this.#buckets.get(name);
    if (there !== undefined) {
      throw new LochError('bucket_exists', `The bucket \`${name}\` exists already. Choose another name.`, {
        context: { bucket: name, ownerAccountId: there.info.ownerAccountId },
      });
    }
    const info = { name, createdAt: this.#clock.now(), region, ownerAccountId };
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
    { bucket, key }: Ref,
    bytes: Buffer,
    options: PutOptions,
    facts: Pick<ObjectHead, 'etag' | 'checksums' | 'partSizes'>,
    uploadId?: string,
  ): ObjectHead {
    const { objects } = this.#bucket(bucket);
    checkWriteConditions({ bucket, key }, objects.get(key)?.head.etag, options);
    const head: ObjectHead = {
      bucket,
      key,
      versionId: newId().replaceAll('-', ''),
      size: bytes.length,
      lastModified: this.#clock.now(),
      contentType: options.contentType ?? 'binary/octet-stream',
      metadata: options.metadata ?? {},
      headers: options.headers ?? {},
      ...facts,
    };
    objects.set(key, { head, bytes, ...(uploadId === undefined ? {} : { uploadId }) });
    return head;
  }

  async get(bucket: string, key: string, options: GetOptions = {}): Promise<ObjectRead> {
    const { head, bytes } = this.#object({ bucket, key });
    checkReadConditions(head, options);
    if (options.range === undefined) return { head, body: Readable.from([bytes], { objectMode: false }) };
    const range = resolveRange(options.range, head.size);
    return { head, range, body: Readable.from([bytes.subarray(range.first, range.last + 1)], { objectMode: false }) };
  }

  async head(bucket: string, key: string, options: GetOptions = {}): Promise<ObjectHead> {
    const { head } = this.#object({ bucket, key });
    checkReadConditions(head, options);
    return head;
  }

  async list(bucket: string, options: ListOptions = {}): Promise<ListPage> {
    const { objects } = this.#bucket(bucket);
    const { prefix = '', delimiter = '', startAfter = '', maxKeys = 1000 } = options;
    const listed: ObjectHead[] = [];
    const commonPrefixes: string[] = [];
    let last: string | undefined;
    const after = Buffer.from(startAfter);
    const below = Buffer.compare(after, Buffer.from(prefix)) < 0;
    for (const bytes of below ? objects.from(Buffer.from(prefix), false) : objects.from(after, true)) {
      const key = bytes.toString();
      if (!key.startsWith(prefix)) break;
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const common = at === -1 ? undefined : key.slice(0, at + delimiter.length);
      // Told as the last common prefix, on this page or the page before.
      if (common !== undefined && (common === commonPrefixes.at(-1) || common === startAfter)) continue;
      if (listed.length + commonPrefixes.length === maxKeys) {
        return { objects: listed, commonPrefixes, ...(last === undefined ? {} : { next: last }) };
      }
      last = common ?? key;
      if (common === undefined) listed.push(objects.get(key)!.head);
      else commonPrefixes.push(common);
    }
    return { objects: listed, commonPrefixes };
  }

  async delete(bucket: string, key: string, options: { ifMatch?: string } = {}): Promise<void> {
    const { objects } = this.#bucket(bucket);
    keyBytes(key);
    if (options.ifMatch !== undefined) {
      checkWriteConditions({ bucket, key }, objects.get(key)?.head.etag, { ifMatch: options.ifMatch });
    }
    objects.delete(key);
  }

  async deleteMany(bucket: string, keys: readonly string[]): Promise<void> {
    const { objects } = this.#bucket(bucket);
    keys.forEach(keyBytes);
    for (const key of keys) objects.delete(key);
  }

  async copy(from: Ref, to: Ref, options: CopyOptions = {}): Promise<ObjectHead> {
    keyBytes(to.key);
    const { head, bytes } = this.#object(from);
    try {
      checkReadConditions(head, options.source ?? {});
    } catch (error) {
      if (!isLochError(error, 'not_modified')) throw error;
      throw new LochError('precondition_failed', error.message, { context: error.context });
    }
    const { contentType, metadata, headers, etag, checksums, partSizes } = head;
    const facts = { etag, checksums, ...(partSizes === undefined ? {} : { partSizes }) };
    return this.#store(to, bytes, { contentType, metadata, headers, ...options }, facts);
  }

  async createUpload(bucket: string, key: string, options: PutOptions = {}): Promise<UploadInfo> {
    keyBytes(key);
    const { uploads } = this.#bucket(bucket);
    const info = { bucket, key, uploadId: newId().replaceAll('-', ''), startedAt: this.#clock.now() };
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
    const { objects, uploads } = this.#bucket(ref.bucket);
    const made = objects.get(ref.key);
    if (!uploads.has(ref.uploadId) && made?.uploadId === ref.uploadId) return made.head;
    const upload = this.#upload(ref);
    const parts = chooseParts(sortedParts(upload), listed, this.#minPartBytes);
    const checksums = objectChecksums(parts, upload.options.checksumType);
    expectChecksums(options, checksums);
    const facts = { etag: multipartEtag(parts), checksums, partSizes: partSizeRuns(parts) };
    const bytes = Buffer.concat(parts.map((part) => part.bytes));
    const head = this.#store(ref, bytes, { ...upload.options, ...options }, facts, ref.uploadId);
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

  async openFiles(refs: readonly Ref[], directory: string): Promise<string[]> {
    await mkdir(directory, { recursive: true });
    const paths: string[] = [];
    for (const ref of refs) {
      const { head, bytes } = this.#object(ref);
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

  #object({ bucket, key }: Ref): Stored {
    const found = this.#bucket(bucket).objects.get(key);
    if (found === undefined) throw objectMissing(bucket, key);
    return found;
  }

  #upload(ref: UploadRef): Upload {
    const upload = this.#bucket(ref.bucket).uploads.get(ref.uploadId);
    if (upload?.info.key !== ref.key) throw uploadMissing(ref);
    return upload;
  }
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
