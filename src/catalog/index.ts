import type { Clock } from '../core/clock.ts';
import { LochError } from '../core/errors.ts';
import type { SecretSealer } from '../core/secret.ts';
import type { StoredEvent } from '../core/events.ts';
import type { FindSide, Identities, Policy, ResourcePolicies, TableDirectory } from '../governance/contract.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import type { ForeignTables, TableFormat } from '../storage/contract.ts';
import { readChanges } from './changes/read-changes.ts';
import type { Catalog, CatalogChanges, Classifiers, Crawlers, Discovery, Lineage, SourceTables } from './contract.ts';
import type { ConnectionProbe, Connections } from './connections/contract.ts';
import { openConnections } from './connections/index.ts';
import { lineageUseCases } from './lineage/index.ts';
import { openQueryRecorder } from './lineage/query-recorder.ts';
import { discoveryUseCases } from './search/index.ts';
import { openIndexUpkeep } from './search/index-upkeep.ts';
import { openCrawlers } from './crawlers/index.ts';
import { exportDelta } from './iceberg/export-delta.ts';
import { icebergUseCases } from './iceberg/index.ts';
import type { Lender } from './iceberg/lend-access.ts';
import { purgeBin } from './databases/bin.ts';
import { databaseUseCases, tableDirectory } from './databases/index.ts';
import { openIndexFiller } from './databases/index-filler.ts';
import { NameIndex } from './databases/name-index.ts';
import type { CatalogObjects, CatalogParts } from './databases/parts.ts';
import databaseStore from './databases/store.ts';
import type { SchemaName, Schemas } from './schemas/contract.ts';
import { schemaUseCases } from './schemas/index.ts';
import type { CatalogSettings, CatalogTags } from './settings/contract.ts';
import { settingsUseCases } from './settings/index.ts';
import { catalogSideFinder, PolicyCache } from './settings/policy-cache.ts';
import { tagUseCases } from './settings/tags.ts';

export type { CatalogObjects } from './databases/parts.ts';

/** What the catalog keeps in the metadata store. */
export const catalogStoreModules: readonly URL[] = [
  new URL('./databases/store.ts', import.meta.url),
  new URL('./iceberg/store.ts', import.meta.url),
  new URL('./crawlers/store.ts', import.meta.url),
  new URL('./search/store.ts', import.meta.url),
  new URL('./lineage/store.ts', import.meta.url),
  new URL('./connections/store.ts', import.meta.url),
  new URL('./settings/store.ts', import.meta.url),
  new URL('./schemas/store.ts', import.meta.url),
];

export interface CatalogDependencies {
  readonly store: MetadataStore;
  readonly objects: CatalogObjects;
  readonly tables: TableFormat;
  /** Delta and Hudi, by their own logs; refused by name when absent. */
  readonly foreignTables?: ForeignTables;
  readonly policy: Policy;
  readonly identities: Identities;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  /** Whose private place a key lies in, if anybody's; nobody's when absent. */
  readonly ownerOf?: (bucket: string, key: string) => Promise<string | undefined>;
  /** Where tables of databases without a location go, as an S3 folder; they must say a place when it is absent. */
  readonly warehouse?: string;
  /** Who makes storage credentials for engines; without him none are lent. */
  readonly lender?: Lender;
  /** Reads resource policies; without it that of the catalog is kept and decides nothing. */
  readonly resourcePolicies?: ResourcePolicies;
  /** Seals connections at rest; without it there are none. */
  readonly sealer?: SecretSealer;
  /** Reads what tables a source has; without it there are no JDBC targets. */
  readonly sourceTables?: SourceTables;
  /** Tries a connection out; without it none can be. */
  readonly probe?: ConnectionProbe;
  /** Told of failures of background work, which is tried again. */
  readonly onFailure?: (error: unknown) => void;
}

