/**
 * The decision over a set of policies: an explicit deny wins over every allow, and what nothing allows is denied.
 * **Source**: AWS IAM User Guide, "Policy evaluation logic".
 */
import type { ActionRequest, Decision } from '../../contract.ts';
import { matchesArn } from './arn-pattern.ts';
import { matchesPattern } from './pattern.ts';
import type { PolicyDocument, Statement } from './policy-document.ts';
import { type RequestValues, variableValues } from './request-values.ts';

/** A policy with the id a person can look it up by. */
export interface NamedPolicy {
  readonly id: string;
  readonly document: PolicyDocument;
}

/** Policies that must each allow for themselves: those of the identity, its boundary, its session. */
export type PolicyLayer = readonly NamedPolicy[];

/**
 * Decides over layers: a deny in any of them denies, and every layer must allow.
 * `decidedBy` names the denying or the allowing statements as `<policy>#<sid or position>`.
 */
export function decideLayers(layers: readonly PolicyLayer[], request: ActionRequest, values: RequestValues): Decision {
  const denied: string[] = [];
  const allowed: string[] = [];
  let everyLayerAllows = layers.length > 0;
  for (const layer of layers) {
    let layerAllows = false;
    for (const policy of layer) {
      for (const statement of policy.document.statements) {
        if (!statementMatches(statement, request, values)) continue;
        (statement.effect === 'Deny' ? denied : allowed).push(`${policy.id}#${statement.id}`);
        layerAllows ||= statement.effect === 'Allow';
      }
    }
    everyLayerAllows &&= layerAllows;
  }
  if (denied.length > 0) return { allowed: false, reason: 'explicit_deny', decidedBy: denied };
  if (everyLayerAllows) return { allowed: true, reason: 'allowed', decidedBy: allowed };
  return { allowed: false, reason: 'implicit_deny', decidedBy: [] };
}

/** Whether a statement speaks of this request: its action, its resource and all its conditions. */
export function statementMatches(statement: Statement, request: ActionRequest, values: RequestValues): boolean {
  const single = variableValues(values);
  const { actions, resources, conditions } = statement;
  const action = request.action.toLowerCase();
  if (actions.patterns.some((pattern) => matchesPattern(pattern, action, single)) === actions.except) return false;
  if (
    resources !== undefined &&
    resources.patterns.some((pattern) => matchesArn(pattern, request.resource, single)) === resources.except
  ) {
    return false;
  }
  return conditions.every((condition) => condition.holds(values));
}
