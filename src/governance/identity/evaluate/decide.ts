/**
 * The decision over a set of policies: an explicit deny wins over every allow, and what nothing allows is denied.
 * **Source**: AWS IAM User Guide, "Policy evaluation logic".
 */
import type { ActionRequest, Decision } from '../../contract.ts';
import { type ArnParts, arnParts, matchesArn } from './arn-pattern.ts';
import { matchesPattern, type VariableValues } from './pattern.ts';
import type { PolicyDocument, Statement } from './policy-document.ts';
import { type RequestValues, variableValues } from './request-values.ts';

/** A policy with the id a person can look it up by. */
export interface NamedPolicy {
  readonly id: string;
  readonly document: PolicyDocument;
}

/** Policies that must each allow for themselves: those of the identity, its boundary, its session. */
export type PolicyLayer = readonly NamedPolicy[];

/** A statement that speaks of a request. */
export interface StatementMatch {
  readonly policy: NamedPolicy;
  readonly statement: Statement;
}

export interface LayersDecision {
  readonly reason: Decision['reason'];
  /** The denying statements, or else the allowing ones. */
  readonly matches: readonly StatementMatch[];
}

/** Decides over layers: a deny in any of them denies, and every layer must allow. */
export function matchLayers(
  layers: readonly PolicyLayer[],
  request: ActionRequest,
  values: RequestValues,
): LayersDecision {
  const asked = askedOf(request, values);
  const denied: StatementMatch[] = [];
  const allowed: StatementMatch[] = [];
  let everyLayerAllows = layers.length > 0;
  for (const layer of layers) {
    let layerAllows = false;
    for (const policy of layer) {
      for (const statement of policy.document.statements) {
        if (!speaksOf(statement, asked)) continue;
        (statement.effect === 'Deny' ? denied : allowed).push({ policy, statement });
        layerAllows ||= statement.effect === 'Allow';
      }
    }
    everyLayerAllows &&= layerAllows;
  }
  if (denied.length > 0) return { reason: 'explicit_deny', matches: denied };
  return everyLayerAllows ? { reason: 'allowed', matches: allowed } : { reason: 'implicit_deny', matches: [] };
}

/** As `matchLayers`, with `decidedBy` naming the statements as `<policy>#<sid or position>`. */
export function decideLayers(layers: readonly PolicyLayer[], request: ActionRequest, values: RequestValues): Decision {
  const { reason, matches } = matchLayers(layers, request, values);
  const decidedBy = matches.map(({ policy, statement }) => `${policy.id}#${statement.id}`);
  return { allowed: reason === 'allowed', reason, decidedBy };
}

/** Whether a statement speaks of this request: its action, its resource and all its conditions. */
export function statementMatches(statement: Statement, request: ActionRequest, values: RequestValues): boolean {
  return speaksOf(statement, askedOf(request, values));
}

/** A request as statements are compared with it; made once for all of them. */
interface Asked {
  readonly action: string;
  readonly resource: ArnParts;
  readonly values: RequestValues;
  readonly single: VariableValues;
}

const askedOf = (request: ActionRequest, values: RequestValues): Asked => ({
  action: request.action.toLowerCase(),
  resource: arnParts(request.resource),
  values,
  single: variableValues(values),
});

function speaksOf({ actions, resources, conditions }: Statement, asked: Asked): boolean {
  const { action, resource, values, single } = asked;
  if (actions.patterns.some((pattern) => matchesPattern(pattern, action, single)) === actions.except) return false;
  if (
    resources !== undefined &&
    resources.patterns.some((pattern) => matchesArn(pattern, resource, single)) === resources.except
  ) {
    return false;
  }
  return conditions.every((condition) => condition.holds(values));
}
