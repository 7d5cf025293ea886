/**
 * Objects and the Iceberg table format on them.
 *
 * Call rules of `ObjectStore`
 * - A write that resolved is durable, and visible to every later read and listing. One that rejected left nothing visible.
 * - Keys order by their UTF-8 bytes. A key never collides with a "directory"; no key leads outside the root.
 * - `body` of a read must be consumed or destroyed. A read keeps its version though the key is overwritten meanwhile.
 * - It asks no policy: `storage/objects` use-cases do, and are what doors call. Other layers use the store for files
 *   of resources they have authorized themselves (table files, results, deliveries).
 */
import type { Readable } from 'node:stream';
import type { RequestContext } from '../core/caller.ts';
import type { LochError } from '../core/errors.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { StoreCall } from '../core/store-call.ts';

export interface BucketInfo {
  readonly name: string;
  readonly createdAt: number;
  readonly region: string;
  readonly ownerAccountId: string;
}

export interface ObjectHead {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string;
  readonly size: number;
  /** Quoted as on the wire: `"<md5 hex>"`, multipart `"<md5 of md5s>-<parts>"`. */
  readonly etag: string;
  readonly lastModified: number;
  readonly contentType: string;
  /** `x-amz-meta-*` without the prefix, lower-case names. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Content-Encoding, Cache-Control, Content-Disposition, Content-Language, Expires as given. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Base64 checksums by algorithm, as the client gave and we verified: `crc32c`, `sha256` … Those over the checksums of
   * parts (composite) end in `-<parts>`.
   */
  readonly checksums: Readonly<Record<string, string>>;
  /** Of a multipart object: sizes of its parts as runs, in order. */
  readonly partSizes?: readonly (readonly [size: number, count: number])[];
}

export type ChecksumAlgorithm = 'crc32' | 'crc32c' | 'crc64nvme' | 'sha1' | 'sha256';

export interface PutOptions {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Exact length of the body; fewer or more bytes reject with `incomplete_body`. */
  readonly contentLength?: number;
  readonly contentMd5?: string;
  /** Expected checksums; a function is asked after the last byte (trailers). Mismatch rejects with `checksum_mismatch`. */
  readonly checksums?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>);
  /** To compute and keep: those a function of `checksums` will name, and, on `createUpload`, those of all parts. */
  readonly checksumAlgorithms?: readonly ChecksumAlgorithm[];
  /** On `createUpload`: over the whole object or over the checksums of its parts. `FULL_OBJECT` for crc64nvme, else composite. */
  readonly checksumType?: 'COMPOSITE' | 'FULL_OBJECT';
  /** `*`: only if the key does not exist. Else `precondition_failed`. */
  readonly ifNoneMatch?: '*';
  /** Only if the current ETag is this one. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
  /** What made it, for events: `PutObject`, `CompleteMultipartUpload`, `Delivery` … */
  readonly operation?: string;
}

/** Content type, metadata and headers that are not given are those of the source. */
export interface CopyOptions extends PutOptions {
  /** Conditions on the source. */
  readonly source?: Pick<GetOptions, 'ifMatch' | 'ifNoneMatch' | 'ifModifiedSince' | 'ifUnmodifiedSince'>;
}

/** Bytes in hand, a stream of them, or a finished local file that the store may take over by rename. */
export type ObjectBody = Uint8Array | AsyncIterable<Uint8Array> | { readonly adoptFile: string };

/** Inclusive byte range as of RFC 9110: `first`–`last`, or the last `suffix` bytes. */
export type ByteRange = { readonly first: number; readonly last?: number } | { readonly suffix: number };

export interface GetOptions {
  readonly range?: ByteRange;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly ifModifiedSince?: number;
  readonly ifUnmodifiedSince?: number;
  readonly signal?: AbortSignal;
}

export interface ObjectRead {
  readonly head: ObjectHead;
  readonly body: Readable;
  /** The range served, inclusive; undefined when the whole object is. */
  readonly range?: { readonly first: number; readonly last: number };
}

export interface ListOptions {
  readonly prefix?: string;
  readonly delimiter?: string;
  /** Keys (or common prefixes) after this one. */
  readonly startAfter?: string;
  readonly maxKeys?: number;
}

export interface ListPage {
  readonly objects: readonly ObjectHead[];
  readonly commonPrefixes: readonly string[];
  /** Give it as `startAfter` for the next page; undefined on the last. */
  readonly next?: string;
}

export interface UploadInfo {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  readonly startedAt: number;
}

export interface ListUploadsOptions {
  readonly prefix?: string;
  /** Without an upload id: uploads of keys after this key. */
  readonly after?: { readonly key: string; readonly uploadId?: string };
  readonly max?: number;
}

/** A part as a completion names it; checksums that are given must be those of the part. */
export interface CompletedPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly checksums?: Readonly<Record<string, string>>;
}

export interface PartInfo {
  readonly partNumber: number;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: number;
  readonly checksums: Readonly<Record<string, string>>;
}

export interface ObjectStore extends Lifecycle {
  createBucket(
    name: string,
    options: {
      readonly region: string;
      readonly ownerAccountId: string;
      /** Calls for the transaction that makes it: its first settings. Only a store over the metadata store takes them. */
      readonly also?: readonly StoreCall[];
    },
  ): Promise<BucketInfo>;
  deleteBucket(name: string): Promise<void>;
  bucket(name: string): Promise<BucketInfo>;
  buckets(): Promise<readonly BucketInfo[]>;

