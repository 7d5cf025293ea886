/**
 * The data directory: one owner at a time, a format version, and the keys.
 *
 * Invariants
 * - `lock.db` is held by an exclusive SQLite lock for as long as the process lives; the kernel frees it on any death.
 * - Files with secrets are 0600 and made by rename, so a crash leaves a whole file or none.
 * - `work/` holds nothing that must survive: it is emptied at start and at close.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LochError } from '../core/errors.ts';

/** The version of the directory's layout that this program writes. */
export const FORMAT_VERSION = 1;

export interface DataDirectory {
  readonly path: string;
  readonly metadataFile: string;
  readonly objectsDirectory: string;
  /** Colder places of objects, unless the configuration names others. */
  readonly tiersDirectory: string;
  readonly logsDirectory: string;
  readonly streamsDirectory: string;
  readonly workDirectory: string;
  readonly keysDirectory: string;
  readonly rootKeyFile: string;
  readonly serverFile: string;
  /** 32 bytes: the master key of sealed secrets. */
  readonly masterKey: Uint8Array;
  release(): void;
}

/** Writes `text` to `file` (mode 0600) durably: temporary file, fsync, rename, fsync of the folder. */
export function writeSecretFile(file: string, text: string): void {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The pid in the directory's pid file, if there is one. Whether that process lives is another question. */
export function holderPid(path: string): number | undefined {
  const file = join(path, 'loch.pid');
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

function takeLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, 'lock.db'));
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;');
    return lock;
  } catch (error) {
    lock.close();
    const holder = holderPid(path) ?? 'unknown';
    throw new LochError(
      'conflict',
      `The data directory ${path} is in use by process ${holder}. Stop it with \`loch down --data ${path}\`, or choose another directory with --data.`,
      { context: { data_directory: path, pid: holder }, cause: error },
    );
  }
}

function checkVersion(path: string): void {
  const file = join(path, 'VERSION');
  if (!existsSync(file)) {
    writeSecretFile(file, `${FORMAT_VERSION}\n`);
    return;
  }
  const found = Number(readFileSync(file, 'utf8').trim());
  if (found !== FORMAT_VERSION) {
    throw new LochError(
      'configuration',
      `The data directory ${path} has format version ${found}; this program knows version ${FORMAT_VERSION}. Start the Loch that wrote it, or restore a backup made before the upgrade.`,
      { context: { data_directory: path, found, known: FORMAT_VERSION } },
    );
  }
}

function masterKey(path: string): Uint8Array {
  const file = join(path, 'keys', 'master.key');
  if (!existsSync(file)) writeSecretFile(file, randomBytes(32).toString('base64'));
  const key = Buffer.from(readFileSync(file, 'utf8'), 'base64');
  if (key.length !== 32) {
    throw new LochError(
      'data_corrupt',
      `${file} does not hold a key of 32 bytes. Restore it from a backup of this data directory.`,
    );
  }
  return key;
}

/**
 * Opens (makes) the data directory and holds it. **Errors**: `conflict` naming the holder's pid; `configuration` for a
 * layout of another version.
 */
export function openDataDirectory(path: string): DataDirectory {
  for (const folder of ['', 'keys', 'metadata', 'objects', 'logs', 'streams']) {
    mkdirSync(join(path, folder), { recursive: true, mode: 0o700 });
  }
  const lock = takeLock(path);
  try {
    checkVersion(path);
    writeFileSync(join(path, 'loch.pid'), `${process.pid}\n`);
    const workDirectory = join(path, 'work');
    rmSync(workDirectory, { recursive: true, force: true });
    mkdirSync(workDirectory, { mode: 0o700 });
    return {
      path,
      metadataFile: join(path, 'metadata', 'loch.db'),
      objectsDirectory: join(path, 'objects'),
      tiersDirectory: join(path, 'tiers'),
      logsDirectory: join(path, 'logs'),
      streamsDirectory: join(path, 'streams'),
      workDirectory,
      keysDirectory: join(path, 'keys'),
      rootKeyFile: join(path, 'keys', 'root.json'),
      serverFile: join(path, 'server.json'),
      masterKey: masterKey(path),
      release() {
        rmSync(workDirectory, { recursive: true, force: true });
        rmSync(join(path, 'loch.pid'), { force: true });
        rmSync(join(path, 'server.json'), { force: true });
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}
