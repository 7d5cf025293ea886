import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { type Clock, systemClock } from '../../core/clock.ts';
import { createEventBus, type LochEvent } from '../../core/events.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import { createS3Door } from '../../doors/s3/index.ts';
import type { AccessLog, BucketSettingAccess, Upkeep } from '../../storage/contract.ts';
import type { ColumnType, FindSide, TableDirectory, TableName } from '../../governance/contract.ts';
import { type Governance, governanceStoreModules, openGovernance } from '../../governance/index.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { inviteBodies } from '../../platform/listen.ts';
import { createSealer } from '../../platform/sealer.ts';
import type { BucketDefaults, ObjectAccess } from '../../storage/contract.ts';
import {
  bucketDefaultEncryption,
  bucketSettingModule,
  createSideFinder,
  DirectoryPlace,
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
} from '../../storage/index.ts';
import {
  type LocalObjectStore,
  type LocalStoreOptions,
  localStoreModule,
  openLocalStore,
} from '../../storage/stores/local/index.ts';
import { contextOf } from './test-lake.ts';

/** The account and region of the lake. */
export const S3_LAKE = { accountId: '123456789012', region: 'us-east-1' } as const;

/** A key as the SDK's clients take it. */
export interface S3Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A table that is only a name, columns and a location. */
export interface NamedTable {
  readonly name: TableName;
  readonly columns: readonly ColumnType[];
  /** `bucket/prefix/`. */
  readonly location: string;
}

/** A listening S3 door over a real local store and real governance. */
export interface S3Lake {
  readonly endpoint: string;
  readonly directory: string;
  readonly objects: LocalObjectStore;
  readonly governance: Governance;
  /** Objects as callers may use them, below the door. */
  readonly access: ObjectAccess;
  readonly settings: BucketSettingAccess;
  readonly accessLog: AccessLog;
  /** Does nothing by itself. */
  readonly upkeep: Upkeep;
  /** Events of the door and of committed transactions, oldest first. */
  readonly events: LochEvent[];
  readonly rootKey: S3Key;
  /** Tables that own locations; a test adds to it. */
  readonly tables: NamedTable[];
  /** An SDK client; root's unless a key is given. */
  client(key?: S3Key, options?: Partial<S3ClientConfig>): S3Client;
  /** A user of the lake's account with these statements, and a key of his. */
  user(name: string, ...statements: object[]): Promise<S3Key>;
  /** Another account, with the key of its root. */
  account(accountId: string): Promise<{ readonly key: S3Key; readonly canonicalId: string }>;
  close(): Promise<void>;
}

