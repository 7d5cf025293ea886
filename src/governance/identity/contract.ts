/**
 * Identities as use-cases: users, groups, roles, their keys and policies. Doors, the console and the command line call
 * these; each asks the policy for the `iam:` action of its name on the ARN of what it touches.
 *
 * Call rules
 * - Names are unique without regard to case within an account and kind, and keep the case they were made with.
 * - A change is seen by the very next request: a deleted key signs nothing, a detached policy allows nothing.
 * - A secret access key is given out once, by the call that makes it.
 */
import type { RequestContext, StorageScope } from '../../core/caller.ts';
import type { Secret } from '../../core/secret.ts';

export type EntityKind = 'user' | 'group' | 'role';

export type Tags = Readonly<Record<string, string>>;

/** **Units**: times in milliseconds since 1970 UTC. */
export interface Entity {
  readonly kind: EntityKind;
  readonly name: string;
  readonly path: string;
  /** `AIDA…`, `AGPA…` or `AROA…`; never given out twice. */
  readonly id: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly tags: Tags;
  /** ARN of the managed policy that bounds what other policies may allow. */
  readonly boundary?: string;
  readonly description: string;
  /** Who may take the role, as a policy document. Roles only. */
  readonly trustPolicy?: string;
  /** Longest session of the role in seconds. Roles only. */
  readonly maxSessionSeconds?: number;
}

export interface AccessKeyRecord {
  readonly accessKeyId: string;
  /** `root` for the account's own keys. */
  readonly userName: string;
  readonly status: 'Active' | 'Inactive';
  readonly createdAt: number;
}

/** A new key. The secret is given out here and never again. */
export interface NewAccessKey extends AccessKeyRecord {
  readonly secret: Secret;
}

export interface ManagedPolicy {
  readonly name: string;
  readonly id: string;
  readonly arn: string;
  readonly path: string;
  readonly description: string;
  readonly defaultVersionId: string;
  readonly attachments: number;
  readonly boundaryUses: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly tags: Tags;
}

export interface PolicyVersion {
  readonly versionId: string;
  readonly isDefault: boolean;
  readonly document: string;
  readonly createdAt: number;
}

export interface AttachedPolicy {
  readonly name: string;
  readonly arn: string;
}

/** A page of a listing. `marker` is there when more follows. */
export interface IdentityPage<T> {
  readonly items: readonly T[];
  readonly marker?: string;
}

export interface PageRequest {
  readonly marker?: string | undefined;
  /** 1 to 1,000; 100 when left out. */
  readonly maxItems?: number | undefined;
}

export interface ListRequest extends PageRequest {
  readonly pathPrefix?: string | undefined;
}

export interface NewEntity {
  readonly name: string;
  readonly path?: string | undefined;
  readonly tags?: Tags | undefined;
  readonly boundary?: string | undefined;
  readonly description?: string | undefined;
  readonly trustPolicy?: string | undefined;
  readonly maxSessionSeconds?: number | undefined;
}

/** Which user, group or role. */
export interface EntityRef {
  readonly kind: EntityKind;
  readonly name: string;
}

/** The limits of identities. **Source**: AWS IAM User Guide, "IAM and AWS STS quotas". */
export interface IdentityQuotas {
  readonly users: number;
  readonly groups: number;
  readonly roles: number;
  readonly managedPolicies: number;
  readonly accessKeysPerUser: number;
  readonly policyVersions: number;
  readonly attachedPolicies: number;
  readonly groupsPerUser: number;
  readonly tags: number;
  /** **Units**: characters without white space. */
  readonly managedPolicyCharacters: number;
  readonly inlineCharacters: Readonly<Record<EntityKind, number>>;
}

/** Users, groups and roles. **Errors** of all: `access_denied`; `not_found`; `invalid_argument` for names and paths. */
export interface EntityUseCases {
  /** **Errors**: `already_exists`, `limit_exceeded`, `malformed_policy` for a role's trust policy. */
  createEntity(context: RequestContext, kind: EntityKind, input: NewEntity): Promise<Entity>;
  /** The caller himself when `name` is left out (users only). Asks for `iam:<operation>`, `GetUser` and its kin if left out. */
  getEntity(context: RequestContext, kind: EntityKind, name: string | undefined, operation?: string): Promise<Entity>;
  listEntities(context: RequestContext, kind: EntityKind, input: ListRequest): Promise<IdentityPage<Entity>>;
  /** **Errors**: `conflict` while keys, policies or members hang on it. */
  deleteEntity(context: RequestContext, ref: EntityRef): Promise<void>;
  /** Renames, moves to another path, or changes description, trust policy, longest session or boundary. */
  updateEntity(context: RequestContext, ref: EntityRef, change: EntityChange): Promise<void>;
  tagEntity(context: RequestContext, ref: EntityRef, tags: Tags): Promise<void>;
  untagEntity(context: RequestContext, ref: EntityRef, keys: readonly string[]): Promise<void>;
  addUserToGroup(context: RequestContext, group: string, user: string): Promise<void>;
  removeUserFromGroup(context: RequestContext, group: string, user: string): Promise<void>;
  listGroupsOfUser(context: RequestContext, user: string, page: PageRequest): Promise<IdentityPage<Entity>>;
  listUsersOfGroup(context: RequestContext, group: string, page: PageRequest): Promise<IdentityPage<Entity>>;
  /** How much of each kind the account holds, beside its quotas. */
  accountSummary(context: RequestContext): Promise<AccountSummary>;
}

