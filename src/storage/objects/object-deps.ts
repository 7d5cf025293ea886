import type { Clock } from '../../core/clock.ts';
import type { Engine } from '../../engines/contract.ts';
import type { Audit, Identities, TableDirectory } from '../../governance/contract.ts';
import type { SideDeps } from '../buckets/bucket-side.ts';
import type { ObjectStore } from '../contract.ts';

/** What runs statements over single objects. */
export interface SelectParts {
  readonly engine: Engine;
  readonly clock: Clock;
  /** For staged files and results; emptied at start. */
  readonly workDirectory: string;
}

/** What the use-cases of objects are built from. */
export interface ObjectDeps extends SideDeps {
  readonly identities: Pick<Identities, 'principal'>;
  readonly objects: ObjectStore;
  readonly audit: Audit;
  /** Asked late: the catalog stands above storage. */
  readonly directory: () => TableDirectory;
  /** ARN of the one principal that may read a key, for keys that belong to somebody (query results). */
  readonly ownerOf: (bucket: string, key: string) => Promise<string | undefined>;
  /** For SelectObjectContent, which is refused without it. */
  readonly select?: SelectParts;
  readonly accountId: string;
  readonly region: string;
}
