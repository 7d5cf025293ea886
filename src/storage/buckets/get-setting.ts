import type { BucketSettingAccess } from './contract.ts';
import { authorizeSetting, type SettingDeps } from './setting-deps.ts';

/** Reads a setting of a bucket; undefined when it is not set. */
export function getSetting(deps: SettingDeps): BucketSettingAccess['get'] {
  return async (context, { bucket, kind, id }) => {
    await authorizeSetting(deps, context, bucket, kind, 'get');
    return deps.settings.get(bucket, kind, id);
  };
}

/** Reads all settings of a kind of which a bucket has many. */
export function listSettings(deps: SettingDeps): BucketSettingAccess['list'] {
  return async (context, { bucket, kind }) => {
    await authorizeSetting(deps, context, bucket, kind, 'get');
    return deps.settings.list(bucket, kind);
  };
}
