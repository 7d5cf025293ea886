import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type Migration, proceduresOver } from '../../metadata/contract.ts';

/** `sealed` holds everything but the name and the type: properties may hold secrets anywhere. */
export interface ConnectionRow {
  name: string;
  type: string;
  sealed: Uint8Array;
  created_at: number;
  updated_at: number;
  updated_by: string;
}

const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'connections',
    statements: [
      `CREATE TABLE IF NOT EXISTS catalog_connection (
         name TEXT PRIMARY KEY, type TEXT NOT NULL, sealed BLOB NOT NULL, created_at BIGINT NOT NULL,
         updated_at BIGINT NOT NULL, updated_by TEXT NOT NULL)`,
    ],
  },
];

const { read, write } = proceduresOver<{ catalog_connection: ConnectionRow }>();

/** **Errors**: it is the error, `not_found`. */
export function connectionMissing(name: string): LochError {
  return new LochError('not_found', `Connection \`${name}\` does not exist.`, { context: { connection: name } });
}

const connectionStore = defineStoreModule('catalogConnections', {
  migrations,
  procedures: {
    insertConnection: write(async (db, row: ConnectionRow): Promise<void> => {
      const added = await db
        .insertInto('catalog_connection')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (Number(added.numInsertedOrUpdatedRows) > 0) return;
      throw new LochError('already_exists', `Connection \`${row.name}\` exists already. Choose another name.`, {
        context: { connection: row.name },
      });
    }),
    changeConnection: write(async (db, row: Omit<ConnectionRow, 'created_at'>): Promise<void> => {
      const { name, ...changes } = row;
      const result = await db
        .updateTable('catalog_connection')
        .set(changes)
        .where('name', '=', name)
        .executeTakeFirst();
      if (Number(result.numUpdatedRows) === 0) throw connectionMissing(name);
    }),
    removeConnection: write(async (db, args: { name: string }): Promise<void> => {
      const result = await db.deleteFrom('catalog_connection').where('name', '=', args.name).executeTakeFirst();
      if (Number(result.numDeletedRows) === 0) throw connectionMissing(args.name);
    }),
    connection: read(
      async (db, args: { name: string }): Promise<ConnectionRow | undefined> =>
        db.selectFrom('catalog_connection').selectAll().where('name', '=', args.name).executeTakeFirst(),
    ),
    connections: read(async (db, args: { after?: string; limit: number }): Promise<ConnectionRow[]> => {
      let query = db.selectFrom('catalog_connection').selectAll().orderBy('name').limit(args.limit);
      if (args.after !== undefined) query = query.where('name', '>', args.after);
      return query.execute();
    }),
  },
});

export default connectionStore;
