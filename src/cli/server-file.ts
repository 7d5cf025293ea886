import { existsSync, readFileSync } from 'node:fs';
import type { AgentOptions } from 'node:https';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { LochError } from '../core/errors.ts';

/** What a running server tells the command line, in `server.json` of its data directory. */
export interface ServerFile {
  readonly pid: number;
  readonly awsUrl: string;
  readonly consoleUrl: string;
  /** The AWS endpoint by the name that other machines know, where it is another. */
  readonly publicAwsUrl?: string;
  /** What to trust when it serves by TLS: an authority, or (`pinned`) this certificate alone, whatever its names. */
  readonly tls?: { readonly file: string; readonly pinned: boolean };
  readonly region: string;
  readonly accountId: string;
  readonly startedAt: string;
}

export interface RootKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The data directory: `--data`, else `LOCH_DATA`, else `loch` under the user's data folder. */
export function dataDirectoryOf(flag: string | undefined): string {
  if (flag !== undefined && flag !== '') return resolve(flag);
  if (process.env.LOCH_DATA) return resolve(process.env.LOCH_DATA);
  const home = process.env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share');
  return join(home, 'loch');
}

/** Whether a process with this id lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The server of `data`, if one is running. */
export function runningServer(data: string): ServerFile | undefined {
  const file = join(data, 'server.json');
  if (!existsSync(file)) return undefined;
  const server = JSON.parse(readFileSync(file, 'utf8')) as ServerFile;
  return isAlive(server.pid) ? server : undefined;
}

/** TLS settings that trust this server and no other. */
export function trustOf(server: ServerFile): AgentOptions {
  if (server.tls === undefined) return {};
  const ca = readFileSync(server.tls.file, 'utf8');
  // The owner's certificate need not name loopback: it is known by its key, not by its name.
  return server.tls.pinned ? { ca, allowPartialTrustChain: true, checkServerIdentity: () => undefined } : { ca };
}

/** **Errors**: `unavailable` when no server runs on `data`. */
export function requireServer(data: string): ServerFile {
  const server = runningServer(data);
  if (server !== undefined) return server;
  throw new LochError('unavailable', `No Loch is running on ${data}. Start it with \`loch up --data ${data}\`.`, {
    context: { data_directory: data },
  });
}

/** The root keys, which only the owner of the data directory can read. */
export function rootKeyOf(data: string): RootKey {
  const file = join(data, 'keys', 'root.json');
  if (!existsSync(file)) {
    throw new LochError(
      'unavailable',
      `There are no root keys in ${data} yet. The first \`loch up --data ${data}\` makes them.`,
    );
  }
  return JSON.parse(readFileSync(file, 'utf8')) as RootKey;
}
