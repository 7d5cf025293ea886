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

/** The same for a CRC of 64 bits, as halves: BigInt arithmetic would be a hundred times slower. */
export function tables64(polynomial: bigint): { readonly low: Int32Array; readonly high: Int32Array } {
  const low = new Int32Array(8 * 256);
  const high = new Int32Array(8 * 256);
  const set = (i: number, crc: bigint) => {
    low[i] = Number(BigInt.asIntN(32, crc));
    high[i] = Number(BigInt.asIntN(32, crc >> 32n));
  };
  const at = (i: number) => (BigInt.asUintN(32, BigInt(high[i]!)) << 32n) | BigInt.asUintN(32, BigInt(low[i]!));
  for (let n = 0; n < 256; n++) {
    let crc = BigInt(n);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
    set(n, crc);
  }
  for (let i = 256; i < low.length; i++) {
    const before = at(i - 256);
    set(i, (before >> 8n) ^ at(Number(before & 0xffn)));
  }
  return { low, high };
}
