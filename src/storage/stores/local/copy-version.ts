import { copyFile } from 'node:fs/promises';
import { syncFile } from './object-files.ts';
import type { NewName, Placed } from '../places.ts';
import type { BodyPlaces } from './place-body.ts';
import { headOf, keyText, type ObjectRow } from './rows.ts';
import { bytesOnDisk } from './sealed-file.ts';

/** Gives the bytes of a version another name: a hard link moves none of them; a small object is written again. */
export async function copyVersion(places: BodyPlaces, source: ObjectRow, name: NewName): Promise<Placed> {
  await places.space.assertRoom(0);
  if (source.segment !== null) {
    const at = { segment: source.segment, place: source.place! };
    const bytes = await places.segments.read(at, bytesOnDisk(headOf(source)), source.version_id);
    const row = await places.segments.append(name.versionId, bytes);
    return { row, discard: () => Promise.resolve(), decided: () => places.segments.decided(row) };
  }
  const from = places.files.pathOf(source.bucket, keyText(source.key), source.version_id);
  const to = places.files.pathOf(name.bucket, name.key, name.versionId);
  const decided = () => places.files.decided(to);
  try {
    await publishCopy(places, from, to);
  } catch (error) {
    decided();
    throw error;
  }
  return { row: { segment: null, place: null }, discard: () => places.files.remove(to), decided };
}

async function publishCopy(places: BodyPlaces, from: string, to: string): Promise<void> {
  try {
    await places.files.publish(from, to, 'link');
  } catch (error) {
    // A file has a limited number of names; some file systems allow one.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EMLINK' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    await places.files.withTemporary(async (temporary) => {
      await copyFile(from, temporary);
      await syncFile(temporary);
      await places.files.publish(temporary, to, 'rename');
    });
  }
}
