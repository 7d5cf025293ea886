import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

/** The buckets of the caller's account, by name. */
export function listBuckets(deps: ObjectDeps): ObjectAccess['listBuckets'] {
  return async (context) => {
    const { accountId } = context.principal;
    const side = { accountId };
    await deps.policy.authorize(context, { action: 's3:ListAllMyBuckets', resource: 'arn:aws:s3:::*', side });
    return (await deps.objects.buckets()).filter(({ ownerAccountId }) => ownerAccountId === accountId);
  };
}
