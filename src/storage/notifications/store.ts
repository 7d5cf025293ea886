/**
 * Messages on their way to the targets of buckets.
 *
 * Invariants
 * - A message stands here from the transaction on in which the consumer moves past its event: none is lost. It goes when
 *   its target has taken it, so a target may hear one twice.
 * - What a target has refused for a day stays as a dead letter, for people to see.
 */
import { sql } from 'kysely';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

interface MessageRow {
  id: number;
  bucket: string;
  target: string;
  configuration_id: string;
  message: string;
  created_at: number;
  attempts: number;
  not_before: number;
  failure: string | null;
  dead: number;
  /** 1: its target takes messages one after the other, in their order. */
  ordered: number;
  principal: string | null;
}

interface NotificationTables {
  notification_message: MessageRow;
}

const { read, write } = proceduresOver<NotificationTables>();

/** A message for one target. */
export interface NewMessage {
  readonly bucket: string;
  readonly target: string;
  readonly configurationId: string;
  readonly message: string;
  /** Its target takes messages in their order: a stream. Then in whose name it is written to. */
  readonly principal?: string;
}

/** A message that waits, or a dead letter. **Units**: milliseconds since 1970 UTC. */
export interface WaitingMessage extends NewMessage {
  readonly id: number;
  readonly createdAt: number;
  readonly attempts: number;
  readonly failure?: string;
}

const messageOf = (row: MessageRow): WaitingMessage => ({
  id: row.id,
  bucket: row.bucket,
  target: row.target,
  configurationId: row.configuration_id,
  message: row.message,
  createdAt: row.created_at,
  ...(row.principal === null ? {} : { principal: row.principal }),
  attempts: row.attempts,
  ...(row.failure === null ? {} : { failure: row.failure }),
});

export default defineStoreModule('storageNotifications', {
  migrations: [
    {
      number: 1,
      name: 'messages of buckets',
      statements: [
        `CREATE TABLE IF NOT EXISTS notification_message (
           id INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, target TEXT NOT NULL, configuration_id TEXT NOT NULL,
           message TEXT NOT NULL, created_at BIGINT NOT NULL, attempts BIGINT NOT NULL, not_before BIGINT NOT NULL,
           failure TEXT, dead BIGINT NOT NULL)`,
        `CREATE INDEX IF NOT EXISTS notification_message_due ON notification_message (dead, not_before, id)`,
      ],
    },
    {
      number: 2,
      name: 'messages in order, for streams',
      statements: [
        `ALTER TABLE notification_message ADD COLUMN ordered BIGINT NOT NULL DEFAULT 0`,
        `ALTER TABLE notification_message ADD COLUMN principal TEXT`,
        `CREATE INDEX IF NOT EXISTS notification_message_ordered ON notification_message (target, dead, id)
           WHERE ordered = 1`,
      ],
    },
  ],
  procedures: {
    enqueue: write(async (db, args: { messages: readonly NewMessage[]; at: number }): Promise<void> => {
      for (const { bucket, target, configurationId, message, principal = null } of args.messages) {
        await sql`INSERT INTO notification_message (bucket, target, configuration_id, message, created_at, attempts,
            not_before, dead, ordered, principal)
          VALUES (${bucket}, ${target}, ${configurationId}, ${message}, ${args.at}, 0, 0, 0, ${principal === null ? 0 : 1},
            ${principal})`.execute(db);
      }
    }),

    due: read(async (db, args: { now: number; limit: number }): Promise<WaitingMessage[]> => {
      const { rows } = await sql<MessageRow>`SELECT * FROM notification_message
        WHERE dead = 0 AND ordered = 0 AND not_before <= ${args.now} ORDER BY not_before, id
        LIMIT ${args.limit}`.execute(db);
      return rows.map(messageOf);
    }),

    /** Targets that take messages in order and whose next one is due. */
    orderedTargets: read(async (db, args: { now: number }): Promise<string[]> => {
      const { rows } = await sql<{ target: string }>`SELECT m.target FROM notification_message m JOIN (
          SELECT MIN(id) AS id FROM notification_message WHERE ordered = 1 AND dead = 0 GROUP BY target) f ON f.id = m.id
        WHERE m.not_before <= ${args.now} ORDER BY m.id`.execute(db);
      return rows.map(({ target }) => target);
    }),

    /** What waits for such a target, first come first. */
    waitingFor: read(async (db, args: { target: string; limit: number }): Promise<WaitingMessage[]> => {
      const { rows } = await sql<MessageRow>`SELECT * FROM notification_message WHERE ordered = 1
        AND target = ${args.target} AND dead = 0 ORDER BY id LIMIT ${args.limit}`.execute(db);
      return rows.map(messageOf);
    }),

    delivered: write(async (db, args: { ids: readonly number[] }): Promise<void> => {
      for (const id of args.ids) await sql`DELETE FROM notification_message WHERE id = ${id}`.execute(db);
    }),

    failed: write(async (db, args: { id: number; until: number; failure: string; dead: boolean }): Promise<void> => {
      await sql`UPDATE notification_message SET attempts = attempts + 1, not_before = ${args.until},
          failure = ${args.failure}, dead = ${args.dead ? 1 : 0} WHERE id = ${args.id}`.execute(db);
    }),

    deadLetters: read(async (db, args: { limit: number }): Promise<WaitingMessage[]> => {
      const { rows } = await sql<MessageRow>`SELECT * FROM notification_message WHERE dead = 1 ORDER BY id DESC
        LIMIT ${args.limit}`.execute(db);
      return rows.map(messageOf);
    }),

    /** For the transactions that make and delete a bucket. */
    forget: write(async (db, args: { bucket: string }): Promise<void> => {
      await db.deleteFrom('notification_message').where('bucket', '=', args.bucket).execute();
    }),
  },
});
