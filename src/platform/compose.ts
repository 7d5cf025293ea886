/** The composition root: the only place that chooses implementations and knows every layer's opener. */
import { join } from 'node:path';
import { catalogStoreModules, openCatalog } from '../catalog/index.ts';
import { openChangeSink } from '../catalog/changes/change-sink.ts';
import { openLineageSink } from '../catalog/lineage/lineage-sink.ts';
import { consumptionStoreModules, openConsumption } from '../consumption/index.ts';
import { createFileRewriter } from '../consumption/queries/rewrite-files.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { createEventBus, type EventBus } from '../core/events.ts';
import { LochError, toLochError } from '../core/errors.ts';
import { openDuckdbEngine } from '../engines/duckdb/index.ts';
import { governanceStoreModules, openGovernance } from '../governance/index.ts';
import { openMonitoring } from '../governance/monitoring/index.ts';
import type { FindSide, TableDirectory } from '../governance/contract.ts';
import type { Delivery } from '../ingestion/contract.ts';
import { nameOfArn } from '../ingestion/delivery/index.ts';
import { ingestionStoreModules, openIngestion } from '../ingestion/index.ts';
import { describeSource } from '../ingestion/describe-source.ts';
import { probeSource } from '../ingestion/probe-source.ts';
import { openSqliteStore } from '../metadata/sqlite/store.ts';
import { openAuditTable } from '../operations/audit-table/index.ts';
import { openOperations } from '../operations/index.ts';
import type { TableMaintenance } from '../processing/contract.ts';
import { openProcessing, processingStoreModules } from '../processing/index.ts';
import {
  bucketDefaultEncryption,
  bucketSettingModule,
  createKeyImpact,
  createSideFinder,
  createEnvelopes,
  encryptingStore,
  forgetSettings,
  forgetUpkeep,
  markingStore,
  openAccessLog,
  openAccessTimes,
  openBucketSettings,
  openStorage,
  openUpkeep,
  upkeepStoreModules,
} from '../storage/index.ts';
import type { StreamTargets } from '../storage/contract.ts';
import { createForeignTables } from '../storage/foreign/index.ts';
import { createBundles } from '../storage/offline/index.ts';
import { createTableFormat } from '../storage/tables/index.ts';
import { createBundleSigner } from './bundle-signer.ts';
import { bucketDefaults, type Config, scheduledBackups } from './config.ts';
import type { DataDirectory } from './data-directory.ts';
import { objectStoreModules, openObjects } from './open-objects.ts';
import { ownerContext } from './owner-context.ts';
import { openRemoteService } from './remote-service.ts';
import { createSealer } from './sealer.ts';
import { warehouseOf } from './zone-settings.ts';

const MIB = 1024 * 1024;
const AUDIT_BUCKET = 'loch-audit';
const AUDIT_COPY_MS = 5_000;

/** Everything that runs, with its use-cases. */
export type Parts = Awaited<ReturnType<typeof compose>>;

/**
 * Opens every layer, lowest first. `close` closes them in the reverse order; what a layer was doing is finished or
 * handed back before the one below it goes.
 */
