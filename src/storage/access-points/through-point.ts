/** What an access point says to a request that comes through it, beside what its bucket says. */
import type { RequestContext } from '../../core/caller.ts';
import type { ActionRequest, ConditionValues, Policy, ResourcePolicies } from '../../governance/contract.ts';

/** The question to the point a request came through; undefined where it came through none. */
export function pointRequest(
  deps: { readonly resourcePolicies: ResourcePolicies },
  { accessPoint }: RequestContext,
  action: string,
  key: string | undefined,
  conditions: ConditionValues = {},
): ActionRequest | undefined {
  if (accessPoint === undefined) return undefined;
  const { arn, accountId, policy } = accessPoint;
  const parsed = policy === undefined ? undefined : deps.resourcePolicies.parse(policy, `access-point-policy:${arn}`);
  return {
    action,
    resource: key === undefined ? arn : `${arn}/object/${key}`,
    conditions,
    side: { accountId, ...(parsed === undefined ? {} : { policy: parsed }) },
  };
}

/**
 * Requires an action on the point a request came through; nothing where it came through none.
 * **Errors**: `access_denied`.
 */
export async function authorizeThroughPoint(
  deps: { readonly policy: Policy; readonly resourcePolicies: ResourcePolicies },
  context: RequestContext,
  action: string,
  key: string | undefined,
  conditions: ConditionValues = {},
): Promise<void> {
  const request = pointRequest(deps, context, action, key, conditions);
  if (request !== undefined) await deps.policy.authorize(context, request);
}
