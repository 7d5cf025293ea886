import {
  CreateDeliveryStreamCommand,
  type CreateDeliveryStreamInput,
  DeleteDeliveryStreamCommand,
  DescribeDeliveryStreamCommand,
  FirehoseClient,
  InvalidArgumentException,
  ListDeliveryStreamsCommand,
  PutRecordBatchCommand,
  PutRecordCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  ServiceUnavailableException,
} from '@aws-sdk/client-firehose';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import type { Lifecycle } from '../../../core/lifecycle.ts';
import type { Delivery } from '../../../ingestion/contract.ts';
import { openDelivery } from '../../../ingestion/delivery/index.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { type GovernedAwsDoor, openGovernedAwsDoor } from '../../../testing/builders/governed-aws-door.ts';
import { type HookedObjects, openHookedObjects } from '../../../testing/builders/hooked-objects.ts';
import { firehoseService } from './service.ts';

const ACCOUNT = '123456789012';
let folder: string;
let store: MetadataStore;
let objects: HookedObjects;
let delivery: Delivery & Lifecycle;
let door: GovernedAwsDoor;
let firehose: FirehoseClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-firehose-'));
  const late = new Proxy({} as Delivery, { get: (_, name) => delivery[name as keyof Delivery].bind(delivery) });
  door = await openGovernedAwsDoor({ accountId: ACCOUNT, services: [firehoseService(late)] });
  store = await openSqliteStore({
    file: join(folder, 'loch.db'),
    modules: [new URL('../../../ingestion/delivery/store.ts', import.meta.url)],
  });
  objects = await openHookedObjects();
  delivery = await openDelivery({
    store,
    objects: objects.store,
    ...door.governance,
    clock: systemClock,
    directory: join(folder, 'delivery'),
    maxBacklogBytes: 3 << 20,
  });
  firehose = client(door.rootKey);
});
afterAll(async () => {
  firehose.destroy();
  await door.close();
  await delivery.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const client = (credentials: GovernedAwsDoor['rootKey']) =>
  new FirehoseClient({ endpoint: door.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
const s3 = { RoleARN: `arn:aws:iam::${ACCOUNT}:role/firehose`, BucketARN: 'arn:aws:s3:::raw' };
const create = (name: string, changes: Partial<CreateDeliveryStreamInput> = {}) =>
  firehose.send(
    new CreateDeliveryStreamCommand({
      DeliveryStreamName: name,
      ExtendedS3DestinationConfiguration: { ...s3, Prefix: `${name}/` },
      ...changes,
    }),
  );
const bytes = (text: string) => new TextEncoder().encode(text);

it('creates, describes, fills, lists and deletes a stream by the official SDK', async () => {
  const arn = `arn:aws:firehose:us-east-1:${ACCOUNT}:deliverystream/web`;
  const processing = {
    Enabled: true,
    Processors: [
      {
        Type: 'AppendDelimiterToRecord' as const,
        Parameters: [{ ParameterName: 'Delimiter' as const, ParameterValue: '\\n' }],
      },
    ],
  };
  const created = await create('web', {
    DeliveryStreamType: 'DirectPut',
    ExtendedS3DestinationConfiguration: {
      ...s3,
      Prefix: 'web/dt=!{timestamp:yyyy-MM-dd}/',
      ErrorOutputPrefix: 'errors/!{firehose:error-output-type}/',
      BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 900 },
      ProcessingConfiguration: processing,
    },
  });
  expect(created.DeliveryStreamARN).toBe(arn);
  const { DeliveryStreamDescription: described } = await firehose.send(
    new DescribeDeliveryStreamCommand({ DeliveryStreamName: 'web' }),
  );
  expect(described).toMatchObject({
    DeliveryStreamARN: arn,
    DeliveryStreamStatus: 'ACTIVE',
    DeliveryStreamType: 'DirectPut',
    VersionId: '1',
    HasMoreDestinations: false,
  });
  expect(described!.CreateTimestamp!.getTime()).toBeGreaterThan(Date.now() - 60_000);
  expect(described!.Destinations![0]!.ExtendedS3DestinationDescription).toMatchObject({
    ...s3,
    Prefix: 'web/dt=!{timestamp:yyyy-MM-dd}/',
    BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 900 },
    CompressionFormat: 'UNCOMPRESSED',
    ProcessingConfiguration: processing,
  });

  const one = await firehose.send(
    new PutRecordCommand({ DeliveryStreamName: 'web', Record: { Data: bytes('{"n":0}') } }),
  );
  expect(one.RecordId).toMatch(/^\d{20}$/);
  const batch = await firehose.send(
    new PutRecordBatchCommand({
      DeliveryStreamName: 'web',
      Records: [1, 2].map((n) => ({ Data: bytes(`{"n":${n}}`) })),
    }),
  );
  expect(batch.FailedPutCount).toBe(0);
  expect(new Set([one.RecordId, ...batch.RequestResponses!.map(({ RecordId }) => RecordId)]).size).toBe(3);
  await delivery.flush('web');
  const [key] = await objects.keys();
  expect(key).toMatch(/^web\/dt=\d{4}-\d\d-\d\d\/web-1-/);
  expect((await objects.bytes(key!)).toString()).toBe('{"n":0}\n{"n":1}\n{"n":2}\n');

  await create('other');
  expect(await firehose.send(new ListDeliveryStreamsCommand({ Limit: 1 }))).toMatchObject({
    DeliveryStreamNames: ['other'],
    HasMoreDeliveryStreams: true,
  });
  await firehose.send(new DeleteDeliveryStreamCommand({ DeliveryStreamName: 'other' }));
  const rest = await firehose.send(new ListDeliveryStreamsCommand({}));
  expect(rest).toMatchObject({ DeliveryStreamNames: ['web'], HasMoreDeliveryStreams: false });
});

it('takes the plain S3 destination with its defaults', async () => {
  await create('plain', { ExtendedS3DestinationConfiguration: undefined, S3DestinationConfiguration: s3 });
  const { DeliveryStreamDescription } = await firehose.send(
    new DescribeDeliveryStreamCommand({ DeliveryStreamName: 'plain' }),
  );
  expect(DeliveryStreamDescription!.Destinations![0]!.S3DestinationDescription).toMatchObject({
    BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 300 },
    CompressionFormat: 'UNCOMPRESSED',
  });
});

it('answers with the errors of Firehose', async () => {
  await expect(firehose.send(new DescribeDeliveryStreamCommand({ DeliveryStreamName: 'none' }))).rejects.toThrow(
    ResourceNotFoundException,
  );
  await create('twice');
  await expect(create('twice')).rejects.toThrow(ResourceInUseException);
  const invalid = (destination: object) =>
    expect(create('bad', { ExtendedS3DestinationConfiguration: { ...s3, ...destination } })).rejects.toThrow(
      InvalidArgumentException,
    );
  await invalid({ BufferingHints: { SizeInMBs: 129, IntervalInSeconds: 60 } });
  await invalid({ BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 901 } });
  await invalid({ BucketARN: 'arn:aws:s3:::nowhere' });
  await invalid({ BucketARN: 'raw' });
  await invalid({ Prefix: '!{partitionKeyFromQuery:x}/', ErrorOutputPrefix: 'e/!{firehose:error-output-type}/' });
  const big = Array.from({ length: 5 }, () => ({ Data: new Uint8Array(1000 * 1024) }));
  await expect(firehose.send(new PutRecordBatchCommand({ DeliveryStreamName: 'twice', Records: big }))).rejects.toThrow(
    InvalidArgumentException,
  );
});

