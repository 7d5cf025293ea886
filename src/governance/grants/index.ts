import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { batchGrantPermissions, batchRevokePermissions } from './batch-permissions.ts';
import type { LakeFormation } from './contract.ts';
import { createFilter, updateFilter } from './create-filter.ts';
import { type ExplainDeps, explainGrants } from './explain-grants.ts';
import { deleteFilter, getFilter, listFilters } from './get-filter.ts';
import { type GrantIndex, openGrantIndex } from './grant-index.ts';
import { grantPermissions } from './grant-permissions.ts';
import { listPermissions } from './list-permissions.ts';
import { getSettings, putSettings } from './put-settings.ts';
import { deregisterLocation, describeLocation, listLocations, registerLocation } from './register-location.ts';
import { listDependents, revokePermissions } from './revoke-permissions.ts';

export interface GrantsPart extends Lifecycle {
  /** What decisions read. */
  readonly index: GrantIndex;
  /** The use-cases, once there is a policy to ask. */
  lakeFormation(deps: Omit<ExplainDeps, 'store' | 'index' | 'accountId'>): LakeFormation;
}

/** Opens the grants: the compiled index over the stored ones. Root administers the lake until settings say otherwise. */
export async function openGrants(opened: {
  readonly store: MetadataStore;
  readonly accountId: string;
}): Promise<GrantsPart> {
  const { store, accountId } = opened;
  const index = await openGrantIndex(store, { arn: `arn:aws:iam::${accountId}:root`, key: accountId });
  return {
    index,
    lakeFormation(rest) {
      const deps: ExplainDeps = { ...rest, store, index, accountId };
      return {
        getSettings: getSettings(deps),
        putSettings: putSettings(deps),
        registerLocation: registerLocation(deps),
        deregisterLocation: deregisterLocation(deps),
        describeLocation: describeLocation(deps),
        listLocations: listLocations(deps),
        grant: grantPermissions(deps),
        revoke: revokePermissions(deps),
        dependents: listDependents(deps),
        batchGrant: batchGrantPermissions(deps),
        batchRevoke: batchRevokePermissions(deps),
        listPermissions: listPermissions(deps),
        createFilter: createFilter(deps),
        updateFilter: updateFilter(deps),
        getFilter: getFilter(deps),
        deleteFilter: deleteFilter(deps),
        listFilters: listFilters(deps),
        explainGrants: explainGrants(deps),
      };
    },
    close: async () => index.close(),
  };
}
