import { iamArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { AccessKeyUse } from '../contract.ts';
import { entityArn } from '../entities/entity-of.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import type { Principals } from '../principals.ts';

/** When and for what a key was last used. The process that was asked knows at once, others within a minute. */
export async function accessKeyLastUsed(
  deps: IdentityDeps,
  principals: Pick<Principals, 'lastUse'>,
  context: RequestContext,
  accessKeyId: string,
): Promise<AccessKeyUse> {
  const found = await deps.store.read(procedures.accessKey, { accessKeyId });
  const owner = found?.owner;
  await deps.policy().authorize(context, {
    action: 'iam:GetAccessKeyLastUsed',
    resource: owner
      ? entityArn(owner.account_id, owner.kind, owner.path, owner.name)
      : iamArn(context.accountId, 'root'),
  });
  if (found === undefined || found.key.account_id !== context.accountId) {
    throw new LochError('not_found', `The Access Key with id ${accessKeyId} cannot be found.`);
  }
  const last = principals.lastUse(accessKeyId) ?? (await deps.store.read(procedures.keyUse, { accessKeyId }));
  return { userName: owner?.name ?? 'root', ...(last === undefined ? {} : { last }) };
}
