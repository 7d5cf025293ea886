/**
 * Principals in memory: who a key belongs to, and the policies that decide for him, compiled.
 *
 * Invariants
 * - A committed change of any identity empties the memory before the call that made it is answered (the store tells
 *   its listeners first), so a deleted key is gone at once.
 * - What was read before a change is never remembered after it: every change opens a new generation.
 */
import { iamArn } from '../../core/arn.ts';
import type { Principal, RequestContext } from '../../core/caller.ts';
import { isLochError } from '../../core/errors.ts';
import type { Secret, SecretSealer } from '../../core/secret.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ActionRequest, Decision, Identities } from '../contract.ts';
import { keyPurpose } from './access-keys/key-owner.ts';
import { awsManagedPolicy, isAwsManaged } from './aws-managed-policies.ts';
import { entityArn } from './entities/entity-of.ts';
import { decideLayers, type NamedPolicy, type PolicyLayer } from './evaluate/decide.ts';
import { parsePolicyDocument } from './evaluate/policy-document.ts';
import { requestValues } from './evaluate/request-values.ts';
import { procedures } from './identity-deps.ts';
import type { PolicySource } from './store/attachments.ts';
import type { EntityRow } from './store/tables.ts';

interface KnownKey {
  readonly secret: Secret;
  readonly principal: Principal;
}

interface CompiledPrincipal {
  readonly layers: readonly PolicyLayer[];
  readonly tags: Readonly<Record<string, string>>;
}

export interface Principals extends Identities {
  decide(context: RequestContext, request: ActionRequest): Promise<Decision>;
  close(): void;
}

const CAPACITY = 10_000;

/** Opens the memory of principals over the store; `close` stops listening to it. */
export function openPrincipals(deps: { readonly store: MetadataStore; readonly sealer: SecretSealer }): Principals {
  const { store, sealer } = deps;
  const keys = new Map<string, KnownKey>();
  const compiled = new Map<string, CompiledPrincipal>();
  let generation = 0;
  const forget = store.onCommitted((events) => {
    if (!events.some((event) => event.name === 'governanceIdentityChanged')) return;
    generation++;
    keys.clear();
    compiled.clear();
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

  const readPrincipal = async (id: string): Promise<CompiledPrincipal | undefined> => {
    const sources = await store.read(procedures.principalSources, { id });
    if (sources === undefined) return undefined;
    const layers = [sources.policies.flatMap(compile)];
    if (sources.boundary !== undefined) layers.push(compile(sources.boundary));
    return { layers, tags: JSON.parse(sources.tags) };
  };

  return {
    accessKey: (accessKeyId) => remembered(keys, accessKeyId, () => readKey(accessKeyId)),

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
      if (principal.kind === 'root') return { allowed: true, reason: 'allowed', decidedBy: [principal.arn] };
      const id = principal.id.split(':')[0]!; // a role session is `<role id>:<session name>`
      const known = await remembered(compiled, id, () => readPrincipal(id));
      if (known === undefined) return { allowed: false, reason: 'implicit_deny', decidedBy: [] };
      return decideLayers(known.layers, request, requestValues(context, request, known));
    },

    close: forget,
  };
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
