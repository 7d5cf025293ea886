/**
 * May a run's principal read these objects, and write there? The rules of the S3 door, for work that goes past it: IAM on
 * each object; query results are their owner's; under a registered location reading needs every row and column of the
 * table that owns the object, and writing the data location.
 */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Audit, Policy, TableDirectory } from '../../governance/contract.ts';
import type { PinnedObject } from './records.ts';

export interface ObjectRights {
  readonly policy: Policy;
  readonly audit: Audit;
  readonly directory: TableDirectory;
  /** The one principal that may read a key, for keys that belong to somebody (query results). */
  readonly ownerOf: (bucket: string, key: string) => Promise<string | undefined>;
}

/** **Errors**: `access_denied`. */
export async function authorizeListing(
  rights: Pick<ObjectRights, 'policy'>,
  context: RequestContext,
  source: { readonly bucket: string; readonly prefix: string },
): Promise<void> {
  await rights.policy.authorize(context, {
    action: 's3:ListBucket',
    resource: s3Arn(source.bucket),
    conditions: { 's3:prefix': source.prefix },
  });
}

/** Asks for each object, and records the reads. **Errors**: `access_denied` naming the object. */
export async function authorizeReads(
  rights: ObjectRights,
  context: RequestContext,
  objects: readonly PinnedObject[],
): Promise<void> {
  const tables = new Set<string>();
  for (const object of objects) await authorizeRead(rights, context, object, tables);
  await rights.audit.recordData(
    context,
    objects.map(({ bucket, key, size }) => ({
      eventSource: 's3.amazonaws.com',
      eventName: 'GetObject',
      resource: s3Arn(bucket, key),
      bytes: size,
    })),
  );
}

/** `seen` holds tables already found to be granted whole. */
async function authorizeRead(
  { policy, directory, ownerOf }: ObjectRights,
  context: RequestContext,
  { bucket, key }: PinnedObject,
  seen: Set<string>,
): Promise<void> {
  const resource = s3Arn(bucket, key);
  const refuse = (why: string) => policy.refuse(context, { action: 's3:GetObject', resource, why, by: [] });
  await policy.authorize(context, { action: 's3:GetObject', resource });
  const owner = await ownerOf(bucket, key);
  if (owner !== undefined && owner !== context.principal.arn) {
    throw await refuse('it is a query result of another principal.');
  }
  if ((await policy.registeredLocation(bucket, key)) === undefined) return;
  const table = await directory.tableAt(bucket, key);
  const columns = table === undefined ? undefined : await directory.tableColumns(table);
  if (table === undefined || columns === undefined) {
    await policy.authorizeDataLocation(context, `s3://${bucket}/${key}`);
    return;
  }
  const name = `${table.database}.${table.table}`;
  if (seen.has(name)) return;
  const shape = await policy.tableShape(context, table, columns);
  if (shape.kind !== 'full') {
    throw await refuse(`it belongs to \`${name}\`, whose files are read only by holders of SELECT on all of it.`);
  }
  seen.add(name);
}

/** Asks whether an object may be put. **Errors**: `access_denied`. */
export async function authorizeWrite(
  { policy }: Pick<ObjectRights, 'policy'>,
  context: RequestContext,
  { bucket, key }: { readonly bucket: string; readonly key: string },
): Promise<void> {
  await policy.authorize(context, { action: 's3:PutObject', resource: s3Arn(bucket, key) });
  if ((await policy.registeredLocation(bucket, key)) === undefined) return;
  await policy.authorizeDataLocation(context, `s3://${bucket}/${key}`);
}
