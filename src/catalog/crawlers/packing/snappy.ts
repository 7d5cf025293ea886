/** Unpacks snappy: raw blocks and the framing format. **Source**: google/snappy, format and framing descriptions. */

/** A raw block; stops at `limit` bytes. **Errors**: plain `Error` saying what is no snappy. */
export function unpackSnappyBlock(packed: Uint8Array, limit: number): Buffer {
  let at = 0;
  while ((packed[at++]! & 0x80) !== 0) if (at > 5) throw new Error('A length that does not end.');
  const out: number[] = [];
  while (at < packed.length && out.length < limit) {
    const tag = packed[at++]!;
    if ((tag & 3) === 0) {
      let length = tag >> 2;
      if (length >= 60) {
        const bytes = length - 59;
        length = 0;
        for (let n = 0; n < bytes; n++) length += packed[at++]! * 256 ** n;
      }
      for (let n = 0; n <= length && at < packed.length; n++) out.push(packed[at++]!);
      continue;
    }
    let length: number;
    let distance: number;
    if ((tag & 3) === 1) {
      length = ((tag >> 2) & 7) + 4;
      distance = ((tag >> 5) << 8) | packed[at++]!;
    } else {
      length = (tag >> 2) + 1;
      distance = packed[at]! | (packed[at + 1]! << 8);
      at += 2;
      if ((tag & 3) === 3) {
        distance += packed[at]! * 65_536 + packed[at + 1]! * 16_777_216;
        at += 2;
      }
    }
    if (distance === 0 || distance > out.length) throw new Error('A copy from before the beginning.');
    for (let n = 0; n < length && out.length < limit; n++) out.push(out[out.length - distance]!);
  }
  return Buffer.from(out.slice(0, limit));
}

/** At most `limit` bytes of framed snappy. **Errors**: plain `Error`. */
export function unpackSnappyFrames(packed: Buffer, limit: number): Buffer {
  const parts: Buffer[] = [];
  let total = 0;
  for (let at = 0; at + 4 <= packed.length && total < limit; ) {
    const kind = packed[at]!;
    const length = packed.readUIntLE(at + 1, 3);
    const body = packed.subarray(at + 8, at + 4 + length);
    at += 4 + length;
    if (kind > 1 && kind < 0x80) throw new Error(`A chunk of the unknown kind ${kind}.`);
    if (kind > 1) continue; // the stream's name, padding
    if (at > packed.length) break; // cut off
    const part = kind === 0 ? unpackSnappyBlock(body, limit - total) : body.subarray(0, limit - total);
    parts.push(part);
    total += part.length;
  }
  return Buffer.concat(parts);
}
