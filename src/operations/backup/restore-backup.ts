import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LochError, toLochError } from '../../core/errors.ts';
import { type BackupManifest, copyHashed, MANIFEST, parseManifest, syncDirectory, syncTree } from './manifest.ts';
import { isRepository, writePoint } from './points/restore-point.ts';

/** Which backup, and what becomes of what is there. */
export interface RestoreOptions {
  /** A point of a repository; the newest when not given. */
  readonly point?: string;
  /** Puts a data directory that is there aside, once everything of the backup was verified. */
  readonly replace?: boolean;
}

/**
 * Makes the data directory `target` from a backup; it appears whole, by one rename, or not at all.
 * **Errors**: `already_exists` when `target` holds something, `conflict` when a server runs on it; `data_corrupt` naming
 * the file or block that is not what was written.
 */
export async function restoreBackup(
  backup: string,
  target: string,
  options: RestoreOptions = {},
): Promise<{ objects: number; bytes: number; replaced?: string }> {
  const full = await isFull(target);
  if (full && options.replace !== true) {
    throw new LochError(
      'already_exists',
      `${target} is not empty. Restore to a new data directory with --data, or put it aside with --replace.`,
      { context: { directory: target } },
    );
  }
  if (full) assertStopped(target);
  const staging = `${target}.restoring`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true, mode: 0o700 });
  let restored: { objects: number; bytes: number };
  try {
    restored = isRepository(backup)
      ? await writePoint(backup, options.point, staging)
      : await writeBackup(backup, staging, options.point);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
  // Everything was verified: only now is anything touched that was there.
  const replaced = full ? `${target}.replaced-${Date.now()}` : undefined;
  if (replaced === undefined) await rm(target, { recursive: true, force: true });
  else await rename(target, replaced);
  await rename(staging, target); // the commit point
  await syncDirectory(dirname(target));
  return { objects: restored.objects, bytes: restored.bytes, ...(replaced === undefined ? {} : { replaced }) };
}

const isFull = async (target: string): Promise<boolean> => existsSync(target) && (await readdir(target)).length > 0;

/** **Errors**: `conflict` when a server runs on the directory. */
function assertStopped(target: string): void {
  const pid = Number(existsSync(join(target, 'loch.pid')) ? readFileSync(join(target, 'loch.pid'), 'utf8') : '0');
  if (pid <= 0) return;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
  }
  throw new LochError(
    'conflict',
    `Process ${pid} runs on ${target}. Stop it with \`loch down --data ${target}\` first.`,
    {
      context: { data_directory: target, pid },
    },
  );
}

async function writeBackup(
  backup: string,
  staging: string,
  point: string | undefined,
): Promise<{ objects: number; bytes: number }> {
  if (point !== undefined) {
    throw new LochError('invalid_argument', `${backup} is one whole backup: it has no points to choose from.`);
  }
  if (!existsSync(join(backup, MANIFEST))) {
    throw new LochError(
      'not_found',
      `${backup} is no finished backup: it has no ${MANIFEST}. Name a directory written by \`loch backup\`.`,
    );
  }
  const manifest = parseManifest(await readFile(join(backup, MANIFEST), 'utf8'));
  let bytes = 0;
  for (const file of manifest.files) bytes += await restoreFile(backup, staging, file);
  await syncTree(staging, manifest.files);
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
