/**
 * Who may do what, and the record of who did. Imported by every layer; imports core only.
 *
 * Call rules
 * - A use-case asks `policy` before it changes or shows anything; a door never decides.
 * - Two layers must both allow: IAM (`authorize`, on an action and an ARN) and Lake Formation (`authorizeTable`,
 *   `tableShape`, on catalog resources). Neither knows tables' contents; both throw `access_denied`.
 * - A refusal is recorded by `policy` itself before it throws. A success is recorded by the door, through `audit`.
 * - `tableShape` is asked once per table and statement and its answer used for that statement only: no caching.
 */
import type { Principal, RequestContext } from '../core/caller.ts';
import { LochError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import type { StoreCall } from '../core/store-call.ts';
import type { PolicyDocument } from './identity/evaluate/policy-document.ts';

export type {
  DataEventQuery,
  DataEventRecord,
  LookupAttribute,
  LookupAttributeKey,
  LookupQuery,
  RequestTrace,
  Trail,
  TrailEvent,
} from './audit/contract.ts';
export type {
  BatchFailure,
  DataCellsFilter,
  DataCellsFilterInput,
  FilterName,
  GrantExplanation,
  GrantRequest,
  LakeFormation,
  LakeResource,
  LakeSettings,
  ListPermissionsQuery,
  PageQuery,
  PermissionEntry,
  PrincipalPermissions,
  RegisteredLocation,
} from './grants/contract.ts';

export type * from './identity/contract.ts';
export type * from './keys/contract.ts';
export { keyFailure, keyFailureName } from './keys/contract.ts';

/** Values of condition keys. */
export type ConditionValues = Readonly<Record<string, string | readonly string[] | boolean>>;

/** One IAM question. `resource` is an ARN; `conditions` are request-specific keys such as `s3:prefix`. */
export interface ActionRequest {
  readonly action: string;
  readonly resource: string;
  readonly conditions?: ConditionValues;
  /** Keys that cost a look-up: read once, and only if a policy that decides asks for one beginning with `prefix`. */
  readonly lateConditions?: { readonly prefix: string; read(): Promise<ConditionValues> };
  /** What the resource says itself. Without it whoever keeps the resource is asked; what nobody keeps is the lake's account's. */
  readonly side?: ResourceSide;
}

/**
 * A resource's side of a decision. Within one account the caller's policies or the resource's may allow; between two
 * accounts both must. A deny on either side wins.
 */
export interface ResourceSide {
  /** Whose it is. */
  readonly accountId: string;
  readonly policy?: ResourcePolicy;
  /** Its tags, where they may decide: the condition keys `aws:ResourceTag/…`. */
  readonly tags?: Readonly<Record<string, string>>;
  /** The policy may deny and nothing else: the resource lies in another's, whose policy it is. */
  readonly policyDeniesOnly?: boolean;
  /** The policy lets nobody in from outside of the account, because it is public and that is restricted. */
  readonly insidersOnly?: boolean;
  /** Lines of an access control list that cover this caller and action. `toAccount`: they name his account, not him. */
  readonly listed?: readonly { readonly id: string; readonly toAccount: boolean }[];
  /** A list is in force that leaves the owning account out: its own policies do not suffice. */
  readonly ownerLeftOut?: boolean;
  /** Root of the owning account cannot be shut out of this action. */
  readonly rootKeeps?: boolean;
}

/**
 * The side of the resource a request names, from whoever keeps such resources; undefined when there is none. Asked for
 * every request that does not bring its side, so that nobody who asks about an object can forget its bucket.
 */
export type FindSide = (context: RequestContext, request: ActionRequest) => Promise<ResourceSide | undefined>;

/** A policy that stands on a resource, parsed once. Made by `ResourcePolicies`. */
export interface ResourcePolicy {
  /** As it is named in decisions. */
  readonly id: string;
  readonly text: string;
  /** Whether it lets in whoever comes. **Source**: S3 User Guide, "The meaning of public". */
  readonly isPublic: boolean;
  readonly document: PolicyDocument;
}

/** What a resource policy may speak of: the resources it stands on, each with the actions they know. */
export interface ResourcePolicyRules {
  readonly maxBytes: number;
  readonly resources: readonly {
    /** An ARN; one that ends in `/` stands for all below it. */
    readonly arn: string;
    readonly actions: readonly string[];
  }[];
}

/** Policies of resources: how they are read and checked. */
export interface ResourcePolicies {
  /** The same policy again costs nothing. **Errors**: `malformed_policy`. */
  parse(text: string, id: string): ResourcePolicy;
  /** Whether it can stand where `rules` say. **Errors**: `malformed_policy`: principals, actions and resources there are none of. */
  check(policy: ResourcePolicy, rules: ResourcePolicyRules): Promise<void>;
}

/** An account of the installation. */
export interface AccountInfo {
  readonly accountId: string;
  /** The id that S3 knows it by. */
  readonly canonicalId: string;
  readonly name: string;
  readonly email: string;
}

/** The accounts of the installation: the lake's own, and others that were made. */
export interface Accounts {
  /** All of them, by account id. */
  list(): Promise<readonly AccountInfo[]>;
  /** By account id, canonical id or email. */
  find(
    by: { readonly accountId: string } | { readonly canonicalId: string } | { readonly email: string },
  ): Promise<AccountInfo | undefined>;
  /**
   * Makes an account with its root key; requires `organizations:CreateAccount`, which only the lake's account can hold.
   * **Errors**: `access_denied`, `already_exists`, `invalid_argument`.
   */
  create(
    context: RequestContext,
    account: { readonly accountId: string; readonly name: string; readonly email: string },
  ): Promise<AccountInfo & { readonly accessKeyId: string; readonly secret: Secret }>;
}

export interface Decision {
  readonly allowed: boolean;
  readonly reason: 'allowed' | 'explicit_deny' | 'implicit_deny';
  /** The statements or grants that decided, as ids a person can look up. */
  readonly decidedBy: readonly string[];
}

/** Lake Formation permissions on a catalog resource. */
export type LakePermission =
  | 'ALL'
  | 'ALTER'
  | 'CREATE_DATABASE'
  | 'CREATE_TABLE'
  | 'DATA_LOCATION_ACCESS'
  | 'DELETE'
  | 'DESCRIBE'
  | 'DROP'
  | 'INSERT'
  | 'SELECT';

export interface TableName {
  readonly database: string;
  readonly table: string;
}

export interface ColumnType {
  readonly name: string;
  /** Hive/Glue type text: `bigint`, `decimal(12,2)`, `struct<a:int>` … */
  readonly type: string;
}

/** Mask functions in order of precedence when several masked grants cover a cell. */
export type MaskFunction = 'null' | 'hash' | 'date_to_year' | 'last_4' | 'tokenise';

/**
 * A row filter after parsing: the PartiQL WHERE subset of data cells filters, typed against the table's columns.
 * It holds only operators that cannot fail on any row; whoever renders it must keep that so.
 */
export type RowFilter =
  | { readonly op: 'and' | 'or'; readonly terms: readonly RowFilter[] }
  | { readonly op: 'not'; readonly term: RowFilter }
  | {
      readonly op: '=' | '<>' | '<' | '<=' | '>' | '>=';
      readonly column: readonly string[];
      readonly value: FilterValue;
    }
  | { readonly op: 'in'; readonly column: readonly string[]; readonly values: readonly FilterValue[] }
  | {
      readonly op: 'between';
      readonly column: readonly string[];
      readonly low: FilterValue;
      readonly high: FilterValue;
    }
  | { readonly op: 'like'; readonly column: readonly string[]; readonly pattern: string }
  | { readonly op: 'is_null'; readonly column: readonly string[] }
  | { readonly op: 'all' | 'none' };

/** A literal of a row filter: a number keeps its text, so that no digit is lost. */
export type FilterValue =
  | { readonly kind: 'string' | 'number' | 'date' | 'timestamp'; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean };

/** One grant's view of a table: the rows and columns it covers, and the masks that belong to it. */
export interface GrantShape {
  readonly grantId: string;
  readonly columns: readonly string[];
  readonly rows: RowFilter;
  readonly masks: Readonly<Record<string, MaskFunction>>;
}

/**
 * What a caller sees of a table. `full`: every row and column, clear. `shaped`: the union of `grants`, where a cell is
 * clear if one grant covers its row and column without a mask, masked if only masked grants do, NULL otherwise.
 */
export type TableShape =
  | { readonly kind: 'full' }
  | { readonly kind: 'shaped'; readonly columns: readonly string[]; readonly grants: readonly GrantShape[] };

export interface Policy {
  /** The IAM decision, without throwing or recording. */
  decide(context: RequestContext, request: ActionRequest): Promise<Decision>;
  /** **Errors**: `access_denied` naming principal, action and resource; recorded. */
  authorize(context: RequestContext, request: ActionRequest): Promise<void>;
  /**
   * For whoever decided a refusal itself (by ownership, say): records it and answers the `access_denied` to throw.
   * `by` are the ids that decided, if there are any.
   */
  refuse(
    context: RequestContext,
    refusal: {
      readonly action: string;
      readonly resource: string;
      readonly why: string;
      readonly by: readonly string[];
    },
  ): Promise<LochError>;
  /** Requires a Lake Formation permission on a table. **Errors**: `access_denied`, or `table_not_found` without DESCRIBE. */
  authorizeTable(context: RequestContext, name: TableName, permission: LakePermission): Promise<void>;
  /** Whether he holds it, without throwing or recording: for offers that depend on it. */
  mayTable(context: RequestContext, name: TableName, permission: LakePermission): Promise<boolean>;
  authorizeDatabase(context: RequestContext, database: string, permission: LakePermission): Promise<void>;
  /** Requires CREATE_DATABASE on the catalog. */
  authorizeCatalog(context: RequestContext, permission: 'CREATE_DATABASE'): Promise<void>;
  /** What the caller may select of a table with these columns. **Errors**: `table_not_found` when nothing is granted. */
  tableShape(context: RequestContext, name: TableName, columns: readonly ColumnType[]): Promise<TableShape>;
  /** A test of names for listings, evaluated in memory: one call per listing, not per name. */
  visibleTables(context: RequestContext): Promise<TableVisibility>;
  /**
   * Whether an S3 key lies under a registered data location, and under which (the longest prefix decides).
   * `undefined` when it does not.
   */
  registeredLocation(bucket: string, key: string): Promise<string | undefined>;
  /** The registered locations that lie under a prefix, as `s3://` paths: what a table over it would reach into. */
  registeredUnder(bucket: string, prefix: string): Promise<readonly string[]>;
  /** Lake Formation's data-location right for writing under a registered location (an S3 ARN or `s3://` path). */
  authorizeDataLocation(context: RequestContext, location: string): Promise<void>;
  /**
   * What the creator of a database or table gets (ALL, grantable) together with the default permissions of the data
   * lake settings, as calls for the transaction that creates it.
   */
  creatorGrants(context: RequestContext, name: CatalogName): StoreCall[];
  /**
   * Takes every grant and filter on a database or table away, for the transaction that drops it. Those of a table are
   * kept 30 days under `tableId`, so that another table that had the name meanwhile gets none of them.
   */
  dropGrants(name: CatalogName, tableId?: string): StoreCall[];
  /** Gives back what `dropGrants` kept under the same id, for the transaction that restores the table. */
  restoreGrants(name: TableName, tableId: string): StoreCall[];
  /** Moves grants and filters with a table that is renamed. */
  renameGrants(from: TableName, to: TableName): StoreCall[];
}

/** A database, or a table of it. */
export interface CatalogName {
  readonly database: string;
  readonly table?: string;
}

/**
 * The answer for a table that does not exist and for one the caller may not know of: the same text and context, so
 * that nothing tells them apart. Whoever looks a table up throws this one.
 */
export function tableNotFound(name: TableName): LochError {
  return new LochError('table_not_found', `Table \`${name.database}.${name.table}\` does not exist.`, {
    context: { database: name.database, table: name.table },
  });
}

/** The same for a database. */
export function databaseNotFound(database: string): LochError {
  return new LochError('database_not_found', `Database \`${database}\` does not exist.`, { context: { database } });
}

export interface TableVisibility {
  database(name: string): boolean;
  table(name: TableName): boolean;
  /**
   * Names of the tables of a database that may be seen, where they are few and granted one by one (some may be gone);
   * undefined: each name must be asked about.
   */
  tablesIn(database: string): readonly string[] | undefined;
  /** Visible columns of a table, or `all`. */
  columns(name: TableName, columns: readonly string[]): readonly string[];
}

/** A management event (control plane). Secrets are removed by whoever fills `requestParameters`. */
export interface ManagementEvent {
  readonly eventSource: string;
  readonly eventName: string;
  readonly readOnly: boolean;
  readonly requestParameters?: unknown;
  readonly responseElements?: unknown;
  readonly resources?: readonly { readonly type: string; readonly name: string }[];
  readonly errorCode?: string;
  readonly errorMessage?: string;
  /** What Loch adds: deciding statements and grants, dependents of a revoked grant. */
  readonly additionalEventData?: unknown;
}

/** A data event: one object or one table of one statement. */
export interface DataEvent {
  readonly eventSource: string;
  readonly eventName: string;
  readonly resource: string;
  readonly columns?: readonly string[];
  /** Ids of the grants and filters that shaped the answer. */
  readonly appliedGrants?: readonly string[];
  readonly queryId?: string;
  readonly snapshotId?: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly errorCode?: string;
}

export interface Audit {
  /** Resolves when the event is durable. A door calls it before the last byte of the answer. */
  recordManagement(context: RequestContext, event: ManagementEvent): Promise<void>;
  /** Resolves when the events are durable (group commit). */
  recordData(context: RequestContext, events: readonly DataEvent[]): Promise<void>;
}

/** A use of an access key. **Units**: `at` in milliseconds since 1970 UTC. */
export interface KeyUse {
  readonly at: number;
  readonly service: string;
  readonly region: string;
}

/** Where doors get identities from. */
export interface Identities {
  /**
   * The active key with this id, or undefined. Read from memory; a deleted key is gone at once. A temporary key is known
   * by its session token alone. **Errors**: `expired_token`.
   */
  accessKey(
    accessKeyId: string,
    sessionToken?: string,
  ): Promise<{ readonly secret: Secret; readonly principal: Principal } | undefined>;
  /** Notes that a key signed a request, for "last used". Never fails and keeps nobody waiting. */
  noteUse?(accessKeyId: string, use: KeyUse): void;
  /** A principal by ARN, for work that goes on in somebody's name after his request. */
  principal(arn: string): Promise<Principal | undefined>;
}

/** The part of other layers that grants need to know: the catalog tells which table owns a location. */
export interface TableDirectory {
  /** Columns of a table, or undefined when it does not exist. */
  tableColumns(name: TableName): Promise<readonly ColumnType[] | undefined>;
  databaseExists(database: string): Promise<boolean>;
  /** The table whose location is the longest prefix of `s3://bucket/key`, if there is one. */
  tableAt(bucket: string, key: string): Promise<TableName | undefined>;
}
