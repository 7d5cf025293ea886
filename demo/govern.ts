/** The analyst and what she may see: IAM for the doors, Lake Formation for rows, columns and masks. */
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  IAMClient,
  ListAccessKeysCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateDataCellsFilterCommand,
  GrantPermissionsCommand,
  LakeFormationClient,
} from '@aws-sdk/client-lakeformation';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RootKey } from '../src/cli/server-file.ts';
import type { Lake } from './lake.ts';

export const ANALYST = 'ines';
export const ANALYST_REGION = 'north';

const POLICY = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: [
        'athena:*',
        'glue:Get*',
        'glue:SearchTables',
        's3:GetObject',
        's3:ListBucket',
        's3:ListAllMyBuckets',
        'cloudtrail:LookupEvents',
        'lakeformation:GetDataAccess',
      ],
      Resource: '*',
    },
  ],
};

const ignoring =
  (...names: string[]) =>
  (error: { name?: string }) => {
    if (!names.includes(error.name ?? '')) throw error;
  };

/** Makes a service role that may read and write the raw zone, and keep tables of it. Returns its ARN. */
export async function makeRole(lake: Lake, name: string, service: string): Promise<string> {
  const iam = new IAMClient(lake.client.sdk);
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  };
  const access = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::raw/*' },
      { Effect: 'Allow', Action: ['s3:ListBucket'], Resource: 'arn:aws:s3:::raw' },
      { Effect: 'Allow', Action: ['glue:*'], Resource: '*' },
    ],
  };
  await iam
    .send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }))
    .catch(ignoring('EntityAlreadyExistsException', 'EntityAlreadyExists'));
  await iam.send(
    new PutRolePolicyCommand({ RoleName: name, PolicyName: 'raw-zone', PolicyDocument: JSON.stringify(access) }),
  );
  return `arn:aws:iam::${lake.server.accountId}:role/${name}`;
}

/** Makes the analyst with a key of hers, and keeps the key in the demo's folder. */
export async function makeAnalyst(lake: Lake, folder: string): Promise<RootKey> {
  const iam = () => new IAMClient(lake.client.sdk);
  await lake.through(() =>
    iam()
      .send(new CreateUserCommand({ UserName: ANALYST }))
      .catch(ignoring('EntityAlreadyExistsException', 'EntityAlreadyExists')),
  );
  await lake.through(() =>
    iam().send(
      new PutUserPolicyCommand({ UserName: ANALYST, PolicyName: 'query', PolicyDocument: JSON.stringify(POLICY) }),
    ),
  );
  const file = join(folder, 'analyst.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as RootKey;
  const { AccessKeyMetadata } = await lake.through(() => iam().send(new ListAccessKeysCommand({ UserName: ANALYST })));
  for (const old of AccessKeyMetadata ?? []) {
    await lake.through(() =>
      iam()
        .send(new DeleteAccessKeyCommand({ UserName: ANALYST, AccessKeyId: old.AccessKeyId! }))
        .catch(ignoring('NoSuchEntityException', 'NoSuchEntity')),
    );
  }
  const { AccessKey } = await lake.through(() => iam().send(new CreateAccessKeyCommand({ UserName: ANALYST })));
  const key = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
  writeFileSync(file, JSON.stringify(key), { mode: 0o600 });
  return key;
}

/** Lets a role keep the tables of a database. */
export async function grantDatabase(lake: Lake, role: string, database: string): Promise<void> {
  const grant = new GrantPermissionsCommand({
    Principal: { DataLakePrincipalIdentifier: role },
    Resource: { Database: { CatalogId: lake.server.accountId, Name: database } },
    Permissions: ['CREATE_TABLE', 'DESCRIBE', 'ALTER'],
  });
  await new LakeFormationClient(lake.client.sdk).send(grant);
}

/** Lets root read the tables that crawlers register in a database: administrators hold no SELECT of themselves. */
export async function grantRootTables(lake: Lake, database: string): Promise<void> {
  const grant = new GrantPermissionsCommand({
    Principal: { DataLakePrincipalIdentifier: `arn:aws:iam::${lake.server.accountId}:root` },
    Resource: { Table: { CatalogId: lake.server.accountId, DatabaseName: database, TableWildcard: {} } },
    Permissions: ['SELECT'],
  });
  await lake.through(() => new LakeFormationClient(lake.client.sdk).send(grant));
}

/** Grants the analyst her region's rows of the curated tables, e-mail masked, without the national id. */
export async function grantAnalyst(lake: Lake): Promise<void> {
  const lakeFormation = () => new LakeFormationClient(lake.client.sdk);
  const { accountId } = lake.server;
  for (const table of ['customer_360', 'cd_leads']) {
    const Name = `${ANALYST}_${table}`;
    await lake.through(() =>
      lakeFormation()
        .send(
          new CreateDataCellsFilterCommand({
            TableData: {
              TableCatalogId: accountId,
              DatabaseName: 'curated',
              TableName: table,
              Name,
              RowFilter: { FilterExpression: `/* loch:masks email=hash */ region = '${ANALYST_REGION}'` },
              ColumnWildcard: { ExcludedColumnNames: ['national_id'] },
            },
          }),
        )
        .catch(ignoring('AlreadyExistsException')),
    );
    await lake.through(() =>
      lakeFormation().send(
        new GrantPermissionsCommand({
          Principal: { DataLakePrincipalIdentifier: `arn:aws:iam::${accountId}:user/${ANALYST}` },
          Resource: { DataCellsFilter: { TableCatalogId: accountId, DatabaseName: 'curated', TableName: table, Name } },
          Permissions: ['SELECT'],
        }),
      ),
    );
  }
}
