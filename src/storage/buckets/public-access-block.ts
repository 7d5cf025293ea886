/**
 * The public-access block in force: what the bucket says and what its account says, whichever blocks more.
 * **Source**: S3 User Guide, "Blocking public access to your Amazon S3 storage".
 */
import type { RequestContext } from '../../core/caller.ts';
import type { BucketSetting, BucketSettingAccess, BucketSettings } from './contract.ts';
import { SETTING_KINDS } from './setting-kinds.ts';
import type { SettingDeps } from './setting-deps.ts';

type Block = BucketSetting<'publicAccessBlock'>;

/** Where settings of an account are kept; no bucket can have this name. */
const placeOf = (accountId: string): string => `account:${accountId}`;

/** The block in force for a bucket; undefined when nothing is blocked. */
export async function blockOf(
  { settings }: { readonly settings: BucketSettings },
  bucket: string,
): Promise<Block | undefined> {
  const own = await settings.get(bucket, 'publicAccessBlock');
  const accountId = await settings.ownerOf(bucket);
  return accountId === undefined ? own : either(own, await accountBlock({ settings }, accountId));
}

/** The block of an account for all its buckets. */
export function accountBlock(
  { settings }: { readonly settings: BucketSettings },
  accountId: string,
): Promise<Block | undefined> {
  return settings.get(placeOf(accountId), 'accountPublicAccessBlock');
}

function either(a: Block | undefined, b: Block | undefined): Block | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    blockPublicAcls: a.blockPublicAcls || b.blockPublicAcls,
    ignorePublicAcls: a.ignorePublicAcls || b.ignorePublicAcls,
    blockPublicPolicy: a.blockPublicPolicy || b.blockPublicPolicy,
    restrictPublicBuckets: a.restrictPublicBuckets || b.restrictPublicBuckets,
  };
}

/** The block of an account, as a caller may use it. Only callers of the account itself can be allowed to. */
export function accountBlockAccess(deps: SettingDeps): BucketSettingAccess['accountBlock'] {
  const { get, put, remove } = SETTING_KINDS.accountPublicAccessBlock;
  const authorize = (context: RequestContext, accountId: string, action: string) =>
    deps.policy.authorize(context, { action, resource: '*', side: { accountId } });
  return {
    async get(context, accountId) {
      await authorize(context, accountId, get);
      return accountBlock(deps, accountId);
    },
    async put(context, accountId, block) {
      await authorize(context, accountId, put);
      await deps.settings.put(placeOf(accountId), 'accountPublicAccessBlock', block);
    },
    async remove(context, accountId) {
      await authorize(context, accountId, remove);
      await deps.settings.remove(placeOf(accountId), 'accountPublicAccessBlock');
    },
  };
}
