/**
 * Whether a history of one register could have happened one operation after the other.
 *
 * An operation takes effect at one moment between its begin and its end. One without an answer did so or not: its end is when
 * whoever carries it out was known to be dead. **Source**: Wing and Gong, "Testing and Verifying Concurrent Objects"
 * (1993), with the states already tried remembered, as Lowe (2017) does.
 */

/** One operation on a register whose states are texts. **Units**: moments of one clock. */
export interface Operation {
  /** For people. */
  readonly what: string;
  readonly begin: number;
  readonly end: number;
  /** Whether it got no answer: it may never have happened. */
  readonly lost?: boolean;
  /** Whether it never changes the state: then it may as well take effect as soon as its answer is right. */
  readonly reads?: boolean;
  /** The state after it, or undefined when its answer could not be had in this state. */
  readonly apply: (state: string) => string | undefined;
}

const MAX_STEPS = 2_000_000;

/**
 * An order of the operations that explains every answer, or undefined when there is none. **Errors**: a `RangeError` when
 * it was not found out in two million steps.
 */
export function linearization(history: readonly Operation[], initial: string): readonly Operation[] | undefined {
  return new Search(history).run(initial);
}

class Search {
  /** With an answer, by their begin. */
  readonly #known: readonly Operation[];
  readonly #lost: readonly Operation[];
  readonly #done: boolean[];
  readonly #used: boolean[];
  readonly #tried = new Set<string>();
  readonly #order: Operation[] = [];
  #steps = 0;

  constructor(history: readonly Operation[]) {
    const sorted = [...history].sort((a, b) => a.begin - b.begin);
    this.#known = sorted.filter(({ lost }) => lost !== true);
    this.#lost = sorted.filter(({ lost }) => lost === true);
    this.#done = this.#known.map(() => false);
    this.#used = this.#lost.map(() => false);
  }

  run(initial: string): readonly Operation[] | undefined {
    return this.#search(initial, 0, 0) ? this.#order : undefined;
  }

  /** All known operations before `from` are done; the latest of those that are done began at `latest`. */
  #search(state: string, from: number, latest: number): boolean {
    if (++this.#steps > MAX_STEPS) throw new RangeError(`no answer after ${MAX_STEPS} steps`);
    const reads: number[] = [];
    for (let more = true; more; ) {
      const open = this.#open(from);
      const right = open.filter((i) => this.#isFree(i, state, latest));
      for (const i of right) this.#take(i);
      reads.push(...right);
      more = right.length > 0;
    }
    const begins = reads.map((i) => this.#known[i]!.begin);
    const found = this.#branch(state, from, Math.max(latest, ...begins));
    if (!found) for (const i of reads.reverse()) this.#giveBack(i);
    return found;
  }

  #branch(state: string, from: number, latest: number): boolean {
    let first = from;
    while (this.#done[first] === true) first++;
    if (first === this.#known.length) return true;
    const over = this.#lost.map(({ end }, i) => this.#used[i]! || end < latest);
    const key = `${first} ${maskOf(this.#done, first)} ${maskOf(over, 0)} ${state}`;
    if (this.#tried.has(key)) return false;
    this.#tried.add(key);
    for (const i of this.#open(first)) {
      const next = this.#known[i]!.apply(state);
      if (next === undefined) continue;
      this.#take(i);
      if (this.#search(next, first, Math.max(latest, this.#known[i]!.begin))) return true;
      this.#giveBack(i);
    }
    const soonest = Math.min(...this.#open(first).map((i) => this.#known[i]!.end));
    for (const [i, operation] of this.#lost.entries()) {
      if (over[i] || operation.begin > soonest) continue;
      const next = operation.apply(state);
      if (next === undefined || next === state) continue;
      this.#used[i] = true;
      this.#order.push(operation);
      if (this.#search(next, first, Math.max(latest, operation.begin))) return true;
      this.#order.pop();
      this.#used[i] = false;
    }
    return false;
  }

  /**
   * Whether a read may take effect here whatever comes after it: its answer is right, and it began before the end of
   * every lost operation that could still happen. One that began after such an end would come after that operation, which
   * another one at the same time may have seen.
   */
  #isFree(i: number, state: string, latest: number): boolean {
    const { reads, begin, apply } = this.#known[i]!;
    if (reads !== true || apply(state) === undefined) return false;
    return this.#lost.every(({ end }, at) => this.#used[at]! || end < latest || end >= begin);
  }

  /** Known operations that may be next: nothing that is left ended before they began. */
  #open(from: number): number[] {
    const open: number[] = [];
    let soonest = Number.POSITIVE_INFINITY;
    for (let i = from; i < this.#known.length && this.#known[i]!.begin <= soonest; i++) {
      if (this.#done[i]) continue;
      open.push(i);
      soonest = Math.min(soonest, this.#known[i]!.end);
    }
    return open
      .filter((i) => this.#known[i]!.begin <= soonest)
      .sort((a, b) => this.#known[a]!.end - this.#known[b]!.end);
  }

  #take(i: number): void {
    this.#done[i] = true;
    this.#order.push(this.#known[i]!);
  }

  #giveBack(i: number): void {
    this.#done[i] = false;
    this.#order.pop();
  }
}

function maskOf(flags: readonly boolean[], from: number): string {
  let last = flags.length;
  while (last > from && !flags[last - 1]) last--;
  let mask = '';
  for (let i = from; i < last; i++) mask += flags[i] ? '1' : '0';
  return mask;
}
