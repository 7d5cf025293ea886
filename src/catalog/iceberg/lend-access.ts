/**
 * Storage credentials for the files of one table.
 *
 * Invariants
 * - The scope is data: the table's bucket, its folder with a slash at the end, and verbs. No text of it is a pattern.
 * - A table that is filtered for the caller is never lent. What the loan opens is asked of the grants again at each use.
 */
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext, StorageScope, StorageVerb } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { SessionUseCases, TableName } from '../../governance/contract.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { Catalog, TableRecord } from '../contract.ts';
import { authorizeGlue, readTable, requireDatabase, requireTable } from '../databases/access.ts';
import { authorizeLocation } from '../databases/authorize-location.ts';
import { type CatalogParts, fold } from '../databases/parts.ts';
import { folderOf } from '../databases/rows.ts';
import { openForEngine, requireClearSight } from './open-for-engine.ts';
import { isInside } from './table-place.ts';

/** Who makes the credentials. */
export type Lender = Pick<SessionUseCases, 'lendStorage'>;

export const lendAccess = (parts: CatalogParts, lender: Lender | undefined): Catalog['lendAccess'] => {
  const open = openForEngine(parts);
  async function recordOf(name: TableName, context: RequestContext, anyFormat: true | undefined): Promise<TableRecord> {
    if (anyFormat === undefined) return (await open(context, name)).record;
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const record = await readTable(parts, context, name);
    await requireClearSight(parts, context, name, record);
    return record;
  }
  return async (context, given, { seconds, location, ...asked }) => {
    const name = fold(given);
    if (lender === undefined) throw new LochError('unsupported', 'This catalog lends no storage credentials.');
    if (context.principal.session?.scope !== undefined) {
      throw new LochError('access_denied', 'Lent credentials lend nothing on. Use your own.');
    }
    const scope =
      location === undefined
        ? await scopeOf(parts, context, await recordOf(name, context, asked.anyFormat), asked)
        : await stagedScope(parts, context, name, location);
    const lent = await lender.lendStorage(context, scope, seconds);
    return { ...lent, bucket: scope.bucket, prefix: scope.prefix, verbs: scope.verbs };
  };
};

async function scopeOf(
  parts: CatalogParts,
  context: RequestContext,
  record: TableRecord,
  { verbs: wanted, within }: { readonly verbs?: readonly StorageVerb[]; readonly within?: string },
): Promise<StorageScope> {
  const name = { database: record.database, table: record.name };
  const home = folderOf(record.storage.location);
  const folder = folderOf(within ?? home);
  if (folder !== home && !isInside(home, folder)) {
    throw new LochError('invalid_argument', `\`${folder}\` lies outside the table's location \`${home}\`.`, {
      context: { location: folder },
    });
  }
  const { bucket, key } = parseS3Uri(folder);
  const held: StorageVerb[] = [];
  const holds = (permission: 'SELECT' | 'INSERT' | 'DELETE') => parts.policy.mayTable(context, name, permission);
  if ((await holds('SELECT')) && (await parts.policy.tableShape(context, name, record.columns)).kind === 'full') {
    held.push('read', 'list');
  }
  if ((await holds('INSERT')) && (await mayWrite(parts, context, bucket, key, 's3:PutObject'))) held.push('write');
  if ((await holds('DELETE')) && (await mayWrite(parts, context, bucket, key, 's3:DeleteObject'))) held.push('delete');
  const verbs = held.filter((verb) => wanted?.includes(verb) ?? true);
  if (verbs.length > 0 && key !== '') return { table: name, bucket, prefix: `${key}/`, verbs };
  throw await parts.policy.refuse(context, {
    action: 'lakeformation:GetDataAccess',
    resource: s3Arn(bucket, `${key}/`),
    why: `nothing of \`${name.database}.${name.table}\` may be lent: no grant on it gives SELECT, INSERT or DELETE.`,
    by: [],
  });
}

/** Where Lake Formation does not govern S3, the caller's own policies say who writes. */
async function mayWrite(
  parts: CatalogParts,
  context: RequestContext,
  bucket: string,
  key: string,
  action: string,
): Promise<boolean> {
  if ((await parts.policy.registeredLocation(bucket, `${key}/`)) !== undefined) return true;
  return (await parts.policy.decide(context, { action, resource: s3Arn(bucket, `${key}/`) })).allowed;
}

/** The place of a table that was drafted and will be created by its first commit. */
async function stagedScope(
  parts: CatalogParts,
  context: RequestContext,
  name: TableName,
  location: string,
): Promise<StorageScope> {
  await requireDatabase(parts, context, name.database, 'CREATE_TABLE');
  await authorizeLocation(parts, context, location);
  const { bucket, key } = parseS3Uri(folderOf(location));
  if (key === '' || parts.names.tableAt(bucket, `${key}/`) !== undefined) {
    throw new LochError('invalid_argument', `\`${location}\` is no free folder for a table.`, {
      context: { location },
    });
  }
  const verbs: StorageVerb[] = ['read', 'list'];
  if (await mayWrite(parts, context, bucket, key, 's3:PutObject')) verbs.push('write');
  if (await mayWrite(parts, context, bucket, key, 's3:DeleteObject')) verbs.push('delete');
  return { table: name, bucket, prefix: `${key}/`, verbs, staged: true };
}
