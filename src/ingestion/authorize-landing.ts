import { s3Arn } from '../core/arn.ts';
import type { RequestContext } from '../core/caller.ts';
import type { Policy } from '../governance/contract.ts';

/**
 * Requires that the caller may write objects under a prefix: by IAM, and by Lake Formation where the prefix lies under
 * a registered location. Whoever sets up a delivery or a load cannot land what he could not put himself.
 * **Errors**: `access_denied`.
 */
export async function authorizeLanding(
  policy: Policy,
  context: RequestContext,
  target: { readonly bucket: string; readonly prefix: string },
): Promise<void> {
  await policy.authorize(context, { action: 's3:PutObject', resource: s3Arn(target.bucket, `${target.prefix}*`) });
  const location = await policy.registeredLocation(target.bucket, target.prefix);
  if (location === undefined) return;
  await policy.authorizeDataLocation(context, `s3://${target.bucket}/${target.prefix}`);
}
