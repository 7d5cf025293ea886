/** Replication between buckets of one lake: what the rules say, with what versions have, in the name of the role. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';
import { contextOf } from '../../../src/testing/builders/test-lake.ts';

let lake: S3Lake;
let client: s3.S3Client;
const ROLE = `arn:aws:iam::${S3_LAKE.accountId}:role/replicator`;
const OTHER = '210987654321';

const root = async () =>
  contextOf((await lake.governance.identities.principal(`arn:aws:iam::${S3_LAKE.accountId}:root`))!);

async function role(name: string, ...statements: object[]): Promise<void> {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  await lake.governance.identity.createEntity(await root(), 'role', { name, trustPolicy: JSON.stringify(trust) });
  await lake.governance.identity.putInlinePolicy(
    await root(),
    { kind: 'role', name },
    'inline',
    JSON.stringify({ Version: '2012-10-17', Statement: statements }),
  );
}

async function bucket(Bucket: string, of = client, lock = false): Promise<string> {
  await of.send(new s3.CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: lock }));
  await of.send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  return Bucket;
}

const rule = (to: string, more: Partial<s3.ReplicationRule> = {}): s3.ReplicationRule => ({
  ID: to,
  Priority: 1,
  Status: 'Enabled',
  Filter: { Prefix: '' },
  DeleteMarkerReplication: { Status: 'Enabled' },
  Destination: { Bucket: `arn:aws:s3:::${to}` },
  ...more,
});
const replicate = (Bucket: string, ...Rules: s3.ReplicationRule[]) =>
  client.send(new s3.PutBucketReplicationCommand({ Bucket, ReplicationConfiguration: { Role: ROLE, Rules } }));
const head = (Bucket: string, Key: string, VersionId?: string, of = client) =>
  of.send(new s3.HeadObjectCommand({ Bucket, Key, VersionId }));
const put = (Bucket: string, Key: string, more: Partial<s3.PutObjectCommandInput> = {}) =>
  client.send(new s3.PutObjectCommand({ Bucket, Key, Body: `body of ${Key}`, ...more }));
const settled = (Bucket: string, Key: string, status: string) =>
  vi.waitFor(async () => {
    const found = await head(Bucket, Key);
    expect(found.ReplicationStatus).toBe(status);
    return found;
  }, 15_000);

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: s3.S3ServiceException) => `${error.$metadata?.httpStatusCode} ${error.name}`,
  );
}

beforeAll(async () => {
  lake = await openS3Lake();
  client = lake.client();
  await role('replicator', { Effect: 'Allow', Action: ['s3:*', 'kms:*'], Resource: '*' });
});
afterAll(() => lake.close());

describe('a replication configuration', () => {
  it('comes back in both forms of rules, and is gone when it was deleted', async () => {
    await bucket('forms');
    await bucket('forms-to');
    expect(await failure(client.send(new s3.GetBucketReplicationCommand({ Bucket: 'forms' })))).toBe(
      '404 ReplicationConfigurationNotFoundError',
    );
    const filtered = rule('forms-to', {
      Filter: { And: { Prefix: 'a/', Tags: [{ Key: 'k', Value: 'v' }] } },
      DeleteMarkerReplication: { Status: 'Disabled' },
      ExistingObjectReplication: { Status: 'Disabled' },
      SourceSelectionCriteria: {
        SseKmsEncryptedObjects: { Status: 'Enabled' },
        ReplicaModifications: { Status: 'Enabled' },
      },
      Destination: {
        Bucket: 'arn:aws:s3:::forms-to',
        Account: S3_LAKE.accountId,
        StorageClass: 'STANDARD_IA',
        AccessControlTranslation: { Owner: 'Destination' },
        EncryptionConfiguration: { ReplicaKmsKeyID: 'alias/aws/s3' },
        ReplicationTime: { Status: 'Enabled', Time: { Minutes: 15 } },
        Metrics: { Status: 'Enabled', EventThreshold: { Minutes: 15 } },
      },
    });
    const plain: s3.ReplicationRule = {
      ID: 'plain',
      Prefix: 'p/',
      Status: 'Disabled',
      Destination: { Bucket: 'arn:aws:s3:::forms-to' },
    };
    for (const each of [filtered, plain]) {
      await replicate('forms', each);
      const { ReplicationConfiguration } = await client.send(new s3.GetBucketReplicationCommand({ Bucket: 'forms' }));
      expect(ReplicationConfiguration).toEqual({ Role: ROLE, Rules: [each] });
    }
    const suspend = { Bucket: 'forms', VersioningConfiguration: { Status: 'Suspended' as const } };
    expect(await failure(client.send(new s3.PutBucketVersioningCommand(suspend)))).toBe('409 InvalidBucketState');
    await client.send(new s3.DeleteBucketReplicationCommand({ Bucket: 'forms' }));
    expect(await failure(client.send(new s3.GetBucketReplicationCommand({ Bucket: 'forms' })))).toBe(
      '404 ReplicationConfigurationNotFoundError',
    );
    expect(await failure(client.send(new s3.PutBucketVersioningCommand(suspend)))).toBe('none');
  });

  it('is refused as S3 refuses it', async () => {
    await bucket('refused');
    await client.send(new s3.CreateBucketCommand({ Bucket: 'unversioned' }));
    const to = (...rules: s3.ReplicationRule[]) => failure(replicate('refused', ...rules));
    const destination = (more: Partial<s3.Destination>) =>
      rule('forms-to', { Destination: { Bucket: 'arn:aws:s3:::forms-to', ...more } });
    expect(await failure(replicate('unversioned', rule('forms-to')))).toBe('400 InvalidRequest');
    expect(await to(rule('unversioned'))).toBe('400 InvalidRequest');
    expect(await to(rule('nobody-has-it'))).toBe('400 InvalidRequest');
    expect(await to(rule('refused'))).toBe('400 InvalidRequest');
    expect(await to(rule('forms-to', { ExistingObjectReplication: { Status: 'Enabled' } }))).toBe('400 InvalidRequest');
    expect(await to(rule('forms-to', { DeleteMarkerReplication: undefined }))).toBe('400 InvalidRequest');
    expect(await to(rule('forms-to', { Priority: undefined }))).toBe('400 InvalidRequest');
    expect(await to(rule('forms-to', { Filter: { Tag: { Key: 'a', Value: 'b' } } }))).toBe('400 InvalidRequest');
    expect(await to(rule('forms-to'), rule('forms-to', { ID: 'second' }))).toBe('400 InvalidRequest');
    expect(await to(rule('forms-to'), rule('forms-to', { Priority: 2 }))).toBe('400 InvalidArgument');
    expect(await to(destination({ AccessControlTranslation: { Owner: 'Destination' } }))).toBe('400 InvalidRequest');
    expect(await to(destination({ Account: OTHER }))).toBe('400 InvalidRequest');
    expect(await to(destination({ ReplicationTime: { Status: 'Enabled', Time: { Minutes: 15 } } }))).toBe(
      '400 InvalidRequest',
    );
    expect(await to(destination({ EncryptionConfiguration: { ReplicaKmsKeyID: 'k' } }))).toBe('400 InvalidRequest');
    const Rules = [rule('forms-to')];
    const absent = { Role: `${ROLE}-absent`, Rules };
    expect(
      await failure(
        client.send(new s3.PutBucketReplicationCommand({ Bucket: 'refused', ReplicationConfiguration: absent })),
      ),
    ).toBe('400 InvalidArgument');
    const passer = lake.client(await lake.user('no-passer', { Effect: 'Allow', Action: 's3:*', Resource: '*' }));
    const ReplicationConfiguration = { Role: ROLE, Rules };
    expect(
      await failure(passer.send(new s3.PutBucketReplicationCommand({ Bucket: 'refused', ReplicationConfiguration }))),
    ).toBe('403 AccessDenied');
  });
});

describe('replication', () => {
  it('copies versions with their ids, times, metadata, tags and locks, and delete markers', async () => {
    await bucket('from', client, true);
    await bucket('there', client, true);
    await replicate('from', rule('there', { Filter: { Prefix: 'in/' } }));
    const until = new Date(Date.now() + 3_600_000);
    const first = await put('from', 'in/a', {
      Metadata: { colour: 'blue' },
      ContentType: 'text/x-own',
      CacheControl: 'no-store',
      Tagging: 'k=v&l=w',
      ObjectLockMode: 'GOVERNANCE',
      ObjectLockRetainUntilDate: until,
      ObjectLockLegalHoldStatus: 'ON',
    });
    const second = await put('from', 'in/a', { Body: 'second' });
    await put('from', 'out/a');
    const source = await settled('from', 'in/a', 'COMPLETED');
    expect((await head('from', 'out/a')).ReplicationStatus).toBeUndefined();
    const replica = await head('there', 'in/a');
    expect(replica).toMatchObject({ ReplicationStatus: 'REPLICA', VersionId: second.VersionId, ETag: source.ETag });
    expect(replica.LastModified).toEqual(source.LastModified);
    expect(await head('there', 'in/a', first.VersionId)).toMatchObject({
      VersionId: first.VersionId,
      Metadata: { colour: 'blue' },
      ContentType: 'text/x-own',
      CacheControl: 'no-store',
      TagCount: 2,
      ObjectLockMode: 'GOVERNANCE',
      ObjectLockLegalHoldStatus: 'ON',
    });
    const { Versions = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: 'there' }));
    expect(Versions.map(({ VersionId }) => VersionId)).toEqual([second.VersionId, first.VersionId]);
    expect(await failure(head('there', 'out/a'))).toBe('404 NotFound');
    const mark = await client.send(new s3.DeleteObjectCommand({ Bucket: 'from', Key: 'in/a' }));
    await vi.waitFor(async () => {
      const { DeleteMarkers = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: 'there' }));
      expect(DeleteMarkers.map(({ VersionId }) => VersionId)).toEqual([mark.VersionId]);
    }, 15_000);
    // A version that is removed for good stays where it was copied to.
    await client.send(new s3.DeleteObjectCommand({ Bucket: 'from', Key: 'in/a', VersionId: second.VersionId }));
    expect((await head('there', 'in/a', second.VersionId)).VersionId).toBe(second.VersionId);
    expect(
      await failure(
        client.send(new s3.DeleteObjectCommand({ Bucket: 'there', Key: 'in/a', VersionId: first.VersionId })),
      ),
    ).toBe('403 AccessDenied');
  });

  it('follows changes of tags, and of replicas where a rule says so; never sends a replica on', async () => {
    await bucket('left');
    await bucket('right');
    const both = { SourceSelectionCriteria: { ReplicaModifications: { Status: 'Enabled' as const } } };
    await replicate('left', rule('right', both));
    await replicate('right', rule('left', both));
    const { VersionId } = await put('left', 'x', { Tagging: 'a=1' });
    await settled('left', 'x', 'COMPLETED');
    const tag = (Bucket: string, Value: string) =>
      client.send(new s3.PutObjectTaggingCommand({ Bucket, Key: 'x', Tagging: { TagSet: [{ Key: 'a', Value }] } }));
    const tagsOf = async (Bucket: string) =>
      (await client.send(new s3.GetObjectTaggingCommand({ Bucket, Key: 'x' }))).TagSet;
    await tag('left', '2');
    await vi.waitFor(async () => expect(await tagsOf('right')).toEqual([{ Key: 'a', Value: '2' }]), 15_000);
    await settled('left', 'x', 'COMPLETED');
    await tag('right', '3');
    await vi.waitFor(async () => expect(await tagsOf('left')).toEqual([{ Key: 'a', Value: '3' }]), 15_000);
    const { Versions = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: 'left' }));
    expect(Versions.map((each) => each.VersionId)).toEqual([VersionId]);
    expect((await head('right', 'x')).ReplicationStatus).toBe('REPLICA');
  });

  it('keeps the parts of an upload and wraps data keys anew, of objects under KMS where a rule says so', async () => {
    const keys = lake.governance.keys;
    const made = await keys.createKey(await root(), {});
    const other = await keys.createKey(await root(), {});
    await bucket('sealed');
    await bucket('sealed-to');
    const kms = { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: made.arn };
    await replicate(
      'sealed',
      rule('sealed-to', {
        SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
        Destination: { Bucket: 'arn:aws:s3:::sealed-to', EncryptionConfiguration: { ReplicaKmsKeyID: other.arn } },
      }),
    );
    await put('sealed', 'k', kms);
    const at = { Bucket: 'sealed', Key: 'parts' };
    const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand(at));
    const Parts: s3.CompletedPart[] = [];
    for (const Body of [Buffer.alloc(5 << 20, 1), Buffer.from('rest')]) {
      const PartNumber = Parts.length + 1;
      const { ETag } = await client.send(new s3.UploadPartCommand({ ...at, UploadId, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    await client.send(new s3.CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));
    await settled('sealed', 'k', 'COMPLETED');
    const source = await settled('sealed', 'parts', 'COMPLETED');
    const copy = await client.send(new s3.GetObjectCommand({ Bucket: 'sealed-to', Key: 'k' }));
    expect(copy).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: other.arn });
    expect(await copy.Body!.transformToString()).toBe('body of k');
    expect(await head('sealed-to', 'parts')).toMatchObject({ ETag: source.ETag, VersionId: source.VersionId });
  });

  it('goes to another account as its bucket allows, and says FAILED where nobody allowed it', async () => {
    const { key } = await lake.account(OTHER);
    const theirs = lake.client(key);
    await bucket('foreign', theirs);
    await bucket('ours');
    await replicate(
      'ours',
      rule('foreign', {
        Destination: {
          Bucket: 'arn:aws:s3:::foreign',
          Account: OTHER,
          AccessControlTranslation: { Owner: 'Destination' },
        },
      }),
    );
    await put('ours', 'denied');
    await settled('ours', 'denied', 'FAILED');
    const [failed] = await lake.upkeep.replication.failures(await root(), 'ours', 10);
    expect(failed).toMatchObject({ key: 'denied', destination: 'arn:aws:s3:::foreign' });
    expect(failed!.failure).toContain('s3:ReplicateObject');
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: ROLE },
          Action: [
            's3:ReplicateObject',
            's3:ReplicateDelete',
            's3:ReplicateTags',
            's3:ObjectOwnerOverrideToBucketOwner',
          ],
          Resource: 'arn:aws:s3:::foreign/*',
        },
      ],
    });
    await theirs.send(new s3.PutBucketPolicyCommand({ Bucket: 'foreign', Policy }));
    await put('ours', 'allowed');
    await settled('ours', 'allowed', 'COMPLETED');
    expect((await head('foreign', 'allowed', undefined, theirs)).ReplicationStatus).toBe('REPLICA');
    // What failed is asked for again; it is older than what came after it.
    await lake.upkeep.replication.replicate(await root(), { bucket: 'ours', key: 'denied' });
    await settled('ours', 'denied', 'COMPLETED');
    expect(await lake.upkeep.replication.figures(await root(), 'ours')).toMatchObject([
      { rule: 'foreign', operationsPending: 0, operationsFailed: 0 },
    ]);
  });

  it('puts what comes late where its age belongs', async () => {
    await bucket('late');
    await bucket('late-to');
    const versions: (string | undefined)[] = [];
    for (const Body of ['1', '2', '3']) versions.push((await put('late', 'k', { Body })).VersionId);
    await replicate('late', rule('late-to'));
    versions.push((await put('late', 'k', { Body: '4' })).VersionId);
    await settled('late', 'k', 'COMPLETED');
    for (const versionId of [versions[1], versions[0], versions[2], versions[1]]) {
      await lake.upkeep.replication.replicate(await root(), { bucket: 'late', key: 'k', versionId: versionId! });
      await vi.waitFor(
        async () => expect((await head('late', 'k', versionId)).ReplicationStatus).toBe('COMPLETED'),
        15_000,
      );
    }
    const { Versions = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: 'late-to' }));
    expect(Versions.map(({ VersionId }) => VersionId)).toEqual(versions.toReversed());
    const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: 'late-to', Key: 'k' }));
    expect(await Body!.transformToString()).toBe('4');
    await client.send(new s3.DeleteObjectCommand({ Bucket: 'late-to', Key: 'k', VersionId: versions[3] }));
    expect((await head('late-to', 'k')).VersionId).toBe(versions[2]);
  });
});
