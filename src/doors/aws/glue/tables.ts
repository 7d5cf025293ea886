import type {
  BatchDeleteTableRequest,
  BatchDeleteTableResponse,
  BatchDeleteTableVersionRequest,
  BatchDeleteTableVersionResponse,
  CreateTableRequest,
  DeleteTableRequest,
  DeleteTableVersionRequest,
  GetTableRequest,
  GetTableResponse,
  GetTablesRequest,
  GetTablesResponse,
  GetTableVersionRequest,
  GetTableVersionResponse,
  GetTableVersionsRequest,
  GetTableVersionsResponse,
  TableInput as GlueTableInput,
  UpdateTableRequest,
} from '@aws-sdk/client-glue';
import type { Catalog, Schemas, TableInput, TableRecord } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { errorDetail } from './errors.ts';
import { icebergSpecOf } from './iceberg-input.ts';
import { icebergUpdatesOf } from './iceberg-updates.ts';
import { checkBatch, checkCatalog, isCount, isText, pageSize, positionOf, tokenOf } from './pages.ts';
import { versionChoiceOf } from './schema-names.ts';
import { fromTable, toTableInput } from './shapes.ts';

const PAGE = 100;

function versionNumber(text: string): number {
  const version = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(version)) return version;
  throw new LochError('invalid_argument', `\`VersionId\` is \`${text}\`; it must be a number such as \`0\`.`);
}

/**
 * What a table input says; with a `SchemaReference` its columns are the schema's.
 * **Errors**: `invalid_argument` when columns are given beside it.
 */
async function withSchema(
  schemas: Schemas | undefined,
  context: RequestContext,
  given: GlueTableInput,
): Promise<TableInput> {
  const input = toTableInput(given);
  const reference = given.StorageDescriptor?.SchemaReference;
  if (reference === undefined) return input;
  if (schemas === undefined) {
    throw new LochError('unsupported', '`SchemaReference` is not supported here. Give columns.');
  }
  if (input.columns.length > 0) {
    throw new LochError(
      'invalid_argument',
      `Table \`${input.name}\` was given columns and a \`SchemaReference\`. Give one of them.`,
    );
  }
  const number = reference.SchemaVersionNumber;
  const columns = await schemas.columns(
    context,
    versionChoiceOf({
      ...reference,
      SchemaVersionNumber: number === undefined ? { LatestVersion: true } : { VersionNumber: number },
    }),
  );
  return { ...input, columns };
}

async function createTable(
  catalog: Catalog,
  schemas: Schemas | undefined,
  context: RequestContext,
  input: CreateTableRequest,
) {
  checkCatalog(context, input.CatalogId);
  const iceberg = input.OpenTableFormatInput?.IcebergInput;
  if (iceberg !== undefined && input.TableInput?.Parameters?.metadata_location === undefined) {
    if ((input.PartitionIndexes?.length ?? 0) > 0) {
      throw new LochError(
        'invalid_argument',
        'An Iceberg table takes no `PartitionIndexes`: its partitions are in its metadata.',
      );
    }
    await catalog.createIcebergTable(context, icebergSpecOf(input));
    return {};
  }
  if (input.TableInput === undefined) {
    throw new LochError('missing_argument', '`TableInput` is missing. Give it, or an `OpenTableFormatInput`.');
  }
  const partitionIndexes = (input.PartitionIndexes ?? []).map(({ IndexName = '', Keys = [] }) => ({
    name: IndexName,
    keys: Keys,
  }));
  const table = await withSchema(schemas, context, input.TableInput);
  await catalog.createTable(context, input.DatabaseName!, table, { partitionIndexes });
  return {};
}

/** A commit to an Iceberg table that Glue makes itself. */
async function updateIceberg(catalog: Catalog, context: RequestContext, input: UpdateTableRequest) {
  if (input.TableInput !== undefined) {
    throw new LochError(
      'invalid_argument',
      'Give either `TableInput` or `UpdateOpenTableFormatInput`: together they would be two commits.',
    );
  }
  const name = { database: input.DatabaseName!, table: input.Name ?? '' };
  const table = await catalog.openForEngine(context, name);
  await catalog.commitUpdates(context, name, {
    ...icebergUpdatesOf(input, table),
    ...(input.VersionId === undefined ? {} : { expectedVersion: versionNumber(input.VersionId) }),
  });
  return {};
}

