import { LochError } from '../../core/errors.ts';
import { proceduresOver } from '../../metadata/contract.ts';
import { databaseMissing } from './missing.ts';
import { type DatabaseDetail, type DatabaseTables, databaseOf } from './rows.ts';
import { dropRow } from './table-procedures.ts';

const { read, write } = proceduresOver<DatabaseTables>();

export const databaseProcedures = {
  createDatabase: write(
    async (db, args: { name: string; accountId: string; detail: DatabaseDetail; at: number }, context) => {
      const row = {
        name: args.name,
        account_id: args.accountId,
        record: JSON.stringify(args.detail),
        created_at: args.at,
      };
      const added = await db
        .insertInto('catalog_database')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (Number(added.numInsertedOrUpdatedRows) === 0) {
        throw new LochError('already_exists', `Database \`${args.name}\` exists already. Choose another name.`, {
          context: { database: args.name },
        });
      }
      context.emit({ name: 'catalogDatabaseChanged', payload: { database: args.name, change: 'created' } });
      return databaseOf(row);
    },
  ),

  updateDatabase: write(async (db, args: { name: string; detail: DatabaseDetail }, context) => {
    await db
      .updateTable('catalog_database')
      .set({ record: JSON.stringify(args.detail) })
      .where('name', '=', args.name)
      .execute();
    const row = await db.selectFrom('catalog_database').selectAll().where('name', '=', args.name).executeTakeFirst();
    if (row === undefined) throw databaseMissing(args.name);
    context.emit({ name: 'catalogDatabaseChanged', payload: { database: args.name, change: 'updated' } });
    return databaseOf(row);
  }),

  /** Removes a database. Its tables go to the bin; `tables` is what the caller knows it holds, and more is a conflict. */
  deleteDatabase: write(
    async (db, args: { name: string; tables: readonly string[]; at: number; by: string; purgeAt: number }, context) => {
      const held = await db
        .selectFrom('catalog_table')
        .selectAll()
        .where('database', '=', args.name)
        .where('dropped_at', 'is', null)
        .execute();
      const expected = new Set(args.tables);
      const unexpected = held.filter((row) => !expected.has(row.name));
      if (unexpected.length > 0) {
        throw new LochError(
          'conflict',
          `Database \`${args.name}\` holds ${held.length} tables (${held
            .slice(0, 3)
            .map((row) => `\`${row.name}\``)
            .join(', ')} …). Drop them first.`,
          { context: { database: args.name, tables: held.length } },
        );
      }
      for (const row of held) await dropRow(db, row, args, context);
      const removed = await db.deleteFrom('catalog_database').where('name', '=', args.name).executeTakeFirst();
      if (Number(removed.numDeletedRows) === 0) throw databaseMissing(args.name);
      await db.deleteFrom('catalog_function').where('database', '=', args.name).execute();
      context.emit({ name: 'catalogDatabaseChanged', payload: { database: args.name, change: 'deleted' } });
    },
  ),

  databases: read(async (db, args: { names: readonly string[] }) => {
    if (args.names.length === 0) return [];
    const rows = await db
      .selectFrom('catalog_database')
      .selectAll()
      .where('name', 'in', args.names)
      .orderBy('name')
      .execute();
    return rows.map(databaseOf);
  }),

  /** Every name and location, for the in-memory index. */
  everyName: read(async (db, _args: Record<string, never>) => {
    const databases = await db.selectFrom('catalog_database').select('name').execute();
    const tables = await db
      .selectFrom('catalog_table')
      .select(['id', 'database', 'name', 'definition', 'created_at'])
      .where('dropped_at', 'is', null)
      .orderBy('created_at')
      .execute();
    const outside = await db
      .selectFrom('catalog_partition')
      .innerJoin('catalog_table', 'catalog_table.id', 'catalog_partition.table_id')
      .select(['catalog_partition.table_id', 'catalog_partition.location'])
      .where('catalog_partition.outside', '=', 1)
      .where('catalog_table.dropped_at', 'is', null)
      .execute();
    return {
      databases: databases.map((row) => row.name),
      tables: tables.map((row) => ({
        id: row.id,
        database: row.database,
        table: row.name,
        createdAt: row.created_at,
        location: (JSON.parse(row.definition) as { storage: { location: string } }).storage.location,
      })),
      outside: outside.map((row) => ({ id: row.table_id, location: row.location })),
    };
  }),
};
