/**
 * One consistent copy of a running lake.
 *
 * Order is what makes it consistent: undelivered records first (a record delivered meanwhile is then in both, and its
 * delivery is recognized), then the metadata in one read transaction, then the files that metadata may name. Files of
 * objects never change and are removed only a grace period after nothing names them; segments only grow.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { LochError } from '../../core/errors.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { BackupReport } from '../contract.ts';
import { type BackupManifest, copyHashed, hashFile, MANIFEST, syncDirectory, syncTree } from './manifest.ts';

export interface BackupSources {
  readonly store: MetadataStore;
  readonly dataDirectory: string;
  /** Folders under the data directory, in the order they must be copied, before and after the metadata. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Runs work while no bytes of objects are swept. */
  readonly undisturbed?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** What was being written when it was read, and is named by nothing. */
const HALF_WRITTEN = /^objects\/\.temporary\//;

/** **Errors**: `already_exists` when `target` is there; `disk_full`. The manifest is written last: without it a folder is no backup. */
export async function takeBackup(sources: BackupSources, target: string, signal: AbortSignal): Promise<BackupReport> {
  if (existsSync(target)) {
    throw new LochError('already_exists', `${target} exists. A backup goes to a directory that does not exist yet.`, {
      context: { directory: target },
    });
  }
  if (!relative(sources.dataDirectory, target).startsWith('..')) {
    throw new LochError(
      'invalid_argument',
      `${target} lies inside the data directory. Choose a place outside of it, best on another disk.`,
    );
  }
  await mkdir(target, { recursive: true, mode: 0o700 });
  const files: BackupManifest['files'][number][] = [];
  const copyFolder = async (folder: string) => {
    for (const path of await filesUnder(join(sources.dataDirectory, folder))) {
      signal.throwIfAborted();
      const name = relative(sources.dataDirectory, path);
      if (HALF_WRITTEN.test(name)) continue;
      const copied = await copyIfThere(path, join(target, name));
      if (copied !== undefined) files.push({ path: name, ...copied });
    }
  };
  for (const folder of sources.before) await copyFolder(folder);
  await mkdir(join(target, 'metadata'), { recursive: true, mode: 0o700 });
  const database = join(target, 'metadata', 'loch.db');
  const metadataBytes = await sources.store.backup(database);
  files.push({ path: 'metadata/loch.db', ...(await hashFile(database)) });
  for (const folder of sources.after) await copyFolder(folder);
  const version = join(sources.dataDirectory, 'VERSION');
  files.push({ path: 'VERSION', ...(await copyHashed(version, join(target, 'VERSION'))) });
  const manifest: BackupManifest = { format: 1, takenAt: new Date().toISOString(), files };
  await syncTree(target, files);
  await writeFile(join(target, MANIFEST), JSON.stringify(manifest), { flush: true, mode: 0o600 });
  await syncDirectory(target);
  await syncDirectory(dirname(target));
  return {
    directory: target,
    objects: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    metadataBytes,
  };
}

async function filesUnder(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** A file that is gone meanwhile was named by nobody: temporary, or swept after its grace. */
async function copyIfThere(from: string, to: string): Promise<{ bytes: number; sha256: string } | undefined> {
  try {
    return await copyHashed(from, to, (await stat(from)).size);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
