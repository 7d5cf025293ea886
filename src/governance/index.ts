import type { RequestContext } from '../core/caller.ts';
import type { Clock } from '../core/clock.ts';
import type { EventBus } from '../core/events.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import { openAudit } from './audit/index.ts';
import type {
  ActionRequest,
  Audit,
  Decision,
  Identities,
  LakeFormation,
  Policy,
  TableDirectory,
  Trail,
} from './contract.ts';
import { openGrants } from './grants/index.ts';
import { createPolicy } from './policy.ts';
import { createRefusals } from './refusals.ts';

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
  /** The Lake Formation use-cases. */
  readonly grants: LakeFormation;
}

/** Opens governance: identities, grants and the audit, composed to one policy. */
export async function openGovernance(deps: GovernanceDeps): Promise<Governance> {
  const { store, clock, events, accountId, identity } = deps;
  const audit = openAudit({ store, clock });
  const grants = await openGrants({ store, accountId });
  const refuse = createRefusals(audit.audit, events);
  const decide = (context: RequestContext, request: ActionRequest) => identity.decide(context, request);
  const policy = createPolicy({
    decide,
    index: grants.index,
    refuse,
  });
  return {
    policy,
    identities: identity.identities,
    audit: audit.audit,
    trail: audit.trail(policy.authorize),
    grants: grants.lakeFormation({
      authorize: policy.authorize,
      decide,
      refuse,
      identities: identity.identities,
      directory: deps.directory,
    }),
    async close() {
      await grants.close();
      await audit.close();
    },
  };
}
