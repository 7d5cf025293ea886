import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contextOf } from '../../../testing/builders/test-lake.ts';
import { openS3Lake, type S3Lake } from '../../../testing/builders/s3-lake.ts';

const Bucket = 'settled';
let lake: S3Lake;
let root: s3.S3Client;

beforeAll(async () => {
  lake = await openS3Lake();
  root = lake.client();
  await root.send(new s3.CreateBucketCommand({ Bucket }));
});
afterAll(() => lake.close());

async function outcome(work: Promise<object>): Promise<unknown> {
  try {
    const { $metadata: _, ...output } = (await work) as { $metadata: unknown };
    return output;
  } catch (error) {
    if (error instanceof s3.S3ServiceException) return `${error.$metadata.httpStatusCode} ${error.name}`;
    throw error;
  }
}

it('answers what is not set by the exact codes that tools compare', async () => {
  expect({
    cors: await outcome(root.send(new s3.GetBucketCorsCommand({ Bucket }))),
    website: await outcome(root.send(new s3.GetBucketWebsiteCommand({ Bucket }))),
    lifecycle: await outcome(root.send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket }))),
    replication: await outcome(root.send(new s3.GetBucketReplicationCommand({ Bucket }))),
    objectLock: await outcome(root.send(new s3.GetObjectLockConfigurationCommand({ Bucket }))),
    tags: await outcome(root.send(new s3.GetBucketTaggingCommand({ Bucket }))),
    inventory: await outcome(root.send(new s3.GetBucketInventoryConfigurationCommand({ Bucket, Id: 'daily' }))),
    inventories: await outcome(root.send(new s3.ListBucketInventoryConfigurationsCommand({ Bucket }))),
    versioning: await outcome(root.send(new s3.GetBucketVersioningCommand({ Bucket }))),
    accelerate: await outcome(root.send(new s3.GetBucketAccelerateConfigurationCommand({ Bucket }))),
    payment: await outcome(root.send(new s3.GetBucketRequestPaymentCommand({ Bucket }))),
    logging: await outcome(root.send(new s3.GetBucketLoggingCommand({ Bucket }))),
    notification: await outcome(root.send(new s3.GetBucketNotificationConfigurationCommand({ Bucket }))),
  }).toEqual({
    cors: '404 NoSuchCORSConfiguration',
    website: '404 NoSuchWebsiteConfiguration',
    lifecycle: '404 NoSuchLifecycleConfiguration',
    replication: '404 ReplicationConfigurationNotFoundError',
    objectLock: '404 ObjectLockConfigurationNotFoundError',
    tags: '404 NoSuchTagSet',
    inventory: '404 NoSuchConfiguration',
    inventories: { IsTruncated: false },
    versioning: {},
    accelerate: {},
    payment: { Payer: 'BucketOwner' },
    logging: {},
    notification: {},
  });
});

it('blocks public access and enforces the owner of new buckets, until that is taken away', async () => {
  const Fresh = { Bucket: 'fresh-bucket' };
  await root.send(new s3.CreateBucketCommand(Fresh));
  expect(await outcome(root.send(new s3.GetPublicAccessBlockCommand(Fresh)))).toEqual({
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    },
  });
  expect(await outcome(root.send(new s3.GetBucketOwnershipControlsCommand(Fresh)))).toEqual({
    OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
  });
  await root.send(new s3.DeletePublicAccessBlockCommand(Fresh));
  await root.send(new s3.DeleteBucketOwnershipControlsCommand(Fresh));
  expect(await outcome(root.send(new s3.GetPublicAccessBlockCommand(Fresh)))).toBe(
    '404 NoSuchPublicAccessBlockConfiguration',
  );
  expect(await outcome(root.send(new s3.GetBucketOwnershipControlsCommand(Fresh)))).toBe(
    '404 OwnershipControlsNotFoundError',
  );
});

