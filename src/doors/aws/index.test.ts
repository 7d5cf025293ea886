import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  GlueClient,
  GetTableCommand,
  GetTablesCommand,
  CreateTableCommand,
  EntityNotFoundException,
  DeleteDatabaseCommand,
} from '@aws-sdk/client-glue';
import {
  IAMClient,
  CreateUserCommand,
  GetUserCommand,
  ListUsersCommand,
  NoSuchEntityException,
} from '@aws-sdk/client-iam';
import { LakeFormationClient, GrantPermissionsCommand, ListPermissionsCommand } from '@aws-sdk/client-lakeformation';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Principal, RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { createEventBus, type LochEvent } from '../../core/events.ts';
import { Secret } from '../../core/secret.ts';
import type { ManagementEvent } from '../../governance/contract.ts';
import { createAwsDoor } from './index.ts';
import type { AwsServiceDoor } from './service.ts';

const ada: Principal = {
  kind: 'user',
  arn: 'arn:aws:iam::123456789012:user/ada',
  id: 'AIDAADA',
  name: 'ada',
  accountId: '123456789012',
  accessKeyId: 'AKIAADA',
};
const audited: ManagementEvent[] = [];
const events: LochEvent[] = [];
let seen: { context: RequestContext; input: unknown } | undefined;
let now = Date.now();

const keep =
  <T extends object>(output: T | (() => T)) =>
  async (context: RequestContext, input: unknown) => {
    seen = { context, input };
    return typeof output === 'function' ? (output as () => T)() : output;
  };
const fail = (error: Error) => async () => {
  throw error;
};

const glue: AwsServiceDoor = {
  name: 'glue',
  signingNames: ['glue'],
  targetPrefix: 'AWSGlue',
  schemas: () => import('@aws-sdk/client-glue'),
  errors: { table_not_found: 'EntityNotFoundException' },
  operations: {
    GetTables: {
      readOnly: true,
      run: keep({ TableList: [{ Name: 't', CreateTime: new Date(1_700_000_000_500), Parameters: { a: 'b' } }] }),
    },
    CreateTable: { run: keep({}), redact: ['Parameters'] },
    GetTable: { readOnly: true, run: fail(new LochError('table_not_found', 'No table `x`. Near: `y`.')) },
    DeleteDatabase: { run: fail(new Error('ENOENT: /secret/path')) },
  },
};
const iam: AwsServiceDoor = {
  name: 'iam',
  signingNames: ['iam'],
  schemas: () => import('@aws-sdk/client-iam'),
  errors: { not_found: 'NoSuchEntityException' },
  operations: {
    CreateUser: {
      run: keep({
        User: { UserName: 'a<&>b', Path: '/', UserId: 'AIDA', Arn: 'arn', CreateDate: new Date(0), Tags: [] },
      }),
    },
    ListUsers: { readOnly: true, run: keep({ Users: [], IsTruncated: false }) },
    GetUser: { readOnly: true, run: fail(new LochError('not_found', 'No user <x>.')) },
  },
};
const sts: AwsServiceDoor = {
  name: 'sts',
  signingNames: ['sts'],
  schemas: () => import('@aws-sdk/client-sts'),
  errors: {},
  operations: { GetCallerIdentity: { readOnly: true, run: keep({ Account: '1', Arn: 'a', UserId: 'u' }) } },
};
const lakeformation: AwsServiceDoor = {
  name: 'lakeformation',
  signingNames: ['lakeformation'],
  targetPrefix: 'AWSLakeFormation',
  schemas: () => import('@aws-sdk/client-lakeformation'),
  errors: { access_denied: 'AccessDeniedException' },
  operations: {
    GrantPermissions: { run: keep({}) },
    ListPermissions: {
      readOnly: true,
      run: fail(
        new LochError('access_denied', 'ada may not.', { context: { action: 'lakeformation:ListPermissions' } }),
      ),
    },
  },
};

const bus = createEventBus((error) => {
  throw error;
});
bus.subscribe('*', (event) => void events.push(event));
const door = createAwsDoor({
  services: [glue, iam, sts, lakeformation],
  identities: {
    accessKey: async (id) => (id === 'AKIAADA' ? { secret: new Secret('hush'), principal: ada } : undefined),
    principal: async () => ada,
  },
  audit: {
    recordManagement: async (_context, event) => void audited.push(event),
    recordData: async () => {},
  },
  events: bus,
  clock: { now: () => now },
  accountId: '000000000000',
  region: 'us-east-1',
  maxBodyBytes: 100_000,
});
const server = createServer((request, response) => void door(request, response));
let endpoint = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  audited.length = 0;
  events.length = 0;
  seen = undefined;
  now = Date.now();
});

const credentials = { accessKeyId: 'AKIAADA', secretAccessKey: 'hush' };
const config = (other: object = {}) => ({ region: 'us-east-1', endpoint, credentials, maxAttempts: 1, ...other });
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const raw = (headers: Record<string, string>, body = '') => fetch(endpoint, { method: 'POST', headers, body });

