/** What every store with rows in the metadata store does about its multipart uploads, wherever their bytes are. */
import type { Clock } from '../../../core/clock.ts';
import { isLochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import type { StoreCall } from '../../../core/store-call.ts';
import { type MetadataStore, storeCall } from '../../../metadata/contract.ts';
import type {
  CompletedPart,
  ListUploadsOptions,
  ObjectAttributes,
  ObjectBody,
  ObjectHead,
  ObjectName,
  PartInfo,
  PutOptions,
  UploadInfo,
  UploadRef,
} from '../../contract.ts';
import { combineCrcs } from '../../checksums/combine.ts';
import { sealedSize } from '../../encryption/body-cipher.ts';
import { keyBytes, uploadMissing } from '../names.ts';
import {
  chooseParts,
  expectCompletion,
  MAX_PART_NUMBER,
  multipartEtag,
  objectChecksums,
  partSizeRuns,
} from '../part-list.ts';
import type { Placed } from '../places.ts';
import type { NewVersion, PutFacts } from './object-procedures.ts';
import { formatDetail, headOf, type PartRow } from './rows.ts';
import objectStore from './store.ts';
import { type StoredUploadRef, type UploadOptions, uploadOf } from './upload-procedures.ts';

const { procedures } = objectStore;

/** Multipart uploads of a store. Methods and errors are those of `ObjectStore`. */
export interface Uploads {
  create(bucket: string, key: string, options: PutOptions): Promise<UploadInfo>;
  putPart(upload: UploadRef, number: number, body: ObjectBody, options: PutOptions): Promise<PartInfo>;
  parts(upload: UploadRef, after: number, max: number): Promise<PartInfo[]>;
  complete(upload: UploadRef, listed: readonly CompletedPart[], options: PutOptions): Promise<ObjectHead>;
  abort(upload: UploadRef): Promise<void>;
  list(bucket: string, options: ListUploadsOptions): Promise<UploadInfo[]>;
}

interface RowDeps {
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** Parts but the last have at least so many bytes. */
  readonly minPartBytes: number;
}

/** Where a remote store keeps the parts of an upload. */
export interface RemoteUpload {
  readonly uploadId: string;
  readonly versionId: string;
}

/** What is kept of an upload. */
export type KeptOptions = UploadOptions & { readonly remote?: RemoteUpload };

/** Records an upload that begins; calls of `also` share the transaction. */
export async function recordUpload(
  deps: Pick<RowDeps, 'store' | 'clock'>,
  { bucket, key }: ObjectName,
  options: PutOptions,
  remote?: RemoteUpload,
  also: (uploadId: string) => readonly StoreCall[] = () => [],
): Promise<UploadInfo> {
  const { contentType, metadata, headers, checksumAlgorithms, checksumType, attributes, replica } = options;
  const kept: KeptOptions = {
    ...(contentType === undefined ? {} : { contentType }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(headers === undefined ? {} : { headers }),
    ...(checksumAlgorithms === undefined ? {} : { checksumAlgorithms }),
    ...(checksumType === undefined ? {} : { checksumType }),
    ...(attributes === undefined ? {} : { attributes }),
    ...(replica === undefined ? {} : { replica }),
    ...(remote === undefined ? {} : { remote }),
  };
  const row = {
    upload_id: newId().replaceAll('-', ''),
    bucket,
    key: keyBytes(key),
    started_at: deps.clock.now(),
    options: JSON.stringify(kept),
  };
  await deps.store.transact([storeCall(procedures.createUpload, row), ...also(row.upload_id)]);
  return uploadOf(row);
}

/** What was kept of an upload. **Errors**: `upload_not_found`. */
export async function keptOptions(store: MetadataStore, upload: UploadRef): Promise<KeptOptions> {
  const row = await store.read(procedures.upload, { upload: stored(upload) });
  if (row === undefined) throw uploadMissing(upload);
  return JSON.parse(row.options) as KeptOptions;
}

/** Recorded parts, after a number. **Errors**: `upload_not_found`. */
export async function recordedParts(
  store: MetadataStore,
  upload: UploadRef,
  after: number,
  max: number,
): Promise<PartInfo[]> {
  const row = await store.read(procedures.upload, { upload: stored(upload) });
  if (row === undefined) throw uploadMissing(upload);
  return (await store.read(procedures.parts, { uploadId: upload.uploadId, after, max })).map(partInfo);
}

/** Uploads of a bucket by key, then id. */
export function recordedUploads(
  store: MetadataStore,
  bucket: string,
  options: ListUploadsOptions,
): Promise<UploadInfo[]> {
  return store.read(procedures.uploads, {
    bucket,
    prefix: Buffer.from(options.prefix ?? ''),
    after: Buffer.from(options.after?.key ?? ''),
    afterUploadId: options.after?.uploadId ?? '',
    max: options.max ?? 1000,
  });
}

/** A completion whose parts were checked. */
export interface Completion {
  readonly version: NewVersion;
  /** The parts of the object, in order. */
  readonly chosen: readonly PartRow[];
  /** Every recorded part. */
  readonly rows: readonly PartRow[];
}

/** Checks the parts that a completion names. **Errors**: those of the parts; `checksum_mismatch`, `invalid_argument`. */
export async function prepareCompletion(
  deps: RowDeps,
  upload: UploadRef,
  asked: {
    readonly listed: readonly CompletedPart[];
    readonly kept: UploadOptions;
    readonly options: PutOptions;
    readonly versionId: string;
  },
): Promise<Completion> {
  const { kept, options } = asked;
  const rows = await deps.store.read(procedures.parts, { uploadId: upload.uploadId, after: 0, max: MAX_PART_NUMBER });
  const chosen = chooseParts(rows, asked.listed, deps.minPartBytes);
  const checksums = objectChecksums(chosen, kept.checksumType);
  expectCompletion(kept, options, chosen, checksums);
  const attributes = withPartNumbers({ ...options.attributes, ...kept.attributes }, chosen);
  const crc = crcOfParts(chosen, attributes.encryption !== undefined);
  const row: NewVersion['row'] = {
    bucket: upload.bucket,
    key: keyBytes(upload.key),
    version_id: asked.versionId,
    size: chosen.reduce((sum, part) => sum + part.size, 0),
    etag: multipartEtag(chosen),
    modified_at: kept.replica?.modifiedAt ?? deps.clock.now(),
    ...(kept.replica === undefined ? {} : { shown_id: kept.replica.versionId }),
    segment: null,
    place: null,
    detail: formatDetail({
      ...kept,
      attributes,
      checksums,
      partSizes: partSizeRuns(chosen),
      uploadId: upload.uploadId,
      ...(crc === undefined ? {} : { crc }),
    }),
  };
  const version: NewVersion = {
    row,
    attributes,
    operation: options.operation ?? 'CompleteMultipartUpload',
    ...(kept.replica === undefined ? {} : { replica: kept.replica }),
    ...(options.ifMatch === undefined ? {} : { ifMatch: options.ifMatch }),
    ...(options.ifNoneMatch === undefined ? {} : { ifNoneMatch: options.ifNoneMatch }),
  };
  return { version, chosen, rows };
}

/** CRC-32 of the stored bytes of all parts, where it is known of each. */
function crcOfParts(parts: readonly PartRow[], sealed: boolean): number | undefined {
  if (parts.some(({ crc }) => crc === null)) return undefined;
  const sums = parts.map(({ crc, size }) => {
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc!);
    return { checksum: checksum.toString('base64'), size: sealed ? sealedSize(size) : size };
  });
  return Buffer.from(combineCrcs('crc32', sums), 'base64').readUInt32BE();
}

/** Parts are sealed under their numbers: those of an encrypted object are kept unless they are 1, 2, 3 … */
function withPartNumbers(attributes: ObjectAttributes, parts: readonly PartRow[]): ObjectAttributes {
  const { encryption } = attributes;
  if (encryption === undefined || parts.at(-1)?.number === parts.length) return attributes;
  const runs: [first: number, count: number][] = [];
  for (const { number } of parts) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === number) last[1]++;
    else runs.push([number, 1]);
  }
  return { ...attributes, encryption: { ...encryption, partNumbers: runs } };
}

