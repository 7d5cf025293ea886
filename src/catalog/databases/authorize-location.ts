/**
 * Who may make a table over a place: its rows are read from there by whomever its maker grants it to, so the maker must
 * be one who may read every byte there himself. Otherwise a table would be a way around what the S3 door refuses.
 */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { CatalogParts } from './parts.ts';
import databaseStore from './store.ts';

/**
 * Requires `s3:GetObject` on all of a place, or DATA_LOCATION_ACCESS where Lake Formation governs it, and there every
 * row and column of the tables it would share files with. `own` is the table that is changed, which shares with itself.
 * **Errors**: `access_denied`.
 */
export async function authorizeLocation(
  parts: CatalogParts,
  context: RequestContext,
  location: string,
  own?: TableName,
): Promise<void> {
  if (!/^s3[an]?:/.test(location)) return;
  const { bucket, key } = parseS3Uri(location);
  const folder = key.replace(/\/+$/, '');
  const everything = s3Arn(bucket, folder === '' ? '*' : `${folder}/*`);
  const owner = await parts.ownerOf(bucket, folder === '' ? '' : `${folder}/`);
  if (owner !== undefined && owner !== context.principal.arn) {
    const why = 'query results of another principal lie there.';
    throw await parts.policy.refuse(context, { action: 's3:GetObject', resource: everything, why, by: [] });
  }
  const governed = await parts.policy.registeredLocation(bucket, folder);
  const inside = await parts.policy.registeredUnder(bucket, folder);
  if (governed === undefined) {
    await parts.policy.authorize(context, { action: 's3:GetObject', resource: everything });
  } else {
    await parts.policy.authorizeDataLocation(context, location);
  }
  for (const root of inside) await parts.policy.authorizeDataLocation(context, root);
  if (governed === undefined && inside.length === 0) return;
  for (const table of parts.names.tablesAround(bucket, folder)) {
    if (own !== undefined && own.database === table.database && own.table === table.table) continue;
    await requireWhole(parts, context, table, everything);
  }
}

async function requireWhole(
  parts: CatalogParts,
  context: RequestContext,
  table: TableName,
  resource: string,
): Promise<void> {
  const args = { database: table.database, name: table.table };
  const record = await parts.store.read(databaseStore.procedures.table, args);
  if (record === undefined) return;
  try {
    const shape = await parts.policy.tableShape(context, table, [...record.columns, ...record.partitionKeys]);
    if (shape.kind === 'full') return;
  } catch (error) {
    if (!isLochError(error, 'table_not_found', 'access_denied')) throw error;
  }
  const why = 'a table whose files lie there is not yours to select whole.';
  throw await parts.policy.refuse(context, { action: 's3:GetObject', resource, why, by: [] });
}
