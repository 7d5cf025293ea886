import type { Clock } from '../../core/clock.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Policy, TableName } from '../../governance/contract.ts';
import type { MetadataStore, StoreCall } from '../../metadata/contract.ts';
import type { ObjectStore, TableFormat } from '../../storage/contract.ts';
import type { NameIndex } from './name-index.ts';

/**
 * The grants that come and go with a resource, as calls for the transaction that makes or drops it. `table` is absent
 * for a database.
 */
export interface ResourceGrants {
  /** The creator holds ALL, grantable, on what he made. */
  creatorGrants(
    context: RequestContext,
    name: { readonly database: string; readonly table?: string },
  ): readonly StoreCall[];
  /** A new thing of the same name starts without the old one's grants. */
  dropGrants(name: { readonly database: string; readonly table?: string }): readonly StoreCall[];
  /** Gives back what the drop of this table took. */
  restoreGrants(name: TableName): readonly StoreCall[];
}

/** What the catalog needs of the object store: it lists files and reads their beginnings. */
export type CatalogObjects = Pick<ObjectStore, 'list' | 'get'>;

/** What the use-cases of databases and tables are built from. */
export interface CatalogParts {
  readonly store: MetadataStore;
  readonly objects: CatalogObjects;
  readonly tables: TableFormat;
  readonly policy: Policy;
  readonly grants: ResourceGrants;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  readonly names: NameIndex;
}

/** How long a dropped table stays in the bin. **Units**: milliseconds. */
export const BIN_MS = 7 * 24 * 3_600_000;

export const fold = (name: TableName): TableName => ({
  database: name.database.toLowerCase(),
  table: name.table.toLowerCase(),
});
