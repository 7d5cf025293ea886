import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Catalog, Crawlers, Lineage } from '../../catalog/contract.ts';
import { catalogStoreModules, openCatalog } from '../../catalog/index.ts';
import type { RequestContext } from '../../core/caller.ts';
import { systemClock } from '../../core/clock.ts';
import { isLochError } from '../../core/errors.ts';
import { createEventBus } from '../../core/events.ts';
import {
  type Consumption,
  type ConsumptionOptions,
  consumptionStoreModules,
  openConsumption,
} from '../../consumption/index.ts';
import type { Engine } from '../../engines/contract.ts';
import { type DuckdbEngineOptions, openDuckdbEngine } from '../../engines/duckdb/index.ts';
import type { TableDirectory } from '../../governance/contract.ts';
import { type Governance, governanceStoreModules, openGovernance } from '../../governance/index.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { createSealer } from '../../platform/sealer.ts';
import type { ObjectStore, TableFormat } from '../../storage/contract.ts';
import { bucketSettingModule } from '../../storage/index.ts';
import { localStoreModule, openLocalStore } from '../../storage/stores/local/index.ts';
import { createForeignTables } from '../../storage/foreign/index.ts';
import { createTableFormat } from '../../storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from './test-lake.ts';

/** The whole query path over a real store, catalog, governance and engine, in a temporary folder. */
export interface QueryLake {
  readonly catalog: Catalog;
  readonly lineage: Lineage;
  readonly crawlers: Crawlers;
  readonly governance: Governance;
  readonly engine: Engine;
  readonly objects: ObjectStore;
  readonly tables: TableFormat;
  readonly consumption: Consumption;
  /** Closes consumption as a stop does, and opens it again. */
  reopenConsumption(): Promise<void>;
  readonly store: MetadataStore;
  readonly folder: string;
  readonly root: RequestContext;
  /** A user whom IAM allows everything, so that grants alone decide. */
  user(name: string): Promise<RequestContext>;
  /** Makes an Iceberg table of a SELECT, split into data files of `rowsPerFile` rows. */
  createTable(
    name: string,
    columns: readonly { readonly name: string; readonly type: string }[],
    select: string,
    options?: { readonly filesBy?: string; readonly rowsPerFile?: number },
  ): Promise<void>;
  /** Rows of a statement in the engine's own dialect. */
  rows(context: RequestContext, sql: string): Promise<readonly (readonly (string | null)[])[]>;
  close(): Promise<void>;
}

/** Opens a lake with one bucket `lake` and one database `bank`. */
export async function openQueryLake(
  engineOptions: Partial<DuckdbEngineOptions> = {},
  options: {
    /** A lake that stays, and may be there already. */
    readonly folder?: string;
    /** Stands between consumption and the rest. */
    readonly consumption?: (parts: ConsumptionOptions) => ConsumptionOptions;
  } = {},
): Promise<QueryLake> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'loch-query-'));
  mkdirSync(folder, { recursive: true });
  const clock = systemClock;
  const store = await openSqliteStore({
    file: join(folder, 'loch.db'),
    modules: [
      ...governanceStoreModules,
      localStoreModule,
      bucketSettingModule,
      ...catalogStoreModules,
      ...consumptionStoreModules,
    ],
  });
  let directory: TableDirectory | undefined;
  const sealer = createSealer(Buffer.alloc(32, 5));
  const governance = await openGovernance({
    store,
    clock,
    sealer,
    events: createEventBus((error) => {
      throw error;
    }),
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
    directory: () => directory!,
  });
  const { policy, audit, identities } = governance;
  const objects = await openLocalStore({ store, directory: join(folder, 'objects'), clock, sweepEveryMs: 0 });
  await unlessThere(objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: TEST_ACCOUNT }));
  const tables = createTableFormat({ objects, clock });
  const opened = await openCatalog({
    store,
    objects,
    tables,
    foreignTables: createForeignTables({ objects }),
    policy,
    identities,
    clock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
  });
  directory = opened.directory;
  const { catalog } = opened;
  const engine = await openDuckdbEngine({ threads: 2, ...engineOptions, workDirectory: join(folder, 'work') });
  const open = () =>
    openConsumption(
      (options.consumption ?? ((parts) => parts))({
        store,
        catalog,
        policy,
        audit,
        engine,
        objects,
        tables,
        identities,
        sealer,
        clock,
        accountId: TEST_ACCOUNT,
        region: 'us-east-1',
        workDirectory: folder,
      }),
    );
  let consumption = await open();
  const root = contextOf((await identities.principal(`arn:aws:iam::${TEST_ACCOUNT}:root`))!);
  await unlessThere(catalog.createDatabase(root, { name: 'bank', locationUri: 's3://lake/bank' }));

  let written = 0;
  const write = async (
    select: string,
    fieldIds: Readonly<Record<string, number>>,
    partitionBy: readonly string[],
    rowsPerFile?: number,
  ) =>
    engine.execute(
      {
        sql: select,
        inputs: [],
        result: {
          kind: 'parquet',
          directory: join(folder, 'written', String(written++)),
          fieldIds,
          ...(partitionBy.length === 0 ? {} : { partitionBy }),
          ...(rowsPerFile === undefined ? {} : { rowsPerFile }),
        },
      },
      new AbortController().signal,
    );
  return {
    catalog,
    lineage: opened.lineage,
    crawlers: opened.crawlers,
    governance,
    engine,
    objects,
    tables,
    get consumption() {
      return consumption;
    },
    async reopenConsumption() {
      await consumption.close();
      consumption = await open();
    },
    store,
    folder,
    root,
    async user(name) {
      const { arn } = await governance.identity.createEntity(root, 'user', { name });
      const Statement = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
      const document = JSON.stringify({ Version: '2012-10-17', Statement });
      await governance.identity.putInlinePolicy(root, { kind: 'user', name }, 'inline', document);
      return contextOf((await identities.principal(arn))!);
    },
    async createTable(name, columns, select, options = {}) {
      const [database, table] = name.split('.') as [string, string];
      const { metadata } = await catalog.createIcebergTable(root, { database, name: table, columns });
      const schema = metadata!.schemas[0]!;
      const split = options.filesBy === undefined ? [] : [options.filesBy];
      const result = await write(select, tables.fieldIds(schema), split, options.rowsPerFile);
      const files = await Promise.all(
        result.files.map(async (file, i) => {
          const key = `${database}/${table}/data/${i}-${Date.now()}.parquet`;
          await objects.put('lake', key, { adoptFile: file.path });
          return tables.dataFile(metadata!, { ...file, partition: {} }, `s3://lake/${key}`);
        }),
      );
      await catalog.commitTable(root, { database, table }, { kind: 'append', files });
    },
    async rows(context, sql) {
      const outcome = await consumption.runner.run(
        context,
        { sql, dialect: 'duckdb', database: 'bank', result: { kind: 'rows', maxRows: 10_000 } },
        context.signal,
      );
      return outcome.rows;
    },
    async close() {
      await consumption.close();
      await engine.close();
      await opened.close();
      await governance.close();
      await objects.close();
      await store.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true });
    },
  };
}

async function unlessThere(made: Promise<unknown>): Promise<void> {
  await made.catch((error: unknown) => {
    if (!isLochError(error, 'bucket_exists', 'already_exists')) throw error;
  });
}
