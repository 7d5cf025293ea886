import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { type ProcedureContext, proceduresOver } from '../../metadata/contract.ts';
import type { CatalogColumn, TableRecord } from '../contract.ts';
import type { PartitionIndexInput } from './contract.ts';
import { databaseMissing, tableMissing } from './missing.ts';
import {
  type DatabaseTables,
  folderOf,
  isOutside,
  searchFields,
  type TableDefinition,
  type TableRow,
  TEXT_INDEX,
  tableAtVersion,
  tableOf,
} from './rows.ts';

const { read, write } = proceduresOver<DatabaseTables>();
type Db = Kysely<DatabaseTables>;

const liveRow = (db: Db, database: string, name: string): Promise<TableRow | undefined> =>
  db
    .selectFrom('catalog_table')
    .selectAll()
    .where('database', '=', database)
    .where('name', '=', name)
    .where('dropped_at', 'is', null)
    .executeTakeFirst();

async function requireRow(db: Db, database: string, name: string): Promise<TableRow> {
  const row = await liveRow(db, database, name);
  if (row === undefined) throw tableMissing(database, name);
  return row;
}

async function requireFreeName(db: Db, database: string, name: string): Promise<void> {
  const home = await db.selectFrom('catalog_database').select('name').where('name', '=', database).executeTakeFirst();
  if (home === undefined) throw databaseMissing(database);
  if ((await liveRow(db, database, name)) !== undefined) {
    throw new LochError('already_exists', `Table \`${database}.${name}\` exists already. Choose another name.`, {
      context: { database, table: name },
    });
  }
}

/** Puts the table's words in the index and tells its change, with where it lies. */
async function announce(
  db: Db,
  row: TableRow,
  change: 'created' | 'updated' | 'restored',
  context: ProcedureContext,
): Promise<void> {
  const definition = JSON.parse(row.definition) as TableDefinition;
  context.text.put(TEXT_INDEX, row.id, searchFields(row.database, row.name, definition));
  const outside = await db
    .selectFrom('catalog_partition')
    .select('location')
    .where('table_id', '=', row.id)
    .where('outside', '=', 1)
    .execute();
  context.emit({
    name: 'catalogTableChanged',
    payload: {
      database: row.database,
      table: row.name,
      change,
      id: row.id,
      location: definition.storage.location,
      createdAt: row.created_at,
      outside: outside.map((partition) => partition.location),
    },
  });
}

/** When a version was made, by whom, and by which door. */
const stampOf = ({ at, by, door }: { readonly at: number; readonly by: string; readonly door?: string }) => ({
  updated_at: at,
  updated_by: by,
  updated_door: door ?? null,
});

/** Moves a table to the bin: its versions and partitions stay under its id until it is purged. */
export async function dropRow(
  db: Db,
  row: TableRow,
  args: { readonly at: number; readonly by: string; readonly purgeAt: number },
  context: ProcedureContext,
): Promise<void> {
  await db
    .updateTable('catalog_table')
    .set({ dropped_at: args.at, dropped_by: args.by, purge_at: args.purgeAt })
    .where('id', '=', row.id)
    .execute();
  context.text.remove(TEXT_INDEX, row.id);
  context.emit({
    name: 'catalogTableChanged',
    payload: { database: row.database, table: row.name, change: 'deleted', id: row.id },
  });
}

