import { checkSetting } from './check-setting.ts';
import type { BucketSettingAccess } from './contract.ts';
import { authorizeSetting, type SettingDeps } from './setting-deps.ts';

/** Changes a setting of a bucket. */
export function putSetting(deps: SettingDeps): BucketSettingAccess['put'] {
  return async (context, { bucket, kind, id }, value) => {
    await authorizeSetting(deps, context, bucket, kind, 'put');
    const kept = await checkSetting(deps, context, { bucket, kind }, value);
    await deps.settings.put(bucket, kind, kept, id);
  };
}
