import type { RequestContext } from '../core/caller.ts';
import type { Clock } from '../core/clock.ts';
import type { EventBus } from '../core/events.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import { openAudit } from './audit/index.ts';
import type { ActionRequest, Audit, Decision, Identities, Policy, TableDirectory, Trail } from './contract.ts';
import { openGrants } from './grants/index.ts';
import { createPolicy } from './policy.ts';

/** The tables and procedures of governance, for the metadata store. */
export const governanceStoreModules: readonly URL[] = [
  new URL('./audit/store.ts', import.meta.url),
  new URL('./grants/store.ts', import.meta.url),
];

export interface GovernanceDeps {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly accountId: string;
  readonly region: string;
  /** The catalog's side; asked late, since the catalog is opened after governance. */
  readonly directory: () => TableDirectory;
  readonly identity: {
    readonly identities: Identities;
    decide(context: RequestContext, request: ActionRequest): Promise<Decision>;
  };
}

export interface Governance extends Lifecycle {
  readonly policy: Policy;
  readonly identities: Identities;
  readonly audit: Audit;
  readonly trail: Trail;
}

/** Opens governance: identities, grants and the audit, composed to one policy. */
export async function openGovernance(deps: GovernanceDeps): Promise<Governance> {
  const { store, clock, events, accountId, identity } = deps;
  const audit = openAudit({ store, clock });
  const grants = await openGrants({ store, accountId });
  const policy = createPolicy({
    decide: (context, request) => identity.decide(context, request),
    index: grants.index,
    audit: audit.audit,
    events,
  });
  return {
    policy,
    identities: identity.identities,
    audit: audit.audit,
    trail: audit.trail(policy.authorize),
    async close() {
      await grants.close();
      await audit.close();
    },
  };
}