export async function compose(data: DataDirectory, config: Config, options: { readonly clock?: Clock } = {}) {
  const clock = options.clock ?? systemClock;
  const { account_id: accountId, region } = config;
  const events: EventBus = createEventBus((error) => {
    events.publish({
      name: 'platformStateChanged',
      payload: { state: 'subscriber_failed', detail: toLochError(error).message },
    });
  });
  const report = (layer: string) => (error: unknown) =>
    events.publish({
      name: 'platformStateChanged',
      payload: { state: 'background_failed', detail: `${layer}: ${toLochError(error).message}` },
    });
  const closing: (() => Promise<void>)[] = [];
  const opened = <T extends { close(): Promise<void> }>(part: T): T => {
    closing.unshift(() => part.close());
    return part;
  };
  const close = async () => {
    for (const part of closing.splice(0)) await part();
  };
  try {
    const store = opened(
      await openSqliteStore({
        file: data.metadataFile,
        modules: [
          ...governanceStoreModules,
          ...objectStoreModules,
          bucketSettingModule,
          ...upkeepStoreModules,
          ...catalogStoreModules,
          ...processingStoreModules,
          ...ingestionStoreModules,
          ...consumptionStoreModules,
        ],
      }),
    );
    store.onCommitted((batch) => {
      for (const event of batch) events.publish(event);
    });
    const monitoring = opened(openMonitoring({ events }));
    const sealer = createSealer(data.masterKeys);
    let directory: TableDirectory | undefined;
    const lateDirectory = () => directory!;
    let findSide: FindSide | undefined;
    const governance = opened(
      await openGovernance({
        store,
        clock,
        sealer,
        events,
        accountId,
        region,
        directory: lateDirectory,
        findSide: () => findSide,
        onFailure: report('governance'),
      }),
    );
    const { policy, audit, identities } = governance;
    const place = await openObjects({
      store,
      data,
      config,
      clock,
      withBucket: (bucket) => [...forgetSettings(bucket), ...forgetUpkeep(bucket)],
      report: report('storage'),
    });
    const stored = opened(place.objects);
    const bucketSettings = opened(openBucketSettings({ store, objects: stored, defaults: bucketDefaults(config) }));
    const bucketSide = createSideFinder({
      settings: bucketSettings,
      resourcePolicies: governance.resourcePolicies,
    });
    let catalogSide: FindSide | undefined;
    findSide = async (context, request) =>
      (await bucketSide(context, request)) ?? (await catalogSide?.(context, request));
    const objects = encryptingStore(
      markingStore(stored, () => bucketSettings),
      {
        envelopes: createEnvelopes({ dataKeys: governance.dataKeys, clock }),
        defaultOf: (bucket) => bucketDefaultEncryption(bucketSettings, bucket),
        plaintextFiles: data.workIsSafe,
      },
    );
    const accesses = opened(
      openAccessTimes({ store, objects, settings: bucketSettings, clock, onFailure: report('access times') }),
    );
    const tables = createTableFormat({ objects, clock });
    let results: { ownerOf(bucket: string, key: string): Promise<string | undefined> } | undefined;
    const catalogPart = opened(
      await openCatalog({
        store,
        objects,
        tables,
        foreignTables: createForeignTables({ objects }),
        onFailure: report('catalog'),
        policy,
        identities,
        clock,
        accountId,
        region,
        ownerOf: async (bucket, key) => results?.ownerOf(bucket, key),
        warehouse: warehouseOf(config.zones),
        lender: governance.identity,
        sealer,
        resourcePolicies: governance.resourcePolicies,
        probe: probeSource,
        sourceTables: describeSource,
      }),
    );
    directory = catalogPart.directory;
    catalogSide = catalogPart.findSide;
    const { catalog, changes, crawlers, classifiers, discovery, lineage, connections, schemas, settings, tags } =
      catalogPart;
    if (config.catalog.webhook_url !== '') {
      opened(
        openChangeSink({
          store,
          url: config.catalog.webhook_url,
          place: { region, accountId },
          onFailure: report('webhook of the catalog'),
        }),
      );
    }
    if (config.lineage.openlineage_url !== '') {
      opened(
        openLineageSink({
          store,
          url: config.lineage.openlineage_url,
          token: config.lineage.openlineage_token,
          place: { region, accountId },
          onFailure: report('lineage'),
        }),
      );
    }
    const engine = opened(
      await openDuckdbEngine({
        workDirectory: join(data.workDirectory, 'engine'),
        workers: config.engine.workers,
        memoryLimitBytes: config.engine.memory_limit_mib * MIB,
        queueLimit: config.engine.queue_limit,
      }),
    );
    let maintenance: TableMaintenance | undefined;
    const consumption = opened(
      await openConsumption({
        upkeep: () => maintenance,
        tables,
        store,
        catalog,
        policy,
        audit,
        engine,
        objects: accesses.notingFiles(objects),
        identities,
        onFailure: report('consumption'),
        clock,
        sealer,
        accountId,
        region,
        workDirectory: join(data.workDirectory, 'statements'),
        queryTimeoutMs: config.engine.query_timeout_ms,
      }),
    );
    results = consumption;
    const { profiles, queries, runner } = consumption;
    const accessLog = opened(
      openAccessLog({
        store,
        objects,
        settings: bucketSettings,
        clock,
        accountId,
        region,
        onFailure: report('access logs'),
      }),
    );
    let delivery: Delivery | undefined; // ingestion stands above storage
    const ready = () => {
      if (delivery !== undefined) return delivery;
      throw new LochError('unavailable', 'Delivery streams are not open yet. Try again.');
    };
    const streams: StreamTargets = {
      assertWritable: (context, arn) => ready().assertWritable(context, arn),
      append: async (context, arn, records) => void (await ready().put(context, nameOfArn(arn), records)),
    };
    const notificationHosts = config.storage.notification_hosts.split(',').filter((host) => host !== '');
    const storage = openStorage({
      select: { engine, clock, workDirectory: join(data.workDirectory, 'select') },
      accesses,
      lifecycleDayMs: config.s3.lifecycle_day_seconds * 1000,
      notificationHosts,
      streams,
      objects,
      settings: bucketSettings,
      resourcePolicies: governance.resourcePolicies,
      identities: governance.identities,
      policy,
      audit,
      directory: lateDirectory,
      ownerOf: consumption.ownerOf,
      accountId,
      region,
    });
    const keyImpact = createKeyImpact({
      keys: governance.keys,
      objects,
      settings: bucketSettings,
      resourcePolicies: governance.resourcePolicies,
      policy,
      audit,
    });
    const upkeep = opened(
      await openUpkeep({
        store,
        objects,
        settings: bucketSettings,
        policy,
        audit,
        clock,
        accountId,
        region,
        lifecycleDayMs: config.s3.lifecycle_day_seconds * 1000,
        notificationHosts,
        diskFailuresPerYear: config.storage.disk_failures_percent / 100,
        streams,
        access: storage.access,
        sessions: governance.identity,
        identities,
        resourcePolicies: governance.resourcePolicies,
        directory: lateDirectory,
        ownerOf: consumption.ownerOf,
        ...(connections === undefined ? {} : { remotes: openRemoteService(connections) }),
        accesses,
        engine,
        workDirectory: join(data.workDirectory, 'inventory'),
        onFailure: report('upkeep of storage'),
      }),
    );
    const processing = opened(
      await openProcessing({
        store,
        catalog,
        crawlers,
        lineage,
        directory,
        ownerOf: consumption.ownerOf,
        policy,
        audit,
        objects,
        runner,
        identities,
        clock,
        bridged: (event) => upkeep.bridged(event),
        workDirectory: join(data.workDirectory, 'processing'),
        upkeep: {
          tables,
          rewriter: createFileRewriter({
            policy,
            audit,
            engine,
            objects,
            tables,
            statementDirectory: join(data.workDirectory, 'statements'),
          }),
        },
        accountId,
        region,
        onFailure: report('processing'),
      }),
    );
    maintenance = processing.maintenance;
    const ingestion = opened(
      await openIngestion({
        store,
        lineage,
        objects,
        access: storage.access,
        policy,
        audit,
        sealer,
        catalog,
        tables,
        runner,
        clock,
        dataDirectory: data.streamsDirectory,
        workDirectory: data.workDirectory,
        assertRoom: (bytes) => place.assertRoom(bytes),
      }),
    );
    delivery = ingestion.delivery;
    const auditTable = opened(
      openAuditTable({
        store,
        trail: governance.trail,
        catalog,
        engine,
        tables,
        objects,
        workDirectory: join(data.workDirectory, 'audit'),
        bucket: AUDIT_BUCKET,
        accountId,
        region,
        context: () => ownerContext({ clock }, config, new AbortController().signal),
        everyMs: AUDIT_COPY_MS,
        onFailure: report('audit table'),
      }),
    );
    const operations = opened(
      await openOperations({
        store,
        dataDirectory: data.path,
        before: ['keys', 'streams'],
        after: ['objects', 'tiers'],
        ...(place.undisturbed === undefined ? {} : { undisturbed: place.undisturbed }),
        clock,
        ...scheduledBackups(config),
        onFailure: report('backup'),
      }),
    );
    const bundles = createBundles({
      objects,
      signer: createBundleSigner(data.keysDirectory),
      now: () => clock.now(),
      region,
      accountId,
      reportsFolder: join(data.path, 'imports'),
    });
    return {
      bundles,
      loader: ingestion.loader,
      store,
      events,
      clock,
      governance,
      monitoring,
      objects,
      checkObjects: () => place.check(),
      storage,
      keyImpact,
      upkeep,
      accessLog,
      tables,
      catalog,
      changes,
      crawlers,
      classifiers,
      discovery,
      lineage,
      connections,
      schemas,
      settings,
      tags,
      directory,
      engine,
      profiles,
      queries,
      runner,
      processing,
      ingestion,
      operations,
      auditTable,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
