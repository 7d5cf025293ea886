/** Notifications of buckets inside the lake: to delivery streams, and to workflows as EventBridge tells of changes. */
import * as firehose from '@aws-sdk/client-firehose';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

interface Message {
  readonly Event?: string;
  readonly Records?: readonly [
    {
      readonly eventName: string;
      readonly s3: { readonly object: { readonly key: string; readonly sequencer: string } };
    },
  ];
}

let loch: RunningLoch;
let admin: s3.S3Client;
let streams: firehose.FirehoseClient;
const ACCOUNT = '000000000001';
const STREAM = `arn:aws:firehose:us-east-1:${ACCOUNT}:deliverystream/changes`;

function connect(): void {
  admin = new s3.S3Client(loch.client.sdk);
  streams = new firehose.FirehoseClient(loch.client.sdk);
}

beforeAll(async () => {
  loch = await startLoch();
  connect();
  await admin.send(new s3.CreateBucketCommand({ Bucket: 'told' }));
  await admin.send(new s3.CreateBucketCommand({ Bucket: 'heard' }));
  await streams.send(
    new firehose.CreateDeliveryStreamCommand({
      DeliveryStreamName: 'changes',
      ExtendedS3DestinationConfiguration: {
        RoleARN: `arn:aws:iam::${ACCOUNT}:role/firehose`,
        BucketARN: 'arn:aws:s3:::heard',
        Prefix: 'events/',
        BufferingHints: { IntervalInSeconds: 0, SizeInMBs: 1 },
        ProcessingConfiguration: { Enabled: true, Processors: [{ Type: 'AppendDelimiterToRecord' }] },
      },
    }),
  );
}, 60_000);
afterAll(() => loch.stop());

const set = (client: s3.S3Client, NotificationConfiguration: s3.NotificationConfiguration) =>
  client.send(new s3.PutBucketNotificationConfigurationCommand({ Bucket: 'told', NotificationConfiguration }));
const queue = (QueueArn: string): s3.NotificationConfiguration => ({
  QueueConfigurations: [
    {
      Id: 'csv',
      QueueArn,
      Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'],
      Filter: {
        Key: {
          FilterRules: [
            { Name: 'prefix', Value: 'in/' },
            { Name: 'suffix', Value: '.csv' },
          ],
        },
      },
    },
  ],
});
const put = (Key: string) => admin.send(new s3.PutObjectCommand({ Bucket: 'told', Key, Body: 'x' }));

/** What the stream has delivered, object after object in the order of their names. */
async function delivered(): Promise<Message[]> {
  const { Contents = [] } = await admin.send(new s3.ListObjectsV2Command({ Bucket: 'heard', Prefix: 'events/' }));
  const messages: Message[] = [];
  for (const { Key } of Contents.toSorted((a, b) => Number(a.LastModified) - Number(b.LastModified))) {
    const { Body } = await admin.send(new s3.GetObjectCommand({ Bucket: 'heard', Key }));
    const lines = (await Body!.transformToString()).trim().split('\n');
    messages.push(...lines.map((line) => JSON.parse(line) as Message));
  }
  return messages;
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: Error) => error.name,
  );
}

it('tells a delivery stream of changes in their order, test event first, and loses none over a kill', async () => {
  await set(admin, queue(STREAM));
  expect(await admin.send(new s3.GetBucketNotificationConfigurationCommand({ Bucket: 'told' }))).toMatchObject(
    queue(STREAM),
  );
  await put('in/skipped.json');
  await put('out/skipped.csv');
  for (let i = 0; i < 40; i++) await put(`in/${i % 4}.csv`);
  await loch.kill();
  loch = await startLoch({ data: loch.data });
  connect();
  await admin.send(new s3.DeleteObjectCommand({ Bucket: 'told', Key: 'in/0.csv' }));
  const told = await vi.waitFor(async () => {
    const messages = await delivered();
    expect(messages.at(-1)?.Records?.[0].eventName).toBe('ObjectRemoved:Delete');
    return messages;
  }, 30_000);
  expect(told[0]).toMatchObject({ Event: 's3:TestEvent', Bucket: 'told' });
  const records = told.flatMap(({ Records }) => Records ?? []);
  const distinct = new Map(records.map((record) => [record.s3.object.sequencer, record.s3.object.key]));
  expect([...distinct.values()].every((key) => /^in\/\d\.csv$/.test(key))).toBe(true);
  expect(distinct.size).toBe(41);
  for (const key of ['in/0.csv', 'in/1.csv', 'in/2.csv', 'in/3.csv']) {
    const order = [...distinct].filter((entry) => entry[1] === key).map(([sequencer]) => sequencer);
    expect(order).toEqual(order.toSorted());
  }
}, 90_000);

