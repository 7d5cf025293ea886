/** The schema registry through the Glue door. */
import {
  CheckSchemaVersionValidityCommand,
  CreateDatabaseCommand,
  CreateRegistryCommand,
  CreateSchemaCommand,
  CreateTableCommand,
  DeleteRegistryCommand,
  DeleteSchemaCommand,
  DeleteSchemaVersionsCommand,
  GetRegistryCommand,
  GetSchemaByDefinitionCommand,
  GetSchemaCommand,
  GetSchemaVersionCommand,
  GetSchemaVersionsDiffCommand,
  GetTableCommand,
  GetTableVersionsCommand,
  GetTagsCommand,
  type GlueClient,
  ListRegistriesCommand,
  ListSchemasCommand,
  ListSchemaVersionsCommand,
  PutSchemaVersionMetadataCommand,
  QuerySchemaVersionMetadataCommand,
  RegisterSchemaVersionCommand,
  RemoveSchemaVersionMetadataCommand,
  UpdateRegistryCommand,
  UpdateSchemaCommand,
} from '@aws-sdk/client-glue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf, openGlueDoor } from '../../../testing/builders/glue-door.ts';
import { TEST_ACCOUNT } from '../../../testing/builders/request-context.ts';

let lake: Awaited<ReturnType<typeof openGlueDoor>>;
let glue: GlueClient;
beforeAll(async () => {
  lake = await openGlueDoor();
  ({ glue } = lake);
  await glue.send(new CreateRegistryCommand({ RegistryName: 'shop', Description: 'd', Tags: { team: 'a' } }));
});
afterAll(() => lake.close());

const avro = (...fields: readonly (readonly [string, string, unknown?])[]) =>
  JSON.stringify({
    type: 'record',
    name: 'Order',
    fields: fields.map(([name, type, fallback]) => ({
      name,
      type,
      ...(fallback === undefined ? {} : { default: fallback }),
    })),
  });
const v1 = avro(['id', 'long']);
const v2 = avro(['id', 'long'], ['note', 'string', '']);
const broken = avro(['id', 'long'], ['note', 'string', ''], ['price', 'double']);
const arnOf = (resource: string) => `arn:aws:glue:us-east-1:${TEST_ACCOUNT}:${resource}`;
const create = (SchemaName: string, SchemaDefinition: string | undefined, more: object = {}) =>
  glue.send(
    new CreateSchemaCommand({
      RegistryId: { RegistryName: 'shop' },
      SchemaName,
      DataFormat: 'AVRO',
      Compatibility: 'BACKWARD',
      SchemaDefinition,
      ...more,
    }),
  );
const idOf = (SchemaName: string) => ({ RegistryName: 'shop', SchemaName });
const register = (SchemaName: string, SchemaDefinition: string) =>
  glue.send(new RegisterSchemaVersionCommand({ SchemaId: idOf(SchemaName), SchemaDefinition }));

describe('registries', () => {
  it('are made, shown with their tags, changed and listed; the default one is there by itself', async () => {
    const shown = await glue.send(new GetRegistryCommand({ RegistryId: { RegistryArn: arnOf('registry/shop') } }));
    expect(shown).toMatchObject({ RegistryName: 'shop', Description: 'd', Status: 'AVAILABLE' });
    expect((await glue.send(new GetTagsCommand({ ResourceArn: arnOf('registry/shop') }))).Tags).toEqual({ team: 'a' });
    expect((await glue.send(new GetRegistryCommand({ RegistryId: {} }))).RegistryName).toBe('default-registry');
    await glue.send(new UpdateRegistryCommand({ RegistryId: { RegistryName: 'shop' }, Description: 'new' }));
    const { Registries } = await glue.send(new ListRegistriesCommand({}));
    expect(Registries?.map((one) => [one.RegistryName, one.Description])).toEqual([['shop', 'new']]);
    const again = glue.send(new CreateRegistryCommand({ RegistryName: 'shop' }));
    expect(await failureOf(again)).toMatchObject({ name: 'AlreadyExistsException' });
    const odd = glue.send(new CreateRegistryCommand({ RegistryName: 'a b' }));
    expect(await failureOf(odd)).toMatchObject({ name: 'InvalidInputException' });
  });
});