/** The version of a table that was current at a time. */
async function tableAsOf(
  catalog: Catalog,
  context: RequestContext,
  name: { database: string; table: string },
  at: Date,
): Promise<TableRecord> {
  const versions = await catalog.tableVersions(context, name);
  const then = versions.find((version) => version.updatedAt <= at.getTime());
  if (then !== undefined) return then;
  throw new LochError(
    'table_not_found',
    `Table \`${name.database}.${name.table}\` has no version as of ${at.toISOString()}; its oldest is of ${new Date(versions.at(-1)!.updatedAt).toISOString()}.`,
  );
}

async function getTables(
  catalog: Catalog,
  context: RequestContext,
  input: GetTablesRequest,
): Promise<GetTablesResponse> {
  checkCatalog(context, input.CatalogId);
  const limit = pageSize(input.MaxResults, PAGE);
  const after = positionOf(input.NextToken, isText);
  const found = await catalog.listTables(context, input.DatabaseName!, {
    limit: limit + 1,
    ...(after === undefined ? {} : { after }),
    ...(input.Expression === undefined ? {} : { expression: input.Expression }),
  });
  const page = found.slice(0, limit);
  const shown = page.map((table) => fromTable(table, context.accountId));
  const namesOnly = input.AttributesToGet?.every((name) => name === 'NAME') === true;
  return {
    TableList: namesOnly ? shown.map(({ Name, DatabaseName }) => ({ Name, DatabaseName })) : shown,
    ...(found.length > limit ? { NextToken: tokenOf(page.at(-1)!.name) } : {}),
  };
}

async function getVersions(
  catalog: Catalog,
  context: RequestContext,
  input: GetTableVersionsRequest,
): Promise<GetTableVersionsResponse> {
  checkCatalog(context, input.CatalogId);
  const limit = pageSize(input.MaxResults, PAGE);
  const before = positionOf(input.NextToken, isCount);
  const versions = await catalog.tableVersions(context, { database: input.DatabaseName!, table: input.TableName! });
  const rest = versions.filter((table) => before === undefined || table.version < before);
  const page = rest.slice(0, limit);
  return {
    TableVersions: page.map((table) => ({
      Table: fromTable(table, context.accountId),
      VersionId: String(table.version),
    })),
    ...(rest.length > limit ? { NextToken: tokenOf(page.at(-1)!.version) } : {}),
  };
}

async function getVersion(
  catalog: Catalog,
  context: RequestContext,
  input: GetTableVersionRequest,
): Promise<GetTableVersionResponse> {
  checkCatalog(context, input.CatalogId);
  const name = { database: input.DatabaseName!, table: input.TableName! };
  const versions = await catalog.tableVersions(context, name);
  const wanted = input.VersionId === undefined ? versions[0]!.version : versionNumber(input.VersionId);
  const table = versions.find((version) => version.version === wanted);
  if (table === undefined) {
    throw new LochError(
      'not_found',
      `Table \`${name.database}.${name.table}\` has no version ${wanted}; it has ${versions.map((one) => one.version).join(', ')}.`,
      { context: { table: name.table, version: wanted } },
    );
  }
  return { TableVersion: { Table: fromTable(table, context.accountId), VersionId: String(table.version) } };
}

async function deleteVersions(
  catalog: Catalog,
  context: RequestContext,
  input: { readonly DatabaseName: string | undefined; readonly TableName: string | undefined },
  versions: readonly string[],
): Promise<BatchDeleteTableVersionResponse> {
  const name = { database: input.DatabaseName!, table: input.TableName! };
  const failed = [];
  for (const VersionId of versions) {
    try {
      const version = versionNumber(VersionId);
      const removed = await catalog.deleteTableVersions(context, name, [version]);
      if (removed.length > 0) continue;
      throw new LochError('not_found', `Table \`${name.database}.${name.table}\` has no version ${version}.`);
    } catch (error) {
      if (!isLochError(error, 'not_found', 'invalid_argument') || versions.length === 1) throw error;
      failed.push({ TableName: name.table, VersionId, ErrorDetail: errorDetail(error) });
    }
  }
  return { Errors: failed };
}

