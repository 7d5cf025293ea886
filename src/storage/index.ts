import { createSettingAccess } from './buckets/index.ts';
import type { BucketSettingAccess, BucketSettings, ObjectAccess } from './contract.ts';
import { createObjectAccess, type ObjectDeps } from './objects/index.ts';

export { bucketSettingModule, forgetSettings, openBucketSettings } from './buckets/index.ts';

/** Objects and settings of buckets as callers may use them, over the store that the composition root chose. */
export function openStorage(deps: ObjectDeps & { readonly settings: BucketSettings }): {
  readonly access: ObjectAccess;
  readonly settings: BucketSettingAccess;
} {
  return { access: createObjectAccess(deps), settings: createSettingAccess(deps) };
}
