import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { startEmbeddedPostgres } from '../src/testing/clients/embedded-postgres.ts';
import { SOURCE_SCHEMA, type SourceOptions, sourceTables } from './data/index.ts';

/** A PostgreSQL that plays the bank's core system. */
export interface SourceDatabase {
  readonly url: string;
  stop(): Promise<void>;
}

/** The user's own database, or an embedded server on a free port of the loopback. */
export async function openSourceDatabase(url: string | undefined): Promise<SourceDatabase> {
  if (url !== undefined) return { url, stop: async () => {} };
  try {
    return await startEmbeddedPostgres({ user: 'halden', flags: ['-c', 'wal_level=logical'] });
  } catch (error) {
    throw new Error(`${(error as Error).message}\nGive a database of your own by --pg URL.`, { cause: error });
  }
}

/** Makes the bank's tables anew and fills them. Returns the rows by table. */
export async function fillSourceDatabase(url: string, options: SourceOptions): Promise<Record<string, number>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of SOURCE_SCHEMA) await client.query(statement);
    const rows: Record<string, number> = {};
    for (const table of sourceTables(options)) {
      await pipeline(Readable.from(table.copyChunks()), client.query(copyFrom(table.copyStatement)));
      const { rows: counted } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table.name}`);
      rows[table.name] = Number(counted[0]!.n);
    }
    return rows;
  } finally {
    await client.end();
  }
}
