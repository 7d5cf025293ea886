import type { Catalog } from '../../catalog/contract.ts';
import type { ChangeDeps } from '../changes/deps.ts';
import type { Clock } from '../../core/clock.ts';
import type { Identities, Policy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { StatementRunner, TableMaintenance } from '../../processing/contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';

/** What query executions are built from. */
export interface ExecutionDeps {
  readonly store: MetadataStore;
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly identities: Identities;
  readonly objects: ObjectStore;
  readonly runner: StatementRunner;
  /** What statements that change something need. */
  readonly changes: ChangeDeps;
  readonly clock: Clock;
  readonly workDirectory: string;
  readonly resultBucket: string;
  readonly accountId: string;
  readonly region: string;
  /** Queries at once; the rest stands QUEUED. */
  readonly concurrency: number;
  readonly queryTimeoutMs: number;
  /** Writes down whose results lie under a prefix; at once when it is known. */
  readonly ownPrefix: (prefix: string, principalArn: string) => Promise<void>;
  /** The upkeep of tables, once it is open. */
  readonly upkeep?: () => TableMaintenance | undefined;
  readonly onFailure: (error: unknown) => void;
}