/** Operations on tables and their versions. */
export function tableOperations(catalog: Catalog, schemas?: Schemas): Record<string, OperationSpec> {
  return {
    CreateTable: {
      partial: 'resource links and views are kept, not followed',
      run: (context, input: CreateTableRequest) => createTable(catalog, schemas, context, input),
    },
    GetTable: {
      readOnly: true,
      async run(context: RequestContext, input: GetTableRequest): Promise<GetTableResponse> {
        checkCatalog(context, input.CatalogId);
        const name = { database: input.DatabaseName!, table: input.Name! };
        const table =
          input.QueryAsOfTime === undefined
            ? await catalog.getTable(context, name)
            : await tableAsOf(catalog, context, name, input.QueryAsOfTime);
        return { Table: fromTable(table, context.accountId) };
      },
    },
    GetTables: { readOnly: true, run: (context, input: GetTablesRequest) => getTables(catalog, context, input) },
    UpdateTable: {
      partial: 'no ViewUpdateAction, no Force; no encryption keys in UpdateOpenTableFormatInput',
      async run(context: RequestContext, input: UpdateTableRequest) {
        checkCatalog(context, input.CatalogId);
        if (input.ViewUpdateAction !== undefined || input.Force !== undefined) {
          throw new LochError(
            'unsupported',
            '`ViewUpdateAction` and `Force` are not supported. Give a whole `TableInput`.',
          );
        }
        if (input.UpdateOpenTableFormatInput !== undefined) return updateIceberg(catalog, context, input);
        if (input.TableInput === undefined) {
          throw new LochError('missing_argument', '`TableInput` is missing. Give it, or `UpdateOpenTableFormatInput`.');
        }
        const table = await withSchema(schemas, context, input.TableInput);
        await catalog.updateTable(context, input.DatabaseName!, table, {
          skipArchive: input.SkipArchive === true,
          ...(input.VersionId === undefined ? {} : { expectedVersion: versionNumber(input.VersionId) }),
        });
        return {};
      },
    },
    DeleteTable: {
      async run(context: RequestContext, input: DeleteTableRequest) {
        checkCatalog(context, input.CatalogId);
        await catalog.deleteTable(context, { database: input.DatabaseName!, table: input.Name! });
        return {};
      },
    },
    BatchDeleteTable: {
      async run(context: RequestContext, input: BatchDeleteTableRequest): Promise<BatchDeleteTableResponse> {
        checkCatalog(context, input.CatalogId);
        checkBatch(input.TablesToDelete, 100, 'TablesToDelete');
        const failed = [];
        for (const table of input.TablesToDelete ?? []) {
          try {
            await catalog.deleteTable(context, { database: input.DatabaseName!, table });
          } catch (error) {
            failed.push({ TableName: table, ErrorDetail: errorDetail(error) });
          }
        }
        return { Errors: failed };
      },
    },
    DeleteTableVersion: {
      async run(context: RequestContext, input: DeleteTableVersionRequest) {
        checkCatalog(context, input.CatalogId);
        await deleteVersions(catalog, context, input, [input.VersionId!]);
        return {};
      },
    },
    BatchDeleteTableVersion: {
      async run(context: RequestContext, input: BatchDeleteTableVersionRequest) {
        checkCatalog(context, input.CatalogId);
        checkBatch(input.VersionIds, 100, 'VersionIds');
        return deleteVersions(catalog, context, input, input.VersionIds ?? []);
      },
    },
    GetTableVersion: {
      readOnly: true,
      run: (context, input: GetTableVersionRequest) => getVersion(catalog, context, input),
    },
    GetTableVersions: {
      readOnly: true,
      run: (context, input: GetTableVersionsRequest) => getVersions(catalog, context, input),
    },
  };
}
