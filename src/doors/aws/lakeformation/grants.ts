import type {
  BatchGrantPermissionsRequest,
  BatchPermissionsRequestEntry,
  BatchRevokePermissionsRequest,
  GrantPermissionsRequest,
  ListPermissionsRequest,
  PrincipalResourcePermissions,
  RevokePermissionsRequest,
} from '@aws-sdk/client-lakeformation';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError, toLochError } from '../../../core/errors.ts';
import type {
  BatchFailure,
  GrantRequest,
  LakeFormation,
  LakePermission,
  ListPermissionsQuery,
  PermissionEntry,
} from '../../../governance/contract.ts';
import type { OperationSpec } from '../service.ts';
import { assertOwnCatalog, readPermissions, readPrincipal, readResource, writeResource } from './resource-shape.ts';

type GrantShape = Pick<
  BatchPermissionsRequestEntry,
  'Principal' | 'Resource' | 'Permissions' | 'PermissionsWithGrantOption' | 'Condition'
>;

function requestOf(input: GrantShape, accountId: string): GrantRequest {
  if (input.Condition?.Expression !== undefined) {
    throw new LochError('unsupported', 'Conditions on grants are not supported.', {
      context: { argument: 'Condition' },
    });
  }
  return {
    principal: readPrincipal(input.Principal),
    resource: readResource(input.Resource, accountId),
    permissions: readPermissions(input.Permissions) as readonly LakePermission[],
    grantable: readPermissions(input.PermissionsWithGrantOption),
  };
}

/** Error names of a batch's failures. **Source**: Lake Formation API, `BatchPermissionsFailureEntry`. */
function failureShape(failure: { readonly error: unknown }, entry: BatchPermissionsRequestEntry) {
  const error = toLochError(failure.error);
  const names: Partial<Record<typeof error.code, string>> = {
    access_denied: 'AccessDeniedException',
    not_found: 'EntityNotFoundException',
    database_not_found: 'EntityNotFoundException',
    table_not_found: 'EntityNotFoundException',
    conflict: 'ConcurrentModificationException',
  };
  const ErrorCode = names[error.code] ?? (error.kind === 'user' ? 'InvalidInputException' : 'InternalServiceException');
  return { RequestEntry: entry, Error: { ErrorCode, ErrorMessage: error.message } };
}

type Batch = (
  context: RequestContext,
  entries: readonly (GrantRequest & { readonly id: string })[],
) => Promise<BatchFailure[]>;

function batchOperation(run: Batch): OperationSpec {
  return {
    async run(context, input: BatchGrantPermissionsRequest | BatchRevokePermissionsRequest) {
      assertOwnCatalog(input.CatalogId, context.accountId);
      const entries = input.Entries ?? [];
      // Ids are the caller's and may repeat; the place in the list does not.
      const failures: { readonly error: unknown; readonly at: number }[] = [];
      const requests: (GrantRequest & { readonly id: string })[] = [];
      for (const [at, entry] of entries.entries()) {
        try {
          requests.push({ ...requestOf(entry, context.accountId), id: String(at) });
        } catch (error) {
          failures.push({ error, at });
        }
      }
      if (requests.length > 0 || entries.length === 0) {
        for (const { id, error } of await run(context, requests)) failures.push({ error, at: Number(id) });
      }
      failures.sort((a, b) => a.at - b.at);
      return { Failures: failures.map((failure) => failureShape(failure, entries[failure.at]!)) };
    },
  };
}

const RESOURCE_TYPES: Readonly<Record<string, NonNullable<ListPermissionsQuery['resourceType']>>> = {
  CATALOG: 'catalog',
  DATABASE: 'database',
  TABLE: 'table',
  DATA_LOCATION: 'location',
};

function listQuery(input: ListPermissionsRequest, accountId: string): ListPermissionsQuery {
  assertOwnCatalog(input.CatalogId, accountId);
  const resourceType = input.ResourceType === undefined ? undefined : RESOURCE_TYPES[input.ResourceType];
  if (input.ResourceType !== undefined && resourceType === undefined) {
    throw new LochError(
      'unsupported',
      `ResourceType ${input.ResourceType} is not supported. Known: ${Object.keys(RESOURCE_TYPES).join(', ')}.`,
      { context: { argument: 'ResourceType' } },
    );
  }
  return {
    ...(input.Principal === undefined ? {} : { principal: readPrincipal(input.Principal) }),
    ...(input.Resource === undefined ? {} : { resource: readResource(input.Resource, accountId) }),
    ...(resourceType === undefined ? {} : { resourceType }),
    includeRelated: input.IncludeRelated?.toUpperCase() === 'TRUE',
    ...(input.MaxResults === undefined ? {} : { max: input.MaxResults }),
    ...(input.NextToken === undefined ? {} : { nextToken: input.NextToken }),
  };
}

function entryShape(entry: PermissionEntry, accountId: string): PrincipalResourcePermissions {
  return {
    Principal: { DataLakePrincipalIdentifier: entry.principal },
    Resource: writeResource(entry.resource, accountId),
    Permissions: [...entry.permissions],
    PermissionsWithGrantOption: [...entry.grantable],
    LastUpdated: new Date(entry.updatedAt),
    LastUpdatedBy: entry.grantedBy,
  };
}

/** The operations that grant, revoke and list. */
export function grantOperations(lake: LakeFormation): Readonly<Record<string, OperationSpec>> {
  return {
    GrantPermissions: {
      async run(context, input: GrantPermissionsRequest) {
        assertOwnCatalog(input.CatalogId, context.accountId);
        await lake.grant(context, requestOf(input, context.accountId));
        return {};
      },
      partial: 'no conditions, no LF-Tags, no other accounts',
    },
    RevokePermissions: {
      async run(context, input: RevokePermissionsRequest) {
        assertOwnCatalog(input.CatalogId, context.accountId);
        await lake.revoke(context, requestOf(input, context.accountId));
        return {};
      },
      partial: 'no conditions, no LF-Tags, no other accounts',
    },
    BatchGrantPermissions: batchOperation((context, entries) => lake.batchGrant(context, entries)),
    BatchRevokePermissions: batchOperation((context, entries) => lake.batchRevoke(context, entries)),
    ListPermissions: {
      readOnly: true,
      async run(context, input: ListPermissionsRequest) {
        const { entries, nextToken } = await lake.listPermissions(context, listQuery(input, context.accountId));
        return {
          PrincipalResourcePermissions: entries.map((entry) => entryShape(entry, context.accountId)),
          ...(nextToken === undefined ? {} : { NextToken: nextToken }),
        };
      },
    },
  };
}
