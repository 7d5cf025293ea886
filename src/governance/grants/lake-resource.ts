/** Resources of grants: their canonical form, their place in the store, and the permissions each kind knows. */
import { LochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { LakePermission } from '../contract.ts';
import type { LakeResource } from './contract.ts';
import type { EntryRow } from './store.ts';

/** **Source**: Lake Formation developer guide, "Lake Formation permissions reference". */
const PERMISSIONS_OF: Readonly<Record<LakeResource['kind'], readonly LakePermission[]>> = {
  catalog: ['CREATE_DATABASE', 'ALL'],
  database: ['ALTER', 'CREATE_TABLE', 'DESCRIBE', 'DROP', 'ALL'],
  table: ['ALTER', 'DELETE', 'DESCRIBE', 'DROP', 'INSERT', 'SELECT', 'ALL'],
  tables: ['ALTER', 'DELETE', 'DESCRIBE', 'DROP', 'INSERT', 'SELECT', 'ALL'],
  columns: ['SELECT'],
  filter: ['SELECT', 'DESCRIBE', 'DROP'],
  location: ['DATA_LOCATION_ACCESS'],
};

const KIND_NAMES: Readonly<Record<LakeResource['kind'], string>> = {
  catalog: 'the catalog',
  database: 'a database',
  table: 'a table',
  tables: 'all tables of a database',
  columns: 'columns of a table',
  filter: 'a data cells filter',
  location: 'a data location',
};

/** **Errors**: `invalid_argument` listing the permissions that fit the resource. */
export function assertPermissionsFit(resource: LakeResource, permissions: readonly string[]): void {
  const known = PERMISSIONS_OF[resource.kind];
  if (permissions.length === 0) {
    throw new LochError(
      'invalid_argument',
      `Name at least one permission. ${KIND_NAMES[resource.kind]} knows: ${known.join(', ')}.`,
      {
        context: { argument: 'Permissions' },
      },
    );
  }
  for (const permission of permissions) {
    if ((known as readonly string[]).includes(permission)) continue;
    const near = nearestNames(permission, known, 1)[0];
    throw new LochError(
      'invalid_argument',
      `\`${permission}\` cannot be granted on ${KIND_NAMES[resource.kind]}.${near === undefined ? '' : ` Did you mean ${near}?`} Valid there: ${known.join(', ')}.`,
      { context: { argument: 'Permissions', permission, valid: known } },
    );
  }
}

/** What ALL stands for on a resource. */
export function permissionsOf(kind: LakeResource['kind']): readonly LakePermission[] {
  return PERMISSIONS_OF[kind];
}

const folded = (names: readonly string[]): string[] => [...new Set(names.map((name) => name.toLowerCase()))].sort();

/** The same resource in the form it is compared and stored in: names in lower case, column lists sorted. */
export function canonicalResource(resource: LakeResource): LakeResource {
  switch (resource.kind) {
    case 'catalog':
      return resource;
    case 'database':
    case 'tables':
      return { kind: resource.kind, database: resource.database.toLowerCase() };
    case 'table':
      return { kind: 'table', database: resource.database.toLowerCase(), table: resource.table.toLowerCase() };
    case 'columns': {
      const name = { database: resource.database.toLowerCase(), table: resource.table.toLowerCase() };
      if (resource.include !== undefined) return { kind: 'columns', ...name, include: folded(resource.include) };
      const exclude = folded(resource.exclude ?? []);
      return exclude.length === 0 ? { kind: 'table', ...name } : { kind: 'columns', ...name, exclude };
    }
    case 'filter':
      return {
        kind: 'filter',
        database: resource.database.toLowerCase(),
        table: resource.table.toLowerCase(),
        filter: resource.filter,
      };
    case 'location':
      return { kind: 'location', arn: resource.arn.replace(/\/+$/, '') };
  }
}

type Place = Pick<EntryRow, 'kind' | 'database_name' | 'table_name' | 'detail'>;

/** Where a canonical resource stands in the store. */
export function placeOf(resource: LakeResource): Place {
  const place = (database_name: string, table_name: string, detail: unknown): Place => ({
    kind: resource.kind,
    database_name,
    table_name,
    detail: detail === undefined ? '' : JSON.stringify(detail),
  });
  switch (resource.kind) {
    case 'catalog':
      return place('', '', undefined);
    case 'database':
    case 'tables':
      return place(resource.database, '', undefined);
    case 'table':
      return place(resource.database, resource.table, undefined);
    case 'columns':
      return place(
        resource.database,
        resource.table,
        resource.include === undefined ? { exclude: resource.exclude } : { include: resource.include },
      );
    case 'filter':
      return place(resource.database, resource.table, { filter: resource.filter });
    case 'location':
      return place('', '', { arn: resource.arn });
  }
}

/** The resource of a stored row. */
export function resourceAt(place: Place): LakeResource {
  const detail = place.detail === '' ? {} : JSON.parse(place.detail);
  switch (place.kind as LakeResource['kind']) {
    case 'catalog':
      return { kind: 'catalog' };
    case 'database':
      return { kind: 'database', database: place.database_name };
    case 'tables':
      return { kind: 'tables', database: place.database_name };
    case 'table':
      return { kind: 'table', database: place.database_name, table: place.table_name };
    case 'columns':
      return { kind: 'columns', database: place.database_name, table: place.table_name, ...detail };
    case 'filter':
      return { kind: 'filter', database: place.database_name, table: place.table_name, filter: detail.filter };
    case 'location':
      return { kind: 'location', arn: detail.arn };
  }
}

/** A resource in words, for messages and explanations. */
export function describeResource(resource: LakeResource): string {
  switch (resource.kind) {
    case 'catalog':
      return 'the catalog';
    case 'database':
      return `database \`${resource.database}\``;
    case 'tables':
      return `all tables of \`${resource.database}\``;
    case 'table':
      return `table \`${resource.database}.${resource.table}\``;
    case 'columns':
      return resource.include === undefined
        ? `\`${resource.database}.${resource.table}\` without columns ${(resource.exclude ?? []).join(', ')}`
        : `columns ${resource.include.join(', ')} of \`${resource.database}.${resource.table}\``;
    case 'filter':
      return `filter \`${resource.filter}\` of \`${resource.database}.${resource.table}\``;
    case 'location':
      return `data location \`${resource.arn}\``;
  }
}
