import { proceduresOver } from '../../metadata/contract.ts';
import { type DatabaseTables, searchFields, type TableDefinition, TEXT_INDEX } from './rows.ts';

const { read, write } = proceduresOver<DatabaseTables>();

/** The full-text index of tables: looked at, emptied, and written again from the rows. */
export const searchProcedures = {
  /** Whether the index has an entry for each table. */
  indexState: read(async (db, _args: Record<string, never>, context): Promise<{ whole: boolean; reason: string }> => {
    const { tables } = await db
      .selectFrom('catalog_table')
      .select((e) => e.fn.countAll<number>().as('tables'))
      .where('dropped_at', 'is', null)
      .executeTakeFirstOrThrow();
    const entries = context.text.count(TEXT_INDEX);
    if (entries === undefined) return { whole: false, reason: 'its parts do not agree' };
    const whole = entries === Number(tables);
    return { whole, reason: whole ? '' : `${entries} entries for ${tables} tables` };
  }),

  emptyIndex: write(async (_db, _args: Record<string, never>, context): Promise<void> => context.text.empty()),

  /** Writes the entries of some tables again, by id; `last` is undefined when there are no more. */
  indexTables: write(
    async (db, args: { after: string; limit: number }, context): Promise<{ tables: number; last?: string }> => {
      const rows = await db
        .selectFrom('catalog_table')
        .select(['id', 'database', 'name', 'definition'])
        .where('dropped_at', 'is', null)
        .where('id', '>', args.after)
        .orderBy('id')
        .limit(args.limit)
        .execute();
      for (const row of rows) {
        const definition = JSON.parse(row.definition) as TableDefinition;
        context.text.put(TEXT_INDEX, row.id, searchFields(row.database, row.name, definition));
      }
      const last = rows.length < args.limit ? undefined : rows.at(-1)!.id;
      return { tables: rows.length, ...(last === undefined ? {} : { last }) };
    },
  ),
};
