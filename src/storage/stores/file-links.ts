import { copyFile, link, realpath, symlink } from 'node:fs/promises';

/**
 * Makes `target` the same file as `source`: a hard link, or where it lies on another file system a symbolic one, lest a
 * work directory in memory holds the lake. A version's file outlives every statement by the grace of the sweeper.
 */
export async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return; // the same version, asked for twice
    if (code === 'EXDEV') {
      await symlink(await realpath(source), target).catch(ignoreExisting);
      return;
    }
    if (code !== 'EPERM' && code !== 'EMLINK' && code !== 'ENOTSUP') throw error;
    await copyFile(source, target);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
