/** What a store does while it runs and nobody asks: rules of lifecycle that are due, and telling others of changes. */
import type { Clock } from '../../core/clock.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { StoredEvent } from '../../core/events.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { newId } from '../../core/ids.ts';
import type { StoreCall } from '../../core/store-call.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type {
  DurabilityReport,
  InventoryRuns,
  LifecycleRuns,
  ObjectAccess,
  ScrubStatus,
  StorageFigures,
  TiersStatus,
} from '../contract.ts';
import type { Engine } from '../../engines/contract.ts';
import { reportDurability } from '../durability/report-durability.ts';
import { accessLogModule } from '../access-logs/index.ts';
import type { SessionUseCases } from '../../governance/contract.ts';
import type { AccessGrants } from '../access-grants/contract-types.ts';
import { accessGrantsModule, createAccessGrants } from '../access-grants/index.ts';
import type { AccessPoints } from '../access-points/contract-types.ts';
import { accessPointsModule, createAccessPoints, forgetAccessPoints } from '../access-points/index.ts';
import type { BatchJobs } from '../batch/contract-types.ts';
import { batchModule, createBatchJobs, openBatchRunner } from '../batch/index.ts';
import { createStorageFigures, figureModule, forgetFigures, openFigureRunner } from '../figures/index.ts';
import { createInventoryRuns, forgetInventories, inventoryModule, openInventoryRunner } from '../inventory/index.ts';
import type { OpenRemoteService, ReplicationRuns } from '../replication/contract-types.ts';
import {
  createCarryOut,
  createReplicationRuns,
  forgetReplication,
  openReplicator,
  replicationModule,
} from '../replication/index.ts';
import type { ObjectDeps } from '../objects/object-deps.ts';
import { forgetMessages, notificationModule, openNotifier } from '../notifications/index.ts';
import type { BridgeEvent } from '../notifications/bridge-event.ts';
import type { StreamTargets } from '../notifications/stream-target.ts';
import type { WaitingMessage } from '../notifications/store.ts';
import { tierByUse } from '../tiering/tier-by-use.ts';
import { traitsOf } from '../tiers/storage-classes.ts';
import {
  type AccessTimes,
  createLifecycleRuns,
  forgetLifecycleRun,
  lifecycleModule,
  openLifecycleRunner,
} from '../lifecycle/index.ts';

export interface UpkeepDeps extends ObjectDeps {
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** Objects as callers may use them: batch jobs do what their roles may. */
  readonly access: ObjectAccess;
  /** Gives credentials to whom an access grant is for. */
  readonly sessions: Pick<SessionUseCases, 'serveRole'>;
  /** Other S3 services that buckets may be replicated to. */
  readonly remotes?: OpenRemoteService;
  /** When versions were last read. */
  readonly accesses: AccessTimes;
  /** How long a day of lifecycle rules lasts. **Units**: milliseconds. */
  readonly lifecycleDayMs: number;
  /** Hosts that buckets may notify. */
  readonly notificationHosts: readonly string[];
  /** Streams that buckets may notify. */
  readonly streams?: StreamTargets;
  /** Makes lists in Parquet. */
  readonly engine: Engine;
  /** For lists on their way; emptied at start. */
  readonly workDirectory: string;
  /** Share of disks that fail in a year, between 0 and 1; 0.02 when absent. */
  readonly diskFailuresPerYear?: number;
  /** Nothing of lifecycle runs by itself; for tests. */
  readonly idle?: boolean;
  readonly onFailure: (error: unknown) => void;
}

/** The upkeep of a store, and its parts as callers may use them. */
export interface Upkeep extends Lifecycle {
  readonly lifecycle: LifecycleRuns;
  readonly inventories: InventoryRuns;
  readonly figures: StorageFigures;
  readonly replication: ReplicationRuns;
  readonly batch: BatchJobs;
  /** How durable acknowledged bytes are now, for who may see all buckets. */
  durability(context: RequestContext): Promise<DurabilityReport>;
  readonly accessGrants: AccessGrants;
  readonly accessPoints: AccessPoints;
  /** Does now what a day brings: the rules of all buckets that are due, and objects to where their use says. */
  runDue(): Promise<void>;
  /** Where classes lie and what waits to be moved, for who may see all buckets. */
  tiers(context: RequestContext): Promise<TiersStatus>;
  /** Notifications that their targets have refused for a day. */
  deadLetters(context: RequestContext): Promise<readonly WaitingMessage[]>;
  /** A change of an object as EventBridge tells it, where its bucket's EventBridge is on. */
  bridged(event: StoredEvent): Promise<BridgeEvent | undefined>;
  /** How far the scrub is and what is damaged; with `run`, after it has read everything. **Errors**: `unsupported`. */
  scrub(context: RequestContext, run?: boolean): Promise<ScrubStatus>;
}