export interface AccountSummary {
  readonly users: number;
  readonly groups: number;
  readonly roles: number;
  readonly managedPolicies: number;
  readonly rootAccessKeys: number;
  readonly quotas: IdentityQuotas;
}

export interface EntityChange {
  /** The operation asked for, which the policy is asked about: `UpdateUser`, `UpdateAssumeRolePolicy` … */
  readonly operation: string;
  readonly name?: string | undefined;
  readonly path?: string | undefined;
  readonly description?: string | undefined;
  readonly trustPolicy?: string | undefined;
  readonly maxSessionSeconds?: number | undefined;
  /** `null` removes the boundary. */
  readonly boundary?: string | null | undefined;
}

/** Access keys. A user name left out means the caller himself. */
export interface AccessKeyUseCases {
  /** **Errors**: `limit_exceeded` at the third key; `not_found`; `access_denied`. */
  createAccessKey(context: RequestContext, userName: string | undefined): Promise<NewAccessKey>;
  listAccessKeys(
    context: RequestContext,
    userName: string | undefined,
    page: PageRequest,
  ): Promise<IdentityPage<AccessKeyRecord>>;
  updateAccessKey(
    context: RequestContext,
    userName: string | undefined,
    accessKeyId: string,
    status: 'Active' | 'Inactive',
  ): Promise<void>;
  deleteAccessKey(context: RequestContext, userName: string | undefined, accessKeyId: string): Promise<void>;
}

/** Managed and inline policies. **Errors** of all: `access_denied`, `not_found`. */
export interface PolicyUseCases {
  /** **Errors**: `malformed_policy` with line and column, `already_exists`, `limit_exceeded`. */
  createPolicy(
    context: RequestContext,
    input: {
      readonly name: string;
      readonly document: string;
      readonly path?: string | undefined;
      readonly description?: string | undefined;
      readonly tags?: Tags | undefined;
    },
  ): Promise<ManagedPolicy>;
  getPolicy(context: RequestContext, arn: string): Promise<ManagedPolicy>;
  listPolicies(
    context: RequestContext,
    input: ListRequest & {
      readonly scope?: 'All' | 'AWS' | 'Local' | undefined;
      readonly onlyAttached?: boolean | undefined;
    },
  ): Promise<IdentityPage<ManagedPolicy>>;
  tagPolicy(context: RequestContext, arn: string, tags: Tags): Promise<void>;
  untagPolicy(context: RequestContext, arn: string, keys: readonly string[]): Promise<void>;
  /** **Errors**: `conflict` while it is attached, a boundary, or has other versions than the default. */
  deletePolicy(context: RequestContext, arn: string): Promise<void>;
  /** **Errors**: `limit_exceeded` at the sixth version. */
  createPolicyVersion(
    context: RequestContext,
    input: { readonly arn: string; readonly document: string; readonly setAsDefault: boolean },
  ): Promise<PolicyVersion>;
  getPolicyVersion(context: RequestContext, arn: string, versionId: string): Promise<PolicyVersion>;
  listPolicyVersions(context: RequestContext, arn: string, page: PageRequest): Promise<IdentityPage<PolicyVersion>>;
  setDefaultPolicyVersion(context: RequestContext, arn: string, versionId: string): Promise<void>;
  /** **Errors**: `conflict` for the default version. */
  deletePolicyVersion(context: RequestContext, arn: string, versionId: string): Promise<void>;
  /** Attaching twice is one attachment. **Errors**: `limit_exceeded`. */
  attachPolicy(context: RequestContext, ref: EntityRef, policyArn: string): Promise<void>;
  detachPolicy(context: RequestContext, ref: EntityRef, policyArn: string): Promise<void>;
  listAttachedPolicies(
    context: RequestContext,
    ref: EntityRef,
    page: ListRequest,
  ): Promise<IdentityPage<AttachedPolicy>>;
  listEntitiesForPolicy(
    context: RequestContext,
    arn: string,
  ): Promise<readonly (EntityRef & { readonly id: string })[]>;
  /** Adds or replaces. **Errors**: `malformed_policy`, `limit_exceeded` for the total of the entity's inline policies. */
  putInlinePolicy(context: RequestContext, ref: EntityRef, name: string, document: string): Promise<void>;
  getInlinePolicy(context: RequestContext, ref: EntityRef, name: string): Promise<string>;
  deleteInlinePolicy(context: RequestContext, ref: EntityRef, name: string): Promise<void>;
  listInlinePolicies(context: RequestContext, ref: EntityRef, page: PageRequest): Promise<IdentityPage<string>>;
}