it('refuses by name what it does not do', async () => {
  const refused = async (named: string, destination: object, others: object = {}) =>
    expect(create('bad', { ExtendedS3DestinationConfiguration: { ...s3, ...destination }, ...others })).rejects.toThrow(
      named,
    );
  await refused('CompressionFormat ZIP', { CompressionFormat: 'ZIP' });
  await refused('S3BackupMode', { S3BackupMode: 'Enabled' });
  await refused('DynamicPartitioningConfiguration', { DynamicPartitioningConfiguration: { Enabled: true } });
  await refused('DataFormatConversionConfiguration', { DataFormatConversionConfiguration: { Enabled: true } });
  await refused('the processor Lambda', {
    ProcessingConfiguration: { Enabled: true, Processors: [{ Type: 'Lambda' }] },
  });
  await refused('KMSEncryptionConfig', {
    EncryptionConfiguration: { KMSEncryptionConfig: { AWSKMSKeyARN: 'arn:aws:kms:us-east-1:1:key/k' } },
  });
  await refused('Tags', {}, { Tags: [{ Key: 'a', Value: 'b' }] });
  await refused('DeliveryStreamType KinesisStreamAsSource', {}, { DeliveryStreamType: 'KinesisStreamAsSource' });
});

it('answers ServiceUnavailable, to be sent again, while too much waits for delivery', async () => {
  await create('full');
  objects.beforePut = () => {
    throw new Error('the store is away');
  };
  const put = () =>
    firehose.send(
      new PutRecordBatchCommand({
        DeliveryStreamName: 'full',
        Records: Array.from({ length: 4 }, () => ({ Data: new Uint8Array(1000 * 1024) })),
      }),
    );
  await put();
  await expect(put()).rejects.toThrow(ServiceUnavailableException);
  objects.beforePut = () => {};
  await delivery.flush('full').catch(() => delivery.flush('full'));
  expect((await put()).FailedPutCount).toBe(0);
});

it('records management calls with their parameters, records of neither kind, and refusals', async () => {
  const { identity, trail } = door.governance;
  const root = door.rootContext();
  await identity.createEntity(root, 'user', { name: 'ada' });
  const key = await identity.createAccessKey(root, 'ada');
  const ada = client({ accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() });
  await expect(ada.send(new DescribeDeliveryStreamCommand({ DeliveryStreamName: 'web' }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
  ada.destroy();
  const named = async (value: string) =>
    (await trail.lookupEvents(root, { attributes: [{ key: 'EventName', value }] })).events;
  expect((await named('CreateDeliveryStream')).length).toBeGreaterThan(0);
  expect(await named('PutRecordBatch')).toEqual([]);
  const refusals = (await named('DescribeDeliveryStream')).filter(({ errorCode }) => errorCode !== undefined);
  expect(refusals.map(({ username }) => username)).toContain('ada');
});
