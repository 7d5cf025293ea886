import type { Clock } from '../../core/clock.ts';
import type { Policy, TableName } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ForeignTables, ObjectStore, TableFormat } from '../../storage/contract.ts';
import type { IndexFiller } from './index-filler.ts';
import type { NameIndex } from './name-index.ts';

/** What the catalog needs of the object store: it lists files and reads their beginnings. */
export type CatalogObjects = Pick<ObjectStore, 'list' | 'get'>;

/** What the use-cases of databases and tables are built from. */
export interface CatalogParts {
  readonly store: MetadataStore;
  readonly objects: CatalogObjects;
  readonly tables: TableFormat;
  /** Delta and Hudi, by their own logs. */
  readonly foreignTables: ForeignTables;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  readonly names: NameIndex;
  readonly indexFiller: IndexFiller;
  /** Whose private place a key lies in: a query result is its owner's alone. */
  readonly ownerOf: (bucket: string, key: string) => Promise<string | undefined>;
  /** Where tables of databases without a location go, as an S3 folder; nowhere when absent. */
  readonly warehouse?: string;
}

/** How long a dropped table stays in the bin. **Units**: milliseconds. */
export const BIN_MS = 7 * 24 * 3_600_000;

/** How long it is known what partitions were before they changed. **Units**: milliseconds. */
export const PAST_PARTITIONS_MS = 30 * 24 * 3_600_000;

export const fold = (name: TableName): TableName => ({
  database: name.database.toLowerCase(),
  table: name.table.toLowerCase(),
});
