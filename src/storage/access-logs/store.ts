/** Lines of access logs that wait to be delivered as objects. */
import { sql } from 'kysely';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

interface LineRow {
  id: number;
  bucket: string;
  at: number;
  line: string;
}

const { read, write } = proceduresOver<{ access_log_line: LineRow }>();

export default defineStoreModule('storageAccessLogs', {
  migrations: [
    {
      number: 1,
      name: 'lines of access logs',
      statements: [
        `CREATE TABLE IF NOT EXISTS access_log_line (
           id INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, at BIGINT NOT NULL, line TEXT NOT NULL)`,
        'CREATE INDEX IF NOT EXISTS access_log_line_bucket ON access_log_line (bucket, id)',
      ],
    },
  ],
  procedures: {
    addLines: write(
      async (db, args: { lines: readonly { bucket: string; at: number; line: string }[] }): Promise<void> => {
        for (const { bucket, at, line } of args.lines) {
          await sql`INSERT INTO access_log_line (bucket, at, line) VALUES (${bucket}, ${at}, ${line})`.execute(db);
        }
      },
    ),

    bucketsWithLines: read(async (db, _args: Record<string, never>): Promise<string[]> => {
      const { rows } = await sql<{ bucket: string }>`SELECT DISTINCT bucket FROM access_log_line`.execute(db);
      return rows.map((row) => row.bucket);
    }),

    lines: read(async (db, args: { bucket: string; limit: number }): Promise<LineRow[]> => {
      const { rows } = await sql<LineRow>`SELECT * FROM access_log_line WHERE bucket = ${args.bucket}
        ORDER BY id LIMIT ${args.limit}`.execute(db);
      return rows;
    }),

    /** They are in an object, or nobody wants them any more. */
    dropLines: write(async (db, args: { bucket: string; upTo: number }): Promise<void> => {
      await sql`DELETE FROM access_log_line WHERE bucket = ${args.bucket} AND id <= ${args.upTo}`.execute(db);
    }),
  },
});
