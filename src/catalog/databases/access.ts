/**
 * The two questions of every use-case. IAM first, by names alone, so that its answer tells nothing about existence;
 * then Lake Formation, where hidden and missing answer alike.
 */
import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError } from '../../core/errors.ts';
import type { LakePermission, TableName, TableVisibility } from '../../governance/contract.ts';
import type { CatalogColumn, TableRecord } from '../contract.ts';
import { databaseMissing, tableMissing } from './missing.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

type Access = Pick<CatalogParts, 'policy' | 'names' | 'accountId' | 'region'>;

/** IAM on a resource and all it lies in, as Glue asks it. **Errors**: `access_denied`. */
export async function authorizeGlue(
  parts: Access,
  context: RequestContext,
  action: string,
  resource: { readonly database?: string; readonly table?: string } = {},
): Promise<void> {
  const { database, table } = resource;
  const resources = ['catalog'];
  if (database !== undefined) resources.push(`database/${database}`);
  if (database !== undefined && table !== undefined) resources.push(`table/${database}/${table}`);
  for (const part of resources) {
    await parts.policy.authorize(context, {
      action: `glue:${action}`,
      resource: glueArn(parts.region, parts.accountId, part),
    });
  }
}

/** Whether IAM allows `action` on one resource of a listing. */
export async function glueAllows(
  parts: Access,
  context: RequestContext,
  action: string,
  resource: string,
): Promise<boolean> {
  const decision = await parts.policy.decide(context, {
    action: `glue:${action}`,
    resource: glueArn(parts.region, parts.accountId, resource),
  });
  return decision.allowed;
}

async function missingDatabase(parts: Access, context: RequestContext, database: string): Promise<Error> {
  const visible = await parts.policy.visibleTables(context);
  return databaseMissing(
    database,
    parts.names.nearDatabases(database, (name) => visible.database(name)),
  );
}

async function missingTable(parts: Access, context: RequestContext, name: TableName): Promise<Error> {
  const visible = await parts.policy.visibleTables(context);
  if (!parts.names.hasDatabase(name.database) || !visible.database(name.database)) {
    return missingDatabase(parts, context, name.database);
  }
  return tableMissing(
    name.database,
    name.table,
    parts.names.nearTables(name, (other) => visible.table(other)),
  );
}

/** Requires that a database is there and the permission on it. **Errors**: `database_not_found`, `access_denied`. */
export async function requireDatabase(
  parts: Access,
  context: RequestContext,
  database: string,
  permission: LakePermission,
): Promise<void> {
  if (!parts.names.hasDatabase(database)) throw await missingDatabase(parts, context, database);
  try {
    await parts.policy.authorizeDatabase(context, database, permission);
  } catch (error) {
    if (!isLochError(error, 'database_not_found')) throw error;
    throw await missingDatabase(parts, context, database);
  }
}

/** Requires that a table is there and the permission on it. **Errors**: `table_not_found`, `access_denied`. */
export async function requireTable(
  parts: Access,
  context: RequestContext,
  name: TableName,
  permission: LakePermission,
): Promise<void> {
  if (parts.names.tableId(name) === undefined) throw await missingTable(parts, context, name);
  try {
    await parts.policy.authorizeTable(context, name, permission);
  } catch (error) {
    if (!isLochError(error, 'table_not_found', 'database_not_found')) throw error;
    throw await missingTable(parts, context, name);
  }
}

/** The whole record of a table, once its permission was required. **Errors**: `table_not_found`. */
export async function readTable(
  parts: Access & Pick<CatalogParts, 'store'>,
  context: RequestContext,
  name: TableName,
): Promise<TableRecord> {
  const record = await parts.store.read(databaseStore.procedures.table, { database: name.database, name: name.table });
  if (record === undefined) throw await missingTable(parts, context, name);
  return record;
}

/** A record with only the columns that may be seen. */
export function shownTo(visible: TableVisibility, record: TableRecord): TableRecord {
  const all = [...record.columns, ...record.partitionKeys].map((column) => column.name);
  const kept = new Set(visible.columns({ database: record.database, table: record.name }, all));
  if (all.every((column) => kept.has(column))) return record;
  const only = (columns: readonly CatalogColumn[]) => columns.filter((column) => kept.has(column.name));
  return { ...record, columns: only(record.columns), partitionKeys: only(record.partitionKeys) };
}
