/**
 * Deletion vectors of version 3: blobs in Puffin files, found by the manifest alone.
 *
 * A blob is its length (big-endian, of what follows but the checksum), a bitmap that begins with its own magic number,
 * and a CRC-32 of that bitmap (big-endian). **Source**: Puffin specification, `deletion-vector-v1`.
 */
import { crc32 } from 'node:zlib';
import { isLochError, LochError } from '../../core/errors.ts';
import { positionsOf } from '../roaring.ts';
import { parseS3Uri } from '../s3-uri.ts';
import type { DeletionVector } from './contract-types.ts';
import type { FileRecord } from './manifest.ts';
import type { TableObjects } from './table-files.ts';

const LENGTH_BYTES = 4;
const CHECKSUM_BYTES = 4;
/** A bitmap of as many positions as one file may have is smaller. **Units**: bytes. */
const MOST_BYTES = 512 * 1024 * 1024;

/** What a manifest says of a vector. **Errors**: `data_corrupt` when it does not say where it lies or what it is of. */
export function vectorOf(record: FileRecord): { readonly dataFile: string; readonly vector: DeletionVector } {
  const { referenced_data_file: dataFile, content_offset: offset, content_size_in_bytes: bytes } = record;
  const lies = Number.isSafeInteger(offset) && Number.isSafeInteger(bytes) && offset! >= 0 && bytes! > 0;
  if (typeof dataFile === 'string' && lies) {
    return { dataFile, vector: { path: record.file_path, offset: offset!, bytes: bytes!, rows: record.record_count } };
  }
  throw new LochError(
    'data_corrupt',
    `The manifest entry of the deletion vector in \`${record.file_path}\` does not say where in it (\`content_offset\`, \`content_size_in_bytes\`) and of which data file it is.`,
    { context: { file: record.file_path } },
  );
}

/** The positions a vector takes away, ascending. **Errors**: `data_corrupt` naming file and offset; `limit_exceeded`. */
export async function readVector(objects: TableObjects, vector: DeletionVector): Promise<readonly number[]> {
  const { path, offset, bytes, rows } = vector;
  const corrupt = (why: string, cause?: unknown) =>
    new LochError(
      'data_corrupt',
      `The deletion vector in \`${path}\` at offset ${offset} cannot be read: ${why}. Roll back to an earlier snapshot.`,
      { context: { file: path, offset }, cause },
    );
  if (bytes > MOST_BYTES) {
    throw new LochError(
      'limit_exceeded',
      `The deletion vector in \`${path}\` at ${offset} has ${bytes} bytes; ${MOST_BYTES} are the most.`,
    );
  }
  const blob = await readBytes(objects, vector).catch((error: unknown) => {
    if (isLochError(error, 'object_not_found')) throw corrupt('the file is not there', error);
    if (isLochError(error, 'range_not_satisfiable')) throw corrupt('the file ends before it', error);
    throw error;
  });
  if (blob.length !== bytes) throw corrupt(`the file has ${blob.length} of its ${bytes} bytes`);
  if (bytes < LENGTH_BYTES + CHECKSUM_BYTES || blob.readUInt32BE(0) !== bytes - LENGTH_BYTES - CHECKSUM_BYTES) {
    throw corrupt('its length is not the one the manifest tells');
  }
  const bitmap = blob.subarray(LENGTH_BYTES, bytes - CHECKSUM_BYTES);
  if (crc32(bitmap) !== blob.readUInt32BE(bytes - CHECKSUM_BYTES)) throw corrupt('its checksum does not match');
  let positions: readonly number[];
  try {
    positions = positionsOf(bitmap);
  } catch (error) {
    if (!isLochError(error, 'data_corrupt')) throw error;
    throw corrupt(error.message, error);
  }
  if (positions.length !== rows) throw corrupt(`it has ${positions.length} positions, the manifest says ${rows}`);
  return positions;
}

async function readBytes(objects: TableObjects, { path, offset, bytes }: DeletionVector): Promise<Buffer> {
  const { bucket, key } = parseS3Uri(path);
  const { body } = await objects.get(bucket, key, { range: { first: offset, last: offset + bytes - 1 } });
  return Buffer.concat(await body.toArray());
}
