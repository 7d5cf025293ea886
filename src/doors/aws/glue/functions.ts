import type {
  CreateUserDefinedFunctionRequest,
  DeleteUserDefinedFunctionRequest,
  GetUserDefinedFunctionRequest,
  GetUserDefinedFunctionResponse,
  GetUserDefinedFunctionsRequest,
  GetUserDefinedFunctionsResponse,
  UpdateUserDefinedFunctionRequest,
  UserDefinedFunction,
  UserDefinedFunctionInput,
} from '@aws-sdk/client-glue';
import type { Catalog, FunctionInput, FunctionRecord } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { checkCatalog, isTexts, pageSize, positionOf, tokenOf } from './pages.ts';

const PAGE = 100;

/** **Errors**: `unsupported` naming a member that would not be heeded. */
function toFunction(given: UserDefinedFunctionInput): FunctionInput {
  for (const member of ['ArtifactLocation', 'GovernanceMode'] as const) {
    if (given[member] === undefined) continue;
    throw new LochError(
      'unsupported',
      `\`${member}\` of a function is not supported: Loch runs no registered functions. Leave it out.`,
    );
  }
  return {
    name: given.FunctionName ?? '',
    ...(given.ClassName === undefined ? {} : { className: given.ClassName }),
    ...(given.OwnerName === undefined ? {} : { owner: given.OwnerName }),
    ...(given.OwnerType === undefined ? {} : { ownerType: given.OwnerType }),
    ...(given.FunctionType === undefined ? {} : { functionType: given.FunctionType }),
    resources: (given.ResourceUris ?? []).map(({ ResourceType, Uri }) => ({
      type: ResourceType ?? '',
      uri: Uri ?? '',
    })),
  };
}

function fromFunction(record: FunctionRecord, accountId: string): UserDefinedFunction {
  return {
    FunctionName: record.name,
    DatabaseName: record.database,
    ...(record.className === undefined ? {} : { ClassName: record.className }),
    ...(record.owner === undefined ? {} : { OwnerName: record.owner }),
    ...(record.ownerType === undefined ? {} : { OwnerType: record.ownerType }),
    ...(record.functionType === undefined ? {} : { FunctionType: record.functionType }),
    CreateTime: new Date(record.createdAt),
    ResourceUris: record.resources.map(({ type, uri }) => ({
      ResourceType: type as 'JAR' | 'FILE' | 'ARCHIVE',
      Uri: uri,
    })),
    CatalogId: accountId,
  };
}

async function list(
  catalog: Catalog,
  context: RequestContext,
  input: GetUserDefinedFunctionsRequest,
): Promise<GetUserDefinedFunctionsResponse> {
  checkCatalog(context, input.CatalogId);
  const limit = pageSize(input.MaxResults, PAGE);
  const [database, name] = positionOf(input.NextToken, isTexts) ?? [];
  const found = await catalog.listFunctions(context, {
    limit: limit + 1,
    ...(input.DatabaseName === undefined ? {} : { database: input.DatabaseName }),
    ...(input.Pattern === undefined || input.Pattern === '' ? {} : { pattern: input.Pattern }),
    ...(input.FunctionType === undefined ? {} : { functionType: input.FunctionType }),
    ...(database === undefined || name === undefined ? {} : { after: { database, name } }),
  });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    UserDefinedFunctions: page.map((one) => fromFunction(one, context.accountId)),
    ...(found.length > limit && last !== undefined ? { NextToken: tokenOf([last.database, last.name]) } : {}),
  };
}

/** Operations on user-defined functions. */
export function functionOperations(catalog: Catalog): Record<string, OperationSpec> {
  return {
    CreateUserDefinedFunction: {
      async run(context: RequestContext, input: CreateUserDefinedFunctionRequest) {
        checkCatalog(context, input.CatalogId);
        await catalog.createFunction(context, input.DatabaseName!, toFunction(input.FunctionInput!));
        return {};
      },
    },
    UpdateUserDefinedFunction: {
      async run(context: RequestContext, input: UpdateUserDefinedFunctionRequest) {
        checkCatalog(context, input.CatalogId);
        const { DatabaseName, FunctionName, FunctionInput } = input;
        await catalog.updateFunction(context, DatabaseName!, FunctionName!, toFunction(FunctionInput!));
        return {};
      },
    },
    DeleteUserDefinedFunction: {
      async run(context: RequestContext, input: DeleteUserDefinedFunctionRequest) {
        checkCatalog(context, input.CatalogId);
        await catalog.deleteFunction(context, input.DatabaseName!, input.FunctionName!);
        return {};
      },
    },
    GetUserDefinedFunction: {
      readOnly: true,
      async run(
        context: RequestContext,
        input: GetUserDefinedFunctionRequest,
      ): Promise<GetUserDefinedFunctionResponse> {
        checkCatalog(context, input.CatalogId);
        const found = await catalog.getFunction(context, input.DatabaseName!, input.FunctionName!);
        return { UserDefinedFunction: fromFunction(found, context.accountId) };
      },
    },
    GetUserDefinedFunctions: {
      readOnly: true,
      run: (context, input: GetUserDefinedFunctionsRequest) => list(catalog, context, input),
    },
  };
}
