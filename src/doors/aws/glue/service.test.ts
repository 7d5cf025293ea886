import {
  AccessDeniedException,
  AlreadyExistsException,
  BatchCreatePartitionCommand,
  BatchDeletePartitionCommand,
  BatchDeleteTableCommand,
  BatchDeleteTableVersionCommand,
  BatchGetCrawlersCommand,
  BatchGetPartitionCommand,
  BatchUpdatePartitionCommand,
  ConcurrentModificationException,
  CrawlerNotRunningException,
  CrawlerRunningException,
  CreateCrawlerCommand,
  CreateDatabaseCommand,
  CreatePartitionCommand,
  CreateTableCommand,
  DeleteCrawlerCommand,
  DeleteDatabaseCommand,
  DeletePartitionCommand,
  DeleteTableCommand,
  DeleteTableVersionCommand,
  EntityNotFoundException,
  GetCrawlerCommand,
  GetCrawlerMetricsCommand,
  GetCrawlersCommand,
  GetDatabaseCommand,
  GetDatabasesCommand,
  GetPartitionCommand,
  GetPartitionsCommand,
  GetTableCommand,
  GetTablesCommand,
  GetTableVersionCommand,
  GetTableVersionsCommand,
  GlueClient,
  InvalidInputException,
  ListCrawlersCommand,
  ListCrawlsCommand,
  paginateGetPartitions,
  paginateGetTables,
  SearchTablesCommand,
  StartCrawlerCommand,
  StopCrawlerCommand,
  type IcebergTableUpdate,
  type TableInput,
  UpdateCrawlerCommand,
  UpdateDatabaseCommand,
  UpdatePartitionCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import { IAMClient, CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../../catalog/contract.ts';
import { catalogStoreModules, openCatalog } from '../../../catalog/index.ts';
import { systemClock } from '../../../core/clock.ts';
import { createTableFormat } from '../../../storage/tables/index.ts';
import { type GovernedAwsDoor, openGovernedAwsDoor } from '../../../testing/builders/governed-aws-door.ts';
import { testObjects } from '../../../testing/builders/test-catalog.ts';
import { glueService } from './service.ts';

const accountId = '123456789012';
let door: GovernedAwsDoor;
let files: Awaited<ReturnType<typeof testObjects>>;
let glue: GlueClient;
let analyst: GlueClient;
let lakeCatalog: () => Catalog;

const clientOf = (credentials: { accessKeyId: string; secretAccessKey: string }) =>
  new GlueClient({ region: 'us-east-1', endpoint: door.endpoint, credentials, maxAttempts: 1 });

beforeAll(async () => {
  files = await testObjects(['lake']);
  const { objects } = files;
  door = await openGovernedAwsDoor({
    accountId,
    modules: catalogStoreModules,
    async open({ store, governance: { policy, identities } }) {
      const tables = createTableFormat({ objects, clock: systemClock });
      const common = { store, objects, tables, policy, identities, clock: systemClock };
      const opened = await openCatalog({ ...common, accountId, region: 'us-east-1' });
      lakeCatalog = () => opened.catalog;
      return { ...opened, services: [glueService(opened)] };
    },
  });
  glue = clientOf(door.rootKey);
  const iam = new IAMClient({ region: 'us-east-1', endpoint: door.endpoint, credentials: door.rootKey });
  await iam.send(new CreateUserCommand({ UserName: 'ana' }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'ana' }));
  const statement = { Effect: 'Allow', Action: 'glue:Get*', Resource: '*' };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await iam.send(new PutUserPolicyCommand({ UserName: 'ana', PolicyName: 'p', PolicyDocument }));
  analyst = clientOf({ accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! });
});
afterAll(async () => {
  await door.close();
  await files.close();
});
beforeEach(async () => {
  await glue.send(
    new CreateDatabaseCommand({ DatabaseInput: { Name: 'Shop', Description: 'd', Parameters: { a: 'b' } } }),
  );
});
afterEach(async () => {
  await glue.send(new DeleteDatabaseCommand({ Name: 'shop' }));
});

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('resolved'),
    (error: Error) => error,
  );