/** Makes the object of an upload whose bytes are placed; the caller says `decided` afterwards. */
export async function commitCompletion(
  store: MetadataStore,
  upload: UploadRef,
  { version, chosen }: Completion,
  placed: Placed,
): Promise<ObjectHead> {
  const parts = formatParts(chosen);
  try {
    const args = { upload: stored(upload), ...(parts === undefined ? {} : { parts }), version };
    const calls = [storeCall(procedures.completeUpload, args), ...(placed.also ?? [])];
    const [facts] = await store.transact(calls); // the commit point
    return headOf({ ...version.row, ...(facts as PutFacts) });
  } catch (error) {
    if (isLochError(error) && error.kind === 'user') await placed.discard();
    throw error;
  }
}

/**
 * The parts of an object as they are kept for those who ask for its attributes: `[number, size, checksums]`. Parts in
 * a row without checksums follow from their sizes.
 */
function formatParts(parts: readonly PartRow[]): string | undefined {
  if (parts.every(({ number, checksums }, i) => number === i + 1 && checksums === '{}')) return undefined;
  return JSON.stringify(parts.map(({ number, size, checksums }) => [number, size, JSON.parse(checksums)]));
}

/** An upload as the tables know it. **Errors**: `upload_not_found` for what is no id of ours. */
export function stored(upload: UploadRef): StoredUploadRef {
  if (!/^[0-9a-f]{32}$/.test(upload.uploadId)) throw uploadMissing(upload);
  return { uploadId: upload.uploadId, bucket: upload.bucket, key: keyBytes(upload.key) };
}

/** A part from its row. */
export function partInfo(row: PartRow): PartInfo {
  return {
    partNumber: row.number,
    size: row.size,
    etag: `"${row.md5}"`,
    lastModified: row.modified_at,
    checksums: JSON.parse(row.checksums) as Record<string, string>,
  };
}
