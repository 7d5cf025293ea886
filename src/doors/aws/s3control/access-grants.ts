/** Access grants. **Source**: Amazon S3 Control API Reference, "CreateAccessGrant", "GetDataAccess". */
import type {
  CreateAccessGrantRequest,
  CreateAccessGrantsLocationRequest,
  GetDataAccessRequest,
  ListAccessGrantsRequest,
  ListAccessGrantsLocationsRequest,
  ListCallerAccessGrantsRequest,
} from '@aws-sdk/client-s3-control';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type {
  AccessGrants,
  GrantPermission,
  GrantsInstance,
  GrantsLocation,
  PrefixGrant,
} from '../../../storage/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { assertAccount } from './account.ts';

const DEFAULT_SECONDS = 3600;
const MAX_PAGE = 1000;
const PERMISSIONS = ['READ', 'WRITE', 'READWRITE'] as const;

interface Named {
  readonly AccountId?: string | undefined;
  readonly AccessGrantId?: string | undefined;
  readonly AccessGrantsLocationId?: string | undefined;
}

function permissionOf(text: string | undefined): GrantPermission {
  const found = PERMISSIONS.find((each) => each === text);
  if (found !== undefined) return found;
  throw new LochError('invalid_argument', `\`Permission\` is \`${text ?? ''}\`. Known: ${PERMISSIONS.join(', ')}.`);
}

/** **Errors**: `unsupported` for the users and groups of a directory, which the lake has not. */
function granteeOf(grantee: CreateAccessGrantRequest['Grantee']): string {
  if (grantee?.GranteeType === 'IAM') return grantee.GranteeIdentifier ?? '';
  throw new LochError(
    'unsupported',
    `Grantees of the type \`${grantee?.GranteeType ?? ''}\` are not supported: Loch has no directory of an Identity Center. Known: IAM, with the ARN of a user or role.`,
  );
}

const arnOf = ({ region }: RequestContext, accountId: string, resource: string): string =>
  `arn:aws:s3:${region}:${accountId}:access-grants/default${resource}`;

const instanceShape = (context: RequestContext, { accountId, createdAt }: GrantsInstance) => ({
  CreatedAt: new Date(createdAt),
  AccessGrantsInstanceId: 'default',
  AccessGrantsInstanceArn: arnOf(context, accountId, ''),
});

const locationShape = (context: RequestContext, location: GrantsLocation) => ({
  CreatedAt: new Date(location.createdAt),
  AccessGrantsLocationId: location.id,
  AccessGrantsLocationArn: arnOf(context, location.accountId, `/location/${location.id}`),
  LocationScope: location.scope,
  IAMRoleArn: location.roleArn,
});

const grantShape = (context: RequestContext, grant: PrefixGrant) => ({
  CreatedAt: new Date(grant.createdAt),
  AccessGrantId: grant.id,
  AccessGrantArn: arnOf(context, grant.accountId, `/grant/${grant.id}`),
  Grantee: { GranteeType: 'IAM', GranteeIdentifier: grant.grantee },
  AccessGrantsLocationId: grant.locationId,
  AccessGrantsLocationConfiguration: { S3SubPrefix: grant.subPrefix },
  Permission: grant.permission,
  GrantScope: grant.scope,
});

/** The page after a token, which is the number of entries before it. */
function paged<T>(all: readonly T[], token: string | undefined, max = MAX_PAGE) {
  const from = Number(token ?? 0) || 0;
  const until = from + Math.min(max, MAX_PAGE);
  return { page: all.slice(from, until), ...(until < all.length ? { NextToken: String(until) } : {}) };
}

