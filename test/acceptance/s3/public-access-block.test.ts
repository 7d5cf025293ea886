/** The public-access block and object ownership: the cases of the public S3 suite, by their names. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openS3Conformance, outcomeOf, type S3Conformance } from '../../../src/testing/builders/s3-conformance.ts';

const DENIED = '403 AccessDenied';
let world: S3Conformance;
let main: s3.S3Client;
beforeAll(async () => {
  world = await openS3Conformance();
  main = world.main;
});
afterAll(() => world.close());

const OPEN = {
  BlockPublicAcls: false,
  IgnorePublicAcls: false,
  BlockPublicPolicy: false,
  RestrictPublicBuckets: false,
};
const block = (Bucket: string, some: s3.PublicAccessBlockConfiguration) =>
  main.send(new s3.PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: { ...OPEN, ...some } }));
const put = (client: s3.S3Client, Bucket: string, Key: string, more: Partial<s3.PutObjectCommandInput> = {}) =>
  outcomeOf(client.send(new s3.PutObjectCommand({ Bucket, Key, Body: Key, ...more })));
const read = (client: s3.S3Client, Bucket: string, Key: string) =>
  outcomeOf(client.send(new s3.GetObjectCommand({ Bucket, Key })).then(({ Body }) => Body!.transformToByteArray()));
const PUBLIC = ['public-read', 'public-read-write', 'authenticated-read'] as const;
const publicPolicy = (Bucket: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action: 's3:GetObject',
      Resource: `arn:aws:s3:::${Bucket}/*`,
    },
  });

describe('the public-access block', () => {
  it('test_put_public_block: reads back as it was put', async () => {
    const Bucket = await world.bucket();
    const some = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true };
    await block(Bucket, some);
    const { PublicAccessBlockConfiguration } = await main.send(new s3.GetPublicAccessBlockCommand({ Bucket }));
    expect(PublicAccessBlockConfiguration).toEqual({ ...OPEN, ...some });
  });

  it('test_get_undefined_public_block: is told to be absent once it was deleted', async () => {
    const Bucket = await world.bucket();
    await block(Bucket, {});
    await main.send(new s3.DeletePublicAccessBlockCommand({ Bucket }));
    expect(await outcomeOf(main.send(new s3.GetPublicAccessBlockCommand({ Bucket })))).toBe(
      '404 NoSuchPublicAccessBlockConfiguration',
    );
  });

  it('test_block_public_put_bucket_acls: refuses public lists of buckets', async () => {
    const Bucket = await world.bucket();
    await block(Bucket, { BlockPublicAcls: true });
    for (const ACL of PUBLIC) {
      expect(await outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, ACL })))).toBe(DENIED);
    }
    const GrantRead = 'uri=http://acs.amazonaws.com/groups/global/AllUsers';
    expect(await outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, GrantRead })))).toBe(DENIED);
  });

  it('test_block_public_object_canned_acls: refuses public lists of objects', async () => {
    const Bucket = await world.bucket({}, ['there']);
    await block(Bucket, { BlockPublicAcls: true });
    for (const ACL of PUBLIC) {
      expect(await put(main, Bucket, 'foo', { ACL })).toBe(DENIED);
      expect(await outcomeOf(main.send(new s3.PutObjectAclCommand({ Bucket, Key: 'there', ACL })))).toBe(DENIED);
    }
    expect(await read(main, Bucket, 'foo')).toBe('404 NoSuchKey');
  });

  it('test_block_public_policy: refuses public policies', async () => {
    const Bucket = await world.bucket();
    await block(Bucket, { BlockPublicPolicy: true });
    const Policy = publicPolicy(Bucket);
    expect(await outcomeOf(main.send(new s3.PutBucketPolicyCommand({ Bucket, Policy })))).toBe(DENIED);
  });

  it('takes a policy for one account', async () => {
    const Bucket = await world.bucket();
    await block(Bucket, { BlockPublicPolicy: true });
    const Policy = publicPolicy(Bucket).replace('"*"', '"arn:aws:iam::222222222222:root"');
    expect(await outcomeOf(main.send(new s3.PutBucketPolicyCommand({ Bucket, Policy })))).toBe('done');
  });

  it('test_ignore_public_acls: takes public lists for private ones', async () => {
    const Bucket = await world.bucket({ ACL: 'public-read' });
    await put(main, Bucket, 'key1', { ACL: 'public-read' });
    expect(await read(world.alt, Bucket, 'key1')).toBe('done');
    await block(Bucket, { IgnorePublicAcls: true });
    expect(await outcomeOf(main.send(new s3.PutBucketAclCommand({ Bucket, ACL: 'public-read' })))).toBe('done');
    expect(await outcomeOf(world.alt.send(new s3.ListObjectsCommand({ Bucket })))).toBe(DENIED);
    expect(await read(world.alt, Bucket, 'key1')).toBe(DENIED);
  });

  it('test_block_public_restrict_public_buckets: lets nobody in from outside by a public policy', async () => {
    const Bucket = await world.bucket({}, ['foo']);
    await main.send(new s3.PutBucketPolicyCommand({ Bucket, Policy: publicPolicy(Bucket) }));
    expect(await read(world.nobody, Bucket, 'foo')).toBe('done');
    expect(await read(world.alt, Bucket, 'foo')).toBe('done');
    await block(Bucket, { RestrictPublicBuckets: true });
    expect(await read(world.nobody, Bucket, 'foo')).toBe(DENIED);
    expect(await read(world.alt, Bucket, 'foo')).toBe(DENIED);
    expect(await read(main, Bucket, 'foo')).toBe('done');
  });
});

describe('object ownership', () => {
  const ownership = (Bucket: string, ObjectOwnership: s3.ObjectOwnership) =>
    main.send(
      new s3.PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules: [{ ObjectOwnership }] } }),
    );
  const told = async (Bucket: string) =>
    (await main.send(new s3.GetBucketOwnershipControlsCommand({ Bucket }))).OwnershipControls?.Rules;

  it('is what the lake says', async () => {
    expect(await told(await world.bucket())).toEqual([{ ObjectOwnership: 'ObjectWriter' }]);
  });

  it.each([
    ['bucket_owner_enforced', 'BucketOwnerEnforced'],
    ['bucket_owner_preferred', 'BucketOwnerPreferred'],
    ['object_writer', 'ObjectWriter'],
  ] as const)('%s: reads back as it was put, at the making of a bucket and later', async (_, kind) => {
    expect(await told(await world.bucket({ ObjectOwnership: kind }))).toEqual([{ ObjectOwnership: kind }]);
    const Bucket = await world.bucket();
    await ownership(Bucket, kind);
    expect(await told(Bucket)).toEqual([{ ObjectOwnership: kind }]);
    await main.send(new s3.DeleteBucketOwnershipControlsCommand({ Bucket }));
    expect(await outcomeOf(told(Bucket))).toBe('404 OwnershipControlsNotFoundError');
  });

  it('gives objects to the bucket owner when their writer says so, where that is preferred', async () => {
    const Bucket = await world.bucket({ ObjectOwnership: 'BucketOwnerPreferred', ACL: 'public-read-write' });
    const ownerOf = async (client: s3.S3Client, Key: string) =>
      (await client.send(new s3.GetObjectAclCommand({ Bucket, Key }))).Owner?.ID;
    await put(world.alt, Bucket, 'kept');
    await put(world.alt, Bucket, 'given', { ACL: 'bucket-owner-full-control' });
    expect(await ownerOf(world.alt, 'kept')).toBe(world.altId);
    expect(await read(main, Bucket, 'kept')).toBe(DENIED);
    expect(await ownerOf(main, 'given')).toBe(world.mainId);
    expect(await read(main, Bucket, 'given')).toBe('done');
  });

  it('shuts the lists of all objects when the bucket owner becomes enforced, and opens them again after', async () => {
    const Bucket = await world.bucket();
    await put(main, Bucket, 'open', { ACL: 'public-read' });
    expect(await read(world.nobody, Bucket, 'open')).toBe('done');
    await ownership(Bucket, 'BucketOwnerEnforced');
    expect(await read(world.nobody, Bucket, 'open')).toBe(DENIED);
    await ownership(Bucket, 'ObjectWriter');
    expect(await read(world.nobody, Bucket, 'open')).toBe('done');
  });
});
