/** Settings of the catalog as a whole: its resource policies, tags of its resources, how it is encrypted. */
import type { RequestContext } from '../../core/caller.ts';

export interface CatalogPolicy {
  /** The document as it was given. */
  readonly document: string;
  readonly hash: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface CatalogTags {
  /** **Errors**: `invalid_argument` naming a key or value that could not be set. */
  check(tags: Readonly<Record<string, string>>): void;
  /** **Errors**: `not_found` for a resource that is not there; `limit_exceeded` over 50; `unsupported` naming the kind. */
  tag(context: RequestContext, arn: string, tags: Readonly<Record<string, string>>): Promise<void>;
  untag(context: RequestContext, arn: string, keys: readonly string[]): Promise<void>;
  tags(context: RequestContext, arn: string): Promise<Readonly<Record<string, string>>>;
}

export interface CatalogSettings {
  /** For what is the same for all catalogs and only asked for. **Errors**: `access_denied`. */
  authorize(context: RequestContext, action: string): Promise<void>;
  /**
   * Sets the policy of the catalog: a second place that may allow what the caller's own policies do not, and that may
   * deny what they do. Lake Formation's grants are asked all the same.
   * **Errors**: `malformed_policy`; `precondition_failed` when `expectedHash` or `exists` does not hold.
   */
  putPolicy(
    context: RequestContext,
    input: {
      readonly document: string;
      readonly expectedHash?: string;
      readonly exists?: 'MUST_EXIST' | 'NOT_EXIST' | 'NONE';
    },
  ): Promise<CatalogPolicy>;
  /** **Errors**: `not_found` when there is none. */
  policy(context: RequestContext): Promise<CatalogPolicy>;
  policies(context: RequestContext): Promise<readonly CatalogPolicy[]>;
  deletePolicy(context: RequestContext, expectedHash?: string): Promise<void>;
  /** When and by whom another catalog was taken over; undefined when nobody asked for it. */
  importStatus(context: RequestContext): Promise<{ readonly at: number; readonly by: string } | undefined>;
  noteImport(context: RequestContext): Promise<void>;
}
