/**
 * Grants, filters, locations and settings in memory, compiled for decisions.
 *
 * Invariants
 * - The events of a commit arrive before its write resolves and mark what changed; the next decision reads it again
 *   before it decides. So a revoke holds for every decision that begins after it was acknowledged.
 * - What cannot be read again cannot be decided: a failing read fails the decision, never falls back to old grants.
 */
import type { Principal } from '../../core/caller.ts';
import type { StoredEvent } from '../../core/events.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { LakePermission, MaskFunction, TableName } from '../contract.ts';
import type { LakeResource, RegisteredLocation } from './contract.ts';
import { locationPath } from './data-location.ts';
import { resourceAt } from './lake-resource.ts';
import grantsModule, { type EntryRow, type FilterRow, type StoredSettings } from './store.ts';

/** One grant, ready to be asked. */
export interface Held {
  readonly id: string;
  readonly principal: string;
  readonly resource: LakeResource;
  readonly permissions: ReadonlySet<LakePermission>;
  readonly grantable: ReadonlySet<LakePermission>;
}

/** The grants of one principal by what they are on. */
export interface PrincipalGrants {
  readonly catalog: Held[];
  readonly databases: Map<string, Held[]>;
  /** Grants on all tables of a database. */
  readonly wildcards: Map<string, Held[]>;
  /** Grants on a table, its columns and its filters, by `tableKey`. */
  readonly tables: Map<string, Held[]>;
  /** Databases in which some table is granted. */
  readonly reached: Set<string>;
  readonly locations: Held[];
}

export interface StoredFilter {
  readonly database: string;
  readonly table: string;
  readonly name: string;
  readonly versionId: string;
  readonly expression: string | undefined;
  readonly include: readonly string[] | undefined;
  readonly exclude: readonly string[] | undefined;
  readonly masks: Readonly<Record<string, MaskFunction>>;
  readonly createdBy: string;
  readonly updatedAt: number;
}

/** Everybody whom IAM allows. */
export const IAM_ALLOWED_PRINCIPALS = 'IAM_ALLOWED_PRINCIPALS';
/** Every IAM principal of an account. */
export const allPrincipalsOf = (accountId: string): string => `${accountId}:IAMPrincipals`;

export const tableKey = (name: TableName): string => `${name.database}\u0000${name.table}`;

/** A committed state of all grants. Read at once after `current()`; a later decision asks for it again. */
export interface GrantState {
  readonly settings: StoredSettings;
  readonly locations: ReadonlyMap<string, RegisteredLocation>;
  /** Filters by table and name. */
  readonly filters: ReadonlyMap<string, ReadonlyMap<string, StoredFilter>>;
  /** The grants that count for a caller: his own and those of the groups he is in. */
  grantsOf(principal: Principal): PrincipalGrants[];
  isAdmin(principal: Principal): boolean;
  isReadOnlyAdmin(principal: Principal): boolean;
}

export interface GrantIndex {
  /** The state with every acknowledged change. **Cost**: nothing when nothing changed. */
  current(): Promise<GrantState>;
  close(): void;
}

const emptyGrants = (): PrincipalGrants => ({
  catalog: [],
  databases: new Map(),
  wildcards: new Map(),
  tables: new Map(),
  reached: new Set(),
  locations: [],
});

function pushTo<K>(map: Map<K, Held[]>, key: K, held: Held): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [held]);
  else list.push(held);
}

function addGrant(grants: PrincipalGrants, held: Held): void {
  const { resource } = held;
  switch (resource.kind) {
    case 'catalog':
      grants.catalog.push(held);
      return;
    case 'database':
      pushTo(grants.databases, resource.database, held);
      return;
    case 'tables':
      pushTo(grants.wildcards, resource.database, held);
      grants.reached.add(resource.database);
      return;
    case 'location':
      grants.locations.push(held);
      return;
    default:
      pushTo(grants.tables, tableKey(resource), held);
      grants.reached.add(resource.database);
  }
}

/** A stored grant, ready to be asked. */
export function heldOf(row: EntryRow): Held {
  return {
    id: row.id,
    principal: row.principal,
    resource: resourceAt(row),
    permissions: new Set(JSON.parse(row.permissions) as LakePermission[]),
    grantable: new Set(JSON.parse(row.grantable) as LakePermission[]),
  };
}

/** A filter row with its lists read. */
export function filterOf(row: FilterRow): StoredFilter {
  return {
    database: row.database_name,
    table: row.table_name,
    name: row.name,
    versionId: row.version_id,
    expression: row.expression ?? undefined,
    include: row.include === null ? undefined : JSON.parse(row.include),
    exclude: row.exclude === null ? undefined : JSON.parse(row.exclude),
    masks: JSON.parse(row.masks),
    createdBy: row.created_by,
    updatedAt: row.updated_at,
  };
}

/** The unique id under which a principal's grants are kept: that of the role for its sessions. */
export const principalKey = (principal: Principal): string => principal.id.split(':', 1)[0]!;

