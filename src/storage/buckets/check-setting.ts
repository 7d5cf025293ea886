/** What must hold of a setting beside its form, before it is put. */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import { assertDestination, authorizeDestination } from '../inventory/destination.ts';
import { lastingArn } from '../background-context.ts';
import { isStreamArn } from '../notifications/stream-target.ts';
import { refusedTarget, webhookOf } from '../notifications/webhook-target.ts';
import { checkReplicationPlaces } from '../replication/check-places.ts';
import type { Identities } from '../../governance/contract.ts';
import { isPublicList, letsOthersIn } from './access-lists.ts';
import { ownershipOf, policyId, type SideDeps } from './bucket-side.ts';
import type { ObjectStore } from '../contract.ts';
import type { AccessControlList } from '../versions.ts';
import type { BucketSetting, BucketSettingKind } from './contract.ts';
import { BUCKET_ACTIONS, OBJECT_ACTIONS } from './s3-actions.ts';
import { blockOf } from './public-access-block.ts';

const MAX_POLICY_BYTES = 20 * 1024;

type CheckDeps = SideDeps & {
  readonly objects: Pick<ObjectStore, 'bucket'>;
  readonly identities?: Pick<Identities, 'principal'>;
};

type Check<K extends BucketSettingKind> = (
  deps: CheckDeps,
  context: RequestContext,
  bucket: string,
  value: BucketSetting<K>,
) => Promise<BucketSetting<K> | undefined>;

/** **Errors**: `malformed_policy`; `access_denied` for a public one while these are blocked. */
const checkPolicy: Check<'policy'> = async (deps, context, bucket, { text }) => {
  const policy = deps.resourcePolicies.parse(text, policyId(bucket));
  await deps.resourcePolicies.check(policy, {
    maxBytes: MAX_POLICY_BYTES,
    resources: [
      { arn: s3Arn(bucket), actions: BUCKET_ACTIONS },
      { arn: `${s3Arn(bucket)}/`, actions: OBJECT_ACTIONS },
    ],
  });
  if (!policy.isPublic) return;
  const block = await blockOf(deps, bucket);
  if (block?.blockPublicPolicy !== true) return;
  throw await deps.policy.refuse(context, {
    action: 's3:PutBucketPolicy',
    resource: s3Arn(bucket),
    why: 'public policies are blocked by the BlockPublicPolicy setting of the bucket or its account.',
    by: [`public-access-block:${bucket}`],
  });
};

/** **Errors**: `acl_not_supported`; `access_denied` for a public list while these are blocked. */
const checkAcl: Check<'acl'> = async (deps, context, bucket, list) => {
  if ((await ownershipOf(deps, bucket)) === 'BucketOwnerEnforced') throw aclNotSupported();
  await refusePublicList(deps, context, bucket, list, 's3:PutBucketAcl', s3Arn(bucket));
};

/** **Errors**: `conflict` (invalid) when the bucket's list lets others in. */
const checkOwnership: Check<'ownership'> = async (deps, _context, bucket, { objectOwnership }) => {
  if (objectOwnership !== 'BucketOwnerEnforced') return;
  const list = await deps.settings.get(bucket, 'acl');
  if (list !== undefined && letsOthersIn(list)) throw listWithEnforcedOwner();
};

/**
 * Streams are written to in the name of whoever named them, who must be allowed to.
 * **Errors**: `invalid_argument` for a target that cannot be one; `access_denied`.
 */
const checkTargets: Check<'notification'> = async (deps, context, _bucket, value) => {
  for (const { arn, kind } of value.targets) {
    if (isStreamArn(arn)) await checkStream(deps, context, arn, kind);
    else webhookOf(arn, deps.notificationHosts ?? []);
  }
  return { ...value, setBy: lastingArn(context.principal) };
};

