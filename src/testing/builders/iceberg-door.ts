import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../core/clock.ts';
import { createEventBus, type LochEvent } from '../../core/events.ts';
import { Secret } from '../../core/secret.ts';
import { createIcebergDoor } from '../../doors/iceberg-rest/index.ts';
import type { Audit, Identities, ManagementEvent, Policy } from '../../governance/contract.ts';
import type { TableFormat } from '../../storage/contract.ts';
import { createTableFormat } from '../../storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from './request-context.ts';
import { testCatalog } from './test-catalog.ts';

/** Access key `KEY<name>` with the secret `secret of <name>`. */
const identities: Identities = {
  accessKey: async (id) => {
    const name = /^KEY(\w+)$/.exec(id)?.[1];
    if (name === undefined) return undefined;
    return { secret: new Secret(`secret of ${name}`), principal: { ...contextOf(name).principal, accessKeyId: id } };
  },
  principal: async () => undefined,
};

/** An answer of the door. */
export interface IcebergTestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at member by member.
  readonly body: any;
}

/** A listening Iceberg door over a real catalog and a memory store. */
export interface IcebergTestDoor {
  readonly base: string;
  readonly lake: Awaited<ReturnType<typeof testCatalog>>;
  readonly format: TableFormat;
  /** What was recorded, with who. */
  readonly trail: (ManagementEvent & { readonly by: string })[];
  readonly events: LochEvent[];
  tokenOf(name: string): Promise<string>;
  /** A request in somebody's name. A body that is text is sent as it is. */
  call(
    name: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<IcebergTestAnswer>;
  /** `409 AlreadyExistsException` and the like, or the status alone. */
  typeOf(answer: Promise<IcebergTestAnswer>): Promise<string>;
  close(): Promise<void>;
}

/** Opens it with a database `sales`. */
export async function openIcebergTestDoor(policy: Policy): Promise<IcebergTestDoor> {
  const lake = await testCatalog(policy);
  const trail: (ManagementEvent & { readonly by: string })[] = [];
  const audit: Audit = {
    recordManagement: async (context, event) => void trail.push({ ...event, by: context.principal.name }),
    recordData: async () => {},
  };
  const bus = createEventBus((error) => {
    throw error;
  });
  const events: LochEvent[] = [];
  bus.subscribe('*', (event) => void events.push(event));
  const door = createIcebergDoor({
    get catalog() {
      return lake.catalog;
    },
    directory: { tableAt: (bucket, key) => lake.directory.tableAt(bucket, key) },
    identities,
    audit,
    events: bus,
    clock: systemClock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
    tokenKey: Buffer.alloc(32, 7),
    s3Endpoint: () => 'http://files.test',
  });
  const server = createServer((request, response) => void door(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/iceberg/v1`;
  const root = contextOf('root');
  await lake.catalog.createDatabase(root, { name: 'sales', description: 'Shop', locationUri: 's3://lake/sales/' });
  const tokens = new Map<string, string>();
  const tokenOf = async (name: string): Promise<string> => {
    const known = tokens.get(name);
    if (known !== undefined) return known;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: `KEY${name}`,
      client_secret: `secret of ${name}`,
    });
    const answer = await fetch(`${base}/oauth/tokens`, { method: 'POST', body: form });
    const { access_token } = (await answer.json()) as { access_token: string };
    tokens.set(name, access_token);
    return access_token;
  };
  return {
    base,
    lake,
    format: createTableFormat({ objects: lake.files.objects, clock: lake.clock }),
    trail,
    events,
    tokenOf,
    async call(name, method, path, body, headers = {}) {
      const answer = await fetch(`${base}${path}`, {
        method,
        headers: { authorization: `Bearer ${await tokenOf(name)}`, ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, text, body: text === '' ? undefined : JSON.parse(text) };
    },
    async typeOf(answer) {
      const { status, body } = await answer;
      return body?.error === undefined ? String(status) : `${status} ${body.error.type}`;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await lake.close();
    },
  };
}
