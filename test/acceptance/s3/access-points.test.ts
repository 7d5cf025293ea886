/** Access points and access grants by the official client of S3 Control. */
import { Agent } from 'node:http';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import * as control from '@aws-sdk/client-s3-control';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

const AccountId = '000000000001';
const Bucket = 'shared-data';

let loch: RunningLoch;
let admin: s3.S3Client;
let owner: control.S3ControlClient;

/** The client puts the account before the host's name, which no resolver knows. */
const everyHostIsThisOne = new Agent({
  lookup: (_host, options, done) => {
    if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
    else done(null, '127.0.0.1', 4);
  },
});

type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };

function controlOf(credentials?: Credentials): control.S3ControlClient {
  const { sdk } = loch.client;
  const endpoint = sdk.endpoint.replace('127.0.0.1', 'localhost');
  const requestHandler = { httpAgent: everyHostIsThisOne };
  return new control.S3ControlClient({ ...sdk, endpoint, requestHandler, ...(credentials && { credentials }) });
}
const s3Of = (credentials: Credentials) => new s3.S3Client({ ...loch.client.sdk, credentials });

const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });

async function user(UserName: string, ...statements: object[]): Promise<Credentials> {
  const client = new iam.IAMClient(loch.client.sdk);
  await client.send(new iam.CreateUserCommand({ UserName }));
  if (statements.length > 0) {
    const PolicyDocument = policy(...statements);
    await client.send(new iam.PutUserPolicyCommand({ UserName, PolicyName: 'p', PolicyDocument }));
  }
  const { AccessKey } = await client.send(new iam.CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
}

async function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'allowed',
    (error: Error) => error.name,
  );
}

const get = (client: s3.S3Client, Key: string, of = Bucket) =>
  outcome(client.send(new s3.GetObjectCommand({ Bucket: of, Key })));
const put = (client: s3.S3Client, Key: string, of = Bucket) =>
  outcome(client.send(new s3.PutObjectCommand({ Bucket: of, Key, Body: 'x' })));

beforeAll(async () => {
  loch = await startLoch();
  admin = new s3.S3Client(loch.client.sdk);
  owner = controlOf();
  await admin.send(new s3.CreateBucketCommand({ Bucket }));
  for (const Key of ['team/a', 'team/b*/c', 'team/bX/c', 'other/a', 'teams']) {
    await admin.send(new s3.PutObjectCommand({ Bucket, Key, Body: Key }));
  }
}, 60_000);
afterAll(() => loch.stop());

