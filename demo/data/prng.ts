/**
 * A small seeded generator of random numbers (splitmix32) that can be put at any row, so that a row is a pure function
 * of (seed, stream, index) and a duplicate can be made again without keeping its original.
 */
const GOLDEN = 0x9e3779b9;

function mix(value: number): number {
  let z = value | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

/** A 32-bit hash of a text, to turn names of streams into seeds. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** Random draws of one stream. `at(index)` puts it at a row; the draws after it depend on nothing else. */
export class RowRandom {
  readonly #seed: number;
  #state = 0;

  constructor(seed: string, stream: string) {
    this.#seed = hashText(`${seed}/${stream}`);
  }

  at(index: number): this {
    this.#state = mix(this.#seed ^ mix(index + 1));
    return this;
  }

  /** An integer in [0, 2^32). */
  next(): number {
    this.#state = (this.#state + GOLDEN) | 0;
    return mix(this.#state);
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.next() / 0x1_0000_0000;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.fraction() < p;
  }

  /** `count` decimal digits. */
  digits(count: number): string {
    let text = '';
    for (let left = count; left > 0; left -= 9) {
      const width = Math.min(left, 9);
      text += String(this.below(10 ** width)).padStart(width, '0');
    }
    return text;
  }
}
