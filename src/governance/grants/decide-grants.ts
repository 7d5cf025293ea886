/**
 * Decisions over grants: pure functions of the committed state. Absence denies; grants add up; nothing takes away.
 * **Source**: Lake Formation developer guide, "Implicit Lake Formation permissions"; SELECT is not among an admin's.
 */
import type { Principal } from '../../core/caller.ts';
import type { LakePermission, TableName, TableVisibility } from '../contract.ts';
import { isUnder, locationPath, longestRoot } from './data-location.ts';
import { type GrantState, type Held, tableKey } from './grant-index.ts';
import { coveredColumns } from './table-shape.ts';

/** A decision of the data layer. */
export interface LakeDecision {
  readonly allowed: boolean;
  /** Whether the caller may know that the resource exists. */
  readonly visible: boolean;
  /** Ids of grants, or the role of the caller. */
  readonly decidedBy: readonly string[];
}

const ADMIN = 'data-lake-administrator';
const READ_ONLY_ADMIN = 'read-only-administrator';
const ADMIN_RIGHTS: ReadonlySet<LakePermission> = new Set([
  'CREATE_DATABASE',
  'CREATE_TABLE',
  'DESCRIBE',
  'ALTER',
  'DROP',
]);

const holds = (held: Held, permission: LakePermission): boolean =>
  held.permissions.has(permission) || held.permissions.has('ALL');

const DENIED: LakeDecision = { allowed: false, visible: false, decidedBy: [] };

function byRole(state: GrantState, principal: Principal, permission: LakePermission): string | undefined {
  if (ADMIN_RIGHTS.has(permission) && state.isAdmin(principal)) return ADMIN;
  if (permission === 'DESCRIBE' && state.isReadOnlyAdmin(principal)) return READ_ONLY_ADMIN;
  return undefined;
}

const seesAll = (state: GrantState, principal: Principal): boolean =>
  state.isAdmin(principal) || state.isReadOnlyAdmin(principal);

function decided(deciding: readonly Held[], visible: boolean): LakeDecision {
  if (deciding.length > 0) return { allowed: true, visible: true, decidedBy: deciding.map((held) => held.id) };
  return visible ? { ...DENIED, visible } : DENIED;
}

/** Everybody may know that there is a catalog. */
export function decideCatalog(state: GrantState, principal: Principal, permission: LakePermission): LakeDecision {
  const role = byRole(state, principal, permission);
  if (role !== undefined) return { allowed: true, visible: true, decidedBy: [role] };
  const held = state.grantsOf(principal).flatMap((grants) => grants.catalog);
  return decided(
    held.filter((grant) => holds(grant, permission)),
    true,
  );
}

/** Any grant on a database or in it lets its holder know of it. */
export function decideDatabase(
  state: GrantState,
  principal: Principal,
  database: string,
  permission: LakePermission,
): LakeDecision {
  const role = byRole(state, principal, permission);
  if (role !== undefined) return { allowed: true, visible: true, decidedBy: [role] };
  const grants = state.grantsOf(principal);
  const held = grants.flatMap((ofPrincipal) => ofPrincipal.databases.get(database) ?? []);
  const reached = grants.some((ofPrincipal) => ofPrincipal.reached.has(database));
  const deciding = held.filter((grant) => holds(grant, permission) || permission === 'DESCRIBE');
  if (deciding.length === 0 && permission === 'DESCRIBE' && reached) {
    return { allowed: true, visible: true, decidedBy: ['a-table-of-the-database'] };
  }
  return decided(deciding, held.length > 0 || reached || seesAll(state, principal));
}

/**
 * Any grant on a table, its columns or filters lets its holder know of it. SELECT on some columns or by a filter allows
 * SELECT here; what it shows is the table shape's to say.
 */
export function decideTable(
  state: GrantState,
  principal: Principal,
  name: TableName,
  permission: LakePermission,
): LakeDecision {
  const role = byRole(state, principal, permission);
  if (role !== undefined) return { allowed: true, visible: true, decidedBy: [role] };
  const key = tableKey(name);
  const held = state
    .grantsOf(principal)
    .flatMap((grants) => [...(grants.wildcards.get(name.database) ?? []), ...(grants.tables.get(key) ?? [])]);
  const deciding = held.filter(
    (grant) =>
      permission === 'DESCRIBE' ||
      // Rights on a filter (DROP, DESCRIBE) are not rights on the table.
      (grant.resource.kind === 'filter'
        ? permission === 'SELECT' && grant.permissions.has('SELECT')
        : holds(grant, permission)),
  );
  return decided(deciding, held.length > 0 || seesAll(state, principal));
}

/** The registered location that governs a path: the longest one it lies under. */
export function governingLocation(state: GrantState, path: string): string | undefined {
  return longestRoot(path, state.locations);
}

/** A grant counts on its own path and below, within the registration that governs the path. */
export function decideLocation(state: GrantState, principal: Principal, location: string): LakeDecision {
  const path = locationPath(location);
  const root = governingLocation(state, path);
  if (root === undefined) return { allowed: true, visible: true, decidedBy: ['not-a-registered-location'] };
  const held = state
    .grantsOf(principal)
    .flatMap((grants) => grants.locations)
    .filter(({ resource }) => {
      if (resource.kind !== 'location') return false;
      const granted = locationPath(resource.arn);
      return isUnder(path, granted) && isUnder(granted, root);
    });
  return decided(held, true);
}

/** Tables granted one by one that are listed rather than asked about. */
const MOST_NAMED = 5_000;

/** Tests for listings over one state: maps are read, nothing is computed per name but the columns of a narrow grant. */
export function visibilityOf(state: GrantState, principal: Principal): TableVisibility {
  if (seesAll(state, principal)) {
    return {
      database: () => true,
      table: () => true,
      tablesIn: () => undefined,
      columns: (_name, columns) => columns,
    };
  }
  const grants = state.grantsOf(principal);
  const heldOn = (name: TableName): Held[] => {
    const key = tableKey(name);
    return grants.flatMap((ofPrincipal) => ofPrincipal.tables.get(key) ?? []);
  };
  const wholeDatabase = (database: string) => grants.some((ofPrincipal) => ofPrincipal.wildcards.has(database));
  return {
    database: (name) => grants.some((ofPrincipal) => ofPrincipal.databases.has(name) || ofPrincipal.reached.has(name)),
    table: (name) =>
      grants.some((ofPrincipal) => ofPrincipal.wildcards.has(name.database) || ofPrincipal.tables.has(tableKey(name))),
    tablesIn(database) {
      if (wholeDatabase(database)) return undefined;
      if (grants.reduce((sum, { tables }) => sum + tables.size, 0) > MOST_NAMED) return undefined;
      const prefix = tableKey({ database, table: '' });
      const named = new Set<string>();
      for (const { tables } of grants) {
        for (const key of tables.keys()) if (key.startsWith(prefix)) named.add(key.slice(prefix.length));
      }
      return [...named].sort();
    },
    columns(name, columns) {
      if (wholeDatabase(name.database)) return columns;
      const shown = new Set<string>();
      for (const { resource } of heldOn(name)) {
        if (resource.kind === 'table') return columns;
        const list =
          resource.kind === 'filter' ? state.filters.get(tableKey(name))?.get(resource.filter) : columnList(resource);
        if (list !== undefined) for (const column of coveredColumns(columns, list)) shown.add(column);
      }
      return columns.filter((column) => shown.has(column));
    },
  };
}

const columnList = (resource: Held['resource']) => (resource.kind === 'columns' ? resource : undefined);
