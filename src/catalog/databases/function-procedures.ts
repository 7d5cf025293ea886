import { LochError } from '../../core/errors.ts';
import { proceduresOver } from '../../metadata/contract.ts';
import type { FunctionInput, FunctionRecord } from './contract.ts';
import { databaseMissing } from './missing.ts';
import type { DatabaseTables } from './rows.ts';

const { read, write } = proceduresOver<DatabaseTables>();

const functionOf = (row: DatabaseTables['catalog_function']): FunctionRecord => ({
  ...(JSON.parse(row.detail) as FunctionInput),
  database: row.database,
  createdAt: row.created_at,
});

function functionMissing(database: string, name: string): LochError {
  return new LochError('not_found', `Function \`${database}.${name}\` does not exist.`, {
    context: { database, function: name },
  });
}

export const functionProcedures = {
  insertFunction: write(async (db, args: { database: string; input: FunctionInput; at: number }): Promise<void> => {
    const home = await db
      .selectFrom('catalog_database')
      .select('name')
      .where('name', '=', args.database)
      .executeTakeFirst();
    if (home === undefined) throw databaseMissing(args.database);
    const added = await db
      .insertInto('catalog_function')
      .values({
        database: args.database,
        name: args.input.name,
        detail: JSON.stringify(args.input),
        created_at: args.at,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (Number(added.numInsertedOrUpdatedRows) > 0) return;
    throw new LochError('already_exists', `Function \`${args.database}.${args.input.name}\` exists already.`, {
      context: { database: args.database, function: args.input.name },
    });
  }),

  changeFunction: write(async (db, args: { database: string; name: string; input: FunctionInput }): Promise<void> => {
    const result = await db
      .updateTable('catalog_function')
      .set({ detail: JSON.stringify(args.input) })
      .where('database', '=', args.database)
      .where('name', '=', args.name)
      .executeTakeFirst();
    if (Number(result.numUpdatedRows) === 0) throw functionMissing(args.database, args.name);
  }),

  removeFunction: write(async (db, args: { database: string; name: string }): Promise<void> => {
    const result = await db
      .deleteFrom('catalog_function')
      .where('database', '=', args.database)
      .where('name', '=', args.name)
      .executeTakeFirst();
    if (Number(result.numDeletedRows) === 0) throw functionMissing(args.database, args.name);
  }),

  function: read(async (db, args: { database: string; name: string }): Promise<FunctionRecord> => {
    const row = await db
      .selectFrom('catalog_function')
      .selectAll()
      .where('database', '=', args.database)
      .where('name', '=', args.name)
      .executeTakeFirst();
    if (row === undefined) throw functionMissing(args.database, args.name);
    return functionOf(row);
  }),

  functions: read(async (db, args: { database: string; after?: string; limit: number }): Promise<FunctionRecord[]> => {
    let query = db
      .selectFrom('catalog_function')
      .selectAll()
      .where('database', '=', args.database)
      .orderBy('name')
      .limit(args.limit);
    if (args.after !== undefined) query = query.where('name', '>', args.after);
    return (await query.execute()).map(functionOf);
  }),
};