/** The store modules of upkeep. */
export const upkeepStoreModules: readonly URL[] = [
  lifecycleModule,
  notificationModule,
  accessLogModule,
  inventoryModule,
  figureModule,
  replicationModule,
  batchModule,
  accessGrantsModule,
  accessPointsModule,
];

/** Calls for the transactions that make and delete a bucket: nobody inherits what was kept of another of the name. */
export const forgetUpkeep = (bucket: string): readonly StoreCall[] => [
  ...forgetLifecycleRun(bucket),
  ...forgetMessages(bucket),
  ...forgetInventories(bucket),
  ...forgetFigures(bucket),
  ...forgetReplication(bucket),
  ...forgetAccessPoints(bucket),
];

/** Opens the upkeep; what is due begins at once, in the background. */
export async function openUpkeep(deps: UpkeepDeps): Promise<Upkeep> {
  const runner = openLifecycleRunner({
    ...deps,
    dayMs: deps.lifecycleDayMs,
    hasClass: (name) => deps.objects.tiers?.places.has(traitsOf({ storageClass: name }).place) === true,
    context: (signal) => serviceContext(deps, 'lifecycle', signal),
    daily: (context) => tierByUse({ ...deps, dayMs: deps.lifecycleDayMs, context }),
    ...(deps.idle === true ? { lookEveryMs: 0 } : {}),
  });
  const lister = openInventoryRunner({
    ...deps,
    context: (signal) => serviceContext(deps, 'inventory', signal),
    ...(deps.idle === true ? { lookEveryMs: 0 } : {}),
  });
  const counter = openFigureRunner({ ...deps, ...(deps.idle === true ? { lookEveryMs: 0 } : {}) });
  const notifier = openNotifier({ ...deps, hosts: deps.notificationHosts });
  await notifier.start();
  const carrier = createCarryOut(deps);
  const replicator = openReplicator({ ...deps, carryOut: carrier.carryOut });
  await replicator.start();
  const replication = createReplicationRuns({ ...deps, replicator, now: () => deps.clock.now() });
  const batchRunner = openBatchRunner({ ...deps, replication });
  const figures = createStorageFigures({ ...deps, runner: counter });
  const { diskFailuresPerYear = 0.02 } = deps;
  return {
    lifecycle: createLifecycleRuns({ ...deps, runner }),
    figures,
    durability: (context) => reportDurability({ ...deps, figures, diskFailuresPerYear }, context),
    inventories: createInventoryRuns({ ...deps, runner: lister }),
    replication,
    batch: createBatchJobs({ ...deps, runner: batchRunner }),
    accessGrants: createAccessGrants(deps),
    accessPoints: createAccessPoints(deps),
    runDue: () => runner.runDue(),
    async tiers(context) {
      await deps.policy.authorize(context, { action: 's3:ListAllMyBuckets', resource: 'arn:aws:s3:::*' });
      return (await deps.objects.tiers?.status()) ?? { tiers: [], waiting: 0, restoring: 0, restored: 0 };
    },
    async scrub(context, run = false) {
      await deps.policy.authorize(context, { action: 's3:ListAllMyBuckets', resource: 'arn:aws:s3:::*' });
      const { scrubber } = deps.objects;
      if (scrubber === undefined) {
        throw new LochError(
          'unsupported',
          'The bytes of this lake are in a remote service, which keeps them sound itself.',
        );
      }
      return run ? scrubber.run(context.signal) : scrubber.status();
    },
    bridged: (event) => notifier.bridged(event),
    async deadLetters(context) {
      await deps.policy.authorize(context, { action: 's3:ListAllMyBuckets', resource: 'arn:aws:s3:::*' });
      return notifier.deadLetters();
    },
    async close() {
      await batchRunner.close();
      await replicator.close();
      await carrier.close();
      await notifier.close();
      await counter.close();
      await lister.close();
      await runner.close();
    },
  };
}

/** A request of a service of the store: what it does stands in the trail under its name. */
function serviceContext(
  deps: Pick<UpkeepDeps, 'accountId' | 'region' | 'clock'>,
  name: string,
  signal: AbortSignal,
): RequestContext {
  const { accountId, region, clock } = deps;
  return {
    requestId: newId(),
    principal: { kind: 'service', arn: `arn:aws:iam::${accountId}:service/${name}`, id: name, name, accountId },
    accountId,
    region,
    door: 'internal',
    sourceIp: '127.0.0.1',
    userAgent: `loch-${name}`,
    secure: true,
    signal,
    startedAt: clock.now(),
  };
}