const everything: TableInput = {
  Name: 'orders',
  Description: 'What was bought',
  Owner: 'hadoop',
  LastAccessTime: new Date(1_700_000_000_000),
  LastAnalyzedTime: new Date(1_700_000_001_000),
  Retention: 7,
  TableType: 'EXTERNAL_TABLE',
  Parameters: { classification: 'csv', EXTERNAL: 'TRUE' },
  ViewOriginalText: 'select 1',
  ViewExpandedText: 'select 1 as one',
  PartitionKeys: [
    { Name: 'year', Type: 'int', Comment: 'of sale' },
    { Name: 'month', Type: 'string' },
  ],
  StorageDescriptor: {
    Columns: [
      { Name: 'id', Type: 'bigint', Comment: 'key', Parameters: { pii: 'no' } },
      { Name: 'items', Type: 'array<struct<sku:string,n:int>>' },
    ],
    Location: 's3://lake/orders/',
    AdditionalLocations: ['s3://lake/more/'],
    InputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
    OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
    Compressed: true,
    NumberOfBuckets: 4,
    SerdeInfo: {
      Name: 's',
      SerializationLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
      Parameters: { 'field.delim': '|' },
    },
    BucketColumns: ['id'],
    SortColumns: [{ Column: 'id', SortOrder: 1 }],
    Parameters: { p: 'q' },
    SkewedInfo: {
      SkewedColumnNames: ['id'],
      SkewedColumnValues: ['1'],
      SkewedColumnValueLocationMaps: { 1: 's3://x' },
    },
    StoredAsSubDirectories: true,
  },
};

const create = (changes: Partial<TableInput> = {}) =>
  glue.send(new CreateTableCommand({ DatabaseName: 'shop', TableInput: { ...everything, ...changes } }));
const at = { DatabaseName: 'shop', Name: 'orders' };
const partitioned = { DatabaseName: 'shop', TableName: 'orders' };

describe('databases', () => {
  it('are created, shown, changed, listed in pages and deleted with their tables', async () => {
    const { Database } = await glue.send(new GetDatabaseCommand({ Name: 'SHOP' }));
    expect(Database).toMatchObject({ Name: 'shop', Description: 'd', Parameters: { a: 'b' }, CatalogId: accountId });
    const input = { Name: 'shop', LocationUri: 's3://lake/', CreateTableDefaultPermissions: [] };
    await glue.send(new UpdateDatabaseCommand({ Name: 'shop', DatabaseInput: input }));
    expect((await glue.send(new GetDatabaseCommand({ Name: 'shop' }))).Database).toMatchObject(input);
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'zoo' } }));
    const first = await glue.send(new GetDatabasesCommand({ MaxResults: 1 }));
    expect(first.DatabaseList?.map((database) => database.Name)).toEqual(['shop']);
    const second = await glue.send(new GetDatabasesCommand({ MaxResults: 1, NextToken: first.NextToken }));
    expect(second.DatabaseList?.map((database) => database.Name)).toEqual(['zoo']);
    expect(second.NextToken).toBeUndefined();
    await glue.send(new CreateTableCommand({ DatabaseName: 'zoo', TableInput: { Name: 't' } }));
    await glue.send(new DeleteDatabaseCommand({ Name: 'zoo' }));
    expect(await failure(glue.send(new GetTableCommand({ DatabaseName: 'zoo', Name: 't' })))).toBeInstanceOf(
      EntityNotFoundException,
    );
  });

  it('answer with Glue’s errors', async () => {
    const again = glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'shop' } }));
    expect(await failure(again)).toBeInstanceOf(AlreadyExistsException);
    const odd = glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'a/b' } }));
    expect(await failure(odd)).toBeInstanceOf(InvalidInputException);
    const missing = await failure(glue.send(new GetDatabaseCommand({ Name: 'shob' })));
    expect(missing).toBeInstanceOf(EntityNotFoundException);
    expect(missing.message).toContain('Near names: `shop`');
    const elsewhere = glue.send(new GetDatabaseCommand({ Name: 'shop', CatalogId: '999999999999' }));
    expect(await failure(elsewhere)).toBeInstanceOf(EntityNotFoundException);
    const token = glue.send(new GetDatabasesCommand({ NextToken: 'made up' }));
    expect(await failure(token)).toBeInstanceOf(InvalidInputException);
  });

  it('are hidden from who holds nothing on them, and refused to who may not', async () => {
    expect((await analyst.send(new GetDatabasesCommand({}))).DatabaseList).toEqual([]);
    expect(await failure(analyst.send(new GetDatabaseCommand({ Name: 'shop' })))).toBeInstanceOf(
      EntityNotFoundException,
    );
    expect(await failure(analyst.send(new DeleteDatabaseCommand({ Name: 'shop' })))).toBeInstanceOf(
      AccessDeniedException,
    );
  });
});

