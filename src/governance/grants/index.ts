import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { type GrantIndex, openGrantIndex } from './grant-index.ts';

export interface GrantsPart extends Lifecycle {
  readonly index: GrantIndex;
}

/** Opens the grants: the compiled index over the stored ones. Root administers the lake until settings say otherwise. */
export async function openGrants(deps: {
  readonly store: MetadataStore;
  readonly accountId: string;
}): Promise<GrantsPart> {
  const root = { arn: `arn:aws:iam::${deps.accountId}:root`, key: deps.accountId };
  const index = await openGrantIndex(deps.store, root);
  return {
    index,
    close: async () => index.close(),
  };
}
