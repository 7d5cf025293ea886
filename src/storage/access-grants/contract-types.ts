/**
 * S3 Access Grants: who may have credentials for which prefix.
 * **Source**: Amazon S3 User Guide, "Managing access with S3 Access Grants". **Units**: milliseconds since 1970 UTC.
 */
import type { RequestContext } from '../../core/caller.ts';
import type { Secret } from '../../core/secret.ts';

export type GrantPermission = 'READ' | 'WRITE' | 'READWRITE';

export interface GrantsInstance {
  readonly accountId: string;
  readonly id: string;
  readonly createdAt: number;
}

/** A part of the account's S3 that grants may be given below, with the role that opens it. */
export interface GrantsLocation {
  readonly id: string;
  readonly accountId: string;
  /** `s3://`, `s3://bucket` or `s3://bucket/prefix*`. */
  readonly scope: string;
  readonly roleArn: string;
  readonly createdAt: number;
}

export interface PrefixGrant {
  readonly id: string;
  readonly accountId: string;
  readonly locationId: string;
  readonly subPrefix?: string;
  /** ARN of an IAM user or role. */
  readonly grantee: string;
  readonly permission: GrantPermission;
  /** `s3://bucket/prefix*`, or one object. */
  readonly scope: string;
  readonly createdAt: number;
}

export interface GrantedAccess {
  readonly accessKeyId: string;
  readonly secret: Secret;
  readonly sessionToken: Secret;
  readonly expiresAt: number;
  readonly matchedScope: string;
  readonly grantee: string;
}

/** Access grants as a caller may use them. **Errors**: `access_denied`; `not_found`, `already_exists`, `invalid_argument`. */
export interface AccessGrants {
  createInstance(context: RequestContext): Promise<GrantsInstance>;
  instance(context: RequestContext): Promise<GrantsInstance>;
  deleteInstance(context: RequestContext): Promise<void>;
  createLocation(context: RequestContext, scope: string, roleArn: string): Promise<GrantsLocation>;
  location(context: RequestContext, id: string): Promise<GrantsLocation>;
  locations(context: RequestContext, scope?: string): Promise<readonly GrantsLocation[]>;
  deleteLocation(context: RequestContext, id: string): Promise<void>;
  createGrant(
    context: RequestContext,
    grant: Pick<PrefixGrant, 'locationId' | 'subPrefix' | 'grantee' | 'permission'> & { readonly isObject: boolean },
  ): Promise<PrefixGrant>;
  grant(context: RequestContext, id: string): Promise<PrefixGrant>;
  grants(
    context: RequestContext,
    filter: { readonly grantee?: string; readonly permission?: string; readonly scope?: string },
  ): Promise<readonly PrefixGrant[]>;
  deleteGrant(context: RequestContext, id: string): Promise<void>;
  /** The grants of the caller himself. */
  callerGrants(context: RequestContext, scope?: string): Promise<readonly PrefixGrant[]>;
  /**
   * Credentials for exactly the matched grant, or with `minimal` for the target. **Errors**: `access_denied` when no
   * grant of the caller covers the target.
   */
  dataAccess(
    context: RequestContext,
    asked: {
      readonly target: string;
      readonly permission: GrantPermission;
      readonly durationSeconds: number;
      readonly minimal: boolean;
      readonly isObject: boolean;
    },
  ): Promise<GrantedAccess>;
}
