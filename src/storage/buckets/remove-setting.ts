import type { BucketSettingAccess } from './contract.ts';
import { authorizeSetting, type SettingDeps } from './setting-deps.ts';

/** Removes a setting of a bucket; one that is not set is removed too. */
export function removeSetting(deps: SettingDeps): BucketSettingAccess['remove'] {
  return async (context, { bucket, kind, id }) => {
    await authorizeSetting(deps, context, bucket, kind, 'remove');
    await deps.settings.remove(bucket, kind, id);
  };
}
