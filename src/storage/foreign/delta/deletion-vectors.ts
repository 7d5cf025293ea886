/** Where a deletion vector lies, and its rows. **Source**: Delta protocol, "Deletion Vectors". */
import { LochError } from '../../../core/errors.ts';
import type { TableFolder } from '../table-folder.ts';
import { positionsOf } from '../../roaring.ts';

export interface DeletionVector {
  readonly storageType: string;
  readonly pathOrInlineDv: string;
  readonly offset?: number | bigint | null;
  readonly sizeInBytes: number | bigint;
}

const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const UUID_LENGTH = 20;

/** **Errors**: `data_corrupt`. **Source**: ZeroMQ RFC 32 (Z85). */
function fromZ85(text: string): Buffer {
  const bytes = Buffer.alloc(Math.floor(text.length / 5) * 4);
  for (let group = 0; group * 5 + 5 <= text.length; group++) {
    let value = 0;
    for (let n = 0; n < 5; n++) {
      const digit = Z85.indexOf(text[group * 5 + n]!);
      if (digit < 0) throw new LochError('data_corrupt', 'A deletion vector has an address that is no base-85 text.');
      value = value * 85 + digit;
    }
    bytes.writeUInt32BE(value % 2 ** 32, group * 4);
  }
  return bytes;
}

function pathOf(vector: DeletionVector, folder: TableFolder): string {
  if (vector.storageType === 'p') return folder.own(decodeURI(vector.pathOrInlineDv));
  const text = vector.pathOrInlineDv;
  const prefix = text.slice(0, -UUID_LENGTH);
  const hex = fromZ85(text.slice(-UUID_LENGTH)).toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return folder.own(`${prefix === '' ? '' : `${prefix}/`}deletion_vector_${uuid}.bin`);
}

/** What tells one vector of a file from another. */
export const vectorId = (vector: DeletionVector | null | undefined): string =>
  vector === null || vector === undefined
    ? ''
    : `${vector.storageType}${vector.pathOrInlineDv}${vector.offset === null || vector.offset === undefined ? '' : `@${vector.offset}`}`;

/** The deleted positions. **Errors**: `data_corrupt`, `unsupported` naming the kind of storage. */
export async function deletedPositions(vector: DeletionVector, folder: TableFolder): Promise<number[]> {
  const size = Number(vector.sizeInBytes);
  switch (vector.storageType) {
    case 'i':
      return positionsOf(fromZ85(vector.pathOrInlineDv).subarray(0, size));
    case 'u':
    case 'p': {
      const offset = Number(vector.offset ?? 0);
      const path = pathOf(vector, folder);
      const bytes = await folder.readRange(path, offset, offset + 4 + size);
      if (bytes.length < 4 + size || bytes.readInt32BE(0) !== size) {
        throw new LochError(
          'data_corrupt',
          `The deletion vector in \`${folder.address(path)}\` at ${offset} is not there.`,
        );
      }
      return positionsOf(bytes.subarray(4));
    }
    default:
      throw new LochError('unsupported', `Deletion vectors stored as \`${vector.storageType}\` are not read.`);
  }
}
