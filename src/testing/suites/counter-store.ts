/** A small store module for the suites of the metadata store: named counters, with an event and a text document each. */
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

interface CounterTables {
  counter: { name: string; value: number };
}

const { read, write } = proceduresOver<CounterTables>();

/** Counters: `add` makes and moves one, `fail` writes and then throws, `value` and `search` read. */
const counterStore = defineStoreModule('counter', {
  migrations: [
    {
      number: 1,
      name: 'counter',
      statements: ['CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL)'],
    },
  ],
  procedures: {
    add: write(async (db, args: { name: string; by: number }, context): Promise<number> => {
      const row = await db
        .insertInto('counter')
        .values({ name: args.name, value: args.by })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet((e) => ({ value: e('counter.value', '+', args.by) })),
        )
        .returning('value')
        .executeTakeFirstOrThrow();
      context.emit({ name: 'storageBucketCreated', payload: { bucket: args.name } });
      context.text.put('counter', args.name, { strong: args.name, weak: `value ${row.value}` });
      return row.value;
    }),
    fail: write(async (db, args: { name: string }): Promise<void> => {
      await db.insertInto('counter').values({ name: args.name, value: 1 }).execute();
      throw new LochError('precondition_failed', `\`${args.name}\` fails on purpose.`, {
        context: { name: args.name },
      });
    }),
    value: read(async (db, args: { name: string }): Promise<number | undefined> => {
      const row = await db.selectFrom('counter').select('value').where('name', '=', args.name).executeTakeFirst();
      return row?.value;
    }),
    search: read(
      async (_db, args: { query: string }, context): Promise<string[]> =>
        context.text.search('counter', args.query, 10).map((hit) => hit.id),
    ),
  },
});

export default counterStore;

/** Where the database thread finds this module. */
export const counterStoreModule = new URL(import.meta.url);
