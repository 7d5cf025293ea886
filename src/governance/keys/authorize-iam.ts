import type { RequestContext } from '../../core/caller.ts';
import type { ActionRequest } from '../contract.ts';
import type { KeyDeps } from './key-deps.ts';

/** Requires the caller's IAM policies to allow what concerns no one key. **Errors**: `access_denied`, recorded. */
export async function authorizeIam(deps: KeyDeps, context: RequestContext, request: ActionRequest): Promise<void> {
  const decision = await deps.decide(context, request);
  if (decision.allowed) return;
  const why =
    decision.reason === 'explicit_deny'
      ? `an explicit deny in ${decision.decidedBy.join(', ')}.`
      : `no identity-based policy allows ${request.action}. Attach one that does.`;
  throw await deps.refuse(context, { ...request, why, by: [decision.reason, ...decision.decidedBy] });
}