it('carries a JSON 1.1 call to its handler and back', async () => {
  const output = await new GlueClient(config()).send(new GetTablesCommand({ DatabaseName: 'd', MaxResults: 5 }));
  expect(output.TableList).toEqual([{ Name: 't', CreateTime: new Date(1_700_000_000_500), Parameters: { a: 'b' } }]);
  expect(seen?.input).toEqual({ DatabaseName: 'd', MaxResults: 5 });
  expect(seen?.context).toMatchObject({
    principal: ada,
    accountId: ada.accountId,
    door: 'aws',
    sourceIp: '127.0.0.1',
    operation: 'glue:GetTables',
  });
  expect(output.$metadata.requestId).toBe(seen?.context.requestId);
});

it('carries a query call to its handler and its XML answer back', async () => {
  const client = new IAMClient(config());
  const output = await client.send(
    new CreateUserCommand({
      UserName: 'grâce',
      Tags: [
        { Key: 'a', Value: '1 + 1' },
        { Key: 'b', Value: '' },
      ],
    }),
  );
  expect(seen?.input).toEqual({
    UserName: 'grâce',
    Tags: [
      { Key: 'a', Value: '1 + 1' },
      { Key: 'b', Value: '' },
    ],
  });
  expect(output.User).toEqual({
    UserName: 'a<&>b',
    Path: '/',
    UserId: 'AIDA',
    Arn: 'arn',
    CreateDate: new Date(0),
    Tags: [],
  });
  expect(output.$metadata.requestId).toBe(seen?.context.requestId);
  expect((await client.send(new ListUsersCommand({ MaxItems: 3 }))).Users).toEqual([]);
  expect(seen?.input).toEqual({ MaxItems: 3 });
  expect(await new STSClient(config()).send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: '1',
    UserId: 'u',
  });
});

it('carries a REST JSON call to its handler', async () => {
  const input = {
    Principal: { DataLakePrincipalIdentifier: 'arn:aws:iam::1:user/a' },
    Resource: { Table: { DatabaseName: 'd', TableWildcard: {} } },
    Permissions: ['SELECT' as const],
  };
  await new LakeFormationClient(config()).send(new GrantPermissionsCommand(input));
  expect(seen?.input).toEqual(input);
});

it('raises the SDK’s own error classes in each protocol', async () => {
  const glueError = await failureOf(
    new GlueClient(config()).send(new GetTableCommand({ DatabaseName: 'd', Name: 'x' })),
  );
  expect(glueError).toBeInstanceOf(EntityNotFoundException);
  expect(glueError).toMatchObject({ message: 'No table `x`. Near: `y`.', $metadata: { httpStatusCode: 400 } });
  const iamError = await failureOf(new IAMClient(config()).send(new GetUserCommand({ UserName: 'x' })));
  expect(iamError).toBeInstanceOf(NoSuchEntityException);
  expect(iamError).toMatchObject({ message: 'No user <x>.', $metadata: { httpStatusCode: 404 } });
  const lakeError = await failureOf(new LakeFormationClient(config()).send(new ListPermissionsCommand({})));
  expect(lakeError).toMatchObject({ name: 'AccessDeniedException', message: 'ada may not.' });
});

it('records management operations with their parameters, without secrets, and leaves refusals to the policy', async () => {
  await new GlueClient(config()).send(
    new CreateTableCommand({ DatabaseName: 'd', TableInput: { Name: 't', Parameters: { password: 'hush' } } }),
  );
  await failureOf(new IAMClient(config()).send(new GetUserCommand({ UserName: 'x' })));
  await failureOf(new LakeFormationClient(config()).send(new ListPermissionsCommand({})));
  expect(audited).toEqual([
    {
      eventSource: 'glue.amazonaws.com',
      eventName: 'CreateTable',
      readOnly: false,
      requestParameters: { databaseName: 'd', tableInput: { name: 't', parameters: '***' } },
      responseElements: null,
    },
    {
      eventSource: 'iam.amazonaws.com',
      eventName: 'GetUser',
      readOnly: true,
      requestParameters: { userName: 'x' },
      errorCode: 'NoSuchEntity',
      errorMessage: 'No user <x>.',
    },
  ]);
});

it('tells an internal failure by its request id only, and the log what it was', async () => {
  const error = await failureOf(new GlueClient(config()).send(new DeleteDatabaseCommand({ Name: 'd' })));
  expect(error.name).toBe('InternalServiceException');
  expect(error.message).toContain(error.$metadata.requestId);
  expect(error.message).not.toContain('secret');
  const failed = events.find((event) => event.name === 'doorRequestFailed');
  expect(failed?.payload).toMatchObject({ operation: 'glue:DeleteDatabase', code: 'internal' });
  expect(JSON.stringify(failed)).toContain('ENOENT: /secret/path');
});

