/** Who calls and by which request: what every use-case receives first. */
import type { StoreCall } from './store-call.ts';

export type PrincipalKind = 'root' | 'user' | 'role' | 'service' | 'anonymous';

/** An authenticated identity. Two requests of one person over two doors carry the same `arn`. */
export interface Principal {
  readonly kind: PrincipalKind;
  readonly arn: string;
  /** Unique id that survives a rename: the account id for root, `AIDA…` for a user. */
  readonly id: string;
  /** User name; `root` for root. */
  readonly name: string;
  readonly accountId: string;
  readonly accessKeyId?: string;
  /** Set when he signs with temporary credentials. */
  readonly session?: PrincipalSession;
}

/** What temporary credentials add to who they were given to. **Units**: times in milliseconds since 1970 UTC. */
export interface PrincipalSession {
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The role that was taken; undefined for a session of the user himself. */
  readonly roleArn?: string;
  /** What the session may do at most: a policy document, and ARNs of managed policies. */
  readonly policy?: string;
  readonly policyArns?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  readonly sourceIdentity?: string;
  /** Lent for the files of one table: it opens these and nothing else, as long as the grants on the table stand. */
  readonly scope?: StorageScope;
}

/** What may be done with files below a prefix. */
export type StorageVerb = 'read' | 'list' | 'write' | 'delete';

/**
 * Files of one table, as data: never text that is spliced into a policy, so that no name can widen it. `prefix` is
 * compared letter for letter and ends with a slash.
 */
export interface StorageScope {
  readonly table: { readonly database: string; readonly table: string };
  readonly bucket: string;
  readonly prefix: string;
  readonly verbs: readonly StorageVerb[];
  /** For a table that is not there yet: its maker writes the first files before the commit that creates it. */
  readonly staged?: true;
}

/** The door a request came through, as it stands in audit events. */
export type DoorName = 'aws' | 's3' | 'iceberg' | 'postgres' | 'sftp' | 'mqtt' | 'console' | 'internal';

/**
 * One request. The door makes it after authentication; use-cases read it and never make another, but for long work
 * which keeps principal and request id of whoever started it.
 */
export interface RequestContext {
  readonly requestId: string;
  readonly principal: Principal;
  readonly accountId: string;
  readonly region: string;
  readonly door: DoorName;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** Over TLS: the condition key `aws:SecureTransport`. */
  readonly secure: boolean;
  /** Aborted when the client has gone or the statement is cancelled. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970 UTC at arrival. */
  readonly startedAt: number;
  /** The operation asked for as `service:Operation` (`glue:GetTable`), for the record of a refusal. Set by doors. */
  readonly operation?: string;
  /** Calls that must share the transaction of the change this request makes: how its repeat is recognized. Set by doors. */
  readonly alongside?: readonly StoreCall[];
  /** The caller says that his account pays for it. Set by doors. */
  readonly payer?: 'requester';
  /** The access point it came through, which must allow it as its bucket must. Set by doors. */
  readonly accessPoint?: { readonly arn: string; readonly accountId: string; readonly policy?: string };
  /** What the request says of itself, as condition keys: `aws:Referer`, `s3:x-amz-acl` … Set by doors. */
  readonly requestKeys?: Readonly<Record<string, string | readonly string[]>>;
}
