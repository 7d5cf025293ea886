import type { RequestContext } from '../../core/caller.ts';
import type { ObjectStore } from '../contract.ts';
import { authorizeBucket, type SideDeps } from './bucket-side.ts';
import type { BucketSettingKind } from './contract.ts';
import { SETTING_KINDS } from './setting-kinds.ts';

/** What the use-cases of settings are built from. */
export interface SettingDeps extends SideDeps {
  readonly objects: ObjectStore;
}

/** Requires the action of the kind on a bucket that exists. **Errors**: `access_denied`, `bucket_not_found`. */
export async function authorizeSetting(
  deps: SettingDeps,
  context: RequestContext,
  bucket: string,
  kind: BucketSettingKind,
  verb: 'get' | 'put' | 'remove',
): Promise<void> {
  await authorizeBucket(deps, context, bucket, SETTING_KINDS[kind][verb]);
  await deps.objects.bucket(bucket);
}
