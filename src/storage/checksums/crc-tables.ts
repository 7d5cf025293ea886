/**
 * Tables of reflected CRCs for slicing by eight: table `k` advances a byte through `k` further zero bytes.
 * **Source**: Kounavis and Berry, "A Systematic Approach to Building High Performance Software-based CRC Generators".
 */

/** Eight tables of 256 entries, one after the other, for a CRC of 32 bits. */
export function tables32(polynomial: number): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[n] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}

/** The same for a CRC of 64 bits, as many tables as bytes are taken at a time. */
export function tables64(polynomial: bigint, count: number): BigUint64Array {
  const tables = new BigUint64Array(count * 256);
  for (let n = 0; n < 256; n++) {
    let crc = BigInt(n);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
    tables[n] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = (before >> 8n) ^ tables[Number(before & 0xffn)]!;
  }
  return tables;
}
