/**
 * Batch jobs: one operation on many objects, named by a manifest.
 * **Source**: Amazon S3 User Guide, "Performing object operations in bulk with Batch Operations".
 */
import type { RequestContext } from '../../core/caller.ts';
import type { AclRequest, ChecksumAlgorithm, ObjectAttributes, ObjectName, PutOptions } from '../contract.ts';

/** What is done to each object. **Units**: milliseconds since 1970 UTC. */
export type BatchOperation =
  | {
      readonly kind: 'copy';
      readonly bucket: string;
      /** Keys are put below it. */
      readonly folder?: string;
      readonly options: Pick<
        PutOptions,
        'metadata' | 'headers' | 'contentType' | 'encryption' | 'checksumAlgorithms'
      > & {
        readonly attributes?: ObjectAttributes;
        readonly acl?: AclRequest;
      };
      readonly onlyIf?: { readonly modifiedSince?: number; readonly unmodifiedSince?: number };
    }
  | { readonly kind: 'putTags'; readonly tags: Readonly<Record<string, string>> }
  | { readonly kind: 'deleteTags' }
  | { readonly kind: 'putAcl'; readonly acl: AclRequest }
  | { readonly kind: 'restore'; readonly days?: number }
  | { readonly kind: 'legalHold'; readonly on: boolean }
  | {
      readonly kind: 'retention';
      /** Absent: the lock is taken away. */
      readonly retention?: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly until: number };
      readonly bypassGovernance: boolean;
    }
  | { readonly kind: 'replicate' }
  | { readonly kind: 'checksum'; readonly algorithm: ChecksumAlgorithm | 'md5' };

/** Which objects. */
export type BatchManifest =
  | {
      readonly kind: 'csv';
      readonly object: ObjectName;
      readonly versionId?: string;
      readonly etag: string;
      readonly fields: readonly ('Bucket' | 'Key' | 'VersionId' | 'Ignore')[];
    }
  | { readonly kind: 'inventory'; readonly object: ObjectName; readonly versionId?: string; readonly etag: string }
  | { readonly kind: 'generated'; readonly bucket: string; readonly filter: ManifestFilter };

/** What a generated manifest takes in. All that is given must hold. */
export interface ManifestFilter {
  /** Versions that a rule of replication covers, replicas apart. */
  readonly eligibleForReplication?: boolean;
  readonly createdAfter?: number;
  readonly createdBefore?: number;
  /** `NONE`: it has none. */
  readonly replicationStatuses?: readonly string[];
  readonly prefixes?: readonly string[];
  readonly suffixes?: readonly string[];
  readonly substrings?: readonly string[];
  readonly largerThan?: number;
  readonly smallerThan?: number;
  readonly storageClasses?: readonly string[];
}

export interface BatchReport {
  readonly bucket: string;
  readonly prefix: string;
  readonly scope: 'AllTasks' | 'FailedTasksOnly';
}

export type BatchStatus =
  | 'New'
  | 'Preparing'
  | 'Suspended'
  | 'Ready'
  | 'Active'
  | 'Completing'
  | 'Complete'
  | 'Cancelled'
  | 'Failed';

export interface NewBatchJob {
  readonly operation: BatchOperation;
  readonly manifest: BatchManifest;
  readonly report?: BatchReport;
  readonly priority: number;
  readonly roleArn: string;
  /** The same again is the same job. */
  readonly token: string;
  readonly description?: string;
  readonly confirmationRequired: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** What one door knows and keeps, as plain JSON under that door's names. */
  readonly foreign: Readonly<Record<string, unknown>>;
}

export interface BatchJob extends Omit<NewBatchJob, 'token'> {
  readonly id: string;
  readonly accountId: string;
  readonly status: BatchStatus;
  readonly statusReason?: string;
  /** Undefined until the manifest is counted. */
  readonly total?: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly activeMs: number;
  readonly failures: readonly { readonly code: string; readonly reason: string }[];
  readonly createdAt: number;
  readonly endedAt?: number;
  readonly suspendedAt?: number;
}

/** Batch jobs as a caller may use them. **Errors**: `access_denied`; `not_found` for another account's or none. */
export interface BatchJobs {
  /** **Errors**: `invalid_argument` (InvalidRequest). */
  create(context: RequestContext, job: NewBatchJob): Promise<string>;
  describe(context: RequestContext, id: string): Promise<BatchJob>;
  /** The latest first, after the one named. */
  list(
    context: RequestContext,
    query: { readonly statuses?: readonly string[]; readonly after?: string; readonly limit: number },
  ): Promise<readonly BatchJob[]>;
  setPriority(context: RequestContext, id: string, priority: number): Promise<BatchJob>;
  /** Confirms a job that waits for it, or ends one. **Errors**: `conflict` for a status it cannot take. */
  setStatus(context: RequestContext, id: string, status: 'Ready' | 'Cancelled', reason?: string): Promise<BatchJob>;
  tags(context: RequestContext, id: string): Promise<Readonly<Record<string, string>>>;
  putTags(context: RequestContext, id: string, tags: Readonly<Record<string, string>>): Promise<void>;
  deleteTags(context: RequestContext, id: string): Promise<void>;
}