describe('tables', () => {
  it('come back with every field they were made with', async () => {
    await create();
    const { Table } = await glue.send(new GetTableCommand(at));
    expect(Table).toMatchObject(everything);
    expect(Table).toMatchObject({ DatabaseName: 'shop', VersionId: '0', CatalogId: accountId });
    expect(Table?.CreatedBy).toBe(`arn:aws:iam::${accountId}:root`);
  });

  it('are listed in pages and by expression', async () => {
    for (const Name of ['a1', 'a2', 'b1']) await create({ Name });
    const names: (string | undefined)[] = [];
    for await (const page of paginateGetTables({ client: glue, pageSize: 2 }, { DatabaseName: 'shop' })) {
      names.push(...(page.TableList ?? []).map((table) => table.Name));
    }
    expect(names).toEqual(['a1', 'a2', 'b1']);
    const some = await glue.send(
      new GetTablesCommand({ DatabaseName: 'shop', Expression: 'a.*', AttributesToGet: ['NAME'] }),
    );
    expect(some.TableList).toEqual([
      { Name: 'a1', DatabaseName: 'shop' },
      { Name: 'a2', DatabaseName: 'shop' },
    ]);
  });

  it('keep their versions, and refuse an update of a stale one', async () => {
    await create();
    const update = (Description: string, other: object = {}) =>
      glue.send(new UpdateTableCommand({ DatabaseName: 'shop', TableInput: { ...everything, Description }, ...other }));
    await update('second', { VersionId: '0' });
    expect(await failure(update('third', { VersionId: '0' }))).toBeInstanceOf(ConcurrentModificationException);
    const { TableVersions } = await glue.send(new GetTableVersionsCommand(partitioned));
    expect(TableVersions?.map(({ VersionId, Table }) => [VersionId, Table?.Description])).toEqual([
      ['1', 'second'],
      ['0', 'What was bought'],
    ]);
    const one = await glue.send(new GetTableVersionCommand({ ...partitioned, VersionId: '0' }));
    expect(one.TableVersion?.Table).toMatchObject(everything);
    const current = glue.send(new DeleteTableVersionCommand({ ...partitioned, VersionId: '1' }));
    expect(await failure(current)).toBeInstanceOf(InvalidInputException);
    const { Errors } = await glue.send(new BatchDeleteTableVersionCommand({ ...partitioned, VersionIds: ['0', '7'] }));
    expect(Errors).toMatchObject([{ VersionId: '7', ErrorDetail: { ErrorCode: 'EntityNotFoundException' } }]);
    const none = glue.send(new GetTableVersionCommand({ ...partitioned, VersionId: '0' }));
    expect(await failure(none)).toBeInstanceOf(EntityNotFoundException);
    const before = glue.send(new GetTableCommand({ ...at, QueryAsOfTime: new Date(0) }));
    expect(await failure(before)).toBeInstanceOf(EntityNotFoundException);
  });

  it('are deleted one by one and in batches that answer for each', async () => {
    await create();
    await create({ Name: 'other' });
    await glue.send(new DeleteTableCommand(at));
    const { Errors } = await glue.send(
      new BatchDeleteTableCommand({ DatabaseName: 'shop', TablesToDelete: ['other', 'orders'] }),
    );
    expect(Errors).toMatchObject([{ TableName: 'orders', ErrorDetail: { ErrorCode: 'EntityNotFoundException' } }]);
  });

  it('answer with Glue’s errors', async () => {
    const bad = create({ StorageDescriptor: { Columns: [{ Name: 'a', Type: 'strng' }] } });
    expect(await failure(bad)).toMatchObject({
      name: 'InvalidInputException',
      message: expect.stringContaining('`a`'),
    });
    expect(await failure(glue.send(new GetTableCommand(at)))).toBeInstanceOf(EntityNotFoundException);
    await create();
    expect(await failure(create())).toBeInstanceOf(AlreadyExistsException);
    const index = new CreateTableCommand({
      DatabaseName: 'shop',
      TableInput: everything,
      PartitionIndexes: [{ Keys: ['items'], IndexName: 'i' }],
    });
    await glue.send(new DeleteTableCommand(at));
    expect(await failure(glue.send(index))).toBeInstanceOf(InvalidInputException);
  });

  it('of Iceberg are created by OpenTableFormatInput and shown as Glue shows them', async () => {
    await glue.send(
      new CreateTableCommand({
        DatabaseName: 'shop',
        TableInput: {
          Name: 'ice',
          TableType: 'EXTERNAL_TABLE',
          StorageDescriptor: { Columns: [{ Name: 'id', Type: 'bigint' }], Location: 's3://lake/ice' },
        },
        OpenTableFormatInput: { IcebergInput: { MetadataOperation: 'CREATE', Version: '2' } },
      }),
    );
    const { Table } = await glue.send(new GetTableCommand({ DatabaseName: 'shop', Name: 'ice' }));
    expect(Table?.Parameters).toMatchObject({ table_type: 'ICEBERG' });
    const location = Table!.Parameters!.metadata_location!;
    expect(location).toMatch(/^s3:\/\/lake\/ice\/metadata\/.*\.metadata\.json$/);
    const register = (Parameters: Record<string, string>) =>
      glue.send(
        new CreateTableCommand({
          DatabaseName: 'shop',
          TableInput: {
            Name: 'twin',
            TableType: 'EXTERNAL_TABLE',
            Parameters,
            StorageDescriptor: { Location: 's3://lake/ice' },
          },
        }),
      );
    expect(await failure(register({ table_type: 'ICEBERG' }))).toBeInstanceOf(InvalidInputException);
    await glue.send(new DeleteTableCommand({ DatabaseName: 'shop', Name: 'ice' }));
    await register({ table_type: 'ICEBERG', metadata_location: location });
    const twin = await glue.send(new GetTableCommand({ DatabaseName: 'shop', Name: 'twin' }));
    expect(twin.Table?.StorageDescriptor?.Columns).toEqual([
      { Name: 'id', Type: 'bigint', Parameters: { 'iceberg.field.current': 'true' } },
    ]);
    expect(twin.Table?.Parameters?.metadata_location).toBe(location);
  });
});

