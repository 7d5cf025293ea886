/**
 * May the caller touch this object? IAM first; then, for keys under a registered Lake Formation location, the grants on
 * the table that owns the key: reading needs every row and column of it, writing needs the data location. No principal
 * is exempt there, root included.
 */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, type LochError } from '../../core/errors.ts';
import type { ActionRequest } from '../../governance/contract.ts';
import { authorizeBucket } from '../buckets/bucket-side.ts';
import { authorizeObject, authorizeUpload, objectDecision } from '../buckets/object-side.ts';
import type { ObjectName, UploadRef, VersionName } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

/** The action that reads a version: another one when it is named. */
export const readAction = ({ versionId }: { readonly versionId?: string } = {}): string =>
  versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion';

/** Requires `action` on the object and, where grants govern it, unfiltered SELECT on its table. */
export async function authorizeRead(
  deps: ObjectDeps,
  context: RequestContext,
  name: VersionName,
  action = 's3:GetObject',
): Promise<void> {
  await authorizeObject(deps, context, name, action);
  await requireOwner(deps, context, name, action);
  const location = await deps.policy.registeredLocation(name.bucket, name.key);
  if (location === undefined) return;
  const directory = deps.directory();
  const table = await directory.tableAt(name.bucket, name.key);
  const columns = table === undefined ? undefined : await directory.tableColumns(table);
  if (table === undefined || columns === undefined) {
    // No table owns the key: whoever may write there may read there.
    await deps.policy.authorizeDataLocation(context, `s3://${name.bucket}/${name.key}`);
    return;
  }
  let shape: Awaited<ReturnType<typeof deps.policy.tableShape>>;
  try {
    shape = await deps.policy.tableShape(context, table, columns);
  } catch (error) {
    // The policy recorded its refusal; to the reader of a file a hidden table is a file that may not be read.
    if (!isLochError(error, 'table_not_found', 'access_denied')) throw error;
    throw await refusal(deps, context, name, action, 'the files of a table need SELECT on it');
  }
  if (shape.kind === 'full') return;
  throw await refusal(
    deps,
    context,
    name,
    action,
    'files of a table are read only by holders of SELECT on all of its rows and columns; query the table instead',
  );
}

/** Requires `action` on the object and, where grants govern it, DATA_LOCATION_ACCESS. */
export async function authorizeWrite(
  deps: ObjectDeps,
  context: RequestContext,
  name: VersionName,
  action: string,
  conditions: ActionRequest['conditions'] = {},
): Promise<void> {
  await authorizeObject(deps, context, name, action, conditions);
  await requireLocation(deps, context, name, action);
}

/** Requires `action` on an upload that was begun and, where grants govern its key, DATA_LOCATION_ACCESS. */
export async function authorizeBegun(
  deps: ObjectDeps,
  context: RequestContext,
  upload: UploadRef,
  action: 's3:AbortMultipartUpload' | 's3:ListMultipartUploadParts',
): Promise<void> {
  await authorizeUpload(deps, context, upload, action);
  await requireLocation(deps, context, upload, action);
}

async function requireLocation(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
  action: string,
): Promise<void> {
  await requireOwner(deps, context, name, action);
  const location = await deps.policy.registeredLocation(name.bucket, name.key);
  if (location === undefined) return;
  await deps.policy.authorizeDataLocation(context, `s3://${name.bucket}/${name.key}`);
}

/** Requires what a delete needs: of the key, or of one version. */
export function authorizeDelete(deps: ObjectDeps, context: RequestContext, name: VersionName): Promise<void> {
  const action = name.versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
  return authorizeWrite(deps, context, name, action);
}

/**
 * Whether the caller may lift GOVERNANCE. Asking to is no fault of one who may not: only a version that is locked is
 * refused, by the store. **Source**: S3 User Guide, "Bypassing governance mode".
 */
export async function mayBypassGovernance(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
): Promise<boolean> {
  return (await objectDecision(deps, context, name, 's3:BypassGovernanceRetention')).allowed;
}

/**
 * The answer for an object that does not exist: whoever may not list the bucket does not learn what is not in it.
 * **Source**: Amazon S3 API Reference, "GetObject", permissions.
 */
export async function missingOrHidden(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
  error: unknown,
): Promise<unknown> {
  if (!isLochError(error, 'object_not_found')) return error;
  try {
    // Lent credentials list their own folder and nothing else: what is not in it they may know.
    const lent = context.principal.session?.scope !== undefined;
    await authorizeBucket(deps, context, name.bucket, 's3:ListBucket', lent ? { 's3:prefix': name.key } : undefined);
    return error;
  } catch (refused) {
    return refused;
  }
}

async function requireOwner(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
  action: string,
): Promise<void> {
  const owner = await deps.ownerOf(name.bucket, name.key);
  if (owner === undefined || owner === context.principal.arn) return;
  throw await refusal(deps, context, name, action, 'it is a query result of another principal');
}

function refusal(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
  action: string,
  why: string,
): Promise<LochError> {
  return deps.policy.refuse(context, { action, resource: s3Arn(name.bucket, name.key), why: `${why}.`, by: [] });
}
