import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LochError } from '../../../core/errors.ts';
import { linkOrCopy } from '../file-links.ts';
import { extensionsOf } from './object-path.ts';
import type { BodyPlaces } from './place-body.ts';
import { headOf, type ObjectRow } from './rows.ts';
import { bytesOnDisk, openVersion, readingBytes, readingFile } from './sealed-file.ts';

const OWN = { mode: 0o600 };

/**
 * A version as a file in `directory`, named by its version id, so that no character of the key is read as a pattern:
 * a hard link, a file cut from its segment, or the plain bytes of an encrypted one. It needs no fsync: nothing depends on it after a crash.
 */
export async function openFile(
  places: BodyPlaces,
  row: ObjectRow,
  key: string,
  directory: string,
  dataKey?: Uint8Array,
): Promise<string> {
  const path = join(directory, `${row.version_id}${extensionsOf(key)}`);
  const head = headOf(row);
  const range = { first: 0, last: head.size - 1 };
  if (row.segment !== null) {
    const at = { segment: row.segment, place: row.place! };
    const bytes = await places.segments.read(at, bytesOnDisk(head), row.version_id);
    const plain = dataKey === undefined ? bytes : openVersion(dataKey, head, range, readingBytes(bytes));
    await writeFile(path, plain, OWN);
    return path;
  }
  if (dataKey !== undefined) {
    const source = await open(places.files.pathOf(row.bucket, key, row.version_id), 'r');
    try {
      await writeFile(path, openVersion(dataKey, head, range, readingFile(source)), OWN);
    } finally {
      await source.close();
    }
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
