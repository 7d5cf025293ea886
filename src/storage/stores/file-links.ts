import { copyFile, link } from 'node:fs/promises';

/** Makes `target` the same file as `source`: a hard link, or a copy where it lies on another file system. */
export async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return; // the same version, asked for twice
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK' && code !== 'ENOTSUP') throw error;
    await copyFile(source, target);
  }
}
