/**
 * The set of numbers in a deletion vector, which Delta and Iceberg write alike. **Source**: Delta protocol, "Deletion
 * Vector Format"; Puffin specification, `deletion-vector-v1`; the portable format of RoaringFormatSpec.
 */
import { LochError } from '../core/errors.ts';

const MAGIC = 1_681_511_377;
const NO_RUNS = 12_346;
const WITH_RUNS = 12_347;
const OFFSETS_FROM = 4;
const MOST_ARRAY = 4_096;
/** Positions that one file may have deleted. */
const MOST_POSITIONS = 50_000_000;

const corrupt = (why: string, cause?: unknown) =>
  new LochError('data_corrupt', `A deletion vector cannot be read: ${why}.`, { cause });

/** The numbers of a serialized vector, ascending. **Errors**: `data_corrupt`. */
export function positionsOf(bytes: Buffer): number[] {
  try {
    if (bytes.readInt32LE(0) !== MAGIC) throw corrupt(`it begins with ${bytes.readInt32LE(0)}`);
    const positions: number[] = [];
    const count = Number(bytes.readBigUInt64LE(4));
    let at = 12;
    for (let n = 0; n < count; n++) {
      const high = bytes.readUInt32LE(at) * 2 ** 32;
      at = readBitmap(bytes, at + 4, high, positions);
    }
    return positions;
  } catch (error) {
    if (error instanceof LochError) throw error;
    throw corrupt('it is cut off', error);
  }
}

/** Reads one 32-bit bitmap at `start`; returns where it ends. */
function readBitmap(bytes: Buffer, start: number, base: number, positions: number[]): number {
  let at = start;
  const cookie = bytes.readUInt32LE(at);
  at += 4;
  let containers: number;
  let runs: Buffer | undefined;
  if ((cookie & 0xffff) === WITH_RUNS) {
    containers = (cookie >>> 16) + 1;
    runs = bytes.subarray(at, at + Math.ceil(containers / 8));
    at += runs.length;
  } else if (cookie === NO_RUNS) {
    containers = bytes.readUInt32LE(at);
    at += 4;
  } else {
    throw corrupt(`a bitmap begins with ${cookie}`);
  }
  const headers = at;
  at += containers * 4;
  if (runs === undefined || containers >= OFFSETS_FROM) at += containers * 4;
  for (let n = 0; n < containers; n++) {
    const key = base + bytes.readUInt16LE(headers + n * 4) * 65_536;
    const cardinality = bytes.readUInt16LE(headers + n * 4 + 2) + 1;
    if (positions.length + cardinality > MOST_POSITIONS) {
      throw new LochError('limit_exceeded', `A file has more than ${MOST_POSITIONS} deleted rows. Compact the table.`);
    }
    if (runs !== undefined && (runs[n >> 3]! & (1 << (n & 7))) !== 0) {
      const count = bytes.readUInt16LE(at);
      at += 2;
      for (let run = 0; run < count; run++) {
        const first = bytes.readUInt16LE(at);
        const more = bytes.readUInt16LE(at + 2);
        for (let value = first; value <= first + more; value++) positions.push(key + value);
        at += 4;
      }
    } else if (cardinality <= MOST_ARRAY) {
      for (let value = 0; value < cardinality; value++) positions.push(key + bytes.readUInt16LE(at + value * 2));
      at += cardinality * 2;
    } else {
      for (let byte = 0; byte < 8_192; byte++) {
        const bits = bytes[at + byte];
        if (bits === undefined) throw corrupt('it is cut off');
        for (let bit = 0; bits >> bit > 0; bit++) if ((bits & (1 << bit)) !== 0) positions.push(key + byte * 8 + bit);
      }
      at += 8_192;
    }
  }
  return at;
}
