/**
 * Mends a version from another place that holds the same bytes: what was moved is in its old place until the grace is
 * over, and what is restored has a copy.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isLochError } from '../../../core/errors.ts';
import type { TierPlace } from '../../tiers/contract-types.ts';
import { tierOf } from '../../tiers/tiered-places.ts';
import { syncFile } from './object-files.ts';
import { keyText, type ObjectRow } from './rows.ts';
import { type VersionBytes, verifyVersion } from './verify-version.ts';

export interface RepairPlaces extends VersionBytes {
  /** Every place beside the hot one, with restored copies. */
  readonly others: readonly TierPlace[];
}

/** Whether the version was mended. */
export async function repairVersion(places: RepairPlaces, row: ObjectRow): Promise<boolean> {
  const number = tierOf(row);
  // Records of segments have no second place.
  if (row.segment !== null) return false;
  const own = number === undefined ? undefined : places.tier(number);
  const path = places.files.pathOf(row.bucket, keyText(row.key), row.version_id);
  const sources: (() => AsyncIterable<Uint8Array>)[] = places.others
    .filter((place) => place !== own)
    .map((place) => () => place.read(row.version_id));
  if (own !== undefined) sources.push(() => createReadStream(path));
  for (const source of sources) {
    if (!(await isSound(source(), row))) continue;
    if (own !== undefined) await own.write(row.version_id, source(), { size: row.size });
    else await rewriteFile(places, path, source());
    return true;
  }
  return false;
}

async function isSound(source: AsyncIterable<Uint8Array>, row: ObjectRow): Promise<boolean> {
  try {
    return (await verifyVersion(source, row)).kind === 'sound';
  } catch (error) {
    if (isLochError(error, 'unavailable')) return false;
    throw error;
  }
}

async function rewriteFile(places: RepairPlaces, path: string, source: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await places.files.withTemporary(async (temporary) => {
    await pipeline(source, createWriteStream(temporary, { flags: 'wx' }));
    await syncFile(temporary);
    await places.files.publish(temporary, path, 'rename');
    places.files.decided(path);
  });
}