/** The operations of access grants. */
export function accessGrantOperations(grants: AccessGrants): AwsServiceDoor['operations'] {
  const readOnly = true;
  return {
    CreateAccessGrantsInstance: {
      async run(context, input: Named & { readonly IdentityCenterArn?: string }) {
        assertAccount(context, input);
        if (input.IdentityCenterArn !== undefined) {
          throw new LochError('unsupported', '`IdentityCenterArn` is not supported by Loch. Leave it out.');
        }
        return instanceShape(context, await grants.createInstance(context));
      },
      partial: 'IdentityCenterArn is refused by name',
    },
    GetAccessGrantsInstance: {
      readOnly,
      async run(context, input: Named) {
        assertAccount(context, input);
        return instanceShape(context, await grants.instance(context));
      },
    },
    DeleteAccessGrantsInstance: {
      async run(context, input: Named) {
        assertAccount(context, input);
        await grants.deleteInstance(context);
        return {};
      },
    },
    CreateAccessGrantsLocation: {
      async run(context, input: CreateAccessGrantsLocationRequest) {
        assertAccount(context, input);
        return locationShape(context, await grants.createLocation(context, input.LocationScope!, input.IAMRoleArn!));
      },
    },
    GetAccessGrantsLocation: {
      readOnly,
      async run(context, input: Named) {
        assertAccount(context, input);
        return locationShape(context, await grants.location(context, input.AccessGrantsLocationId!));
      },
    },
    ListAccessGrantsLocations: {
      readOnly,
      async run(context, input: ListAccessGrantsLocationsRequest) {
        assertAccount(context, input);
        const all = await grants.locations(context, input.LocationScope);
        const { page, ...next } = paged(all, input.NextToken, input.MaxResults);
        return { ...next, AccessGrantsLocationsList: page.map((each) => locationShape(context, each)) };
      },
    },
    DeleteAccessGrantsLocation: {
      async run(context, input: Named) {
        assertAccount(context, input);
        await grants.deleteLocation(context, input.AccessGrantsLocationId!);
        return {};
      },
    },
    CreateAccessGrant: {
      async run(context, input: CreateAccessGrantRequest) {
        assertAccount(context, input);
        const subPrefix = input.AccessGrantsLocationConfiguration?.S3SubPrefix;
        const grant = await grants.createGrant(context, {
          locationId: input.AccessGrantsLocationId!,
          ...(subPrefix === undefined ? {} : { subPrefix }),
          grantee: granteeOf(input.Grantee),
          permission: permissionOf(input.Permission),
          isObject: input.S3PrefixType === 'Object',
        });
        return grantShape(context, grant);
      },
      partial: 'grantees are IAM users and roles; ApplicationArn is passed over',
    },
    GetAccessGrant: {
      readOnly,
      async run(context, input: Named) {
        assertAccount(context, input);
        return grantShape(context, await grants.grant(context, input.AccessGrantId!));
      },
    },
    ListAccessGrants: {
      readOnly,
      async run(context, input: ListAccessGrantsRequest) {
        assertAccount(context, input);
        const all = await grants.grants(context, {
          ...(input.GranteeIdentifier === undefined ? {} : { grantee: input.GranteeIdentifier }),
          ...(input.Permission === undefined ? {} : { permission: input.Permission }),
          ...(input.GrantScope === undefined ? {} : { scope: input.GrantScope }),
        });
        const { page, ...next } = paged(all, input.NextToken, input.MaxResults);
        return { ...next, AccessGrantsList: page.map((each) => grantShape(context, each)) };
      },
    },
    DeleteAccessGrant: {
      async run(context, input: Named) {
        assertAccount(context, input);
        await grants.deleteGrant(context, input.AccessGrantId!);
        return {};
      },
    },
    ListCallerAccessGrants: {
      readOnly,
      async run(context, input: ListCallerAccessGrantsRequest) {
        assertAccount(context, input);
        const all = await grants.callerGrants(context, input.GrantScope);
        const { page, ...next } = paged(all, input.NextToken, input.MaxResults);
        const CallerAccessGrantsList = page.map(({ permission, scope }) => ({
          Permission: permission,
          GrantScope: scope,
          ApplicationArn: 'ALL',
        }));
        return { ...next, CallerAccessGrantsList };
      },
    },
    GetDataAccess: {
      redact: ['SecretAccessKey', 'SessionToken'],
      async run(context, input: GetDataAccessRequest) {
        assertAccount(context, input);
        const access = await grants.dataAccess(context, {
          target: input.Target!,
          permission: permissionOf(input.Permission),
          durationSeconds: input.DurationSeconds ?? DEFAULT_SECONDS,
          minimal: input.Privilege === 'Minimal',
          isObject: input.TargetType === 'Object',
        });
        return {
          Credentials: {
            AccessKeyId: access.accessKeyId,
            SecretAccessKey: access.secret.reveal(),
            SessionToken: access.sessionToken.reveal(),
            Expiration: new Date(access.expiresAt),
          },
          MatchedGrantTarget: access.matchedScope,
          Grantee: { GranteeType: 'IAM', GranteeIdentifier: access.grantee },
        };
      },
    },
  };
}
