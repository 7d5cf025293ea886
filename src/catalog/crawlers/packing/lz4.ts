/** Unpacks LZ4. **Source**: LZ4 frame and block format descriptions. */

/** One block; stops at `limit` bytes or where the packed bytes end. `history` holds what came before it. */
function unpackBlock(packed: Uint8Array, out: number[], limit: number): void {
  let at = 0;
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    if (nibble === 15) {
      let more: number;
      do {
        more = packed[at++] ?? 0;
        length += more;
      } while (more === 255);
    }
    return length;
  };
  while (at < packed.length && out.length < limit) {
    const token = packed[at++]!;
    const literals = lengthFrom(token >> 4);
    for (let n = 0; n < literals && at < packed.length; n++) out.push(packed[at++]!);
    if (at + 2 > packed.length) return;
    const distance = packed[at]! | (packed[at + 1]! << 8);
    at += 2;
    if (distance === 0 || distance > out.length) throw new Error('A copy from before the beginning.');
    const length = lengthFrom(token & 15) + 4;
    for (let n = 0; n < length && out.length < limit; n++) out.push(out[out.length - distance]!);
  }
}

/** A block without a frame, as ORC packs its parts. **Errors**: plain `Error`. */
export function unpackLz4Block(packed: Uint8Array, limit: number): Buffer {
  const out: number[] = [];
  unpackBlock(packed, out, limit);
  return Buffer.from(out);
}

/** At most `limit` bytes of the first frame. **Errors**: plain `Error` saying what is no LZ4. */
export function unpackLz4Frame(packed: Buffer, limit: number): Buffer {
  const flags = packed[4]!;
  if (flags >> 6 !== 1) throw new Error(`LZ4 frame version ${flags >> 6}.`);
  let at = 6 + ((flags & 8) === 0 ? 0 : 8) + ((flags & 1) === 0 ? 0 : 4) + 1;
  const blockChecksum = (flags & 16) !== 0;
  const out: number[] = [];
  while (at + 4 <= packed.length && out.length < limit) {
    const size = packed.readUInt32LE(at);
    at += 4;
    if (size === 0) break;
    const length = size & 0x7fffffff;
    const block = packed.subarray(at, at + length);
    if (size >>> 31 === 1) for (const byte of block.subarray(0, limit - out.length)) out.push(byte);
    else unpackBlock(block, out, limit);
    at += length + (blockChecksum ? 4 : 0);
  }
  return Buffer.from(out);
}
