import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LochError, toLochError } from '../../core/errors.ts';
import { type BackupManifest, copyHashed, MANIFEST, parseManifest, syncDirectory, syncTree } from './manifest.ts';

/**
 * Makes the data directory `target` from a backup; it appears whole, by one rename, or not at all.
 * **Errors**: `already_exists` when `target` holds something; `data_corrupt` naming the file that differs from the manifest.
 */
export async function restoreBackup(backup: string, target: string): Promise<{ objects: number; bytes: number }> {
  if (!existsSync(join(backup, MANIFEST))) {
    throw new LochError(
      'not_found',
      `${backup} is no finished backup: it has no ${MANIFEST}. Name a directory written by \`loch backup\`.`,
    );
  }
  if (existsSync(target) && (await readdir(target)).length > 0) {
    throw new LochError('already_exists', `${target} is not empty. Restore to a new data directory with --data.`, {
      context: { directory: target },
    });
  }
  const manifest = parseManifest(await readFile(join(backup, MANIFEST), 'utf8'));
  const staging = `${target}.restoring`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true, mode: 0o700 });
  let bytes = 0;
  try {
    for (const file of manifest.files) bytes += await restoreFile(backup, staging, file);
    await syncTree(staging, manifest.files);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
  await rm(target, { recursive: true, force: true });
  await rename(staging, target); // the commit point
  await syncDirectory(dirname(target));
  return { objects: manifest.files.length, bytes };
}

async function restoreFile(backup: string, staging: string, file: BackupManifest['files'][number]): Promise<number> {
  const copied = await copyHashed(join(backup, file.path), join(staging, file.path)).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw toLochError(cause);
    throw new LochError('data_corrupt', `The backup lacks ${file.path}. Use another backup.`, { cause });
  });
  if (copied.sha256 === file.sha256) return copied.bytes;
  throw new LochError(
    'data_corrupt',
    `${file.path} in the backup is not what was written (SHA-256 differs). Use another backup.`,
    { context: { file: file.path } },
  );
}
