/** Bucket policies: the cases of the public S3 suite, by their names. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openS3Conformance, outcomeOf, type S3Conformance } from '../../../src/testing/builders/s3-conformance.ts';

let world: S3Conformance;
let main: s3.S3Client;
let alt: s3.S3Client;

beforeAll(async () => {
  world = await openS3Conformance();
  ({ main, alt } = world);
});
afterAll(() => world.close());

interface StatementInput {
  readonly Effect?: string;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
}

const put = (Bucket: string, ...statements: StatementInput[]) => {
  const Statement = statements.map((statement) => ({
    Effect: 'Allow',
    ...(statement.NotPrincipal === undefined ? { Principal: { AWS: '*' } } : {}),
    ...statement,
  }));
  return main.send(
    new s3.PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }),
  );
};
const both = (Bucket: string) => [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`];
const objects = (Bucket: string) => `arn:aws:s3:::${Bucket}/*`;

const listV1 = async (client: s3.S3Client, Bucket: string) =>
  ((await client.send(new s3.ListObjectsCommand({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const listV2 = async (client: s3.S3Client, Bucket: string) =>
  ((await client.send(new s3.ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const get = (client: s3.S3Client, Bucket: string, Key: string) =>
  outcomeOf(client.send(new s3.GetObjectCommand({ Bucket, Key })).then(({ Body }) => Body!.transformToByteArray()));
const write = (client: s3.S3Client, Bucket: string, Key: string, more: Partial<s3.PutObjectCommandInput> = {}) =>
  outcomeOf(client.send(new s3.PutObjectCommand({ Bucket, Key, Body: Key, ...more })));
const copy = (CopySource: string, Bucket: string, Key: string, more: Partial<s3.CopyObjectCommandInput> = {}) =>
  outcomeOf(alt.send(new s3.CopyObjectCommand({ Bucket, Key, CopySource, ...more })));
const tag = (client: s3.S3Client, Bucket: string, Key: string, tags: Record<string, string>) => {
  const TagSet = Object.entries(tags).map(([name, Value]) => ({ Key: name, Value }));
  return outcomeOf(client.send(new s3.PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet } })));
};
const tagsOf = (client: s3.S3Client, Bucket: string, Key: string) =>
  outcomeOf(client.send(new s3.GetObjectTaggingCommand({ Bucket, Key })));

describe('listing', () => {
  it('test_bucket_policy, test_bucketv2_policy: lets another account list', async () => {
    const Bucket = await world.bucket({}, ['asdf']);
    await put(Bucket, { Action: 's3:ListBucket', Resource: both(Bucket) });
    expect([await listV1(alt, Bucket), await listV2(alt, Bucket)]).toEqual([['asdf'], ['asdf']]);
  });

  it('test_bucket_policy_acl, test_bucketv2_policy_acl: a deny wins over a list that gives it', async () => {
    const Bucket = await world.bucket({}, ['asdf']);
    await main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'authenticated-read' }));
    await put(Bucket, { Effect: 'Deny', Action: 's3:ListBucket', Resource: both(Bucket) });
    expect(await outcomeOf(listV1(alt, Bucket))).toBe('403 AccessDenied');
    expect(await outcomeOf(listV2(alt, Bucket))).toBe('403 AccessDenied');
    await main.send(new s3.DeleteBucketPolicyCommand({ Bucket }));
    await main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read' }));
    expect(await outcomeOf(listV1(alt, Bucket))).toBe('done');
  });

  it('test_bucket_policy_another_bucket, test_bucketv2_policy_another_bucket: stands on another bucket as it was read', async () => {
    const [first, second] = [await world.bucket({}, ['asdf']), await world.bucket({}, ['abcd'])];
    await put(first, { Action: 's3:ListBucket', Resource: ['arn:aws:s3:::*', 'arn:aws:s3:::*/*'] });
    const { Policy } = await main.send(new s3.GetBucketPolicyCommand({ Bucket: first }));
    await main.send(new s3.PutBucketPolicyCommand({ Bucket: second, Policy }));
    expect([await listV1(alt, first), await listV2(alt, second)]).toEqual([['asdf'], ['abcd']]);
  });

  it('test_multipart_upload_on_a_bucket_with_policy: gives the parts of an upload under a policy for everybody', async () => {
    const Bucket = await world.bucket();
    await put(Bucket, { Principal: '*', Action: '*', Resource: both(Bucket) });
    const { UploadId } = await main.send(new s3.CreateMultipartUploadCommand({ Bucket, Key: 'foo' }));
    const part = { Bucket, Key: 'foo', UploadId, PartNumber: 1, Body: 'one part' };
    const { ETag } = await main.send(new s3.UploadPartCommand(part));
    const MultipartUpload = { Parts: [{ ETag, PartNumber: 1 }] };
    const completion = { Bucket, Key: 'foo', UploadId, MultipartUpload };
    expect(await outcomeOf(main.send(new s3.CompleteMultipartUploadCommand(completion)))).toBe('done');
  });
});

