import { getBucketAcl, putBucketAcl } from './bucket-acl.ts';
import { bucketTags } from './bucket-tags.ts';
import type { BucketSettingAccess } from './contract.ts';
import { getSetting, listSettings } from './get-setting.ts';
import { policyStatus } from './policy-status.ts';
import { accountBlockAccess } from './public-access-block.ts';
import { putSetting } from './put-setting.ts';
import { removeSetting } from './remove-setting.ts';
import type { SettingDeps } from './setting-deps.ts';

export { forgetSettings, openBucketSettings } from './bucket-settings.ts';
export { createSideFinder } from './find-side.ts';

/** The store module of settings. */
export const bucketSettingModule = new URL('./store.ts', import.meta.url);

/** Settings as a caller may use them, over settings that ask nobody. */
export function createSettingAccess(deps: SettingDeps): BucketSettingAccess {
  return {
    get: getSetting(deps),
    list: listSettings(deps),
    put: putSetting(deps),
    remove: removeSetting(deps),
    tags: bucketTags(deps),
    accountBlock: accountBlockAccess(deps),
    ownerOf: (bucket) => deps.settings.ownerOf(bucket),
    corsRules: async (bucket) => (await deps.settings.get(bucket, 'cors'))?.rules,
    isPublic: policyStatus(deps),
    getAcl: getBucketAcl(deps),
    putAcl: putBucketAcl(deps),
  };
}
