/** Whose a new object is and who is on its list. **Source**: S3 User Guide, "Controlling ownership of objects". */
import { s3Arn } from '../../core/arn.ts';
import { ANONYMOUS_USER_ID, canonicalUserId } from '../../core/canonical-user.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { ObjectName, PutOptions } from '../contract.ts';
import type { ObjectAttributes } from '../versions.ts';
import { listOf } from './access-lists.ts';
import { bucketPolicy, ownershipOf, type SideDeps } from './bucket-side.ts';
import { aclNotSupported, refusePublicList } from './check-setting.ts';
import type { AclOption, AclRequest } from './contract.ts';

/** Stands for the account of whoever did not sign; no account has this id. */
const NO_ACCOUNT = 'anonymous';

/**
 * The attributes of a new object: those asked for, with its owner where that is not the bucket's, and its list.
 * **Errors**: `acl_not_supported`; `access_denied` without the right to put a list, or for a public one while these are
 * blocked.
 */
async function writtenAttributes(
  deps: SideDeps,
  context: RequestContext,
  target: ObjectName,
  asked: { readonly attributes?: ObjectAttributes; readonly acl?: AclRequest },
): Promise<ObjectAttributes | undefined> {
  const { attributes, acl } = asked;
  const bucketAccount = await deps.settings.ownerOf(target.bucket);
  if (bucketAccount === undefined) return attributes;
  const bucketOwner = canonicalUserId(bucketAccount);
  const ownership = await ownershipOf(deps, target.bucket);
  if (ownership === 'BucketOwnerEnforced') {
    if (acl !== undefined && !saysNothing(acl, bucketOwner)) throw aclNotSupported();
    return attributes;
  }
  const { principal } = context;
  const writer = principal.kind === 'anonymous' ? NO_ACCOUNT : principal.accountId;
  const givesAway =
    ownership === 'BucketOwnerPreferred' &&
    acl !== undefined &&
    'canned' in acl &&
    acl.canned === 'bucket-owner-full-control';
  const account = givesAway ? bucketAccount : writer;
  const owner = account === NO_ACCOUNT ? ANONYMOUS_USER_ID : canonicalUserId(account);
  const list = acl === undefined ? undefined : listOf(acl, owner, bucketOwner);
  if (list !== undefined) {
    await requireListRight(deps, context, target, bucketAccount);
    await refusePublicList(deps, context, target.bucket, list, 's3:PutObjectAcl', s3Arn(target.bucket, target.key));
  }
  return {
    ...attributes,
    ...(list === undefined ? {} : { acl: list }),
    ...(account === bucketAccount ? {} : { ownerAccountId: account }),
  };
}

/** The options of a write as the store takes them: what was asked of lists has become attributes. */
export async function asWritten<O extends PutOptions>(
  deps: SideDeps,
  context: RequestContext,
  target: ObjectName,
  asked: (O & AclOption) | undefined,
): Promise<O> {
  const { acl, ...options } = asked ?? ({} as O & AclOption);
  const attributes = await writtenAttributes(deps, context, target, asked ?? {});
  return { ...(options as unknown as O), ...(attributes === undefined ? {} : { attributes }) };
}

/** With an enforced bucket owner, these give nobody anything. */
function saysNothing(acl: AclRequest, bucketOwner: string): boolean {
  if ('canned' in acl) return acl.canned === 'private' || acl.canned === 'bucket-owner-full-control';
  return acl.grants.every(
    ({ grantee, permission }) =>
      grantee.type === 'CanonicalUser' && grantee.id === bucketOwner && permission === 'FULL_CONTROL',
  );
}

/** The writer's own policies must let him put lists; what the bucket says of that can only deny it. */
async function requireListRight(
  deps: SideDeps,
  context: RequestContext,
  target: ObjectName,
  bucketAccount: string,
): Promise<void> {
  const { principal } = context;
  if (principal.kind === 'anonymous') return;
  const policy = await bucketPolicy(deps, target.bucket);
  await deps.policy.authorize(context, {
    action: 's3:PutObjectAcl',
    resource: s3Arn(target.bucket, target.key),
    side: {
      accountId: principal.accountId,
      ...(policy === undefined ? {} : { policy }),
      ...(principal.accountId === bucketAccount ? {} : { policyDeniesOnly: true }),
    },
  });
}
