/**
 * What a bucket says to a request: whose it is, its policy, and the lines of its list, with public access blocked where
 * it is. The policy decides.
 *
 * Invariants
 * - Where the bucket owner is enforced, no list counts.
 * - A list that is public counts for nobody while public lists are ignored; a public policy lets nobody in from outside
 *   while public buckets are restricted.
 * - Root of the owning account can always read and change the bucket policy, so that nobody is locked out for good.
 */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type {
  ActionRequest,
  ConditionValues,
  Policy,
  ResourcePolicies,
  ResourcePolicy,
  ResourceSide,
} from '../../governance/contract.ts';
import type { StreamTargets } from '../notifications/stream-target.ts';
import { authorizeThroughPoint } from '../access-points/through-point.ts';
import { bucketMissing } from '../stores/names.ts';
import { BUCKET_PERMISSIONS, leavesOwnerOut, linesFor } from './access-lists.ts';
import type { BucketSettings, ObjectOwnership } from './contract.ts';
import { blockOf } from './public-access-block.ts';

/** What sides are read from. */
export interface SideDeps {
  /** Hosts that buckets may notify; none when absent. */
  readonly notificationHosts?: readonly string[];
  /** Streams that buckets may notify. */
  readonly streams?: StreamTargets;
  readonly settings: BucketSettings;
  readonly policy: Policy;
  readonly resourcePolicies: ResourcePolicies;
}

const ROOT_KEEPS: ReadonlySet<string> = new Set(['s3:GetBucketPolicy', 's3:PutBucketPolicy', 's3:DeleteBucketPolicy']);

/** The policy of a bucket. */
export async function bucketPolicy(
  deps: Omit<SideDeps, 'policy'>,
  bucket: string,
): Promise<ResourcePolicy | undefined> {
  const setting = await deps.settings.get(bucket, 'policy');
  return setting === undefined ? undefined : deps.resourcePolicies.parse(setting.text, policyId(bucket));
}

/** How the policy of a bucket is named in decisions. */
export const policyId = (bucket: string): string => `bucket-policy:${bucket}`;

/** Whose objects of a bucket are: the writer's, where nothing is said. */
export async function ownershipOf(deps: Pick<SideDeps, 'settings'>, bucket: string): Promise<ObjectOwnership> {
  return (await deps.settings.get(bucket, 'ownership'))?.objectOwnership ?? 'ObjectWriter';
}

/** The side of a bucket, for an action on it or on objects below it; undefined when there is no such bucket. */
export async function bucketSide(
  deps: Omit<SideDeps, 'policy'>,
  context: RequestContext,
  bucket: string,
  action: string,
): Promise<ResourceSide | undefined> {
  const accountId = await deps.settings.ownerOf(bucket);
  if (accountId === undefined) return undefined;
  const policy = await bucketPolicy(deps, bucket);
  const block = await blockOf(deps, bucket);
  const list = await deps.settings.get(bucket, 'acl');
  const permission = BUCKET_PERMISSIONS[action];
  const counts = permission !== undefined && (await ownershipOf(deps, bucket)) !== 'BucketOwnerEnforced';
  return {
    accountId,
    ...(await tagsThatDecide(deps, bucket)),
    ...(policy === undefined ? {} : { policy }),
    ...(policy?.isPublic && block?.restrictPublicBuckets ? { insidersOnly: true } : {}),
    ...(ROOT_KEEPS.has(action) ? { rootKeeps: true } : {}),
    ...(counts && list !== undefined
      ? {
          listed: linesFor(list, `bucket-acl:${bucket}`, permission, context.principal, {
            ignorePublic: block?.ignorePublicAcls === true,
          }),
          ownerLeftOut: leavesOwnerOut(list, permission),
        }
      : {}),
  };
}

/** Tags of a bucket decide where it was told so. **Source**: S3 User Guide, "Using tags for attribute-based access control". */
async function tagsThatDecide(
  { settings }: Pick<SideDeps, 'settings'>,
  bucket: string,
): Promise<Pick<ResourceSide, 'tags'>> {
  if ((await settings.get(bucket, 'abac'))?.status !== 'Enabled') return {};
  return { tags: (await settings.get(bucket, 'tagging'))?.tags ?? {} };
}

/**
 * Requires an action on a bucket.
 * **Errors**: `access_denied`; `bucket_not_found` for whoever did not sign. Others learn that from the store.
 */
export async function authorizeBucket(
  deps: SideDeps,
  context: RequestContext,
  bucket: string,
  action: string,
  conditions?: ConditionValues,
): Promise<void> {
  await deps.policy.authorize(context, await bucketRequest(deps, context, bucket, action, conditions));
  await authorizeThroughPoint(deps, context, action, undefined, conditions);
  await assertPaid(deps, context, bucket, action);
}

/**
 * Where requesters pay, whoever is of another account has to say that his does.
 * **Errors**: `access_denied`. **Source**: S3 User Guide, "Using Requester Pays buckets".
 */
export async function assertPaid(
  deps: Pick<SideDeps, 'settings' | 'policy'>,
  context: RequestContext,
  bucket: string,
  action: string,
  key?: string,
): Promise<void> {
  const { principal } = context;
  const owner = await deps.settings.ownerOf(bucket);
  const ownCaller = principal.kind !== 'anonymous' && principal.accountId === owner;
  if (owner === undefined || ownCaller || principal.kind === 'service') return;
  if (context.payer === 'requester' && principal.kind !== 'anonymous') return;
  if ((await deps.settings.get(bucket, 'requestPayment'))?.payer !== 'Requester') return;
  throw await deps.policy.refuse(context, {
    action,
    resource: s3Arn(bucket, key),
    why: 'requesters pay for the bucket: send `x-amz-request-payer: requester` with a signed request.',
    by: [`request-payment:${bucket}`],
  });
}

/** The question whether the caller may do `action` to a bucket. **Errors**: as `authorizeBucket`. */
export async function bucketRequest(
  deps: SideDeps,
  context: RequestContext,
  bucket: string,
  action: string,
  conditions?: ConditionValues,
): Promise<ActionRequest> {
  const side = await bucketSide(deps, context, bucket, action);
  if (side === undefined && context.principal.kind === 'anonymous') throw bucketMissing(bucket);
  return {
    action,
    resource: s3Arn(bucket),
    side: side ?? { accountId: context.principal.accountId },
    ...(conditions === undefined ? {} : { conditions }),
  };
}
