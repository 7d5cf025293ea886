import type { Catalog, Crawlers, LineageRecorder } from '../catalog/contract.ts';
import type { Clock } from '../core/clock.ts';
import type { StoredEvent } from '../core/events.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { Audit, Identities, Policy, TableDirectory } from '../governance/contract.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import type { BridgeEvent, ObjectStore, TableFormat } from '../storage/contract.ts';
import type { FileRewriter, Jobs, StatementRunner, StatisticsRuns, TableMaintenance, Workflows } from './contract.ts';
import { createJobs } from './jobs/jobs.ts';
import { createRunExecutor } from './jobs/run-executor.ts';
import { type Maintenance, openMaintenance } from './maintenance/index.ts';
import { openStatisticsRuns } from './statistics/index.ts';
import { createTriggers } from './workflows/triggers.ts';
import { createWorkflowExecutor } from './workflows/workflow-executor.ts';
import { createWorkflows } from './workflows/workflows.ts';

/** Store modules of this layer, for the metadata store. */
export const processingStoreModules: URL[] = [
  new URL('./jobs/store.ts', import.meta.url),
  new URL('./workflows/store.ts', import.meta.url),
  new URL('./maintenance/store.ts', import.meta.url),
  new URL('./statistics/store.ts', import.meta.url),
];

export interface ProcessingOptions {
  readonly store: MetadataStore;
  readonly catalog: Catalog;
  readonly crawlers: Crawlers;
  /** Which table owns a place, for sources under a registered location. */
  readonly directory: TableDirectory;
  /** ARN of the one principal that may read a key, for keys that belong to somebody (query results). */
  readonly ownerOf: (bucket: string, key: string) => Promise<string | undefined>;
  readonly policy: Policy;
  readonly audit: Audit;
  readonly identities: Identities;
  readonly objects: ObjectStore;
  readonly runner: StatementRunner;
  readonly lineage?: LineageRecorder;
  readonly clock: Clock;
  /** Folder for intermediate results; emptied at start. Best on the file system of the objects. */
  readonly workDirectory: string;
  readonly accountId: string;
  readonly region: string;
  /** Job runs at once. Default 2. */
  readonly concurrency?: number;
  /** Pause before a failed run's second attempt. Default 1,000. **Units**: milliseconds. */
  readonly retryPauseMs?: number;
  /** A change of an object as EventBridge tells it, where its bucket's EventBridge is on. */
  readonly bridged?: (event: StoredEvent) => Promise<BridgeEvent | undefined>;
  /** Told of failures of background work, which is tried again. */
  readonly onFailure?: (error: unknown) => void;
  /** What the upkeep of tables needs besides; without it there is none. */
  readonly upkeep?: {
    readonly tables: TableFormat;
    readonly rewriter: FileRewriter;
    /** How often it is looked for what is due; 0 never. Default 30,000. **Units**: milliseconds. */
    readonly everyMs?: number;
  };
}

export interface Processing extends Lifecycle {
  readonly jobs: Jobs;
  readonly workflows: Workflows;
  readonly statistics: StatisticsRuns;
  readonly maintenance?: TableMaintenance;
  /** Starts the upkeep that is due now; resolves when it is over. */
  runDueMaintenance(): Promise<void>;
}

/**
 * Opens jobs and workflows, and goes on with every run that the last stop or crash left.
 * `close` takes no more work and leaves what runs to the next start.
 */
export async function openProcessing(options: ProcessingOptions): Promise<Processing> {
  const runs = createRunExecutor({
    ...options,
    concurrency: options.concurrency ?? 2,
    retryPauseMs: options.retryPauseMs ?? 1000,
  });
  const executor = createWorkflowExecutor({ ...options, runs, onEnd: () => triggers.startDue() });
  const triggers = createTriggers({
    store: options.store,
    clock: options.clock,
    take: (runId) => executor.take(runId),
    ...(options.bridged === undefined ? {} : { bridged: options.bridged }),
    onFailure: options.onFailure ?? (() => undefined),
  });
  const { upkeep } = options;
  const maintenance: Maintenance | undefined =
    upkeep === undefined
      ? undefined
      : await openMaintenance({
          ...options,
          ...upkeep,
          everyMs: upkeep.everyMs ?? 30_000,
          onFailure: options.onFailure ?? (() => undefined),
        });
  const statistics = await openStatisticsRuns(options);
  await runs.resume();
  await executor.resume();
  await triggers.start();
  return {
    jobs: createJobs({ ...options, executor: runs }),
    workflows: createWorkflows({ ...options, executor }),
    statistics: statistics.statistics,
    ...(maintenance === undefined ? {} : { maintenance: maintenance.maintenance }),
    runDueMaintenance: async () => maintenance?.runDue(),
    async close() {
      await statistics.close();
      await maintenance?.close();
      await triggers.close();
      await executor.close();
      await runs.close();
    },
  };
}
