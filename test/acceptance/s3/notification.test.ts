/** Notifications of buckets: the message, its targets, and that none is lost. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openS3Lake, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

interface Message {
  readonly Event?: string;
  readonly Bucket?: string;
  readonly Records?: readonly {
    readonly eventName: string;
    readonly s3: {
      readonly configurationId: string;
      readonly object: { readonly key: string; readonly sequencer: string };
    };
  }[];
}

interface Receiver {
  readonly arn: string;
  readonly messages: Message[];
  /** Statuses for the next requests; 200 after them. */
  readonly answers: number[];
  close(): Promise<void>;
}

async function receiver(port = 0): Promise<Receiver> {
  const messages: Message[] = [];
  const answers: number[] = [];
  const server: Server = createServer(async (request, response) => {
    const body = await text(request);
    const status = answers.shift() ?? 200;
    if (status === 200) messages.push(JSON.parse(body) as Message);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    arn: arnOf((server.address() as AddressInfo).port),
    messages,
    answers,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const arnOf = (port: number) => `arn:loch:webhook:us-east-1:123456789012:http://127.0.0.1:${port}/hook`;
const names = (messages: readonly Message[]) =>
  messages.flatMap(({ Records }) => Records?.map(({ eventName }) => eventName) ?? []);

let lake: S3Lake;
let client: s3.S3Client;
const Bucket = 'telling';

beforeAll(async () => {
  lake = await openS3Lake();
  client = lake.client();
  await client.send(new s3.CreateBucketCommand({ Bucket }));
});
afterAll(() => lake.close());

const set = (configuration: s3.NotificationConfiguration, of = client) =>
  of.send(new s3.PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration: configuration }));
const put = (Key: string, Body = 'x') => client.send(new s3.PutObjectCommand({ Bucket, Key, Body }));

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return `${(error as s3.S3ServiceException).$metadata?.httpStatusCode} ${(error as Error).name}`;
  }
}

it('tells each target of what it asked for, in order, after a test event; tries again what was refused', async () => {
  const { arn, messages, answers, close } = await receiver();
  const csv: s3.NotificationConfigurationFilter = { Key: { FilterRules: [{ Name: 'suffix', Value: '.csv' }] } };
  const asked: s3.NotificationConfiguration = {
    TopicConfigurations: [{ Id: 'made', TopicArn: arn, Events: ['s3:ObjectCreated:*'], Filter: csv }],
    QueueConfigurations: [{ Id: 'gone', QueueArn: arn, Events: ['s3:ObjectRemoved:*', 's3:ObjectTagging:Put'] }],
    EventBridgeConfiguration: {},
  };
  await set(asked);
  const got = await client.send(new s3.GetBucketNotificationConfigurationCommand({ Bucket }));
  expect(got).toMatchObject(asked);
  await vi.waitFor(() => expect(messages).toHaveLength(2), 10_000);
  expect(messages[0]).toMatchObject({ Event: 's3:TestEvent', Bucket });
  messages.length = 0;

  answers.push(503, 500);
  await put('a.csv');
  await put('b.json');
  await client.send(new s3.CopyObjectCommand({ Bucket, Key: 'c.csv', CopySource: `${Bucket}/a.csv` }));
  const Tagging = { TagSet: [{ Key: 'k', Value: 'v' }] };
  await client.send(new s3.PutObjectTaggingCommand({ Bucket, Key: 'a.csv', Tagging }));
  await client.send(new s3.DeleteObjectCommand({ Bucket, Key: 'a.csv' }));
  await vi.waitFor(() => expect(messages).toHaveLength(4), 20_000);
  const sequence = messages.toSorted((a, b) =>
    a.Records![0]!.s3.object.sequencer < b.Records![0]!.s3.object.sequencer ? -1 : 1,
  );
  expect(names(sequence)).toEqual([
    'ObjectCreated:Put',
    'ObjectCreated:Copy',
    'ObjectTagging:Put',
    'ObjectRemoved:Delete',
  ]);
  expect(sequence.map(({ Records }) => Records![0]!.s3.configurationId)).toEqual(['made', 'made', 'gone', 'gone']);
  await set({});
  await put('d.csv');
  expect(await client.send(new s3.GetBucketNotificationConfigurationCommand({ Bucket }))).not.toHaveProperty(
    'TopicConfigurations',
  );
  await close();
});

it('refuses targets that cannot be, overlaps, and callers who may not', async () => {
  const to = (TopicArn: string, Events: s3.Event[] = ['s3:ObjectCreated:*']): s3.TopicConfiguration => ({
    TopicArn,
    Events,
  });
  const topic = (...TopicConfigurations: s3.TopicConfiguration[]) => failure(set({ TopicConfigurations }));
  expect(await topic(to('arn:aws:sns:us-east-1:123456789012:topic'))).toBe('400 InvalidArgument');
  // The address of an instance's secrets: hosts are those that the owner has named.
  expect(await topic(to('arn:loch:webhook:us-east-1:1:http://169.254.169.254/latest'))).toBe('400 InvalidArgument');
  expect(await topic(to('arn:loch:webhook:us-east-1:1:file:///etc/passwd'))).toBe('400 InvalidArgument');
  expect(await topic(to(arnOf(1), ['s3:ObjectEaten' as s3.Event]))).toBe('400 InvalidArgument');
  expect(await topic(to(arnOf(1)), to(arnOf(2), ['s3:ObjectCreated:Put']))).toBe('400 InvalidArgument');
  const reader = lake.client(await lake.user('reader', { Effect: 'Allow', Action: 's3:Get*', Resource: '*' }));
  expect(await failure(set({}, reader))).toBe('403 AccessDenied');
});

it('loses no message when the server is killed before its targets could be told', async () => {
  const first = await receiver();
  const port = Number(new URL(first.arn.slice(first.arn.indexOf('http'))).port);
  await first.close();
  const settings = ['storage.notification_hosts=127.0.0.1'];
  let loch: RunningLoch = await startLoch({ settings });
  const admin = new s3.S3Client(loch.client.sdk);
  const NotificationConfiguration = {
    TopicConfigurations: [{ TopicArn: arnOf(port), Events: ['s3:ObjectCreated:*' as const] }],
  };
  await admin.send(new s3.PutBucketNotificationConfigurationCommand({ Bucket: 'raw', NotificationConfiguration }));
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  for (const Key of keys) await admin.send(new s3.PutObjectCommand({ Bucket: 'raw', Key, Body: 'x' }));
  admin.destroy();
  await loch.kill();
  const target = await receiver(port);
  loch = await startLoch({ data: loch.data, settings });
  const told = () =>
    new Set(target.messages.flatMap(({ Records }) => Records?.map((record) => record.s3.object.key) ?? []));
  await vi.waitFor(() => expect([...told()].sort()).toEqual([...keys].sort()), 30_000);
  await loch.stop();
  await target.close();
}, 90_000);