describe('schemas', () => {
  it('take versions that follow their mode; one that does not is kept as failed', async () => {
    const made = await create('orders', v1);
    expect(made).toMatchObject({
      SchemaVersionStatus: 'AVAILABLE',
      LatestSchemaVersion: 1,
      NextSchemaVersion: 2,
      SchemaCheckpoint: 1,
    });
    expect(await register('orders', v2)).toMatchObject({ VersionNumber: 2, Status: 'AVAILABLE' });
    const failed = await register('orders', broken);
    expect(failed).toMatchObject({ VersionNumber: 3, Status: 'FAILURE' });
    const spread = JSON.stringify(JSON.parse(v2), null, 4);
    expect(await register('orders', spread)).toMatchObject({ VersionNumber: 2 });
    const schema = await glue.send(new GetSchemaCommand({ SchemaId: { SchemaArn: made.SchemaArn } }));
    expect(schema).toMatchObject({
      LatestSchemaVersion: 2,
      NextSchemaVersion: 4,
      Compatibility: 'BACKWARD',
      DataFormat: 'AVRO',
    });
    const byDefinition = await glue.send(
      new GetSchemaByDefinitionCommand({ SchemaId: idOf('orders'), SchemaDefinition: spread }),
    );
    const latest = await glue.send(
      new GetSchemaVersionCommand({ SchemaId: idOf('orders'), SchemaVersionNumber: { LatestVersion: true } }),
    );
    expect(latest).toMatchObject({
      VersionNumber: 2,
      SchemaDefinition: v2,
      SchemaVersionId: byDefinition.SchemaVersionId,
    });
    const byId = await glue.send(new GetSchemaVersionCommand({ SchemaVersionId: failed.SchemaVersionId }));
    expect(byId).toMatchObject({ VersionNumber: 3, Status: 'FAILURE', SchemaDefinition: broken });
    const { Schemas } = await glue.send(new ListSchemaVersionsCommand({ SchemaId: idOf('orders'), MaxResults: 2 }));
    expect(Schemas?.map((one) => one.VersionNumber)).toEqual([1, 2]);
    const absent = glue.send(
      new GetSchemaByDefinitionCommand({ SchemaId: idOf('orders'), SchemaDefinition: avro(['x', 'int']) }),
    );
    expect(await failureOf(absent)).toMatchObject({ name: 'EntityNotFoundException' });
  });

  it.each([
    ['NONE', avro(['other', 'string']), 'AVAILABLE'],
    ['DISABLED', v2, 'FAILURE'],
    ['BACKWARD', v2, 'AVAILABLE'],
    ['BACKWARD', avro(['id', 'long'], ['n', 'int']), 'FAILURE'],
    ['FORWARD', avro(['id', 'long'], ['n', 'int']), 'AVAILABLE'],
    ['FORWARD', avro(['n', 'int', 0]), 'FAILURE'],
    ['FULL', v2, 'AVAILABLE'],
    ['FULL', avro(['id', 'long'], ['n', 'int']), 'FAILURE'],
    ['FULL', avro(['id', 'double']), 'FAILURE'],
  ] as const)('of mode %s answer the version %s with %s', async (Compatibility, definition, status) => {
    await create('mode', v1, { Compatibility });
    expect((await register('mode', definition)).Status).toBe(status);
    await glue.send(new DeleteSchemaCommand({ SchemaId: idOf('mode') }));
  });

  it('of a mode for all versions are compared with every one since the checkpoint', async () => {
    const a = avro(['id', 'long'], ['old', 'string']);
    const b = avro(['id', 'long']);
    const c = avro(['id', 'long'], ['old', 'int', 0]); // reads b, not a
    for (const [mode, status] of [
      ['BACKWARD', 'AVAILABLE'],
      ['BACKWARD_ALL', 'FAILURE'],
    ] as const) {
      await create('all', a, { Compatibility: mode });
      expect((await register('all', b)).Status).toBe('AVAILABLE');
      expect((await register('all', c)).Status).toBe(status);
      if (status === 'FAILURE') {
        await glue.send(
          new UpdateSchemaCommand({
            SchemaId: idOf('all'),
            Compatibility: mode,
            SchemaVersionNumber: { VersionNumber: 2 },
          }),
        );
        expect((await glue.send(new GetSchemaCommand({ SchemaId: idOf('all') }))).SchemaCheckpoint).toBe(2);
        expect((await register('all', c)).Status).toBe('AVAILABLE');
      }
      await glue.send(new DeleteSchemaCommand({ SchemaId: idOf('all') }));
    }
  });

  it('of every format are checked, and say why they cannot be read', async () => {
    const check = (DataFormat: 'AVRO' | 'JSON' | 'PROTOBUF', SchemaDefinition: string) =>
      glue.send(new CheckSchemaVersionValidityCommand({ DataFormat, SchemaDefinition }));
    expect(await check('AVRO', v1)).toMatchObject({ Valid: true });
    expect(await check('JSON', '{"type":"object"}')).toMatchObject({ Valid: true });
    expect(await check('PROTOBUF', 'message M { optional int32 a = 1; }')).toMatchObject({ Valid: true });
    expect(await check('PROTOBUF', 'message M { optional int32 a = 1 }')).toMatchObject({
      Valid: false,
      Error: expect.stringContaining('line 1'),
    });
    expect(await failureOf(create('bad', '{'))).toMatchObject({ name: 'InvalidInputException' });
    const long = `"${'x'.repeat(170_001)}"`;
    expect((await check('JSON', long)).Error).toContain('170000');
  });

  it('show what changed between two versions as a JSON Patch', async () => {
    const { Diff } = await glue.send(
      new GetSchemaVersionsDiffCommand({
        SchemaId: idOf('orders'),
        FirstSchemaVersionNumber: { VersionNumber: 1 },
        SecondSchemaVersionNumber: { LatestVersion: true },
        SchemaDiffType: 'SYNTAX_DIFF',
      }),
    );
    expect(JSON.parse(Diff!)).toEqual([
      { op: 'add', path: '/fields/-', value: { name: 'note', type: 'string', default: '' } },
    ]);
  });

  it('keep metadata with their versions', async () => {
    const choice = { SchemaId: idOf('orders'), SchemaVersionNumber: { VersionNumber: 1 } };
    const put = (MetadataKey: string, MetadataValue: string) =>
      glue.send(new PutSchemaVersionMetadataCommand({ ...choice, MetadataKeyValue: { MetadataKey, MetadataValue } }));
    expect(await put('owner', 'ana')).toMatchObject({ VersionNumber: 1, MetadataKey: 'owner', RegistryName: 'shop' });
    await put('owner', 'ben');
    await put('stage', 'test');
    expect(await failureOf(put('stage', 'test'))).toMatchObject({ name: 'AlreadyExistsException' });
    const all = await glue.send(new QuerySchemaVersionMetadataCommand(choice));
    expect(Object.keys(all.MetadataInfoMap!)).toEqual(['owner', 'stage']);
    expect(
      [
        all.MetadataInfoMap!.owner!.MetadataValue,
        all.MetadataInfoMap!.owner!.OtherMetadataValueList![0]!.MetadataValue,
      ].sort(),
    ).toEqual(['ana', 'ben']);
    await glue.send(
      new RemoveSchemaVersionMetadataCommand({
        ...choice,
        MetadataKeyValue: { MetadataKey: 'stage', MetadataValue: 'test' },
      }),
    );
    const some = await glue.send(
      new QuerySchemaVersionMetadataCommand({ ...choice, MetadataList: [{ MetadataKey: 'stage' }] }),
    );
    expect(some.MetadataInfoMap).toEqual({});
    for (let i = 0; i < 8; i++) await put(`k${i}`, 'x');
    expect(await failureOf(put('over', 'x'))).toMatchObject({ name: 'ResourceNumberLimitExceededException' });
  });

  it('lose versions but for their checkpoint', async () => {
    const { SchemaVersionErrors } = await glue.send(
      new DeleteSchemaVersionsCommand({ SchemaId: idOf('orders'), Versions: '1-2, 9' }),
    );
    expect(SchemaVersionErrors).toMatchObject([
      { VersionNumber: 1, ErrorDetails: { ErrorCode: 'InvalidInputException' } },
      { VersionNumber: 9, ErrorDetails: { ErrorCode: 'EntityNotFoundException' } },
    ]);
    expect((await glue.send(new GetSchemaCommand({ SchemaId: idOf('orders') }))).LatestSchemaVersion).toBe(1);
    const odd = glue.send(new DeleteSchemaVersionsCommand({ SchemaId: idOf('orders'), Versions: '5-2' }));
    expect(await failureOf(odd)).toMatchObject({ name: 'InvalidInputException' });
  });

  it('are listed in pages and deleted with their registry', async () => {
    await create('zeta', undefined, { DataFormat: 'JSON', RegistryId: undefined });
    const names = async (input: object) =>
      (await glue.send(new ListSchemasCommand(input))).Schemas?.map((one) => `${one.RegistryName}/${one.SchemaName}`);
    expect(await names({})).toEqual(['default-registry/zeta', 'shop/orders']);
    expect(await names({ RegistryId: { RegistryName: 'shop' } })).toEqual(['shop/orders']);
    const first = await glue.send(new ListSchemasCommand({ MaxResults: 1 }));
    expect(await names({ MaxResults: 1, NextToken: first.NextToken })).toEqual(['shop/orders']);
  });

  it('are refused to who may not, and hidden in listings', async () => {
    const other = await lake.user('eve', {
      Effect: 'Allow',
      Action: 'glue:ListSchemas',
      Resource: arnOf('registry/*'),
    });
    expect((await other.send(new ListSchemasCommand({}))).Schemas).toEqual([]);
    const denied = other.send(new GetSchemaCommand({ SchemaId: idOf('orders') }));
    expect(await failureOf(denied)).toMatchObject({ name: 'AccessDeniedException' });
  });
});