/** Opens it in a new temporary directory, on a port of the system's choice. */
export async function openS3Lake(
  options: {
    readonly clock?: Clock;
    readonly store?: Partial<LocalStoreOptions>;
    /** What new buckets are told; as AWS has it unless given. */
    readonly bucketDefaults?: BucketDefaults;
    /** Whether plain bytes of encrypted objects may lie in files. Default true. */
    readonly plaintextFiles?: boolean;
    /** Whether customer keys are taken over plain HTTP. Default true. */
    readonly customerKeysOverHttp?: boolean;
    readonly ownerOf?: (bucket: string, key: string) => Promise<string | undefined>;
  } = {},
): Promise<S3Lake> {
  const { accountId, region } = S3_LAKE;
  const clock = options.clock ?? systemClock;
  const directory = mkdtempSync(join(tmpdir(), 'loch-s3-lake-'));
  const modules = [...governanceStoreModules, localStoreModule, bucketSettingModule, ...upkeepStoreModules];
  const store = await openSqliteStore({ file: join(directory, 'loch.db'), modules });
  const events: LochEvent[] = [];
  const bus = createEventBus((error) => {
    throw error;
  });
  bus.subscribe('*', (event) => void events.push(event));
  store.onCommitted((committed) => events.push(...committed));
  const tables: NamedTable[] = [];
  const same = (name: TableName) => (table: NamedTable) =>
    table.name.database === name.database && table.name.table === name.table;
  const tableDirectory: TableDirectory = {
    tableColumns: async (name) => tables.find(same(name))?.columns,
    databaseExists: async (name) => tables.some((table) => table.name.database === name),
    tableAt: async (bucket, key) => tables.find(({ location }) => `${bucket}/${key}`.startsWith(location))?.name,
  };
  let findSide: FindSide | undefined;
  const governance = await openGovernance({
    store,
    clock,
    sealer: createSealer(Buffer.alloc(32, 7)),
    events: bus,
    accountId,
    region,
    directory: () => tableDirectory,
    findSide: () => findSide,
  });
  const local = await openLocalStore({
    store,
    directory: join(directory, 'objects'),
    clock,
    sweepEveryMs: 0,
    tiers: {
      cold: new DirectoryPlace('cold', join(directory, 'cold')),
      archive: new DirectoryPlace('archive', join(directory, 'archive')),
      restored: new DirectoryPlace('restored', join(directory, 'restored')),
      moveEveryMs: 0,
    },
    withBucket: (bucket) => [...forgetSettings(bucket), ...forgetUpkeep(bucket)],
    ...options.store,
  });
  const bucketSettings = openBucketSettings({
    store,
    objects: local,
    defaults: options.bucketDefaults ?? { objectOwnership: 'BucketOwnerEnforced', publicAccessBlock: true },
  });
  findSide = createSideFinder({ settings: bucketSettings, resourcePolicies: governance.resourcePolicies });
  const objects = encryptingStore(
    markingStore(local, () => bucketSettings),
    {
      envelopes: createEnvelopes({ dataKeys: governance.dataKeys, clock }),
      defaultOf: (bucket) => bucketDefaultEncryption(bucketSettings, bucket),
      plaintextFiles: options.plaintextFiles ?? true,
    },
  );
  const accesses = openAccessTimes({
    store,
    objects,
    settings: bucketSettings,
    clock,
    onFailure: (error) => {
      throw error;
    },
  });
  const accessLog = openAccessLog({
    store,
    objects,
    settings: bucketSettings,
    clock,
    accountId,
    region,
    onFailure: (error) => {
      throw error;
    },
  });
  // Its process starts with the first statement.
  const engine = await openDuckdbEngine({ workDirectory: join(directory, 'engine'), workers: 1 });
  const { access, settings } = openStorage({
    select: { engine, clock, workDirectory: join(directory, 'select') },
    accesses,
    notificationHosts: ['127.0.0.1'],
    objects,
    settings: bucketSettings,
    resourcePolicies: governance.resourcePolicies,
    identities: governance.identities,
    policy: governance.policy,
    audit: governance.audit,
    directory: () => tableDirectory,
    ownerOf: options.ownerOf ?? (async () => undefined),
    accountId,
    region,
  });
  const upkeep = await openUpkeep({
    store,
    objects,
    settings: bucketSettings,
    policy: governance.policy,
    audit: governance.audit,
    clock,
    accountId,
    region,
    engine,
    workDirectory: join(directory, 'inventory'),
    lifecycleDayMs: 86_400_000,
    accesses,
    notificationHosts: ['127.0.0.1'],
    identities: governance.identities,
    access,
    sessions: governance.identity,
    resourcePolicies: governance.resourcePolicies,
    directory: () => tableDirectory,
    ownerOf: options.ownerOf ?? (async () => undefined),
    idle: true,
    onFailure: (error) => {
      throw error;
    },
  });
  const { audit, identities } = governance;
  const door = createS3Door({
    accessPoints: upkeep.accessPoints,
    accessLog,
    access,
    settings,
    accounts: governance.accounts,
    identities,
    audit,
    events: bus,
    clock,
    accountId,
    region,
    customerKeysOverHttp: options.customerKeysOverHttp ?? true,
  });
  const handler = (request: IncomingMessage, response: ServerResponse) => void door(request, response);
  const server = createServer(handler);
  server.on('checkContinue', inviteBodies(handler));
  server.on('checkExpectation', handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const root = await governance.ensureRootKey();
  const rootKey = { accessKeyId: root.accessKeyId, secretAccessKey: root.secret.reveal() };
  const rootPrincipal = (await governance.identities.principal(`arn:aws:iam::${accountId}:root`))!;
  const rootContext = () => contextOf(rootPrincipal);
  const clients: S3Client[] = [];
  return {
    endpoint,
    directory,
    objects,
    governance,
    access,
    upkeep,
    accessLog,
    settings,
    events,
    rootKey,
    tables,
    client(key = rootKey, settings = {}) {
      const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: key, ...settings });
      clients.push(client);
      return client;
    },
    async user(name, ...statements) {
      const context = rootContext();
      await governance.identity.createEntity(context, 'user', { name });
      if (statements.length > 0) {
        const document = JSON.stringify({ Version: '2012-10-17', Statement: statements });
        await governance.identity.putInlinePolicy(context, { kind: 'user', name }, 'inline', document);
      }
      const key = await governance.identity.createAccessKey(context, name);
      return { accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() };
    },
    async account(accountId) {
      const named = { accountId, name: `account ${accountId}`, email: `${accountId}@example.org` };
      const made = await governance.accounts.create(rootContext(), named);
      const key = { accessKeyId: made.accessKeyId, secretAccessKey: made.secret.reveal() };
      return { key, canonicalId: made.canonicalId };
    },
    async close() {
      for (const client of clients) client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await upkeep.close();
      await accesses.close();
      await accessLog.close();
      await engine.close();
      await objects.close();
      await bucketSettings.close();
      await governance.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
