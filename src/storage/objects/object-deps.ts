import type { Audit, Policy, TableDirectory } from '../../governance/contract.ts';
import type { ObjectStore } from '../contract.ts';

/** What the use-cases of objects are built from. */
export interface ObjectDeps {
  readonly objects: ObjectStore;
  readonly policy: Policy;
  readonly audit: Audit;
  /** Asked late: the catalog stands above storage. */
  readonly directory: () => TableDirectory;
  /** ARN of the one principal that may read a key, for keys that belong to somebody (query results). */
  readonly ownerOf: (bucket: string, key: string) => Promise<string | undefined>;
  readonly accountId: string;
  readonly region: string;
}