describe('tags of objects', () => {
  it('test_get_tags_acl_public: lets others read tags', async () => {
    const Bucket = await world.bucket({}, ['tagged']);
    await put(Bucket, { Action: 's3:GetObjectTagging', Resource: objects(Bucket) });
    await tag(main, Bucket, 'tagged', { a: '1' });
    expect(await tagsOf(alt, Bucket, 'tagged')).toBe('done');
    expect(await get(alt, Bucket, 'tagged')).toBe('403 AccessDenied');
  });

  it('test_put_tags_acl_public: lets others put tags', async () => {
    const Bucket = await world.bucket({}, ['tagged']);
    await put(Bucket, { Action: 's3:PutObjectTagging', Resource: objects(Bucket) });
    expect(await tag(alt, Bucket, 'tagged', { a: '1' })).toBe('done');
    const { TagSet } = await main.send(new s3.GetObjectTaggingCommand({ Bucket, Key: 'tagged' }));
    expect(TagSet).toEqual([{ Key: 'a', Value: '1' }]);
  });

  it('test_delete_tags_obj_public: lets others take tags away', async () => {
    const Bucket = await world.bucket({}, ['tagged']);
    await put(Bucket, { Action: 's3:DeleteObjectTagging', Resource: objects(Bucket) });
    await tag(main, Bucket, 'tagged', { a: '1' });
    expect(await outcomeOf(alt.send(new s3.DeleteObjectTaggingCommand({ Bucket, Key: 'tagged' })))).toBe('done');
    expect((await main.send(new s3.GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))).TagSet).toEqual([]);
  });

  const existing = { StringEquals: { 's3:ExistingObjectTag/security': 'public' } };

  it('test_bucket_policy_get_obj_existing_tag: opens objects by a tag they have', async () => {
    const Bucket = await world.bucket({}, ['publictag', 'privatetag', 'invalidtag']);
    await put(Bucket, { Action: 's3:GetObject', Resource: objects(Bucket), Condition: existing });
    await tag(main, Bucket, 'publictag', { security: 'public', foo: 'bar' });
    await tag(main, Bucket, 'privatetag', { security: 'private' });
    await tag(main, Bucket, 'invalidtag', { security1: 'public' });
    expect(await get(alt, Bucket, 'publictag')).toBe('done');
    expect(await get(alt, Bucket, 'privatetag')).toBe('403 AccessDenied');
    expect(await get(alt, Bucket, 'invalidtag')).toBe('403 AccessDenied');
  });

  it('test_bucket_policy_get_obj_tagging_existing_tag: opens tags by a tag, and not the object', async () => {
    const Bucket = await world.bucket({}, ['publictag', 'privatetag']);
    await put(Bucket, { Action: 's3:GetObjectTagging', Resource: objects(Bucket), Condition: existing });
    await tag(main, Bucket, 'publictag', { security: 'public' });
    await tag(main, Bucket, 'privatetag', { security: 'private' });
    expect(await tagsOf(alt, Bucket, 'publictag')).toBe('done');
    expect(await get(alt, Bucket, 'publictag')).toBe('403 AccessDenied');
    expect(await tagsOf(alt, Bucket, 'privatetag')).toBe('403 AccessDenied');
  });

  it('test_bucket_policy_put_obj_tagging_existing_tag: asks for the tags there are before the new ones', async () => {
    const Bucket = await world.bucket({}, ['publictag', 'privatetag']);
    await put(Bucket, { Action: 's3:PutObjectTagging', Resource: objects(Bucket), Condition: existing });
    await tag(main, Bucket, 'publictag', { security: 'public', foo: 'bar' });
    await tag(main, Bucket, 'privatetag', { security: 'private' });
    expect(await tag(alt, Bucket, 'publictag', { security: 'public', foo: 'bar' })).toBe('done');
    expect(await tag(alt, Bucket, 'privatetag', { security: 'public' })).toBe('403 AccessDenied');
    expect(await tag(alt, Bucket, 'publictag', { security: 'private' })).toBe('done');
    expect(await tag(alt, Bucket, 'publictag', { security: 'public' })).toBe('403 AccessDenied');
  });

  it('test_bucket_policy_get_obj_acl_existing_tag: opens the list of an object by its tag', async () => {
    const Bucket = await world.bucket({}, ['publictag', 'privatetag']);
    await put(Bucket, { Action: 's3:GetObjectAcl', Resource: objects(Bucket), Condition: existing });
    await tag(main, Bucket, 'publictag', { security: 'public' });
    await tag(main, Bucket, 'privatetag', { security: 'private' });
    const acl = (Key: string) => outcomeOf(alt.send(new s3.GetObjectAclCommand({ Bucket, Key })));
    expect([await acl('publictag'), await acl('privatetag')]).toEqual(['done', '403 AccessDenied']);
    expect(await get(alt, Bucket, 'publictag')).toBe('403 AccessDenied');
  });

  it('asks for a tag of the new object', async () => {
    const Bucket = await world.bucket();
    const Condition = { StringEquals: { 's3:RequestObjectTag/security': 'public' } };
    await put(Bucket, { Action: ['s3:PutObject', 's3:PutObjectTagging'], Resource: objects(Bucket), Condition });
    expect(await write(alt, Bucket, 'testobj')).toBe('403 AccessDenied');
    expect(await write(alt, Bucket, 'testobj', { Tagging: 'security=private' })).toBe('403 AccessDenied');
    expect(await write(alt, Bucket, 'testobj', { Tagging: 'security=public' })).toBe('done');
  });
});

