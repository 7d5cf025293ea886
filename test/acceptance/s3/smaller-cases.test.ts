/** Cases of the public S3 suite that belong to several topics at once, by their names. */
import { createHash } from 'node:crypto';
import * as s3 from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openS3Conformance, outcomeOf, type S3Conformance } from '../../../src/testing/builders/s3-conformance.ts';

const DENIED = '403 AccessDenied';
const MIB = 1024 * 1024;
const EVERYBODY = 'http://acs.amazonaws.com/groups/global/AllUsers';
let world: S3Conformance;
let main: s3.S3Client;
beforeAll(async () => {
  world = await openS3Conformance();
  main = world.main;
});
afterAll(() => world.close());

async function versioned(keys: readonly string[] = []): Promise<string> {
  const Bucket = await world.bucket({}, keys);
  await main.send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  return Bucket;
}

/** Uploads `parts` and completes them. */
async function upload(
  client: s3.S3Client,
  of: { readonly Bucket: string; readonly Key: string },
  parts: readonly (string | Buffer)[],
  more: Partial<s3.CreateMultipartUploadCommandInput> = {},
): Promise<s3.CompleteMultipartUploadCommandOutput> {
  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ ...of, ...more }));
  const Parts: s3.CompletedPart[] = [];
  for (const [i, Body] of parts.entries()) {
    const { ETag } = await client.send(new s3.UploadPartCommand({ ...of, UploadId, PartNumber: i + 1, Body }));
    Parts.push({ ETag, PartNumber: i + 1 });
  }
  return client.send(new s3.CompleteMultipartUploadCommand({ ...of, UploadId, MultipartUpload: { Parts } }));
}

const policy = (Bucket: string, statement: object) =>
  main.send(
    new s3.PutBucketPolicyCommand({
      Bucket,
      Policy: JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', ...statement } }),
    }),
  );

