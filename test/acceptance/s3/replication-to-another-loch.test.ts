/** Replication to another S3 service: a second Loch, over a link that comes and goes. */
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import * as glue from '@aws-sdk/client-glue';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

const ACCOUNT = '000000000001';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/replicator`;
const Bucket = 'near';
const FAR = 'far';

/** A link to a port that can be cut. */
class Link {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  constructor(port: number) {
    this.#port = port;
  }

  async up(): Promise<void> {
    const server = createServer((socket) => {
      const there = connect(this.#port, '127.0.0.1');
      for (const each of [socket, there]) {
        this.#sockets.add(each);
        each.on('error', () => each.destroy());
        each.on('close', () => this.#sockets.delete(each));
      }
      socket.pipe(there).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    this.#server = undefined;
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  }
}

let near: RunningLoch;
let far: RunningLoch;
let link: Link;
let here: s3.S3Client;
let there: s3.S3Client;

const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const put = (Key: string, Body: string | Uint8Array, more: Partial<s3.PutObjectCommandInput> = {}) =>
  here.send(new s3.PutObjectCommand({ Bucket, Key, Body, ...more }));
const versions = async (client: s3.S3Client, of: string) => {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: of }));
  const all = [...Versions, ...DeleteMarkers];
  return all.map(({ Key, VersionId, LastModified }) => `${Key} ${VersionId} ${LastModified?.getTime()}`).sort();
};
const statusOf = async (Key: string) => (await here.send(new s3.HeadObjectCommand({ Bucket, Key }))).ReplicationStatus;

beforeAll(async () => {
  near = await startLoch();
  far = await startLoch();
  here = new s3.S3Client(near.client.sdk);
  there = new s3.S3Client(far.client.sdk);
  link = new Link(Number(new URL(far.server.awsUrl).port));
  await link.up();
  for (const [client, name] of [
    [here, Bucket],
    [there, FAR],
  ] as const) {
    await client.send(new s3.CreateBucketCommand({ Bucket: name }));
    await client.send(
      new s3.PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }),
    );
  }
  const farUsers = new iam.IAMClient(far.client.sdk);
  await farUsers.send(new iam.CreateUserCommand({ UserName: 'guest' }));
  const Action = ['s3:ReplicateObject', 's3:ReplicateDelete', 's3:PutObject', 's3:PutObjectTagging'];
  const guest = policy(
    { Effect: 'Allow', Action: [...Action, 's3:PutObjectVersionTagging'], Resource: `arn:aws:s3:::${FAR}/*` },
    { Effect: 'Allow', Action: 's3:GetBucketVersioning', Resource: `arn:aws:s3:::${FAR}` },
  );
  await farUsers.send(new iam.PutUserPolicyCommand({ UserName: 'guest', PolicyName: 'p', PolicyDocument: guest }));
  const { AccessKey } = await farUsers.send(new iam.CreateAccessKeyCommand({ UserName: 'guest' }));
  await new glue.GlueClient(near.client.sdk).send(
    new glue.CreateConnectionCommand({
      ConnectionInput: {
        Name: 'far-site',
        ConnectionType: 'CUSTOM',
        ConnectionProperties: {
          ENDPOINT: `http://127.0.0.1:${link.port}`,
          REGION: 'us-east-1',
          USERNAME: AccessKey!.AccessKeyId!,
          PASSWORD: AccessKey!.SecretAccessKey!,
        },
      },
    }),
  );
  const roles = new iam.IAMClient(near.client.sdk);
  const AssumeRolePolicyDocument = policy({
    Effect: 'Allow',
    Principal: { Service: 's3.amazonaws.com' },
    Action: 'sts:AssumeRole',
  });
  await roles.send(new iam.CreateRoleCommand({ RoleName: 'replicator', AssumeRolePolicyDocument }));
  const PolicyDocument = policy({
    Effect: 'Allow',
    Action: ['s3:GetObjectVersionForReplication', 's3:GetObjectVersionTagging', 'glue:GetConnection'],
    Resource: '*',
  });
  await roles.send(new iam.PutRolePolicyCommand({ RoleName: 'replicator', PolicyName: 'p', PolicyDocument }));
  await here.send(
    new s3.PutBucketReplicationCommand({
      Bucket,
      ReplicationConfiguration: {
        Role: ROLE,
        Rules: [
          {
            ID: 'far',
            Priority: 1,
            Status: 'Enabled',
            Filter: {},
            DeleteMarkerReplication: { Status: 'Enabled' },
            Destination: { Bucket: `arn:loch:s3:us-east-1:${ACCOUNT}:far-site/${FAR}` },
          },
        ],
      },
    }),
  );
}, 120_000);
afterAll(async () => {
  await link.down();
  await near.stop();
  await far.stop();
});

it('takes versions, parts, tags and delete markers to another Loch under their own ids', async () => {
  await put('a', 'one', { Metadata: { m: 'v' }, Tagging: 'k=1', ContentType: 'text/plain' });
  await put('a', 'two');
  await put('empty', new Uint8Array(0));
  const at = { Bucket, Key: 'parts' };
  const { UploadId } = await here.send(new s3.CreateMultipartUploadCommand(at));
  const Parts: s3.CompletedPart[] = [];
  for (const Body of [Buffer.alloc(6 << 20, 7), Buffer.from('end')]) {
    const PartNumber = Parts.length + 1;
    const { ETag } = await here.send(new s3.UploadPartCommand({ ...at, UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag });
  }
  const made = await here.send(new s3.CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));
  await here.send(new s3.DeleteObjectCommand({ Bucket, Key: 'empty' }));
  await vi.waitFor(async () => expect(await versions(there, FAR)).toEqual(await versions(here, Bucket)), 30_000);
  const copy = await there.send(new s3.HeadObjectCommand({ Bucket: FAR, Key: 'parts' }));
  expect(copy).toMatchObject({ ETag: made.ETag, VersionId: made.VersionId, ReplicationStatus: 'REPLICA' });
  await vi.waitFor(async () => expect(await statusOf('parts')).toBe('COMPLETED'), 10_000);
  const TagSet = [{ Key: 'k', Value: '2' }];
  await here.send(new s3.PutObjectTaggingCommand({ Bucket, Key: 'a', Tagging: { TagSet } }));
  await vi.waitFor(async () => {
    const tags = await there.send(new s3.GetObjectTaggingCommand({ Bucket: FAR, Key: 'a' }));
    expect(tags.TagSet).toEqual(TagSet);
  }, 20_000);
}, 90_000);

it('goes on in order where it was, after the link was away and the server was killed', async () => {
  await link.down();
  for (let i = 0; i < 60; i++) await put(`k${i % 6}`, `${i}`);
  await here.send(new s3.DeleteObjectCommand({ Bucket, Key: 'k0' }));
  expect(await statusOf('k1')).toBe('PENDING');
  const figures = () =>
    near.client.call<{ rules: { operationsPending: number; linkFailure?: string }[] }>(
      'GET',
      `/api/replication/${Bucket}`,
    );
  await vi.waitFor(async () => {
    const [rule] = (await figures()).rules;
    expect(rule).toMatchObject({ operationsPending: 61 });
    expect(rule!.linkFailure).toBeDefined();
  }, 30_000);
  await near.kill();
  near = await startLoch({ data: near.data });
  here = new s3.S3Client(near.client.sdk);
  await link.up();
  await vi.waitFor(async () => expect(await versions(there, FAR)).toEqual(await versions(here, Bucket)), 60_000);
  const { Body } = await there.send(new s3.GetObjectCommand({ Bucket: FAR, Key: 'k5' }));
  expect(await Body!.transformToString()).toBe('59');
  await vi.waitFor(async () => expect(await statusOf('k5')).toBe('COMPLETED'), 10_000);
  expect((await figures()).rules).toMatchObject([{ operationsPending: 0, operationsFailed: 0, latencyMs: 0 }]);
}, 180_000);
