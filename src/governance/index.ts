import type { Principal, RequestContext } from '../core/caller.ts';
import type { Clock } from '../core/clock.ts';
import type { EventBus } from '../core/events.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { Secret, SecretSealer } from '../core/secret.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import { openAudit } from './audit/index.ts';
import type {
  Accounts,
  ActionRequest,
  Audit,
  DataKeys,
  FindSide,
  Identities,
  IdentityUseCases,
  Keys,
  LakeFormation,
  Policy,
  ResourcePolicies,
  TableDirectory,
  Trail,
} from './contract.ts';
import { openGrants } from './grants/index.ts';
import { identityStoreModules, openIdentity } from './identity/index.ts';
import { keyStoreModules, openKeys } from './keys/index.ts';
import { createPolicy } from './policy.ts';
import { createRefusals } from './refusals.ts';

/** The tables and procedures of governance, for the metadata store. */
export const governanceStoreModules: readonly URL[] = [
  ...identityStoreModules,
  new URL('./audit/store.ts', import.meta.url),
  new URL('./grants/store.ts', import.meta.url),
  ...keyStoreModules,
];

export interface GovernanceDeps {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly sealer: SecretSealer;
  readonly events: EventBus;
  /** The account of the lake; its root administers it until the data lake settings say otherwise. */
  readonly accountId: string;
  readonly region: string;
  /** The catalog's side; asked late, since the catalog is opened after governance. */
  readonly directory: () => TableDirectory;
  /** Storage's side of decisions; asked late, since storage is opened after governance. */
  readonly findSide?: () => FindSide | undefined;
  /** Told of work in the background that failed; it is tried again. */
  readonly onFailure?: (error: unknown) => void;
}

export interface Governance extends Lifecycle {
  readonly policy: Policy;
  readonly identities: Identities;
  readonly accounts: Accounts;
  readonly resourcePolicies: ResourcePolicies;
  readonly audit: Audit;
  /** The IAM use-cases. */
  readonly identity: IdentityUseCases;
  /** The Lake Formation use-cases. */
  readonly grants: LakeFormation;
  /** The questions about recorded events. */
  readonly trail: Trail;
  /** The use-cases of keys (KMS), and data keys for the stores of Loch. */
  readonly keys: Keys;
  readonly dataKeys: DataKeys;
  /** Does now what time has made due of keys: deletions, expiries, rotations. It runs by itself every minute. */
  tickKeys(): Promise<void>;
  /** The root key: made on the first call, the same afterwards. */
  ensureRootKey(): Promise<{ readonly accessKeyId: string; readonly secret: Secret; readonly created: boolean }>;
  /** Root and every user and role of the account, for whoever offers a choice. No policy is asked. */
  listPrincipals(): Promise<readonly Principal[]>;
}

/** Opens governance: identities, grants and the audit, composed to one policy. */
export async function openGovernance(deps: GovernanceDeps): Promise<Governance> {
  const { store, clock, sealer, events, accountId, region } = deps;
  const audit = openAudit({ store, clock });
  const refuse = createRefusals(audit.audit, events);
  const grants = await openGrants({ store, accountId });
  const identity = openIdentity({ store, sealer, clock, accountId, policy: () => policy });
  const { identities } = identity;
  const decide = async (context: RequestContext, request: ActionRequest) => {
    const side = request.side ?? (await deps.findSide?.()?.(context, request));
    return identity.decide(context, side === undefined ? request : { ...request, side });
  };
  const { directory } = deps;
  const policy = createPolicy({ decide, index: grants.index, refuse, accountId, region, directory });
  const keyService = openKeys({
    store,
    sealer,
    clock,
    audit: audit.audit,
    decide,
    refuse,
    region,
    accountId,
    onFailure: deps.onFailure,
  });
  return {
    policy,
    identities,
    accounts: identity.accounts,
    resourcePolicies: identity.resourcePolicies,
    audit: audit.audit,
    identity: identity.useCases,
    grants: grants.lakeFormation({
      authorize: policy.authorize,
      decide: policy.decide,
      refuse,
      identities,
      directory: deps.directory,
    }),
    trail: audit.trail(policy.authorize),
    keys: keyService.keys,
    dataKeys: keyService.dataKeys,
    tickKeys: () => keyService.tick(),
    ensureRootKey: () => identity.ensureRootKey(),
    listPrincipals: () => identity.listPrincipals(),
    async close() {
      await keyService.close();
      await identity.close();
      await grants.close();
      await audit.close();
    },
  };
}
