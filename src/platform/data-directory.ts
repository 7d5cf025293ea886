/**
 * The data directory: one owner at a time, a format version, and the keys.
 *
 * Invariants
 * - `lock.db` is held by an exclusive SQLite lock for as long as the process lives; the kernel frees it on any death.
 * - Files with secrets are 0600 and made by rename, so a crash leaves a whole file or none.
 * - The work directory (`work/`, or a folder of our own under the setting `work_dir`) holds nothing that must survive:
 *   it is emptied at start and at close.
 */
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LochError } from '../core/errors.ts';
import { type MasterKeyAccess, openMasterKeys } from './master-key.ts';
import { writeSecretFile } from './secret-file.ts';

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
  /** Whether plain bytes of encrypted objects may lie in the work directory: it is in memory, or declared encrypted. */
  readonly workIsSafe: boolean;
  readonly keysDirectory: string;
  readonly rootKeyFile: string;
  readonly serverFile: string;
  /** 32 bytes: the master key of sealed secrets. */
  readonly masterKey: Uint8Array;
  /** It and the older ones, which open what they sealed. */
  readonly masterKeys: readonly Uint8Array[];
  /** It was made by this start. */
  readonly masterKeyIsNew: boolean;
  release(): void;
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

/** Where the work directory is, as the settings `work_dir` and `work_dir_encrypted` say. */
export interface WorkPlace {
  /** Empty: in the data directory. */
  readonly directory: string;
  /** Its owner says that it lies on an encrypted volume. */
  readonly encrypted: boolean;
}

/** The work directory; under a directory of the owner's a folder that no other lake has, since it is emptied. */
export function workDirectoryOf(path: string, { directory }: WorkPlace): string {
  if (directory === '') return join(path, 'work');
  return join(resolve(directory), `loch-work-${hash('sha256', resolve(path)).slice(0, 16)}`);
}

/** Types of file systems that are memory. **Source**: statfs(2). */
const MEMORY_FILE_SYSTEMS = new Set([0x0102_1994, 0x8584_58f6]);

/** Whether a directory lies in memory (tmpfs, ramfs). What a machine swaps out of it lies in its swap. */
export const isInMemory = (directory: string): boolean => MEMORY_FILE_SYSTEMS.has(statfsSync(directory).type);

/** Holds a data directory whose server is stopped while `work` runs. **Errors**: `conflict` naming the holder's pid. */
export function holdDataDirectory<T>(path: string, work: () => T): T {
  const lock = takeLock(path);
  try {
    return work();
  } finally {
    lock.close();
  }
}

/**
 * Opens (makes) the data directory and holds it. **Errors**: `conflict` naming the holder's pid; `configuration` for a
 * layout of another version.
 */
export function openDataDirectory(
  path: string,
  work: WorkPlace = { directory: '', encrypted: false },
  access: MasterKeyAccess = {},
): DataDirectory {
  for (const folder of ['', 'keys', 'metadata', 'objects', 'logs', 'streams']) {
    mkdirSync(join(path, folder), { recursive: true, mode: 0o700 });
  }
  const lock = takeLock(path);
  try {
    checkVersion(path);
    writeFileSync(join(path, 'loch.pid'), `${process.pid}\n`);
    const master = openMasterKeys(path, access);
    const workDirectory = workDirectoryOf(path, work);
    rmSync(workDirectory, { recursive: true, force: true });
    mkdirSync(workDirectory, { mode: 0o700, recursive: true });
    return {
      path,
      metadataFile: join(path, 'metadata', 'loch.db'),
      objectsDirectory: join(path, 'objects'),
      tiersDirectory: join(path, 'tiers'),
      logsDirectory: join(path, 'logs'),
      streamsDirectory: join(path, 'streams'),
      workDirectory,
      workIsSafe: work.encrypted || isInMemory(workDirectory),
      keysDirectory: join(path, 'keys'),
      rootKeyFile: join(path, 'keys', 'root.json'),
      serverFile: join(path, 'server.json'),
      masterKey: master.keys[0]!,
      masterKeys: master.keys,
      masterKeyIsNew: master.created,
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
