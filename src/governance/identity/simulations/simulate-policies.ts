/**
 * What policies would decide, without doing it. It runs the live evaluation on given context values, so that its answer
 * is the live one.
 */
import type { Principal, RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { EntityKind, SimulatedDecision, Simulation } from '../contract.ts';
import { authorizedEntity } from '../entities/entity-of.ts';
import { matchLayers, type NamedPolicy, type PolicyLayer } from '../evaluate/decide.ts';
import { parsePolicyDocument } from '../evaluate/policy-document.ts';
import { type RequestValues, requestValues } from '../evaluate/request-values.ts';
import type { IdentityDeps } from '../identity-deps.ts';
import type { CompiledPrincipal, Principals } from '../principals.ts';

const MAX_QUESTIONS = 1_000;
const DECISIONS = { allowed: 'allowed', explicit_deny: 'explicitDeny', implicit_deny: 'implicitDeny' } as const;

/** Facts about a connection, which a simulation has only if they are given. */
const CONNECTION_KEYS = ['aws:sourceip', 'aws:securetransport', 'aws:useragent'];

/** What the policies of a user, group or role would decide. */
export async function simulatePrincipal(
  deps: IdentityDeps,
  principals: Pick<Principals, 'policiesOf'>,
  context: RequestContext,
  arn: string,
  simulation: Simulation,
): Promise<SimulatedDecision[]> {
  checkSimulation(simulation);
  const { principal, compiled } = await sourceOf(deps, principals, context, arn, 'SimulatePrincipalPolicy');
  const [own = [], ...attached] = compiled.layers;
  const boundaries = simulation.boundaries === undefined ? attached : [inputLayer('boundary', simulation.boundaries)];
  const layers = [[...own, ...inputLayer('input', simulation.policies ?? [])], ...boundaries];
  return decideAll(layers, simulation, principalValues(context, principal, compiled));
}

/** What documents would decide that are attached to nobody. */
export async function simulateCustom(
  deps: IdentityDeps,
  context: RequestContext,
  simulation: Simulation,
): Promise<SimulatedDecision[]> {
  checkSimulation(simulation);
  await deps.policy().authorize(context, { action: 'iam:SimulateCustomPolicy', resource: '*' });
  const layers = [inputLayer('input', simulation.policies ?? [])];
  if (simulation.boundaries !== undefined) layers.push(inputLayer('boundary', simulation.boundaries));
  const now = new Date(context.startedAt);
  const values = new Map([
    ['aws:currenttime', [now.toISOString()]],
    ['aws:epochtime', [String(Math.floor(now.getTime() / 1000))]],
  ]);
  return decideAll(layers, simulation, values);
}

/** The context keys documents ask for, and the policies of an identity if one is named. */
export async function contextKeys(
  deps: IdentityDeps,
  principals: Pick<Principals, 'policiesOf'>,
  context: RequestContext,
  policies: readonly string[],
  arn: string | undefined,
): Promise<string[]> {
  const layers = [inputLayer('input', policies)];
  if (arn === undefined) {
    await deps.policy().authorize(context, { action: 'iam:GetContextKeysForCustomPolicy', resource: '*' });
  } else {
    const source = await sourceOf(deps, principals, context, arn, 'GetContextKeysForPrincipalPolicy');
    layers.push(...source.compiled.layers);
  }
  return [...keysOf(layers)].sort();
}

function checkSimulation(simulation: Simulation): void {
  for (const action of simulation.actions) {
    if (!/^[\w-]+:\w+$/.test(action)) {
      throw new LochError('invalid_argument', `The action \`${action}\` must be service:Operation without wildcards.`);
    }
  }
  const questions = simulation.actions.length * (simulation.resources?.length ?? 1);
  if (questions > MAX_QUESTIONS) {
    throw new LochError(
      'limit_exceeded',
      `${questions} combinations of action and resource; ask at most ${MAX_QUESTIONS} at once.`,
    );
  }
}

async function sourceOf(
  deps: IdentityDeps,
  principals: Pick<Principals, 'policiesOf'>,
  context: RequestContext,
  arn: string,
  operation: string,
): Promise<{ readonly principal: Principal; readonly compiled: CompiledPrincipal }> {
  const [, kind, name] = /^arn:aws:iam::\d{12}:(user|group|role)\/(?:.*\/)?([^/]+)$/.exec(arn) ?? [];
  if (kind === undefined || name === undefined) {
    throw new LochError('invalid_argument', `\`${arn}\` is no ARN of a user, group or role.`);
  }
  const entity = await authorizedEntity(deps, context, { kind: kind as EntityKind, name }, operation);
  const compiled = entity.arn === arn ? await principals.policiesOf(entity.id) : undefined;
  if (compiled === undefined) throw new LochError('not_found', `The ${kind} \`${arn}\` does not exist.`);
  const principal: Principal = {
    kind: kind === 'role' ? 'role' : 'user',
    arn,
    id: entity.id,
    name: entity.name,
    accountId: context.accountId,
  };
  return { principal, compiled };
}

function principalValues(context: RequestContext, principal: Principal, compiled: CompiledPrincipal): RequestValues {
  const asked = { ...context, principal };
  const values = new Map(requestValues(asked, { action: '', resource: '' }, compiled));
  for (const key of CONNECTION_KEYS) values.delete(key);
  return values;
}

function inputLayer(name: string, documents: readonly string[]): PolicyLayer {
  return documents.map(
    (text, i): NamedPolicy => ({
      id: `${name}.${i + 1}`,
      document: parsePolicyDocument(text, 'identity'),
    }),
  );
}

function keysOf(layers: readonly PolicyLayer[]): Set<string> {
  return new Set(layers.flat().flatMap((policy) => [...policy.document.contextKeys]));
}

function decideAll(layers: readonly PolicyLayer[], simulation: Simulation, known: RequestValues): SimulatedDecision[] {
  const values = new Map(known);
  for (const [key, value] of Object.entries(simulation.values ?? {})) values.set(key.toLowerCase(), value);
  const missing = [...keysOf(layers)].filter((key) => !values.has(key)).sort();
  return simulation.actions.flatMap((action) =>
    (simulation.resources ?? ['*']).map((resource) => {
      const { reason, matches } = matchLayers(layers, { action, resource }, values);
      const matched = matches.map(({ policy, statement }) => ({
        policyId: policy.id,
        statementId: statement.id,
        start: statement.start,
        end: statement.end,
      }));
      return { action, resource, decision: DECISIONS[reason], matched, missing };
    }),
  );
}