it('keeps tags, CORS rules, website and payment as they were put, until they are deleted', async () => {
  const Tagging = { TagSet: [{ Key: 'team', Value: 'büro & co' }] };
  const CORSConfiguration = {
    CORSRules: [
      {
        ID: 'one',
        AllowedOrigins: ['https://*.example.org'],
        AllowedMethods: ['GET', 'PUT'],
        AllowedHeaders: ['*'],
        ExposeHeaders: ['ETag'],
        MaxAgeSeconds: 300,
      },
      { AllowedOrigins: ['*'], AllowedMethods: ['GET'] },
    ],
  };
  const WebsiteConfiguration = {
    IndexDocument: { Suffix: 'index.html' },
    ErrorDocument: { Key: 'error.html' },
    RoutingRules: [{ Condition: { KeyPrefixEquals: 'a/' }, Redirect: { ReplaceKeyPrefixWith: 'b/' } }],
  };
  await root.send(new s3.PutBucketTaggingCommand({ Bucket, Tagging }));
  await root.send(new s3.PutBucketCorsCommand({ Bucket, CORSConfiguration }));
  await root.send(new s3.PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
  const payment = { Bucket, RequestPaymentConfiguration: { Payer: 'Requester' as const } };
  await root.send(new s3.PutBucketRequestPaymentCommand(payment));
  expect(await outcome(root.send(new s3.GetBucketTaggingCommand({ Bucket })))).toEqual(Tagging);
  expect(await outcome(root.send(new s3.GetBucketCorsCommand({ Bucket })))).toEqual(CORSConfiguration);
  expect(await outcome(root.send(new s3.GetBucketWebsiteCommand({ Bucket })))).toEqual(WebsiteConfiguration);
  expect(await outcome(root.send(new s3.GetBucketRequestPaymentCommand({ Bucket })))).toEqual({ Payer: 'Requester' });
  await root.send(new s3.DeleteBucketTaggingCommand({ Bucket }));
  await root.send(new s3.DeleteBucketCorsCommand({ Bucket }));
  await root.send(new s3.DeleteBucketWebsiteCommand({ Bucket }));
  expect(await outcome(root.send(new s3.GetBucketTaggingCommand({ Bucket })))).toBe('404 NoSuchTagSet');
  expect(await outcome(root.send(new s3.GetBucketCorsCommand({ Bucket })))).toBe('404 NoSuchCORSConfiguration');
  expect(await outcome(root.send(new s3.GetBucketWebsiteCommand({ Bucket })))).toBe('404 NoSuchWebsiteConfiguration');
});

it('refuses what cannot be', async () => {
  const tags = (...TagSet: { Key: string; Value: string }[]) =>
    outcome(root.send(new s3.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } })));
  const many = Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
  const cors = (AllowedOrigins: string[], AllowedMethods: string[]) =>
    outcome(
      root.send(
        new s3.PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [{ AllowedOrigins, AllowedMethods }] } }),
      ),
    );
  expect({
    twice: await tags({ Key: 'a', Value: '1' }, { Key: 'a', Value: '2' }),
    system: await tags({ Key: 'aws:x', Value: '1' }),
    many: await tags(...many),
    method: await cors(['*'], ['PATCH']),
    wildcards: await cors(['https://*.*.org'], ['GET']),
    accelerated: await outcome(
      root.send(
        new s3.PutBucketAccelerateConfigurationCommand({ Bucket, AccelerateConfiguration: { Status: 'Enabled' } }),
      ),
    ),
    noBucket: await outcome(root.send(new s3.GetBucketTaggingCommand({ Bucket: 'no-such-bucket' }))),
  }).toEqual({
    twice: '400 InvalidTag',
    system: '400 InvalidTag',
    many: '400 InvalidTag',
    method: '400 InvalidRequest',
    wildcards: '400 InvalidRequest',
    accelerated: '501 NotImplemented',
    noBucket: '404 NoSuchBucket',
  });
});

it('asks for the exact action of each setting, and records who changed one', async () => {
  const allow = (Action: string[]) => ({ Effect: 'Allow', Action, Resource: '*' });
  const ada = lake.client(await lake.user('ada', allow(['s3:GetBucketTagging', 's3:PutBucketCORS'])));
  const Tagging = { TagSet: [{ Key: 'a', Value: '1' }] };
  expect(await outcome(ada.send(new s3.GetBucketTaggingCommand({ Bucket })))).toBe('404 NoSuchTagSet');
  expect(await outcome(ada.send(new s3.PutBucketTaggingCommand({ Bucket, Tagging })))).toBe('403 AccessDenied');
  expect(await outcome(ada.send(new s3.DeleteBucketTaggingCommand({ Bucket })))).toBe('403 AccessDenied');
  expect(await outcome(ada.send(new s3.DeleteBucketCorsCommand({ Bucket })))).toEqual({});
  expect(await outcome(ada.send(new s3.GetBucketCorsCommand({ Bucket })))).toBe('403 AccessDenied');
  const principal = (await lake.governance.identities.principal('arn:aws:iam::123456789012:root'))!;
  const { events } = await lake.governance.trail.lookupEvents(contextOf(principal), {});
  expect(events.map(({ eventName, errorCode }) => [eventName, errorCode])).toContainEqual([
    'PutBucketTagging',
    'AccessDenied',
  ]);
  expect(events.map(({ eventName, errorCode }) => [eventName, errorCode])).toContainEqual([
    'DeleteBucketCors',
    undefined,
  ]);
});

it('gives a bucket nothing of another that had its name', async () => {
  const Again = { Bucket: 'again-bucket' };
  await root.send(new s3.CreateBucketCommand(Again));
  await root.send(new s3.PutBucketTaggingCommand({ ...Again, Tagging: { TagSet: [{ Key: 'a', Value: '1' }] } }));
  await root.send(new s3.DeleteBucketCommand(Again));
  await root.send(new s3.CreateBucketCommand(Again));
  expect(await outcome(root.send(new s3.GetBucketTaggingCommand(Again)))).toBe('404 NoSuchTagSet');
});
