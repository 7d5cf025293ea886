import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal, RequestContext } from '../../core/caller.ts';
import { systemClock } from '../../core/clock.ts';
import { createEventBus, type LochEvent } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { ColumnType, LakeResource, TableDirectory } from '../../governance/contract.ts';
import { type Governance, governanceStoreModules, openGovernance } from '../../governance/index.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { bucketSettingModule } from '../../storage/index.ts';
import { createSealer } from '../../platform/sealer.ts';

/** The account of test lakes. */
export const TEST_ACCOUNT = '123456789012';

/** Governance on a real store in a temporary folder, over tables that are only names and columns. */
export interface TestLake {
  readonly governance: Governance;
  readonly store: MetadataStore;
  readonly root: RequestContext;
  /** Events published by governance, oldest first. */
  readonly events: LochEvent[];
  /** A user with an inline policy; without statements, one that allows everything. */
  user(name: string, ...statements: object[]): Promise<RequestContext>;
  /** What governance asks about tables. */
  readonly directory: TableDirectory;
  /** Makes a table as its creator, with the creator's grants; `location` is `bucket/prefix/`. */
  createTable(context: RequestContext, name: string, columns: readonly ColumnType[], location?: string): Promise<void>;
  createDatabase(context: RequestContext, database: string): Promise<void>;
  /** Changes a table's columns without anybody being told. */
  alterTable(name: string, columns: readonly ColumnType[]): void;
  /** Closes and opens governance and store again, as a restart does. */
  reopen(): Promise<TestLake>;
  close(): Promise<void>;
}

/** A request of a principal. */
export function contextOf(principal: Principal, requestId: string = newId()): RequestContext {
  return {
    requestId,
    principal,
    accountId: principal.accountId,
    region: 'us-east-1',
    door: 'internal',
    sourceIp: '127.0.0.1',
    userAgent: 'test',
    secure: false,
    signal: new AbortController().signal,
    startedAt: Date.now(),
  };
}

/** `table: 'db.t'` and the like as a resource. */
export function tableResource(name: string): Extract<LakeResource, { kind: 'table' }> {
  const [database, table] = name.split('.') as [string, string];
  return { kind: 'table', database, table };
}

/** Opens a lake for tests. */
export async function openTestLake(): Promise<TestLake> {
  const folder = mkdtempSync(join(tmpdir(), 'loch-lake-'));
  return await open(folder, new Map(), new Set());
}

/** Opens a lake for tests in a folder that another process may have left; `close` removes the folder. */
export function openTestLakeAt(folder: string): Promise<TestLake> {
  return open(folder, new Map(), new Set());
}

async function open(
  folder: string,
  tables: Map<string, readonly ColumnType[]>,
  databases: Set<string>,
): Promise<TestLake> {
  const events: LochEvent[] = [];
  const bus = createEventBus((error) => {
    throw error;
  });
  bus.subscribe('*', (event) => void events.push(event));
  const store = await openSqliteStore({
    file: join(folder, 'loch.db'),
    modules: [...governanceStoreModules, bucketSettingModule],
  });
  const locations = new Map<string, string>();
  const directory: TableDirectory = {
    tableColumns: async (name) => tables.get(`${name.database}.${name.table}`),
    databaseExists: async (name) => databases.has(name),
    async tableAt(bucket, key) {
      const found = [...locations].find(([location]) => `${bucket}/${key}`.startsWith(location));
      return found === undefined ? undefined : tableResource(found[1]);
    },
  };
  const governance = await openGovernance({
    store,
    clock: systemClock,
    sealer: createSealer(Buffer.alloc(32, 5)),
    events: bus,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
    directory: () => directory,
  });
  const rootArn = `arn:aws:iam::${TEST_ACCOUNT}:root`;
  const root = contextOf((await governance.identities.principal(rootArn))!);
  const close = async () => {
    await governance.close();
    await store.close();
  };
  return {
    governance,
    store,
    root,
    events,
    async user(name, ...statements) {
      const { arn } = await governance.identity.createEntity(root, 'user', { name });
      const Statement = statements.length > 0 ? statements : [{ Effect: 'Allow', Action: '*', Resource: '*' }];
      const document = JSON.stringify({ Version: '2012-10-17', Statement });
      await governance.identity.putInlinePolicy(root, { kind: 'user', name }, 'inline', document);
      return contextOf((await governance.identities.principal(arn))!);
    },
    directory,
    async createTable(context, name, columns, location) {
      if (location !== undefined) locations.set(location, name);
      const { database, table } = tableResource(name);
      databases.add(database);
      tables.set(name, columns);
      await store.transact(governance.policy.creatorGrants(context, { database, table }));
    },
    async createDatabase(context, database) {
      databases.add(database);
      await store.transact(governance.policy.creatorGrants(context, { database }));
    },
    alterTable: (name, columns) => void tables.set(name, columns),
    async reopen() {
      await close();
      return await open(folder, tables, databases);
    },
    async close() {
      await close();
      rmSync(folder, { recursive: true });
    },
  };
}
