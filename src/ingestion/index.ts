import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { SecretSealer } from '../core/secret.ts';
import type { Audit, Policy } from '../governance/contract.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import type { ObjectStore } from '../storage/contract.ts';
import { postgresConnector } from './connectors/postgres/connector.ts';
import type { Delivery, Replication } from './contract.ts';
import { openDelivery } from './delivery/index.ts';
import { openReplication } from './replication/index.ts';

export interface IngestionDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly policy: Policy;
  readonly audit: Audit;
  readonly sealer: SecretSealer;
  readonly clock: Clock;
  /** Durable files of this layer: the logs of delivery streams. */
  readonly dataDirectory: string;
}

export interface Ingestion extends Lifecycle {
  readonly delivery: Delivery;
  readonly replication: Replication;
}

/** The store modules of the layer. */
export const ingestionStoreModules: readonly URL[] = [
  new URL('./delivery/store.ts', import.meta.url),
  new URL('./replication/store.ts', import.meta.url),
];

/** Opens the ways in, and goes on with what an earlier process left. */
export async function openIngestion(deps: IngestionDeps): Promise<Ingestion> {
  const delivery = await openDelivery({ ...deps, directory: join(deps.dataDirectory, 'delivery') });
  const replication = await openReplication({ ...deps, connector: postgresConnector });
  return {
    delivery,
    replication,
    async close() {
      await Promise.all([delivery.close(), replication.close()]);
    },
  };
}