describe('Iceberg tables changed by UpdateOpenTableFormatInput', () => {
  const field = (Id: number, Name: string, Type: string) => ({ Id, Name, Type, Required: false });
  const place = 's3://lake/evolving';
  const change = (Updates: IcebergTableUpdate[], more: object = {}) =>
    glue.send(
      new UpdateTableCommand({
        DatabaseName: 'shop',
        Name: 'evolving',
        UpdateOpenTableFormatInput: { UpdateIcebergInput: { UpdateIcebergTableInput: { Updates } } },
        ...more,
      }),
    );
  const shown = async () => (await glue.send(new GetTableCommand({ DatabaseName: 'shop', Name: 'evolving' }))).Table!;
  beforeEach(async () => {
    await glue.send(
      new CreateTableCommand({
        DatabaseName: 'shop',
        Name: 'evolving',
        OpenTableFormatInput: {
          IcebergInput: {
            MetadataOperation: 'CREATE',
            Version: '2',
            CreateIcebergTableInput: {
              Location: place,
              Schema: { Fields: [field(1, 'id', 'long'), field(2, 'at', 'timestamp')] },
            },
          },
        },
      }),
    );
  });

  it('take a schema, a partition spec and properties in one commit, under the version they were read at', async () => {
    const before = await shown();
    const whole = {
      Location: place,
      Schema: { Fields: [field(1, 'id', 'long'), field(2, 'at', 'timestamp'), field(3, 'note', 'string')] },
      PartitionSpec: { Fields: [{ SourceId: 2, Name: 'at_day', Transform: 'day' }] },
      Properties: { owner: 'ana' },
    };
    await change([whole], { VersionId: before.VersionId });
    const after = await shown();
    expect(after.StorageDescriptor?.Columns?.map((column) => `${column.Name} ${column.Type}`)).toEqual([
      'id bigint',
      'at timestamp',
      'note string',
    ]);
    expect(after.Parameters?.previous_metadata_location).toBe(before.Parameters?.metadata_location);
    const { metadata } = await lakeCatalog().resolveTable(door.rootContext(), { database: 'shop', table: 'evolving' });
    expect(metadata).toMatchObject({ properties: { owner: 'ana' }, 'default-spec-id': 1 });
    expect(metadata!['partition-specs'].at(-1)!.fields).toMatchObject([{ name: 'at_day', transform: 'day' }]);
    const stale = change([whole], { VersionId: before.VersionId });
    expect(await failure(stale)).toBeInstanceOf(ConcurrentModificationException);
  });

  it('take single actions, and refuse what would move the table or is not known', async () => {
    const rest = { Schema: { Fields: [] }, Location: place };
    await change([{ ...rest, Action: 'set-properties', Properties: { a: 'b', c: 'd' } }]);
    await change([{ ...rest, Action: 'remove-properties', Properties: { a: '' } }]);
    const { metadata } = await lakeCatalog().resolveTable(door.rootContext(), { database: 'shop', table: 'evolving' });
    expect(metadata!.properties).toMatchObject({ c: 'd' });
    expect(metadata!.properties.a).toBeUndefined();
    const moved = change([{ ...rest, Action: 'set-location', Location: 's3://lake/elsewhere' }]);
    expect(await failure(moved)).toMatchObject({ name: 'OperationNotSupportedException' });
    const key = change([{ ...rest, Action: 'add-encryption-key' }]);
    expect(await failure(key)).toMatchObject({ name: 'OperationNotSupportedException' });
    expect(await failure(change([]))).toBeInstanceOf(InvalidInputException);
  });
});