it('takes no stream that is not there, in no other place than a queue, and from nobody who may not write to it', async () => {
  expect(await failure(set(admin, queue(STREAM.replace('changes', 'absent'))))).toBe('InvalidArgument');
  expect(await failure(set(admin, queue('arn:aws:sqs:us-east-1:000000000001:q')))).toBe('InvalidArgument');
  const [{ QueueArn: TopicArn, Events }] = queue(STREAM).QueueConfigurations as [s3.QueueConfiguration];
  expect(await failure(set(admin, { TopicConfigurations: [{ TopicArn, Events }] }))).toBe('InvalidArgument');
  const identities = new iam.IAMClient(loch.client.sdk);
  await identities.send(new iam.CreateUserCommand({ UserName: 'setter' }));
  const allow = (...Action: string[]) =>
    identities.send(
      new iam.PutUserPolicyCommand({
        UserName: 'setter',
        PolicyName: 'p',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
        }),
      }),
    );
  await allow('s3:PutBucketNotification');
  const { AccessKey } = await identities.send(new iam.CreateAccessKeyCommand({ UserName: 'setter' }));
  const credentials = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
  const setter = new s3.S3Client({ ...loch.client.sdk, credentials });
  expect(await failure(set(setter, queue(STREAM)))).toBe('AccessDenied');
  await allow('s3:PutBucketNotification', 'firehose:PutRecordBatch');
  expect(await failure(set(setter, queue(STREAM)))).toBe('none');
});

it('starts workflows by changes of a bucket whose EventBridge is on, and gives their run the event', async () => {
  const workflow = (name: string, bucket: string) =>
    loch.client.call('PUT', `/api/workflows/${name}`, {
      nodes: [{ name: 'look', kind: 'crawler', crawler: 'absent', after: [] }],
      triggers: [{ kind: 'event', bucket, prefix: '', batchWindowMs: 0, detailTypes: ['Object Deleted'] }],
    });
  await expect(
    loch.client.call('PUT', '/api/workflows/odd', {
      nodes: [{ name: 'look', kind: 'crawler', crawler: 'absent', after: [] }],
      triggers: [{ kind: 'event', bucket: 'told', prefix: '', batchWindowMs: 0, detailTypes: ['Object Eaten'] }],
    }),
  ).rejects.toThrow('Object Eaten');
  await workflow('on-told', 'told');
  await workflow('on-heard', 'heard');
  await set(admin, { EventBridgeConfiguration: {} });
  await put('gone ü.csv');
  await admin.send(new s3.DeleteObjectCommand({ Bucket: 'heard', Key: 'nothing' }));
  const { Contents = [] } = await admin.send(new s3.ListObjectsV2Command({ Bucket: 'heard' }));
  await admin.send(new s3.DeleteObjectCommand({ Bucket: 'heard', Key: Contents[0]!.Key }));
  await admin.send(new s3.DeleteObjectCommand({ Bucket: 'told', Key: 'gone ü.csv' }));
  const run = await vi.waitFor(async () => {
    const { runs } = await loch.client.call<{ runs: { workflow: string; event?: object }[] }>(
      'GET',
      '/api/workflow-runs',
    );
    expect(runs).not.toHaveLength(0);
    expect(runs.map((each) => each.workflow)).toEqual(['on-told']);
    return runs[0]!;
  }, 20_000);
  expect(run.event).toMatchObject({
    version: '0',
    'detail-type': 'Object Deleted',
    source: 'aws.s3',
    account: ACCOUNT,
    region: 'us-east-1',
    resources: ['arn:aws:s3:::told'],
    detail: {
      version: '0',
      bucket: { name: 'told' },
      object: { key: 'gone ü.csv', sequencer: expect.stringMatching(/^[0-9A-F]{18}$/) },
      reason: 'DeleteObject',
      'deletion-type': 'Permanently Deleted',
    },
  });
});