describe('buckets', () => {
  it('test_bucket_concurrent_set_canned_acl: takes the same list fifty times at once', async () => {
    const Bucket = await world.bucket();
    const set = () => outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read' })));
    expect(new Set(await Promise.all(Array.from({ length: 50 }, set)))).toEqual(new Set(['done']));
  });

  it('test_put_bucket_acl_grant_group_read: gives a group a right beside what was given', async () => {
    const Bucket = await world.bucket();
    const { Owner, Grants = [] } = await main.send(new s3.GetBucketAclCommand({ Bucket }));
    const group: s3.Grant = { Grantee: { Type: 'Group', URI: EVERYBODY }, Permission: 'READ' };
    const AccessControlPolicy = { Owner, Grants: [...Grants, group] };
    await main.send(new s3.PutBucketAclCommand({ Bucket, AccessControlPolicy }));
    const now = (await main.send(new s3.GetBucketAclCommand({ Bucket }))).Grants!;
    expect(now.map(({ Grantee, Permission }) => [Permission, Grantee!.ID ?? Grantee!.URI]).sort()).toEqual([
      ['FULL_CONTROL', world.mainId],
      ['READ', EVERYBODY],
    ]);
  });

  it('test_bucket_put_bad_canned_acl: knows the lists it is given by name', async () => {
    const Bucket = await world.bucket();
    const ACL = 'public-ready' as s3.BucketCannedACL;
    expect(await outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, ACL })))).toMatch(/^400 /);
  });

  it('test_expected_bucket_owner: does nothing in the bucket of another owner than expected', async () => {
    const Bucket = await world.bucket({ ACL: 'public-read-write' }, ['foo']);
    const ExpectedBucketOwner = '999999999999';
    const list = new s3.ListObjectsCommand({ Bucket, ExpectedBucketOwner });
    expect(await outcomeOf(world.nobody.send(list))).toBe(DENIED);
    const put = new s3.PutObjectCommand({ Bucket, Key: 'bar', Body: 'coffee', ExpectedBucketOwner });
    expect(await outcomeOf(world.nobody.send(put))).toBe(DENIED);
  });

  it('test_set_bucket_tagging: has none, has what was set, and has none again', async () => {
    const Bucket = await world.bucket();
    const get = () => main.send(new s3.GetBucketTaggingCommand({ Bucket }));
    expect(await outcomeOf(get())).toBe('404 NoSuchTagSet');
    const TagSet = [{ Key: 'Hello', Value: 'World' }];
    await main.send(new s3.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
    expect((await get()).TagSet).toEqual(TagSet);
    await main.send(new s3.DeleteBucketTaggingCommand({ Bucket }));
    expect(await outcomeOf(get())).toBe('404 NoSuchTagSet');
  });

  it('test_set_get_del_bucket_policy: gives a policy back as it was put, until it is deleted', async () => {
    const Bucket = await world.bucket();
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Action: 's3:ListBucket',
          Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
        },
      ],
    });
    await main.send(new s3.PutBucketPolicyCommand({ Bucket, Policy }));
    const get = () => main.send(new s3.GetBucketPolicyCommand({ Bucket }));
    expect((await get()).Policy).toBe(Policy);
    await main.send(new s3.DeleteBucketPolicyCommand({ Bucket }));
    expect(await outcomeOf(get())).toBe('404 NoSuchBucketPolicy');
  });

  it('test_bucket_policy_allow_notprincipal: refuses to allow all but somebody who is no account', async () => {
    const Bucket = await world.bucket();
    const NotPrincipal = { AWS: 'arn:aws:iam::s3tenant1:root' };
    const Resource = [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`];
    expect(await outcomeOf(policy(Bucket, { NotPrincipal, Action: 's3:ListBucket', Resource }))).toMatch(
      /^400 (InvalidArgument|MalformedPolicy)$/,
    );
  });

  it('test_put_get_delete_public_block, test_get_public_block_deny_bucket_policy: is set, read, denied by a policy, and deleted', async () => {
    const Bucket = await world.bucket();
    const PublicAccessBlockConfiguration = {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: false,
    };
    await main.send(new s3.PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
    const get = () => main.send(new s3.GetPublicAccessBlockCommand({ Bucket }));
    expect((await get()).PublicAccessBlockConfiguration).toEqual(PublicAccessBlockConfiguration);
    const Action = 's3:GetBucketPublicAccessBlock';
    await policy(Bucket, { Effect: 'Deny', Principal: { AWS: '*' }, Action, Resource: `arn:aws:s3:::${Bucket}` });
    expect(await outcomeOf(get())).toBe(DENIED);
    await main.send(new s3.DeleteBucketPolicyCommand({ Bucket }));
    await main.send(new s3.DeletePublicAccessBlockCommand({ Bucket }));
    expect(await outcomeOf(get())).toBe('404 NoSuchPublicAccessBlockConfiguration');
  });
});

describe('objects', () => {
  it('test_object_put_acl_mtime: keeps its time when its list changes', async () => {
    const Bucket = await versioned();
    await main.send(new s3.PutObjectCommand({ Bucket, Key: 'foo', Body: 'foooz' }));
    const times = async () => {
      const { Versions } = await main.send(new s3.ListObjectVersionsCommand({ Bucket }));
      const { Contents } = await main.send(new s3.ListObjectsCommand({ Bucket }));
      const head = await main.send(new s3.HeadObjectCommand({ Bucket, Key: 'foo' }));
      return [Versions![0], Contents![0], head].map((one) => one!.LastModified!.getTime());
    };
    const before = await times();
    // A later second: heads tell whole ones.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await main.send(new s3.PutObjectAclCommand({ Bucket, Key: 'foo', ACL: 'private' }));
    expect(await times()).toEqual(before);
  });

  it('test_object_presigned_put_object_with_acl: is written by a link that names its list', async () => {
    const of = { Bucket: await world.bucket(), Key: 'foo' };
    const link = await getSignedUrl(main, new s3.PutObjectCommand({ ...of, ACL: 'private' }), {
      unhoistableHeaders: new Set(['x-amz-acl']),
    });
    const headers = { 'x-amz-acl': 'private' };
    expect((await fetch(link, { method: 'PUT', headers, body: 'hello world' })).status).toBe(200);
    const got = await fetch(await getSignedUrl(main, new s3.GetObjectCommand(of)));
    expect([got.status, await got.text()]).toEqual([200, 'hello world']);
  });

  it('test_object_raw_authenticated_bucket_gone: is gone with its bucket', async () => {
    const Bucket = await world.bucket({}, ['foo']);
    await main.send(new s3.DeleteObjectCommand({ Bucket, Key: 'foo' }));
    await main.send(new s3.DeleteBucketCommand({ Bucket }));
    expect(await outcomeOf(main.send(new s3.GetObjectCommand({ Bucket, Key: 'foo' })))).toBe('404 NoSuchBucket');
  });

  it('test_object_copy_not_owned_bucket: is not copied by whom it is closed to', async () => {
    const [theirs, Bucket] = [await world.bucket({}, ['foo123bar']), 'copies-of-another'];
    await world.alt.send(new s3.CreateBucketCommand({ Bucket }));
    const copy = new s3.CopyObjectCommand({ Bucket, Key: 'bar321foo', CopySource: `${theirs}/foo123bar` });
    expect(await outcomeOf(world.alt.send(copy))).toBe(DENIED);
  });

  it('test_versioned_object_acl, test_versioned_object_acl_no_version_specified: has a list for each version', async () => {
    const Bucket = await versioned();
    const of = { Bucket, Key: 'xyz' };
    const ids: string[] = [];
    for (const Body of ['1', '2', '3'])
      ids.push((await main.send(new s3.PutObjectCommand({ ...of, Body }))).VersionId!);
    const rights = async (VersionId?: string) =>
      (await main.send(new s3.GetObjectAclCommand({ ...of, VersionId })))
        .Grants!.map(({ Grantee, Permission }) => `${Permission} ${Grantee!.ID ?? Grantee!.URI}`)
        .sort();
    const [mine, open] = [[`FULL_CONTROL ${world.mainId}`], [`FULL_CONTROL ${world.mainId}`, `READ ${EVERYBODY}`]];
    expect(await rights(ids[1])).toEqual(mine);
    await main.send(new s3.PutObjectAclCommand({ ...of, VersionId: ids[1], ACL: 'public-read' }));
    expect([await rights(ids[0]), await rights(ids[1]), await rights(ids[2])]).toEqual([mine, open, mine]);
    await main.send(new s3.PutObjectAclCommand({ ...of, ACL: 'public-read' }));
    expect(await rights(ids[2])).toEqual(open);
    await main.send(new s3.PutObjectCommand(of));
    expect(await rights()).toEqual(mine);
  });

  it('test_get_sse_c_encrypted_object_attributes: tells of itself to who has its key', async () => {
    const of = { Bucket: await world.bucket(), Key: 'obj' };
    const key = Buffer.alloc(32, 7);
    const secret = {
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: key.toString('base64'),
      SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
    };
    await main.send(new s3.PutObjectCommand({ ...of, Body: 'A'.repeat(1000), ...secret }));
    const ObjectAttributes: s3.ObjectAttributes[] = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];
    const ask = (more: object) => main.send(new s3.GetObjectAttributesCommand({ ...of, ObjectAttributes, ...more }));
    expect(await outcomeOf(ask({}))).toMatch(/^400 /);
    const told = await ask(secret);
    expect(told).toMatchObject({ ObjectSize: 1000, StorageClass: 'STANDARD' });
    expect([told.ObjectParts, told.VersionId, told.DeleteMarker]).toEqual([undefined, undefined, undefined]);
    // Tags need no key.
    await main.send(new s3.PutObjectTaggingCommand({ ...of, Tagging: { TagSet: [{ Key: 'a', Value: '1' }] } }));
    expect((await main.send(new s3.GetObjectTaggingCommand(of))).TagSet).toEqual([{ Key: 'a', Value: '1' }]);
  });
});

describe('uploads in parts', () => {
  it('test_set_multipart_tagging: gives the object its tags', async () => {
    const of = { Bucket: await world.bucket(), Key: 'mymultipart' };
    await upload(main, of, ['x'], { Tagging: 'Hello=World&foo=bar' });
    const tags = async () => (await main.send(new s3.GetObjectTaggingCommand(of))).TagSet!;
    expect(await tags()).toEqual([
      { Key: 'Hello', Value: 'World' },
      { Key: 'foo', Value: 'bar' },
    ]);
    await main.send(new s3.DeleteObjectTaggingCommand(of));
    expect(await tags()).toEqual([]);
  });

  it('test_versioning_bucket_multipart_upload_return_version_id: tells the version where versions are kept', async () => {
    const Bucket = await versioned();
    const { VersionId } = await upload(main, { Bucket, Key: 'bar' }, ['x']);
    const { Versions } = await main.send(new s3.ListObjectVersionsCommand({ Bucket }));
    expect(Versions!.map((one) => one.VersionId)).toEqual([VersionId]);
    const plain = await world.bucket();
    expect((await upload(main, { Bucket: plain, Key: 'baz' }, ['x'])).VersionId).toBeUndefined();
    const VersioningConfiguration = { Status: 'Suspended' } as const;
    await main.send(new s3.PutBucketVersioningCommand({ Bucket: plain, VersioningConfiguration }));
    expect((await upload(main, { Bucket: plain, Key: 'foo' }, ['x'])).VersionId).toBeUndefined();
  });

  it('test_object_copy_versioning_multipart_upload: is copied whole, with what it says, from and to buckets of either kind', async () => {
    const [Bucket, other, plain] = [await versioned(), await versioned(), await world.bucket()];
    const [ContentType, Metadata] = ['text/bla', { foo: 'bar' }];
    const parts = [Buffer.alloc(5 * MIB, 'a'), Buffer.from('the last')];
    const { VersionId } = await upload(main, { Bucket, Key: 'src' }, parts, { ContentType, Metadata });
    const steps: [from: string, to: string, Key: string][] = [
      [`${Bucket}/src?versionId=${VersionId}`, Bucket, 'dst1'],
      [`${Bucket}/dst1`, Bucket, 'dst2'],
      [`${Bucket}/src?versionId=${VersionId}`, other, 'dst3'],
      [`${Bucket}/src?versionId=${VersionId}`, plain, 'dst4'],
      [`${plain}/dst4`, plain, 'dst5'],
    ];
    for (const [CopySource, to, Key] of steps) {
      await main.send(new s3.CopyObjectCommand({ Bucket: to, Key, CopySource }));
      const got = await main.send(new s3.GetObjectCommand({ Bucket: to, Key }));
      expect(got).toMatchObject({ ContentType, Metadata });
      expect(Buffer.from(await got.Body!.transformToByteArray()).equals(Buffer.concat(parts))).toBe(true);
    }
  });

  it('test_bucket_policy_upload_part_copy: copies a part of what a policy opens, and of nothing else', async () => {
    const source = await world.bucket({}, ['public/foo', 'private/foo']);
    const Resource = `arn:aws:s3:::${source}/public/*`;
    await policy(source, { Principal: { AWS: '*' }, Action: 's3:GetObject', Resource });
    const of = { Bucket: 'parts-of-another', Key: 'new_foo' };
    await world.alt.send(new s3.CreateBucketCommand({ Bucket: of.Bucket }));
    const { UploadId } = await world.alt.send(new s3.CreateMultipartUploadCommand(of));
    const part = (CopySource: string) =>
      world.alt.send(new s3.UploadPartCopyCommand({ ...of, UploadId, PartNumber: 1, CopySource }));
    expect(await outcomeOf(part(`${source}/private/foo`))).toBe(DENIED);
    const Parts = [{ PartNumber: 1, ETag: (await part(`${source}/public/foo`)).CopyPartResult!.ETag }];
    await world.alt.send(new s3.CompleteMultipartUploadCommand({ ...of, UploadId, MultipartUpload: { Parts } }));
    const { Body } = await world.alt.send(new s3.GetObjectCommand(of));
    expect(await Body!.transformToString()).toBe('public/foo');
  });

  it('are begun by whom a policy lets write their key; the bucket itself is nothing that is written', async () => {
    const Bucket = await world.bucket();
    const begin = () => outcomeOf(world.alt.send(new s3.CreateMultipartUploadCommand({ Bucket, Key: 'mpobj' })));
    expect(await begin()).toBe(DENIED);
    const give = (Resource: string) =>
      outcomeOf(policy(Bucket, { Principal: { AWS: '*' }, Action: 's3:PutObject', Resource }));
    expect(await give(`arn:aws:s3:::${Bucket}`)).toBe('400 MalformedPolicy');
    expect(await begin()).toBe(DENIED);
    expect(await give(`arn:aws:s3:::${Bucket}/mpobj`)).toBe('done');
    expect(await begin()).toBe('done');
  });
});