describe('partitions', () => {
  const partition = (year: string, month: string) => ({
    Values: [year, month],
    StorageDescriptor: { Location: `s3://lake/orders/${year}/${month}` },
    Parameters: { n: month },
  });
  beforeEach(async () => {
    await create();
  });

  it('are created, shown with their table’s columns, changed and deleted', async () => {
    await glue.send(new CreatePartitionCommand({ ...partitioned, PartitionInput: partition('2026', '01') }));
    const one = { ...partitioned, PartitionValues: ['2026', '01'] };
    const { Partition } = await glue.send(new GetPartitionCommand(one));
    expect(Partition).toMatchObject({
      Values: ['2026', '01'],
      DatabaseName: 'shop',
      TableName: 'orders',
      Parameters: { n: '01' },
    });
    expect(Partition?.StorageDescriptor).toMatchObject({
      Location: 's3://lake/orders/2026/01',
      Columns: [{ Name: 'id' }, {}],
    });
    await glue.send(
      new UpdatePartitionCommand({
        ...partitioned,
        PartitionValueList: ['2026', '01'],
        PartitionInput: partition('2026', '02'),
      }),
    );
    expect(await failure(glue.send(new GetPartitionCommand(one)))).toBeInstanceOf(EntityNotFoundException);
    const entry = {
      PartitionValueList: ['2026', '02'],
      PartitionInput: { ...partition('2026', '02'), Parameters: { n: 'new' } },
    };
    const absent = { PartitionValueList: ['1999', '02'], PartitionInput: partition('1999', '02') };
    const batch = new BatchUpdatePartitionCommand({ ...partitioned, Entries: [entry, absent] });
    expect((await glue.send(batch)).Errors).toMatchObject([{ PartitionValueList: ['1999', '02'] }]);
    const changed = await glue.send(new GetPartitionCommand({ ...partitioned, PartitionValues: ['2026', '02'] }));
    expect(changed.Partition?.Parameters).toEqual({ n: 'new' });
    await glue.send(new DeletePartitionCommand({ ...partitioned, PartitionValues: ['2026', '02'] }));
    expect((await glue.send(new GetPartitionsCommand(partitioned))).Partitions).toEqual([]);
  });

  it('answer for each item of a batch', async () => {
    const input = { ...partitioned, PartitionInputList: ['01', '02'].map((month) => partition('2026', month)) };
    expect((await glue.send(new BatchCreatePartitionCommand(input))).Errors).toEqual([]);
    const more = { ...partitioned, PartitionInputList: ['02', '03'].map((month) => partition('2026', month)) };
    const { Errors } = await glue.send(new BatchCreatePartitionCommand(more));
    expect(Errors).toMatchObject([
      { PartitionValues: ['2026', '02'], ErrorDetail: { ErrorCode: 'AlreadyExistsException' } },
    ]);
    const keys = ['01', '03', '04'].map((month) => ({ Values: ['2026', month] }));
    const got = await glue.send(new BatchGetPartitionCommand({ ...partitioned, PartitionsToGet: keys }));
    expect(got.Partitions?.map((one) => one.Values?.[1])).toEqual(['01', '03']);
    const gone = await glue.send(new BatchDeletePartitionCommand({ ...partitioned, PartitionsToDelete: keys }));
    expect(gone.Errors).toMatchObject([{ ErrorDetail: { ErrorCode: 'EntityNotFoundException' } }]);
  });

  it('are filtered, paged and split into disjoint, complete segments', async () => {
    const all = Array.from({ length: 60 }, (_, n) => partition(String(2000 + n), n % 2 === 0 ? 'even' : 'odd'));
    await glue.send(new BatchCreatePartitionCommand({ ...partitioned, PartitionInputList: all }));
    const listed = async (input: object) => {
      const found: string[] = [];
      for await (const page of paginateGetPartitions({ client: glue, pageSize: 7 }, { ...partitioned, ...input })) {
        found.push(...(page.Partitions ?? []).map((one) => one.Values![0]!));
      }
      return found;
    };
    expect(await listed({})).toHaveLength(60);
    expect(await listed({ Expression: "year >= 2050 AND month = 'odd'" })).toEqual([
      '2051',
      '2053',
      '2055',
      '2057',
      '2059',
    ]);
    const segments = await Promise.all(
      [0, 1, 2].map((SegmentNumber) => listed({ Segment: { SegmentNumber, TotalSegments: 3 } })),
    );
    expect(segments.every((segment) => segment.length > 5)).toBe(true);
    expect(segments.flat().sort()).toEqual(await listed({}));
    const unread = glue.send(new GetPartitionsCommand({ ...partitioned, Expression: 'year >' }));
    expect(await failure(unread)).toBeInstanceOf(InvalidInputException);
    const plain = await glue.send(
      new GetPartitionsCommand({ ...partitioned, ExcludeColumnSchema: true, MaxResults: 1 }),
    );
    expect(plain.Partitions?.[0]?.StorageDescriptor?.Columns).toBeUndefined();
  });
});

