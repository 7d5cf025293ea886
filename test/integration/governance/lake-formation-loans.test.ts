/** Credentials that Lake Formation lends for tables and partitions, asked for and used by the official clients. */
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { CreatePartitionCommand, CreateTableCommand, GlueClient } from '@aws-sdk/client-glue';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  GetTemporaryGluePartitionCredentialsCommand,
  GetTemporaryGlueTableCredentialsCommand,
  type GetTemporaryGlueTableCredentialsResponse,
  GrantPermissionsCommand,
  LakeFormationClient,
  type Permission,
  type Resource,
  RevokePermissionsCommand,
} from '@aws-sdk/client-lakeformation';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly arn: string;
}

describe('credentials of Lake Formation', () => {
  let loch: RunningLoch;
  let arn: string;
  beforeAll(async () => {
    loch = await startLoch();
    arn = `arn:aws:glue:${loch.server.region}:${loch.server.accountId}:table/curated/visits`;
    const glue = new GlueClient(loch.client.sdk);
    const storage = (Location: string) => ({
      Columns: [
        { Name: 'id', Type: 'bigint' },
        { Name: 'email', Type: 'string' },
      ],
      Location,
      InputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
      SerdeInfo: { SerializationLibrary: 'org.apache.hadoop.hive.serde2.OpenCSVSerde' },
    });
    const TableInput = {
      Name: 'visits',
      TableType: 'EXTERNAL_TABLE',
      Parameters: { classification: 'csv' },
      PartitionKeys: [{ Name: 'day', Type: 'string' }],
      StorageDescriptor: storage('s3://curated/visits/'),
    };
    await glue.send(new CreateTableCommand({ DatabaseName: 'curated', TableInput }));
    const s3 = new S3Client({ ...loch.client.sdk, forcePathStyle: true });
    for (const day of ['1', '2']) {
      const PartitionInput = { Values: [day], StorageDescriptor: storage(`s3://curated/visits/day=${day}/`) };
      await glue.send(new CreatePartitionCommand({ DatabaseName: 'curated', TableName: 'visits', PartitionInput }));
      await s3.send(new PutObjectCommand({ ...file(day), Body: `${day},a@b.c` }));
    }
    await s3.send(new PutObjectCommand({ Bucket: 'curated', Key: 'visits_secret/x', Body: 'x' }));
  }, 120_000);
  afterAll(() => loch?.stop());

  const file = (day: string) => ({ Bucket: 'curated', Key: `visits/day=${day}/rows.csv` });
  const SELECT: Permission[] = ['SELECT'];
  const whole: Resource = { Table: { DatabaseName: 'curated', Name: 'visits' } };

  async function user(name: string, Resource?: Resource, Permissions = SELECT): Promise<Key> {
    const iam = new IAMClient(loch.client.sdk);
    const { User } = await iam.send(new CreateUserCommand({ UserName: name }));
    const PolicyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: ['glue:*', 'lakeformation:*'], Resource: '*' }],
    });
    await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: 'own', PolicyDocument }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
    const Principal = { DataLakePrincipalIdentifier: User!.Arn! };
    if (Resource !== undefined) {
      await lakeFormation().send(new GrantPermissionsCommand({ Principal, Permissions, Resource }));
    }
    return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey!, arn: User!.Arn! };
  }
  const lakeFormation = (who?: Key) =>
    new LakeFormationClient({ ...loch.client.sdk, ...(who === undefined ? {} : { credentials: who }) });
  const s3Of = (
    keys: Pick<GetTemporaryGlueTableCredentialsResponse, 'AccessKeyId' | 'SecretAccessKey' | 'SessionToken'>,
  ) =>
    new S3Client({
      ...loch.client.sdk,
      forcePathStyle: true,
      credentials: {
        accessKeyId: keys.AccessKeyId!,
        secretAccessKey: keys.SecretAccessKey!,
        sessionToken: keys.SessionToken!,
      },
    });
  const ask = (who: Key, more: object = {}) =>
    lakeFormation(who).send(new GetTemporaryGlueTableCredentialsCommand({ TableArn: arn, ...more }));
  const codeOf = (done: Promise<unknown>) =>
    done.then(
      () => 'done',
      (error: { name: string }) => error.name,
    );

  it('open a table’s folder for what was asked and granted, as long as the grant stands', async () => {
    const reader = await user('reader', whole, ['SELECT', 'INSERT']);
    const lent = await ask(reader, { Permissions: ['SELECT'], DurationSeconds: 900 });
    expect(lent.VendedS3Path).toEqual(['s3://curated/visits/']);
    expect(lent.Expiration!.getTime()).toBeLessThanOrEqual(Date.now() + 900_000);
    const s3 = s3Of(lent);
    expect(await (await s3.send(new GetObjectCommand(file('1')))).Body!.transformToString()).toBe('1,a@b.c');
    expect(await codeOf(s3.send(new PutObjectCommand({ ...file('3'), Body: 'x' })))).toBe('AccessDenied');
    const beside = { Bucket: 'curated', Key: 'visits_secret/x' };
    expect(await codeOf(s3.send(new GetObjectCommand(beside)))).toBe('AccessDenied');
    const writing = s3Of(await ask(reader, { Permissions: ['INSERT'] }));
    expect(await codeOf(writing.send(new PutObjectCommand({ ...file('3'), Body: 'x' })))).toBe('done');
    expect(await codeOf(writing.send(new GetObjectCommand(file('1'))))).toBe('AccessDenied');
    // Object reads are joined to the loan by its key.
    const LookupAttributes = [{ AttributeKey: 'ResourceName' as const, AttributeValue: lent.AccessKeyId! }];
    const trail = new CloudTrailClient(loch.client.sdk);
    const { Events } = await trail.send(new LookupEventsCommand({ LookupAttributes }));
    expect(Events?.map(({ EventName }) => EventName)).toEqual(['GetTemporaryGlueTableCredentials']);

    const Principal = { DataLakePrincipalIdentifier: reader.arn };
    await lakeFormation().send(new RevokePermissionsCommand({ Principal, Permissions: SELECT, Resource: whole }));
    expect(await codeOf(s3.send(new GetObjectCommand(file('1'))))).toBe('AccessDenied');
  });

  it('open one partition alone', async () => {
    const reader = await user('of-a-day', whole);
    const lent = await lakeFormation(reader).send(
      new GetTemporaryGluePartitionCredentialsCommand({ TableArn: arn, Partition: { Values: ['2'] } }),
    );
    const s3 = s3Of(lent);
    expect(await codeOf(s3.send(new GetObjectCommand(file('2'))))).toBe('done');
    expect(await codeOf(s3.send(new GetObjectCommand(file('1'))))).toBe('AccessDenied');
    const list = (Prefix: string) => codeOf(s3.send(new ListObjectsV2Command({ Bucket: 'curated', Prefix })));
    expect([await list('visits/day=2/'), await list('visits/')]).toEqual(['done', 'AccessDenied']);
    expect((await ask(reader, { S3Path: 's3://curated/visits/day=1' })).VendedS3Path).toEqual([
      's3://curated/visits/day=1/',
    ]);
    for (const S3Path of ['s3://curated/visits_secret/', 's3://curated/visits/../visits_secret/', 's3://curated/']) {
      expect([S3Path, await codeOf(ask(reader, { S3Path }))]).toEqual([S3Path, 'InvalidInputException']);
    }
  });

  it('are lent to nobody who sees a part of the table, whatever his engine says it can filter', async () => {
    const narrow = await user('narrow', {
      TableWithColumns: { DatabaseName: 'curated', Name: 'visits', ColumnNames: ['id', 'day'] },
    });
    expect(await codeOf(ask(narrow))).toBe('PermissionTypeMismatchException');
    const supports = { SupportedPermissionTypes: ['COLUMN_PERMISSION', 'CELL_FILTER_PERMISSION'] };
    expect(await codeOf(ask(narrow, supports))).toBe('PermissionTypeMismatchException');
    expect(await codeOf(ask(await user('stranger')))).toBe('EntityNotFoundException');
    const describer = await user('describer', whole, ['DESCRIBE']);
    expect(await codeOf(ask(describer))).toBe('AccessDeniedException');
  });

  it('are refused by name for what cannot be read', async () => {
    const reader = await user('clumsy', whole);
    expect(await codeOf(ask(reader, { TableArn: 'arn:aws:s3:::curated' }))).toBe('InvalidInputException');
    expect(await codeOf(ask(reader, { Permissions: ['ALTER'] }))).toBe('InvalidInputException');
    expect(await codeOf(ask(reader, { DurationSeconds: 10 }))).toBe('InvalidInputException');
    expect(await codeOf(ask(reader, { TableArn: arn.replace('visits', 'none') }))).toBe('EntityNotFoundException');
  });
});
