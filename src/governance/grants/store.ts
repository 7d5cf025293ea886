/**
 * Grants, data cells filters, registered locations and data lake settings.
 *
 * Invariants
 * - One row of `grants_entry` is one principal on one resource; permissions of repeated grants add up in it.
 * - A principal is kept by its unique id (`principal_key`): a user made anew under an old name inherits nothing.
 * - A database or table that is created starts without rows of its name, whatever a late grant left behind.
 * - Every change emits an event, by which the compiled index learns what to read again.
 */
import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type ProcedureContext, proceduresOver } from '../../metadata/contract.ts';

/** A grant as stored; lists are JSON. */
export interface EntryRow {
  id: string;
  principal: string;
  principal_key: string;
  resource_key: string;
  kind: string;
  database_name: string;
  table_name: string;
  /** JSON: columns of a column grant, the filter's name, the ARN of a location. */
  detail: string;
  permissions: string;
  grantable: string;
  granted_by: string;
  revision: number;
  updated_at: number;
}

/** What a grant is stored from. */
export type NewEntry = Omit<EntryRow, 'resource_key' | 'permissions' | 'grantable' | 'revision' | 'updated_at'> & {
  readonly permissions: readonly string[];
  readonly grantable: readonly string[];
};

export interface FilterRow {
  database_name: string;
  table_name: string;
  name: string;
  version_id: string;
  /** NULL: all rows. */
  expression: string | null;
  /** JSON lists; exactly one is set. */
  include: string | null;
  exclude: string | null;
  masks: string;
  created_by: string;
  updated_at: number;
}

export interface LocationRow {
  arn: string;
  role_arn: string | null;
  registered_by: string;
  registered_at: number;
}

/** A change of one entry as it was read: `next` undefined removes it. */
export interface EntryChange {
  readonly id: string;
  readonly revision: number;
  readonly next?: {
    readonly detail: string;
    readonly permissions: readonly string[];
    readonly grantable: readonly string[];
  };
}

interface GrantsTables {
  grants_entry: EntryRow;
  grants_filter: FilterRow;
  grants_location: LocationRow;
  grants_settings: { id: number; body: string };
  grants_dropped: {
    id: string;
    database_name: string;
    table_name: string;
    at: number;
    entries: string;
    filters: string;
    table_id: string;
  };
}

/** The settings as stored: principals with the unique ids they had when they were named. */
export interface StoredSettings {
  readonly admins: readonly StoredPrincipal[];
  readonly readOnlyAdmins: readonly StoredPrincipal[];
  readonly databaseDefaults: readonly (StoredPrincipal & { readonly permissions: readonly string[] })[];
  readonly tableDefaults: readonly (StoredPrincipal & { readonly permissions: readonly string[] })[];
}

export interface StoredPrincipal {
  readonly arn: string;
  readonly key: string;
}

const KEEP_DROPPED_MS = 30 * 24 * 60 * 60 * 1000;
const { read, write } = proceduresOver<GrantsTables>();
type Db = Kysely<GrantsTables>;

const resourceKey = (row: { kind: string; database_name: string; table_name: string; detail: string }): string =>
  JSON.stringify([row.kind, row.database_name, row.table_name, row.detail]);

const resourceText = (row: { kind: string; database_name: string; table_name: string; detail: string }): string =>
  [row.kind, row.database_name, row.table_name, row.detail].filter((part) => part !== '').join(' ');

const union = (json: string, more: readonly string[]): string =>
  JSON.stringify([...new Set([...(JSON.parse(json) as string[]), ...more])].sort());

async function put(db: Db, entry: NewEntry, context: ProcedureContext): Promise<void> {
  const resource_key = resourceKey(entry);
  const known = await db
    .selectFrom('grants_entry')
    .selectAll()
    .where('principal_key', '=', entry.principal_key)
    .where('resource_key', '=', resource_key)
    .executeTakeFirst();
  const changed = {
    permissions: union(known?.permissions ?? '[]', entry.permissions),
    grantable: union(known?.grantable ?? '[]', entry.grantable),
    granted_by: entry.granted_by,
    updated_at: context.now,
  };
  if (known === undefined) {
    await db
      .insertInto('grants_entry')
      .values({ ...entry, ...changed, resource_key, revision: 1 })
      .execute();
  } else {
    await db
      .updateTable('grants_entry')
      .set({ ...changed, revision: known.revision + 1 })
      .where('id', '=', known.id)
      .execute();
  }
  tell(context, entry, 'granted');
}