describe('conditions on what a write says', () => {
  it('test_bucket_policy_put_obj_copy_source: asks for the source of a copy', async () => {
    const source = await world.bucket({}, ['public/foo', 'public/bar', 'private/foo']);
    await put(source, { Action: 's3:GetObject', Resource: objects(source) });
    const target = await world.bucket();
    const Condition = { StringLike: { 's3:x-amz-copy-source': `${source}/public/*` } };
    await put(target, { Action: 's3:PutObject', Resource: objects(target), Condition });
    expect(await copy(`${source}/public/foo`, target, 'new_foo')).toBe('done');
    expect(await get(alt, target, 'new_foo')).toBe('done');
    expect(await copy(`/${source}/public/bar`, target, 'new_foo2')).toBe('done');
    expect(await copy(`${source}/private/foo`, target, 'new_foo2')).toBe('403 AccessDenied');
  });

  it('test_bucket_policy_put_obj_copy_source_meta: asks for the directive of a copy', async () => {
    const source = await world.bucket({}, ['public/foo', 'public/bar']);
    await put(source, { Action: 's3:GetObject', Resource: objects(source) });
    const target = await world.bucket();
    const Condition = { StringEquals: { 's3:x-amz-metadata-directive': 'COPY' } };
    await put(target, { Action: 's3:PutObject', Resource: objects(target), Condition });
    expect(await copy(`${source}/public/foo`, target, 'new_foo', { MetadataDirective: 'COPY' })).toBe('done');
    expect(await copy(`${source}/public/bar`, target, 'new_foo2', { Metadata: { foo: 'bar' } })).toBe(
      '403 AccessDenied',
    );
  });

  it('test_bucket_policy_put_obj_acl: denies public lists by their name', async () => {
    const Bucket = await world.bucket();
    const Condition = { StringLike: { 's3:x-amz-acl': 'public*' } };
    const allow = { Action: 's3:PutObject', Resource: objects(Bucket) };
    await put(Bucket, allow, { ...allow, Effect: 'Deny', Condition });
    expect(await write(alt, Bucket, 'private-key')).toBe('done');
    expect(await write(alt, Bucket, 'public-key', { ACL: 'public-read' })).toBe('403 AccessDenied');
  });

  it('test_bucket_policy_put_obj_grant: asks for full control of the bucket owner', async () => {
    const [asked, free] = [await world.bucket(), await world.bucket()];
    const Condition = { StringEquals: { 's3:x-amz-grant-full-control': `id=${world.mainId}` } };
    await put(asked, { Action: 's3:PutObject', Resource: objects(asked), Condition });
    await put(free, { Action: 's3:PutObject', Resource: objects(free) });
    expect(await write(alt, asked, 'key1')).toBe('403 AccessDenied');
    expect(await write(alt, asked, 'key1', { GrantFullControl: `id=${world.mainId}` })).toBe('done');
    expect(await write(alt, free, 'key2')).toBe('done');
    const acl = (client: s3.S3Client, Bucket: string, Key: string) =>
      client.send(new s3.GetObjectAclCommand({ Bucket, Key }));
    expect((await acl(main, asked, 'key1')).Grants?.[0]?.Grantee?.ID).toBe(world.mainId);
    expect(await outcomeOf(acl(main, free, 'key2'))).toBe('403 AccessDenied');
    expect((await acl(alt, free, 'key2')).Grants?.[0]?.Grantee?.ID).toBe(world.altId);
  });

  it('test_bucket_policy_set_condition_operator_end_with_IfExists: takes an absent key for a match', async () => {
    const Bucket = await world.bucket({}, ['foo']);
    await put(Bucket, {
      Principal: '*',
      Action: 's3:GetObject',
      Resource: objects(Bucket),
      Condition: { StringLikeIfExists: { 'aws:Referer': 'http://www.example.com/*' } },
    });
    const from = async (referer?: string) =>
      (await fetch(world.url(Bucket, 'foo'), { headers: referer === undefined ? {} : { referer } })).status;
    expect(await from('http://www.example.com/')).toBe(200);
    expect(await from('http://www.example.com/index.html')).toBe(200);
    expect(await from()).toBe(200);
    expect(await from('http://example.com')).toBe(403);
  });
});

