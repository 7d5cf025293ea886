import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import * as lf from '@aws-sdk/client-lakeformation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { createEventBus } from '../../../core/events.ts';
import { openTestLake, TEST_ACCOUNT, type TestLake } from '../../../testing/builders/test-lake.ts';
import { cloudtrailService } from '../cloudtrail/service.ts';
import { createAwsDoor } from '../index.ts';
import { lakeformationService } from './service.ts';

const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'region', type: 'string' },
  { name: 'email', type: 'string' },
];
const ANN = { DataLakePrincipalIdentifier: `arn:aws:iam::${TEST_ACCOUNT}:user/ann` };
const ORDERS = { DatabaseName: 'sales', Name: 'orders' };
let lake: TestLake;
let root: lf.LakeFormationClient;
let ann: lf.LakeFormationClient;
let rootTrail: CloudTrailClient;
let annTrail: CloudTrailClient;
let closeServer = () => {};

beforeAll(async () => {
  lake = await openTestLake();
  const { governance } = lake;
  await lake.createDatabase(lake.root, 'sales');
  await lake.createTable(lake.root, 'sales.orders', COLUMNS);
  await lake.user('ann', { Effect: 'Allow', Action: 'lakeformation:*', Resource: '*' });
  const door = createAwsDoor({
    services: [lakeformationService(governance.grants), cloudtrailService(governance.trail)],
    identities: governance.identities,
    audit: governance.audit,
    events: createEventBus((error) => {
      throw error;
    }),
    clock: systemClock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
  });
  const server = createServer((request, response) => void door(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeServer = () => {
    server.closeAllConnections();
    server.close();
  };
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rootKey = await governance.ensureRootKey();
  const annKey = await governance.identity.createAccessKey(lake.root, 'ann');
  const [asRoot, asAnn] = [rootKey, annKey].map((key) => ({
    region: 'us-east-1',
    endpoint,
    maxAttempts: 1,
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() },
  }));
  root = new lf.LakeFormationClient(asRoot!);
  ann = new lf.LakeFormationClient(asAnn!);
  rootTrail = new CloudTrailClient(asRoot!);
  annTrail = new CloudTrailClient(asAnn!);
});
afterAll(async () => {
  closeServer();
  await lake.close();
});

describe('Lake Formation by the official client', () => {
  it('reads and puts settings', async () => {
    const { DataLakeSettings } = await root.send(new lf.GetDataLakeSettingsCommand({}));
    expect(DataLakeSettings).toMatchObject({
      DataLakeAdmins: [{ DataLakePrincipalIdentifier: `arn:aws:iam::${TEST_ACCOUNT}:root` }],
      CreateTableDefaultPermissions: [],
    });
    await root.send(new lf.PutDataLakeSettingsCommand({ DataLakeSettings }));
    await expect(
      root.send(new lf.PutDataLakeSettingsCommand({ DataLakeSettings: { DataLakeAdmins: [] } })),
    ).rejects.toMatchObject({ name: 'InvalidInputException', message: expect.stringContaining('last data lake') });
    await expect(
      root.send(
        new lf.PutDataLakeSettingsCommand({
          DataLakeSettings: { ...DataLakeSettings, AllowExternalDataFiltering: true },
        }),
      ),
    ).rejects.toThrow(/AllowExternalDataFiltering is not supported/);
    await expect(ann.send(new lf.PutDataLakeSettingsCommand({ DataLakeSettings }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  it('registers, describes, lists and deregisters locations', async () => {
    const ResourceArn = 'arn:aws:s3:::lake/data';
    await root.send(new lf.RegisterResourceCommand({ ResourceArn, UseServiceLinkedRole: true }));
    await expect(
      root.send(new lf.RegisterResourceCommand({ ResourceArn, UseServiceLinkedRole: true })),
    ).rejects.toMatchObject({ name: 'AlreadyExistsException' });
    const { ResourceInfo } = await root.send(new lf.DescribeResourceCommand({ ResourceArn }));
    expect(ResourceInfo?.ResourceArn).toBe(ResourceArn);
    await root.send(
      new lf.RegisterResourceCommand({ ResourceArn: 'arn:aws:s3:::other', RoleArn: 'arn:aws:iam::1:role/r' }),
    );
    const first = await root.send(new lf.ListResourcesCommand({ MaxResults: 1 }));
    const second = await root.send(new lf.ListResourcesCommand({ MaxResults: 1, NextToken: first.NextToken }));
    expect([first, second].flatMap((page) => page.ResourceInfoList!.map((info) => info.ResourceArn))).toEqual([
      ResourceArn,
      'arn:aws:s3:::other',
    ]);
    expect(second.NextToken).toBeUndefined();
    await root.send(new lf.DeregisterResourceCommand({ ResourceArn }));
    await expect(root.send(new lf.DescribeResourceCommand({ ResourceArn }))).rejects.toMatchObject({
      name: 'EntityNotFoundException',
    });
  });

  it('grants, lists and revokes on each kind of resource', async () => {
    const table = { CatalogId: TEST_ACCOUNT, DatabaseName: 'sales' };
    const resources: [lf.Resource, lf.Permission][] = [
      [{ Catalog: {} }, 'CREATE_DATABASE'],
      [{ Database: { CatalogId: TEST_ACCOUNT, Name: 'sales' } }, 'CREATE_TABLE'],
      [{ Table: { ...table, Name: 'orders' } }, 'INSERT'],
      [{ Table: { ...table, TableWildcard: {} } }, 'DESCRIBE'],
      [{ TableWithColumns: { ...table, Name: 'orders', ColumnNames: ['id'] } }, 'SELECT'],
      [
        { TableWithColumns: { ...table, Name: 'orders', ColumnWildcard: { ExcludedColumnNames: ['email'] } } },
        'SELECT',
      ],
    ];
    for (const [Resource, permission] of resources) {
      const grant = { Principal: ANN, Resource, Permissions: [permission], PermissionsWithGrantOption: [permission] };
      await root.send(new lf.GrantPermissionsCommand(grant));
      const { PrincipalResourcePermissions: held } = await root.send(
        new lf.ListPermissionsCommand({ Principal: ANN, Resource }),
      );
      expect(held).toMatchObject([
        { Principal: ANN, Resource, Permissions: [permission], PermissionsWithGrantOption: [permission] },
      ]);
      await root.send(new lf.RevokePermissionsCommand({ Principal: ANN, Resource, Permissions: [permission] }));
    }
    expect((await root.send(new lf.ListPermissionsCommand({ Principal: ANN }))).PrincipalResourcePermissions).toEqual(
      [],
    );
  });

  it('names what is wrong with a grant', async () => {
    const grant =
      (Resource: lf.Resource, permission: lf.Permission = 'SELECT', client = root) =>
      () =>
        client.send(new lf.GrantPermissionsCommand({ Principal: ANN, Resource, Permissions: [permission] }));
    const failures: [() => Promise<unknown>, string, RegExp][] = [
      [grant({ Table: ORDERS }, 'CREATE_TABLE'), 'InvalidInputException', /Valid there: ALTER, DELETE/],
      [grant({ Table: { DatabaseName: 'sales', Name: 'none' } }), 'EntityNotFoundException', /does not exist/],
      [grant({ Table: ORDERS, Database: { Name: 'sales' } }), 'InvalidInputException', /exactly one resource/],
      [grant({ Table: ORDERS }, 'SELECT', ann), 'AccessDeniedException', /grant option/],
      [grant({ Table: { ...ORDERS, CatalogId: '999999999999' } }), 'UnsupportedOperationException', /other accounts/],
      [grant({ LFTag: { TagKey: 'a', TagValues: ['b'] } }, 'DESCRIBE'), 'UnsupportedOperationException', /LF-Tags/],
    ];
    for (const [failure, name, message] of failures) {
      await expect(failure()).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
    }
  });

  it('runs batches entry by entry', async () => {
    const entry = (Id: string, Name: string) => ({
      Id,
      Principal: ANN,
      Resource: { Table: { DatabaseName: 'sales', Name } },
      Permissions: ['SELECT' as const],
    });
    const Entries = [entry('1', 'orders'), entry('2', 'none'), { ...entry('3', 'orders'), Resource: {} }];
    const { Failures } = await root.send(new lf.BatchGrantPermissionsCommand({ Entries }));
    expect(Failures?.map((failure) => [failure.RequestEntry?.Id, failure.Error?.ErrorCode])).toEqual([
      ['2', 'EntityNotFoundException'],
      ['3', 'InvalidInputException'],
    ]);
    const revoked = await root.send(new lf.BatchRevokePermissionsCommand({ Entries: Entries.slice(0, 1) }));
    expect(revoked.Failures).toEqual([]);
  });

  it('keeps filters with their masks in the expression header', async () => {
    const name = { TableCatalogId: TEST_ACCOUNT, DatabaseName: 'sales', TableName: 'orders', Name: 'north' };
    const FilterExpression = "/* loch:masks email=hash */ region = 'north'";
    await root.send(
      new lf.CreateDataCellsFilterCommand({
        TableData: { ...name, RowFilter: { FilterExpression }, ColumnWildcard: { ExcludedColumnNames: ['id'] } },
      }),
    );
    const { DataCellsFilter } = await root.send(new lf.GetDataCellsFilterCommand(name));
    expect(DataCellsFilter).toMatchObject({
      ...name,
      RowFilter: { FilterExpression },
      ColumnWildcard: { ExcludedColumnNames: ['id'] },
    });
    await root.send(
      new lf.UpdateDataCellsFilterCommand({
        TableData: {
          ...name,
          RowFilter: { AllRowsWildcard: {} },
          ColumnNames: ['region'],
          VersionId: DataCellsFilter!.VersionId,
        },
      }),
    );
    const { DataCellsFilters } = await root.send(new lf.ListDataCellsFilterCommand({ Table: ORDERS }));
    expect(DataCellsFilters).toMatchObject([{ RowFilter: { AllRowsWildcard: {} }, ColumnNames: ['region'] }]);
    await expect(
      root.send(
        new lf.UpdateDataCellsFilterCommand({
          TableData: {
            ...name,
            RowFilter: { AllRowsWildcard: {} },
            ColumnWildcard: {},
            VersionId: DataCellsFilter!.VersionId,
          },
        }),
      ),
    ).rejects.toMatchObject({ name: 'ConcurrentModificationException' });
    await expect(
      root.send(
        new lf.CreateDataCellsFilterCommand({
          TableData: { ...name, Name: 'bad', RowFilter: { FilterExpression: 'regio = 1' }, ColumnWildcard: {} },
        }),
      ),
    ).rejects.toMatchObject({ name: 'InvalidInputException', message: expect.stringContaining('character 1') });
    await root.send(new lf.DeleteDataCellsFilterCommand(name));
    expect((await root.send(new lf.ListDataCellsFilterCommand({}))).DataCellsFilters).toEqual([]);
  });
});

describe('LookupEvents by the official client', () => {
  it('shows the calls and refusals above to root, and nothing to others', async () => {
    const { Events } = await rootTrail.send(
      new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: 'Username', AttributeValue: 'ann' }] }),
    );
    const refused = Events!.find((event) => event.EventName === 'GrantPermissions')!;
    expect(refused).toMatchObject({ EventSource: 'lakeformation.amazonaws.com', Username: 'ann', ReadOnly: 'false' });
    expect(JSON.parse(refused.CloudTrailEvent!)).toMatchObject({
      eventVersion: '1.11',
      errorCode: 'AccessDenied',
      userIdentity: { type: 'IAMUser', userName: 'ann' },
    });
    expect(refused.EventTime).toBeInstanceOf(Date);
    await expect(annTrail.send(new LookupEventsCommand({}))).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('answers clients that write the target with its package, as boto3 does', async () => {
    const command = new LookupEventsCommand({ MaxResults: 1 });
    command.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers['x-amz-target'] = 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents';
        return next(args);
      },
      { step: 'build', priority: 'low' },
    );
    expect((await rootTrail.send(command)).Events).toHaveLength(1);
  });

  it('pages, and finds by time', async () => {
    const first = await rootTrail.send(new LookupEventsCommand({ MaxResults: 2 }));
    const second = await rootTrail.send(new LookupEventsCommand({ MaxResults: 2, NextToken: first.NextToken }));
    const ids = [...first.Events!, ...second.Events!].map((event) => event.EventId);
    expect(new Set(ids).size).toBe(4);
    const now = await rootTrail.send(
      new LookupEventsCommand({ StartTime: new Date(Date.now() - 60_000), EndTime: new Date() }),
    );
    expect(now.Events!.length).toBeGreaterThan(10);
    expect((await rootTrail.send(new LookupEventsCommand({ EndTime: new Date(0) }))).Events).toEqual([]);
  });

  it.each([
    [{ LookupAttributes: [{ AttributeKey: 'Nope', AttributeValue: 'x' }] }, 'InvalidLookupAttributesException'],
    [{ MaxResults: 51 }, 'InvalidMaxResultsException'],
    [{ NextToken: 'x' }, 'InvalidNextTokenException'],
    [{ StartTime: new Date(2_000_000), EndTime: new Date(1_000_000) }, 'InvalidTimeRangeException'],
    [{ EventCategory: 'insight' }, 'InvalidEventCategoryException'],
  ])('refuses %o', async (input, name) => {
    await expect(rootTrail.send(new LookupEventsCommand(input as never))).rejects.toMatchObject({ name });
  });
});