  put(bucket: string, key: string, body: ObjectBody, options?: PutOptions): Promise<ObjectHead>;
  get(bucket: string, key: string, options?: GetOptions): Promise<ObjectRead>;
  head(bucket: string, key: string, options?: GetOptions): Promise<ObjectHead>;
  list(bucket: string, options?: ListOptions): Promise<ListPage>;
  /** Removing a key that is not there succeeds. */
  delete(bucket: string, key: string, options?: { readonly ifMatch?: string }): Promise<void>;
  /** One transaction for all keys. */
  deleteMany(bucket: string, keys: readonly string[]): Promise<void>;
  copy(
    from: { readonly bucket: string; readonly key: string },
    to: { readonly bucket: string; readonly key: string },
    options?: CopyOptions,
  ): Promise<ObjectHead>;

  createUpload(bucket: string, key: string, options?: PutOptions): Promise<UploadInfo>;
  putPart(upload: UploadRef, partNumber: number, body: ObjectBody, options?: PutOptions): Promise<PartInfo>;
  parts(upload: UploadRef, options?: { readonly after?: number; readonly max?: number }): Promise<readonly PartInfo[]>;
  completeUpload(upload: UploadRef, parts: readonly CompletedPart[], options?: PutOptions): Promise<ObjectHead>;
  abortUpload(upload: UploadRef): Promise<void>;
  /** By key, then by upload id, after the one named. */
  uploads(bucket: string, options?: ListUploadsOptions): Promise<readonly UploadInfo[]>;

  /**
   * Makes the current versions readable as local files in `directory` (hard links, or files cut from segments), in
   * order. They stay readable until the caller removes the directory. Names keep the extension of the key.
   * **Errors**: `object_not_found`.
   */
  openFiles(
    refs: readonly { readonly bucket: string; readonly key: string }[],
    directory: string,
  ): Promise<readonly string[]>;
}

export interface UploadRef {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
}

/** What happened to one key of a batch delete. */
export interface DeleteOutcome {
  readonly key: string;
  readonly error?: LochError;
}

/**
 * Objects as a caller may use them: what the S3 door, the console and the command line call. Every method asks IAM and,
 * under a registered Lake Formation location, the grants on the owning table; then it asks the store; then it records the
 * data event, durably, before the answer's last byte. Methods and errors are those of `ObjectStore`.
 */
export interface ObjectAccess {
  createBucket(context: RequestContext, name: string): Promise<BucketInfo>;
  deleteBucket(context: RequestContext, name: string): Promise<void>;
  /** `action` is what the caller asks for: `s3:ListBucket` unless it is a setting of the bucket. */
  headBucket(context: RequestContext, name: string, action?: `s3:${string}`): Promise<BucketInfo>;
  /** The buckets the caller may list. */
  listBuckets(context: RequestContext): Promise<readonly BucketInfo[]>;
  putObject(context: RequestContext, target: ObjectName, body: ObjectBody, options?: PutOptions): Promise<ObjectHead>;
  getObject(context: RequestContext, name: ObjectName, options?: GetOptions): Promise<ObjectRead>;
  headObject(context: RequestContext, name: ObjectName, options?: GetOptions): Promise<ObjectHead>;
  listObjects(context: RequestContext, bucket: string, options?: ListOptions): Promise<ListPage>;
  deleteObject(context: RequestContext, name: ObjectName, options?: { readonly ifMatch?: string }): Promise<void>;
  deleteObjects(context: RequestContext, bucket: string, keys: readonly string[]): Promise<readonly DeleteOutcome[]>;
  copyObject(context: RequestContext, from: ObjectName, to: ObjectName, options?: CopyOptions): Promise<ObjectHead>;
  createUpload(context: RequestContext, target: ObjectName, options?: PutOptions): Promise<UploadInfo>;
  putPart(
    context: RequestContext,
    upload: UploadRef,
    partNumber: number,
    body: ObjectBody,
    options?: PutOptions,
  ): Promise<PartInfo>;
  copyPart(
    context: RequestContext,
    upload: UploadRef,
    partNumber: number,
    from: ObjectName,
    range?: ByteRange,
    options?: CopyOptions,
  ): Promise<PartInfo>;
  listParts(
    context: RequestContext,
    upload: UploadRef,
    options?: { readonly after?: number; readonly max?: number },
  ): Promise<readonly PartInfo[]>;
  completeUpload(
    context: RequestContext,
    upload: UploadRef,
    parts: readonly CompletedPart[],
    options?: PutOptions,
  ): Promise<ObjectHead>;
  abortUpload(context: RequestContext, upload: UploadRef): Promise<void>;
  listUploads(context: RequestContext, bucket: string, options?: ListUploadsOptions): Promise<readonly UploadInfo[]>;
}

/** Where an object is. */
export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

export type * from './buckets/contract.ts';
/** Checksums piece by piece, for doors that verify bodies no store sees. */
export { CHECKSUM_ALGORITHMS, createDigest, type Digest } from './checksums/digest.ts';
/** `s3://bucket/key`. **Errors**: `invalid_argument`. */
export { formatS3Uri, parseS3Uri, type S3Location } from './s3-uri.ts';
/** JSON of table metadata: snapshot ids as text inside and as numbers on the wire, no digit of any number lost. */
export { parseLosslessJson, stringifyLosslessJson } from './tables/lossless-json.ts';

// ---------------------------------------------------------------------------------------------------------------- Iceberg
export type {
  CompactionGroup,
  CompactionOptions,
  DataFile,
  DeleteFile,
  ExpiryOptions,
  IcebergField,
  IcebergSchema,
  IcebergType,
  PartitionField,
  PartitionSpec,
  ReachableFiles,
  ScanFile,
  ScanPlan,
  ScanPredicate,
  ScanRequest,
  Snapshot,
  StagedCommit,
  StageOptions,
  TableChange,
  TableFormat,
  TableMetadata,
  TableRequirement,
  TableUpdate,
  WriteLayout,
} from './tables/contract-types.ts';
