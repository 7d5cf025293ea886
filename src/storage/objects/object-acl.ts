import { s3Arn } from '../../core/arn.ts';
import { ANONYMOUS_USER_ID, canonicalUserId } from '../../core/canonical-user.ts';
import { listOf } from '../buckets/access-lists.ts';
import { assertOwner, ownersList } from '../buckets/bucket-acl.ts';
import { ownershipOf } from '../buckets/bucket-side.ts';
import { aclNotSupported, refusePublicList } from '../buckets/check-setting.ts';
import type { ObjectAccess, ObjectHead, VersionName } from '../contract.ts';
import { authorizeRead, authorizeWrite, missingOrHidden } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** The list of an object or one version of it. */
export function getObjectAcl(deps: ObjectDeps): ObjectAccess['getObjectAcl'] {
  return (context, name) =>
    recorded(deps, context, 'GetObjectAcl', name, async () => {
      await authorizeRead(deps, context, name, actionOf('s3:GetObject', name));
      const { bucketOwner, owner, head } = await ownersOf(deps, context, name);
      if ((await ownershipOf(deps, name.bucket)) === 'BucketOwnerEnforced') return ownersList(bucketOwner);
      return head.attributes.acl ?? ownersList(owner);
    });
}

/** Changes the list of an object or one version of it. */
export function putObjectAcl(deps: ObjectDeps): ObjectAccess['putObjectAcl'] {
  return (context, name, acl) =>
    recorded(deps, context, 'PutObjectAcl', name, async () => {
      const action = actionOf('s3:PutObject', name);
      await authorizeWrite(deps, context, name, action);
      if ((await ownershipOf(deps, name.bucket)) === 'BucketOwnerEnforced') throw aclNotSupported();
      const { bucketOwner, owner } = await ownersOf(deps, context, name);
      const resource = s3Arn(name.bucket, name.key);
      await assertOwner(deps, context, acl, owner, action, resource);
      const list = listOf(acl, owner, bucketOwner);
      await refusePublicList(deps, context, name.bucket, list, action, resource);
      return deps.objects.updateAttributes(name, { acl: list }, { operation: 'PutObjectAcl' });
    });
}

const actionOf = (verb: 's3:GetObject' | 's3:PutObject', { versionId }: VersionName): string =>
  `${verb}${versionId === undefined ? '' : 'Version'}Acl`;

async function ownersOf(
  deps: ObjectDeps,
  context: Parameters<ObjectAccess['getObjectAcl']>[0],
  { bucket, key, versionId }: VersionName,
): Promise<{ readonly head: ObjectHead; readonly owner: string; readonly bucketOwner: string }> {
  const bucketAccount = (await deps.objects.bucket(bucket)).ownerAccountId;
  let head: ObjectHead;
  try {
    head = await deps.objects.head(bucket, key, versionId === undefined ? {} : { versionId });
  } catch (error) {
    throw await missingOrHidden(deps, context, { bucket, key }, error);
  }
  return { head, owner: canonicalOwner(head, bucketAccount), bucketOwner: canonicalUserId(bucketAccount) };
}

/** The canonical id of whose an object is. */
function canonicalOwner({ attributes: { ownerAccountId } }: ObjectHead, bucketAccount: string): string {
  if (ownerAccountId === undefined) return canonicalUserId(bucketAccount);
  return /^\d{12}$/.test(ownerAccountId) ? canonicalUserId(ownerAccountId) : ANONYMOUS_USER_ID;
}
