import type { StoredEvent } from '../core/events.ts';
import { defineStoreModule, proceduresOver } from './contract.ts';

interface OutboxTables {
  outbox: { sequence: number; at: number; name: string; payload: string };
  outbox_consumer: { name: string; sequence: number };
}

const { read, write } = proceduresOver<OutboxTables>();

/** Events that one transaction of a trim removes at most. */
export const TRIM_BATCH = 5_000;

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
    /**
     * Removes the oldest events, `TRIM_BATCH` at most: those older than `before` (ms) that each of `consumers` has passed.
     * A consumer without a row has passed none. Resolves with how many there were.
     */
    trim: write(async (db, args: { before: number; consumers: readonly string[] }): Promise<number> => {
      const rows = await db
        .selectFrom('outbox_consumer')
        .select('sequence')
        .where('name', 'in', [...args.consumers])
        .execute();
      if (rows.length < args.consumers.length) return 0;
      const passed = Math.min(...rows.map((row) => row.sequence));
      const oldest = await db
        .selectFrom('outbox')
        .select(['sequence', 'at'])
        .orderBy('sequence')
        .limit(TRIM_BATCH)
        .execute();
      // A prefix is removed and nothing else: who reads on from a cursor sees by a jump that events are gone.
      const kept = oldest.findIndex((row) => row.at >= args.before || row.sequence > passed);
      const gone = kept < 0 ? oldest : oldest.slice(0, kept);
      const last = gone.at(-1);
      if (last === undefined) return 0;
      await db.deleteFrom('outbox').where('sequence', '<=', last.sequence).execute();
      return gone.length;
    }),
  },
});
