import { tables32 } from './crc-tables.ts';

/** The reflected Castagnoli polynomial. **Source**: RFC 3720 section 12.1. */
export const CRC32C_POLYNOMIAL = 0x82f63b78;

let tables: Int32Array | undefined;

/** Continues a CRC-32C with `bytes`; begin with 0. **Cost**: about 700 MiB/s. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  tables ??= tables32(CRC32C_POLYNOMIAL);
  const t = tables;
  let crc = ~before;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    const low = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      t[1792 + (low & 0xff)]! ^
      t[1536 + ((low >>> 8) & 0xff)]! ^
      t[1280 + ((low >>> 16) & 0xff)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + bytes[i + 4]!]! ^
      t[512 + bytes[i + 5]!]! ^
      t[256 + bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
