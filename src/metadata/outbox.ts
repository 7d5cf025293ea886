import type { StoredEvent } from '../core/events.ts';
import { defineStoreModule, proceduresOver } from './contract.ts';

interface OutboxTables {
  outbox: { sequence: number; at: number; name: string; payload: string };
  outbox_consumer: { name: string; sequence: number };
}

const { read, write } = proceduresOver<OutboxTables>();

/** The outbox: events in the transaction of the change they speak of, and where each named consumer stands. */
export const outboxModule = defineStoreModule('outbox', {
  migrations: [
    {
      number: 1,
      name: 'outbox',
      statements: [
        'CREATE TABLE outbox (sequence INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, name TEXT NOT NULL, payload TEXT NOT NULL)',
        'CREATE TABLE outbox_consumer (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL)',
      ],
    },
  ],
  procedures: {
    after: read(async (db, args: { after: number; limit: number }): Promise<StoredEvent[]> => {
      const rows = await db
        .selectFrom('outbox')
        .selectAll()
        .where('sequence', '>', args.after)
        .orderBy('sequence')
        .limit(args.limit)
        .execute();
      return rows.map(
        (row) =>
          ({ name: row.name, payload: JSON.parse(row.payload), sequence: row.sequence, at: row.at }) as StoredEvent,
      );
    }),
    position: read(async (db, args: { consumer: string }): Promise<number> => {
      const row = await db
        .selectFrom('outbox_consumer')
        .select('sequence')
        .where('name', '=', args.consumer)
        .executeTakeFirst();
      return row?.sequence ?? 0;
    }),
    advance: write(async (db, args: { consumer: string; sequence: number }): Promise<void> => {
      await db
        .insertInto('outbox_consumer')
        .values({ name: args.consumer, sequence: args.sequence })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ sequence: args.sequence }))
        .execute();
    }),
    /** Removes events older than `before` (ms) that every consumer has passed. */
    trim: write(async (db, args: { before: number }): Promise<number> => {
      const slowest = await db
        .selectFrom('outbox_consumer')
        .select((e) => e.fn.min('sequence').as('sequence'))
        .executeTakeFirst();
      if (slowest?.sequence === undefined || slowest.sequence === null) return 0;
      const result = await db
        .deleteFrom('outbox')
        .where('sequence', '<=', slowest.sequence)
        .where('at', '<', args.before)
        .executeTakeFirst();
      return Number(result.numDeletedRows);
    }),
  },
});
