import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RequestContext } from '../../core/caller.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import { createEventBus } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import { iamService } from '../../doors/aws/iam/service.ts';
import { createAwsDoor } from '../../doors/aws/index.ts';
import type { AwsServiceDoor } from '../../doors/aws/service.ts';
import type { FindSide, TableDirectory } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { stsService } from '../../doors/aws/sts/service.ts';
import { type Governance, governanceStoreModules, openGovernance } from '../../governance/index.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { createSealer } from '../../platform/sealer.ts';

/** A key as the SDK's clients take it. */
export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A listening door of IAM, STS and whatever a test adds, over real governance and a real store. */
export interface GovernedAwsDoor {
  readonly endpoint: string;
  /** Where the database lies. */
  readonly directory: string;
  readonly governance: Governance;
  readonly rootKey: SigningKey;
  /** A request of root, for use-cases that are called without a door. */
  rootContext(): RequestContext;
  close(): Promise<void>;
}

/** Opens it in a new temporary directory, on a port of the system's choice. */
export async function openGovernedAwsDoor(options: {
  readonly accountId: string;
  readonly clock?: Clock;
  /** What the door holds signatures against; `clock` unless given. SDK clients follow the time of the machine. */
  readonly signatureClock?: Clock;
  readonly services?: readonly AwsServiceDoor[];
  /** Further store modules, and what is opened over the store and governance before the door. */
  readonly modules?: readonly URL[];
  readonly open?: (parts: { readonly store: MetadataStore; readonly governance: Governance }) => Promise<{
    readonly services: readonly AwsServiceDoor[];
    readonly directory: TableDirectory;
    readonly findSide?: FindSide;
    close(): Promise<void>;
  }>;
}): Promise<GovernedAwsDoor> {
  const { accountId, clock = systemClock, services = [] } = options;
  const region = 'us-east-1';
  const directory = mkdtempSync(join(tmpdir(), 'loch-aws-door-'));
  const store = await openSqliteStore({
    file: join(directory, 'loch.db'),
    modules: [...governanceStoreModules, ...(options.modules ?? [])],
  });
  const events = createEventBus((error) => {
    throw error;
  });
  let opened: Awaited<ReturnType<NonNullable<typeof options.open>>> | undefined;
  const governance = await openGovernance({
    store,
    clock,
    sealer: createSealer(Buffer.alloc(32, 7)),
    events,
    accountId,
    region,
    directory: () => {
      if (opened === undefined) throw new Error('There is no catalog here.');
      return opened.directory;
    },
    findSide: () => opened?.findSide,
  });
  opened = await options.open?.({ store, governance });
  const { identities, audit, identity } = governance;
  const door = createAwsDoor({
    services: [iamService(identity), stsService(identity), ...services, ...(opened?.services ?? [])],
    identities,
    audit,
    events,
    clock: options.signatureClock ?? clock,
    accountId,
    region,
  });
  const server = createServer((request, response) => void door(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const made = await governance.ensureRootKey();
  const root = await identities.principal(`arn:aws:iam::${accountId}:root`);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    directory,
    governance,
    rootKey: { accessKeyId: made.accessKeyId, secretAccessKey: made.secret.reveal() },
    rootContext: () => ({
      requestId: newId(),
      principal: root!,
      accountId,
      region,
      door: 'internal',
      sourceIp: '127.0.0.1',
      userAgent: 'test',
      secure: false,
      signal: new AbortController().signal,
      startedAt: clock.now(),
    }),
    async close() {
      server.closeAllConnections();
      server.close();
      await opened?.close();
      await governance.close();
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}