async function checkStream(deps: CheckDeps, context: RequestContext, arn: string, kind: string): Promise<void> {
  if (kind !== 'queue') throw refusedTarget(arn, 'a delivery stream is named in a QueueConfiguration.');
  if (deps.streams === undefined) throw refusedTarget(arn, 'there are no delivery streams here.');
  try {
    await deps.streams.assertWritable(context, arn);
  } catch (error) {
    if (!isLochError(error, 'not_found')) throw error;
    throw refusedTarget(arn, error.message);
  }
}

/** **Errors**: `invalid_argument` (InvalidTargetBucketForLogging) for a target that is absent or somebody else's. */
const checkLogTarget: Check<'logging'> = async (deps, _context, bucket, { targetBucket }) => {
  const { ownerAccountId } = await deps.objects.bucket(bucket);
  const target = await deps.objects.bucket(targetBucket).catch((error: unknown) => {
    if (isLochError(error, 'bucket_not_found')) return undefined;
    throw error;
  });
  if (target?.ownerAccountId === ownerAccountId) return;
  throw new LochError(
    'invalid_argument',
    `The target bucket for logging does not exist, or is not owned by you: \`${targetBucket}\`.`,
    { context: { s3_code: 'InvalidTargetBucketForLogging', targetBucket } },
  );
};

/** **Errors**: `invalid_argument` (InvalidS3DestinationBucket); `access_denied` for who may not write there himself. */
const checkInventory: Check<'inventory'> = async (deps, context, bucket, configuration) => {
  await assertDestination(deps.objects, bucket, configuration);
  await authorizeDestination(deps.policy, context, bucket, configuration);
};

/** The bucket takes no lists. */
export function aclNotSupported(): LochError {
  return new LochError('acl_not_supported', 'The bucket does not allow ACLs: its owner is enforced. Use its policy.');
}

/** A list for others and an enforced owner do not go together. */
export function listWithEnforcedOwner(): LochError {
  return new LochError(
    'acl_not_supported',
    'Bucket cannot have ACLs set with ObjectOwnership `BucketOwnerEnforced`. Take the grants to others away first.',
    { context: { s3_code: 'InvalidBucketAclWithObjectOwnership' } },
  );
}

/** **Errors**: `access_denied` for a public list while these are blocked. */
export async function refusePublicList(
  deps: SideDeps,
  context: RequestContext,
  bucket: string,
  list: AccessControlList,
  action: string,
  resource: string,
): Promise<void> {
  if (!isPublicList(list)) return;
  const block = await blockOf(deps, bucket);
  if (block?.blockPublicAcls === true) throw await publicListRefused(deps, context, { bucket, action, resource });
}

/** The recorded refusal of a public list. */
export function publicListRefused(
  deps: Pick<SideDeps, 'policy'>,
  context: RequestContext,
  asked: { readonly bucket: string; readonly action: string; readonly resource: string },
): Promise<LochError> {
  const { bucket, action, resource } = asked;
  return deps.policy.refuse(context, {
    action,
    resource,
    why: 'public access control lists are blocked by the BlockPublicAcls setting of the bucket or its account.',
    by: [`public-access-block:${bucket}`],
  });
}

const CHECKS: { readonly [K in BucketSettingKind]?: Check<K> } = {
  policy: checkPolicy,
  acl: checkAcl,
  ownership: checkOwnership,
  notification: checkTargets,
  logging: checkLogTarget,
  inventory: checkInventory,
  replication: (deps, context, bucket, value) => checkReplicationPlaces(deps, context, bucket, value),
};

/** The value to keep. **Errors**: those of the kind's check. */
export async function checkSetting<K extends BucketSettingKind>(
  deps: CheckDeps,
  context: RequestContext,
  name: { readonly bucket: string; readonly kind: K },
  value: BucketSetting<K>,
): Promise<BucketSetting<K>> {
  const check = CHECKS[name.kind] as Check<K> | undefined;
  return (await check?.(deps, context, name.bucket, value)) ?? value;
}
