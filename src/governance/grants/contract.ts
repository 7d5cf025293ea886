/**
 * Lake Formation as use-cases: data lake settings, registered locations, grants and data cells filters.
 *
 * Call rules
 * - Every use-case asks IAM (`lakeformation:<Operation>`) first, then the grants of the caller.
 * - Names of databases, tables and columns fold to lower case, as the catalog keeps them.
 * - A change is visible to every decision made after its promise resolved.
 */
import type { RequestContext } from '../../core/caller.ts';
import type { LakePermission, MaskFunction, TableName } from '../contract.ts';

/** What a grant is on. `tables` is every table of a database, those made later included. */
export type LakeResource =
  | { readonly kind: 'catalog' }
  | { readonly kind: 'database'; readonly database: string }
  | { readonly kind: 'table'; readonly database: string; readonly table: string }
  | { readonly kind: 'tables'; readonly database: string }
  | {
      readonly kind: 'columns';
      readonly database: string;
      readonly table: string;
      /** The columns granted; a column added later is hidden. */
      readonly include?: readonly string[];
      /** All but these; a column added later is visible. */
      readonly exclude?: readonly string[];
    }
  | { readonly kind: 'filter'; readonly database: string; readonly table: string; readonly filter: string }
  /** An S3 ARN: `arn:aws:s3:::bucket/prefix`. */
  | { readonly kind: 'location'; readonly arn: string };

/** Who gets what on which resource. */
export interface GrantRequest {
  /** ARN of a user, role or root; `IAM_ALLOWED_PRINCIPALS` or `<account>:IAMPrincipals` for everybody IAM allows. */
  readonly principal: string;
  readonly resource: LakeResource;
  readonly permissions: readonly LakePermission[];
  /** Those of `permissions` that the principal may pass on. */
  readonly grantable?: readonly LakePermission[];
}

/** A grant as it stands. */
export interface PermissionEntry {
  readonly id: string;
  readonly principal: string;
  readonly resource: LakeResource;
  readonly permissions: readonly LakePermission[];
  readonly grantable: readonly LakePermission[];
  /** ARN of who granted it last. */
  readonly grantedBy: string;
  readonly updatedAt: number;
}

export interface PageQuery {
  /** 1 to 1,000; 100 when left out. */
  readonly max?: number;
  readonly nextToken?: string;
}

export interface ListPermissionsQuery extends PageQuery {
  readonly principal?: string;
  readonly resource?: LakeResource;
  /** Only grants on this kind of resource (`columns` and `filter` count as `table`). */
  readonly resourceType?: 'catalog' | 'database' | 'table' | 'location';
  /** With a table: also the grants on its columns and filters, and on all tables of its database. */
  readonly includeRelated?: boolean;
}

export interface PrincipalPermissions {
  readonly principal: string;
  readonly permissions: readonly LakePermission[];
}

export interface LakeSettings {
  /** ARNs; at most 30. Admins grant anything and hold metadata rights, not SELECT. */
  readonly admins: readonly string[];
  /** ARNs; at most 30. They see all metadata, settings and grants. */
  readonly readOnlyAdmins: readonly string[];
  /** What every new database carries besides its creator's grant. Empty unless set. */
  readonly databaseDefaults: readonly PrincipalPermissions[];
  readonly tableDefaults: readonly PrincipalPermissions[];
}

export interface RegisteredLocation {
  readonly arn: string;
  readonly roleArn?: string;
  readonly registeredBy: string;
  readonly registeredAt: number;
}

export interface FilterName extends TableName {
  readonly filter: string;
}

/** A named filter over rows, columns and cells of one table. */
export interface DataCellsFilterInput extends FilterName {
  /** A WHERE condition of at most 2,048 characters; left out for all rows. */
  readonly expression?: string;
  /** Either the columns it shows … */
  readonly include?: readonly string[];
  /** … or all but these; an empty list shows all. */
  readonly exclude?: readonly string[];
  /** Columns shown masked. */
  readonly masks?: Readonly<Record<string, MaskFunction>>;
}

export interface DataCellsFilter extends DataCellsFilterInput {
  readonly versionId: string;
  readonly createdBy: string;
  readonly updatedAt: number;
  /** The expression with its masks as a header, as official clients carry them; left out for all rows, clear. */
  readonly text?: string;
  /** Why the filter shows no rows: it does not fit the table's columns any more. */
  readonly invalid?: string;
}