describe('a table that refers to a schema', () => {
  it('has its columns, and follows its next version as a version of its own', async () => {
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'd' } }));
    const table = (Name: string, SchemaReference: object, Columns?: { Name: string; Type: string }[]) =>
      glue.send(
        new CreateTableCommand({
          DatabaseName: 'd',
          TableInput: {
            Name,
            StorageDescriptor: {
              Location: `s3://lake/${Name}/`,
              SchemaReference,
              ...(Columns === undefined ? {} : { Columns }),
            },
          },
        }),
      );
    const columns = async (Name: string) =>
      (await glue.send(new GetTableCommand({ DatabaseName: 'd', Name }))).Table?.StorageDescriptor?.Columns?.map(
        (c) => `${c.Name} ${c.Type}`,
      );
    await table('follows', { SchemaId: idOf('orders') });
    await table('fixed', { SchemaId: idOf('orders'), SchemaVersionNumber: 1 });
    expect(await columns('follows')).toEqual(['id bigint']);
    const given = table('both', { SchemaId: idOf('orders') }, [{ Name: 'a', Type: 'int' }]);
    expect(await failureOf(given)).toMatchObject({ name: 'InvalidInputException' });
    await register('orders', v2);
    expect(await columns('follows')).toEqual(['id bigint', 'note string']);
    expect(await columns('fixed')).toEqual(['id bigint']);
    await register('orders', broken);
    expect(await columns('follows')).toEqual(['id bigint', 'note string']);
    const { TableVersions } = await glue.send(new GetTableVersionsCommand({ DatabaseName: 'd', TableName: 'follows' }));
    expect(TableVersions?.map((one) => one.VersionId)).toEqual(['1', '0']);
    expect(TableVersions?.[0]?.Table?.StorageDescriptor?.SchemaReference).toEqual({ SchemaId: idOf('orders') });
  });

  it('goes on without its registry', async () => {
    await glue.send(new DeleteRegistryCommand({ RegistryId: { RegistryName: 'shop' } }));
    const { Table } = await glue.send(new GetTableCommand({ DatabaseName: 'd', Name: 'follows' }));
    expect(Table?.StorageDescriptor?.Columns).toHaveLength(2);
    const gone = glue.send(new GetSchemaCommand({ SchemaId: idOf('orders') }));
    expect(await failureOf(gone)).toMatchObject({ name: 'EntityNotFoundException' });
  });
});