/** A request for the credentials of a role. */
export interface AssumeRoleRequest {
  readonly roleArn: string;
  readonly sessionName: string;
  /** 900 to the role's longest session; 3,600 when left out. */
  readonly durationSeconds?: number | undefined;
  readonly externalId?: string | undefined;
  readonly policy?: string | undefined;
  readonly policyArns?: readonly string[] | undefined;
  readonly tags?: Tags | undefined;
  readonly sourceIdentity?: string | undefined;
}

/** Credentials that end. `principalArn` and `principalId` are who they sign as. */
export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secret: Secret;
  readonly sessionToken: Secret;
  readonly expiresAt: number;
  readonly principalArn: string;
  readonly principalId: string;
}

/** A role that a service of the lake takes for somebody. **Units**: 900 to 43,200 seconds. */
export interface ServiceRoleRequest {
  /** `access-grants.s3.amazonaws.com`: the role must trust it. */
  readonly service: string;
  readonly roleArn: string;
  readonly sessionName: string;
  /** What the session may do at most: a policy document. */
  readonly policy: string;
  readonly durationSeconds: number;
  /** For whom. */
  readonly sourceIdentity: string;
}

/** Temporary credentials. The token holds all that is known of a session; deleting its role or user ends it at once. */
export interface SessionUseCases {
  /** **Errors**: `access_denied` by trust or identity policy, `invalid_argument`, `malformed_policy`. */
  assumeRole(context: RequestContext, request: AssumeRoleRequest): Promise<TemporaryCredentials>;
  /** **Errors**: `access_denied` with temporary credentials, `invalid_argument`. */
  getSessionToken(context: RequestContext, durationSeconds: number | undefined): Promise<TemporaryCredentials>;
  /**
   * Credentials in the caller's name that open the files of `scope` and nothing else. Whoever calls has found out that
   * the scope is the caller's to use; each use is checked again against the grants. **Units**: 900 to 43,200 seconds.
   */
  lendStorage(context: RequestContext, scope: StorageScope, durationSeconds: number): Promise<TemporaryCredentials>;
  /**
   * Credentials of a role that trusts a service of the lake, narrowed by a policy. Whoever calls has found out that the
   * caller may have them. **Errors**: `access_denied`, `not_found`, `invalid_argument`.
   */
  serveRole(context: RequestContext, request: ServiceRoleRequest): Promise<TemporaryCredentials>;
  /** The account a key belongs to. **Errors**: `not_found`. */
  accessKeyAccount(context: RequestContext, accessKeyId: string): Promise<string>;
}

/** A question what policies would decide. */
export interface Simulation {
  readonly actions: readonly string[];
  /** `*` when left out. */
  readonly resources?: readonly string[] | undefined;
  /** Context keys with their values. */
  readonly values?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Documents that are added to the identity's own. */
  readonly policies?: readonly string[] | undefined;
  /** Documents that bound it. */
  readonly boundaries?: readonly string[] | undefined;
}

/** What would be decided about one action on one resource, and by which statements. */
export interface SimulatedDecision {
  readonly action: string;
  readonly resource: string;
  readonly decision: 'allowed' | 'explicitDeny' | 'implicitDeny';
  readonly matched: readonly MatchedStatement[];
  /** Context keys the policies ask for and the question did not give. */
  readonly missing: readonly string[];
}

/** A statement that decided. **Units**: lines and columns from 1. */
export interface MatchedStatement {
  readonly policyId: string;
  readonly statementId: string;
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
}

/** Asking before applying. **Errors**: `access_denied`, `not_found`, `malformed_policy`, `invalid_argument`. */
export interface SimulationUseCases {
  /** What the policies of a user, group or role would decide, as a live request would be decided. */
  simulatePrincipal(
    context: RequestContext,
    arn: string,
    simulation: Simulation,
  ): Promise<readonly SimulatedDecision[]>;
  /** What documents would decide that are attached to nobody. */
  simulateCustom(context: RequestContext, simulation: Simulation): Promise<readonly SimulatedDecision[]>;
  /** The context keys that documents ask for, and the policies of a user, group or role if one is named. */
  contextKeys(context: RequestContext, policies: readonly string[], arn?: string): Promise<readonly string[]>;
  /** When, by which service and in which region a key was last used; the user who holds it. **Errors**: `not_found`. */
  accessKeyLastUsed(context: RequestContext, accessKeyId: string): Promise<AccessKeyUse>;
}

/** **Units**: `at` in milliseconds since 1970 UTC. */
export interface AccessKeyUse {
  readonly userName: string;
  readonly last?: { readonly at: number; readonly service: string; readonly region: string };
}

export interface IdentityUseCases
  extends EntityUseCases,
    AccessKeyUseCases,
    PolicyUseCases,
    SessionUseCases,
    SimulationUseCases {}