/** What decides a principal's access to a table, in the order it is decided. */
export interface GrantExplanation {
  readonly principal: string;
  readonly table: TableName;
  readonly allowed: boolean;
  /** Clear columns, masked ones with their mask, and those not shown. */
  readonly columns: readonly { readonly name: string; readonly shown: 'clear' | 'masked' | 'partly' | 'hidden' }[];
  readonly grants: readonly {
    readonly id: string;
    readonly principal: string;
    readonly resource: string;
    readonly permissions: readonly LakePermission[];
    readonly rows: string;
    readonly columns: readonly string[];
    readonly masks: Readonly<Record<string, MaskFunction>>;
  }[];
  /** The chain as text: identity, policies, grants, filters, and what single change would allow. */
  readonly lines: readonly string[];
}

/** Outcome of one entry of a batch. */
export interface BatchFailure {
  readonly id: string;
  readonly error: unknown;
}

export interface LakeFormation {
  getSettings(context: RequestContext): Promise<LakeSettings>;
  /** Only admins and root. **Errors**: `invalid_argument` when no admin would be left, or above 30. */
  putSettings(context: RequestContext, settings: LakeSettings): Promise<void>;
  /**
   * Puts an S3 location under control; whoever registers it gets DATA_LOCATION_ACCESS on it, grantable.
   * **Errors**: `already_exists`, `access_denied` for callers that are no admins.
   */
  registerLocation(context: RequestContext, input: { readonly arn: string; readonly roleArn?: string }): Promise<void>;
  /** **Errors**: `not_found`. */
  deregisterLocation(context: RequestContext, arn: string): Promise<void>;
  describeLocation(context: RequestContext, arn: string): Promise<RegisteredLocation>;
  listLocations(
    context: RequestContext,
    query?: PageQuery,
  ): Promise<{ readonly locations: readonly RegisteredLocation[]; readonly nextToken?: string }>;
  /**
   * **Errors**: `invalid_argument` for a permission that does not fit the resource (listing those that do), an unknown
   * principal or column; `access_denied` for more than the caller holds grantably; `table_not_found` and its kin.
   */
  grant(context: RequestContext, request: GrantRequest): Promise<void>;
  /**
   * Takes permissions away and answers the grants that hang on what was taken: made by the principal on the same
   * resource while he held it grantably. `dependents: 'revoke'` takes those in the same transaction.
   * **Errors**: `invalid_argument` when the principal holds none of it.
   */
  revoke(
    context: RequestContext,
    request: GrantRequest,
    options?: { readonly dependents?: 'keep' | 'revoke' },
  ): Promise<{ readonly dependents: readonly PermissionEntry[] }>;
  /** What a revoke would leave hanging, without changing anything. */
  dependents(context: RequestContext, request: GrantRequest): Promise<readonly PermissionEntry[]>;
  /** Each entry by itself; those that fail are told by their ids. */
  batchGrant(
    context: RequestContext,
    entries: readonly (GrantRequest & { readonly id: string })[],
  ): Promise<BatchFailure[]>;
  batchRevoke(
    context: RequestContext,
    entries: readonly (GrantRequest & { readonly id: string })[],
  ): Promise<BatchFailure[]>;
  /** Admins see every grant; others their own and those on what they may grant. */
  listPermissions(
    context: RequestContext,
    query: ListPermissionsQuery,
  ): Promise<{ readonly entries: readonly PermissionEntry[]; readonly nextToken?: string }>;
  /** **Errors**: `syntax_error` with position, `type_mismatch`, `column_not_found`, `already_exists`. */
  createFilter(context: RequestContext, input: DataCellsFilterInput): Promise<void>;
  /** **Errors**: as `createFilter`; `conflict` when `versionId` is not the current one. */
  updateFilter(context: RequestContext, input: DataCellsFilterInput & { readonly versionId?: string }): Promise<void>;
  getFilter(context: RequestContext, name: FilterName): Promise<DataCellsFilter>;
  /** Deletes a filter and the grants on it. */
  deleteFilter(context: RequestContext, name: FilterName): Promise<void>;
  listFilters(
    context: RequestContext,
    query: PageQuery & { readonly table?: TableName },
  ): Promise<{ readonly filters: readonly DataCellsFilter[]; readonly nextToken?: string }>;
  /** Why a principal sees what of a table. Callers may ask about themselves; admins about everybody. */
  explainGrants(
    context: RequestContext,
    question: { readonly principal?: string; readonly table: TableName },
  ): Promise<GrantExplanation>;
}
