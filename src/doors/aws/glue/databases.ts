import type {
  CreateDatabaseRequest,
  DeleteDatabaseRequest,
  GetDatabaseRequest,
  GetDatabaseResponse,
  GetDatabasesRequest,
  GetDatabasesResponse,
  UpdateDatabaseRequest,
} from '@aws-sdk/client-glue';
import type { Catalog, CatalogTags } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { checkCatalog, isText, pageSize, positionOf, tokenOf } from './pages.ts';
import { fromDatabase, toDatabaseInput } from './shapes.ts';
import { withTags } from './tags.ts';

const PAGE = 100;

/** Operations on databases. */
export function databaseOperations(catalog: Catalog, tags: CatalogTags | undefined): Record<string, OperationSpec> {
  return {
    CreateDatabase: {
      partial: 'CreateTableDefaultPermissions, TargetDatabase and FederatedDatabase are kept, not acted on',
      async run(context: RequestContext, input: CreateDatabaseRequest) {
        checkCatalog(context, input.CatalogId);
        const make = () => catalog.createDatabase(context, toDatabaseInput(input.DatabaseInput!));
        await withTags(tags, context, input.Tags, make, ({ name }) => `database/${name}`);
        return {};
      },
    },
    GetDatabase: {
      readOnly: true,
      async run(context: RequestContext, input: GetDatabaseRequest): Promise<GetDatabaseResponse> {
        checkCatalog(context, input.CatalogId);
        return { Database: fromDatabase(await catalog.getDatabase(context, input.Name!)) };
      },
    },
    GetDatabases: {
      readOnly: true,
      async run(context: RequestContext, input: GetDatabasesRequest): Promise<GetDatabasesResponse> {
        checkCatalog(context, input.CatalogId);
        const limit = pageSize(input.MaxResults, PAGE);
        const after = positionOf(input.NextToken, isText);
        const found = await catalog.listDatabases(context, {
          limit: limit + 1,
          ...(after === undefined ? {} : { after }),
        });
        const page = found.slice(0, limit);
        return {
          DatabaseList: page.map(fromDatabase),
          ...(found.length > limit ? { NextToken: tokenOf(page.at(-1)!.name) } : {}),
        };
      },
    },
    UpdateDatabase: {
      async run(context: RequestContext, input: UpdateDatabaseRequest) {
        checkCatalog(context, input.CatalogId);
        const { name, ...changes } = toDatabaseInput(input.DatabaseInput!);
        if (name.toLowerCase() !== input.Name!.toLowerCase()) {
          throw new LochError('invalid_argument', `Database \`${input.Name}\` cannot be renamed to \`${name}\`.`);
        }
        await catalog.updateDatabase(context, input.Name!, changes);
        return {};
      },
    },
    DeleteDatabase: {
      async run(context: RequestContext, input: DeleteDatabaseRequest) {
        checkCatalog(context, input.CatalogId);
        await catalog.deleteDatabase(context, input.Name!, { cascade: true });
        return {};
      },
    },
  };
}