describe('search', () => {
  it('finds tables by words, filters and sorts them', async () => {
    await create({ Name: 'card_auth', Description: 'Authorizations' });
    await create({ Name: 'cardauth', Owner: 'someone' });
    const search = async (input: object) =>
      (await glue.send(new SearchTablesCommand(input))).TableList?.map((table) => table.Name);
    expect(await search({ SearchText: 'card auth' })).toEqual(['card_auth']);
    expect(await search({ SearchText: 'card' })).toEqual(['card_auth']);
    expect(await search({ SearchText: '"auth card"' })).toEqual([]);
    expect(await search({ SearchText: '"card auth"' })).toEqual(['card_auth']);
    expect(await search({ SearchText: 'cardauth', ResourceShareType: 'ALL' })).toEqual(['cardauth']);
    expect(await search({ SearchText: 'cardauth', ResourceShareType: 'FOREIGN' })).toEqual([]);
    expect(await failure(search({ ResourceShareType: 'OURS' }))).toBeInstanceOf(InvalidInputException);
    expect(await search({ Filters: [{ Key: 'Owner', Value: 'someone' }] })).toEqual(['cardauth']);
    const byType = { FieldName: 'TableType', Sort: 'ASC' as const };
    expect(await search({ SortCriteria: [byType, { FieldName: 'Name', Sort: 'DESC' }] })).toEqual([
      'cardauth',
      'card_auth',
    ]);
    expect(await search({ SortCriteria: [byType, { FieldName: 'Name', Sort: 'ASC' }] })).toEqual([
      'card_auth',
      'cardauth',
    ]);
    expect(await search({ SortCriteria: [{ FieldName: 'Name', Sort: 'DESC' }] })).toEqual(['cardauth', 'card_auth']);
    const future = { Key: 'UpdateTime', Value: '2100-01-01T00:00:00Z', Comparator: 'GREATER_THAN' };
    expect(await search({ Filters: [future] })).toEqual([]);
    const odd = glue.send(new SearchTablesCommand({ Filters: [{ Key: 'Colour', Value: 'red' }] }));
    expect(await failure(odd)).toBeInstanceOf(InvalidInputException);
  });
});

