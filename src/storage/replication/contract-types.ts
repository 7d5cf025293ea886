/** What callers see of replication. **Units**: bytes; milliseconds. */
import type { RequestContext } from '../../core/caller.ts';
import type { Secret } from '../../core/secret.ts';
import type { VersionName } from '../contract.ts';

/** What waits and what failed by one rule; a rule by which nothing waits has zeros. */
export interface ReplicationFigures {
  readonly bucket: string;
  readonly rule: string;
  readonly destination: string;
  readonly operationsPending: number;
  readonly bytesPending: number;
  /** How long the oldest of them has waited. */
  readonly latencyMs: number;
  readonly operationsFailed: number;
  /** The rule is under time control, and something has waited for longer than 15 minutes. */
  readonly missedThreshold: boolean;
  /** Why the destination is not reached just now. */
  readonly linkFailure?: string;
}

/** A version that a destination refused. */
export interface ReplicationFailure {
  readonly key: string;
  readonly versionId: string;
  readonly rule: string;
  readonly destination: string;
  readonly failure: string;
}

/** Replication as a caller may look at it and ask for it. */
export interface ReplicationRuns {
  /** Requires `s3:GetReplicationConfiguration` on the bucket. */
  figures(context: RequestContext, bucket: string): Promise<readonly ReplicationFigures[]>;
  /** The latest first, at most `limit`. Requires `s3:GetReplicationConfiguration`. */
  failures(context: RequestContext, bucket: string, limit: number): Promise<readonly ReplicationFailure[]>;
  /**
   * Queues a version that is there already by the rules that cover it. Requires `s3:InitiateReplication` on it.
   * **Errors**: `invalid_argument` when no rule does.
   */
  replicate(context: RequestContext, name: VersionName): Promise<void>;
}

/** An S3 service elsewhere, as a connection of the lake names it. */
export interface RemoteService {
  readonly endpoint: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
}

/** Opens a connection in the caller's name. **Errors**: `access_denied`, `not_found`, `invalid_argument`. */
export type OpenRemoteService = (context: RequestContext, connection: string) => Promise<RemoteService>;
