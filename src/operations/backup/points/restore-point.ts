import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LochError } from '../../../core/errors.ts';
import { syncDirectory } from '../manifest.ts';
import { BlockStore } from './block-store.ts';
import { listPoints, readPoint } from './point-file.ts';
import { REPOSITORY } from './take-point.ts';

/** Whether a directory is a repository of points. */
export const isRepository = (directory: string): boolean => existsSync(join(directory, REPOSITORY));

/**
 * Writes the files of a point (the newest, or the one named) to the new folder `staging`, every block verified.
 * **Errors**: `not_found` for a point that is not there, `data_corrupt`.
 */
export async function writePoint(
  repository: string,
  wanted: string | undefined,
  staging: string,
): Promise<{ objects: number; bytes: number; point: string }> {
  const points = await listPoints(repository);
  const point = wanted === undefined ? points.at(-1) : points.find(({ id }) => id === wanted);
  if (point === undefined) {
    const known = points.length === 0 ? 'none' : points.map(({ id }) => id).join(', ');
    throw new LochError(
      'not_found',
      `There is no ${wanted === undefined ? 'point' : `point ${wanted}`} in ${repository}. Known: ${known}.`,
    );
  }
  const blocks = new BlockStore(repository);
  const folders = new Set<string>([staging]);
  const remember = (folder: string) => {
    for (let at = folder; !folders.has(at); at = dirname(at)) folders.add(at);
  };
  let objects = 0;
  let bytes = 0;
  for await (const entry of readPoint(repository, point.id)) {
    const target = join(staging, entry.path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    remember(dirname(target));
    const file = await open(target, 'wx', 0o600);
    try {
      for (const hash of entry.blocks) await file.writeFile(await blocks.get(hash));
      if ((await file.stat()).size !== entry.bytes) {
        throw new LochError('data_corrupt', `${entry.path} has another size than the point tells. Use another point.`);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    objects++;
    bytes += entry.bytes;
  }
  for (const folder of folders) await syncDirectory(folder);
  return { objects, bytes, point: point.id };
}
