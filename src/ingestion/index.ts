import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog, LineageRecorder } from '../catalog/contract.ts';
import type { Clock } from '../core/clock.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { SecretSealer } from '../core/secret.ts';
import type { Audit, Policy } from '../governance/contract.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import type { StatementRunner } from '../processing/contract.ts';
import type { ObjectAccess, ObjectStore, TableFormat } from '../storage/contract.ts';
import { postgresConnector } from './connectors/postgres/connector.ts';
import type { Delivery, Loader, Replication } from './contract.ts';
import { openDelivery } from './delivery/index.ts';
import { createLoader } from './load/index.ts';
import { openReplication } from './replication/index.ts';

export interface IngestionDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  /** Reads source files in the caller's name. */
  readonly access: ObjectAccess;
  readonly catalog: Catalog;
  readonly tables: TableFormat;
  readonly runner: StatementRunner;
  readonly lineage?: LineageRecorder;
  readonly policy: Policy;
  readonly audit: Audit;
  readonly sealer: SecretSealer;
  readonly clock: Clock;
  /** Durable files of this layer: the logs of delivery streams. */
  readonly dataDirectory: string;
  /** Files of running loads, best on the volume of the object store; wiped at start. */
  readonly workDirectory: string;
  /** Refuses bytes before the disk of `dataDirectory` is full: `disk_full`. */
  readonly assertRoom?: (bytes: number) => Promise<void>;
}

export interface Ingestion extends Lifecycle {
  readonly delivery: Delivery;
  readonly replication: Replication;
  readonly loader: Loader;
}

/** The store modules of the layer. */
export const ingestionStoreModules: readonly URL[] = [
  new URL('./delivery/store.ts', import.meta.url),
  new URL('./replication/store.ts', import.meta.url),
];

/** Opens the ways in, and goes on with what an earlier process left. */
export async function openIngestion(deps: IngestionDeps): Promise<Ingestion> {
  const workDirectory = join(deps.workDirectory, 'ingestion');
  await rm(workDirectory, { recursive: true, force: true });
  const delivery = await openDelivery({ ...deps, directory: join(deps.dataDirectory, 'delivery') });
  const replication = await openReplication({ ...deps, connector: postgresConnector });
  return {
    delivery,
    replication,
    loader: createLoader({ ...deps, workDirectory, connector: postgresConnector }),
    async close() {
      await Promise.all([delivery.close(), replication.close()]);
    },
  };
}
