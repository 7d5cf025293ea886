/**
 * Access control lists: what the canned ones stand for, whom a line names, and which lines cover an action.
 * **Source**: S3 User Guide, "Access control list (ACL) overview", "Mapping of ACL permissions and access policy
 * permissions".
 */
import { canonicalUserId } from '../../core/canonical-user.ts';
import type { Principal } from '../../core/caller.ts';
import type { AccessControlList, AccessGrant } from '../versions.ts';
import type { AclRequest } from './contract.ts';

type AclPermission = AccessGrant['permission'];

const GROUPS = 'http://acs.amazonaws.com/groups/';

/** The groups S3 has, by their address. */
export const ALL_USERS = `${GROUPS}global/AllUsers`;
export const AUTHENTICATED_USERS = `${GROUPS}global/AuthenticatedUsers`;
export const LOG_DELIVERY = `${GROUPS}s3/LogDelivery`;
/** Every group that can stand in a list. */
export const KNOWN_GROUPS: readonly string[] = [ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY];

/** Names of canned lists, as `x-amz-acl` takes them. */
export const CANNED_LISTS = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
  'log-delivery-write',
  'aws-exec-read',
] as const;

const toAccount = (id: string, permission: AclPermission): AccessGrant => ({
  grantee: { type: 'CanonicalUser', id },
  permission,
});
const toGroup = (uri: string, permission: AclPermission): AccessGrant => ({
  grantee: { type: 'Group', uri },
  permission,
});

/** The list a canned name stands for. `owner` and `bucketOwner` are canonical ids, the same for a bucket's own list. */
function cannedList(name: (typeof CANNED_LISTS)[number], owner: string, bucketOwner: string): AccessControlList {
  const grants = [toAccount(owner, 'FULL_CONTROL')];
  if (name === 'public-read' || name === 'public-read-write') grants.push(toGroup(ALL_USERS, 'READ'));
  if (name === 'public-read-write') grants.push(toGroup(ALL_USERS, 'WRITE'));
  if (name === 'authenticated-read') grants.push(toGroup(AUTHENTICATED_USERS, 'READ'));
  if (name === 'log-delivery-write') {
    grants.push(toGroup(LOG_DELIVERY, 'WRITE'), toGroup(LOG_DELIVERY, 'READ_ACP'));
  }
  if (owner !== bucketOwner) {
    if (name === 'bucket-owner-read') grants.push(toAccount(bucketOwner, 'READ'));
    if (name === 'bucket-owner-full-control') grants.push(toAccount(bucketOwner, 'FULL_CONTROL'));
  }
  return { owner, grants };
}

/** The list that a request for one stands for. */
export function listOf(acl: AclRequest, owner: string, bucketOwner: string): AccessControlList {
  return 'canned' in acl ? cannedList(acl.canned, owner, bucketOwner) : { owner, grants: acl.grants };
}

/** Whether a list gives anybody but its owner anything. */
export const letsOthersIn = ({ owner, grants }: AccessControlList): boolean =>
  grants.some(({ grantee }) => grantee.type === 'Group' || grantee.id !== owner);

/** Whether a list lets in people nobody knows. */
export function isPublicList({ grants }: AccessControlList): boolean {
  return grants.some(({ grantee }) => grantee.type === 'Group' && grantee.uri !== LOG_DELIVERY);
}

/** What a list of a bucket must give for an action on it or on objects below it; others no list gives. */
export const BUCKET_PERMISSIONS: Readonly<Record<string, AclPermission>> = {
  's3:ListBucket': 'READ',
  's3:ListBucketVersions': 'READ',
  's3:ListBucketMultipartUploads': 'READ',
  's3:PutObject': 'WRITE',
  's3:DeleteObject': 'WRITE',
  's3:GetBucketAcl': 'READ_ACP',
  's3:PutBucketAcl': 'WRITE_ACP',
};

/** What a list of an object must give for an action on it. */
export const OBJECT_PERMISSIONS: Readonly<Record<string, AclPermission>> = {
  's3:GetObject': 'READ',
  's3:GetObjectVersion': 'READ',
  's3:GetObjectAttributes': 'READ',
  's3:GetObjectVersionAttributes': 'READ',
  's3:GetObjectTorrent': 'READ',
  's3:GetObjectAcl': 'READ_ACP',
  's3:GetObjectVersionAcl': 'READ_ACP',
  's3:PutObjectAcl': 'WRITE_ACP',
  's3:PutObjectVersionAcl': 'WRITE_ACP',
};

/** The lines that give `permission` to `caller`, as a decision takes them. `what` names the list in the decision. */
export function linesFor(
  list: AccessControlList,
  what: string,
  permission: AclPermission,
  caller: Principal,
  options: { readonly ignorePublic: boolean },
): { readonly id: string; readonly toAccount: boolean }[] {
  const signed = caller.kind !== 'anonymous';
  const account = signed ? canonicalUserId(caller.accountId) : '';
  return list.grants.flatMap(({ grantee, permission: given }): { id: string; toAccount: boolean }[] => {
    if (given !== permission && given !== 'FULL_CONTROL') return [];
    if (grantee.type === 'CanonicalUser') {
      return signed && grantee.id === account ? [{ id: `${what}#${given}:${grantee.id}`, toAccount: true }] : [];
    }
    const covered = grantee.uri === ALL_USERS || (signed && grantee.uri === AUTHENTICATED_USERS);
    if (!covered || options.ignorePublic) return [];
    return [{ id: `${what}#${given}:${grantee.uri.slice(grantee.uri.lastIndexOf('/') + 1)}`, toAccount: false }];
  });
}

/** Whether the list leaves its owner out of something that he does not always keep. */
export function leavesOwnerOut(list: AccessControlList, permission: AclPermission): boolean {
  if (permission !== 'READ' && permission !== 'WRITE') return false;
  return !list.grants.some(
    ({ grantee, permission: given }) =>
      grantee.type === 'CanonicalUser' &&
      grantee.id === list.owner &&
      (given === permission || given === 'FULL_CONTROL'),
  );
}