describe('crawlers', () => {
  it('run, write tables and tell what they did', async () => {
    for (const day of ['01', '02']) {
      await files.objects.put('lake', `in/feed/2026/${day}/a.csv`, Buffer.from('id,amount\n1,2.5\n2,3\n'));
    }
    const input = {
      Name: 'feed',
      Role: 'GlueRole',
      DatabaseName: 'shop',
      Targets: { S3Targets: [{ Path: 's3://lake/in/', Exclusions: ['**.tmp'] }] },
      SchemaChangePolicy: { UpdateBehavior: 'LOG' as const, DeleteBehavior: 'LOG' as const },
    };
    await glue.send(new CreateCrawlerCommand(input));
    await glue.send(new UpdateCrawlerCommand({ Name: 'feed', TablePrefix: 'raw_', Description: 'The feed' }));
    expect(await failure(glue.send(new StopCrawlerCommand({ Name: 'feed' })))).toBeInstanceOf(
      CrawlerNotRunningException,
    );
    await glue.send(new StartCrawlerCommand({ Name: 'feed' }));
    const again = await failure(glue.send(new StartCrawlerCommand({ Name: 'feed' })));
    expect(again).toBeInstanceOf(CrawlerRunningException);
    let state: string | undefined;
    let crawler: Awaited<ReturnType<typeof shown>>;
    const shown = async () => (await glue.send(new GetCrawlerCommand({ Name: 'feed' }))).Crawler!;
    do {
      crawler = await shown();
      state = crawler.State;
    } while (state !== 'READY');
    expect(crawler).toMatchObject({ ...input, TablePrefix: 'raw_', Version: 2, LastCrawl: { Status: 'SUCCEEDED' } });
    const { Table } = await glue.send(new GetTableCommand({ DatabaseName: 'shop', Name: 'raw_feed' }));
    expect(Table?.StorageDescriptor?.Columns).toEqual([
      { Name: 'id', Type: 'bigint' },
      { Name: 'amount', Type: 'double' },
    ]);
    const metrics = await glue.send(new GetCrawlerMetricsCommand({ CrawlerNameList: ['feed'] }));
    expect(metrics.CrawlerMetricsList).toMatchObject([{ CrawlerName: 'feed', TablesCreated: 1, TablesUpdated: 0 }]);
    const { Crawls } = await glue.send(new ListCrawlsCommand({ CrawlerName: 'feed' }));
    expect(Crawls).toMatchObject([{ State: 'COMPLETED', CrawlId: expect.any(String) }]);
    expect((await glue.send(new ListCrawlersCommand({}))).CrawlerNames).toEqual(['feed']);
    expect((await glue.send(new GetCrawlersCommand({}))).Crawlers).toHaveLength(1);
    const some = await glue.send(new BatchGetCrawlersCommand({ CrawlerNames: ['feed', 'gone'] }));
    expect(some).toMatchObject({ Crawlers: [{ Name: 'feed' }], CrawlersNotFound: ['gone'] });
    await glue.send(new DeleteCrawlerCommand({ Name: 'feed' }));
    expect(await failure(shown())).toBeInstanceOf(EntityNotFoundException);
  });

  it('refuse by name what they cannot do', async () => {
    const make = (other: object) =>
      failure(
        glue.send(
          new CreateCrawlerCommand({
            Name: 'x',
            Role: 'r',
            DatabaseName: 'shop',
            Targets: { S3Targets: [{ Path: 's3://lake/' }] },
            ...other,
          }),
        ),
      );
    const mongo = { MongoDBTargets: [{ Path: 'db/c', ConnectionName: 'm' }] };
    expect((await make({ Targets: mongo })).message).toContain('MongoDBTargets');
    const manifest = { DeltaTargets: [{ DeltaTables: ['s3://lake/d/'], WriteManifest: true }] };
    expect((await make({ Targets: manifest })).message).toContain('WriteManifest');
    expect((await make({ Schedule: 'daily' })).message).toContain('cron(');
  });
});