const archive = (db: Db, row: TableRow) =>
  db
    .insertInto('catalog_table_version')
    .values({
      table_id: row.id,
      version: row.version,
      definition: row.definition,
      metadata_location: row.metadata_location,
      updated_at: row.updated_at,
      updated_by: row.updated_by,
      updated_door: row.updated_door,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();

async function changeRow(db: Db, row: TableRow, changes: Partial<TableRow>): Promise<TableRow> {
  const next = { ...row, ...changes, version: row.version + 1 };
  const { id, ...columns } = next;
  await db.updateTable('catalog_table').set(columns).where('id', '=', id).execute();
  return next;
}

/** After a change of partition keys, indexes over keys that are left begin anew, and the others go. */
async function reindex(db: Db, tableId: string, before: TableDefinition, after: TableDefinition): Promise<void> {
  const shape = (definition: TableDefinition) =>
    JSON.stringify(definition.partitionKeys.map(({ name, type }) => [name, type]));
  if (shape(before) === shape(after)) return;
  const left = new Set(after.partitionKeys.map((key) => key.name));
  await db.deleteFrom('catalog_partition_entry').where('table_id', '=', tableId).execute();
  for (const index of await db
    .selectFrom('catalog_partition_index')
    .select(['name', 'index_keys'])
    .where('table_id', '=', tableId)
    .execute()) {
    const kept = (JSON.parse(index.index_keys) as string[]).every((key) => left.has(key));
    await db
      .updateTable('catalog_partition_index')
      .set({ state: kept ? 'CREATING' : 'DELETING', progress: null })
      .where('table_id', '=', tableId)
      .where('name', '=', index.name)
      .execute();
  }
}

export interface TableChangeArgs {
  readonly database: string;
  readonly name: string;
  readonly definition: TableDefinition;
  readonly expectedVersion?: number;
  readonly skipArchive?: boolean;
  readonly at: number;
  readonly by: string;
  readonly door?: string;
}

export interface PointerSwap {
  readonly database: string;
  readonly name: string;
  readonly expectedVersion?: number;
  /** The metadata file the change was staged on. */
  readonly expectedLocation: string;
  readonly newLocation: string;
  readonly columns: readonly CatalogColumn[];
  /** Replaces the table's own parameters (the pointer's are kept by the catalog); absent keeps them. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly description?: string;
  /** Makes a repeat of the same commit recognizable. */
  readonly runId?: string;
  /** One of several commits in this transaction: a run that has committed before refuses all of them. */
  readonly inGroup?: boolean;
  /** A further commit of the metadata file that the group's first one moved the pointer to. */
  readonly follows?: boolean;
  readonly snapshotId: string;
  readonly operation: string;
  readonly addedRows: number;
  readonly at: number;
  readonly by: string;
  readonly door?: string;
}

export interface PointerSwapOutcome {
  readonly version: number;
  readonly metadataLocation: string;
  readonly snapshotId: string;
  readonly repeated: boolean;
}

export const tableProcedures = {
  insertTable: write(
    async (
      db,
      args: {
        id: string;
        database: string;
        name: string;
        definition: TableDefinition;
        metadataLocation?: string;
        partitionIndexes?: readonly PartitionIndexInput[];
        at: number;
        by: string;
        door?: string;
      },
      context,
    ): Promise<TableRecord> => {
      await requireFreeName(db, args.database, args.name);
      const row: TableRow = {
        id: args.id,
        database: args.database,
        name: args.name,
        version: 0,
        definition: JSON.stringify(args.definition),
        metadata_location: args.metadataLocation ?? null,
        previous_metadata_location: null,
        created_at: args.at,
        created_by: args.by,
        ...stampOf(args),
        dropped_at: null,
        dropped_by: null,
        purge_at: null,
      };
      await db.insertInto('catalog_table').values(row).execute();
      for (const index of args.partitionIndexes ?? []) {
        await db
          .insertInto('catalog_partition_index')
          .values({
            table_id: args.id,
            name: index.name,
            index_keys: JSON.stringify(index.keys),
            state: 'ACTIVE',
            progress: null,
            created_at: args.at,
          })
          .execute();
      }
      await announce(db, row, 'created', context);
      return tableOf(row);
    },
  ),

  changeTable: write(async (db, args: TableChangeArgs, context): Promise<TableRecord> => {
    const row = await requireRow(db, args.database, args.name);
    if (args.expectedVersion !== undefined && args.expectedVersion !== row.version) {
      throw new LochError(
        'conflict',
        `Table \`${args.database}.${args.name}\` is at version ${row.version}, not ${args.expectedVersion}. Read it again and repeat the change.`,
        { context: { table: args.name, expected: args.expectedVersion, found: row.version } },
      );
    }
    if (args.skipArchive !== true) await archive(db, row);
    const before = (JSON.parse(row.definition) as TableDefinition).storage.location;
    const after = args.definition.storage.location;
    if (folderOf(before) !== folderOf(after)) {
      for (const partition of await db
        .selectFrom('catalog_partition')
        .select(['ordering', 'location', 'outside'])
        .where('table_id', '=', row.id)
        .execute()) {
        const outside = isOutside(partition.location, after) ? 1 : 0;
        if (outside === partition.outside) continue;
        await db
          .updateTable('catalog_partition')
          .set({ outside })
          .where('table_id', '=', row.id)
          .where('ordering', '=', partition.ordering)
          .execute();
      }
    }
    const changed = await changeRow(db, row, {
      definition: JSON.stringify(args.definition),
      ...stampOf(args),
    });
    await reindex(db, row.id, JSON.parse(row.definition) as TableDefinition, args.definition);
    await announce(db, changed, 'updated', context);
    return tableOf(changed);
  }),

  /**
   * Moves an Iceberg table's pointer from one metadata file to the next: the commit point of every Iceberg change.
   * **Errors**: `commit_conflict` when the pointer (or the version) is not the expected one; `table_not_found`.
   */
  swapMetadataLocation: write(async (db, args: PointerSwap, context): Promise<PointerSwapOutcome> => {
    const row = await requireRow(db, args.database, args.name);
    if (args.runId !== undefined) {
      const done = await db
        .selectFrom('catalog_commit')
        .selectAll()
        .where('table_id', '=', row.id)
        .where('run_id', '=', args.runId)
        .executeTakeFirst();
      if (done !== undefined) {
        if (args.inGroup === true) {
          throw new LochError('conflict', `Run \`${args.runId}\` has committed before; its group is taken apart.`);
        }
        return {
          version: done.version,
          metadataLocation: done.metadata_location,
          snapshotId: done.snapshot_id,
          repeated: true,
        };
      }
    }
    const stale = args.expectedVersion !== undefined && args.expectedVersion !== row.version;
    const expected = args.follows === true ? args.newLocation : args.expectedLocation;
    if (stale || row.metadata_location !== expected) {
      throw new LochError(
        'commit_conflict',
        `Table \`${args.database}.${args.name}\` changed after it was read. Read it again and repeat the change.`,
        {
          context: {
            table: `${args.database}.${args.name}`,
            expected,
            found: row.metadata_location,
          },
        },
      );
    }
    const before = JSON.parse(row.definition) as TableDefinition;
    const definition = JSON.stringify({
      ...before,
      columns: args.columns,
      ...(args.parameters === undefined ? {} : { parameters: args.parameters }),
      ...(args.description === undefined ? {} : { description: args.description }),
    } satisfies TableDefinition);
    const reshaped = definition !== row.definition;
    if (reshaped) await archive(db, row); // data commits are versions of Iceberg's own; archiving each would double them
    const changed = await changeRow(db, row, {
      definition,
      metadata_location: args.newLocation,
      previous_metadata_location: args.expectedLocation,
      ...stampOf(args),
    });
    if (args.runId !== undefined) {
      await db
        .insertInto('catalog_commit')
        .values({
          table_id: row.id,
          run_id: args.runId,
          snapshot_id: args.snapshotId,
          metadata_location: args.newLocation,
          version: changed.version,
          at: args.at,
        })
        .execute();
    }
    if (reshaped) await announce(db, changed, 'updated', context);
    context.emit({
      name: 'catalogTableCommitted',
      payload: {
        database: row.database,
        table: row.name,
        snapshotId: args.snapshotId,
        operation: args.operation,
        addedRows: args.addedRows,
      },
    });
    return {
      version: changed.version,
      metadataLocation: args.newLocation,
      snapshotId: args.snapshotId,
      repeated: false,
    };
  }),

  /** Puts another metadata file, of whatever history, in the place of an Iceberg table's own. */
  replaceIceberg: write(
    async (
      db,
      args: Omit<TableChangeArgs, 'expectedVersion' | 'skipArchive'> & {
        readonly expectedLocation: string;
        readonly newLocation: string;
      },
      context,
    ): Promise<TableRecord> => {
      const row = await requireRow(db, args.database, args.name);
      if (row.metadata_location !== args.expectedLocation) {
        throw new LochError(
          'commit_conflict',
          `Table \`${args.database}.${args.name}\` changed after it was read. Read it again and repeat the change.`,
          { context: { table: `${args.database}.${args.name}` } },
        );
      }
      await archive(db, row);
      const changed = await changeRow(db, row, {
        definition: JSON.stringify(args.definition),
        metadata_location: args.newLocation,
        previous_metadata_location: args.expectedLocation,
        ...stampOf(args),
      });
      await announce(db, changed, 'updated', context);
      return tableOf(changed);
    },
  ),

  /** Moves a table to another name; id, versions, partitions and commits stay with it. */
  renameTable: write(
    async (
      db,
      args: {
        readonly from: { readonly database: string; readonly table: string };
        readonly to: { readonly database: string; readonly table: string };
        /** What a view is where it goes: names in its statement mean there what they meant here. */
        readonly definition?: TableDefinition;
        readonly at: number;
        readonly by: string;
        readonly door?: string;
      },
      context,
    ): Promise<void> => {
      const row = await requireRow(db, args.from.database, args.from.table);
      await requireFreeName(db, args.to.database, args.to.table);
      await archive(db, row);
      const moved = await changeRow(db, row, {
        database: args.to.database,
        name: args.to.table,
        ...(args.definition === undefined ? {} : { definition: JSON.stringify(args.definition) }),
        ...stampOf(args),
      });
      // Without an id: whoever follows names learns that the old one is gone, and the table itself stays.
      const gone = { database: args.from.database, table: args.from.table, change: 'deleted' } as const;
      context.emit({ name: 'catalogTableChanged', payload: gone });
      await announce(db, moved, 'created', context);
    },
  ),

  /** The commit that `runId` made on a table, if it made one. */
  committedRun: read(
    async (db, args: { database: string; name: string; runId: string }): Promise<PointerSwapOutcome | undefined> => {
      const done = await db
        .selectFrom('catalog_commit')
        .innerJoin('catalog_table', 'catalog_table.id', 'catalog_commit.table_id')
        .select(['catalog_commit.version', 'catalog_commit.metadata_location', 'catalog_commit.snapshot_id'])
        .where('catalog_table.database', '=', args.database)
        .where('catalog_table.name', '=', args.name)
        .where('catalog_table.dropped_at', 'is', null)
        .where('catalog_commit.run_id', '=', args.runId)
        .executeTakeFirst();
      return done === undefined
        ? undefined
        : {
            version: done.version,
            metadataLocation: done.metadata_location,
            snapshotId: done.snapshot_id,
            repeated: true,
          };
    },
  ),

  dropTable: write(
    async (
      db,
      args: { database: string; name: string; at: number; by: string; purgeAt: number },
      context,
    ): Promise<void> => {
      await dropRow(db, await requireRow(db, args.database, args.name), args, context);
    },
  ),

  restoreTable: write(async (db, args: { id: string; at: number }, context): Promise<TableRecord> => {
    const row = await db
      .selectFrom('catalog_table')
      .selectAll()
      .where('id', '=', args.id)
      .where('purge_at', '>', args.at)
      .executeTakeFirst();
    if (row === undefined) {
      throw new LochError('not_found', `The bin holds no table \`${args.id}\`. List dropped tables to see their ids.`, {
        context: { id: args.id },
      });
    }
    await requireFreeName(db, row.database, row.name);
    const live = { ...row, dropped_at: null, dropped_by: null, purge_at: null };
    await db
      .updateTable('catalog_table')
      .set({ dropped_at: null, dropped_by: null, purge_at: null })
      .where('id', '=', row.id)
      .execute();
    await announce(db, live, 'restored', context);
    return tableOf(live);
  }),

  droppedTables: read(async (db, args: { at: number }) =>
    db
      .selectFrom('catalog_table')
      .select(['id', 'database', 'name', 'created_by', 'dropped_by', 'dropped_at', 'purge_at'])
      .where('purge_at', '>', args.at)
      .orderBy('dropped_at', 'desc')
      .execute(),
  ),

  tablesToPurge: read(async (db, args: { at: number; limit: number }) =>
    db
      .selectFrom('catalog_table')
      .select(['id', 'database', 'name'])
      .where('purge_at', '<=', args.at)
      .limit(args.limit)
      .execute(),
  ),

  /** Forgets tables that have lain in the bin too long. */
  purgeTables: write(async (db, args: { ids: readonly string[]; at: number }): Promise<void> => {
    for (const id of args.ids) {
      const row = await db
        .selectFrom('catalog_table')
        .select('id')
        .where('id', '=', id)
        .where('purge_at', '<=', args.at)
        .executeTakeFirst();
      if (row === undefined) continue; // restored meanwhile
      await db.deleteFrom('catalog_partition').where('table_id', '=', id).execute();
      await db.deleteFrom('catalog_partition_past').where('table_id', '=', id).execute();
      await db.deleteFrom('catalog_partition_entry').where('table_id', '=', id).execute();
      await db.deleteFrom('catalog_partition_index').where('table_id', '=', id).execute();
      await db.deleteFrom('catalog_column_statistics').where('table_id', '=', id).execute();
      await db.deleteFrom('catalog_table_version').where('table_id', '=', id).execute();
      await db.deleteFrom('catalog_commit').where('table_id', '=', id).execute();
      await db.deleteFrom('catalog_table').where('id', '=', id).execute();
    }
  }),

  table: read(async (db, args: { database: string; name: string }): Promise<TableRecord | undefined> => {
    const row = await liveRow(db, args.database, args.name);
    return row === undefined ? undefined : tableOf(row);
  }),

  tables: read(async (db, args: { database: string; names: readonly string[] }): Promise<TableRecord[]> => {
    if (args.names.length === 0) return [];
    const rows = await db
      .selectFrom('catalog_table')
      .selectAll()
      .where('database', '=', args.database)
      .where('name', 'in', args.names)
      .where('dropped_at', 'is', null)
      .orderBy('name')
      .execute();
    return rows.map(tableOf);
  }),

  /** All versions of a table, newest first, the current one included. */
  tableVersions: read(async (db, args: { database: string; name: string }): Promise<TableRecord[]> => {
    const row = await requireRow(db, args.database, args.name);
    const archived = await db
      .selectFrom('catalog_table_version')
      .selectAll()
      .where('table_id', '=', row.id)
      .where('version', '<', row.version)
      .orderBy('version', 'desc')
      .execute();
    return [tableOf(row), ...archived.map((version) => tableAtVersion(row, version))];
  }),

  deleteTableVersions: write(
    async (db, args: { database: string; name: string; versions: readonly number[] }): Promise<number[]> => {
      const row = await requireRow(db, args.database, args.name);
      const removed: number[] = [];
      for (const version of args.versions) {
        const result = await db
          .deleteFrom('catalog_table_version')
          .where('table_id', '=', row.id)
          .where('version', '=', version)
          .executeTakeFirst();
        if (Number(result.numDeletedRows) > 0) removed.push(version);
      }
      return removed;
    },
  ),

  /** Ids of the tables that hold every word, best first. */
  searchTables: read(
    async (
      _db,
      args: { text: string; limit: number; whole?: boolean; among?: readonly string[] },
      context,
    ): Promise<{ readonly id: string; readonly score: number }[]> =>
      context.text.search(TEXT_INDEX, args.text, args.limit, {
        whole: args.whole === true,
        ...(args.among === undefined ? {} : { among: args.among }),
      }),
  ),

  /** Words of the index that a mistyped one may stand for; what they are of is not said. */
  nearWords: read(
    async (_db, args: { word: string; limit: number }, context): Promise<string[]> =>
      context.text.near(args.word, args.limit),
  ),

  tablesById: read(async (db, args: { ids: readonly string[] }): Promise<TableRecord[]> => {
    if (args.ids.length === 0) return [];
    const rows = await db
      .selectFrom('catalog_table')
      .selectAll()
      .where('id', 'in', args.ids)
      .where('dropped_at', 'is', null)
      .execute();
    return rows.map(tableOf);
  }),
};
