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
import type { Readable, Writable } from 'node:stream';
import type { RequestContext } from '../core/caller.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { Decision } from '../governance/contract.ts';
import type { SelectInput } from './select/request.ts';
import type { SelectEvent } from './select/select-object.ts';
import type { Scrubber } from './stores/local/scrubber.ts';
import type { ObjectTiers } from './tiers/contract-types.ts';
import type { StoreCall } from '../core/store-call.ts';
import type { AclOption, AclRequest, BucketSetting, ObjectOwnership } from './buckets/contract.ts';
import type { DecryptionOptions, EncryptionOptions } from './encryption/contract.ts';
import type {
  AccessControlList,
  AttributeChange,
  AttributeOptions,
  BucketVersioning,
  DeleteName,
  DeleteOptions,
  DeleteOutcome,
  DeleteResult,
  ListVersionsOptions,
  ObjectAttributes,
  ObjectEncryption,
  ReplicaOf,
  VersionPage,
} from './versions.ts';

export interface BucketInfo {
  readonly name: string;
  readonly createdAt: number;
  readonly region: string;
  readonly ownerAccountId: string;
  /** Absent: versions were never kept. Once they were, keeping them can only be suspended. */
  readonly versioning?: BucketVersioning;
  /** Versions may be locked here; versioning stays enabled. */
  readonly objectLock?: true;
}

export interface ObjectHead {
  readonly bucket: string;
  readonly key: string;
  /** Unique for each write, in buckets without versions too: it names these bytes for ever. */
  readonly versionId: string;
  /** S3's `null` version: written while versions were never kept, or keeping them was suspended. */
  readonly isNull?: true;
  /** Whether the bucket keeps versions, as it was found with this head; absent on heads of a listing. */
  readonly versioning?: BucketVersioning;
  /** What may change of a version: tags, locks, class … */
  readonly attributes: ObjectAttributes;
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
  /** When a lifecycle rule will remove it, as use-cases tell it. **Units**: milliseconds since 1970 UTC. */
  readonly expiry?: { readonly at: number; readonly rule: string };
}

export type ChecksumAlgorithm = 'crc32' | 'crc32c' | 'crc64nvme' | 'sha1' | 'sha256' | 'sha512' | 'md5';

export interface PutOptions extends EncryptionOptions {
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
  /** `*`: only if the key does not exist; an ETag: only if the current one is another. Else `precondition_failed`. */
  readonly ifNoneMatch?: string;
  /** Only if the current ETag is this one. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
  /** What made it, for events: `PutObject`, `CompleteMultipartUpload`, `Delivery` … */
  readonly operation?: string;
  /**
   * The new version is a replica of that one: known by its id and as old. Where the key has it already, nothing is
   * written. Only a bucket that keeps versions takes replicas, and only a store over the metadata store.
   */
  readonly replica?: ReplicaOf;
  /** Tags, locks, class … of the new version; on `createUpload`, of the object it becomes, before those of its completion. */
  readonly attributes?: ObjectAttributes;
}

/**
 * Content type, metadata and headers that are not given are those of the source, and so are tags: an empty set of them
 * gives none. Checksums are those of the source, and those of `checksumAlgorithms` over the whole object. Locks, access lists and classes are never those of the source.
 */
export interface CopyOptions extends PutOptions {
  /** Conditions on the source. */
  readonly source?: Pick<
    GetOptions,
    'ifMatch' | 'ifNoneMatch' | 'ifModifiedSince' | 'ifUnmodifiedSince' | 'customerKey' | 'caller'
  > & {
    /** A larger source is refused: `limit_exceeded`. **Units**: bytes. */
    readonly maxSize?: number;
  };
}

/** Bytes in hand, a stream of them, or a finished local file that the store may take over by rename. */
export type ObjectBody = Uint8Array | AsyncIterable<Uint8Array> | { readonly adoptFile: string };

/** Inclusive byte range as of RFC 9110: `first`–`last`, or the last `suffix` bytes. */
export type ByteRange = { readonly first: number; readonly last?: number } | { readonly suffix: number };

