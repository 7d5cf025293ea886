/**
 * The CRC of two strings one after the other, from the CRCs of each and the length of the second: appending zero bytes
 * is a linear map over GF(2), applied by squaring. **Source**: zlib, `crc32_combine`.
 */
import type { ChecksumAlgorithm } from '../contract.ts';
import { CRC32C_POLYNOMIAL } from './crc32c.ts';
import { CRC64NVME_POLYNOMIAL } from './crc64nvme.ts';

type Field = readonly [polynomial: bigint, bits: number];

const FIELDS: Partial<Record<ChecksumAlgorithm, Field>> = {
  crc32: [0xedb88320n, 32],
  crc32c: [BigInt(CRC32C_POLYNOMIAL), 32],
  crc64nvme: [CRC64NVME_POLYNOMIAL, 64],
};

type Matrix = readonly bigint[];

function times(matrix: Matrix, vector: bigint): bigint {
  let sum = 0n;
  for (let i = 0, rest = vector; rest !== 0n; i++, rest >>= 1n) if (rest & 1n) sum ^= matrix[i]!;
  return sum;
}

const squared = (matrix: Matrix): Matrix => matrix.map((column) => times(matrix, column));

/** Per polynomial: the maps that append 1, 2, 4, 8 … zero bytes. */
const powers = new Map<bigint, Matrix[]>();

function appendingZeros([polynomial, bits]: Field, doublings: number): Matrix {
  let known = powers.get(polynomial);
  if (known === undefined) {
    // One zero bit shifts; three squarings make it one zero byte.
    let matrix: Matrix = Array.from({ length: bits }, (_, i) => (i === 0 ? polynomial : 1n << BigInt(i - 1)));
    for (let i = 0; i < 3; i++) matrix = squared(matrix);
    known = [matrix];
    powers.set(polynomial, known);
  }
  while (known.length <= doublings) known.push(squared(known.at(-1)!));
  return known[doublings]!;
}

function combineTwo(field: Field, first: bigint, second: bigint, length: number): bigint {
  let result = first;
  for (let rest = length, i = 0; rest > 0; rest = Math.floor(rest / 2), i++) {
    if (rest % 2 === 1) result = times(appendingZeros(field, i), result);
  }
  return result ^ second;
}

/** Whether checksums of parts give the checksum of the whole. */
export const isCombinable = (algorithm: ChecksumAlgorithm): boolean => FIELDS[algorithm] !== undefined;

/** The base64 CRC of parts laid one after the other, from theirs. **Cost**: some 20 µs a part. */
export function combineCrcs(
  algorithm: ChecksumAlgorithm,
  parts: readonly { readonly checksum: string; readonly size: number }[],
): string {
  const field = FIELDS[algorithm];
  if (field === undefined) throw new TypeError(`${algorithm} is no CRC`);
  let whole = 0n;
  for (const part of parts) {
    whole = combineTwo(field, whole, BigInt(`0x${Buffer.from(part.checksum, 'base64').toString('hex')}`), part.size);
  }
  return Buffer.from(whole.toString(16).padStart(field[1] / 4, '0'), 'hex').toString('base64');
}
