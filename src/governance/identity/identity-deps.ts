import type { Clock } from '../../core/clock.ts';
import type { SecretSealer } from '../../core/secret.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { Policy } from '../contract.ts';
import type { IdentityQuotas } from './contract.ts';
import identityStore from './store.ts';

/** What the use-cases of identities work with. */
export interface IdentityDeps {
  readonly store: MetadataStore;
  readonly sealer: SecretSealer;
  readonly clock: Clock;
  readonly quotas: IdentityQuotas;
  /** Late, because the policy is itself built on the identities. */
  readonly policy: () => Pick<Policy, 'authorize' | 'decide'>;
}

export const { procedures } = identityStore;

/** The limits AWS starts an account with. */
export const DEFAULT_QUOTAS: IdentityQuotas = {
  users: 5_000,
  groups: 300,
  roles: 1_000,
  managedPolicies: 1_500,
  accessKeysPerUser: 2,
  policyVersions: 5,
  attachedPolicies: 10,
  groupsPerUser: 10,
  tags: 50,
  managedPolicyCharacters: 6_144,
  inlineCharacters: { user: 2_048, group: 5_120, role: 10_240 },
};
