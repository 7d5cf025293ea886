/**
 * Access points: doors of a bucket with names and policies of their own.
 *
 * Rules
 * - Whoever comes through one must be allowed by it and by its bucket: the policy of the point decides with the caller's
 *   own policies about the point, that of the bucket about the bucket.
 * **Source**: Amazon S3 User Guide, "Managing access to shared datasets with access points".
 */
import type { RequestContext } from '../../core/caller.ts';

export interface AccessPoint {
  readonly name: string;
  readonly accountId: string;
  readonly bucket: string;
  /** Stands where a bucket's name does. */
  readonly alias: string;
  readonly arn: string;
  /** **Units**: milliseconds since 1970 UTC. */
  readonly createdAt: number;
  readonly policy?: string;
  /** No policy that lets in everybody is taken. */
  readonly blockPublicPolicy: boolean;
}

/** Access points as a caller may use them. **Errors**: `access_denied`, `not_found`, `already_exists`, `invalid_argument`. */
export interface AccessPoints {
  create(
    context: RequestContext,
    point: { readonly name: string; readonly bucket: string; readonly blockPublicPolicy: boolean },
  ): Promise<AccessPoint>;
  get(context: RequestContext, name: string): Promise<AccessPoint>;
  list(
    context: RequestContext,
    query: { readonly bucket?: string; readonly after?: string; readonly limit: number },
  ): Promise<readonly AccessPoint[]>;
  delete(context: RequestContext, name: string): Promise<void>;
  /** **Errors**: `malformed_policy`; `access_denied` for a public one where these are blocked. */
  putPolicy(context: RequestContext, name: string, policy: string): Promise<void>;
  /** **Errors**: `not_found` when it has none. */
  policy(context: RequestContext, name: string): Promise<string>;
  deletePolicy(context: RequestContext, name: string): Promise<void>;
  /** Whether its policy lets in whoever comes. */
  isPublic(context: RequestContext, name: string): Promise<boolean>;
  /** The point of an alias, for doors to find its bucket; asks no policy. */
  byAlias(alias: string): Promise<AccessPoint | undefined>;
}