it('opens a bucket through an access point to whom both it and the bucket let in', async () => {
  const made = await owner.send(new control.CreateAccessPointCommand({ AccountId, Name: 'team-door', Bucket }));
  expect(made.AccessPointArn).toBe(`arn:aws:s3:us-east-1:${AccountId}:accesspoint/team-door`);
  const Alias = made.Alias!;
  expect(await owner.send(new control.GetAccessPointCommand({ AccountId, Name: 'team-door' }))).toMatchObject({
    Name: 'team-door',
    Bucket,
    Alias,
    NetworkOrigin: 'Internet',
  });
  const listed = await owner.send(new control.ListAccessPointsCommand({ AccountId, Bucket }));
  expect(listed.AccessPointList).toMatchObject([{ Name: 'team-door', Alias }]);
  expect(
    await outcome(owner.send(new control.CreateAccessPointCommand({ AccountId, Name: 'team-door', Bucket }))),
  ).toBe('AccessPointAlreadyOwnedByYou');
  const guest = s3Of(await user('guest'));
  const arn = `arn:aws:iam::${AccountId}:user/guest`;
  expect(await get(guest, 'team/a', Alias)).toBe('AccessDenied');
  const Policy = policy({
    Effect: 'Allow',
    Principal: { AWS: arn },
    Action: 's3:GetObject',
    Resource: `${made.AccessPointArn}/object/team/*`,
  });
  await owner.send(new control.PutAccessPointPolicyCommand({ AccountId, Name: 'team-door', Policy }));
  expect((await owner.send(new control.GetAccessPointPolicyCommand({ AccountId, Name: 'team-door' }))).Policy).toBe(
    Policy,
  );
  const status = await owner.send(new control.GetAccessPointPolicyStatusCommand({ AccountId, Name: 'team-door' }));
  expect(status.PolicyStatus).toEqual({ IsPublic: false });
  // The point lets him in, the bucket does not yet.
  expect(await get(guest, 'team/a', Alias)).toBe('AccessDenied');
  const delegate = policy({
    Effect: 'Allow',
    Principal: { AWS: arn },
    Action: 's3:*',
    Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
    Condition: { StringEquals: { 's3:DataAccessPointAccount': AccountId } },
  });
  await admin.send(new s3.PutBucketPolicyCommand({ Bucket, Policy: delegate }));
  expect(await get(guest, 'team/a', Alias)).toBe('allowed');
  expect(await get(guest, 'other/a', Alias)).toBe('AccessDenied');
  expect(await put(guest, 'team/new', Alias)).toBe('AccessDenied');
  expect(await get(guest, 'team/a')).toBe('AccessDenied');
  expect(await outcome(admin.send(new s3.GetBucketPolicyCommand({ Bucket: Alias })))).toBe('NotImplemented');
  expect(await put(admin, 'by/alias', Alias)).toBe('allowed');
  expect(await get(admin, 'by/alias')).toBe('allowed');
  await owner.send(new control.DeleteAccessPointPolicyCommand({ AccountId, Name: 'team-door' }));
  expect(await get(guest, 'team/a', Alias)).toBe('AccessDenied');
  const everybody = policy({
    Effect: 'Allow',
    Principal: '*',
    Action: 's3:GetObject',
    Resource: `${made.AccessPointArn}/object/*`,
  });
  expect(
    await outcome(
      owner.send(new control.PutAccessPointPolicyCommand({ AccountId, Name: 'team-door', Policy: everybody })),
    ),
  ).toBe('AccessDenied');
  await owner.send(new control.DeleteAccessPointCommand({ AccountId, Name: 'team-door' }));
  expect(await outcome(owner.send(new control.GetAccessPointCommand({ AccountId, Name: 'team-door' })))).toBe(
    'NoSuchAccessPoint',
  );
  expect(await get(admin, 'by/alias', Alias)).toBe('NoSuchBucket');
}, 60_000);

