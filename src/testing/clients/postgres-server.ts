import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';

/** A real PostgreSQL server of a test, with one database. */
export interface PostgresServer {
  readonly url: string;
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Breaks off all connections but this one's own. */
  breakConnections(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server in a folder of its own, or gives the reason why it cannot run on this machine. */
export async function startPostgres(flags: readonly string[] = []): Promise<PostgresServer | string> {
  let server: EmbeddedPostgres;
  try {
    server = await startEmbeddedPostgres({ user: 'bank', password: 'planted-secret', flags });
  } catch (error) {
    return (error as Error).message;
  }
  const { url } = server;
  const said: string[] = [];
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => said.push('the connection of the test broke'));
  await client.connect();
  return {
    url,
    query: async (sql, values = []) => (await client.query(sql, [...values])).rows as Record<string, unknown>[],
    async breakConnections() {
      await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
        'loch',
      ]);
    },
    async stop() {
      await client.end();
      await server.stop();
    },
  };
}
