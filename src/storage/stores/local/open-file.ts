import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LochError } from '../../../core/errors.ts';
import { linkOrCopy } from '../file-links.ts';
import { extensionsOf } from './object-path.ts';
import type { BodyPlaces } from './place-body.ts';
import type { ObjectRow } from './rows.ts';

/**
 * A version as a file in `directory`, named by its version id, so that no character of the key is read as a pattern:
 * a hard link, or a file cut from its segment. It needs no fsync: nothing depends on it after a crash.
 */
export async function openFile(places: BodyPlaces, row: ObjectRow, key: string, directory: string): Promise<string> {
  const path = join(directory, `${row.version_id}${extensionsOf(key)}`);
  if (row.segment !== null) {
    const bytes = await places.segments.read({ segment: row.segment, place: row.place! }, row.size, row.version_id);
    await writeFile(path, bytes);
    return path;
  }
  try {
    await linkOrCopy(places.files.pathOf(row.bucket, key, row.version_id), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new LochError('data_corrupt', `The file of s3://${row.bucket}/${key} is gone from the disk.`, {
      context: { bucket: row.bucket, key, versionId: row.version_id },
      cause: error,
    });
  }
  return path;
}
