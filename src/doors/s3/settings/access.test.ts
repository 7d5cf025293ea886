/** Who may: policies of buckets, lists, blocks, and accounts. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalUserId } from '../../../core/canonical-user.ts';
import { signHttp } from '../../../testing/clients/signed-request.ts';
import { contextOf } from '../../../testing/builders/test-lake.ts';
import { openS3Lake, S3_LAKE, type S3Key, type S3Lake } from '../../../testing/builders/s3-lake.ts';

const OTHER = '222222222222';
const root = `arn:aws:iam::${S3_LAKE.accountId}:root`;
let lake: S3Lake;
let main: s3.S3Client;
let other: s3.S3Client;
let nobody: s3.S3Client;
let otherKey: S3Key;
let count = 0;

beforeAll(async () => {
  lake = await openS3Lake({ bucketDefaults: { objectOwnership: 'ObjectWriter', publicAccessBlock: false } });
  main = lake.client();
  otherKey = (await lake.account(OTHER)).key;
  other = lake.client(otherKey);
  nobody = lake.client(lake.rootKey, { signer: { sign: async (request) => request } });
});
afterAll(() => lake.close());

async function outcome(work: Promise<object>): Promise<unknown> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof s3.S3ServiceException) return `${error.$metadata.httpStatusCode} ${error.name}`;
    throw error;
  }
}

async function bucket(options: Partial<s3.CreateBucketCommandInput> = {}): Promise<string> {
  const Bucket = `access-${++count}`;
  await main.send(new s3.CreateBucketCommand({ Bucket, ...options }));
  await main.send(new s3.PutObjectCommand({ Bucket, Key: 'open/a', Body: 'a' }));
  await main.send(new s3.PutObjectCommand({ Bucket, Key: 'closed/b', Body: 'b' }));
  return Bucket;
}

const policy = (Bucket: string, ...Statement: object[]) =>
  outcome(
    main.send(new s3.PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) })),
  );
const on = (Bucket: string, ...paths: string[]) =>
  paths.map((path) => `arn:aws:s3:::${Bucket}${path === '' ? '' : `/${path}`}`);
const get = (client: s3.S3Client, Bucket: string, Key: string) =>
  outcome(client.send(new s3.GetObjectCommand({ Bucket, Key })).then(({ Body }) => Body!.transformToByteArray()));
const put = (client: s3.S3Client, Bucket: string, Key: string, more: Partial<s3.PutObjectCommandInput> = {}) =>
  outcome(client.send(new s3.PutObjectCommand({ Bucket, Key, Body: Key, ...more })));
const list = (client: s3.S3Client, Bucket: string, Prefix?: string) =>
  outcome(client.send(new s3.ListObjectsV2Command({ Bucket, Prefix })));

describe('bucket policies', () => {
  it('open what they name to whom they name, and nothing else', async () => {
    const Bucket = await bucket();
    expect(await get(other, Bucket, 'open/a')).toBe('403 AccessDenied');
    expect(await get(nobody, Bucket, 'open/a')).toBe('403 AccessDenied');
    await policy(Bucket, {
      Effect: 'Allow',
      Principal: { AWS: OTHER },
      Action: 's3:GetObject',
      Resource: on(Bucket, 'open/*'),
    });
    expect(await get(other, Bucket, 'open/a')).toBe('done');
    expect(await get(other, Bucket, 'closed/b')).toBe('403 AccessDenied');
    expect(await list(other, Bucket)).toBe('403 AccessDenied');
    expect(await get(nobody, Bucket, 'open/a')).toBe('403 AccessDenied');
    await policy(Bucket, { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: on(Bucket, 'open/*') });
    expect(await get(nobody, Bucket, 'open/a')).toBe('done');
    await main.send(new s3.DeleteBucketPolicyCommand({ Bucket }));
    expect(await get(nobody, Bucket, 'open/a')).toBe('403 AccessDenied');
    expect(await outcome(main.send(new s3.GetBucketPolicyCommand({ Bucket })))).toBe('404 NoSuchBucketPolicy');
  });

  it('give to a user of the same account what his own policies do not', async () => {
    const Bucket = await bucket();
    const ann = lake.client(await lake.user('ann'));
    const arn = `arn:aws:iam::${S3_LAKE.accountId}:user/ann`;
    expect(await get(ann, Bucket, 'open/a')).toBe('403 AccessDenied');
    await policy(Bucket, {
      Effect: 'Allow',
      Principal: { AWS: arn },
      Action: 's3:GetObject',
      Resource: on(Bucket, '*'),
    });
    expect(await get(ann, Bucket, 'open/a')).toBe('done');
    await policy(Bucket, {
      Effect: 'Allow',
      Principal: { AWS: root },
      Action: 's3:GetObject',
      Resource: on(Bucket, '*'),
    });
    expect(await get(ann, Bucket, 'open/a')).toBe('403 AccessDenied');
  });

  it('need the other account to allow it to its user as well', async () => {
    const Bucket = await bucket();
    const [bare, full] = await Promise.all([otherUser('bare'), otherUser('full', ['s3:GetObject'])]);
    const Resource = on(Bucket, '*');
    await policy(Bucket, {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${OTHER}:root` },
      Action: 's3:*',
      Resource,
    });
    expect(await get(lake.client(bare), Bucket, 'open/a')).toBe('403 AccessDenied');
    expect(await get(lake.client(full), Bucket, 'open/a')).toBe('done');
    expect(await put(lake.client(full), Bucket, 'c')).toBe('403 AccessDenied');
  });

  it('deny everybody they name, root included, who can still take them away', async () => {
    const Bucket = await bucket();
    const Resource = [...on(Bucket, ''), ...on(Bucket, '*')];
    await policy(Bucket, { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource });
    expect(await get(main, Bucket, 'open/a')).toBe('403 AccessDenied');
    expect(await list(main, Bucket)).toBe('403 AccessDenied');
    expect(await outcome(main.send(new s3.GetBucketPolicyCommand({ Bucket })))).toBe('done');
    expect(await outcome(main.send(new s3.DeleteBucketPolicyCommand({ Bucket })))).toBe('done');
    expect(await get(main, Bucket, 'open/a')).toBe('done');
  });

  it('look at the address, the prefix, the tags, the list and the source of a copy', async () => {
    const Bucket = await bucket();
    const when = (Condition: object, Action: string, Resource: string[]) =>
      policy(Bucket, { Effect: 'Allow', Principal: '*', Action, Resource, Condition });
    await when({ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, 's3:GetObject', on(Bucket, '*'));
    expect(await get(nobody, Bucket, 'open/a')).toBe('403 AccessDenied');
    await when({ IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }, 's3:GetObject', on(Bucket, '*'));
    expect(await get(nobody, Bucket, 'open/a')).toBe('done');
    await when({ StringLike: { 's3:prefix': 'open/*' } }, 's3:ListBucket', on(Bucket, ''));
    expect(await list(nobody, Bucket, 'open/')).toBe('done');
    expect(await list(nobody, Bucket, '')).toBe('403 AccessDenied');
    await lake.objects.updateAttributes({ bucket: Bucket, key: 'open/a' }, { tags: { class: 'public' } });
    await when({ StringEquals: { 's3:ExistingObjectTag/class': 'public' } }, 's3:GetObject', on(Bucket, '*'));
    expect(await get(nobody, Bucket, 'open/a')).toBe('done');
    expect(await get(nobody, Bucket, 'closed/b')).toBe('403 AccessDenied');
    await when({ StringEquals: { 's3:x-amz-acl': 'bucket-owner-full-control' } }, 's3:PutObject', on(Bucket, '*'));
    expect(await put(other, Bucket, 'from-other')).toBe('403 AccessDenied');
    expect(await put(other, Bucket, 'from-other', { ACL: 'bucket-owner-full-control' })).toBe('done');
    expect(await get(main, Bucket, 'from-other')).toBe('done');
  });

  it('look at the tags of the caller, and deny what is not encrypted', async () => {
    const Bucket = await bucket();
    const { identity } = lake.governance;
    const context = contextOf((await lake.governance.identities.principal(root))!);
    const key = await lake.user('tagged');
    const arn = `arn:aws:iam::${S3_LAKE.accountId}:user/tagged`;
    const allow = { Effect: 'Allow', Principal: { AWS: arn }, Resource: on(Bucket, '*') };
    const Condition = { StringEquals: { 'aws:PrincipalTag/team': 'blue' } };
    await policy(Bucket, { ...allow, Action: 's3:GetObject', Condition });
    expect(await get(lake.client(key), Bucket, 'open/a')).toBe('403 AccessDenied');
    await identity.tagEntity(context, { kind: 'user', name: 'tagged' }, { team: 'blue' });
    expect(await get(lake.client(key), Bucket, 'open/a')).toBe('done');
    await policy(
      Bucket,
      { ...allow, Action: 's3:PutObject' },
      {
        ...allow,
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:PutObject',
        Condition: { Null: { 's3:x-amz-server-side-encryption': 'true' } },
      },
    );
    expect(await put(lake.client(key), Bucket, 'plain')).toBe('403 AccessDenied');
    expect(await put(main, Bucket, 'plain')).toBe('403 AccessDenied');
  });

  it('and those of users look at the tags of a bucket where it was told so', async () => {
    const Bucket = await bucket();
    const Condition = { StringEquals: { 'aws:ResourceTag/team': 'blue' } };
    const key = await lake.user('blue', { Effect: 'Allow', Action: 's3:GetObject', Resource: '*', Condition });
    const blue = lake.client(key);
    await main.send(new s3.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'team', Value: 'blue' }] } }));
    expect(await get(blue, Bucket, 'open/a')).toBe('403 AccessDenied');
    await main.send(new s3.PutBucketAbacCommand({ Bucket, AbacStatus: { Status: 'Enabled' } }));
    expect((await main.send(new s3.GetBucketAbacCommand({ Bucket }))).AbacStatus?.Status).toBe('Enabled');
    expect(await get(blue, Bucket, 'open/a')).toBe('done');
    await main.send(new s3.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'team', Value: 'red' }] } }));
    expect(await get(blue, Bucket, 'open/a')).toBe('403 AccessDenied');
  });

  it('are refused when they cannot be meant', async () => {
    const Bucket = await bucket();
    const ok = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: on(Bucket, '*') };
    const Resource = on('another-bucket', '*');
    expect({
      resource: await policy(Bucket, { ...ok, Resource }),
      action: await policy(Bucket, { ...ok, Action: 's3:GetObjekt' }),
      service: await policy(Bucket, { ...ok, Action: 'glue:GetTable' }),
      apart: await policy(Bucket, { ...ok, Resource: on(Bucket, '') }),
      principal: await policy(Bucket, { ...ok, Principal: { AWS: `arn:aws:iam::${OTHER}:user/nobody` } }),
      account: await policy(Bucket, { ...ok, Principal: { AWS: '333333333333' } }),
      canonical: await policy(Bucket, { ...ok, Principal: { CanonicalUser: 'feed' } }),
      none: await policy(Bucket, { Effect: 'Allow', Action: 's3:GetObject', Resource: on(Bucket, '*') }),
      text: await outcome(main.send(new s3.PutBucketPolicyCommand({ Bucket, Policy: '{' }))),
      good: await policy(Bucket, ok, {
        ...ok,
        Effect: 'Deny',
        NotPrincipal: { CanonicalUser: canonicalUserId(OTHER) },
        Principal: undefined,
      }),
    }).toEqual({
      resource: '400 MalformedPolicy',
      action: '400 MalformedPolicy',
      service: '400 MalformedPolicy',
      apart: '400 MalformedPolicy',
      principal: '400 MalformedPolicy',
      account: '400 MalformedPolicy',
      canonical: '400 MalformedPolicy',
      none: '400 MalformedPolicy',
      text: '400 MalformedPolicy',
      good: 'done',
    });
  });
});

async function otherUser(name: string, Action: string[] = []): Promise<S3Key> {
  const { identity, identities } = lake.governance;
  const principal = (await identities.principal(`arn:aws:iam::${OTHER}:root`))!;
  const context = contextOf(principal);
  await identity.createEntity(context, 'user', { name });
  if (Action.length > 0) {
    const document = JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource: '*' } });
    await identity.putInlinePolicy(context, { kind: 'user', name }, 'inline', document);
  }
  const key = await identity.createAccessKey(context, name);
  return { accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() };
}

describe('lists', () => {
  it('of a bucket open it to groups and accounts', async () => {
    const Bucket = await bucket({ ACL: 'public-read-write' });
    expect(await list(nobody, Bucket)).toBe('done');
    expect(await put(nobody, Bucket, 'anonymous', { ACL: 'public-read' })).toBe('done');
    expect(await get(nobody, Bucket, 'anonymous')).toBe('done');
    expect(await get(nobody, Bucket, 'open/a')).toBe('403 AccessDenied');
    expect(await get(nobody, Bucket, 'missing')).toBe('404 NoSuchKey');
    await main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'authenticated-read' }));
    expect(await list(nobody, Bucket)).toBe('403 AccessDenied');
    expect(await list(other, Bucket)).toBe('done');
    expect(await put(other, Bucket, 'c')).toBe('403 AccessDenied');
    await main.send(new s3.PutBucketAclCommand({ Bucket, GrantWrite: `id=${canonicalUserId(OTHER)}` }));
    expect(await put(other, Bucket, 'c')).toBe('done');
    expect(await put(main, Bucket, 'd')).toBe('403 AccessDenied');
    expect(await outcome(main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'private' })))).toBe('done');
    expect(await put(main, Bucket, 'd')).toBe('done');
  });

  it('of an object make it its writer’s, who may let the bucket owner in', async () => {
    const Bucket = await bucket({
      GrantWrite: `id=${canonicalUserId(OTHER)}`,
      GrantFullControl: `id=${canonicalUserId(S3_LAKE.accountId)}`,
    });
    expect(await put(other, Bucket, 'theirs')).toBe('done');
    expect(await get(main, Bucket, 'theirs')).toBe('403 AccessDenied');
    expect(await get(other, Bucket, 'theirs')).toBe('done');
    const { Contents = [] } = await main.send(
      new s3.ListObjectsV2Command({ Bucket, Prefix: 'theirs', FetchOwner: true }),
    );
    expect(Contents.map(({ Owner }) => Owner)).toEqual([
      { ID: canonicalUserId(OTHER), DisplayName: `account ${OTHER}` },
    ]);
    await other.send(new s3.PutObjectAclCommand({ Bucket, Key: 'theirs', ACL: 'bucket-owner-full-control' }));
    expect(await get(main, Bucket, 'theirs')).toBe('done');
    const { Owner, Grants = [] } = await main.send(new s3.GetObjectAclCommand({ Bucket, Key: 'theirs' }));
    expect(Owner?.ID).toBe(canonicalUserId(OTHER));
    expect(Grants.map(({ Grantee, Permission }) => [Grantee?.ID, Permission])).toEqual([
      [canonicalUserId(OTHER), 'FULL_CONTROL'],
      [canonicalUserId(S3_LAKE.accountId), 'FULL_CONTROL'],
    ]);
    expect(await outcome(main.send(new s3.DeleteObjectCommand({ Bucket, Key: 'theirs' })))).toBe('done');
  });

  it('are refused where the bucket owner is enforced', async () => {
    const Bucket = await bucket({ ObjectOwnership: 'BucketOwnerEnforced' });
    expect(await outcome(main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read' })))).toBe(
      '400 AccessControlListNotSupported',
    );
    expect(await put(main, Bucket, 'x', { ACL: 'public-read' })).toBe('400 AccessControlListNotSupported');
    expect(await put(main, Bucket, 'x', { ACL: 'bucket-owner-full-control' })).toBe('done');
    const { Grants = [] } = await main.send(new s3.GetBucketAclCommand({ Bucket }));
    expect(Grants.map(({ Permission }) => Permission)).toEqual(['FULL_CONTROL']);
    const made = main.send(
      new s3.CreateBucketCommand({ Bucket: 'both-ways', ObjectOwnership: 'BucketOwnerEnforced', ACL: 'public-read' }),
    );
    expect(await outcome(made)).toBe('400 InvalidBucketAclWithObjectOwnership');
    const Lists = await bucket({ ACL: 'public-read' });
    const OwnershipControls = { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' as const }] };
    expect(
      await outcome(main.send(new s3.PutBucketOwnershipControlsCommand({ Bucket: Lists, OwnershipControls }))),
    ).toBe('400 InvalidBucketAclWithObjectOwnership');
  });
});

describe('the public-access block', () => {
  const block = (Bucket: string, PublicAccessBlockConfiguration: s3.PublicAccessBlockConfiguration) =>
    main.send(new s3.PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));

  it('refuses public policies and lists, and shuts those there are', async () => {
    const Bucket = await bucket({ ACL: 'public-read' });
    const Open = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: on(Bucket, '*') };
    await policy(Bucket, Open);
    expect((await main.send(new s3.GetBucketPolicyStatusCommand({ Bucket }))).PolicyStatus?.IsPublic).toBe(true);
    expect(await get(nobody, Bucket, 'open/a')).toBe('done');
    await block(Bucket, { RestrictPublicBuckets: true });
    expect(await get(nobody, Bucket, 'open/a')).toBe('403 AccessDenied');
    expect(await get(other, Bucket, 'open/a')).toBe('403 AccessDenied');
    expect(await list(nobody, Bucket)).toBe('done');
    await block(Bucket, { IgnorePublicAcls: true, BlockPublicAcls: true, BlockPublicPolicy: true });
    expect(await list(nobody, Bucket)).toBe('403 AccessDenied');
    expect(await policy(Bucket, Open)).toBe('403 AccessDenied');
    expect(await outcome(main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read' })))).toBe(
      '403 AccessDenied',
    );
    expect(await put(main, Bucket, 'x', { ACL: 'public-read' })).toBe('403 AccessDenied');
    const narrow = { IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } };
    expect(await policy(Bucket, { ...Open, Condition: narrow })).toBe('done');
  });
});

describe('accounts', () => {
  it('see their own buckets, and nothing of the rest of the lake', async () => {
    await other.send(new s3.CreateBucketCommand({ Bucket: 'of-the-other' }));
    const { Buckets = [], Owner } = await other.send(new s3.ListBucketsCommand({}));
    expect(Buckets.map(({ Name }) => Name)).toEqual(['of-the-other']);
    expect(Owner?.ID).toBe(canonicalUserId(OTHER));
    expect(await list(main, 'of-the-other')).toBe('403 AccessDenied');
    expect(await outcome(main.send(new s3.CreateBucketCommand({ Bucket: 'of-the-other' })))).toBe(
      '409 BucketAlreadyExists',
    );
    const { policy: asked } = lake.governance;
    const principal = (await lake.governance.identities.principal(`arn:aws:iam::${OTHER}:root`))!;
    const decided = (action: string) => asked.decide(contextOf(principal), { action, resource: '*' });
    expect(await decided('glue:GetTables')).toMatchObject({ allowed: false });
    expect(await decided('organizations:CreateAccount')).toMatchObject({ allowed: false });
    expect(await decided('iam:ListUsers')).toMatchObject({ allowed: true });
  });
});

describe('whoever asks about objects, not by the door of S3', () => {
  it('hears what their bucket says', async () => {
    const Bucket = await bucket();
    const context = contextOf((await lake.governance.identities.principal(root))!);
    const asked = { action: 's3:GetObject', resource: `arn:aws:s3:::${Bucket}/closed/b` };
    expect(await lake.governance.policy.decide(context, asked)).toMatchObject({ allowed: true });
    await policy(Bucket, { Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: on(Bucket, 'closed/*') });
    expect(await lake.governance.policy.decide(context, asked)).toEqual({
      allowed: false,
      reason: 'explicit_deny',
      decidedBy: [`bucket-policy:${Bucket}#0`],
    });
    const foreign = { action: 's3:GetObject', resource: 'arn:aws:s3:::of-the-other/x' };
    expect(await lake.governance.policy.decide(context, foreign)).toMatchObject({ allowed: false });
  });
});

describe('who may read', () => {
  it('is explained by the statements and lines that decide, as it is decided', async () => {
    const Bucket = await bucket({ ACL: 'public-read' });
    const context = contextOf((await lake.governance.identities.principal(root))!);
    await lake.user('reader', { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' });
    const reader = `arn:aws:iam::${S3_LAKE.accountId}:user/reader`;
    await policy(Bucket, {
      Sid: 'Closed',
      Effect: 'Deny',
      Principal: { AWS: reader },
      Action: 's3:GetObject',
      Resource: on(Bucket, 'closed/*'),
    });
    const explain = async (principal: string, key?: string) => {
      const asked = { bucket: Bucket, principal, ...(key === undefined ? {} : { key }) };
      const { reason, decidedBy } = await lake.access.explainAccess(context, asked);
      return [reason, ...decidedBy];
    };
    expect(await explain(reader, 'closed/b')).toEqual(['explicit_deny', `bucket-policy:${Bucket}#Closed`]);
    expect(await explain(reader, 'open/a')).toEqual(['allowed', 'user/reader/inline#0']);
    expect(await explain('anonymous')).toEqual(['allowed', `bucket-acl:${Bucket}#READ:AllUsers`]);
    expect(await explain('anonymous', 'open/a')).toEqual(['implicit_deny']);
    expect(await explain(root, 'open/a')).toEqual(['allowed', root]);
    await expect(explain(`arn:aws:iam::${S3_LAKE.accountId}:user/nobody`)).rejects.toMatchObject({ code: 'not_found' });
    const asReader = contextOf((await lake.governance.identities.principal(reader))!);
    const question = { bucket: Bucket, key: 'open/a' };
    expect(await lake.access.explainAccess(asReader, { ...question, principal: reader })).toMatchObject({
      allowed: true,
    });
    await expect(lake.access.explainAccess(asReader, { ...question, principal: root })).rejects.toMatchObject({
      code: 'access_denied',
    });
  });
});

describe('S3 Control', () => {
  const control = async (
    method: string,
    path: string,
    body?: string,
    account: string = S3_LAKE.accountId,
    key = lake.rootKey,
  ) => {
    const [plain = '', search = ''] = path.split('?');
    const signed = await signHttp(key, {
      method,
      path: `/v20180820/${plain}`,
      query: Object.fromEntries(new URLSearchParams(search)),
      headers: { 'x-amz-account-id': account },
      endpoint: lake.endpoint,
      payloadHash: 'UNSIGNED-PAYLOAD',
    });
    const { host: _, ...headers } = signed.headers;
    const answer = await fetch(lake.endpoint + signed.path, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    return `${answer.status} ${(await answer.text()).replace(/<\?xml.*?\?>\s*|<RequestId>.*/gs, '')}`;
  };
  const BLOCK = 'configuration/publicAccessBlock';

  it('tags buckets one by one, beside the whole set', async () => {
    const Bucket = await bucket();
    const path = `tags/arn%3Aaws%3As3%3A%3A%3A${Bucket}`;
    const add = (key: string) =>
      control(
        'POST',
        path,
        `<TagResourceRequest><Tags><Tag><Key>${key}</Key><Value>1</Value></Tag></Tags></TagResourceRequest>`,
      );
    expect(await control('GET', path)).toMatch(/<Tags><\/Tags>/);
    const racers = await Promise.all(['a', 'b', 'c', 'd'].map(add));
    expect(racers).toEqual(['204 ', '204 ', '204 ', '204 ']);
    expect((await control('GET', path)).match(/<Key>.<\/Key>/g)?.sort()).toEqual(
      ['a', 'b', 'c', 'd'].map((key) => `<Key>${key}</Key>`),
    );
    expect(await control('DELETE', `${path}?tagKeys=b`)).toBe('204 ');
    const { TagSet = [] } = await main.send(new s3.GetBucketTaggingCommand({ Bucket }));
    expect(TagSet.map(({ Key }) => Key).sort()).toEqual(['a', 'c', 'd']);
    expect(await control('GET', 'tags/arn%3Aaws%3As3%3A%3A%3Ano-such-bucket')).toMatch(/^404 .*NoSuchBucket/);
    expect(await control('GET', 'accesspoint')).toMatch(/^501 .*NotImplemented/);
  });

  it('blocks public access to all buckets of an account, beside their own', async () => {
    const Bucket = await bucket({ ACL: 'public-read' });
    expect(await list(nobody, Bucket)).toBe('done');
    expect(await control('GET', BLOCK)).toMatch(/^404 .*NoSuchPublicAccessBlockConfiguration/);
    const block =
      '<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>';
    expect(await control('PUT', BLOCK, block)).toBe('200 ');
    expect(await control('GET', BLOCK)).toMatch(/^200 .*<IgnorePublicAcls>true<.*<BlockPublicPolicy>false</);
    expect(await list(nobody, Bucket)).toBe('403 AccessDenied');
    const made = main.send(new s3.CreateBucketCommand({ Bucket: 'made-public', ACL: 'public-read' }));
    expect(await outcome(made)).toBe('403 AccessDenied');
    expect(await control('GET', BLOCK, undefined, OTHER)).toMatch(/^403 .*AccessDenied/);
    expect(await control('PUT', BLOCK, block, S3_LAKE.accountId, otherKey)).toMatch(/^403 .*AccessDenied/);
    expect(await control('DELETE', BLOCK)).toBe('204 ');
    expect(await list(nobody, Bucket)).toBe('done');
  });
});
