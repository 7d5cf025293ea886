/** Access control lists: the cases of the public S3 suite, by their names. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openS3Conformance, outcomeOf, type S3Conformance } from '../../../src/testing/builders/s3-conformance.ts';

const EVERYBODY = 'http://acs.amazonaws.com/groups/global/AllUsers';
const SIGNED = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers';
const DENIED = '403 AccessDenied';
let world: S3Conformance;
let main: s3.S3Client;
let alt: s3.S3Client;

beforeAll(async () => {
  world = await openS3Conformance();
  ({ main, alt } = world);
});
afterAll(() => world.close());

type Line = readonly [permission: string, grantee: string];
const linesOf = ({ Grants = [] }: { readonly Grants?: s3.Grant[] | undefined }): Line[] =>
  Grants.map(({ Permission, Grantee }) => [Permission!, Grantee!.URI ?? Grantee!.ID!]);
const ofBucket = async (Bucket: string, client = main) =>
  linesOf(await client.send(new s3.GetBucketAclCommand({ Bucket })));
const ofObject = async (Bucket: string, Key: string, client = main) =>
  linesOf(await client.send(new s3.GetObjectAclCommand({ Bucket, Key })));
const write = (client: s3.S3Client, Bucket: string, Key: string, more: Partial<s3.PutObjectCommandInput> = {}) =>
  client.send(new s3.PutObjectCommand({ Bucket, Key, Body: Key, ...more }));
const read = async (client: s3.S3Client, Bucket: string, Key: string) =>
  (await client.send(new s3.GetObjectCommand({ Bucket, Key }))).Body!.transformToString();
const toUser = (ID: string, Permission: s3.Permission): s3.Grant => ({
  Grantee: { ID, Type: 'CanonicalUser' },
  Permission,
});

describe('lists of buckets', () => {
  it('test_bucket_acl_default: is its owner’s', async () => {
    const Bucket = await world.bucket();
    expect(await ofBucket(Bucket)).toEqual([['FULL_CONTROL', world.mainId]]);
    expect((await main.send(new s3.GetBucketAclCommand({ Bucket }))).Owner?.ID).toBe(world.mainId);
  });

  const canned: [string, s3.BucketCannedACL, Line[]][] = [
    ['test_bucket_acl_canned', 'public-read', [['READ', EVERYBODY]]],
    [
      'test_bucket_acl_canned_publicreadwrite',
      'public-read-write',
      [
        ['READ', EVERYBODY],
        ['WRITE', EVERYBODY],
      ],
    ],
    ['test_bucket_acl_canned_authenticatedread', 'authenticated-read', [['READ', SIGNED]]],
  ];
  it.each(canned)('%s: stands for its lines, and private takes them away', async (_, ACL, lines) => {
    const Bucket = await world.bucket({ ACL });
    expect(await ofBucket(Bucket)).toEqual([...lines, ['FULL_CONTROL', world.mainId]]);
    await main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'private' }));
    expect(await ofBucket(Bucket)).toEqual([['FULL_CONTROL', world.mainId]]);
    await main.send(new s3.PutBucketAclCommand({ Bucket, ACL }));
    expect(await ofBucket(Bucket)).toEqual([...lines, ['FULL_CONTROL', world.mainId]]);
  });

  it('test_bucket_acl_canned_during_create: takes a list with the bucket', async () => {
    const Bucket = await world.bucket({ ACL: 'public-read' });
    expect(await ofBucket(Bucket)).toEqual([
      ['READ', EVERYBODY],
      ['FULL_CONTROL', world.mainId],
    ]);
  });

  it('test_bucket_acl_canned_private_to_private: takes private for private', async () => {
    const Bucket = await world.bucket();
    expect(await outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'private' })))).toBe('done');
  });

  const granted: [string, s3.Permission, { readonly [What in 'read' | 'readAcp' | 'write' | 'writeAcp']: boolean }][] =
    [
      [
        'test_bucket_acl_grant_userid_fullcontrol',
        'FULL_CONTROL',
        { read: true, readAcp: true, write: true, writeAcp: true },
      ],
      ['test_bucket_acl_grant_userid_read', 'READ', { read: true, readAcp: false, write: false, writeAcp: false }],
      [
        'test_bucket_acl_grant_userid_readacp',
        'READ_ACP',
        { read: false, readAcp: true, write: false, writeAcp: false },
      ],
      ['test_bucket_acl_grant_userid_write', 'WRITE', { read: false, readAcp: false, write: true, writeAcp: false }],
      [
        'test_bucket_acl_grant_userid_writeacp',
        'WRITE_ACP',
        { read: false, readAcp: false, write: false, writeAcp: true },
      ],
    ];
  it.each(granted)('%s: gives another account %s and nothing else', async (_, given, can) => {
    const Bucket = await world.bucket();
    const { Owner, Grants = [] } = await main.send(new s3.GetBucketAclCommand({ Bucket }));
    const AccessControlPolicy = { Owner, Grants: [...Grants, toUser(world.altId, given)] };
    await main.send(new s3.PutBucketAclCommand({ Bucket, AccessControlPolicy }));
    expect(await ofBucket(Bucket)).toEqual([
      ['FULL_CONTROL', world.mainId],
      [given, world.altId],
    ]);
    const head = await outcomeOf(alt.send(new s3.HeadBucketCommand({ Bucket })));
    const held = {
      read: head === 'done',
      readAcp: (await outcomeOf(ofBucket(Bucket, alt))) === 'done',
      write: (await outcomeOf(write(alt, Bucket, 'foo-write'))) === 'done',
      writeAcp: (await outcomeOf(alt.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read' })))) === 'done',
    };
    expect(held).toEqual(can);
    expect((await main.send(new s3.GetBucketAclCommand({ Bucket }))).Owner?.ID).toBe(world.mainId);
  });

  const putLines = async (Bucket: string, ...Grants: s3.Grant[]) => {
    const { Owner } = await main.send(new s3.GetBucketAclCommand({ Bucket }));
    return outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, AccessControlPolicy: { Owner, Grants } })));
  };

  it('test_bucket_acl_grant_nonexist_user: knows whom it names', async () => {
    expect(await putLines(await world.bucket(), toUser('_foo', 'FULL_CONTROL'))).toBe('400 InvalidArgument');
  });

  it('test_bucket_acl_grant_email: finds an account by its address', async () => {
    const Bucket = await world.bucket();
    const EmailAddress = '222222222222@example.org';
    const grant = { Grantee: { EmailAddress, Type: 'AmazonCustomerByEmail' }, Permission: 'FULL_CONTROL' } as const;
    expect(await putLines(Bucket, grant, toUser(world.mainId, 'FULL_CONTROL'))).toBe('done');
    expect(await ofBucket(Bucket)).toContainEqual(['FULL_CONTROL', world.altId]);
  });

  it('test_bucket_acl_grant_email_not_exist: names an address nobody has', async () => {
    const EmailAddress = 'doesnotexist@dreamhost.com.invalid';
    const grant = { Grantee: { EmailAddress, Type: 'AmazonCustomerByEmail' }, Permission: 'FULL_CONTROL' } as const;
    expect(await putLines(await world.bucket(), grant)).toBe('400 UnresolvableGrantByEmailAddress');
  });

  it('test_bucket_acl_revoke_all: shuts the owner out of objects, never out of the list', async () => {
    const Bucket = await world.bucket({}, ['foo']);
    expect(await putLines(Bucket)).toBe('done');
    expect(await ofBucket(Bucket)).toEqual([]);
    expect(await read(main, Bucket, 'foo')).toBe('foo');
    expect(await outcomeOf(write(main, Bucket, 'baz'))).toBe(DENIED);
    expect(await outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'private' })))).toBe('done');
    expect(await outcomeOf(write(main, Bucket, 'baz'))).toBe('done');
  });

  const grants = (id: string) => ({
    GrantRead: `id=${id}`,
    GrantWrite: `id=${id}`,
    GrantReadACP: `id=${id}`,
    GrantWriteACP: `id=${id}`,
    GrantFullControl: `id=${id}`,
  });
  const ALL = ['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP', 'FULL_CONTROL'];

  it('test_bucket_header_acl_grants: takes lines by headers', async () => {
    const Bucket = await world.bucket(grants(world.altId));
    expect(await ofBucket(Bucket, alt)).toEqual(ALL.map((permission) => [permission, world.altId]));
    expect(await outcomeOf(write(alt, Bucket, 'foo'))).toBe('done');
    expect(await outcomeOf(alt.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read-write' })))).toBe('done');
  });

  it('test_object_header_acl_grants: takes lines of an object by headers', async () => {
    const Bucket = await world.bucket();
    const { GrantWrite: _, ...known } = grants(world.altId);
    await write(main, Bucket, 'foo', known);
    const lines = ALL.filter((permission) => permission !== 'WRITE').map((permission) => [permission, world.altId]);
    expect(await ofObject(Bucket, 'foo')).toEqual(lines);
  });

  it('refuses lists that say two things, or nothing that is known', async () => {
    const Bucket = await world.bucket();
    const put = (input: Partial<s3.PutBucketAclCommandInput>) =>
      outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, ...input })));
    expect(await put({ ACL: 'private', GrantRead: `id=${world.altId}` })).toBe('400 InvalidRequest');
    expect(await put({ ACL: 'open-to-all' as s3.BucketCannedACL })).toBe('400 InvalidArgument');
    expect(await put({ GrantRead: `uri=${EVERYBODY}s` })).toBe('400 InvalidArgument');
    expect(await put({ GrantRead: 'everybody' })).toBe('400 InvalidArgument');
    expect(await put({ AccessControlPolicy: { Owner: { ID: world.altId }, Grants: [] } })).toBe(DENIED);
    const many = Array.from({ length: 101 }, () => toUser(world.altId, 'READ'));
    expect(await put({ AccessControlPolicy: { Owner: { ID: world.mainId }, Grants: many } })).toBe('400 MalformedXML');
  });
});

describe('lists of objects', () => {
  it('test_object_acl_default: is its owner’s', async () => {
    const Bucket = await world.bucket({}, ['foo']);
    expect(await ofObject(Bucket, 'foo')).toEqual([['FULL_CONTROL', world.mainId]]);
  });

  const canned: [string, s3.ObjectCannedACL, Line[]][] = [
    ['test_object_acl_canned, test_object_acl_canned_during_create', 'public-read', [['READ', EVERYBODY]]],
    [
      'test_object_acl_canned_publicreadwrite',
      'public-read-write',
      [
        ['READ', EVERYBODY],
        ['WRITE', EVERYBODY],
      ],
    ],
    ['test_object_acl_canned_authenticatedread', 'authenticated-read', [['READ', SIGNED]]],
  ];
  it.each(canned)('%s: stands for its lines, and private takes them away', async (_, ACL, lines) => {
    const Bucket = await world.bucket();
    await write(main, Bucket, 'foo', { ACL });
    expect(await ofObject(Bucket, 'foo')).toEqual([...lines, ['FULL_CONTROL', world.mainId]]);
    await main.send(new s3.PutObjectAclCommand({ Bucket, Key: 'foo', ACL: 'private' }));
    expect(await ofObject(Bucket, 'foo')).toEqual([['FULL_CONTROL', world.mainId]]);
  });

  const toOwner: [string, s3.ObjectCannedACL, string][] = [
    ['test_object_acl_canned_bucketownerread', 'bucket-owner-read', 'READ'],
    ['test_object_acl_canned_bucketownerfullcontrol', 'bucket-owner-full-control', 'FULL_CONTROL'],
  ];
  it.each(toOwner)('%s: lets the bucket owner in', async (_, ACL, permission) => {
    const Bucket = await world.bucket({ ACL: 'public-read-write' });
    await write(alt, Bucket, 'foo');
    expect(await outcomeOf(read(main, Bucket, 'foo'))).toBe(DENIED);
    await write(alt, Bucket, 'foo', { ACL });
    expect(await ofObject(Bucket, 'foo', alt)).toEqual([
      ['FULL_CONTROL', world.altId],
      [permission, world.mainId],
    ]);
    expect(await read(main, Bucket, 'foo')).toBe('foo');
  });

  it('test_object_acl_full_control_verify_owner: is changed by others, never owned by them', async () => {
    const Bucket = await world.bucket({ ACL: 'public-read-write' }, ['foo']);
    const change = (client: s3.S3Client, permission: s3.Permission) => {
      const AccessControlPolicy = { Owner: { ID: world.mainId }, Grants: [toUser(world.altId, permission)] };
      return client.send(new s3.PutObjectAclCommand({ Bucket, Key: 'foo', AccessControlPolicy }));
    };
    await change(main, 'FULL_CONTROL');
    await change(alt, 'READ_ACP');
    const { Owner } = await alt.send(new s3.GetObjectAclCommand({ Bucket, Key: 'foo' }));
    expect(Owner?.ID).toBe(world.mainId);
  });

  it('test_object_acl_full_control_verify_attributes: leaves the object as it is', async () => {
    const Bucket = await world.bucket({ ACL: 'public-read-write' }, ['foo']);
    const before = await main.send(new s3.HeadObjectCommand({ Bucket, Key: 'foo' }));
    const GrantFullControl = `id=${world.mainId}, id=${world.altId}`;
    await main.send(new s3.PutObjectAclCommand({ Bucket, Key: 'foo', GrantFullControl }));
    const after = await main.send(new s3.HeadObjectCommand({ Bucket, Key: 'foo' }));
    expect([after.ETag, after.ContentType, after.LastModified]).toEqual([
      before.ETag,
      before.ContentType,
      before.LastModified,
    ]);
  });

  const named: [string, s3.Permission][] = [
    ['test_object_acl', 'FULL_CONTROL'],
    ['test_object_acl_write', 'WRITE'],
    ['test_object_acl_writeacp', 'WRITE_ACP'],
    ['test_object_acl_read', 'READ'],
    ['test_object_acl_readacp', 'READ_ACP'],
  ];
  it.each(named)('%s: reads back as it was put', async (_, permission) => {
    const Bucket = await world.bucket({}, ['foo']);
    const AccessControlPolicy = { Owner: { ID: world.mainId }, Grants: [toUser(world.mainId, permission)] };
    await main.send(new s3.PutObjectAclCommand({ Bucket, Key: 'foo', AccessControlPolicy }));
    expect(await ofObject(Bucket, 'foo')).toEqual([[permission, world.mainId]]);
  });

  it('test_object_copy_canned_acl: is of the copy, never of its source', async () => {
    const Bucket = await world.bucket({}, ['foo123bar']);
    const copy = (Key: string, from: string, more: Partial<s3.CopyObjectCommandInput>) =>
      main.send(new s3.CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${from}`, ...more }));
    await copy('bar321foo', 'foo123bar', { ACL: 'public-read' });
    expect(await read(alt, Bucket, 'bar321foo')).toBe('foo123bar');
    await copy('again', 'bar321foo', {});
    expect(await outcomeOf(read(alt, Bucket, 'again'))).toBe(DENIED);
  });

  it('test_object_copy_not_owned_object_bucket: reads and writes what lists give of two buckets', async () => {
    const [theirs, mine] = [await world.bucket({}, ['foo']), await world.bucket()];
    const copy = () => alt.send(new s3.CopyObjectCommand({ Bucket: mine, Key: 'bar', CopySource: `${theirs}/foo` }));
    expect(await outcomeOf(copy())).toBe(DENIED);
    await main.send(new s3.PutObjectAclCommand({ Bucket: theirs, Key: 'foo', ACL: 'public-read' }));
    expect(await outcomeOf(copy())).toBe(DENIED);
    await main.send(new s3.PutBucketAclCommand({ Bucket: mine, ACL: 'public-read-write' }));
    expect(await outcomeOf(copy())).toBe('done');
  });
});

describe('buckets and objects together', () => {
  type Acl = 'private' | 'public-read' | 'public-read-write';
  const cases: [string, Acl, Acl][] = [
    ['test_access_bucket_private_object_private, test_access_bucket_private_objectv2_private', 'private', 'private'],
    [
      'test_access_bucket_private_object_publicread, test_access_bucket_private_objectv2_publicread',
      'private',
      'public-read',
    ],
    [
      'test_access_bucket_private_object_publicreadwrite, test_access_bucket_private_objectv2_publicreadwrite',
      'private',
      'public-read-write',
    ],
    ['test_access_bucket_publicread_object_private', 'public-read', 'private'],
    ['test_access_bucket_publicread_object_publicread', 'public-read', 'public-read'],
    ['test_access_bucket_publicread_object_publicreadwrite', 'public-read', 'public-read-write'],
    ['test_access_bucket_publicreadwrite_object_private', 'public-read-write', 'private'],
    ['test_access_bucket_publicreadwrite_object_publicread', 'public-read-write', 'public-read'],
    ['test_access_bucket_publicreadwrite_object_publicreadwrite', 'public-read-write', 'public-read-write'],
  ];

  it.each(cases)('%s: gives another account what the lists say', async (_, ofTheBucket, ofTheObject) => {
    const Bucket = await world.bucket({}, ['foo', 'bar']);
    await main.send(new s3.PutBucketAclCommand({ Bucket, ACL: ofTheBucket }));
    await main.send(new s3.PutObjectAclCommand({ Bucket, Key: 'foo', ACL: ofTheObject }));
    const may = (yes: boolean) => (yes ? 'done' : DENIED);
    const lists = may(ofTheBucket !== 'private');
    expect({
      listed: await read(alt, Bucket, 'foo').catch((error) => error.name),
      unlisted: await outcomeOf(read(alt, Bucket, 'bar')),
      list: await outcomeOf(alt.send(new s3.ListObjectsCommand({ Bucket }))),
      listV2: await outcomeOf(alt.send(new s3.ListObjectsV2Command({ Bucket }))),
      make: await outcomeOf(write(alt, Bucket, 'new')),
      overwrite: await outcomeOf(write(alt, Bucket, 'foo')),
    }).toEqual({
      listed: ofTheObject === 'private' ? 'AccessDenied' : 'foo',
      unlisted: DENIED,
      list: lists,
      listV2: lists,
      make: may(ofTheBucket === 'public-read-write'),
      overwrite: may(ofTheBucket === 'public-read-write'),
    });
  });
});

it('test_list_multipart_upload_owner: lets the account that began an upload look at it and give it up', async () => {
  const Bucket = await world.bucket({ ACL: 'public-read-write' });
  const begin = async (client: s3.S3Client, Key: string) =>
    (await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key }))).UploadId!;
  const [first, second] = [await begin(world.main, 'multipart1'), await begin(world.alt, 'multipart2')];
  for (const client of [world.main, world.alt]) {
    const { Uploads } = await client.send(new s3.ListMultipartUploadsCommand({ Bucket }));
    expect(Uploads!.map(({ UploadId, Owner }) => [UploadId, Owner!.ID])).toEqual([
      [first, world.mainId],
      [second, world.altId],
    ]);
  }
  const of = (Key: string, UploadId: string) => ({ Bucket, Key, UploadId });
  const look = (client: s3.S3Client, ...names: Parameters<typeof of>) =>
    outcomeOf(client.send(new s3.ListPartsCommand(of(...names))));
  const abort = (client: s3.S3Client, ...names: Parameters<typeof of>) =>
    outcomeOf(client.send(new s3.AbortMultipartUploadCommand(of(...names))));
  expect(await look(world.alt, 'multipart2', second)).toBe('done');
  expect(await look(world.alt, 'multipart1', first)).toBe('403 AccessDenied');
  expect(await abort(world.alt, 'multipart1', first)).toBe('403 AccessDenied');
  expect(await abort(world.alt, 'multipart1', second)).toBe('403 AccessDenied'); // not the key it was begun for
  expect(await abort(world.nobody, 'multipart2', second)).toBe('403 AccessDenied');
  expect(await abort(world.alt, 'multipart2', second)).toBe('done');
  expect(await abort(world.main, 'multipart1', first)).toBe('done');
});
