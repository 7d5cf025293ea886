import { s3Arn } from '../../core/arn.ts';
import type { Principal, RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { ObjectAccess } from '../contract.ts';
import { authorizeBucket, bucketRequest } from './bucket-side.ts';
import { objectDecision, type ObjectSideDeps } from './object-side.ts';

/** Who asks and who is asked about. */
export interface ExplainDeps extends ObjectSideDeps {
  readonly identities: { principal(arn: string): Promise<Principal | undefined> };
}

/**
 * What would be decided about somebody, by whatever decides when he comes himself. The address and time are those of
 * whoever asks. Seeing the decision about another needs the right to read the bucket's policy.
 */
export function explainAccess(deps: ExplainDeps): ObjectAccess['explainAccess'] {
  return async (context, { bucket, key, principal, action = key === undefined ? 's3:ListBucket' : 's3:GetObject' }) => {
    if (principal !== context.principal.arn) await authorizeBucket(deps, context, bucket, 's3:GetBucketPolicy');
    const { requestKeys: _, ...mine } = context;
    const theirs: RequestContext = { ...mine, principal: await askedAbout(deps, context, principal) };
    const decision =
      key === undefined
        ? await deps.policy.decide(theirs, await bucketRequest(deps, theirs, bucket, action))
        : await objectDecision(deps, theirs, { bucket, key }, action);
    const governedBy = key === undefined ? undefined : await deps.policy.registeredLocation(bucket, key);
    return { ...decision, action, resource: s3Arn(bucket, key), ...(governedBy === undefined ? {} : { governedBy }) };
  };
}

async function askedAbout(deps: ExplainDeps, context: RequestContext, arn: string): Promise<Principal> {
  if (arn === 'anonymous') {
    return { kind: 'anonymous', arn, id: 'ANONYMOUS', name: arn, accountId: context.accountId };
  }
  const found = arn === context.principal.arn ? context.principal : await deps.identities.principal(arn);
  if (found !== undefined) return found;
  throw new LochError(
    'not_found',
    `There is no principal \`${arn}\`. Give the ARN of a user or role, or \`anonymous\`.`,
  );
}