function tell(
  context: ProcedureContext,
  row: { principal: string; kind: string; database_name: string; table_name: string; detail: string },
  change: 'granted' | 'revoked',
): void {
  context.emit({
    name: 'governanceGrantChanged',
    payload: { principal: row.principal, resource: resourceText(row), change },
  });
}

function tellLake(context: ProcedureContext, what: 'filter', name: string, database: string, table: string): void {
  context.emit({ name: 'governanceLakeChanged', payload: { what, name, database, table } });
}

/** Removes the entries and filters of a table, or of a database with all its tables; answers what was there. */
async function clear(db: Db, args: { database: string; table?: string }, context: ProcedureContext) {
  let entries = db.selectFrom('grants_entry').selectAll().where('database_name', '=', args.database);
  let filters = db.selectFrom('grants_filter').selectAll().where('database_name', '=', args.database);
  if (args.table !== undefined) {
    entries = entries.where('table_name', '=', args.table);
    filters = filters.where('table_name', '=', args.table);
  }
  const found = { entries: await entries.execute(), filters: await filters.execute() };
  for (const entry of found.entries) {
    await db.deleteFrom('grants_entry').where('id', '=', entry.id).execute();
    tell(context, entry, 'revoked');
  }
  for (const filter of found.filters) {
    await db
      .deleteFrom('grants_filter')
      .where('database_name', '=', filter.database_name)
      .where('table_name', '=', filter.table_name)
      .where('name', '=', filter.name)
      .execute();
    tellLake(context, 'filter', filter.name, filter.database_name, filter.table_name);
  }
  return found;
}

const settingsOf = async (db: Db): Promise<StoredSettings | undefined> => {
  const row = await db.selectFrom('grants_settings').select('body').where('id', '=', 1).executeTakeFirst();
  return row === undefined ? undefined : JSON.parse(row.body);
};

