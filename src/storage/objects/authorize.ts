/**
 * May the caller touch this object? IAM first; then, for keys under a registered Lake Formation location, the grants on
 * the table that owns the key: reading needs every row and column of it, writing needs the data location. No principal
 * is exempt there, root included.
 */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { Audit, Policy, TableDirectory } from '../../governance/contract.ts';
import type { ObjectName, ObjectStore } from '../contract.ts';

/** What the use-cases of objects are built from. */
export interface ObjectDeps {
  readonly objects: ObjectStore;
  readonly policy: Policy;
  readonly audit: Audit;
  /** Asked late: the catalog stands above storage. */
  readonly directory: () => TableDirectory;
  /** ARN of the one principal that may read a key, for keys that belong to somebody (query results). */
  readonly ownerOf: (bucket: string, key: string) => Promise<string | undefined>;
  readonly accountId: string;
  readonly region: string;
}

/** Requires `action` on the object and, where grants govern it, unfiltered SELECT on its table. */
export async function authorizeRead(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
  action = 's3:GetObject',
): Promise<void> {
  await deps.policy.authorize(context, { action, resource: s3Arn(name.bucket, name.key) });
  await requireOwner(deps, context, name, action);
  const location = await deps.policy.registeredLocation(name.bucket, name.key);
  if (location === undefined) return;
  const directory = deps.directory();
  const table = await directory.tableAt(name.bucket, name.key);
  const columns = table === undefined ? undefined : await directory.tableColumns(table);
  if (table === undefined || columns === undefined) {
    await deps.policy.authorizeDataLocation(context, `s3://${name.bucket}/${name.key}`);
    return;
  }
  const shape = await deps.policy.tableShape(context, table, columns).catch((error: unknown) => {
    throw refusal(context, name, 'the files of a table need SELECT on it', error);
  });
  if (shape.kind !== 'full') {
    throw refusal(
      context,
      name,
      'files of a table are read only by holders of SELECT on all of its rows and columns; query the table instead',
    );
  }
}

/** Requires `action` on the object and, where grants govern it, DATA_LOCATION_ACCESS. */
export async function authorizeWrite(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
  action: string,
): Promise<void> {
  await deps.policy.authorize(context, { action, resource: s3Arn(name.bucket, name.key) });
  await requireOwner(deps, context, name, action);
  const location = await deps.policy.registeredLocation(name.bucket, name.key);
  if (location === undefined) return;
  await deps.policy.authorizeDataLocation(context, `s3://${name.bucket}/${name.key}`);
}

async function requireOwner(
  deps: ObjectDeps,
  context: RequestContext,
  name: ObjectName,
  action: string,
): Promise<void> {
  const owner = await deps.ownerOf(name.bucket, name.key);
  if (owner === undefined || owner === context.principal.arn) return;
  throw refusal(context, name, `it is a query result of another principal (${action})`);
}

function refusal(context: RequestContext, name: ObjectName, why: string, cause?: unknown): LochError {
  return new LochError(
    'access_denied',
    `User: ${context.principal.arn} may not access s3://${name.bucket}/${name.key}: ${why}.`,
    { context: { principal: context.principal.arn, resource: s3Arn(name.bucket, name.key) }, cause },
  );
}

/** Records what was done to an object, or that it was refused, and hands the failure on. */
export async function recorded<T>(
  deps: ObjectDeps,
  context: RequestContext,
  eventName: string,
  name: ObjectName,
  work: () => Promise<T>,
  bytesOf?: (result: T) => number,
): Promise<T> {
  const event = { eventSource: 's3.amazonaws.com', eventName, resource: s3Arn(name.bucket, name.key) };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const code = error instanceof LochError ? error.code : 'internal';
    await deps.audit.recordData(context, [{ ...event, errorCode: code === 'access_denied' ? 'AccessDenied' : code }]);
    throw error;
  }
  await deps.audit.recordData(context, [{ ...event, ...(bytesOf === undefined ? {} : { bytes: bytesOf(result) }) }]);
  return result;
}