export interface GetOptions extends DecryptionOptions {
  /** A version id or `null`; the current version when absent. */
  readonly versionId?: string;
  readonly range?: ByteRange;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly ifModifiedSince?: number;
  readonly ifUnmodifiedSince?: number;
  readonly signal?: AbortSignal;
}

/** A body that knows a shorter way to a socket than through a stream. */
export interface DirectBody {
  /** Sends everything, ends `out`, and resolves when it has finished; instead of reading, and once. */
  sendTo(out: Writable): Promise<void>;
}

export interface ObjectRead {
  readonly head: ObjectHead;
  readonly body: Readable & Partial<DirectBody>;
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
  /** As `createUpload` was told. */
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType?: 'COMPOSITE' | 'FULL_OBJECT';
  readonly attributes?: ObjectAttributes;
}

/** A page of uploads by key and id, those that roll up at a delimiter as common prefixes. */
export interface UploadPage {
  readonly uploads: readonly UploadInfo[];
  readonly commonPrefixes: readonly string[];
  /** Give it as `after` for the next page; undefined on the last. */
  readonly next?: { readonly key: string; readonly uploadId?: string };
}

export interface ListUploadsOptions {
  readonly prefix?: string;
  /** Without an upload id: uploads of keys after this key. An upload id that is not there is a place all the same. */
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
  /** How the part was encrypted; on the answer to its upload only. */
  readonly encryption?: ObjectEncryption;
}

/** A part of an object that was uploaded in parts. */
export interface ObjectPart {
  readonly partNumber: number;
  readonly size: number;
  readonly checksums: Readonly<Record<string, string>>;
}

export interface ObjectStore extends Lifecycle {
  /** Reads every byte over and over; absent: the service below does. */
  readonly scrubber?: Pick<Scrubber, 'run' | 'status'>;
  /** Colder places of bytes; absent: every class is kept in the same place. */
  readonly tiers?: ObjectTiers;
  createBucket(
    name: string,
    options: {
      readonly region: string;
      readonly ownerAccountId: string;
      /** Versions are kept from the start, and may be locked. */
      readonly objectLock?: boolean;
      /** Calls for the transaction that makes it: its first settings. Only a store over the metadata store takes them. */
      readonly also?: readonly StoreCall[];
    },
  ): Promise<BucketInfo>;
  deleteBucket(name: string): Promise<void>;
  bucket(name: string): Promise<BucketInfo>;
  buckets(): Promise<readonly BucketInfo[]>;
  /** **Errors**: `invalid_bucket_state` for suspending a bucket with object lock. */
  setVersioning(bucket: string, state: BucketVersioning): Promise<void>;
  /** From here on versions may be locked; there is no way back. **Errors**: `invalid_bucket_state` unless versions are kept. */
  enableObjectLock(bucket: string): Promise<void>;

