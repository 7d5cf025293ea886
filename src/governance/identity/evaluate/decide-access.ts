/**
 * The decision over a caller's policies and a resource's.
 *
 * Invariants
 * - A deny on either side wins; only root of the owning account can be exempt, from denies of the resource alone.
 * - Within one account either side may allow. A resource that names the account, and not him, leaves it to his policies.
 * - Between two accounts both must allow. Who signed nothing has no policies: the resource alone lets him in.
 * - What limits a caller (boundary, session policy) limits what a resource gives him as well, unless it names exactly
 *   him.
 * **Source**: AWS IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic".
 */
import type { Principal } from '../../../core/caller.ts';
import type { ActionRequest, Decision, ResourceSide } from '../../contract.ts';
import { decideLayers, matchLayers, type PolicyLayer, statementMatches } from './decide.ts';
import { matchPrincipal, type PrincipalMatch } from './match-principal.ts';
import type { RequestValues } from './request-values.ts';

/** What the caller's own side has: his layers of policies, everything (root), or nothing (who did not sign). */
export type CallerSide = readonly PolicyLayer[] | 'everything' | 'nothing';

interface ResourceDecision {
  readonly denied: readonly string[];
  readonly allowed: readonly { readonly id: string; readonly match: PrincipalMatch }[];
}

/** Decides. `side` is the owner's when the request has none of its own. */
export function decideAccess(
  caller: Principal,
  own: CallerSide,
  request: ActionRequest,
  side: ResourceSide,
  values: RequestValues,
): Decision {
  const mine = decideOwn(caller, own, request, values);
  const resource = decideResource(caller, request, side, values);
  const inside = caller.kind !== 'anonymous' && caller.accountId === side.accountId;
  const keeps = side.rootKeeps === true && inside && caller.kind === 'root';
  const denied = [...mine.denied, ...(keeps ? [] : resource.denied)];
  if (denied.length > 0) return { allowed: false, reason: 'explicit_deny', decidedBy: denied };

  const letIn = resource.allowed.filter(({ match }) => match === 'caller' || (match !== 'account' && mine.limitsAllow));
  const ownSuffices = inside && side.ownerLeftOut !== true;
  const byOwn = mine.allowed !== undefined && (ownSuffices || resource.allowed.length > 0);
  const byResource = letIn.length > 0 && (inside || own === 'nothing');
  if (!byOwn && !byResource) return { allowed: false, reason: 'implicit_deny', decidedBy: [] };
  const decidedBy = [...(mine.allowed ?? []), ...resource.allowed.map(({ id }) => id)];
  return { allowed: true, reason: 'allowed', decidedBy };
}

function decideOwn(caller: Principal, own: CallerSide, request: ActionRequest, values: RequestValues) {
  const none: readonly string[] = [];
  if (own === 'nothing') return { denied: none, allowed: undefined, limitsAllow: true };
  if (own === 'everything') return { denied: none, allowed: [caller.arn], limitsAllow: true };
  const { reason, decidedBy: ids } = decideLayers(own, request, values);
  const limits = own.slice(1);
  return {
    denied: reason === 'explicit_deny' ? ids : none,
    allowed: reason === 'allowed' ? ids : undefined,
    limitsAllow: limits.length === 0 || matchLayers(limits, request, values).reason === 'allowed',
  };
}

function decideResource(
  caller: Principal,
  request: ActionRequest,
  side: ResourceSide,
  values: RequestValues,
): ResourceDecision {
  const denied: string[] = [];
  const allowed = (side.listed ?? []).map(({ id, toAccount }) => ({
    id,
    match: toAccount ? ('account' as const) : ('anyone' as const),
  }));
  const { policy } = side;
  if (policy === undefined) return { denied, allowed };
  const inside = caller.kind !== 'anonymous' && caller.accountId === side.accountId;
  const allows = side.policyDeniesOnly !== true && (side.insidersOnly !== true || inside);
  const found: ResourceDecision['allowed'][number][] = allowed;
  for (const statement of policy.document.statements) {
    const match = matchPrincipal(statement, caller);
    if (match === undefined || !statementMatches(statement, request, values)) continue;
    const id = `${policy.id}#${statement.id}`;
    if (statement.effect === 'Deny') denied.push(id);
    else if (allows) found.push({ id, match });
  }
  return { denied, allowed: found };
}
