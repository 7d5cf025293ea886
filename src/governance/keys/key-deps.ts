import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import type { SecretSealer } from '../../core/secret.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ActionRequest, Audit, Decision } from '../contract.ts';
import type { Refuse } from '../refusals.ts';
import type { KeyRing } from './key-ring.ts';
import keyStore from './store.ts';

/** What the use-cases of keys work with. */
export interface KeyDeps {
  readonly store: MetadataStore;
  readonly sealer: SecretSealer;
  readonly clock: Clock;
  readonly audit: Audit;
  /** The decision of the caller's IAM policies. */
  readonly decide: (context: RequestContext, request: ActionRequest) => Promise<Decision>;
  readonly refuse: Refuse;
  readonly ring: KeyRing;
  readonly region: string;
  /** The account of the lake. */
  readonly accountId: string;
}

export const { procedures } = keyStore;

/** The limits AWS starts an account with. **Source**: AWS KMS Developer Guide, "Quotas". */
export const KEY_QUOTAS = {
  aliasesPerKey: 50,
  grantsPerKey: 50_000,
  tags: 50,
  policyBytes: 32 * 1024,
  rotationsOnDemand: 25,
  importTokenMs: 24 * 3_600_000,
} as const;