/** Opens the index over the committed grants. `rootKey`: who administers the lake before settings are made. */
export async function openGrantIndex(
  store: MetadataStore,
  root: { readonly arn: string; readonly key: string },
): Promise<GrantIndex> {
  const byKey = new Map<string, PrincipalGrants>();
  const keysOf = new Map<string, Set<string>>();
  const filters = new Map<string, Map<string, StoredFilter>>();
  const locations = new Map<string, RegisteredLocation>();
  let settings: StoredSettings;
  let admins = new Set<string>();
  let readOnlyAdmins = new Set<string>();

  const addEntry = (row: EntryRow) => {
    const grants = byKey.get(row.principal_key) ?? emptyGrants();
    byKey.set(row.principal_key, grants);
    addGrant(grants, heldOf(row));
    const keys = keysOf.get(row.principal);
    if (keys === undefined) keysOf.set(row.principal, new Set([row.principal_key]));
    else keys.add(row.principal_key);
  };
  const addFilter = (row: FilterRow) => {
    const filter = filterOf(row);
    const key = tableKey(filter);
    const ofTable = filters.get(key);
    if (ofTable === undefined) filters.set(key, new Map([[filter.name, filter]]));
    else ofTable.set(filter.name, filter);
  };
  const setLocations = (
    rows: readonly { arn: string; role_arn: string | null; registered_by: string; registered_at: number }[],
  ) => {
    locations.clear();
    for (const row of rows) {
      locations.set(locationPath(row.arn), {
        arn: row.arn,
        ...(row.role_arn === null ? {} : { roleArn: row.role_arn }),
        registeredBy: row.registered_by,
        registeredAt: row.registered_at,
      });
    }
  };
  const setSettings = (stored: StoredSettings | undefined) => {
    settings = stored ?? { admins: [root], readOnlyAdmins: [], databaseDefaults: [], tableDefaults: [] };
    admins = new Set(settings.admins.map((principal) => principal.key));
    readOnlyAdmins = new Set(settings.readOnlyAdmins.map((principal) => principal.key));
  };

  let changedPrincipals = new Set<string>();
  let changedTables = new Map<string, TableName>();
  let settingsChanged = false;
  let locationsChanged = false;
  let dirty = false;
  const mark = (event: StoredEvent) => {
    if (event.name === 'governanceGrantChanged') changedPrincipals.add(event.payload.principal);
    else if (event.name === 'governanceLakeChanged') {
      const { what, database, table } = event.payload;
      if (what === 'settings') settingsChanged = true;
      else if (what === 'location') locationsChanged = true;
      else if (database !== undefined && table !== undefined)
        changedTables.set(tableKey({ database, table }), { database, table });
    } else return;
    dirty = true;
  };
  const unsubscribe = store.onCommitted((events) => events.forEach(mark));

  const refresh = async () => {
    const principals = [...changedPrincipals];
    const tables = [...changedTables.values()];
    const keys = principals.flatMap((arn) => [...(keysOf.get(arn) ?? [])]);
    const again = { settings: settingsChanged, locations: locationsChanged };
    changedPrincipals = new Set();
    changedTables = new Map();
    settingsChanged = false;
    locationsChanged = false;
    dirty = false;
    try {
      const [rows, filterRows, locationRows, stored] = await Promise.all([
        principals.length === 0 ? [] : store.read(grantsModule.procedures.entriesOf, { principals, keys }),
        Promise.all(tables.map((table) => store.read(grantsModule.procedures.filtersOf, table))),
        again.locations ? store.read(grantsModule.procedures.locations, {}) : undefined,
        again.settings ? store.read(grantsModule.procedures.settings, {}) : undefined,
      ]);
      for (const key of keys) byKey.delete(key);
      for (const arn of principals) keysOf.delete(arn);
      rows.forEach(addEntry);
      for (const table of tables) filters.delete(tableKey(table));
      filterRows.flat().forEach(addFilter);
      if (locationRows !== undefined) setLocations(locationRows);
      if (again.settings) setSettings(stored);
    } catch (error) {
      for (const arn of principals) changedPrincipals.add(arn);
      for (const table of tables) changedTables.set(tableKey(table), table);
      settingsChanged ||= again.settings;
      locationsChanged ||= again.locations;
      dirty = true;
      throw error;
    }
  };

  const everything = await store.read(grantsModule.procedures.everything, {});
  everything.entries.forEach(addEntry);
  everything.filters.forEach(addFilter);
  setLocations(everything.locations);
  setSettings(everything.settings);

  const state: GrantState = {
    get settings() {
      return settings;
    },
    locations,
    filters,
    grantsOf(principal) {
      const found: PrincipalGrants[] = [];
      const add = (key: string) => {
        const grants = byKey.get(key);
        if (grants !== undefined) found.push(grants);
      };
      if (principal.kind === 'anonymous') return found;
      add(principalKey(principal));
      if (principal.kind !== 'service') {
        add(IAM_ALLOWED_PRINCIPALS);
        add(allPrincipalsOf(principal.accountId));
      }
      return found;
    },
    isAdmin: (principal) => admins.has(principalKey(principal)),
    isReadOnlyAdmin: (principal) => readOnlyAdmins.has(principalKey(principal)),
  };

  let refreshing: Promise<void> | undefined;
  return {
    async current() {
      while (dirty || refreshing !== undefined) {
        refreshing ??= refresh().finally(() => {
          refreshing = undefined;
        });
        await refreshing;
      }
      return state;
    },
    close: unsubscribe,
  };
}
