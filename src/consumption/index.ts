import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Catalog } from '../catalog/contract.ts';
import type { Clock } from '../core/clock.ts';
import { isLochError } from '../core/errors.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import { Secret, type SecretSealer } from '../core/secret.ts';
import type { Engine } from '../engines/contract.ts';
import type { Audit, Identities, Policy } from '../governance/contract.ts';
import type { MetadataStore } from '../metadata/contract.ts';
import type { StatementRunner, TableMaintenance } from '../processing/contract.ts';
import type { ObjectStore, TableFormat } from '../storage/contract.ts';
import type { Profiles, Queries } from './contract.ts';
import { executionStoreModule, openExecutions, preparedStoreModule } from './executions/index.ts';
import { executionProcedures } from './executions/store.ts';
import { profileTable } from './profile/profile-table.ts';
import { createQueryPath } from './queries/index.ts';

/** Store modules of this layer, for the metadata store. */
export const consumptionStoreModules: readonly URL[] = [executionStoreModule, preparedStoreModule];

export interface ConsumptionOptions {
  readonly store: MetadataStore;
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly audit: Audit;
  readonly engine: Engine;
  readonly tables: TableFormat;
  readonly objects: ObjectStore;
  readonly identities: Identities;
  readonly sealer: SecretSealer;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  /** Folders of running statements. Best on the file system of the objects. */
  readonly workDirectory: string;
  /** Default `loch-query-results`; made when it is not there. */
  readonly resultBucket?: string;
  /** Queries at once. Default 20. */
  readonly concurrency?: number;
  /** Default 30 minutes. */
  readonly queryTimeoutMs?: number;
  /** The upkeep of tables, once it is open: without it OPTIMIZE and VACUUM are not supported. */
  readonly upkeep?: () => TableMaintenance | undefined;
  /** Told of failures of background work, which is tried again. */
  readonly onFailure?: (error: unknown) => void;
}

export interface Consumption extends Lifecycle {
  readonly queries: Queries;
  readonly profiles: Profiles;
  /** The query path, for jobs and doors that hold rows themselves. */
  readonly runner: StatementRunner;
  /** ARN of the principal whose query results lie under a key; for the use-cases of objects. */
  ownerOf(bucket: string, key: string): Promise<string | undefined>;
  /** Removes results that are older than 30 days; runs by itself every hour. Returns how many. */
  expireResults(): Promise<number>;
}

const MASK_KEY = 'mask key';

/** Opens the query path and the queries on it. Queries that a stop left are begun again. */
export async function openConsumption(options: ConsumptionOptions): Promise<Consumption> {
  const resultBucket = options.resultBucket ?? 'loch-query-results';
  await ensureBucket(options, resultBucket);
  const path = await createQueryPath({
    ...options,
    statementDirectory: join(options.workDirectory, 'statements'),
    maskKey: await maskKey(options.store, options.sealer),
  });
  const onFailure = options.onFailure ?? (() => {});
  const executions = await openExecutions({
    ...options,
    runner: path.runner,
    changes: { ...options, read: path.readForChange },
    workDirectory: join(options.workDirectory, 'executions'),
    resultBucket,
    concurrency: options.concurrency ?? 20,
    queryTimeoutMs: options.queryTimeoutMs ?? 30 * 60_000,
    onFailure,
  });
  return {
    queries: executions.queries,
    profiles: {
      profile: (context, name, signal) => profileTable({ ...options, runner: path.runner }, context, name, signal),
    },
    runner: path.runner,
    ownerOf: executions.ownerOf,
    expireResults: executions.expireResults,
    async close() {
      await executions.close();
      await path.close();
    },
  };
}

async function ensureBucket({ objects, region, accountId }: ConsumptionOptions, name: string): Promise<void> {
  try {
    await objects.bucket(name);
  } catch (error) {
    if (!isLochError(error, 'bucket_not_found')) throw error;
    await objects.createBucket(name, { region, ownerAccountId: accountId });
  }
}

/** The key of hashed and tokenised values: made once, kept sealed, so that they are the same after every start. */
async function maskKey(store: MetadataStore, sealer: SecretSealer): Promise<Secret> {
  const kept = await store.read(executionProcedures.secret, { name: MASK_KEY });
  if (kept !== undefined) return sealer.open(kept, MASK_KEY);
  const fresh = new Secret(randomBytes(32).toString('hex'));
  await store.write(executionProcedures.keepSecret, { name: MASK_KEY, sealed: sealer.seal(fresh, MASK_KEY) });
  return sealer.open((await store.read(executionProcedures.secret, { name: MASK_KEY }))!, MASK_KEY);
}