describe('public or not', () => {
  const status = async (Bucket: string) =>
    (await main.send(new s3.GetBucketPolicyStatusCommand({ Bucket }))).PolicyStatus?.IsPublic;

  it('test_get_bucket_policy_status: a bucket without policy is not public', async () => {
    expect(await status(await world.bucket())).toBe(false);
  });

  it('test_get_public_acl_bucket_policy_status, test_get_authpublic_acl_bucket_policy_status: lists make public', async () => {
    for (const ACL of ['public-read', 'authenticated-read'] as const) {
      const Bucket = await world.bucket();
      await main.send(new s3.PutBucketAclCommand({ Bucket, ACL }));
      expect(await status(Bucket)).toBe(true);
    }
  });

  it('test_get_publicpolicy_acl_bucket_policy_status: a policy for everybody makes public', async () => {
    const Bucket = await world.bucket();
    await put(Bucket, { Action: 's3:ListBucket', Resource: both(Bucket) });
    expect(await status(Bucket)).toBe(true);
  });

  it('test_get_nonpublicpolicy_acl_bucket_policy_status: an address closes a policy', async () => {
    const Bucket = await world.bucket();
    const Condition = { IpAddress: { 'aws:SourceIp': '10.0.0.0/32' } };
    await put(Bucket, { Action: 's3:ListBucket', Resource: both(Bucket), Condition });
    expect(await status(Bucket)).toBe(false);
    await put(Bucket, {
      Action: 's3:ListBucket',
      Resource: both(Bucket),
      Condition: { IpAddress: { 'aws:SourceIp': '0.0.0.0/0' } },
    });
    expect(await status(Bucket)).toBe(true);
  });

  it('calls a policy for everybody but one public', async () => {
    const Bucket = await world.bucket();
    const NotPrincipal = { AWS: 'arn:aws:iam::222222222222:root' };
    await put(Bucket, { NotPrincipal, Action: 's3:ListBucket', Resource: both(Bucket) });
    expect(await status(Bucket)).toBe(true);
    expect(await outcomeOf(listV2(alt, Bucket))).toBe('403 AccessDenied');
    expect(await outcomeOf(listV2(world.nobody, Bucket))).toBe('done');
  });
});

/** A key that is spelled like a variable. */
const LITERAL = '$' + '{x}/text';

describe('wildcards in odd places', () => {
  it('reach no further than the bucket and the names they spell', async () => {
    const Bucket = await world.bucket({}, ['a/secret', 'ab/open', 'a*b/star', 'a?b/mark', LITERAL]);
    const opens = async (Resource: string) => {
      const answer = await outcomeOf(put(Bucket, { Action: 's3:GetObj*', Resource }));
      if (answer !== 'done') return answer;
      const open: string[] = [];
      for (const key of ['a/secret', 'ab/open', 'a*b/star', 'a?b/mark', LITERAL]) {
        if ((await get(alt, Bucket, key)) === 'done') open.push(key);
      }
      return open;
    };
    expect(await opens(`arn:aws:s3:::${Bucket}/a?/*`)).toEqual(['ab/open']);
    expect(await opens(`arn:aws:s3:::${Bucket}/a\${*}b/*`)).toEqual(['a*b/star']);
    expect(await opens(`arn:aws:s3:::${Bucket}/a\${?}b/*`)).toEqual(['a?b/mark']);
    expect(await opens(`arn:aws:s3:::${Bucket}/\${$}{x}/*`)).toEqual([LITERAL]);
    expect(await opens(`arn:aws:s3:::${Bucket}/\${aws:username}/*`)).toEqual([]);
    expect(await opens(`arn:aws:s3:::${Bucket.slice(0, -1)}?/a*`)).toEqual([
      'a/secret',
      'ab/open',
      'a*b/star',
      'a?b/mark',
    ]);
    expect(await opens('arn:aws:s3:::*')).toHaveLength(5);
    expect(await opens(`arn:aws:s3:::${Bucket}x/*`)).toBe('400 MalformedPolicy');
    expect(await opens('arn:aws:glue:*:*:table/*')).toBe('400 MalformedPolicy');
    expect(await opens(`arn:aws:*:::${Bucket}/a/*`)).toEqual(['a/secret']);
  });
});
