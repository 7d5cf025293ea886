/** Grants at the S3 door: what a registered location does to the objects below it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../src/core/caller.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { createEventBus } from '../../../src/core/events.ts';
import { createS3Door } from '../../../src/doors/s3/index.ts';
import type { LakePermission, LakeResource } from '../../../src/governance/contract.ts';
import { openBucketSettings, openStorage } from '../../../src/storage/index.ts';
import { openMemoryStore } from '../../../src/storage/stores/memory/index.ts';
import { openTestLake, TEST_ACCOUNT, type TestLake, tableResource } from '../../../src/testing/builders/test-lake.ts';

const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'region', type: 'string' },
];
const LOCATION = 'arn:aws:s3:::lake/curated';
let lake: TestLake;
let ann: RequestContext;
let endpoint = '';
let closeServer = () => {};
let asRoot: S3Client;
let asAnn: S3Client;

const name = { Bucket: 'lake', Key: 'curated/leads/data.parquet' };
const get = (client: S3Client, Key = name.Key) => client.send(new GetObjectCommand({ Bucket: 'lake', Key }));
const put = (client: S3Client, Key: string) => client.send(new PutObjectCommand({ Bucket: 'lake', Key, Body: 'x' }));
const refused = expect.objectContaining({ name: 'AccessDenied' });

async function clientOf(context: RequestContext, userName?: string): Promise<S3Client> {
  const key =
    userName === undefined
      ? await lake.governance.ensureRootKey()
      : await lake.governance.identity.createAccessKey(context, userName);
  const credentials = { accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() };
  const plain = { forcePathStyle: true, maxAttempts: 1, requestChecksumCalculation: 'WHEN_REQUIRED' } as const;
  return new S3Client({ region: 'us-east-1', endpoint, credentials, ...plain });
}

const grant = (resource: LakeResource, permissions: LakePermission[], to = ann.principal.arn) =>
  lake.governance.grants.grant(lake.root, { principal: to, resource, permissions });
const revoke = (resource: LakeResource, permissions: LakePermission[], to = ann.principal.arn) =>
  lake.governance.grants.revoke(lake.root, { principal: to, resource, permissions });

beforeAll(async () => {
  lake = await openTestLake();
  const { governance } = lake;
  const shared = { audit: governance.audit, accountId: TEST_ACCOUNT, region: 'us-east-1' };
  const objects = openMemoryStore({ clock: systemClock });
  await objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: TEST_ACCOUNT });
  const bucketSettings = openBucketSettings({
    store: lake.store,
    objects,
    defaults: { objectOwnership: 'BucketOwnerEnforced', publicAccessBlock: true },
  });
  const storage = openStorage({
    ...shared,
    settings: bucketSettings,
    resourcePolicies: governance.resourcePolicies,
    identities: governance.identities,
    objects,
    policy: governance.policy,
    directory: () => lake.directory,
    ownerOf: async () => undefined,
  });
  const events = createEventBus((error) => {
    throw error;
  });
  const door = createS3Door({
    ...shared,
    ...storage,
    accounts: governance.accounts,
    identities: governance.identities,
    events,
    clock: systemClock,
  });
  const server = createServer((request, response) => void door(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeServer = () => {
    server.closeAllConnections();
    server.close();
  };
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  ann = await lake.user('ann');
  asRoot = await clientOf(lake.root);
  asAnn = await clientOf(lake.root, 'ann');
  await put(asRoot, name.Key);
  await put(asRoot, 'raw/file.csv');
  await lake.createDatabase(lake.root, 'curated');
  await lake.createTable(lake.root, 'curated.leads', COLUMNS, 'lake/curated/leads/');
  await governance.grants.registerLocation(lake.root, { arn: LOCATION });
});
afterAll(async () => {
  closeServer();
  await lake.close();
});

describe('objects of a table under a registered location', () => {
  const table = tableResource('curated.leads');

  it('are refused to a user with all IAM rights and no grant, and allowed outside the location', async () => {
    await expect(get(asAnn)).rejects.toEqual(refused);
    await get(asAnn, 'raw/file.csv');
    const { events } = await lake.governance.trail.lookupEvents(lake.root, {
      attributes: [{ key: 'Username', value: 'ann' }],
    });
    expect(events[0]).toMatchObject({
      eventName: 'GetObject',
      eventSource: 's3.amazonaws.com',
      errorCode: 'AccessDenied',
    });
  });

  it('need SELECT on every row and column', async () => {
    const columns = { ...table, kind: 'columns', include: ['id'] } as const;
    await grant(columns, ['SELECT']);
    await expect(get(asAnn)).rejects.toEqual(refused);
    const input = { database: 'curated', table: 'leads', filter: 'north' };
    await lake.governance.grants.createFilter(lake.root, { ...input, expression: "region = 'north'", exclude: [] });
    await grant({ kind: 'filter', ...input }, ['SELECT']);
    await expect(get(asAnn)).rejects.toEqual(refused);
    await grant(table, ['SELECT']);
    await get(asAnn);
    await revoke(table, ['SELECT']);
    await expect(get(asAnn)).rejects.toEqual(refused);
  });

  it('are no different for root', async () => {
    await get(asRoot);
    await revoke(table, ['ALL'], lake.root.principal.arn);
    await expect(get(asRoot)).rejects.toEqual(refused);
    await grant(table, ['ALL'], lake.root.principal.arn);
    await get(asRoot);
  });

  it('are written only with DATA_LOCATION_ACCESS on their path', async () => {
    await put(asRoot, 'curated/leads/more.parquet');
    await expect(put(asAnn, 'curated/leads/x')).rejects.toEqual(refused);
    await expect(asAnn.send(new DeleteObjectCommand(name))).rejects.toEqual(refused);
    await grant({ kind: 'location', arn: `${LOCATION}/leads` }, ['DATA_LOCATION_ACCESS']);
    await put(asAnn, 'curated/leads/x');
    await expect(put(asAnn, 'curated/other/x')).rejects.toEqual(refused);
    const own = { kind: 'location', arn: LOCATION } as const;
    await revoke(own, ['DATA_LOCATION_ACCESS'], lake.root.principal.arn);
    await expect(put(asRoot, 'curated/leads/y')).rejects.toEqual(refused);
  });
});
