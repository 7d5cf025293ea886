import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LochError } from '../../core/errors.ts';
import { type BackupManifest, copyHashed, MANIFEST, syncDirectory } from './manifest.ts';

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
  const manifest = JSON.parse(await readFile(join(backup, MANIFEST), 'utf8')) as BackupManifest;
  const staging = `${target}.restoring`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true, mode: 0o700 });
  let bytes = 0;
  for (const file of manifest.files) {
    const copied = await copyHashed(join(backup, file.path), join(staging, file.path)).catch((error) => {
      throw new LochError('data_corrupt', `The backup lacks ${file.path}: ${(error as Error).message}.`, {
        cause: error,
      });
    });
    if (copied.sha256 !== file.sha256) {
      await rm(staging, { recursive: true, force: true });
      throw new LochError(
        'data_corrupt',
        `${file.path} in the backup is not what was written (SHA-256 differs). Use another backup.`,
        {
          context: { file: file.path },
        },
      );
    }
    bytes += copied.bytes;
  }
  await rm(target, { recursive: true, force: true });
  await rename(staging, target); // the commit point
  await syncDirectory(dirname(target));
  return { objects: manifest.files.length, bytes };
}
