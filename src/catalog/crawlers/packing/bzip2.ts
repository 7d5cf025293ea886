/**
 * Unpacks the beginning of bzip2 data, block by block, until `limit` bytes are out or the packed bytes end.
 * **Source**: the bzip2 format: Huffman codes over move-to-front indexes over the Burrows-Wheeler transform.
 */
const BLOCK_MAGIC = 0x314159265359;
const GROUP = 50;

/** The packed bytes end inside a block: what came out before is the sample. */
class CutOff extends Error {}

class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;
  #held = 0;
  #count = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(count: number): number {
    let value = 0;
    for (let left = count; left > 0; ) {
      if (this.#count === 0) {
        if (this.#at >= this.#bytes.length) throw new CutOff('The packed bytes end inside a block.');
        this.#held = this.#bytes[this.#at++]!;
        this.#count = 8;
      }
      const taken = Math.min(left, this.#count);
      this.#count -= taken;
      value = value * 2 ** taken + ((this.#held >> this.#count) & ((1 << taken) - 1));
      left -= taken;
    }
    return value;
  }
}

interface Table {
  readonly limits: Int32Array;
  readonly bases: Int32Array;
  readonly symbols: Uint16Array;
  readonly shortest: number;
  readonly longest: number;
}

function tableOf(lengths: readonly number[]): Table {
  const longest = Math.max(...lengths);
  const shortest = Math.min(...lengths);
  const limits = new Int32Array(22);
  const bases = new Int32Array(22);
  const symbols = new Uint16Array(lengths.length);
  let next = 0;
  for (let length = shortest; length <= longest; length++) {
    lengths.forEach((own, symbol) => {
      if (own === length) symbols[next++] = symbol;
    });
  }
  let code = 0;
  let index = 0;
  for (let length = shortest; length <= longest; length++) {
    const count = lengths.filter((own) => own === length).length;
    bases[length] = index - code;
    limits[length] = code + count - 1;
    code = (code + count) << 1;
    index += count;
  }
  return { limits, bases, symbols, shortest, longest };
}

function symbolOf(bits: Bits, table: Table): number {
  let length = table.shortest;
  let code = bits.read(length);
  while (code > table.limits[length]!) {
    if (++length > table.longest) throw new Error('A code that no table has.');
    code = (code << 1) | bits.read(1);
  }
  return table.symbols[code + table.bases[length]!]!;
}

function symbolsInUse(bits: Bits): number[] {
  const rows = bits.read(16);
  const used: number[] = [];
  for (let row = 0; row < 16; row++) {
    if ((rows & (1 << (15 - row))) === 0) continue;
    const columns = bits.read(16);
    for (let column = 0; column < 16; column++) {
      if ((columns & (1 << (15 - column))) !== 0) used.push(row * 16 + column);
    }
  }
  return used;
}

function codeLengths(bits: Bits, alphabet: number): number[] {
  let length = bits.read(5);
  return Array.from({ length: alphabet }, () => {
    while (bits.read(1) === 1) length += bits.read(1) === 0 ? 1 : -1;
    if (length < 1 || length > 20) throw new Error(`A code of ${length} bits.`);
    return length;
  });
}

/** The bytes of one block after the transform was undone, runs still packed. */
function readBlock(bits: Bits, blockSize: number): Uint8Array {
  bits.read(32); // checksum
  if (bits.read(1) === 1) throw new Error('A randomised block, which no writer has made since 1998.');
  const origin = bits.read(24);
  const used = symbolsInUse(bits);
  const tables = bits.read(3);
  const selectorCount = bits.read(15);
  if (tables < 2 || tables > 6 || selectorCount === 0 || used.length === 0) throw new Error('A block without codes.');
  const recent = Array.from({ length: tables }, (_, i) => i);
  const selectors = new Uint8Array(selectorCount);
  for (let i = 0; i < selectorCount; i++) {
    let position = 0;
    while (bits.read(1) === 1) if (++position >= tables) throw new Error('A selector of no table.');
    const [chosen] = recent.splice(position, 1);
    recent.unshift(chosen!);
    selectors[i] = chosen!;
  }
  const alphabet = used.length + 2;
  const codes = Array.from({ length: tables }, () => tableOf(codeLengths(bits, alphabet)));
  const front = [...used];
  const last = new Uint32Array(blockSize);
  const counts = new Uint32Array(257);
  let size = 0;
  let run = 0;
  let weight = 1;
  const push = (byte: number, times: number) => {
    if (size + times > blockSize) throw new Error('A block longer than the file says.');
    last.fill(byte, size, size + times);
    counts[byte + 1] = counts[byte + 1]! + times;
    size += times;
  };
  for (let read = 0; ; read++) {
    const selector = selectors[Math.floor(read / GROUP)];
    if (selector === undefined) throw new Error('More symbols than selectors.');
    const symbol = symbolOf(bits, codes[selector]!);
    if (symbol <= 1) {
      run += weight * (symbol + 1);
      weight *= 2;
      if (run > blockSize) throw new Error('A run longer than its block.');
      continue;
    }
    if (run > 0) {
      push(front[0]!, run);
      run = 0;
      weight = 1;
    }
    if (symbol === alphabet - 1) break;
    const [byte] = front.splice(symbol - 1, 1);
    front.unshift(byte!);
    push(byte!, 1);
  }
  if (origin >= size) throw new Error('A block whose beginning lies outside.');
  for (let i = 0; i < 256; i++) counts[i + 1] = counts[i + 1]! + counts[i]!;
  for (let i = 0; i < size; i++) {
    const byte = last[i]! & 0xff;
    const place = counts[byte]!;
    counts[byte] = place + 1;
    last[place] = (last[place]! & 0xff) | (i << 8);
  }
  const out = new Uint8Array(size);
  let at = last[origin]! >>> 8;
  for (let i = 0; i < size; i++) {
    out[i] = last[at]! & 0xff;
    at = last[at]! >>> 8;
  }
  return out;
}

/** Undoes the runs: four equal bytes are followed by how many more there are. */
function unrun(block: Uint8Array, limit: number): Uint8Array {
  const out: number[] = [];
  let same = 0;
  for (let i = 0; i < block.length && out.length < limit; i++) {
    const byte = block[i]!;
    if (same === 4) {
      const before = out.at(-1)!;
      for (let n = 0; n < byte; n++) out.push(before);
      same = 0;
      continue;
    }
    same = same > 0 && out.at(-1) === byte ? same + 1 : 1;
    out.push(byte);
  }
  return Uint8Array.from(out.slice(0, limit));
}

/** At most `limit` bytes of the unpacked data. **Errors**: plain `Error` saying what is no bzip2. */
export function unpackBzip2(packed: Uint8Array, limit: number): Buffer {
  const level = packed[3]! - 48;
  if (level < 1 || level > 9) throw new Error('A bzip2 header without a block size.');
  const bits = new Bits(packed.subarray(4));
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    while (total < limit && bits.read(48) === BLOCK_MAGIC) {
      const part = unrun(readBlock(bits, level * 100_000), limit - total);
      parts.push(part);
      total += part.length;
    }
  } catch (error) {
    if (!(error instanceof CutOff)) throw error;
  }
  return Buffer.concat(parts);
}