it('finishes every request with an event', async () => {
  await new STSClient(config()).send(new GetCallerIdentityCommand({}));
  expect(events).toEqual([
    expect.objectContaining({
      name: 'doorRequestFinished',
      payload: expect.objectContaining({ operation: 'sts:GetCallerIdentity', status: 200, principal: ada.arn }),
    }),
  ]);
});

it('refuses wrong signatures, unknown keys, wrong clocks and unsigned requests in the protocol’s form', async () => {
  const call = (other: object) =>
    failureOf(new GlueClient(config(other)).send(new GetTablesCommand({ DatabaseName: 'd' })));
  const wrong = await call({ credentials: { ...credentials, secretAccessKey: 'guess' } });
  expect(wrong).toMatchObject({ name: 'InvalidSignatureException', $metadata: { httpStatusCode: 403 } });
  expect(await call({ credentials: { ...credentials, accessKeyId: 'AKIANOBODY' } })).toMatchObject({
    name: 'UnrecognizedClientException',
  });
  now = Date.now() + 3_600_000;
  expect(await call({})).toMatchObject({
    name: 'InvalidSignatureException',
    message: expect.stringContaining('15 minutes'),
  });
  const stsError = await failureOf(new STSClient(config()).send(new GetCallerIdentityCommand({})));
  expect(stsError).toMatchObject({ name: 'SignatureDoesNotMatch' });
  const unsigned = await raw(
    { 'x-amz-target': 'AWSGlue.GetTables', 'content-type': 'application/x-amz-json-1.1' },
    '{}',
  );
  expect(unsigned.status).toBe(403);
  expect(await unsigned.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' });
  expect(seen).toBeUndefined();
});

it('refuses a signature made for another service', async () => {
  const { SignatureV4 } = await import('@smithy/signature-v4');
  const { Sha256 } = await import('@aws-crypto/sha256-js');
  const signer = new SignatureV4({ credentials, region: 'us-east-1', service: 'sts', sha256: Sha256 });
  const url = new URL(endpoint);
  const headers = { host: url.host, 'x-amz-target': 'AWSGlue.GetTables', 'content-type': 'application/x-amz-json-1.1' };
  const signed = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname: url.hostname,
    path: '/',
    headers,
    body: '{}',
  });
  const { host: _host, ...sent } = signed.headers;
  const answer = await raw(sent, '{}');
  expect([answer.status, ((await answer.json()) as { message: string }).message]).toEqual([
    403,
    expect.stringContaining('scoped to the service `glue`'),
  ]);
});

it('names operations the service does not have, and ones Loch does not have yet', async () => {
  const { GetJobCommand } = await import('@aws-sdk/client-glue');
  const missing = await failureOf(new GlueClient(config()).send(new GetJobCommand({ JobName: 'j' })));
  expect(missing).toMatchObject({
    name: 'UnsupportedOperationException',
    message: expect.stringContaining('glue:GetJob'),
  });
  const client = new GlueClient(config());
  client.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-amz-target'] = 'AWSGlue.GetTabels';
      return next(args);
    },
    { step: 'build' },
  );
  const unknown = await failureOf(client.send(new GetTablesCommand({ DatabaseName: 'd' })));
  expect(unknown).toMatchObject({
    name: 'UnknownOperationException',
    message: expect.stringContaining('or GetTables'),
  });
});

it('names the service nobody serves', async () => {
  const answer = await raw({ 'x-amz-target': 'DynamoDB_20120810.ListTables' }, '{}');
  expect(answer.status).toBe(501);
  expect(((await answer.json()) as { message: string }).message).toContain('Known: glue, iam, lakeformation, sts.');
});

it('refuses a member of the wrong type and a missing one before the handler sees them', async () => {
  const wrong = (input: object) => failureOf(new GlueClient(config()).send(new GetTablesCommand(input as never)));
  expect(await wrong({ DatabaseName: 'd', MaxResults: 'abc' })).toMatchObject({
    name: 'SerializationException',
    message: expect.stringContaining('`MaxResults` must be a number'),
  });
  expect(await wrong({})).toMatchObject({
    name: 'ValidationException',
    message: expect.stringContaining('`DatabaseName`'),
  });
  const iamClient = new IAMClient(config());
  expect(await failureOf(iamClient.send(new ListUsersCommand({ MaxItems: 'x' as never })))).toMatchObject({
    message: expect.stringContaining('`MaxItems` must be a number'),
  });
  expect(await failureOf(iamClient.send(new CreateUserCommand({} as never)))).toMatchObject({
    name: 'ValidationError',
    message: expect.stringContaining('`UserName` is required'),
  });
  expect(seen).toBeUndefined();
});

it('refuses a body above the limit without reading it', async () => {
  const error = await failureOf(
    new GlueClient(config()).send(new GetTablesCommand({ DatabaseName: 'd'.repeat(200_000) })),
  );
  expect(error).toMatchObject({
    name: 'RequestEntityTooLargeException',
    message: expect.stringContaining('100000 bytes'),
  });
});
