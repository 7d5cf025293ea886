/** Half-open ranges of bytes: from `start` up to, and without, `end`. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** A set of bytes as ordered intervals that neither touch nor overlap. */
export class Intervals {
  #list: Interval[] = [];
  /** Bytes in the set. */
  size = 0;

  get list(): readonly Interval[] {
    return this.#list;
  }

  /** Adds an interval. */
  add({ start, end }: Interval): void {
    if (end <= start) return;
    const before: Interval[] = [];
    const after: Interval[] = [];
    let from = start;
    let to = end;
    for (const other of this.#list) {
      if (other.end < from) before.push(other);
      else if (other.start > to) after.push(other);
      else {
        from = Math.min(from, other.start);
        to = Math.max(to, other.end);
      }
    }
    this.#list = [...before, { start: from, end: to }, ...after];
    this.size = this.#list.reduce((sum, interval) => sum + interval.end - interval.start, 0);
  }

  /** What of `wanted` is not in the set, in order; pieces that lie nearer than `gap` are joined over what lies between. */
  missing(wanted: readonly Interval[], gap = 0): Interval[] {
    const pieces = wanted.flatMap((interval) => this.#without(interval)).sort((a, b) => a.start - b.start);
    const joined: Interval[] = [];
    for (const piece of pieces) {
      const last = joined.at(-1);
      if (last !== undefined && piece.start - last.end <= gap) {
        joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, piece.end) };
      } else joined.push(piece);
    }
    return joined;
  }

  #without({ start, end }: Interval): Interval[] {
    const pieces: Interval[] = [];
    let at = start;
    for (const other of this.#list) {
      if (other.end <= at) continue;
      if (other.start >= end) break;
      if (other.start > at) pieces.push({ start: at, end: other.start });
      at = Math.max(at, other.end);
    }
    if (at < end) pieces.push({ start: at, end });
    return pieces;
  }
}
