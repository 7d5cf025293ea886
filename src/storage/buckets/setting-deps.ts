import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Policy } from '../../governance/contract.ts';
import type { ObjectStore } from '../contract.ts';
import type { BucketSettingKind, BucketSettings } from './contract.ts';
import { SETTING_KINDS } from './setting-kinds.ts';

/** What the use-cases of settings are built from. */
export interface SettingDeps {
  readonly objects: ObjectStore;
  readonly settings: BucketSettings;
  readonly policy: Policy;
}

/** Requires the action of the kind on a bucket that exists. **Errors**: `access_denied`, `bucket_not_found`. */
export async function authorizeSetting(
  deps: SettingDeps,
  context: RequestContext,
  bucket: string,
  kind: BucketSettingKind,
  verb: 'get' | 'put' | 'remove',
): Promise<void> {
  await deps.policy.authorize(context, { action: SETTING_KINDS[kind][verb], resource: s3Arn(bucket) });
  await deps.objects.bucket(bucket);
}
