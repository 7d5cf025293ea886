/** Who pays for requests, and what is measured of a bucket. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openS3Lake, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';

const Bucket = 'paid-for';
let lake: S3Lake;
let client: s3.S3Client;

beforeAll(async () => {
  lake = await openS3Lake();
  client = lake.client();
  await client.send(new s3.CreateBucketCommand({ Bucket }));
});
afterAll(() => lake.close());

async function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'allowed',
    (error: s3.S3ServiceException) => `${error.$metadata?.httpStatusCode} ${error.name}`,
  );
}

it('asks of other accounts to say that they pay, where requesters do', async () => {
  const { key } = await lake.account('210987654321');
  const guest = lake.client(key);
  await client.send(new s3.PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: '210987654321' },
        Action: ['s3:GetObject', 's3:ListBucket'],
        Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
      },
    ],
  });
  await client.send(new s3.PutBucketPolicyCommand({ Bucket, Policy }));
  const get = (of: s3.S3Client, RequestPayer?: 'requester') =>
    outcome(of.send(new s3.GetObjectCommand({ Bucket, Key: 'k', RequestPayer })));
  expect(await get(guest)).toBe('allowed');
  const RequestPaymentConfiguration = { Payer: 'Requester' as const };
  await client.send(new s3.PutBucketRequestPaymentCommand({ Bucket, RequestPaymentConfiguration }));
  expect(await get(guest)).toBe('403 AccessDenied');
  expect(await get(guest, 'requester')).toBe('allowed');
  expect(await outcome(guest.send(new s3.ListObjectsV2Command({ Bucket })))).toBe('403 AccessDenied');
  expect(await outcome(guest.send(new s3.ListObjectsV2Command({ Bucket, RequestPayer: 'requester' })))).toBe('allowed');
  expect(await get(client)).toBe('allowed');
});

it('keeps configurations of analytics and metrics as they were put, and lists them', async () => {
  const Filter = { And: { Prefix: 'a/', Tags: [{ Key: 'k', Value: 'v' }] } };
  for (const Id of ['one', 'two']) {
    const MetricsConfiguration = Id === 'one' ? { Id } : { Id, Filter };
    await client.send(new s3.PutBucketMetricsConfigurationCommand({ Bucket, Id, MetricsConfiguration }));
    const AnalyticsConfiguration = { Id, Filter: { Prefix: 'p/' }, StorageClassAnalysis: {} };
    await client.send(new s3.PutBucketAnalyticsConfigurationCommand({ Bucket, Id, AnalyticsConfiguration }));
  }
  const metrics = await client.send(new s3.GetBucketMetricsConfigurationCommand({ Bucket, Id: 'two' }));
  expect(metrics.MetricsConfiguration).toEqual({ Id: 'two', Filter });
  const listed = await client.send(new s3.ListBucketMetricsConfigurationsCommand({ Bucket }));
  expect(listed.MetricsConfigurationList).toEqual([{ Id: 'one' }, { Id: 'two', Filter }]);
  await client.send(new s3.DeleteBucketMetricsConfigurationCommand({ Bucket, Id: 'two' }));
  expect(await outcome(client.send(new s3.GetBucketMetricsConfigurationCommand({ Bucket, Id: 'two' })))).toBe(
    '404 NoSuchConfiguration',
  );
  const analytics = await client.send(new s3.ListBucketAnalyticsConfigurationsCommand({ Bucket }));
  expect(analytics.AnalyticsConfigurationList?.map(({ Id, Filter: of }) => [Id, of])).toEqual([
    ['one', { Prefix: 'p/' }],
    ['two', { Prefix: 'p/' }],
  ]);
  const DataExport = {
    OutputSchemaVersion: 'V_1' as const,
    Destination: { S3BucketDestination: { Format: 'CSV' as const, Bucket: `arn:aws:s3:::${Bucket}` } },
  };
  const AnalyticsConfiguration = { Id: 'x', StorageClassAnalysis: { DataExport } };
  expect(
    await outcome(
      client.send(new s3.PutBucketAnalyticsConfigurationCommand({ Bucket, Id: 'x', AnalyticsConfiguration })),
    ),
  ).toBe('501 NotImplemented');
});
