/** Whether a list may go where its configuration says. */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { Policy } from '../../governance/contract.ts';
import type { ObjectStore } from '../contract.ts';
import type { InventoryConfiguration } from './configuration.ts';
import { folderOf } from './delivery.ts';

/**
 * The account of the source, which must be that of the destination.
 * **Errors**: `invalid_argument` (InvalidS3DestinationBucket).
 */
export async function assertDestination(
  objects: Pick<ObjectStore, 'bucket'>,
  bucket: string,
  { destination }: InventoryConfiguration,
): Promise<string> {
  const { ownerAccountId } = await objects.bucket(bucket);
  const target = await objects.bucket(destination.bucket).catch((error: unknown) => {
    if (isLochError(error, 'bucket_not_found', 'invalid_bucket_name')) return undefined;
    throw error;
  });
  const wanted = destination.accountId ?? ownerAccountId;
  if (target?.ownerAccountId === ownerAccountId && wanted === ownerAccountId) return ownerAccountId;
  throw new LochError(
    'invalid_argument',
    `The destination bucket of the inventory does not exist, or its account is not that of the source: \`${destination.bucket}\`.`,
    { context: { s3_code: 'InvalidS3DestinationBucket', destinationBucket: destination.bucket } },
  );
}

/** Requires what a list needs of its destination: to write there, and below a registered location its right too. */
export async function authorizeDestination(
  policy: Policy,
  context: RequestContext,
  bucket: string,
  configuration: InventoryConfiguration,
): Promise<void> {
  const target = configuration.destination.bucket;
  const folder = folderOf(bucket, configuration);
  await policy.authorize(context, { action: 's3:PutObject', resource: s3Arn(target, `${folder}data/part`) });
  if ((await policy.registeredLocation(target, folder)) === undefined) return;
  await policy.authorizeDataLocation(context, `s3://${target}/${folder}`);
}
