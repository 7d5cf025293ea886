/**
 * What an object and its bucket say to a request.
 *
 * Invariants
 * - Where lists count, an object is its writer's: reading it and its list is for its owner and those on its list. The
 *   policy of a bucket then denies, but gives nothing of objects that are not its owner's.
 * - Where the bucket owner is enforced, everything is the bucket's and nothing is looked up.
 * **Source**: S3 User Guide, "How Amazon S3 authorizes a request for an object operation".
 */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, type LochError } from '../../core/errors.ts';
import type { ActionRequest, ConditionValues, Decision, ResourceSide } from '../../governance/contract.ts';
import type { ObjectHead, ObjectStore, UploadRef, VersionName } from '../contract.ts';
import { authorizeThroughPoint, pointRequest } from '../access-points/through-point.ts';
import { bucketMissing } from '../stores/names.ts';
import { leavesOwnerOut, linesFor, OBJECT_PERMISSIONS } from './access-lists.ts';
import { assertPaid, bucketRequest, bucketSide, ownershipOf, type SideDeps } from './bucket-side.ts';
import { blockOf } from './public-access-block.ts';

/** What object sides are read from. */
export interface ObjectSideDeps extends SideDeps {
  readonly objects: Pick<ObjectStore, 'head'>;
}

const TAG_KEY = 's3:ExistingObjectTag/';

/** Requires an action on an object. **Errors**: `access_denied`; what is missing, for whoever may list the bucket. */
export async function authorizeObject(
  deps: ObjectSideDeps,
  context: RequestContext,
  name: VersionName,
  action: string,
  conditions: ConditionValues = {},
): Promise<void> {
  const look = lookOnce(deps, name);
  const side = await objectSide(deps, context, name, action, look);
  if (side === undefined && context.principal.kind === 'anonymous') throw bucketMissing(name.bucket);
  const request = requestOf(context, name, action, side?.side, look, conditions);
  if (side?.missing !== undefined && !(await deps.policy.decide(context, request)).allowed) {
    const list = await bucketRequest(deps, context, name.bucket, 's3:ListBucket');
    if ((await deps.policy.decide(context, list)).allowed) throw side.missing;
  }
  await deps.policy.authorize(context, request);
  await authorizeThroughPoint(deps, context, action, name.key, conditions);
  await assertPaid(deps, context, name.bucket, action, name.key);
}

/**
 * Requires an action on an unfinished upload, which its initiator's account may give up and look at as the bucket's may.
 * **Errors**: `access_denied`. **Source**: S3 User Guide, "Multipart upload API and permissions".
 */
export async function authorizeUpload(
  deps: ObjectSideDeps & { readonly objects: Pick<ObjectStore, 'uploads'> },
  context: RequestContext,
  upload: UploadRef,
  action: string,
): Promise<void> {
  const { accountId } = context.principal;
  const side = await bucketSide(deps, context, upload.bucket, action);
  const foreign = side !== undefined && side.accountId !== accountId && context.principal.kind !== 'anonymous';
  if (!foreign || (await ownershipOf(deps, upload.bucket)) === 'BucketOwnerEnforced') {
    return authorizeObject(deps, context, upload, action);
  }
  const ofKey = await deps.objects.uploads(upload.bucket, { prefix: upload.key, max: 1000 });
  const begun = ofKey.find(({ uploadId }) => uploadId === upload.uploadId);
  if (begun?.attributes?.ownerAccountId !== accountId) return authorizeObject(deps, context, upload, action);
  await deps.policy.authorize(context, {
    action,
    resource: s3Arn(upload.bucket, upload.key),
    side: { ...side, accountId, policyDeniesOnly: true },
  });
}

/** Whether the caller may do `action` to an object, without refusing or recording anything. */
export async function objectDecision(
  deps: ObjectSideDeps,
  context: RequestContext,
  name: VersionName,
  action: string,
): Promise<Decision> {
  const look = lookOnce(deps, name);
  const side = await objectSide(deps, context, name, action, look);
  const decision = await deps.policy.decide(context, requestOf(context, name, action, side?.side, look, {}));
  const point = decision.allowed ? pointRequest(deps, context, action, name.key) : undefined;
  return point === undefined ? decision : deps.policy.decide(context, point);
}

function requestOf(
  context: RequestContext,
  name: VersionName,
  action: string,
  side: ResourceSide | undefined,
  look: () => Promise<Found>,
  conditions: ConditionValues,
): ActionRequest {
  return {
    action,
    resource: s3Arn(name.bucket, name.key),
    conditions,
    side: side ?? { accountId: context.principal.accountId },
    ...(action === 's3:PutObject' ? {} : { lateConditions: { prefix: TAG_KEY, read: () => tagConditions(look) } }),
  };
}

type Found = ObjectHead | LochError;

/** The object, or why it is not there; looked up at most once. */
function lookOnce(deps: ObjectSideDeps, { bucket, key, versionId }: VersionName): () => Promise<Found> {
  let found: Promise<Found> | undefined;
  return () => {
    found ??= deps.objects.head(bucket, key, versionId === undefined ? {} : { versionId }).catch((error: unknown) => {
      if (isLochError(error) && error.kind === 'user') return error;
      throw error;
    });
    return found;
  };
}

async function tagConditions(look: () => Promise<Found>): Promise<ConditionValues> {
  const found = await look();
  const tags = isLochError(found) ? {} : (found.attributes.tags ?? {});
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [TAG_KEY + key, value]));
}

/** The side, with why the object is missing if its list was looked for; undefined when there is no such bucket. */
async function objectSide(
  deps: ObjectSideDeps,
  context: RequestContext,
  name: VersionName,
  action: string,
  look: () => Promise<Found>,
): Promise<{ readonly side: ResourceSide; readonly missing?: LochError } | undefined> {
  const side = await bucketSide(deps, context, name.bucket, action);
  const permission = OBJECT_PERMISSIONS[action];
  if (side === undefined) return undefined;
  if (permission === undefined || (await ownershipOf(deps, name.bucket)) === 'BucketOwnerEnforced') return { side };
  const found = await look();
  if (isLochError(found)) return { side, missing: found };
  const { acl, ownerAccountId = side.accountId } = found.attributes;
  const foreign = ownerAccountId !== side.accountId;
  const block = await blockOf(deps, name.bucket);
  return {
    side: {
      ...side,
      accountId: ownerAccountId,
      ...(foreign ? { policyDeniesOnly: true } : {}),
      ...(acl === undefined
        ? {}
        : {
            listed: linesFor(acl, `object-acl:${name.bucket}/${name.key}`, permission, context.principal, {
              ignorePublic: block?.ignorePublicAcls === true,
            }),
            ownerLeftOut: leavesOwnerOut(acl, permission),
          }),
    },
  };
}