  put(bucket: string, key: string, body: ObjectBody, options?: PutOptions): Promise<ObjectHead>;
  get(bucket: string, key: string, options?: GetOptions): Promise<ObjectRead>;
  head(bucket: string, key: string, options?: GetOptions): Promise<ObjectHead>;
  list(bucket: string, options?: ListOptions): Promise<ListPage>;
  /** Versions and delete markers by key, the newest of a key first. */
  listVersions(bucket: string, options?: ListVersionsOptions): Promise<VersionPage>;
  /**
   * Without a version: removes the key where versions were never kept, else marks it as deleted. With one: removes that
   * version for good; the newest one left becomes current. What is not there is removed too.
   * **Errors**: `access_denied` for a locked version; `precondition_failed`.
   */
  delete(bucket: string, key: string, options?: DeleteOptions): Promise<DeleteResult>;
  /** One transaction for all names; what is refused of one does not hold up the others. Outcomes are in their order. */
  deleteMany(
    bucket: string,
    names: readonly (string | DeleteName)[],
    options?: Pick<DeleteOptions, 'bypassGovernance' | 'operation'>,
  ): Promise<readonly DeleteOutcome[]>;
  /**
   * Changes what may change of a version; members that are null are removed, absent ones stay.
   * **Errors**: `access_denied` for a lock that may not be lifted; `object_lock_missing`, `version_is_marker`.
   */
  updateAttributes(name: VersionName, change: AttributeChange, options?: AttributeOptions): Promise<ObjectHead>;
  /** The parts a multipart object was made of, in order; none for others. Kept where parts had checksums. */
  objectParts(
    name: VersionName,
    options?: { readonly after?: number; readonly max?: number },
  ): Promise<readonly ObjectPart[]>;
  copy(
    from: VersionName,
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
   * Makes versions (the current ones where none is named) readable as local files in `directory`, in order: hard links,
   * files cut from segments, or files of what was fetched from a remote service. They stay readable until the caller
   * removes the directory. Names keep the extension of the key. With `columns` a Parquet file may have holes where other
   * columns are; its length and footer are those of the object. Those that are encrypted are opened in the name of
   * `caller`, as plain files. **Errors**: `object_not_found`; `statement_refused` where no plain bytes of theirs may lie.
   */
  openFiles(
    refs: readonly VersionName[],
    directory: string,
    columns?: FileColumns,
    options?: DecryptionOptions,
  ): Promise<readonly string[]>;
}

/** Every column of a file that its reader may touch: by top-level name in any case, or by field id. */
export interface FileColumns {
  readonly names: readonly string[];
  readonly fieldIds: readonly number[];
}

export interface UploadRef {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
}

/**
 * Objects as a caller may use them: what the S3 door, the console and the command line call. Every method asks IAM and,
 * under a registered Lake Formation location, the grants on the owning table; then it asks the store; then it records the
 * data event, durably, before the answer's last byte. Methods and errors are those of `ObjectStore`.
 */
export interface ObjectAccess {
  /** Makes a bucket of the caller's account. */
  createBucket(
    context: RequestContext,
    name: string,
    options?: {
      readonly objectOwnership?: ObjectOwnership;
      readonly acl?: AclRequest;
      readonly objectLock?: boolean;
    },
  ): Promise<BucketInfo>;
  setVersioning(context: RequestContext, bucket: string, state: BucketVersioning): Promise<void>;
  /** Enables object lock, and says how long versions are kept that do not say it themselves. */
  putLockConfiguration(
    context: RequestContext,
    bucket: string,
    configuration: BucketSetting<'objectLock'>,
  ): Promise<void>;
  /** Undefined where versions cannot be locked. */
  lockConfiguration(context: RequestContext, bucket: string): Promise<BucketSetting<'objectLock'> | undefined>;
  deleteBucket(context: RequestContext, name: string): Promise<void>;
  /** `action` is what the caller asks for: `s3:ListBucket` unless it is a setting of the bucket. */
  headBucket(context: RequestContext, name: string, action?: `s3:${string}`): Promise<BucketInfo>;
  /** The buckets the caller may list. */
  listBuckets(context: RequestContext): Promise<readonly BucketInfo[]>;
  putObject(
    context: RequestContext,
    target: ObjectName,
    body: ObjectBody,
    options?: PutOptions & AclOption,
  ): Promise<ObjectHead>;
  getObject(context: RequestContext, name: ObjectName, options?: GetOptions): Promise<ObjectRead>;
  headObject(context: RequestContext, name: ObjectName, options?: GetOptions): Promise<ObjectHead>;
  listObjects(context: RequestContext, bucket: string, options?: ListOptions): Promise<ListPage>;
  listVersions(context: RequestContext, bucket: string, options?: ListVersionsOptions): Promise<VersionPage>;
  /** The head of a version, for an operation that tells of one of its attributes. A customer's key is for GetObjectAttributes alone. */
  readAttributes(
    context: RequestContext,
    operation: AttributeReading,
    name: VersionName,
    options?: Pick<GetOptions, 'customerKey'>,
  ): Promise<ObjectHead>;
  /** **Errors**: those of `updateAttributes`; `invalid_tag`, `invalid_argument`. */
  changeAttributes(
    context: RequestContext,
    operation: AttributeChanging,
    name: VersionName,
    change: AttributeChange,
    options?: Pick<AttributeOptions, 'bypassGovernance'>,
  ): Promise<ObjectHead>;
  objectParts(
    context: RequestContext,
    name: VersionName,
    options?: { readonly after?: number; readonly max?: number },
  ): Promise<readonly ObjectPart[]>;
  deleteObject(context: RequestContext, name: ObjectName, options?: DeleteOptions): Promise<DeleteResult>;
  deleteObjects(
    context: RequestContext,
    bucket: string,
    names: readonly (string | DeleteName)[],
    options?: Pick<DeleteOptions, 'bypassGovernance'>,
  ): Promise<readonly DeleteOutcome[]>;
  copyObject(
    context: RequestContext,
    from: VersionName,
    to: ObjectName,
    options?: CopyOptions & AclOption,
  ): Promise<ObjectHead>;
  createUpload(context: RequestContext, target: ObjectName, options?: PutOptions & AclOption): Promise<UploadInfo>;
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
    from: VersionName,
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
  listUploads(
    context: RequestContext,
    bucket: string,
    options?: ListUploadsOptions & { readonly delimiter?: string },
  ): Promise<UploadPage>;
  /**
   * Asks for a copy of an archived version for so many days (none for INTELLIGENT_TIERING, which comes back for good); of
   * one that is restored, prolongs them. **Errors**: `invalid_object_state`, `restore_in_progress`, `missing_argument`.
   */
  restoreObject(context: RequestContext, name: VersionName, days?: number): Promise<'started' | 'extended'>;
  /** Runs a statement over one object. **Errors**, before the first event: those of a read, and S3's as `context.s3_code`. */
  selectObject(
    context: RequestContext,
    name: VersionName,
    input: SelectInput,
  ): Promise<AsyncGenerator<SelectEvent, void, void>>;
  /**
   * What would be decided about a principal (an ARN, or `anonymous`), with the statements and lines that decide. Asking
   * about others needs `s3:GetBucketPolicy`. **Errors**: `not_found` for nobody.
   */
  explainAccess(context: RequestContext, question: AccessQuestion): Promise<AccessExplanation>;
  /** The list of an object; its owner's alone while none was put. */
  getObjectAcl(context: RequestContext, name: VersionName): Promise<AccessControlList>;
  /** **Errors**: `acl_not_supported`, `access_denied` while public lists are blocked. */
  putObjectAcl(context: RequestContext, name: VersionName, acl: AclRequest): Promise<ObjectHead>;
}

/** Operations that read attributes of a version, each with IAM actions of its own. */
export type AttributeReading = 'GetObjectTagging' | 'GetObjectRetention' | 'GetObjectLegalHold' | 'GetObjectAttributes';

/** Operations that change attributes of a version. */
export type AttributeChanging =
  | 'PutObjectTagging'
  | 'DeleteObjectTagging'
  | 'PutObjectRetention'
  | 'PutObjectLegalHold';

/** Whether somebody may do something to a bucket, or to an object of it. */
export interface AccessQuestion {
  readonly bucket: string;
  readonly key?: string;
  readonly principal: string;
  /** `s3:GetObject` of an object and `s3:ListBucket` of a bucket, unless given. */
  readonly action?: `s3:${string}`;
}

/** The decision of IAM, the bucket and its lists. */
export interface AccessExplanation extends Decision {
  readonly action: string;
  readonly resource: string;
  /** The registered location the object lies under: the grants of Lake Formation must allow it as well. */
  readonly governedBy?: string;
}

/** Where an object is. */
export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

export type * from './buckets/contract.ts';
export type * from './encryption/contract.ts';
/** Names of ready lists, and the groups that lists may name. */
export { CANNED_LISTS, KNOWN_GROUPS } from './buckets/access-lists.ts';
/** A version of an object; the current one when none is named. `null` names S3's null version. */
export interface VersionName extends ObjectName {
  readonly versionId?: string;
}

export type {
  AccessControlList,
  AccessGrant,
  AttributeChange,
  AttributeOptions,
  BucketVersioning,
  DeleteName,
  DeleteOptions,
  DeleteOutcome,
  DeleteResult,
  ListVersionsOptions,
  ObjectAttributes,
  ObjectEncryption,
  ObjectRetention,
  ObjectVersion,
  ReplicaOf,
  ReplicationStatus,
  VersionPage,
} from './versions.ts';

export type { LifecycleCounts, LifecycleRun, LifecycleRuns } from './lifecycle/contract-types.ts';
export type { BucketFigures, PrefixFigures, StorageCounts, StorageFigures } from './figures/contract-types.ts';
export type { InventoryRun, InventoryRuns } from './inventory/contract-types.ts';
export { type InventoryConfiguration, parseInventory } from './inventory/configuration.ts';
export { type LifecycleConfiguration, type LifecycleRule, parseLifecycle } from './lifecycle/configuration.ts';
export type * from './batch/contract-types.ts';
export type * from './access-grants/contract-types.ts';
export type * from './access-points/contract-types.ts';
export type * from './replication/contract-types.ts';
export type { ScrubStatus } from './stores/local/scrubber.ts';
export type { ObjectTiers, TierPlace, TiersStatus, TierStatus } from './tiers/contract-types.ts';
export type { DurabilityReport, LossModel, PlaceDurability } from './durability/contract-types.ts';
export type { Upkeep } from './upkeep/index.ts';
export type { AccessLog } from './access-logs/access-log.ts';
export type { BridgeEvent } from './notifications/bridge-event.ts';
export { DETAIL_TYPES as BRIDGE_DETAIL_TYPES } from './notifications/bridge-event.ts';
export type { StreamTargets } from './notifications/stream-target.ts';
export {
  type NotificationConfiguration,
  type NotificationTarget,
  parseNotification,
} from './notifications/configuration.ts';
export type { SelectInput } from './select/request.ts';
export type { SelectEvent } from './select/select-object.ts';
/** Checksums piece by piece, for doors that verify bodies no store sees. */
export { CHECKSUM_ALGORITHMS, createDigest, type Digest } from './checksums/digest.ts';
/** `s3://bucket/key`. **Errors**: `invalid_argument`. */
export { formatS3Uri, parseS3Uri, type S3Location } from './s3-uri.ts';
export type {
  BundleExport,
  BundleExportReport,
  BundleImport,
  BundleImportReport,
  Bundles,
  BundleSecret,
  TreeExport,
  TreeExportReport,
} from './offline/contract-types.ts';
/** JSON of table metadata: snapshot ids as text inside and as numbers on the wire, no digit of any number lost. */
export { parseLosslessJson, stringifyLosslessJson } from './tables/lossless-json.ts';

// ---------------------------------------------------------------------------------------------------------------- Iceberg
export type {
  CompactionGroup,
  CompactionOptions,
  ContentFile,
  DataFile,
  DeleteFile,
  DeltaValidation,
  ExpiryOptions,
  FileField,
  IcebergField,
  IcebergSchema,
  IcebergType,
  MetadataTable,
  MetadataTableName,
  PartitionField,
  PartitionSpec,
  ReachableFiles,
  ScanFile,
  ScanFilter,
  ScanPlan,
  ScanPredicate,
  ScanRequest,
  ScanTaskRequest,
  ScanTasks,
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

// ------------------------------------------------------------------------------------------------- tables of other formats
export { columnsOfAvro } from './foreign/avro-types.ts';

export type {
  DeltaExport,
  DeltaExported,
  ForeignColumn,
  ForeignFile,
  ForeignKind,
  ForeignSnapshot,
  ForeignTables,
  ForeignVersion,
} from './foreign/contract-types.ts';