const NO_FOREIGN: ForeignTables = {
  exportDelta: async () => {
    throw new LochError('unsupported', 'This catalog was opened without a writer of Delta logs.');
  },
  readOptimisedOnly: async () => false,
  snapshot: async (kind) => {
    throw new LochError('unsupported', `This catalog was opened without a reader of ${kind} tables.`);
  },
};
/** `registry/schema`, as an ARN has it. */
function schemaNameOf(path: string): SchemaName {
  const slash = path.indexOf('/');
  return slash === -1 ? { schema: path } : { registry: path.slice(0, slash), schema: path.slice(slash + 1) };
}

const PURGE_EVERY_MS = 3_600_000;

/** Opens the catalog: reads its names into memory, and goes on with the crawls that a stop interrupted. */
export async function openCatalog(dependencies: CatalogDependencies): Promise<{
  readonly catalog: Catalog;
  readonly crawlers: Crawlers;
  readonly classifiers: Classifiers;
  readonly discovery: Discovery;
  readonly lineage: Lineage;
  readonly changes: CatalogChanges;
  readonly connections?: Connections;
  readonly schemas: Schemas;
  readonly settings: CatalogSettings;
  /** The catalog's side of decisions about Glue resources. */
  readonly findSide?: FindSide;
  readonly tags: CatalogTags;
  readonly directory: TableDirectory;
  close(): Promise<void>;
}> {
  const { store } = dependencies;
  let names: NameIndex | undefined;
  const early: StoredEvent[] = [];
  const unsubscribe = store.onCommitted((events) =>
    names === undefined ? early.push(...events) : names.apply(events),
  );
  names = new NameIndex(await store.read(databaseStore.procedures.everyName, {}));
  names.apply(early);
  const onFailure = dependencies.onFailure ?? (() => undefined);
  const indexFiller = openIndexFiller(store, onFailure);
  const parts: CatalogParts = {
    ownerOf: async () => undefined,
    foreignTables: NO_FOREIGN,
    ...dependencies,
    names,
    indexFiller,
  };
  const purge = setInterval(() => void purgeBin(parts).catch(onFailure), PURGE_EVERY_MS);
  purge.unref();
  const { sealer, probe } = dependencies;
  const connections = sealer === undefined ? undefined : openConnections({ ...parts, sealer, probe });
  const indexUpkeep = openIndexUpkeep(store, onFailure);
  const recorder = openQueryRecorder({ store, clock: parts.clock, onFailure });
  const lineage: Lineage = { ...lineageUseCases(parts), settled: recorder.settled };
  const crawls = await openCrawlers(
    { ...parts, lineage, identities: dependencies.identities, openConnection: connections?.open },
    onFailure,
  );
  const catalog: Catalog = {
    ...databaseUseCases(parts),
    ...icebergUseCases(parts, { lender: dependencies.lender }),
    exportDelta: exportDelta(parts),
  };
  const { crawlers } = crawls;
  const { resourcePolicies } = dependencies;
  const policyCache = resourcePolicies === undefined ? undefined : new PolicyCache(store, resourcePolicies);
  const schemas = schemaUseCases(parts);
  const tags = tagUseCases(parts, {
    registry: (context, name) => schemas.registry(context, name),
    schema: (context, name) => schemas.schema(context, schemaNameOf(name)),
    database: (context, name) => catalog.getDatabase(context, name),
    crawler: (context, name) => crawlers.get(context, name),
    ...(connections === undefined
      ? {}
      : { connection: (context, name) => connections.get(context, name, { hideSecrets: true }) }),
  });
  return {
    catalog,
    crawlers,
    classifiers: crawls.classifiers,
    discovery: discoveryUseCases(parts, indexUpkeep),
    lineage,
    changes: { read: readChanges(parts) },
    ...(connections === undefined ? {} : { connections }),
    schemas,
    settings: settingsUseCases(parts, policyCache),
    ...(policyCache === undefined ? {} : { findSide: catalogSideFinder(policyCache, dependencies.accountId) }),
    tags,
    directory: tableDirectory(parts),
    async close() {
      await crawls.close();
      await recorder.close();
      await indexUpkeep.close();
      clearInterval(purge);
      await indexFiller.close();
      unsubscribe();
    },
  };
}