it('gives credentials of an access grant, which open its prefix and nothing else', async () => {
  const roles = new iam.IAMClient(loch.client.sdk);
  const trust = (Service: string) => policy({ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' });
  const role = async (RoleName: string, service: string) => {
    await roles.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust(service) }));
    const PolicyDocument = policy({ Effect: 'Allow', Action: 's3:*', Resource: '*' });
    await roles.send(new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument }));
    return `arn:aws:iam::${AccountId}:role/${RoleName}`;
  };
  const IAMRoleArn = await role('grants', 'access-grants.s3.amazonaws.com');
  const strange = await role('strange', 'glue.amazonaws.com');
  await owner.send(new control.CreateAccessGrantsInstanceCommand({ AccountId }));
  expect(await outcome(owner.send(new control.CreateAccessGrantsInstanceCommand({ AccountId })))).toBe(
    'AccessGrantsInstanceAlreadyExistsError',
  );
  const locate = (LocationScope: string, of: string) =>
    owner.send(new control.CreateAccessGrantsLocationCommand({ AccountId, LocationScope, IAMRoleArn: of }));
  const { AccessGrantsLocationId } = await locate('s3://', IAMRoleArn);
  const bad = await locate(`s3://${Bucket}/other/*`, strange);
  const reader = await user('reader', {
    Effect: 'Allow',
    Action: ['s3:GetDataAccess', 's3:ListCallerAccessGrants'],
    Resource: '*',
  });
  const GranteeIdentifier = `arn:aws:iam::${AccountId}:user/reader`;
  const grant = (id: string | undefined, S3SubPrefix: string, Permission: control.Permission, more: object = {}) =>
    owner.send(
      new control.CreateAccessGrantCommand({
        AccountId,
        AccessGrantsLocationId: id,
        AccessGrantsLocationConfiguration: { S3SubPrefix },
        Grantee: { GranteeType: 'IAM', GranteeIdentifier },
        Permission,
        ...more,
      }),
    );
  const team = await grant(AccessGrantsLocationId, `${Bucket}/team/*`, 'READ');
  expect(team.GrantScope).toBe(`s3://${Bucket}/team/*`);
  await grant(AccessGrantsLocationId, `${Bucket}/team/b*/*`, 'READWRITE');
  await grant(bad.AccessGrantsLocationId, '*', 'READ');
  expect(
    await outcome(
      grant(AccessGrantsLocationId, `${Bucket}/x*`, 'READ', {
        Grantee: { GranteeType: 'DIRECTORY_GROUP', GranteeIdentifier: 'g' },
      }),
    ),
  ).toBe('NotImplemented');
  const caller = controlOf(reader);
  const own = await caller.send(new control.ListCallerAccessGrantsCommand({ AccountId }));
  expect(own.CallerAccessGrantsList?.map(({ GrantScope }) => GrantScope).sort()).toEqual([
    `s3://${Bucket}/other/*`,
    `s3://${Bucket}/team/*`,
    `s3://${Bucket}/team/b*/*`,
  ]);
  const access = (Target: string, Permission: control.Permission, more: Partial<control.GetDataAccessRequest> = {}) =>
    caller.send(new control.GetDataAccessCommand({ AccountId, Target, Permission, ...more }));
  const clientOf = async (asked: ReturnType<typeof access>) => {
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = (await asked).Credentials!;
    return s3Of({ accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken });
  };
  expect(await outcome(access(`s3://${Bucket}/team/*`, 'WRITE'))).toBe('AccessDenied');
  expect(await outcome(access(`s3://${Bucket}/*`, 'READ'))).toBe('AccessDenied');
  expect(await outcome(access(`s3://${Bucket}/other/*`, 'READ'))).toBe('AccessDenied'); // its role trusts another service
  expect(await get(s3Of(reader), 'team/a')).toBe('AccessDenied');

  const reading = await clientOf(access(`s3://${Bucket}/team/*`, 'READ'));
  expect(await get(reading, 'team/a')).toBe('allowed');
  expect(await get(reading, 'teams')).toBe('AccessDenied');
  expect(await get(reading, 'other/a')).toBe('AccessDenied');
  expect(await put(reading, 'team/a')).toBe('AccessDenied');
  const list = (client: s3.S3Client, Prefix: string) =>
    outcome(client.send(new s3.ListObjectsV2Command({ Bucket, Prefix })));
  expect([await list(reading, 'team/'), await list(reading, 'te'), await list(reading, 'other/')]).toEqual([
    'allowed',
    'AccessDenied',
    'AccessDenied',
  ]);
  // A star in a name is a star.
  const writing = await clientOf(access(`s3://${Bucket}/team/b*/*`, 'READWRITE'));
  expect(await put(writing, 'team/b*/new')).toBe('allowed');
  expect(await get(writing, 'team/bX/c')).toBe('AccessDenied');
  const minimal = await clientOf(
    access(`s3://${Bucket}/team/a`, 'READ', { Privilege: 'Minimal', TargetType: 'Object' }),
  );
  expect([await get(minimal, 'team/a'), await get(minimal, 'team/b*/c')]).toEqual(['allowed', 'AccessDenied']);

  await owner.send(new control.DeleteAccessGrantCommand({ AccountId, AccessGrantId: team.AccessGrantId }));
  expect(await outcome(access(`s3://${Bucket}/team/*`, 'READ'))).toBe('AccessDenied');
  const remaining = await owner.send(new control.ListAccessGrantsCommand({ AccountId, GranteeIdentifier }));
  expect(remaining.AccessGrantsList).toHaveLength(2);
  expect(
    await outcome(owner.send(new control.DeleteAccessGrantsLocationCommand({ AccountId, AccessGrantsLocationId }))),
  ).toBe('AccessGrantsInstanceNotEmptyError');
}, 60_000);
