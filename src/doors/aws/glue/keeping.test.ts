/** What Glue keeps beside tables: indexes, statistics, functions, connections, policies, tags, settings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BatchDeleteConnectionCommand,
  type ColumnStatistics,
  CreateConnectionCommand,
  CreateDatabaseCommand,
  CreatePartitionCommand,
  CreatePartitionIndexCommand,
  CreateTableCommand,
  CreateUserDefinedFunctionCommand,
  DeleteColumnStatisticsForTableCommand,
  DeleteConnectionCommand,
  DeleteDatabaseCommand,
  DeletePartitionCommand,
  DeletePartitionIndexCommand,
  DeleteResourcePolicyCommand,
  DeleteUserDefinedFunctionCommand,
  GetCatalogCommand,
  GetCatalogImportStatusCommand,
  GetCatalogsCommand,
  GetColumnStatisticsForPartitionCommand,
  GetColumnStatisticsForTableCommand,
  GetConnectionCommand,
  GetConnectionsCommand,
  GetDataCatalogEncryptionSettingsCommand,
  GetPartitionIndexesCommand,
  GetPartitionsCommand,
  GetResourcePoliciesCommand,
  GetResourcePolicyCommand,
  GetTagsCommand,
  GetUserDefinedFunctionCommand,
  GetUserDefinedFunctionsCommand,
  type GlueClient,
  ImportCatalogToGlueCommand,
  PutDataCatalogEncryptionSettingsCommand,
  PutResourcePolicyCommand,
  TagResourceCommand,
  TestConnectionCommand,
  UntagResourceCommand,
  UpdateColumnStatisticsForPartitionCommand,
  UpdateColumnStatisticsForTableCommand,
  UpdateConnectionCommand,
  UpdateUserDefinedFunctionCommand,
} from '@aws-sdk/client-glue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LochError } from '../../../core/errors.ts';
import { failureOf, openGlueDoor } from '../../../testing/builders/glue-door.ts';
import { TEST_ACCOUNT } from '../../../testing/builders/request-context.ts';
import { decimalNumber, decimalText } from './statistics-shapes.ts';

let lake: Awaited<ReturnType<typeof openGlueDoor>>;
let glue: GlueClient;
let analyst: GlueClient;
const probed: string[] = [];
const table = { DatabaseName: 'shop', TableName: 'orders' };
const arnOf = (resource: string) => `arn:aws:glue:us-east-1:${TEST_ACCOUNT}:${resource}`;

beforeAll(async () => {
  lake = await openGlueDoor({
    async probe({ engine, url }) {
      probed.push(`${engine} ${url.reveal()}`);
      if (url.reveal().includes('down')) throw new LochError('source_failed', 'No route to `down`.');
    },
  });
  ({ glue } = lake);
  analyst = await lake.user('ana', { Effect: 'Allow', Action: 'glue:Get*', Resource: '*' });
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'shop' }, Tags: { team: 'retail' } }));
  await glue.send(
    new CreateTableCommand({
      DatabaseName: 'shop',
      TableInput: {
        Name: 'orders',
        PartitionKeys: [
          { Name: 'year', Type: 'int' },
          { Name: 'region', Type: 'string' },
        ],
        StorageDescriptor: {
          Location: 's3://lake/orders/',
          Columns: ['id', 'price', 'on', 'name', 'flag', 'ratio', 'raw'].map((Name) => ({ Name, Type: 'string' })),
        },
      },
      PartitionIndexes: [{ IndexName: 'first', Keys: ['region'] }],
    }),
  );
});
afterAll(() => lake.close());

describe('partition indexes', () => {
  it('are made with the table or later, become active, answer GetPartitions, and go', async () => {
    for (const [year, region] of [
      ['2025', 'eu'],
      ['2026', 'eu'],
      ['2026', 'us'],
    ] as const) {
      await glue.send(
        new CreatePartitionCommand({
          ...table,
          PartitionInput: {
            Values: [year, region],
            StorageDescriptor: { Location: `s3://lake/orders/${year}/${region}/` },
          },
        }),
      );
    }
    const PartitionIndex = { IndexName: 'by_year', Keys: ['year'] };
    await glue.send(new CreatePartitionIndexCommand({ ...table, PartitionIndex }));
    const look = async () => (await glue.send(new GetPartitionIndexesCommand(table))).PartitionIndexDescriptorList!;
    while ((await look()).some((index) => index.IndexStatus !== 'ACTIVE')) await new Promise((r) => setTimeout(r, 5));
    expect(await look()).toEqual([
      { IndexName: 'first', Keys: [{ Name: 'region', Type: 'string' }], IndexStatus: 'ACTIVE' },
      { IndexName: 'by_year', Keys: [{ Name: 'year', Type: 'int' }], IndexStatus: 'ACTIVE' },
    ]);
    const found = await glue.send(new GetPartitionsCommand({ ...table, Expression: "region = 'us'" }));
    expect(found.Partitions?.map((one) => one.Values)).toEqual([['2026', 'us']]);
    const again = glue.send(new CreatePartitionIndexCommand({ ...table, PartitionIndex }));
    expect(await failureOf(again)).toMatchObject({ name: 'AlreadyExistsException' });
    const odd = glue.send(
      new CreatePartitionIndexCommand({ ...table, PartitionIndex: { IndexName: 'x', Keys: ['name'] } }),
    );
    expect(await failureOf(odd)).toMatchObject({
      name: 'InvalidInputException',
      message: expect.stringContaining('`name`'),
    });
    await glue.send(
      new CreatePartitionIndexCommand({ ...table, PartitionIndex: { IndexName: 'c', Keys: ['year', 'region'] } }),
    );
    const fourth = glue.send(
      new CreatePartitionIndexCommand({ ...table, PartitionIndex: { IndexName: 'd', Keys: ['region', 'year'] } }),
    );
    expect(await failureOf(fourth)).toMatchObject({ name: 'ResourceNumberLimitExceededException' });
    await glue.send(new DeletePartitionIndexCommand({ ...table, IndexName: 'by_year' }));
    while ((await look()).length > 2) await new Promise((r) => setTimeout(r, 5));
    const none = glue.send(new DeletePartitionIndexCommand({ ...table, IndexName: 'by_year' }));
    expect(await failureOf(none)).toMatchObject({ name: 'EntityNotFoundException' });
  });

  it('are not of views of several dialects, in the words clients look for', async () => {
    await glue.send(
      new CreateTableCommand({
        DatabaseName: 'shop',
        TableInput: {
          Name: 'v',
          TableType: 'VIRTUAL_VIEW',
          StorageDescriptor: { Columns: [{ Name: 'a', Type: 'int' }] },
          ViewDefinition: {
            IsProtected: true,
            Representations: [{ Dialect: 'ATHENA', DialectVersion: '3', ViewOriginalText: 'select 1 a' }],
          },
        },
      }),
    );
    const asked = glue.send(new GetPartitionIndexesCommand({ DatabaseName: 'shop', TableName: 'v' }));
    expect(await failureOf(asked)).toMatchObject({
      name: 'InvalidInputException',
      message: expect.stringContaining('Operation not supported'),
    });
  });
});

const AnalyzedTime = new Date(1_700_000_000_000);
const statistics: ColumnStatistics[] = [
  [
    'id',
    {
      Type: 'LONG',
      LongColumnStatisticsData: {
        MinimumValue: -5,
        MaximumValue: 9_007_199_254_740_991,
        NumberOfNulls: 0,
        NumberOfDistinctValues: 10,
      },
    },
  ],
  [
    'price',
    {
      Type: 'DECIMAL',
      DecimalColumnStatisticsData: {
        MinimumValue: decimalNumber('-12.50'),
        MaximumValue: decimalNumber('0.00'),
        NumberOfNulls: 1,
        NumberOfDistinctValues: 4,
      },
    },
  ],
  [
    'on',
    {
      Type: 'DATE',
      DateColumnStatisticsData: {
        MinimumValue: new Date('2026-01-01'),
        MaximumValue: new Date('2026-02-01'),
        NumberOfNulls: 0,
        NumberOfDistinctValues: 2,
      },
    },
  ],
  [
    'name',
    {
      Type: 'STRING',
      StringColumnStatisticsData: { MaximumLength: 9, AverageLength: 3.5, NumberOfNulls: 2, NumberOfDistinctValues: 7 },
    },
  ],
  ['flag', { Type: 'BOOLEAN', BooleanColumnStatisticsData: { NumberOfTrues: 3, NumberOfFalses: 4, NumberOfNulls: 0 } }],
  [
    'ratio',
    {
      Type: 'DOUBLE',
      DoubleColumnStatisticsData: {
        MinimumValue: -0.5,
        MaximumValue: 1e300,
        NumberOfNulls: 0,
        NumberOfDistinctValues: 5,
      },
    },
  ],
  ['raw', { Type: 'BINARY', BinaryColumnStatisticsData: { MaximumLength: 4, AverageLength: 2, NumberOfNulls: 0 } }],
].map(
  ([ColumnName, StatisticsData]) =>
    ({ ColumnName, ColumnType: 'string', AnalyzedTime, StatisticsData }) as ColumnStatistics,
);
const byName = (list: readonly ColumnStatistics[] | undefined) =>
  [...(list ?? [])].sort((a, b) => (a.ColumnName! < b.ColumnName! ? -1 : 1));
const names = statistics.map((one) => one.ColumnName!);

describe('column statistics', () => {
  it('of all seven types come back as they were given, for a table and for a partition', async () => {
    const put = await glue.send(
      new UpdateColumnStatisticsForTableCommand({ ...table, ColumnStatisticsList: statistics }),
    );
    expect(put.Errors).toEqual([]);
    const got = await glue.send(new GetColumnStatisticsForTableCommand({ ...table, ColumnNames: [...names, 'none'] }));
    expect(byName(got.ColumnStatisticsList)).toEqual(byName(statistics));
    expect(got.Errors).toMatchObject([{ ColumnName: 'none', Error: { ErrorCode: 'EntityNotFoundException' } }]);
    const one = { ...table, PartitionValues: ['2025', 'eu'] };
    await glue.send(
      new UpdateColumnStatisticsForPartitionCommand({ ...one, ColumnStatisticsList: statistics.slice(0, 2) }),
    );
    const part = await glue.send(new GetColumnStatisticsForPartitionCommand({ ...one, ColumnNames: names }));
    expect(byName(part.ColumnStatisticsList)).toEqual(byName(statistics.slice(0, 2)));
    await glue.send(new DeleteColumnStatisticsForTableCommand({ ...table, ColumnName: 'raw' }));
    const left = await glue.send(new GetColumnStatisticsForTableCommand({ ...table, ColumnNames: ['raw', 'id'] }));
    expect(left.ColumnStatisticsList?.map((s) => s.ColumnName)).toEqual(['id']);
  });

  it('of a partition go with it', async () => {
    const one = { ...table, PartitionValues: ['2025', 'eu'] };
    await glue.send(new DeletePartitionCommand(one));
    await glue.send(
      new CreatePartitionCommand({
        ...table,
        PartitionInput: { Values: ['2025', 'eu'], StorageDescriptor: { Location: 's3://lake/orders/x/' } },
      }),
    );
    const part = await glue.send(new GetColumnStatisticsForPartitionCommand({ ...one, ColumnNames: ['id'] }));
    expect(part.ColumnStatisticsList).toEqual([]);
    const gone = glue.send(
      new UpdateColumnStatisticsForPartitionCommand({
        ...table,
        PartitionValues: ['1', 'x'],
        ColumnStatisticsList: statistics.slice(0, 1),
      }),
    );
    expect(await failureOf(gone)).toMatchObject({ name: 'EntityNotFoundException' });
  });

  it('are refused beyond 25 an update, and answered for column by column', async () => {
    const many = Array.from({ length: 26 }, () => statistics[0]!);
    const over = glue.send(new UpdateColumnStatisticsForTableCommand({ ...table, ColumnStatisticsList: many }));
    expect(await failureOf(over)).toMatchObject({
      name: 'InvalidInputException',
      message: expect.stringContaining('25'),
    });
    const { Errors } = await glue.send(
      new UpdateColumnStatisticsForTableCommand({
        ...table,
        ColumnStatisticsList: [{ ...statistics[0]!, ColumnName: 'absent' }, statistics[4]!],
      }),
    );
    expect(Errors).toMatchObject([
      { ColumnStatistics: { ColumnName: 'absent' }, Error: { ErrorCode: 'InvalidInputException' } },
    ]);
  });

  it('are hidden from who may not see the table', async () => {
    const asked = analyst.send(new GetColumnStatisticsForTableCommand({ ...table, ColumnNames: ['id'] }));
    expect(await failureOf(asked)).toMatchObject({ name: 'EntityNotFoundException' });
  });

  it('keep decimals of any sign and size', () => {
    for (const text of [
      '0',
      '-1',
      '127',
      '128',
      '-128',
      '-129',
      '0.05',
      '-0.05',
      '12345678901234567890.12',
      '-99999999999999999999999999999999999999',
    ]) {
      expect(decimalText(decimalNumber(text))).toBe(text);
    }
  });
});

describe('user-defined functions', () => {
  it('are made, listed by pattern over one or all databases in pages, changed and deleted', async () => {
    const FunctionInput = {
      FunctionName: 'Norm',
      ClassName: 'org.acme.Norm',
      OwnerName: 'ana',
      OwnerType: 'USER' as const,
      ResourceUris: [{ ResourceType: 'JAR' as const, Uri: 's3://lake/norm.jar' }],
    };
    const create = (FunctionName: string) =>
      glue.send(
        new CreateUserDefinedFunctionCommand({
          DatabaseName: 'shop',
          FunctionInput: { ...FunctionInput, FunctionName },
        }),
      );
    for (const name of ['Norm', 'north', 'other']) await create(name);
    const at = { DatabaseName: 'shop', FunctionName: 'NORM' };
    const { UserDefinedFunction } = await glue.send(new GetUserDefinedFunctionCommand(at));
    expect(UserDefinedFunction).toMatchObject({ ...FunctionInput, FunctionName: 'norm', DatabaseName: 'shop' });
    expect(await failureOf(create('norm'))).toMatchObject({ name: 'AlreadyExistsException' });
    const first = await glue.send(new GetUserDefinedFunctionsCommand({ Pattern: 'no.*', MaxResults: 1 }));
    const second = await glue.send(
      new GetUserDefinedFunctionsCommand({ Pattern: 'no.*', MaxResults: 1, NextToken: first.NextToken }),
    );
    expect([first, second].map((page) => page.UserDefinedFunctions?.map((one) => one.FunctionName))).toEqual([
      ['norm'],
      ['north'],
    ]);
    expect(second.NextToken).toBeUndefined();
    await glue.send(
      new UpdateUserDefinedFunctionCommand({ ...at, FunctionInput: { ...FunctionInput, ClassName: 'x.Y' } }),
    );
    expect((await glue.send(new GetUserDefinedFunctionCommand(at))).UserDefinedFunction?.ClassName).toBe('x.Y');
    await glue.send(new DeleteUserDefinedFunctionCommand(at));
    expect(await failureOf(glue.send(new GetUserDefinedFunctionCommand(at)))).toMatchObject({
      name: 'EntityNotFoundException',
    });
  });

  it('are an empty list where there are none, and go with their database', async () => {
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'empty' } }));
    const ask = () => glue.send(new GetUserDefinedFunctionsCommand({ DatabaseName: 'empty', Pattern: '*' }));
    expect((await ask()).UserDefinedFunctions).toEqual([]);
    await glue.send(
      new CreateUserDefinedFunctionCommand({ DatabaseName: 'empty', FunctionInput: { FunctionName: 'f' } }),
    );
    expect((await ask()).UserDefinedFunctions).toHaveLength(1);
    await glue.send(new DeleteDatabaseCommand({ Name: 'empty' }));
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'empty' } }));
    expect((await ask()).UserDefinedFunctions).toEqual([]);
  });
});

describe('connections', () => {
  const ConnectionInput = {
    Name: 'books',
    ConnectionType: 'JDBC' as const,
    Description: 'the ledger',
    MatchCriteria: ['ledger'],
    ConnectionProperties: {
      JDBC_CONNECTION_URL: 'jdbc:postgresql://db.example:5433/books',
      USERNAME: 'loch',
      PASSWORD: 'planted-secret-of-books',
    },
    PhysicalConnectionRequirements: { AvailabilityZone: 'a' },
  };

  it('come back whole or without their secrets, and lie sealed', async () => {
    await glue.send(new CreateConnectionCommand({ ConnectionInput, Tags: { a: 'b' } }));
    const { Connection } = await glue.send(new GetConnectionCommand({ Name: 'books' }));
    expect(Connection).toMatchObject(ConnectionInput);
    const hidden = await glue.send(new GetConnectionCommand({ Name: 'books', HidePassword: true }));
    expect(hidden.Connection?.ConnectionProperties).toEqual({
      JDBC_CONNECTION_URL: 'jdbc:postgresql://db.example:5433/books',
      USERNAME: 'loch',
    });
    for (const file of ['loch.db', 'loch.db-wal']) {
      expect(readFileSync(join(lake.door.directory, file)).includes('planted-secret-of-books')).toBe(false);
    }
  });

  it('keep the password that an update does not give again', async () => {
    const { PASSWORD: _, ...ConnectionProperties } = ConnectionInput.ConnectionProperties;
    await glue.send(
      new UpdateConnectionCommand({
        Name: 'books',
        ConnectionInput: { ...ConnectionInput, Description: 'new', ConnectionProperties },
      }),
    );
    const { Connection } = await glue.send(new GetConnectionCommand({ Name: 'books' }));
    expect(Connection).toMatchObject({ ...ConnectionInput, Description: 'new' });
  });

  it('are listed by type and words, in pages', async () => {
    await glue.send(
      new CreateConnectionCommand({
        ConnectionInput: { Name: 'net', ConnectionType: 'NETWORK', ConnectionProperties: {} },
      }),
    );
    const first = await glue.send(new GetConnectionsCommand({ MaxResults: 1, HidePassword: true }));
    const second = await glue.send(
      new GetConnectionsCommand({ MaxResults: 1, NextToken: first.NextToken, HidePassword: true }),
    );
    expect([first, second].map((page) => page.ConnectionList?.map((one) => one.Name))).toEqual([['books'], ['net']]);
    const some = await glue.send(
      new GetConnectionsCommand({ Filter: { ConnectionType: 'JDBC', MatchCriteria: ['ledger'] } }),
    );
    expect(some.ConnectionList?.map((one) => one.Name)).toEqual(['books']);
    expect((await analyst.send(new GetConnectionsCommand({}))).ConnectionList).toHaveLength(2);
  });

  it('are tried out with their user and password, and answer what the source says', async () => {
    await glue.send(new TestConnectionCommand({ ConnectionName: 'books' }));
    expect(probed).toEqual(['postgresql postgres://loch:planted-secret-of-books@db.example:5433/books']);
    const down = glue.send(
      new TestConnectionCommand({
        TestConnectionInput: {
          ConnectionType: 'JDBC',
          ConnectionProperties: { JDBC_CONNECTION_URL: 'jdbc:mysql://down/x' },
        },
      }),
    );
    expect(await failureOf(down)).toMatchObject({ message: 'No route to `down`.' });
    const other = glue.send(new TestConnectionCommand({ ConnectionName: 'net' }));
    expect(await failureOf(other)).toMatchObject({ name: 'OperationNotSupportedException' });
  });

  it('are deleted one by one and in batches', async () => {
    await glue.send(new DeleteConnectionCommand({ ConnectionName: 'books' }));
    const { Succeeded, Errors } = await glue.send(
      new BatchDeleteConnectionCommand({ ConnectionNameList: ['net', 'books'] }),
    );
    expect(Succeeded).toEqual(['net']);
    expect(Errors).toMatchObject({ books: { ErrorCode: 'EntityNotFoundException' } });
    await glue.send(new CreateConnectionCommand({ ConnectionInput }));
    expect((await glue.send(new GetTagsCommand({ ResourceArn: arnOf('connection/books') }))).Tags).toEqual({});
  });

  it('are refused with what would not be heeded', async () => {
    const odd = glue.send(
      new CreateConnectionCommand({
        ConnectionInput: {
          ...ConnectionInput,
          Name: 'o',
          AuthenticationConfiguration: { AuthenticationType: 'OAUTH2' },
        },
      }),
    );
    expect(await failureOf(odd)).toMatchObject({
      name: 'OperationNotSupportedException',
      message: expect.stringContaining('OAUTH2'),
    });
    const noUrl = glue.send(
      new CreateConnectionCommand({ ConnectionInput: { Name: 'n', ConnectionType: 'JDBC', ConnectionProperties: {} } }),
    );
    expect(await failureOf(noUrl)).toMatchObject({ name: 'InvalidInputException' });
  });
});

describe('tags', () => {
  it('are set with a resource or later, read, removed, and gone with it', async () => {
    const ResourceArn = arnOf('database/shop');
    expect((await glue.send(new GetTagsCommand({ ResourceArn }))).Tags).toEqual({ team: 'retail' });
    await glue.send(new TagResourceCommand({ ResourceArn, TagsToAdd: { cost: '7', team: 'sales' } }));
    await glue.send(new UntagResourceCommand({ ResourceArn, TagsToRemove: ['cost'] }));
    expect((await glue.send(new GetTagsCommand({ ResourceArn }))).Tags).toEqual({ team: 'sales' });
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'short' }, Tags: { x: 'y' } }));
    await glue.send(new DeleteDatabaseCommand({ Name: 'short' }));
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'short' } }));
    expect((await glue.send(new GetTagsCommand({ ResourceArn: arnOf('database/short') }))).Tags).toEqual({});
  });

  it('are refused beyond their limits, on what is not there and to who may not', async () => {
    const tag = (ResourceArn: string, TagsToAdd: Record<string, string>) =>
      failureOf(glue.send(new TagResourceCommand({ ResourceArn, TagsToAdd })));
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, '']));
    expect(await tag(arnOf('database/shop'), many)).toMatchObject({ name: 'ResourceNumberLimitExceededException' });
    expect(await tag(arnOf('database/shop'), { 'aws:x': '' })).toMatchObject({ name: 'InvalidInputException' });
    expect(await tag(arnOf('database/none'), { a: '' })).toMatchObject({ name: 'EntityNotFoundException' });
    expect(await tag(arnOf('devEndpoint/x'), { a: '' })).toMatchObject({ name: 'OperationNotSupportedException' });
    const denied = analyst.send(new TagResourceCommand({ ResourceArn: arnOf('database/shop'), TagsToAdd: { a: '' } }));
    expect(await failureOf(denied)).toMatchObject({ name: 'AccessDeniedException' });
  });
});

describe('the catalog as a whole', () => {
  const document = (Effect: string) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect, Principal: { AWS: '210987654321' }, Action: 'glue:GetTable', Resource: arnOf('catalog') }],
    });

  it('keeps a resource policy, replaced and deleted only under the stated hash', async () => {
    const put = (PolicyInJson: string, more: object = {}) =>
      glue.send(new PutResourcePolicyCommand({ PolicyInJson, ...more }));
    expect(await failureOf(glue.send(new GetResourcePolicyCommand({})))).toMatchObject({
      name: 'EntityNotFoundException',
    });
    expect(await failureOf(put(document('Deny'), { PolicyExistsCondition: 'MUST_EXIST' }))).toMatchObject({
      name: 'ConditionCheckFailureException',
    });
    const { PolicyHash } = await put(document('Deny'), { PolicyExistsCondition: 'NOT_EXIST' });
    expect(await failureOf(put(document('Allow'), { PolicyHashCondition: 'stale' }))).toMatchObject({
      name: 'ConditionCheckFailureException',
    });
    await put(document('Allow'), { PolicyHashCondition: PolicyHash });
    expect((await glue.send(new GetResourcePolicyCommand({}))).PolicyInJson).toBe(document('Allow'));
    expect((await glue.send(new GetResourcePoliciesCommand({}))).GetResourcePoliciesResponseList).toHaveLength(1);
    const stale = glue.send(new DeleteResourcePolicyCommand({ PolicyHashCondition: PolicyHash }));
    expect(await failureOf(stale)).toMatchObject({ name: 'ConditionCheckFailureException' });
    await glue.send(new DeleteResourcePolicyCommand({}));
    expect((await glue.send(new GetResourcePoliciesCommand({}))).GetResourcePoliciesResponseList).toEqual([]);
    for (const bad of ['{', '{}', JSON.stringify({ Statement: [{ Effect: 'Maybe' }] })]) {
      expect(await failureOf(put(bad))).toMatchObject({ name: 'InvalidInputException' });
    }
  });

  it('is bound by its resource policy: what it denies is denied, what it allows needs no other policy', async () => {
    const nobody = await lake.user('nina', { Effect: 'Allow', Action: 's3:*', Resource: '*' });
    const asks = (client: GlueClient) => failureOf(client.send(new GetConnectionsCommand({ HidePassword: true })));
    expect(await asks(nobody)).toMatchObject({ name: 'AccessDeniedException' });
    expect(await asks(analyst)).toMatchObject({ message: 'resolved' });
    const statement = (Effect: string, user: string) => ({
      Effect,
      Principal: { AWS: `arn:aws:iam::${TEST_ACCOUNT}:user/${user}` },
      Action: 'glue:GetConnections',
      Resource: ['catalog', 'connection/*'].map(arnOf),
    });
    const put = (...Statement: object[]) =>
      glue.send(new PutResourcePolicyCommand({ PolicyInJson: JSON.stringify({ Version: '2012-10-17', Statement }) }));
    await put(statement('Allow', 'nina'), statement('Deny', 'ana'));
    expect(await asks(nobody)).toMatchObject({ message: 'resolved' });
    expect(await asks(analyst)).toMatchObject({ name: 'AccessDeniedException' });
    await put({ Effect: 'Deny', Principal: '*', Action: 'glue:*', Resource: '*' });
    expect(await asks(glue)).toMatchObject({ name: 'AccessDeniedException' });
    await glue.send(new DeleteResourcePolicyCommand({})); // root cannot shut himself out of that
    expect(await asks(nobody)).toMatchObject({ name: 'AccessDeniedException' });
    expect(await asks(analyst)).toMatchObject({ message: 'resolved' });
  });

  it('shows itself, its encryption and its import, and refuses encryption it does not do', async () => {
    expect((await glue.send(new GetCatalogCommand({ CatalogId: TEST_ACCOUNT }))).Catalog).toMatchObject({
      CatalogId: TEST_ACCOUNT,
      ResourceArn: arnOf('catalog'),
    });
    expect(await failureOf(glue.send(new GetCatalogCommand({ CatalogId: 'other' })))).toMatchObject({
      name: 'EntityNotFoundException',
    });
    expect((await glue.send(new GetCatalogsCommand({ IncludeRoot: true }))).CatalogList).toHaveLength(1);
    const shown = await glue.send(new GetDataCatalogEncryptionSettingsCommand({}));
    await glue.send(new PutDataCatalogEncryptionSettingsCommand(shown as { DataCatalogEncryptionSettings: object }));
    const sealed = glue.send(
      new PutDataCatalogEncryptionSettingsCommand({
        DataCatalogEncryptionSettings: { EncryptionAtRest: { CatalogEncryptionMode: 'SSE-KMS' } },
      }),
    );
    expect(await failureOf(sealed)).toMatchObject({ name: 'OperationNotSupportedException' });
    expect((await glue.send(new GetCatalogImportStatusCommand({}))).ImportStatus).toEqual({ ImportCompleted: true });
    await glue.send(new ImportCatalogToGlueCommand({}));
    expect((await glue.send(new GetCatalogImportStatusCommand({}))).ImportStatus).toMatchObject({
      ImportedBy: `arn:aws:iam::${TEST_ACCOUNT}:root`,
    });
  });
});
