/**
 * The feed of changes of the catalog: exactly what was committed, in commit order (so in order for each table), at least
 * once.
 *
 * Call rules
 * - A cursor says how far a reader is; reading on from an older one repeats what followed it.
 * - A reader is told of what he may see alone; his cursor moves past the rest.
 */
import type { RequestContext } from '../../core/caller.ts';

/** A change in the form of EventBridge. **Source**: AWS Glue Developer Guide, "Automating AWS Glue with EventBridge". */
export interface CatalogChange {
  readonly version: '0';
  /** The same for the same change, however often it is told. */
  readonly id: string;
  readonly 'detail-type': 'Glue Data Catalog Database State Change' | 'Glue Data Catalog Table State Change';
  readonly source: 'aws.glue';
  readonly account: string;
  /** ISO 8601. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: {
    readonly databaseName: string;
    readonly typeOfChange: string;
    readonly tableName?: string;
    readonly changedTables?: readonly string[];
    /** Of a commit to an Iceberg table; Glue has no word for it. */
    readonly snapshotId?: string;
    readonly operation?: string;
  };
}

export interface CatalogChanges {
  /** What follows a cursor, at most `limit` (100; 1,000), and the cursor after it. **Errors**: `invalid_argument`. */
  read(
    context: RequestContext,
    options?: { readonly after?: string; readonly limit?: number },
  ): Promise<{ readonly changes: readonly CatalogChange[]; readonly cursor: string }>;
}
