/** Aliases of access points, which stand where a bucket's name does. */
import { LochError } from '../../core/errors.ts';
import type { AccessPoints } from '../../storage/contract.ts';
import type { FoundOperation } from './find-operation.ts';
import type { S3Request } from './request.ts';

const ALIAS = /-s3alias$/;
/** What of a bucket itself is served through an access point. */
const OF_BUCKETS: ReadonlySet<string> = new Set(['HeadBucket', 'GetBucketLocation']);

/** The request to the bucket of an alias, which says through which point it came; others as they are. */
export async function throughAlias(
  request: S3Request,
  points: Pick<AccessPoints, 'byAlias'> | undefined,
): Promise<S3Request> {
  if (points === undefined || !ALIAS.test(request.bucket)) return request;
  const point = await points.byAlias(request.bucket);
  if (point === undefined) return request; // no bucket has such a name: the store says so
  const { arn, accountId, policy } = point;
  const requestKeys = {
    ...request.context.requestKeys,
    's3:DataAccessPointArn': arn,
    's3:DataAccessPointAccount': accountId,
    's3:AccessPointNetworkOrigin': 'Internet',
  };
  const accessPoint = { arn, accountId, ...(policy === undefined ? {} : { policy }) };
  return { ...request, bucket: point.bucket, context: { ...request.context, requestKeys, accessPoint } };
}

/** **Errors**: `unsupported` for settings of buckets, which no access point serves. */
export function assertServedByPoint({ context }: S3Request, { name, management }: FoundOperation): void {
  if (context.accessPoint === undefined || !management || OF_BUCKETS.has(name)) return;
  throw new LochError('unsupported', `${name} is not served through an access point. Name the bucket itself.`, {
    context: { operation: name, accessPoint: context.accessPoint.arn },
  });
}
