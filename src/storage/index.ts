import { createSettingAccess } from './buckets/index.ts';
import type { BucketSettingAccess, ObjectAccess } from './contract.ts';
import { asCaller } from './encryption/as-caller.ts';
import type { AccessTimes } from './lifecycle/access-times.ts';
import { withExpiry } from './lifecycle/with-expiry.ts';
import { createObjectAccess, type ObjectDeps } from './objects/index.ts';

export { bucketSettingModule, createSideFinder, forgetSettings, openBucketSettings } from './buckets/index.ts';
export { DirectoryPlace } from './tiers/directory-place.ts';
export { lakeIdOf, type TierOptions } from './tiers/open-tiers.ts';
export { createEnvelopes } from './encryption/data-key-envelopes.ts';
export { createKeyImpact } from './encryption/key-impact.ts';
export { encryptingStore } from './encryption/encrypting-store.ts';
export { bucketDefaultEncryption } from './encryption/bucket-default.ts';
export { markingStore } from './replication/index.ts';
export { openAccessLog } from './access-logs/index.ts';
export { type AccessTimes, openAccessTimes } from './lifecycle/index.ts';
export { forgetUpkeep, openUpkeep, upkeepStoreModules } from './upkeep/index.ts';

const DAY_MS = 86_400_000;

/** Objects and settings of buckets as callers may use them, over the store that the composition root chose. */
export function openStorage(
  deps: ObjectDeps & { readonly lifecycleDayMs?: number; readonly accesses?: Pick<AccessTimes, 'noting'> },
): {
  readonly access: ObjectAccess;
  readonly settings: BucketSettingAccess;
} {
  const plain = asCaller(createObjectAccess(deps));
  const noted = deps.accesses?.noting(plain) ?? plain;
  const access = withExpiry(noted, deps.settings, deps.lifecycleDayMs ?? DAY_MS);
  return { access, settings: createSettingAccess(deps) };
}
