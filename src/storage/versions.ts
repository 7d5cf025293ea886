/**
 * Versions of objects and what may change of them: types of the `ObjectStore` contract.
 *
 * Rules
 * - A key has versions, newest first, and at most one of them is current. A delete marker is a version without bytes; a
 *   key whose newest version is one is not found.
 * - Bytes, metadata and checksums of a version never change; its attributes may, by the rules of object lock.
 * - A locked version is removed by nobody, the sweeper and lifecycle included: the store itself refuses.
 * **Source**: Amazon S3 User Guide, "Retaining multiple versions of objects" and "Locking objects with Object Lock".
 */
import type { LochError } from '../core/errors.ts';
import type { ObjectHead } from './contract.ts';

/** Whether a bucket keeps versions; where it is absent it never did. */
export type BucketVersioning = 'Enabled' | 'Suspended';

/** Until when a version is kept. COMPLIANCE is lifted by nobody; GOVERNANCE by who may bypass it. **Units**: milliseconds since 1970 UTC. */
export interface ObjectRetention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly until: number;
}

/** A grant of an access control list. Groups and users by canonical id, as S3 has them. */
export interface AccessGrant {
  readonly grantee:
    | { readonly type: 'CanonicalUser'; readonly id: string; readonly displayName?: string }
    | { readonly type: 'Group'; readonly uri: string };
  readonly permission: 'FULL_CONTROL' | 'READ' | 'WRITE' | 'READ_ACP' | 'WRITE_ACP';
}

/** An access control list with its owner's canonical id. */
export interface AccessControlList {
  readonly owner: string;
  readonly grants: readonly AccessGrant[];
}

/** How the bytes of a version are encrypted. Never a key in the clear. */
export interface ObjectEncryption {
  readonly algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse' | 'customer';
  /** ARN of the KMS key. */
  readonly keyId?: string;
  readonly bucketKey?: boolean;
  /** Of a key that the customer keeps: the base64 MD5 he proves it by. */
  readonly customerKeyMd5?: string;
  /** What unwraps the data key, as whoever encrypts and decrypts needs it. */
  readonly envelope?: string;
  /** Of a multipart object whose parts are not numbered 1, 2, 3 …: their numbers as runs `[first, count]`. */
  readonly partNumbers?: readonly (readonly [first: number, count: number])[];
}

/**
 * Where replication of a version stands. `REPLICA`: it is one itself.
 * **Source**: S3 User Guide, "Getting replication status information".
 */
export type ReplicationStatus = 'PENDING' | 'COMPLETED' | 'FAILED' | 'REPLICA';

/** Which version a write replicates. **Units**: milliseconds since 1970 UTC. */
export interface ReplicaOf {
  /** The id under which the replica is known as well. */
  readonly versionId: string;
  /** When that was written: it takes its place among the versions of the key accordingly. */
  readonly modifiedAt: number;
}

/** What may change of a version. An absent member is not set. */
export interface ObjectAttributes {
  readonly tags?: Readonly<Record<string, string>>;
  readonly retention?: ObjectRetention;
  readonly legalHold?: boolean;
  readonly acl?: AccessControlList;
  /** Absent: STANDARD. */
  readonly storageClass?: string;
  /** Of INTELLIGENT_TIERING: where use has brought it; absent: FREQUENT. */
  readonly accessTier?: string;
  readonly encryption?: ObjectEncryption;
  readonly restore?: { readonly ongoing: boolean; readonly until?: number };
  /** The account that wrote it, where that is not the bucket's. */
  readonly ownerAccountId?: string;
  /** Absent: no rule was for it. */
  readonly replicationStatus?: ReplicationStatus;
}

/** Members to set, or with null to remove. */
export type AttributeChange = { readonly [Name in keyof ObjectAttributes]?: ObjectAttributes[Name] | null };

export interface AttributeOptions {
  /** Whoever asks may lift GOVERNANCE. */
  readonly bypassGovernance?: boolean;
  /** For events: `PutObjectTagging`, `LifecycleTransition` … */
  readonly operation?: string;
}

export interface DeleteOptions {
  /** Only if the current ETag is this one; with `*`, only if the key exists. */
  readonly ifMatch?: string;
  /** Only if the version that would go was modified at this time, whole seconds compared. **Units**: milliseconds. */
  readonly ifModifiedAt?: number;
  /** Only if it has this size. **Units**: bytes. */
  readonly ifSize?: number;
  /** A version id or `null`: removes that version for good. */
  readonly versionId?: string;
  /** Whoever asks may remove a version under GOVERNANCE. */
  readonly bypassGovernance?: boolean;
  /** For events: `DeleteObject`, `LifecycleExpiration` … */
  readonly operation?: string;
  /** The marker is a replica of that one; put twice it is put once. Only a store over the metadata store takes it. */
  readonly replica?: ReplicaOf;
}

/** What a delete did. Nothing is told where versions were never kept. */
export interface DeleteResult {
  /** The version that was removed, or the marker that was made. */
  readonly versionId?: string;
  readonly isNull?: true;
  /** A marker was made, or the version removed was one. */
  readonly deleteMarker?: true;
}

/** One name of a batch delete. */
export interface DeleteName extends Pick<DeleteOptions, 'versionId' | 'ifMatch' | 'ifModifiedAt' | 'ifSize'> {
  readonly key: string;
}

/** What happened to one name of a batch delete. */
export interface DeleteOutcome extends DeleteResult {
  readonly key: string;
  /** The version that was asked for. */
  readonly requestedVersionId?: string;
  readonly error?: LochError;
}

/** A version in a listing of versions. A delete marker has no size and no ETag. */
export interface ObjectVersion extends ObjectHead {
  readonly isLatest: boolean;
  readonly deleteMarker?: true;
  /** When a newer version took its place. **Units**: milliseconds since 1970 UTC. */
  readonly noncurrentSince?: number;
}

export interface ListVersionsOptions {
  readonly prefix?: string;
  readonly delimiter?: string;
  /**
   * Without a version id: versions of keys (or common prefixes) after this key; with one: what follows that version. A
   * version that was removed meanwhile still tells its place.
   */
  readonly after?: { readonly key: string; readonly versionId?: string };
  readonly max?: number;
}

export interface VersionPage {
  readonly versions: readonly ObjectVersion[];
  readonly commonPrefixes: readonly string[];
  /** Give it as `after` for the next page; undefined on the last. */
  readonly next?: { readonly key: string; readonly versionId?: string };
}
