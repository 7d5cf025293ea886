/** Identities: users, groups, roles, keys and policies, and the IAM decision about them. */
import type { Principal, RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import type { Secret, SecretSealer } from '../../core/secret.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { Accounts, ActionRequest, Decision, Identities, Policy, ResourcePolicies } from '../contract.ts';
import { openAccounts } from './accounts/open-accounts.ts';
import { accessKeyLastUsed } from './access-keys/access-key-last-used.ts';
import { createAccessKey, newSealedKey } from './access-keys/create-access-key.ts';
import { deleteAccessKey } from './access-keys/delete-access-key.ts';
import { keyPurpose } from './access-keys/key-owner.ts';
import { listAccessKeys } from './access-keys/list-access-keys.ts';
import { updateAccessKey } from './access-keys/update-access-key.ts';
import type { IdentityQuotas, IdentityUseCases } from './contract.ts';
import { accountSummary } from './entities/account-summary.ts';
import { createEntity } from './entities/create-entity.ts';
import { deleteEntity } from './entities/delete-entity.ts';
import { entityArn } from './entities/entity-of.ts';
import { getEntity } from './entities/get-entity.ts';
import { addUserToGroup, listRelated, removeUserFromGroup } from './entities/group-membership.ts';
import { listEntities } from './entities/list-entities.ts';
import { tagEntity, untagEntity } from './entities/tag-entity.ts';
import { updateEntity } from './entities/update-entity.ts';
import { createResourcePolicies } from './evaluate/resource-policies.ts';
import { DEFAULT_QUOTAS, type IdentityDeps, procedures } from './identity-deps.ts';
import { attachPolicy, detachPolicy } from './policies/attach-policy.ts';
import { createPolicy } from './policies/create-policy.ts';
import { deletePolicy } from './policies/delete-policy.ts';
import { getPolicy } from './policies/get-policy.ts';
import {
  deleteInlinePolicy,
  getInlinePolicy,
  listInlinePolicies,
  putInlinePolicy,
} from './policies/inline-policies.ts';
import { listAttachedPolicies, listEntitiesForPolicy } from './policies/list-attached-policies.ts';
import { listPolicies } from './policies/list-policies.ts';
import {
  createPolicyVersion,
  deletePolicyVersion,
  getPolicyVersion,
  listPolicyVersions,
  setDefaultPolicyVersion,
} from './policies/policy-versions.ts';
import { tagPolicy, untagPolicy } from './policies/tag-policy.ts';
import { openPrincipals, type Principals, rootPrincipal } from './principals.ts';
import { assumeRole } from './sessions/assume-role.ts';
import { getSessionToken } from './sessions/get-session-token.ts';
import { lendStorage } from './sessions/lend-storage.ts';
import { serveRole } from './sessions/serve-role.ts';
import { contextKeys, simulateCustom, simulatePrincipal } from './simulations/simulate-policies.ts';

/** Where the store modules of identities are. */
export const identityStoreModules: URL[] = [new URL('./store.ts', import.meta.url)];

export interface IdentityOptions {
  readonly store: MetadataStore;
  readonly sealer: SecretSealer;
  /** The account whose root key `ensureRootKey` makes. */
  readonly accountId: string;
  /** Who the use-cases ask; late, because the policy is itself built on `decide`. */
  readonly policy: () => Pick<Policy, 'authorize' | 'decide'>;
  readonly clock: Clock;
  readonly quotas?: Partial<IdentityQuotas>;
}

/** What the identity part gives to the composition. */
export interface Identity {
  readonly identities: Identities;
  readonly useCases: IdentityUseCases;
  readonly accounts: Accounts;
  readonly resourcePolicies: ResourcePolicies;
  /** The IAM decision about the caller of `context`, from his policies alone. Root is always allowed. */
  decide(context: RequestContext, request: ActionRequest): Promise<Decision>;
  /**
   * The root key: made on the first call and the same afterwards, so that a start that died before it wrote the key
   * file can write it again. `created` tells which.
   */
  ensureRootKey(): Promise<{ readonly accessKeyId: string; readonly secret: Secret; readonly created: boolean }>;
  /** Root and every user and role of the account, for whoever offers a choice. No policy is asked. */
  listPrincipals(): Promise<readonly Principal[]>;
  close(): Promise<void>;
}

/** Opens the identities of an account. */
export function openIdentity(options: IdentityOptions): Identity {
  const { store, sealer, accountId } = options;
  const deps: IdentityDeps = {
    store,
    sealer,
    clock: options.clock,
    policy: options.policy,
    quotas: { ...DEFAULT_QUOTAS, ...options.quotas },
  };
  const principals = openPrincipals({ store, sealer, clock: options.clock, accountId });
  const accounts = openAccounts({ ...deps, accountId });
  return {
    identities: principals,
    useCases: identityUseCases(deps, principals),
    accounts,
    resourcePolicies: createResourcePolicies({ identities: principals, accounts }),
    decide: principals.decide,
    async ensureRootKey() {
      const { key } = newSealedKey(deps);
      const { row, created } = await store.write(procedures.ensureRootKey, { account: accountId, key });
      return {
        accessKeyId: row.access_key_id,
        secret: sealer.open(row.sealed, keyPurpose(row.access_key_id)),
        created,
      };
    },
    async listPrincipals() {
      const found: Principal[] = [rootPrincipal(accountId)];
      for (const kind of ['user', 'role'] as const) {
        let after = '';
        for (let more = true; more; ) {
          const page = { after, limit: 1_000, pathPrefix: '/' };
          const rows = await store.read(procedures.entities, { account: accountId, kind, ...page });
          for (const { id, name, path } of rows.rows) {
            found.push({ kind, arn: entityArn(accountId, kind, path, name), id, name, accountId });
          }
          after = rows.rows.at(-1)?.name_key ?? '';
          more = rows.more;
        }
      }
      return found;
    },
    async close() {
      accounts.close();
      principals.close();
    },
  };
}

function identityUseCases(deps: IdentityDeps, principals: Principals): IdentityUseCases {
  return {
    createEntity: (context, kind, input) => createEntity(deps, context, kind, input),
    getEntity: (context, kind, name, operation) => getEntity(deps, context, kind, name, operation),
    listEntities: (context, kind, input) => listEntities(deps, context, kind, input),
    deleteEntity: (context, ref) => deleteEntity(deps, context, ref),
    updateEntity: (context, ref, change) => updateEntity(deps, context, ref, change),
    tagEntity: (context, ref, tags) => tagEntity(deps, context, ref, tags),
    untagEntity: (context, ref, keys) => untagEntity(deps, context, ref, keys),
    addUserToGroup: (context, group, user) => addUserToGroup(deps, context, group, user),
    removeUserFromGroup: (context, group, user) => removeUserFromGroup(deps, context, group, user),
    listGroupsOfUser: (context, user, page) => listRelated(deps, context, { kind: 'user', name: user }, page),
    listUsersOfGroup: (context, group, page) => listRelated(deps, context, { kind: 'group', name: group }, page),
    createAccessKey: (context, user) => createAccessKey(deps, context, user),
    listAccessKeys: (context, user, page) => listAccessKeys(deps, context, user, page),
    updateAccessKey: (context, user, id, status) => updateAccessKey(deps, context, user, id, status),
    deleteAccessKey: (context, user, id) => deleteAccessKey(deps, context, user, id),
    createPolicy: (context, input) => createPolicy(deps, context, input),
    getPolicy: (context, arn) => getPolicy(deps, context, arn),
    listPolicies: (context, input) => listPolicies(deps, context, input),
    deletePolicy: (context, arn) => deletePolicy(deps, context, arn),
    createPolicyVersion: (context, input) => createPolicyVersion(deps, context, input),
    getPolicyVersion: (context, arn, id) => getPolicyVersion(deps, context, arn, id),
    listPolicyVersions: (context, arn, page) => listPolicyVersions(deps, context, arn, page),
    setDefaultPolicyVersion: (context, arn, id) => setDefaultPolicyVersion(deps, context, arn, id),
    deletePolicyVersion: (context, arn, id) => deletePolicyVersion(deps, context, arn, id),
    tagPolicy: (context, arn, tags) => tagPolicy(deps, context, arn, tags),
    untagPolicy: (context, arn, keys) => untagPolicy(deps, context, arn, keys),
    accountSummary: (context) => accountSummary(deps, context),
    attachPolicy: (context, ref, arn) => attachPolicy(deps, context, ref, arn),
    detachPolicy: (context, ref, arn) => detachPolicy(deps, context, ref, arn),
    listAttachedPolicies: (context, ref, page) => listAttachedPolicies(deps, context, ref, page),
    listEntitiesForPolicy: (context, arn) => listEntitiesForPolicy(deps, context, arn),
    putInlinePolicy: (context, ref, name, document) => putInlinePolicy(deps, context, ref, name, document),
    getInlinePolicy: (context, ref, name) => getInlinePolicy(deps, context, ref, name),
    deleteInlinePolicy: (context, ref, name) => deleteInlinePolicy(deps, context, ref, name),
    simulatePrincipal: (context, arn, simulation) => simulatePrincipal(deps, principals, context, arn, simulation),
    simulateCustom: (context, simulation) => simulateCustom(deps, context, simulation),
    contextKeys: (context, policies, arn) => contextKeys(deps, principals, context, policies, arn),
    accessKeyLastUsed: (context, accessKeyId) => accessKeyLastUsed(deps, principals, context, accessKeyId),
    assumeRole: (context, request) => assumeRole(deps, context, request),
    getSessionToken: (context, seconds) => getSessionToken(deps, context, seconds),
    serveRole: (context, request) => serveRole(deps, context, request),
    lendStorage: (context, scope, seconds) => lendStorage(deps, context, scope, seconds),
    async accessKeyAccount(_context, accessKeyId) {
      const found = await deps.store.read(procedures.accessKey, { accessKeyId });
      if (found !== undefined) return found.key.account_id;
      throw new LochError('not_found', `The access key \`${accessKeyId}\` does not exist.`);
    },
    listInlinePolicies: (context, ref, page) => listInlinePolicies(deps, context, ref, page),
  };
}
