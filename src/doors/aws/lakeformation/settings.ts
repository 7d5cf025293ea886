import type {
  DataLakeSettings,
  DeregisterResourceRequest,
  DescribeResourceRequest,
  GetDataLakeSettingsRequest,
  ListResourcesRequest,
  PrincipalPermissions,
  PutDataLakeSettingsRequest,
  RegisterResourceRequest,
  ResourceInfo,
} from '@aws-sdk/client-lakeformation';
import { LochError } from '../../../core/errors.ts';
import type { LakeFormation, LakeSettings, RegisteredLocation } from '../../../governance/contract.ts';
import type { OperationSpec } from '../service.ts';
import { assertOwnCatalog, readPermissions, readPrincipal } from './resource-shape.ts';

/** **Errors**: `unsupported` naming the first of `members` that asks for something. */
function refuseSet(shape: object, members: readonly string[]): void {
  for (const member of members) {
    const value = (shape as Readonly<Record<string, unknown>>)[member];
    const empty =
      value === undefined ||
      value === null ||
      value === false ||
      (typeof value === 'object' && Object.keys(value).length === 0);
    if (empty) continue;
    throw new LochError('unsupported', `${member} is not supported. Leave it out.`, { context: { argument: member } });
  }
}

const UNSUPPORTED_SETTINGS = [
  'Parameters',
  'TrustedResourceOwners',
  'AllowExternalDataFiltering',
  'AllowFullTableExternalDataAccess',
  'ExternalDataFilteringAllowList',
  'AuthorizedSessionTagValueList',
];

function readSettings(shape: DataLakeSettings | undefined): LakeSettings {
  const settings = shape ?? {};
  refuseSet(settings, UNSUPPORTED_SETTINGS);
  const defaults = (given: readonly PrincipalPermissions[] | undefined) =>
    (given ?? []).map(({ Principal, Permissions }) => ({
      principal: readPrincipal(Principal),
      permissions: readPermissions(Permissions),
    }));
  return {
    admins: (settings.DataLakeAdmins ?? []).map(readPrincipal),
    readOnlyAdmins: (settings.ReadOnlyAdmins ?? []).map(readPrincipal),
    databaseDefaults: defaults(settings.CreateDatabaseDefaultPermissions),
    tableDefaults: defaults(settings.CreateTableDefaultPermissions),
  };
}

function settingsShape(settings: LakeSettings): DataLakeSettings {
  const principal = (arn: string) => ({ DataLakePrincipalIdentifier: arn });
  const defaults = (given: LakeSettings['tableDefaults']): PrincipalPermissions[] =>
    given.map((entry) => ({ Principal: principal(entry.principal), Permissions: [...entry.permissions] }));
  return {
    DataLakeAdmins: settings.admins.map(principal),
    ReadOnlyAdmins: settings.readOnlyAdmins.map(principal),
    CreateDatabaseDefaultPermissions: defaults(settings.databaseDefaults),
    CreateTableDefaultPermissions: defaults(settings.tableDefaults),
    AllowExternalDataFiltering: false,
    AllowFullTableExternalDataAccess: false,
  };
}

const locationShape = (location: RegisteredLocation): ResourceInfo => ({
  ResourceArn: location.arn,
  ...(location.roleArn === undefined ? {} : { RoleArn: location.roleArn }),
  LastModified: new Date(location.registeredAt),
  WithFederation: false,
  HybridAccessEnabled: false,
});

/** The operations on data lake settings and registered locations. */
export function settingsOperations(lake: LakeFormation): Readonly<Record<string, OperationSpec>> {
  return {
    GetDataLakeSettings: {
      readOnly: true,
      async run(context, input: GetDataLakeSettingsRequest) {
        assertOwnCatalog(input.CatalogId, context.accountId);
        return { DataLakeSettings: settingsShape(await lake.getSettings(context)) };
      },
    },
    PutDataLakeSettings: {
      async run(context, input: PutDataLakeSettingsRequest) {
        assertOwnCatalog(input.CatalogId, context.accountId);
        await lake.putSettings(context, readSettings(input.DataLakeSettings));
        return {};
      },
      partial: 'administrators and default permissions; no external filtering, no session tags',
    },
    RegisterResource: {
      async run(context, input: RegisterResourceRequest) {
        refuseSet(input, [
          'WithFederation',
          'HybridAccessEnabled',
          'WithPrivilegedAccess',
          'ExpectedResourceOwnerAccount',
        ]);
        await lake.registerLocation(context, {
          arn: input.ResourceArn ?? '',
          ...(input.RoleArn === undefined ? {} : { roleArn: input.RoleArn }),
        });
        return {};
      },
      partial: 'no federation, no hybrid access',
    },
    DeregisterResource: {
      async run(context, input: DeregisterResourceRequest) {
        await lake.deregisterLocation(context, input.ResourceArn ?? '');
        return {};
      },
    },
    DescribeResource: {
      readOnly: true,
      async run(context, input: DescribeResourceRequest) {
        return { ResourceInfo: locationShape(await lake.describeLocation(context, input.ResourceArn ?? '')) };
      },
    },
    ListResources: {
      readOnly: true,
      async run(context, input: ListResourcesRequest) {
        refuseSet(input, ['FilterConditionList']);
        const { locations, nextToken } = await lake.listLocations(context, {
          ...(input.MaxResults === undefined ? {} : { max: input.MaxResults }),
          ...(input.NextToken === undefined ? {} : { nextToken: input.NextToken }),
        });
        return {
          ResourceInfoList: locations.map(locationShape),
          ...(nextToken === undefined ? {} : { NextToken: nextToken }),
        };
      },
      partial: 'no filter conditions',
    },
  };
}
