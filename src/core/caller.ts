/** Who calls and by which request: what every use-case receives first. */

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
}
