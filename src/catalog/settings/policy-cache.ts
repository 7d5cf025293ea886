import type { FindSide, ResourcePolicies, ResourcePolicy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { CatalogPolicy } from './contract.ts';
import settingsStore, { POLICY } from './store.ts';

/** What the root of the account can always do, whatever the policy denies. */
const ROOT_KEEPS = new Set(['glue:PutResourcePolicy', 'glue:GetResourcePolicy', 'glue:DeleteResourcePolicy']);

/** The resource policy of the catalog as the decisions of every Glue call need it: read once, until it is changed. */
export class PolicyCache {
  readonly #store: MetadataStore;
  readonly #policies: ResourcePolicies;
  #loaded: Promise<ResourcePolicy | undefined> | undefined;

  constructor(store: MetadataStore, policies: ResourcePolicies) {
    this.#store = store;
    this.#policies = policies;
  }

  /** **Errors**: `malformed_policy`. */
  parse(document: string): ResourcePolicy {
    return this.#policies.parse(document, 'resource policy of the catalog');
  }

  /** For who has just changed it. */
  forget(): void {
    this.#loaded = undefined;
  }

  current(): Promise<ResourcePolicy | undefined> {
    if (this.#loaded === undefined) {
      const loading = this.#load();
      this.#loaded = loading;
      // A look that failed is not remembered: the next decision looks again.
      loading.catch(() => {
        if (this.#loaded === loading) this.#loaded = undefined;
      });
    }
    return this.#loaded;
  }

  async #load(): Promise<ResourcePolicy | undefined> {
    const value = await this.#store.read(settingsStore.procedures.setting, { name: POLICY });
    return value === undefined ? undefined : this.parse((JSON.parse(value) as CatalogPolicy).document);
  }
}

/** The catalog's side of a decision about a Glue resource. */
export function catalogSideFinder(cache: PolicyCache, accountId: string): FindSide {
  return async (_context, { action }) => {
    if (!action.startsWith('glue:')) return undefined;
    const policy = await cache.current();
    if (policy === undefined) return undefined;
    return { accountId, policy, rootKeeps: ROOT_KEEPS.has(action) };
  };
}
