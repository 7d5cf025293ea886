/**
 * Principals in memory: who a key belongs to, and the policies that decide for him, compiled.
 *
 * Invariants
 * - A committed change of any identity empties the memory before the call that made it is answered (the store tells
 *   its listeners first), so a deleted key is gone at once.
 * - What was read before a change is never remembered after it: every change opens a new generation.
 */
import { hash } from 'node:crypto';
import { iamArn } from '../../core/arn.ts';
import type { Principal, PrincipalSession, RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import { Secret, type SecretSealer } from '../../core/secret.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ActionRequest, Decision, Identities, KeyUse, ResourceSide } from '../contract.ts';
import { keyPurpose } from './access-keys/key-owner.ts';
import { awsManagedPolicy, isAwsManaged } from './aws-managed-policies.ts';
import { entityArn } from './entities/entity-of.ts';
import type { NamedPolicy, PolicyLayer } from './evaluate/decide.ts';
import { type CallerSide, decideAccess } from './evaluate/decide-access.ts';
import { parsePolicyDocument } from './evaluate/policy-document.ts';
import { requestValues } from './evaluate/request-values.ts';
import { procedures } from './identity-deps.ts';
import { assumedRoleArn } from './sessions/assume-role.ts';
import { openSessionToken } from './sessions/session-token.ts';
import type { PolicySource } from './store/attachments.ts';
import type { EntityRow } from './store/tables.ts';

interface KnownKey {
  readonly secret: Secret;
  readonly principal: Principal;
}

/** What a session of a user may not do. **Source**: AWS STS API Reference, "GetSessionToken". */
const closedToUserSessions = (action: string) =>
  /^iam:/i.test(action) || (/^sts:/i.test(action) && !/^sts:(AssumeRole|GetCallerIdentity)$/i.test(action));

/** The policies of a user, group or role with what conditions may know of him. */
export interface CompiledPrincipal {
  readonly layers: readonly PolicyLayer[];
  readonly tags: Readonly<Record<string, string>>;
}

export interface Principals extends Identities {
  decide(context: RequestContext, request: ActionRequest): Promise<Decision>;
  /** By id; undefined when it is gone. */
  policiesOf(id: string): Promise<CompiledPrincipal | undefined>;
  /** When a long-term key was last used, as far as this process knows. */
  lastUse(accessKeyId: string): KeyUse | undefined;
  close(): void;
}

const CAPACITY = 10_000;
const USE_WRITTEN_EVERY_MS = 60_000;

/** Opens the memory of principals over the store; `close` stops listening to it. */
export function openPrincipals(deps: {
  readonly store: MetadataStore;
  readonly sealer: SecretSealer;
  readonly clock: Clock;
  /** The lake's account. */
  readonly accountId: string;
}): Principals {
  const { store, sealer, clock } = deps;
  const keys = new Map<string, KnownKey>();
  const compiled = new Map<string, CompiledPrincipal>();
  const sessionLayers = new Map<string, PolicyLayer>();
  let generation = 0;
  const forget = store.onCommitted((events) => {
    if (!events.some((event) => event.name === 'governanceIdentityChanged')) return;
    generation++;
    keys.clear();
    compiled.clear();
    sessionLayers.clear();
  });

  /** Reads through a memory; two who ask at the same time may both read. */
  const remembered = async <T>(memory: Map<string, T>, key: string, read: () => Promise<T | undefined>) => {
    const known = memory.get(key);
    if (known !== undefined) return known;
    const started = generation;
    const found = await read();
    if (found === undefined || started !== generation) return found;
    if (memory.size >= CAPACITY) memory.delete(memory.keys().next().value as string);
    memory.set(key, found);
    return found;
  };

  const readKey = async (accessKeyId: string): Promise<KnownKey | undefined> => {
    const found = await store.read(procedures.accessKey, { accessKeyId });
    if (found === undefined || found.key.status !== 'Active') return undefined;
    const { key, owner } = found;
    if (owner === undefined && key.owner_id !== key.account_id) return undefined;
    const principal = owner === undefined ? rootPrincipal(key.account_id) : principalOf(owner);
    return { secret: sealer.open(key.sealed, keyPurpose(accessKeyId)), principal: { ...principal, accessKeyId } };
  };

  const readSession = async (accessKeyId: string, token: string): Promise<KnownKey | undefined> => {
    const payload = openSessionToken(sealer, token, accessKeyId);
    if (payload === undefined) return undefined;
    const { accountId, ownerId, sessionName, session } = payload;
    const owner = await store.read(procedures.entityById, { id: ownerId });
    if (owner === undefined && ownerId !== accountId) return undefined;
    const lasting = owner === undefined ? rootPrincipal(accountId) : principalOf(owner);
    const taken =
      sessionName === undefined
        ? {}
        : {
            arn: assumedRoleArn(accountId, lasting.name, sessionName),
            id: `${ownerId}:${sessionName}`,
            name: sessionName,
          };
    return { secret: new Secret(payload.secret), principal: { ...lasting, ...taken, accessKeyId, session } };
  };

  /** What the session itself allows at most, beside the policies of its role. */
  const readSessionLayer = async (session: PrincipalSession): Promise<PolicyLayer> => {
    const sources = await store.read(procedures.managedPolicySources, { arns: session.policyArns ?? [] });
    if (session.policy !== undefined) sources.push({ id: 'session-policy', document: session.policy });
    return sources.flatMap(compile);
  };

  const layersOf = async (principal: Principal, known: CompiledPrincipal): Promise<readonly PolicyLayer[]> => {
    const { session } = principal;
    if (session === undefined || (session.policy === undefined && session.policyArns === undefined))
      return known.layers;
    const key = JSON.stringify([session.policyArns, session.policy]);
    const layer = await remembered(sessionLayers, key, () => readSessionLayer(session));
    return [...known.layers, layer ?? []];
  };

  const readPrincipal = async (id: string): Promise<CompiledPrincipal | undefined> => {
    const sources = await store.read(procedures.principalSources, { id });
    if (sources === undefined) return undefined;
    const layers = [sources.policies.flatMap(compile)];
    if (sources.boundary !== undefined) layers.push(compile(sources.boundary));
    return { layers, tags: JSON.parse(sources.tags) };
  };

  const uses = new Map<string, KeyUse>();
  const written = new Map<string, number>();

  /** What the caller's own policies are; none for whoever is gone, as for whoever did not sign. */
  const sideOf = async (principal: Principal): Promise<{ own: CallerSide; tags: Readonly<Record<string, string>> }> => {
    if (principal.kind === 'root') return { own: 'everything', tags: {} };
    if (principal.kind === 'anonymous' || principal.kind === 'service') return { own: 'nothing', tags: {} };
    const id = principal.id.split(':')[0]!; // a role session is `<role id>:<session name>`
    const known = await remembered(compiled, id, () => readPrincipal(id));
    if (known === undefined) return { own: [], tags: {} };
    return { own: await layersOf(principal, known), tags: known.tags };
  };

  /** Callers manage identities of their own account; everything else that does not say so is the lake's. */
  const accountAsked = (context: RequestContext, action: string): string =>
    /^(iam|sts):/i.test(action) ? context.accountId : deps.accountId;

  return {
    policiesOf: (id) => remembered(compiled, id, () => readPrincipal(id)),
    lastUse: (accessKeyId) => uses.get(accessKeyId),

    noteUse(accessKeyId, use) {
      if (!accessKeyId.startsWith('AKIA')) return;
      uses.set(accessKeyId, use);
      if (use.at - (written.get(accessKeyId) ?? 0) < USE_WRITTEN_EVERY_MS) return;
      written.set(accessKeyId, use.at);
      // Nobody waits for it and nothing depends on it; it may be lost with the process.
      store.write(procedures.noteKeyUse, { accessKeyId, ...use }).catch(() => written.delete(accessKeyId));
    },

    async accessKey(accessKeyId, sessionToken) {
      if (sessionToken === undefined) return remembered(keys, accessKeyId, () => readKey(accessKeyId));
      const name = `${accessKeyId} ${hash('sha256', sessionToken)}`; // tokens can be long
      const known = await remembered(keys, name, () => readSession(accessKeyId, sessionToken));
      if (known !== undefined && clock.now() >= known.principal.session!.expiresAt) {
        throw new LochError('expired_token', `The security token of \`${accessKeyId}\` has expired. Take a new one.`);
      }
      return known;
    },

    async principal(arn) {
      const [, accountId, kind, name] =
        /^arn:aws:iam::(\d{12}):(root|user|role)(?:\/(?:.*\/)?([^/]+))?$/.exec(arn) ?? [];
      if (accountId === undefined || kind === undefined) return undefined;
      if (kind === 'root') return name === undefined ? rootPrincipal(accountId) : undefined;
      try {
        const row = await store.read(procedures.entity, { account: accountId, kind, name: name ?? '' });
        const principal = principalOf(row);
        return principal.arn === arn ? principal : undefined;
      } catch (error) {
        if (isLochError(error, 'not_found')) return undefined;
        throw error;
      }
    },

    async decide(context, request) {
      const { principal } = context;
      if (principal.session !== undefined && principal.session.roleArn === undefined) {
        if (closedToUserSessions(request.action)) return { allowed: false, reason: 'implicit_deny', decidedBy: [] };
      }
      const side = request.side ?? { accountId: accountAsked(context, request.action) };
      if (isFreeRoot(principal, side)) return { allowed: true, reason: 'allowed', decidedBy: [principal.arn] };
      const { own, tags } = await sideOf(principal);
      const asked = await withLateConditions(request, own, side);
      return decideAccess(principal, own, asked, side, requestValues(context, asked, { tags }));
    },

    close: forget,
  };
}

/** Root, about what is his and says nothing itself: decided without a look at the request. */
const isFreeRoot = ({ kind, accountId }: Principal, side: ResourceSide): boolean =>
  kind === 'root' && accountId === side.accountId && side.policy === undefined && side.ownerLeftOut !== true;

/** The request with the keys that cost a look-up, if a policy asks for one of them. */
async function withLateConditions(request: ActionRequest, own: CallerSide, side: ResourceSide): Promise<ActionRequest> {
  const { lateConditions } = request;
  if (lateConditions === undefined) return request;
  const documents = typeof own === 'string' ? [] : own.flat().map(({ document }) => document);
  if (side.policy !== undefined) documents.push(side.policy.document);
  const prefix = lateConditions.prefix.toLowerCase();
  const asked = documents.some(({ contextKeys }) => contextKeys.values().some((key) => key.startsWith(prefix)));
  if (!asked) return request;
  return { ...request, conditions: { ...request.conditions, ...(await lateConditions.read()) } };
}

function compile(source: PolicySource): NamedPolicy[] {
  const text = source.document ?? (isAwsManaged(source.id) ? awsManagedPolicy(source.id).document : undefined);
  return text === undefined ? [] : [{ id: source.id, document: parsePolicyDocument(text, 'identity') }];
}

/** The owner of an account. */
export function rootPrincipal(accountId: string): Principal {
  return { kind: 'root', arn: iamArn(accountId, 'root'), id: accountId, name: 'root', accountId };
}

function principalOf(row: EntityRow): Principal {
  return {
    kind: row.kind === 'role' ? 'role' : 'user',
    arn: entityArn(row.account_id, row.kind, row.path, row.name),
    id: row.id,
    name: row.name,
    accountId: row.account_id,
  };
}