export default defineStoreModule('grants', {
  migrations: [
    {
      number: 1,
      name: 'grants',
      statements: [
        `CREATE TABLE grants_entry (id TEXT PRIMARY KEY, principal TEXT NOT NULL, principal_key TEXT NOT NULL,
          resource_key TEXT NOT NULL, kind TEXT NOT NULL, database_name TEXT NOT NULL, table_name TEXT NOT NULL,
          detail TEXT NOT NULL, permissions TEXT NOT NULL, grantable TEXT NOT NULL, granted_by TEXT NOT NULL,
          revision INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (principal_key, resource_key))`,
        'CREATE INDEX grants_entry_principal ON grants_entry (principal)',
        'CREATE INDEX grants_entry_granter ON grants_entry (granted_by)',
        'CREATE INDEX grants_entry_table ON grants_entry (database_name, table_name)',
        `CREATE TABLE grants_filter (database_name TEXT NOT NULL, table_name TEXT NOT NULL, name TEXT NOT NULL,
          version_id TEXT NOT NULL, expression TEXT, include TEXT, exclude TEXT, masks TEXT NOT NULL,
          created_by TEXT NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (database_name, table_name, name))`,
        'CREATE TABLE grants_location (arn TEXT PRIMARY KEY, role_arn TEXT, registered_by TEXT NOT NULL, registered_at INTEGER NOT NULL)',
        'CREATE TABLE grants_settings (id INTEGER PRIMARY KEY, body TEXT NOT NULL)',
        `CREATE TABLE grants_dropped (id TEXT PRIMARY KEY, database_name TEXT NOT NULL, table_name TEXT NOT NULL,
          at INTEGER NOT NULL, entries TEXT NOT NULL, filters TEXT NOT NULL)`,
        'CREATE INDEX grants_dropped_table ON grants_dropped (database_name, table_name)',
      ],
    },
    {
      number: 2,
      name: 'grants of dropped tables by table id',
      statements: ["ALTER TABLE grants_dropped ADD COLUMN table_id TEXT NOT NULL DEFAULT ''"],
    },
  ],
  procedures: {
    everything: read(async (db) => ({
      entries: await db.selectFrom('grants_entry').selectAll().execute(),
      filters: await db.selectFrom('grants_filter').selectAll().execute(),
      locations: await db.selectFrom('grants_location').selectAll().execute(),
      settings: await settingsOf(db),
    })),
    /** The entries of principals, under the ARNs and the unique ids they are known by. */
    entriesOf: read(
      async (db, args: { principals: readonly string[]; keys: readonly string[] }): Promise<EntryRow[]> =>
        await db
          .selectFrom('grants_entry')
          .selectAll()
          .where((e) => e.or([e('principal', 'in', args.principals), e('principal_key', 'in', args.keys)]))
          .execute(),
    ),
    grantedBy: read(
      async (db, args: { arn: string }): Promise<EntryRow[]> =>
        await db.selectFrom('grants_entry').selectAll().where('granted_by', '=', args.arn).execute(),
    ),
    /** Entries in order of principal and resource, after a position. */
    listEntries: read(
      async (
        db,
        args: {
          principal?: string;
          /** The unique id of `principal`, which also finds grants made under a name he had before. */
          key?: string;
          kinds?: readonly string[];
          database?: string;
          table?: string;
          detail?: string;
          after?: readonly [string, string, string];
          limit: number;
        },
      ): Promise<EntryRow[]> => {
        let query = db.selectFrom('grants_entry').selectAll();
        const { principal, key } = args;
        if (principal !== undefined) {
          query = query.where((e) => e.or([e('principal', '=', principal), e('principal_key', '=', key ?? principal)]));
        }
        if (args.kinds !== undefined) query = query.where('kind', 'in', args.kinds);
        if (args.database !== undefined) query = query.where('database_name', '=', args.database);
        if (args.table !== undefined) query = query.where('table_name', 'in', [args.table, '']);
        if (args.detail !== undefined) query = query.where('detail', '=', args.detail);
        if (args.after !== undefined) {
          const [arn, resource, id] = args.after;
          query = query.where((e) =>
            e.or([
              e('principal', '>', arn),
              e.and([e('principal', '=', arn), e('resource_key', '>', resource)]),
              e.and([e('principal', '=', arn), e('resource_key', '=', resource), e('id', '>', id)]),
            ]),
          );
        }
        return await query.orderBy('principal').orderBy('resource_key').orderBy('id').limit(args.limit).execute();
      },
    ),
    filtersOf: read(
      async (db, args: { database: string; table: string }): Promise<FilterRow[]> =>
        await db
          .selectFrom('grants_filter')
          .selectAll()
          .where('database_name', '=', args.database)
          .where('table_name', '=', args.table)
          .execute(),
    ),
    locations: read(async (db): Promise<LocationRow[]> => await db.selectFrom('grants_location').selectAll().execute()),
    settings: read(async (db): Promise<StoredSettings | undefined> => await settingsOf(db)),
    putSettings: write(async (db, args: { settings: StoredSettings }, context): Promise<void> => {
      const body = JSON.stringify(args.settings);
      await db
        .insertInto('grants_settings')
        .values({ id: 1, body })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ body }))
        .execute();
      context.emit({ name: 'governanceLakeChanged', payload: { what: 'settings', name: 'settings' } });
    }),
    grant: write(async (db, args: { entries: readonly NewEntry[] }, context): Promise<void> => {
      for (const entry of args.entries) await put(db, entry, context);
    }),
    /** Applies changes computed from rows as they were read. **Errors**: `conflict` when one changed since. */
    change: write(async (db, args: { changes: readonly EntryChange[] }, context): Promise<void> => {
      for (const { id, revision, next } of args.changes) {
        const row = await db.selectFrom('grants_entry').selectAll().where('id', '=', id).executeTakeFirst();
        if (row === undefined || row.revision !== revision) {
          throw new LochError('conflict', 'The grant changed after it was read. Read it again, then retry.');
        }
        if (next === undefined) {
          await db.deleteFrom('grants_entry').where('id', '=', id).execute();
        } else {
          const changed = { ...row, detail: next.detail };
          // Narrowed columns may equal those of another grant of the principal: then both become one.
          const twin = await db
            .selectFrom('grants_entry')
            .selectAll()
            .where('principal_key', '=', row.principal_key)
            .where('resource_key', '=', resourceKey(changed))
            .where('id', '<>', id)
            .executeTakeFirst();
          if (twin !== undefined) await db.deleteFrom('grants_entry').where('id', '=', twin.id).execute();
          await db
            .updateTable('grants_entry')
            .set({
              detail: next.detail,
              resource_key: resourceKey(changed),
              permissions: union(twin?.permissions ?? '[]', next.permissions),
              grantable: union(twin?.grantable ?? '[]', next.grantable),
              revision: row.revision + 1,
              updated_at: context.now,
            })
            .where('id', '=', id)
            .execute();
        }
        tell(context, row, 'revoked');
      }
    }),
    createFilter: write(async (db, args: Omit<FilterRow, 'updated_at'>, context): Promise<void> => {
      const known = await db
        .selectFrom('grants_filter')
        .select('name')
        .where('database_name', '=', args.database_name)
        .where('table_name', '=', args.table_name)
        .where('name', '=', args.name)
        .executeTakeFirst();
      if (known !== undefined) {
        throw new LochError(
          'already_exists',
          `Table \`${args.database_name}.${args.table_name}\` already has a filter \`${args.name}\`. Update it, or take another name.`,
        );
      }
      await db
        .insertInto('grants_filter')
        .values({ ...args, updated_at: context.now })
        .execute();
      tellLake(context, 'filter', args.name, args.database_name, args.table_name);
    }),
    updateFilter: write(
      async (
        db,
        args: { filter: Omit<FilterRow, 'updated_at' | 'created_by'>; expected?: string },
        context,
      ): Promise<void> => {
        const { filter, expected } = args;
        const current = await db
          .selectFrom('grants_filter')
          .select('version_id')
          .where('database_name', '=', filter.database_name)
          .where('table_name', '=', filter.table_name)
          .where('name', '=', filter.name)
          .executeTakeFirst();
        if (current === undefined) {
          throw new LochError('not_found', `There is no filter \`${filter.name}\` on this table.`);
        }
        if (expected !== undefined && expected !== current.version_id) {
          throw new LochError(
            'conflict',
            `Filter \`${filter.name}\` is at version ${current.version_id}, not ${expected}. Read it again, then retry.`,
          );
        }
        await db
          .updateTable('grants_filter')
          .set({ ...filter, updated_at: context.now })
          .where('database_name', '=', filter.database_name)
          .where('table_name', '=', filter.table_name)
          .where('name', '=', filter.name)
          .execute();
        tellLake(context, 'filter', filter.name, filter.database_name, filter.table_name);
      },
    ),
    deleteFilter: write(
      async (db, args: { database: string; table: string; filter: string; detail: string }, context): Promise<void> => {
        const entries = await db
          .selectFrom('grants_entry')
          .selectAll()
          .where('database_name', '=', args.database)
          .where('table_name', '=', args.table)
          .where('kind', '=', 'filter')
          .where('detail', '=', args.detail)
          .execute();
        for (const entry of entries) {
          await db.deleteFrom('grants_entry').where('id', '=', entry.id).execute();
          tell(context, entry, 'revoked');
        }
        await db
          .deleteFrom('grants_filter')
          .where('database_name', '=', args.database)
          .where('table_name', '=', args.table)
          .where('name', '=', args.filter)
          .execute();
        tellLake(context, 'filter', args.filter, args.database, args.table);
      },
    ),
    register: write(
      async (db, args: { location: Omit<LocationRow, 'registered_at'>; entry: NewEntry }, context): Promise<void> => {
        const { arn } = args.location;
        const known = await db.selectFrom('grants_location').select('arn').where('arn', '=', arn).executeTakeFirst();
        if (known !== undefined) {
          throw new LochError('already_exists', `\`${arn}\` is registered already. Deregister it first to change it.`);
        }
        await db
          .insertInto('grants_location')
          .values({ ...args.location, registered_at: context.now })
          .execute();
        await put(db, args.entry, context);
        context.emit({ name: 'governanceLakeChanged', payload: { what: 'location', name: arn } });
      },
    ),
    deregister: write(async (db, args: { arn: string }, context): Promise<void> => {
      await db.deleteFrom('grants_location').where('arn', '=', args.arn).execute();
      context.emit({ name: 'governanceLakeChanged', payload: { what: 'location', name: args.arn } });
    }),
    /** What a new database or table begins with: its creator's grant and the default permissions of the settings. */
    create: write(async (db, args: { database: string; table?: string; creator: NewEntry }, context): Promise<void> => {
      await clear(db, args, context);
      await put(db, args.creator, context);
      const settings = await settingsOf(db);
      const defaults = (args.table === undefined ? settings?.databaseDefaults : settings?.tableDefaults) ?? [];
      for (const [number, given] of defaults.entries()) {
        await put(
          db,
          {
            ...args.creator,
            id: `${args.creator.id}-${number + 1}`,
            principal: given.arn,
            principal_key: given.key,
            permissions: given.permissions,
            grantable: [],
          },
          context,
        );
      }
    }),
    drop: write(
      async (db, args: { database: string; table?: string; id: string; tableId: string }, context): Promise<void> => {
        const { entries, filters } = await clear(db, args, context);
        await db
          .deleteFrom('grants_dropped')
          .where('at', '<', context.now - KEEP_DROPPED_MS)
          .execute();
        if (args.table === undefined || args.tableId === '') return;
        await db
          .insertInto('grants_dropped')
          .values({
            id: args.id,
            database_name: args.database,
            table_name: args.table,
            at: context.now,
            entries: JSON.stringify(entries),
            filters: JSON.stringify(filters),
            table_id: args.tableId,
          })
          .execute();
      },
    ),
    restore: write(async (db, args: { database: string; table: string; tableId: string }, context): Promise<void> => {
      const kept = await db
        .selectFrom('grants_dropped')
        .selectAll()
        .where('database_name', '=', args.database)
        .where('table_name', '=', args.table)
        .where('table_id', '=', args.tableId)
        .orderBy('at', 'desc')
        .orderBy('id')
        .executeTakeFirst();
      if (kept === undefined) return;
      for (const filter of JSON.parse(kept.filters) as FilterRow[]) {
        await db
          .insertInto('grants_filter')
          .values(filter)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        tellLake(context, 'filter', filter.name, filter.database_name, filter.table_name);
      }
      for (const entry of JSON.parse(kept.entries) as EntryRow[]) {
        await put(
          db,
          { ...entry, permissions: JSON.parse(entry.permissions), grantable: JSON.parse(entry.grantable) },
          context,
        );
      }
      await db.deleteFrom('grants_dropped').where('id', '=', kept.id).execute();
    }),
    rename: write(
      async (
        db,
        args: { from: { database: string; table: string }; to: { database: string; table: string } },
        context,
      ): Promise<void> => {
        await clear(db, args.to, context);
        const { entries, filters } = await clear(db, args.from, context);
        const moved = { database_name: args.to.database, table_name: args.to.table };
        for (const filter of filters) {
          await db
            .insertInto('grants_filter')
            .values({ ...filter, ...moved })
            .execute();
          tellLake(context, 'filter', filter.name, moved.database_name, moved.table_name);
        }
        for (const entry of entries) {
          const next = { ...entry, ...moved };
          await put(
            db,
            { ...next, permissions: JSON.parse(next.permissions), grantable: JSON.parse(next.grantable) },
            context,
          );
        }
      },
    ),
  },
});
